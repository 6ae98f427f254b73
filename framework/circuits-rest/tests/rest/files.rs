//! Files over real HTTPS: forms as the platform reads them, whole again on a second try, in pieces both ways.

use std::time::Duration;

use crate::support::{Answer, Peer, Seen, reply};
use circuits_rest::{Client, Upload};
use serde_json::{Value, json};

/// The parts of a form: their headers and contents.
fn parts(seen: &Seen) -> Vec<(String, Vec<u8>)> {
    let boundary =
        seen.header("content-type").unwrap().split_once("multipart/form-data; boundary=").unwrap().1;
    let (mark, mut rest, mut found) = (format!("--{boundary}"), seen.body.as_slice(), Vec::new());
    let find = |text: &[u8], what: &[u8]| text.windows(what.len()).position(|window| window == what);
    while let Some(at) = find(rest, mark.as_bytes()) {
        rest = &rest[at + mark.len()..];
        let Some(end) = find(rest, mark.as_bytes()) else { break };
        let split = find(rest, b"\r\n\r\n").unwrap();
        let head = String::from_utf8(rest[2..split].to_vec()).unwrap();
        found.push((head, rest[split + 4..end - 2].to_vec()));
    }
    found
}

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn bytes_and_files_arrive_as_the_part_named_file() {
    let peer = Peer::platform(|_| reply(200, json!({"id": 5}))).await;
    let rest = peer.connect().await.with_token(Some("t0ken"));
    let sent: Value =
        rest.upload("/incidents/1/attachments", &Upload::bytes("hello").name("note.txt")).await.unwrap();
    assert_eq!(sent["id"], 5);
    let path = peer.folder.path().join("data.json");
    std::fs::write(&path, noise(300_000)).unwrap();
    rest.upload::<Value>("/incidents/1/attachments", &Upload::file(&path)).await.unwrap();
    rest.upload::<Value>("/incidents/1/attachments", &Upload::bytes("x")).await.unwrap();
    let calls = peer.seen().split_off(2);
    assert!(calls.iter().all(|call| call.header("x-co3contexttoken") == Some("t0ken")));

    let (head, content) = &parts(&calls[0])[0];
    assert!(head.contains(r#"name="file"; filename="note.txt""#) && head.contains("text/plain"), "{head}");
    assert_eq!(content, b"hello");
    let (head, content) = &parts(&calls[1])[0];
    assert!(head.contains(r#"filename="data.json""#) && head.contains("application/json"), "{head}");
    assert_eq!(*content, noise(300_000));
    assert!(calls[1].header("content-length").is_some(), "the length is known, so it is told");
    let (head, _) = &parts(&calls[2])[0];
    assert!(head.contains(r#"filename="Unknown""#) && head.contains("application/octet-stream"), "{head}");
}

#[tokio::test]
async fn an_artifact_file_brings_its_description() {
    let peer = Peer::platform(|_| reply(200, json!([{"id": 9}]))).await;
    let rest = peer.connect().await.with_token(None);
    let file = Upload::bytes("evil").name("a.bin").mime("application/x-thing");
    rest.upload_artifact::<Value>("/incidents/1/artifacts/files", &file, "Malware Sample", "from mail")
        .await
        .unwrap();
    let parts = parts(&peer.seen().pop().unwrap());
    assert!(parts[0].0.contains(r#"name="artifact""#), "{}", parts[0].0);
    assert_eq!(
        serde_json::from_slice::<Value>(&parts[0].1).unwrap(),
        json!({"type": "Malware Sample", "value": "a.bin", "description": "from mail"})
    );
    assert!(
        parts[1].0.contains(r#"name="file""#) && parts[1].0.contains("application/x-thing"),
        "{}",
        parts[1].0
    );
}

#[tokio::test]
async fn a_second_try_sends_the_whole_file_again() {
    let mut expired = true;
    let peer = Peer::platform(move |_| {
        if std::mem::take(&mut expired) { reply(401, json!({})) } else { reply(200, json!({})) }
    })
    .await;
    let path = peer.folder.path().join("data.bin");
    std::fs::write(&path, noise(200_000)).unwrap();
    let rest = peer.connect().await.with_token(None);
    rest.upload::<Value>("/incidents/1/attachments", &Upload::file(&path)).await.unwrap();
    let calls: Vec<_> = peer.seen().into_iter().filter(|call| call.path.ends_with("attachments")).collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(parts(&calls[0])[0].1, parts(&calls[1])[0].1);
    assert_eq!(parts(&calls[1])[0].1.len(), 200_000);
}

#[tokio::test]
async fn an_upload_that_may_have_arrived_is_not_repeated_and_a_missing_file_is_named() {
    let peer = Peer::platform(|_| Answer::HangUp).await;
    let rest = peer.connect().await.with_token(None);
    let error = rest.upload::<Value>("/incidents/1/attachments", &Upload::bytes("x")).await.unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert_eq!(peer.count("POST", "/rest/orgs/201/incidents"), 1);
    let missing = Upload::file(peer.folder.path().join("missing.bin"));
    let error = rest.upload::<Value>("/incidents/1/attachments", &missing).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("missing.bin"), "{error}");
    let odd = Upload::bytes("x").mime("no type");
    assert!(rest.upload::<Value>("/incidents/1/attachments", &odd).await.unwrap_err().is_invalid());
}

#[tokio::test]
async fn a_download_comes_in_pieces() {
    let peer = Peer::platform(|_| Answer::Reply {
        status: 200,
        headers: vec![("Content-Type", "application/pdf".into())],
        body: noise(1_000_000),
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    let mut download = rest.download("/incidents/1/attachments/2/contents").await.unwrap();
    assert_eq!((download.length(), download.content_type()), (Some(1_000_000), Some("application/pdf")));
    let mut pieces = 0;
    let mut all = Vec::new();
    while let Some(piece) = download.chunk().await.unwrap() {
        pieces += 1;
        all.extend(piece);
    }
    assert!(pieces > 1 && all == noise(1_000_000));
    let mut file = Vec::new();
    let mut download = rest.download("/incidents/1/attachments/2/contents").await.unwrap();
    assert_eq!(download.copy_to(&mut file).await.unwrap(), 1_000_000);
    assert_eq!(file, all);
}

#[tokio::test]
async fn a_download_that_breaks_off_or_falls_silent_is_an_error() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".to_vec();
    let cut = head.clone();
    let peer = Peer::platform(move |_| Answer::Bytes(cut.clone())).await;
    let rest = peer.connect().await.with_token(None);
    let error = rest.download("/f").await.unwrap().copy_to(&mut Vec::new()).await.unwrap_err();
    assert!(error.is_connection() && error.path() == "/f", "{error:?}");

    let peer = Peer::platform(move |_| Answer::Start(head.clone())).await;
    let client = Client::connect(peer.options().timeout(Duration::from_millis(200))).await.unwrap();
    let mut download = client.with_token(None).download("/f").await.unwrap();
    assert_eq!(download.chunk().await.unwrap().unwrap().as_ref(), b"hello", "what is there comes at once");
    let error = download.chunk().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("stopped coming"), "{error}");
}

#[tokio::test]
async fn a_refused_download_says_why() {
    let peer = Peer::platform(|_| reply(404, json!({"message": "No such attachment"}))).await;
    let error = peer.connect().await.with_token(None).download("/f").await.unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("No such attachment"), "{error}");
}
