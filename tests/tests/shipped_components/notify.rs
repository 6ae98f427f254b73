//! Mail and webhooks, to a mail server and an HTTP server in the test, which checks every byte that arrives.

use circuits_sandbox::Status;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::platform::{Platform, checked, refusal, start, start_with};

/// What a client sent to the mail server: its commands, and the mail as it came.
#[derive(Debug, Default)]
struct Received {
    commands: Vec<String>,
    mail: String,
}

/// A mail server for one connection; `login` is its answer to AUTH.
async fn mail_server(login: &'static str) -> (String, JoinHandle<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve_mail(BufReader::new(stream), login).await
    });
    (port, server)
}

async fn serve_mail(mut stream: BufReader<TcpStream>, login: &str) -> Received {
    let mut received = Received::default();
    stream.write_all(b"220 test ESMTP\r\n").await.unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return received;
        }
        let verb = line.split([' ', '\r']).next().unwrap().to_ascii_uppercase();
        received.commands.push(line.trim_end().to_owned());
        let answer = match verb.as_str() {
            "EHLO" => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => login,
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        if verb == "DATA" {
            while !received.mail.ends_with("\r\n.\r\n") {
                stream.read_line(&mut received.mail).await.unwrap();
            }
            stream.write_all(b"250 queued\r\n").await.unwrap();
        }
    }
}

/// An HTTP server for one request, which it answers with this status line; returns the request's head and body.
async fn http_server(status: &'static str) -> (String, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/hook/s3cret?key=s3cret", listener.local_addr().unwrap().port());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            stream.read_line(&mut head).await.unwrap();
            if let Some(value) = head[start..].to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: /other\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    });
    (url, server)
}

async fn start_mail(port: &str, settings: &[(&str, &str)]) -> Platform {
    start_with("notify", &mail_settings(port, settings)).await
}

