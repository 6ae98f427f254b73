//! Certificate files as people have them: every form is read, and the error for an unusable file names it and the cure.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;
use std::process::Command;

use circuits_tls::{Authorities, FileError, Identity, Peer, Refusal};

/// A folder with a root, an issuing authority and a server's certificate, made by the `openssl` command.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n");
        folder.write("leaf.ext", "subjectAltName=DNS:localhost\n");
        folder.openssl("ecparam -name prime256v1 -genkey -out root.key");
        folder.openssl("req -x509 -new -key root.key -subj /CN=Test-Root -days 30 -out root.pem");
        folder.issue("issuing", "root", "Test-Issuing", "ca.ext");
        folder.issue("leaf", "issuing", "localhost", "leaf.ext");
        folder
    }

    fn issue(&self, name: &str, by: &str, subject: &str, extensions: &str) {
        self.openssl(&format!("ecparam -name prime256v1 -genkey -out {name}.key"));
        self.openssl(&format!("req -new -key {name}.key -subj /CN={subject} -out {name}.csr"));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -CAcreateserial -days 20 -extfile {extensions} -out {name}.pem"
        ));
    }

    fn openssl(&self, arguments: &str) {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn refused(&self, name: &str) -> FileError {
        Authorities::read(&self.path(name)).err().unwrap()
    }
}

#[test]
fn authorities_are_read_in_every_form() {
    let folder = Folder::new();
    let (root, issuing) = (folder.text("root.pem"), folder.text("issuing.pem"));
    let both = format!("\u{feff}depth=1 CN = Test-Root\n{issuing}\n---\nServer certificate\n{root}tail");
    folder.write("both.pem", &both);
    folder.write("crlf.pem", both.replace('\n', "\r\n"));
    folder.write("indented.pem", root.lines().map(|line| format!("    {line}  \n")).collect::<String>());
    folder.write("old.pem", root.replace("CERTIFICATE", "X509 CERTIFICATE"));
    folder.openssl("x509 -in root.pem -outform DER -out root.der");
    folder.openssl("x509 -in root.pem -addtrust serverAuth -trustout -out trusted.pem");
    folder.openssl("x509 -in root.pem -text -out described.pem");
    std::fs::create_dir(folder.path("hashed")).unwrap();
    folder.write("hashed/readme.txt", "not a certificate");
    folder.write("hashed/root.pem", &root);
    folder.openssl("rehash hashed");
    let number = |name: &str| {
        let read = Authorities::read(&folder.path(name));
        read.unwrap_or_else(|error| panic!("{name}: {error}")).der().count()
    };
    for name in ["root.pem", "indented.pem", "old.pem", "root.der", "trusted.pem", "described.pem", "hashed"]
    {
        assert_eq!(number(name), 1, "{name}");
    }
    assert_eq!((number("both.pem"), number("crlf.pem")), (2, 2));
}

#[test]
fn what_is_not_a_certificate_is_named_with_a_cure() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("bare")).unwrap();
    folder.write("bare/root.pem", folder.text("root.pem"));
    folder.write("empty.pem", "\n");
    folder.write("text.pem", "not PEM");
    let root = folder.text("root.pem");
    folder.write("damaged.pem", folder.text("issuing.pem") + &root.replace("MII", "MIX"));
    folder.openssl("x509 -in root.pem -addtrust emailProtection -trustout -out mail.pem");
    let table = [
        ("missing.pem", "cannot be read", "check the path"),
        ("empty.pem", "holds no certificate: it is empty", "-----BEGIN CERTIFICATE-----"),
        ("text.pem", "holds no certificate", "-----BEGIN CERTIFICATE-----"),
        ("leaf.csr", "only a block named CERTIFICATE REQUEST", "-----BEGIN CERTIFICATE-----"),
        ("damaged.pem", "certificate 2", "save it again"),
        ("mail.pem", "not to be trusted for servers", "-clrtrust"),
        ("bare", "named by its hash", "openssl rehash"),
    ];
    for (name, fault, cure) in table {
        let error = folder.refused(name);
        assert!(error.text().contains(fault) && error.text().contains(name), "{error}");
        assert!(error.cure().contains(cure), "{error}");
        assert_eq!(error.is_missing(), name == "missing.pem");
    }
}

