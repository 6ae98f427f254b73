//! The listener's side of TLS: it shows our certificate and, if authorities are given, asks clients for theirs.

use openssl::nid::Nid;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509Ref, X509VerifyResult};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_openssl::SslStream;

use crate::{Authorities, Identity};

/// Shakes hands with clients, with TLS 1.2 or newer. Cheap to clone.
#[derive(Clone)]
pub struct Acceptor(SslAcceptor);

impl Acceptor {
    /// One that shows this certificate. With authorities it also asks for a client certificate: one that they did not issue,
    /// or that is not valid now, ends the handshake; a client may do without.
    ///
    /// # Errors
    /// OpenSSL refuses the certificate, usually because its key is too weak; the text says so.
    pub fn new(identity: &Identity, clients: Option<&Authorities>) -> Result<Self, String> {
        build(identity, clients).map(Self).map_err(|error| error.to_string())
    }

    /// Shakes hands. Besides the stream it returns the common names in the client's certificate, of which there should be one;
    /// `None` if the client showed no certificate.
    ///
    /// # Errors
    /// The handshake failed; the text says why.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Result<(impl AsyncRead + AsyncWrite + Unpin + use<S>, Option<Vec<String>>), String> {
        let ssl = Ssl::new(self.0.context()).map_err(|error| error.to_string())?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| error.to_string())?;
        if let Err(error) = std::pin::Pin::new(&mut stream).accept().await {
            return Err(match stream.ssl().verify_result() {
                X509VerifyResult::OK => error.to_string(),
                refused => format!("the client's certificate is refused: {}", refused.error_string()),
            });
        }
        let client = stream.ssl().peer_certificate().map(|certificate| common_names(&certificate));
        Ok((stream, client))
    }
}

fn build(
    identity: &Identity,
    clients: Option<&Authorities>,
) -> Result<SslAcceptor, openssl::error::ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    // A session that is taken up again would keep a client certificate that has expired or lost its authority since.
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_num_tickets(0)?;
    let mut chain = X509::stack_from_pem(identity.chain())?.into_iter();
    if let Some(own) = chain.next() {
        builder.set_certificate(&own)?;
    }
    for issuer in chain {
        builder.add_extra_chain_cert(issuer)?;
    }
    let key = openssl::pkey::PKey::private_key_from_pem(identity.key())?;
    builder.set_private_key(&key)?;
    if let Some(clients) = clients {
        let (mut trusted, mut names) = (X509StoreBuilder::new()?, Stack::new()?);
        // An authority counts although another one issued it: whoever names it means it and not the other one.
        trusted.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        for authority in clients.certificates() {
            names.push(authority.subject_name().to_owned()?)?;
            trusted.add_cert(authority.clone())?;
        }
        builder.set_verify_cert_store(trusted.build())?;
        // Clients with several certificates choose by these names.
        builder.set_client_ca_list(names);
        builder.set_verify(SslVerifyMode::PEER);
    }
    Ok(builder.build())
}

fn common_names(certificate: &X509Ref) -> Vec<String> {
    let names = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
    names.map(|name| name.data().to_string().unwrap_or_default()).collect()
}
