//! Components answer HTTP requests: with their state, the caller's account and a REST client, for those who have the right.

use circuits_tests::eventful::{Eventful, basic};
use circuits_tests::probe::PROBE;

use crate::desk::DESK;

const ON: &str = "[desk]\ngreeting=hello\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_component_answers_under_its_name_and_this_machine_may_read() {
    let it = Eventful::start("web component").await;
    let runner = it.run_with(&[&PROBE, &DESK], ON).await;
    assert_eq!(it.http("GET", "/desk", "", b"").await, (200, "hello, stranger".to_owned()));
    assert_eq!(
        it.http("GET", "/desk", "ann", b"").await,
        (200, "hello, ann".to_owned()),
        "a proxy names users"
    );
    let (status, text) = it.http("POST", "/desk", "ann", b"").await;
    assert!(status == 403 && text.contains("manage:component/desk"), "{status} {text}");
    let (status, text) = it.http("POST", "/desk", "", b"").await;
    assert!(status == 403 && text.contains("circuits account add"), "{status} {text}");
    let incident = it.world.incident();
    let (status, text) = it.http("GET", &format!("/desk/incidents/{incident}"), "", b"").await;
    assert!(status == 200 && text.contains("name"), "{status} {text}");
    let (status, text) = it.http("GET", "/desk/nothing", "", b"").await;
    assert!(status == 404 && text.contains("nothing under this path"), "{status} {text}");
    let (status, text) = it.http("DELETE", "/desk/incidents/7", "", b"").await;
    assert!(status == 403, "{status} {text}");
    let (status, text) = it.http("GET", "/desk/panic", "", b"").await;
    assert!(status == 500 && !text.contains("fault of the component"), "{status} {text}");
    // Other actions are handled as ever.
    assert!(it.fire("Echo").await.2 == circuits_sandbox::Status::Completed);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_right_for_the_component_may_call() {
    let it = Eventful::start("rights for components").await;
    let runner = it.run_with(&[&PROBE, &DESK], ON).await;
    for (name, right) in [
        ("all", "manage"),
        ("sees", "read"),
        ("reader", "read:component/desk"),
        ("keeper", "manage:component/desk"),
        ("other", "manage:component/probe"),
        ("queue", "manage:destination/desk"),
    ] {
        it.account(name, &[right]).await;
    }
    for (name, get, post) in [
        ("all", 200, 200),
        ("sees", 200, 403),
        ("reader", 200, 403),
        ("keeper", 200, 200),
        ("other", 403, 403),
        ("queue", 403, 403),
        ("unknown", 401, 401),
    ] {
        for (method, expected) in
            [("GET", get), ("HEAD", get), ("POST", post), ("DELETE", if post == 200 { 405 } else { post })]
        {
            let (header, value) = basic(name);
            let (status, text) = it.http_with(method, "/desk", &[(header, &value)], b"").await;
            assert_eq!(status, expected, "{name} {method} {text}");
            if status == 200 && method != "HEAD" {
                assert_eq!(text, format!("hello, {name}"));
            }
        }
    }
    assert_eq!(it.http_with("GET", "/desk", &[], b"").await.0, 401);
    // Open routes look at the caller by themselves.
    assert_eq!(it.http_with("POST", "/desk/hook/secret", &[], b"").await.0, 204);
    assert_eq!(it.http_with("POST", "/desk/hook/guess", &[], b"").await.0, 401);
    assert_eq!(it.http_with("POST", "/desk/hook", &[], b"").await.0, 404);
    for path in ["/desk/hook/../", "/desk/hook/%2e%2e/", "/desk%2fhook/secret", "//desk", "/desk/hook/..%2f"]
    {
        let status = it.http_with("POST", path, &[], b"").await.0;
        assert!([401, 404].contains(&status), "{path}: {status}");
    }
    runner.stop().await;
}
