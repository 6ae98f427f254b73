//! What operators change, and who may not.

use serde_json::json;

use crate::browser::as_the_page;
use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_action_is_run_again_after_a_question() {
    let desk = Desk::of_ann().await;
    let (_, id) = desk.fire_on("Fail", "Phishing mail").await;
    desk.it.world.settled(id).await;
    let browser = &desk.browser;
    browser.go("#/actions/1").await;
    browser.sees_in("#reply", "the ticket system is down").await;
    // Who says no changes nothing.
    browser.press("Retry").await;
    browser.press("Cancel").await;
    browser.until("!document.querySelector('dialog[open]')", &[]).await;
    browser.press("Retry").await;
    browser.confirm("Run #1 again?").await;
    browser.sees("#1 is run again as #2.").await;
    browser.press("#2").await;
    browser.sees_in("h1", "#2 Fail").await;
    browser.sees_in("dl", "failed").await;
    browser.press("Runner").await;
    browser.sees_in("#audit", "retry").await;
    browser.sees_in("#audit", "ann").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_there_is_no_button_and_a_forged_request_is_refused() {
    let desk = Desk::start(&[("eve", &["read"]), ("ann", &["manage"])]).await;
    desk.log_in("eve").await;
    let (_, id) = desk.fire_on("Fail", "Phishing mail").await;
    desk.it.world.settled(id).await;
    let browser = &desk.browser;
    assert!(!browser.offers("Pause").await);
    browser.go("#/actions/1").await;
    browser.sees_in("#reply", "the ticket system is down").await;
    assert!(!browser.offers("Retry").await);
    browser.press("Runner").await;
    browser.sees_in("h1", "Runner").await;
    assert!(!browser.offers("Change").await);
    for path in ["actions/1/retry", "actions/1/drop", "destinations/probe/pause"] {
        let path = format!("/api/v1/{path}");
        assert_eq!(browser.request("POST", &path, as_the_page()).await, 403, "{path}");
    }
    assert_eq!(browser.request("PUT", "/api/v1/log_level", as_the_page()).await, 403);
    assert_eq!(browser.request("GET", "/api/v1/audit", as_the_page()).await, 403);
    // What another site could send with the cookie of someone who may is refused, too.
    browser.press("Log out").await;
    desk.log_in("ann").await;
    assert_eq!(browser.request("POST", "/api/v1/actions/1/retry", json!({})).await, 403);
    browser.press("Runner").await;
    browser.sees_in("#audit", "eve").await;
    browser.sees_in("#audit", "refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_destination_holds_what_arrives_until_it_is_resumed() {
    let desk = Desk::of_ann().await;
    let browser = &desk.browser;
    browser.press("Pause").await;
    browser.confirm("Pause probe?").await;
    browser.sees("probe is paused.").await;
    browser.sees_in("#destinations", "by ann").await;
    let (_, id) = desk.fire_on("Echo", "Phishing mail").await;
    browser.sees_in("#actions", "queued").await;
    browser.press("Resume").await;
    browser.confirm("Resume probe?").await;
    desk.it.world.settled(id).await;
    browser.sees_in("#actions", "Nothing runs and nothing waits.").await;
    browser.sees_in("#destinations", "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_waits_is_set_aside_and_then_dropped() {
    let desk = Desk::of_ann().await;
    let browser = &desk.browser;
    browser.press("Pause").await;
    browser.confirm("Pause probe?").await;
    browser.sees("probe is paused.").await;
    let (_, id) = desk.fire_on("Echo", "Phishing mail").await;
    browser.press("#1").await;
    browser.press("Set aside").await;
    browser.confirm("Set #1 aside?").await;
    browser.sees("#1 is set aside.").await;
    let answer = desk.it.world.settled(id).await;
    assert!(answer.text().contains("ann"), "the platform hears who it was: {}", answer.text());
    browser.sees_in("dl", "dead").await;
    browser.press("Drop").await;
    browser.confirm("Drop #1?").await;
    browser.sees("No such action.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_is_changed_until_the_runner_ends() {
    let desk = Desk::of_ann().await;
    let browser = &desk.browser;
    browser.press("Runner").await;
    browser.write("#level", "DEBUG").await;
    browser.press("Change").await;
    browser.confirm("Change the log level?").await;
    browser.sees("The log level is DEBUG.").await;
    browser.sees_in("dl", "DEBUG").await;
}
