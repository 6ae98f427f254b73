//! Whom to trust: the certificates in a file or in a directory.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::nid::Nid;
use openssl::x509::{X509, X509NameRef, X509Ref, X509VerifyResult};

use crate::{FileError, pem, trusted};

const FILE: &str = "certificate file";

/// Certificates to trust. A file may be DER, or PEM with several certificates and text between them, including the form that
/// `openssl x509 -trustout` writes; a directory must hold files named by hash, as `openssl rehash` makes them.
pub struct Authorities {
    path: PathBuf,
    certificates: Vec<X509>,
}

impl Authorities {
    /// Reads a file or a directory.
    ///
    /// # Errors
    /// It cannot be read, it holds no certificate, or it holds one that is damaged or may not vouch for servers.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let unreadable = |error| FileError::unreadable(FILE, path, error);
        let mut certificates = Vec::new();
        if path.is_dir() {
            let mut files = Vec::new();
            for entry in std::fs::read_dir(path).map_err(unreadable)? {
                let file = entry.map_err(unreadable)?.path();
                if file.file_name().is_some_and(|name| is_hashed(&name.to_string_lossy())) {
                    files.push(file);
                }
            }
            files.sort();
            for file in &files {
                let bytes = std::fs::read(file).map_err(|error| FileError::unreadable(FILE, file, error))?;
                certificates.append(&mut parse(file, &bytes)?);
            }
            if certificates.is_empty() {
                return Err(FileError::new(
                    format!(
                        "the directory {} holds no certificate that is named by its hash",
                        path.display()
                    ),
                    format!("run `openssl rehash {}`, or name a single file", path.display()),
                ));
            }
        } else {
            certificates = parse(path, &std::fs::read(path).map_err(unreadable)?)?;
        }
        Ok(Self { path: path.to_owned(), certificates })
    }

    /// Like [`read`](Self::read), without holding up other tasks.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn load(path: &Path) -> Result<Self, FileError> {
        crate::file_error::apart(FILE, path, Self::read).await
    }

    pub(crate) fn certificates(&self) -> &[X509] {
        &self.certificates
    }

    /// Each certificate in DER.
    pub fn der(&self) -> impl Iterator<Item = Vec<u8>> {
        self.certificates.iter().filter_map(|certificate| certificate.to_der().ok())
    }

    /// The file or directory that they come from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Subject and issuer of the certificate whose issuer is missing: it cannot be trusted until the issuer's certificate is
    /// there too.
    pub(crate) fn gap(&self) -> Option<(String, String)> {
        let issued = |by: &X509Ref, it: &X509Ref| by.issued(it) == X509VerifyResult::OK;
        let certificates = || self.certificates.iter();
        if certificates().any(|one| issued(one, one)) {
            return None;
        }
        let top = certificates().find(|one| !certificates().any(|other| issued(other, one)))?;
        Some((name(top.subject_name()), name(top.issuer_name())))
    }

    /// The subject of the first certificate that has expired.
    pub(crate) fn expired(&self) -> Option<String> {
        let now = Asn1Time::days_from_now(0).ok()?;
        let expired = |one: &&X509| one.not_after().compare(&now).is_ok_and(|order| order == Ordering::Less);
        self.certificates.iter().find(expired).map(|one| name(one.subject_name()))
    }

    /// The subjects, as many as a line has room for.
    pub(crate) fn names(&self) -> String {
        let mut names: Vec<_> =
            self.certificates.iter().take(3).map(|one| format!("'{}'", name(one.subject_name()))).collect();
        if self.certificates.len() > names.len() {
            names.push(format!("{} more", self.certificates.len() - names.len()));
        }
        names.join(", ")
    }
}

/// `5ed36f99.0`, as `openssl rehash` names links.
fn is_hashed(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// The certificates in `bytes`, at least one.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<X509>, FileError> {
    let blocks = pem::blocks(bytes);
    let found: Vec<_> = blocks.iter().filter(|block| block.is_certificate()).collect();
    if found.is_empty() {
        // Not PEM; DER has nothing around it.
        let der = trusted::split(bytes).filter(|(_, rest)| rest.is_empty());
        return match der.and_then(|(der, _)| X509::from_der(der).ok()) {
            Some(certificate) => Ok(vec![certificate]),
            None => Err(FileError::new(
                format!("the {FILE} {} holds no certificate{}", path.display(), instead(&blocks, bytes)),
                "it must be PEM (blocks that begin with -----BEGIN CERTIFICATE-----) or one certificate in DER",
            )),
        };
    }
    let damaged = |number: usize| {
        FileError::new(
            format!("certificate {number} in the {FILE} {} is damaged", path.display()),
            "save it again, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
        )
    };
    let mut certificates = Vec::new();
    for (number, block) in (1..).zip(found) {
        let bytes = block.decode().ok_or_else(|| damaged(number))?;
        let (der, appendix) = trusted::split(&bytes).ok_or_else(|| damaged(number))?;
        let certificate = X509::from_der(der).map_err(|_| damaged(number))?;
        if block.label == "TRUSTED CERTIFICATE" && !trusted::vouches_for_servers(appendix) {
            return Err(FileError::new(
                format!(
                    "certificate {number} in the {FILE} {} ('{}') is marked as not to be trusted for servers",
                    path.display(),
                    name(certificate.subject_name())
                ),
                "save it without the mark: openssl x509 -in <file> -clrtrust -clrreject",
            ));
        }
        certificates.push(certificate);
    }
    Ok(certificates)
}

/// What a file without a certificate holds in its place.
fn instead(blocks: &[pem::Block], bytes: &[u8]) -> String {
    match blocks.first() {
        _ if bytes.iter().all(u8::is_ascii_whitespace) => ": it is empty".to_owned(),
        Some(block) => format!(", only a block named {}", block.label),
        None => String::new(),
    }
}

/// A name as people use it: the common name, or else the unit or the organisation.
pub(crate) fn name(name: &X509NameRef) -> String {
    let text = |nid| {
        name.entries_by_nid(nid).last().and_then(|entry| Some(entry.data().to_string().ok()?.to_string()))
    };
    text(Nid::COMMONNAME)
        .or_else(|| text(Nid::ORGANIZATIONALUNITNAME))
        .or_else(|| text(Nid::ORGANIZATIONNAME))
        .unwrap_or_default()
}
