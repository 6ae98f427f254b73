//! Who we are: a client certificate with its chain, and the key to it.

use std::path::Path;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::authorities::{name, parse};
use crate::{FileError, pem};

const KEY: &str = "client key";

/// A client certificate and its key. Both may stand in one file. The key may be PKCS#8 (`PRIVATE KEY`), PKCS#1
/// (`RSA PRIVATE KEY`) or SEC1 (`EC PRIVATE KEY`), without a password.
pub struct Identity {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Identity {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// A file cannot be read or used, or the key does not belong to any certificate in the file.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, FileError> {
        let bytes =
            |what, path| std::fs::read(path).map_err(|error| FileError::unreadable(what, path, error));
        let mut chain = parse(cert, &bytes("client certificate", cert)?)?;
        let secret = private_key(key, &bytes(KEY, key)?)?;
        let fits = |one: &X509| one.public_key().is_ok_and(|public| public.public_eq(&secret));
        let Some(own) = chain.iter().position(fits) else {
            return Err(FileError::new(
                format!(
                    "the client key {} does not belong to the client certificate {} ('{}')",
                    key.display(),
                    cert.display(),
                    chain.first().map(|one| name(one.subject_name())).unwrap_or_default()
                ),
                "name the key with which this certificate was requested",
            ));
        };
        // Our own certificate comes first, whatever the order in the file.
        let own = chain.remove(own);
        let encoded = |error| broken(key, error);
        let mut pem = own.to_pem().map_err(encoded)?;
        for issuer in &chain {
            pem.append(&mut issuer.to_pem().map_err(encoded)?);
        }
        Ok(Self { chain: pem, key: secret.private_key_to_pem_pkcs8().map_err(encoded)? })
    }

    /// Like [`read`](Self::read), without holding up other tasks.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn load(cert: &Path, key: &Path) -> Result<Self, FileError> {
        let secret = key.to_owned();
        crate::file_error::apart("client certificate", cert, move |cert| Self::read(cert, &secret)).await
    }

    /// The certificate and those that issued it, in PEM.
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }

    /// The key in PKCS#8 PEM.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

fn private_key(path: &Path, bytes: &[u8]) -> Result<PKey<Private>, FileError> {
    let blocks = pem::blocks(bytes);
    let shown = path.display();
    let Some(block) = blocks.iter().find(|block| block.is_private_key()) else {
        // Not PEM; it may be DER.
        return PKey::private_key_from_der(bytes).ok().filter(|_| blocks.is_empty()).ok_or_else(|| {
            FileError::new(
                format!("the {KEY} {shown} holds no private key"),
                "it must be PEM: a block that begins with -----BEGIN PRIVATE KEY-----",
            )
        });
    };
    if block.encrypted {
        return Err(FileError::new(
            format!("the {KEY} {shown} is encrypted, and there is nobody to ask for its password"),
            format!("decrypt it: openssl pkey -in {shown} -out key.pem"),
        ));
    }
    if block.label == "OPENSSH PRIVATE KEY" {
        return Err(FileError::new(
            format!("the {KEY} {shown} is a key for SSH"),
            format!("convert a copy of it: ssh-keygen -p -N '' -m PEM -f {shown}"),
        ));
    }
    let read = block.decode().and_then(|der| PKey::private_key_from_der(&der).ok());
    read.ok_or_else(|| {
        FileError::new(format!("the {KEY} {shown} is damaged"), "save it again, with its BEGIN and END lines")
    })
}

fn broken(path: &Path, error: openssl::error::ErrorStack) -> FileError {
    FileError::new(
        format!("the {KEY} {} cannot be converted: {error}", path.display()),
        "make it anew with `openssl genpkey`",
    )
}
