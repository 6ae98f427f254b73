//! Certificates for one test: an authority, a server certificate it signed, and ones that must be refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// Password of the PKCS#12 key stores, for brokers that read only those.
pub const STORE_PASSWORD: &str = "changeit";

/// The flaw of a server certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// None: `localhost` and 127.0.0.1, valid now.
    None,
    /// Issued to another host.
    WrongHost,
    /// No longer valid.
    Expired,
}

/// A certificate authority with its file.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: PathBuf,
    /// The authority's certificate, PEM.
    pub file: PathBuf,
}

/// A certificate and its key, PEM files.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub cert: PathBuf,
    /// Its PKCS#8 key.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority of this name, with its file in `directory`.
    pub fn new(directory: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let file = directory.join(format!("{name}.pem"));
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), directory: directory.to_owned(), file }
    }

    /// A client certificate for this account name, signed by this authority.
    pub fn client(&self, name: &str) -> Certificate {
        self.client_named(&[name])
    }

    /// The same with these common names; that of the account may be missing, or not be the only one.
    pub fn client_named(&self, names: &[&str]) -> Certificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        if let Some(second) = names.get(1) {
            // The same attribute, which rcgen would take only once.
            params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), *second);
        }
        let kind = if names.is_empty() { DnType::OrganizationName } else { DnType::CommonName };
        params.distinguished_name.push(kind, names.first().copied().unwrap_or("nobody"));
        self.sign(params, &format!("client-{}", names.join("-").replace('\0', "0")))
    }

    /// A client certificate for this account name that is no longer valid.
    pub fn expired_client(&self, name: &str) -> Certificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        expire(&mut params);
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(params, &format!("expired-{name}"))
    }

    /// A server certificate signed by this authority.
    pub fn server(&self, flaw: Flaw) -> Certificate {
        let names = match flaw {
            Flaw::WrongHost => vec!["elsewhere.example.com".to_owned()],
            _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        };
        let mut params = CertificateParams::new(names.clone()).unwrap();
        if flaw == Flaw::Expired {
            expire(&mut params);
        }
        params.distinguished_name.push(DnType::CommonName, names[0].as_str());
        self.sign(params, &format!("server-{flaw:?}"))
    }

    fn sign(&self, params: CertificateParams, file: &str) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |kind: &str| self.directory.join(format!("{file}-{kind}.pem"));
        let files = Certificate { cert: path("cert"), key: path("key") };
        std::fs::write(&files.cert, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }
}

fn expire(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
}

impl Certificate {
    /// The same as a PKCS#12 key store, for the Java of ActiveMQ.
    ///
    /// # Panics
    /// Without the `openssl` command.
    pub fn key_store(&self) -> PathBuf {
        let store = self.cert.with_extension("p12");
        let output = Command::new("openssl")
            .args(["pkcs12", "-export", "-name", "server", "-passout"])
            .arg(format!("pass:{STORE_PASSWORD}"))
            .arg("-in")
            .arg(&self.cert)
            .arg("-inkey")
            .arg(&self.key)
            .arg("-out")
            .arg(&store)
            .output()
            .expect("the openssl command (Debian package openssl)");
        assert!(output.status.success(), "openssl pkcs12: {}", String::from_utf8_lossy(&output.stderr));
        store
    }
}