fn mail_settings<'a>(port: &'a str, settings: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let fixed = [
        ("smtp_host", "127.0.0.1"),
        ("smtp_port", port),
        ("smtp_security", "none"),
        ("mail_from", "SOC <soc@example.com>"),
        ("mail_to", "first@example.com, Second <second@example.com>"),
    ];
    fixed.iter().chain(settings).copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selftest_logs_in_to_the_mail_server_and_sends_nothing() {
    let login = [("smtp_user", "soc"), ("smtp_password", "hunter22")];
    let (port, server) = mail_server("535 5.7.8 bad credentials").await;
    let refused = checked("notify", &mail_settings(&port, &login)).await;
    assert!(refused.contains("535") && !refused.contains("hunter22"), "{refused}");
    let commands = server.await.unwrap().commands;
    assert!(!commands.iter().any(|line| line.starts_with("MAIL")), "{commands:?}");
    let (port, server) = mail_server("235 ok").await;
    let passed = checked("notify", &mail_settings(&port, &login)).await;
    assert!(passed.contains("the mail server takes the login, no webhook"), "{passed}");
    assert!(!server.await.unwrap().commands.iter().any(|line| line.starts_with("MAIL")));
    assert!(checked("notify", &[]).await.contains("no mail is set up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_arrives_whole_and_no_value_leaves_its_place() {
    let (port, server) = mail_server("235 ok").await;
    let platform = start_mail(&port, &[]).await;
    let name = "Überfall\r\nBcc: evil@example.com\r\n\r\n{{ 7 * 7 }}";
    platform.sandbox.edit_incident(platform.incident, json!({"name": name})).unwrap();
    let message = "Call me\r\n.\r\nMAIL FROM:<evil@example.com>";
    let invocation = platform.fire("Notify", json!({"notify_message": message})).await;
    assert_eq!((invocation.status, invocation.text()), (Status::Completed, "mail sent".to_owned()));

    let Received { commands, mail } = server.await.unwrap();
    let envelope: Vec<_> =
        commands.iter().filter(|line| !line.starts_with("EHLO")).map(String::as_str).collect();
    assert_eq!(
        envelope[..4],
        [
            "MAIL FROM:<soc@example.com>",
            "RCPT TO:<first@example.com>",
            "RCPT TO:<second@example.com>",
            "DATA"
        ]
    );
    assert!(commands.iter().all(|line| !line.contains("evil")), "{commands:?}");
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    // Folded lines continue with a blank.
    let headers: Vec<_> = head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect();
    let names: Vec<_> = headers.iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    for name in ["Message-ID", "From", "To", "Subject", "Date"] {
        assert!(names.contains(&name.to_owned()), "{name} is not in {head}");
    }
    assert!(headers.contains(&"Content-Type: text/plain; charset=utf-8".to_owned()), "{head}");
    assert!(mail.is_ascii(), "the subject is an encoded word, the text quoted-printable: {mail}");
    assert!(!names.iter().any(|name| name.eq_ignore_ascii_case("bcc")), "{head}");
    // The library's own encodings, undone by hand where this mail needs them.
    let text = body.replace("=\r\n", "").replace("=7B", "{").replace("=7D", "}");
    assert!(
        text.contains("Call me\r\n..\r\nMAIL FROM:<evil@example.com>") && text.contains("{{ 7 * 7 }}"),
        "{body}"
    );
    assert!(body.ends_with("\r\n.\r\n") && body.matches("\r\n.\r\n").count() == 1, "{body}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_told_without_the_password() {
    let (port, server) = mail_server("535 5.7.8 bad credentials").await;
    let platform = start_mail(&port, &[("smtp_user", "soc"), ("smtp_password", "hunter22")]).await;
    let invocation = platform.fire("Notify", json!({})).await;
    assert_eq!(invocation.status, Status::Error);
    assert!(
        invocation.text().contains("mail not sent") && invocation.text().contains("535"),
        "{}",
        invocation.text()
    );
    assert!(!invocation.text().contains("hunter22"));
    // The password went to the right place: PLAIN is base64 of \0soc\0hunter22.
    let commands = server.await.unwrap().commands;
    assert!(commands.contains(&"AUTH PLAIN AHNvYwBodW50ZXIyMg==".to_owned()), "{commands:?}");
    assert!(!commands.iter().any(|line| line.starts_with("DATA")));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_json_whatever_the_incident_holds() {
    let (url, server) = http_server("200 OK").await;
    let platform = start_with("notify", &[("webhook_url", &url)]).await;
    let name = "\", \"channel\": \"#all\" {{ 7 * 7 }}\r\nX: y";
    platform
        .sandbox
        .edit_incident(platform.incident, json!({"name": name, "severity_code": "High"}))
        .unwrap();
    let invocation = platform.fire("Notify", json!({"notify_message": "Join"})).await;
    assert_eq!((invocation.status, invocation.text()), (Status::Completed, "webhook called".to_owned()));
    let (head, body) = server.await.unwrap();
    assert!(head.starts_with("POST /hook/s3cret?key=s3cret HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/json\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("\r\nidempotency-key: "), "{head}");
    let document: Value = serde_json::from_str(&body).unwrap();
    let incident = json!({"id": platform.incident, "name": name, "severity": "High"});
    let text = format!("Incident {}: {name}: Join", platform.incident);
    assert_eq!(document, json!({"text": text, "rule": "Notify", "message": "Join", "incident": incident}));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_is_told_without_its_address() {
    for status in ["403 Forbidden", "302 Found"] {
        let (url, server) = http_server(status).await;
        let platform = start_with("notify", &[("webhook_url", &url)]).await;
        let invocation = platform.fire("Notify", json!({})).await;
        assert_eq!(
            (invocation.status, invocation.text()),
            (Status::Error, format!("webhook failed: 127.0.0.1 answered {status}"))
        );
        server.await.unwrap();
        // The server is gone: nobody listens.
        let invocation = platform.fire("Notify", json!({})).await;
        assert!(invocation.text().contains("127.0.0.1 cannot be reached"), "{}", invocation.text());
        assert!(!invocation.text().contains("s3cret"), "{}", invocation.text());
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_way_works_where_the_other_fails() {
    let (url, server) = http_server("200 OK").await;
    let (port, mail) = mail_server("235 ok").await;
    mail.abort();
    let _ = mail.await;
    let platform = start_mail(&port, &[("webhook_url", &url)]).await;
    let invocation = platform.fire("Notify", json!({})).await;
    assert_eq!(invocation.status, Status::Error);
    assert!(invocation.text().starts_with("mail not sent: "), "{}", invocation.text());
    assert!(invocation.text().ends_with("; webhook called"), "{}", invocation.text());
    server.await.unwrap();
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_may_be_files() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.json"), folder.path().join("bad.json"));
    std::fs::write(&good, "{\"title\": {{ incident.name }}}").unwrap();
    std::fs::write(&bad, "{\"title\": \"{{ incident.name }}\"}").unwrap();
    let (url, server) = http_server("200 OK").await;
    let settings = |template: &std::path::Path| {
        [("webhook_url", url.clone()), ("webhook_template", template.display().to_string())]
    };
    let bad = settings(&bad);
    let platform = start_with("notify", &bad.each_ref().map(|(key, value)| (*key, value.as_str()))).await;
    let text = platform.fire("Notify", json!({})).await.text();
    assert!(text.contains("webhook_template in [notify] does not give JSON"), "{text}");
    platform.stop().await;
    let good = settings(&good);
    let platform = start_with("notify", &good.each_ref().map(|(key, value)| (*key, value.as_str()))).await;
    assert_eq!(platform.fire("Notify", json!({})).await.text(), "webhook called");
    assert_eq!(server.await.unwrap().1, r#"{"title":"Phishing mail"}"#);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let platform = start("notify").await;
    let invocation = platform.fire("Notify", json!({})).await;
    assert_eq!(invocation.status, Status::Error);
    for key in ["smtp_host", "mail_from", "mail_to", "webhook_url", "[notify]"] {
        assert!(invocation.text().contains(key), "{}", invocation.text());
    }
    platform.stop().await;
    let refusal = refusal("notify", &[("webhook_url", "https://u:s3cret@example.com/")]).await;
    assert!(refusal.contains("webhook_url") && !refusal.contains("s3cret"), "{refusal}");
}
