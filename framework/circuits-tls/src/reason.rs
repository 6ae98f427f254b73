//! Why a handshake failed, read from the words of OpenSSL.

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The certificate names other hosts.
    WrongName,
    Expired,
    NotYetValid,
    /// A key or a signature is weaker than this machine's policy allows.
    Weak,
    Revoked,
    /// The certificate is not made for servers, or its issuer not for issuing.
    Purpose,
    /// The certificate signed itself, and nothing here vouches for it.
    SelfSigned,
    /// The certificate of its issuer is not at hand.
    IssuerMissing,
    /// Something else is wrong with the certificate.
    Certificate,
    /// The other side does not accept our certificate, or wants one and got none.
    Ours(Ours),
    /// What answers does not speak TLS.
    NotTls,
    /// The other side speaks no version that we speak.
    Version,
    /// No cipher in common; older servers also say so when they want a client certificate.
    Agreement,
    /// The other side does not know the host name that we asked for.
    UnknownHost,
}

/// What the other side says about our certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ours {
    Required,
    Expired,
    UnknownIssuer,
    Refused,
}

impl Reason {
    /// `None` for a connection that merely broke, and for anything that is not about TLS.
    pub(crate) fn of(cause: &str) -> Option<Self> {
        let text = cause.to_ascii_lowercase();
        let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
        // An alert is what the other side says.
        if any(&["alert"]) {
            let ours = [
                (&["certificate required"][..], Ours::Required),
                (&["certificate expired"], Ours::Expired),
                (&["unknown ca"], Ours::UnknownIssuer),
                (&["certificate", "access denied"], Ours::Refused),
            ];
            if let Some((_, ours)) = ours.into_iter().find(|(words, _)| any(words)) {
                return Some(Self::Ours(ours));
            }
        }
        let table: [(&[&str], Self); 13] = [
            (&["hostname mismatch", "ip address mismatch"], Self::WrongName),
            (&["has expired"], Self::Expired),
            (&["not yet valid"], Self::NotYetValid),
            (&["too weak", "key too small", "dh key too"], Self::Weak),
            (&["revoked"], Self::Revoked),
            (&["purpose", "invalid ca certificate", "usage does not include", "path length"], Self::Purpose),
            (&["self-signed", "self signed"], Self::SelfSigned),
            (&["issuer certificate", "unable to verify the first certificate"], Self::IssuerMissing),
            (&["certificate"], Self::Certificate),
            (
                &[
                    "wrong version number",
                    "unknown protocol",
                    "http request",
                    "packet length too long",
                    "record layer",
                ],
                Self::NotTls,
            ),
            (&["unsupported protocol", "protocol version", "no protocols available"], Self::Version),
            (&["handshake failure", "no shared cipher", "no ciphers"], Self::Agreement),
            (&["unrecognized name"], Self::UnknownHost),
        ];
        table.into_iter().find(|(words, _)| any(words)).map(|(_, reason)| reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_openssl_are_understood() {
        let verify = |why: &str| {
            format!(
                "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:../ssl/statem/statem_clnt.c:1889: ({why})"
            )
        };
        let alert = |why: &str, number: u32| {
            format!(
                "error:0A000000:SSL routines:ssl3_read_bytes:{why}:../ssl/record/rec_layer_s3.c:1590:SSL alert number {number}"
            )
        };
        let table = [
            (verify("hostname mismatch"), Some(Reason::WrongName)),
            (verify("IP address mismatch"), Some(Reason::WrongName)),
            (verify("certificate has expired"), Some(Reason::Expired)),
            (verify("certificate is not yet valid"), Some(Reason::NotYetValid)),
            (verify("EE certificate key too weak"), Some(Reason::Weak)),
            (verify("CA signature digest algorithm too weak"), Some(Reason::Weak)),
            ("error:0A00018A:SSL routines:tls_process_ske_dhe:dh key too small".into(), Some(Reason::Weak)),
            (verify("certificate revoked"), Some(Reason::Revoked)),
            (verify("unsuitable certificate purpose"), Some(Reason::Purpose)),
            (verify("invalid CA certificate"), Some(Reason::Purpose)),
            (verify("self-signed certificate"), Some(Reason::SelfSigned)),
            (verify("self signed certificate in certificate chain"), Some(Reason::SelfSigned)),
            (verify("unable to get local issuer certificate"), Some(Reason::IssuerMissing)),
            (verify("unable to verify the first certificate"), Some(Reason::IssuerMissing)),
            (verify("certificate signature failure"), Some(Reason::Certificate)),
            (alert("tlsv13 alert certificate required", 116), Some(Reason::Ours(Ours::Required))),
            (alert("sslv3 alert certificate expired", 45), Some(Reason::Ours(Ours::Expired))),
            (alert("tlsv1 alert unknown ca", 48), Some(Reason::Ours(Ours::UnknownIssuer))),
            (alert("sslv3 alert bad certificate", 42), Some(Reason::Ours(Ours::Refused))),
            (alert("tlsv1 alert access denied", 49), Some(Reason::Ours(Ours::Refused))),
            (alert("sslv3 alert handshake failure", 40), Some(Reason::Agreement)),
            (alert("tlsv1 alert protocol version", 70), Some(Reason::Version)),
            (alert("tlsv1 unrecognized name", 112), Some(Reason::UnknownHost)),
            ("error:0A00010B:SSL routines:ssl3_get_record:wrong version number".into(), Some(Reason::NotTls)),
            (
                "error:0A000102:SSL routines:ssl_choose_client_version:unsupported protocol".into(),
                Some(Reason::Version),
            ),
            ("unexpected EOF".into(), None),
            ("Connection reset by peer (os error 104)".into(), None),
        ];
        for (cause, expected) in table {
            assert_eq!(Reason::of(&cause), expected, "{cause}");
        }
    }
}
