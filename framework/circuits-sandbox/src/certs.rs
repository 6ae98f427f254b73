//! Certificates made at start: a CA of the sandbox's own and one server certificate for both listeners.
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::error::{Kind, Result};

/// Which server certificate the sandbox presents, so that a client's refusals can be tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerCertificate {
    /// Valid for `localhost`, `127.0.0.1` and `::1` (the default).
    #[default]
    Valid,
    /// Valid, but for another host name.
    WrongHost,
    /// For the right names, but expired in 2021.
    Expired,
}

/// The CA as PEM and the acceptor that presents the server certificate.
pub(crate) struct Tls {
    pub(crate) ca_pem: String,
    pub(crate) acceptor: tokio_native_tls::TlsAcceptor,
}

impl Tls {
    pub(crate) fn generate(kind: ServerCertificate) -> Result<Self> {
        let (ca_pem, chain, key) = issue(kind).map_err(|error| Kind::Certificate(error.to_string()))?;
        let acceptor = native_tls::Identity::from_pkcs8(chain.as_bytes(), key.as_bytes())
            .and_then(|identity| {
                native_tls::TlsAcceptor::builder(identity)
                    .min_protocol_version(Some(native_tls::Protocol::Tlsv12))
                    .build()
            })
            .map_err(|error| Kind::Certificate(error.to_string()))?;
        Ok(Self { ca_pem, acceptor: acceptor.into() })
    }
}

fn issue(kind: ServerCertificate) -> std::result::Result<(String, String, String), rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // The name is different at each start, so that two sandboxes in one trust store are not confused.
    ca.distinguished_name.push(DnType::CommonName, format!("circuits sandbox CA {:08x}", fastrand::u32(..)));
    let ca_key = KeyPair::generate()?;
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);

    let names = match kind {
        ServerCertificate::WrongHost => vec!["elsewhere.invalid".to_owned()],
        _ => ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
    };
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "circuits sandbox");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    if kind == ServerCertificate::Expired {
        server.not_before = rcgen::date_time_ymd(2020, 1, 1);
        server.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?;
    Ok((ca_certificate.pem(), certificate.pem(), key.serialize_pem()))
}
