//! Names made of markup, and the policy that holds if one of them got through.

use circuits_tests::probe::SLOW_MARKUP;
use serde_json::json;

use crate::desk::Desk;

const INCIDENT: &str = "</pre><script>document.title='run'</script><svg onload=\"document.title='run'\">";

/// Every view, with what it shows once it is there.
pub(crate) const VIEWS: [(&str, &str); 5] = [
    ("#/", "#hour svg"),
    ("#/actions", "main tbody tr"),
    ("#/actions/1", "#message"),
    ("#/failures", "main tbody tr"),
    ("#/runner", "#audit"),
];

#[tokio::test(flavor = "multi_thread")]
async fn names_made_of_markup_are_text_and_run_nothing() {
    let desk = Desk::of_ann().await;
    let browser = &desk.browser;
    let (_, id) = desk.fire_on(SLOW_MARKUP, INCIDENT).await;
    desk.it.world.sandbox.until(id, |invocation| invocation.text().contains("slowly")).await;
    for (view, part) in
        [("#/", "#actions"), ("#/", "#destinations"), ("#/actions", "main table"), ("#/actions/1", "h1")]
    {
        shows_text_only(&desk, view, part).await;
    }
    desk.let_go();
    desk.it.world.settled(id).await;
    for (view, part) in [("#/actions", "main table"), ("#/actions/1", "#reply"), ("#/failures", "main table")]
    {
        shows_text_only(&desk, view, part).await;
    }
    browser.go("#/actions/1").await;
    browser.sees_in("#message pre", "onload=").await;
    // An address is text of somebody else as well.
    browser.go(&format!("#/{SLOW_MARKUP}")).await;
    browser.sees("Nothing here").await;
    browser.go(&format!("#/actions?rule={SLOW_MARKUP}&destination={SLOW_MARKUP}")).await;
    browser.sees_in("h1", "Actions").await;
    assert_eq!(browser.script("return document.querySelectorAll('img').length", &[]).await, 0);
    assert_eq!(browser.complaints().await, [""; 0]);
}

/// Waits until this part of a view shows the name, and looks whether it became more than text.
async fn shows_text_only(desk: &Desk, view: &str, part: &str) {
    let browser = &desk.browser;
    browser.go(view).await;
    browser.sees_in(part, SLOW_MARKUP).await;
    let made = "return document.querySelectorAll('img, main script, [onerror], [onload]').length";
    assert_eq!(browser.script(made, &[]).await, 0, "{view}");
    assert_ne!(browser.script("return document.title", &[]).await, "run", "{view}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_view_breaks_the_policy_and_the_policy_stops_what_is_smuggled_in() {
    let desk = Desk::of_ann().await;
    let (_, id) = desk.fire_on("Fail", "Phishing mail").await;
    desk.it.world.settled(id).await;
    let browser = &desk.browser;
    browser.client.refresh().await.unwrap();
    for (view, part) in VIEWS {
        browser.go(view).await;
        browser.until("document.querySelector(arguments[0])", &[part.into()]).await;
    }
    assert_eq!(browser.complaints().await, [""; 0]);
    let smuggle = "const one = document.createElement('div');
                   one.innerHTML = '<img src=x onerror=\"document.title=\\'run\\'\">';
                   document.body.append(one);
                   const two = document.createElement('script');
                   two.textContent = \"document.title='run'\";
                   document.body.append(two);
                   const done = arguments[arguments.length - 1];
                   one.firstChild.addEventListener('error', () => done(document.title));";
    let title = browser.client.execute_async(smuggle, vec![]).await.unwrap();
    assert_ne!(title, json!("run"));
    let complaints = browser.complaints().await.join("\n");
    assert!(complaints.contains("Content Security Policy"), "{complaints}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_page_may_frame_it_and_a_refusal_opens_no_password_box_of_the_browser() {
    let desk = Desk::start(&[("ann", &["read"])]).await;
    let page = desk.it.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    for header in
        ["content-security-policy: default-src 'none';", "frame-ancestors 'none'", "x-frame-options: DENY"]
    {
        assert!(page.contains(header), "{header} is not in {page}");
    }
    // A challenge with Basic would have the browser ask for a password instead of the page.
    for request in [
        "GET /api/v1/me HTTP/1.1\r\nX-Circuits: 1\r\n",
        "GET /api/v1/stream HTTP/1.1\r\nCookie: circuits_session=ended\r\n",
        "POST /management/session HTTP/1.1\r\nX-Circuits: 1\r\nContent-Type: application/json\r\nContent-Length: 33\r\n",
    ] {
        let body = if request.starts_with("POST") { r#"{"username":"ann","password":"x"}"# } else { "" };
        let answer = desk
            .it
            .raw(format!("{request}Host: localhost\r\nConnection: close\r\n\r\n{body}").as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(!answer.to_lowercase().contains("www-authenticate: basic"), "{answer}");
    }
}
