//! Bodies of scan requests: JSON, forms, files, and what is none of them.

use http::Request;

use super::*;

async fn read_as(kind: &str, body: impl Into<Bytes>, files: bool) -> Result<Artifact, Refused> {
    let (head, ()) = Request::builder().header(CONTENT_TYPE, kind).body(()).unwrap().into_parts();
    read(&head, body.into(), files).await
}

/// A form of these parts: name, file name, content.
fn form_of(parts: &[(&str, Option<&str>, &str)]) -> String {
    let mut text = String::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        text +=
            &format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n");
    }
    text + "--edge--\r\n"
}

const FORM: &str = "multipart/form-data; boundary=edge";
const JSON: &str = r#"{"type":"file.content","value":"a.exe"}"#;

#[tokio::test]
async fn json_is_read_whatever_its_content_type() {
    for kind in ["application/json", "text/plain", "application/json; charset=utf-8", "é"] {
        let artifact = read_as(kind, JSON, false).await.unwrap();
        assert_eq!((artifact.kind(), artifact.value()), ("file.content", "a.exe"), "{kind}");
    }
}

#[tokio::test]
async fn forms_are_read_with_and_without_a_file() {
    let without = read_as(FORM, form_of(&[("artifact", None, JSON)]), false).await.unwrap();
    assert!(without.file().is_none());
    for parts in [
        &[("artifact", None, JSON), ("file", Some("a.exe"), "MZ\r\n--edg")][..],
        &[("file", Some("a.exe"), "MZ\r\n--edg"), ("artifact", None, JSON)],
        &[("one", None, JSON), ("two", Some("a.exe"), "MZ\r\n--edg"), ("three", None, "ignored")],
    ] {
        let artifact = read_as(FORM, form_of(parts), true).await.unwrap();
        let file = artifact.file().unwrap();
        assert_eq!((file.name(), file.bytes()), ("a.exe", &b"MZ\r\n--edg"[..]), "{parts:?}");
        assert_eq!(artifact.kind(), "file.content");
    }
    let typed = "--edge\r\nContent-Disposition: form-data; name=\"artifact\"\r\nContent-Type: application/json\r\n\r\n".to_owned()
        + JSON
        + "\r\n--edge\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Type: application/pdf\r\n\r\n\r\n--edge--";
    let artifact = read_as(FORM, typed, true).await.unwrap();
    let file = artifact.file().unwrap();
    assert_eq!(
        (file.name(), file.content_type(), file.bytes()),
        ("unnamed", Some("application/pdf"), &b""[..])
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_reason() {
    let deep = "[".repeat(100_000);
    for (kind, body, status, says) in [
        ("application/json", String::new(), 400, "the request is empty"),
        ("application/json", "{".to_owned(), 400, "not JSON: EOF"),
        ("application/json", "\u{0}".to_owned(), 400, "not JSON"),
        ("application/json", deep, 400, "recursion limit"),
        ("application/json", "\"text\"".to_owned(), 400, "not an object"),
        ("application/json", "{\"type\": 1, \"value\": \"x\"}".to_owned(), 400, "has to be a string"),
        ("multipart/form-data", form_of(&[("artifact", None, JSON)]), 400, "boundary"),
        ("multipart/mixed; boundary=edge", form_of(&[("artifact", None, JSON)]), 400, "cannot be read"),
        (FORM, String::new(), 400, "cannot be read"),
        (FORM, JSON.to_owned(), 400, "cannot be read"),
        (FORM, "--edge--\r\n".to_owned(), 400, "no part \"artifact\""),
        (FORM, form_of(&[("file", Some("a.exe"), "MZ")]), 400, "no part \"artifact\""),
        (FORM, form_of(&[("artifact", None, "{")]), 400, "not JSON"),
        (FORM, form_of(&[("artifact", None, "")]), 400, "empty"),
        (FORM, form_of(&[("artifact", None, JSON)]).replace("--edge--", ""), 400, "cannot be read"),
        (FORM, form_of(&[("artifact", None, JSON), ("file", Some("a.exe"), "MZ")]), 415, "takes no files"),
    ] {
        let shown: String = body.chars().take(60).collect();
        let refused = read_as(kind, body, false).await.unwrap_err();
        assert_eq!(refused.status.as_u16(), status, "{kind} {shown}: {refused:?}");
        assert!(refused.text.contains(says), "{kind} {shown}: {refused:?}");
    }
}