#[test]
fn client_keys_are_read_in_every_form() {
    let folder = Folder::new();
    folder.openssl("genrsa -traditional -out rsa.key 2048");
    folder.openssl("req -x509 -new -key rsa.key -subj /CN=client -days 9 -out rsa.pem");
    folder.openssl("pkcs8 -topk8 -nocrypt -in rsa.key -out rsa8.key");
    folder.openssl("rsa -in rsa.key -outform DER -out rsa.der");
    folder.write("all.pem", folder.text("rsa.key") + &folder.text("issuing.pem") + &folder.text("rsa.pem"));
    assert!(folder.text("rsa.key").contains("RSA PRIVATE KEY"));
    assert!(folder.text("leaf.key").contains("EC PARAMETERS"));
    let table = [
        ("rsa.pem", "rsa.key"),
        ("rsa.pem", "rsa8.key"),
        ("rsa.pem", "rsa.der"),
        ("all.pem", "all.pem"),
        ("leaf.pem", "leaf.key"),
    ];
    for (cert, key) in table {
        let read = Identity::read(&folder.path(cert), &folder.path(key));
        let read = read.unwrap_or_else(|error| panic!("{cert} {key}: {error}"));
        assert!(read.key().starts_with(b"-----BEGIN PRIVATE KEY-----"), "{key}");
        let first = folder.text(if cert == "all.pem" { "rsa.pem" } else { cert });
        assert!(read.chain().starts_with(first.trim().as_bytes()), "the own certificate comes first");
    }
}

#[test]
fn client_keys_that_cannot_be_used_name_the_cure() {
    let folder = Folder::new();
    folder.openssl("pkcs8 -topk8 -in leaf.key -passout pass:secret -out locked.key");
    folder.openssl("ec -in leaf.key -aes256 -passout pass:secret -out locked-old.key");
    folder.write("ssh.key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
    folder.write("damaged.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    folder.write("empty.key", "");
    let table = [
        ("locked.key", "is encrypted", "openssl pkey"),
        ("locked-old.key", "is encrypted", "openssl pkey"),
        ("ssh.key", "for SSH", "ssh-keygen"),
        ("damaged.key", "is damaged", "save it again"),
        ("empty.key", "holds no private key", "BEGIN PRIVATE KEY"),
        ("leaf.pem", "holds no private key", "BEGIN PRIVATE KEY"),
        ("missing.key", "cannot be read", "check the path"),
        ("root.key", "does not belong to the client certificate", "the key with which"),
    ];
    for (key, fault, cure) in table {
        let error = Identity::read(&folder.path("leaf.pem"), &folder.path(key)).err().unwrap();
        assert!(error.text().contains(fault) && error.text().contains(key), "{error}");
        assert!(error.cure().contains(cure) && !error.to_string().contains("AAAA"), "{error}");
    }
}

#[test]
fn a_file_without_the_issuer_says_whose_certificate_is_missing() {
    let folder = Folder::new();
    folder.write("chain.pem", folder.text("leaf.pem") + &folder.text("issuing.pem"));
    folder.write("other.pem", folder.text("root.pem"));
    let cause = "certificate verify failed (unable to get local issuer certificate)";
    let told = |name: &str| {
        let path = folder.path(name);
        let peer = Peer::platform("localhost").trusting(Some(&path));
        let refusal = Refusal::explain(cause, &peer).unwrap();
        assert!(refusal.is_certificate(), "{refusal:?}");
        (refusal.text().to_owned(), refusal.cure().to_owned())
    };
    let (text, cure) = told("leaf.pem");
    assert!(text.contains("holds the certificate of 'localhost', but not that of 'Test-Issuing'"), "{text}");
    assert!(cure.contains("add the certificate of 'Test-Issuing'") && cure.contains("`cafile`"), "{cure}");
    let (text, _) = told("chain.pem");
    assert!(text.contains("'Test-Issuing', but not that of 'Test-Root'"), "{text}");
    let (text, cure) = told("other.pem");
    assert!(text.contains("not issued by the certificates in") && text.contains("'Test-Root'"), "{text}");
    assert!(cure.contains("certificate of its issuer"), "{cure}");
}

#[test]
fn each_refusal_names_who_and_the_setting() {
    let table = [
        (
            Peer::platform("soar"),
            "verify failed (hostname mismatch)",
            "for another host name than soar",
            "`host` and `port`",
        ),
        (
            Peer::broker("mq"),
            "verify failed (self-signed certificate)",
            "the certificate of the broker",
            "`stomp_cafile`",
        ),
        (
            Peer::broker("mq").showing_identity(false),
            "tlsv13 alert certificate required",
            "the broker wants a client",
            "`stomp_client_auth_cert`",
        ),
        (Peer::platform("soar"), "(EE certificate key too weak)", "weaker than", "2048"),
        (
            Peer::proxy("px", "`proxy_host`"),
            "wrong version number",
            "the proxy does not speak TLS",
            "`proxy_host`",
        ),
        (
            Peer::platform("soar").showing_identity(true),
            "sslv3 alert certificate expired",
            "refused our client certificate, because it has expired",
            "`client_auth_cert`",
        ),
    ];
    for (peer, cause, text, cure) in table {
        let refusal = Refusal::explain(cause, &peer).unwrap();
        assert!(refusal.text().contains(text) && refusal.cure().contains(cure), "{refusal:?}");
    }
    assert!(Refusal::explain("unexpected EOF", &Peer::platform("soar")).is_none());
}
