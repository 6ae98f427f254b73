//! What changes by itself, without a reload.

use circuits_tests::receiver::{Answer, Receiver};
use serde_json::json;

use crate::desk::Desk;

/// Marks the document, so that a reload would be noticed.
const MARK: &str = "window.marked = true";

#[tokio::test(flavor = "multi_thread")]
async fn an_action_comes_and_goes_without_reloading() {
    let desk = Desk::start(&[("ann", &["read"])]).await;
    desk.log_in("ann").await;
    let browser = &desk.browser;
    browser.script(MARK, &[]).await;
    browser.sees_in("#actions", "Nothing runs and nothing waits.").await;
    let (incident, id) = desk.begin("Slow", "slowly").await;
    browser.sees_in("#actions", "running").await;
    browser.sees_in("#actions", &incident.to_string()).await;
    browser.sees_in("#actions", "Slow").await;
    desk.let_go();
    desk.it.world.settled(id).await;
    browser.sees_in("#actions", "Nothing runs and nothing waits.").await;
    assert_eq!(browser.script("return window.marked", &[]).await, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_and_the_story_follow_an_action_to_its_end() {
    let desk = Desk::of_ann().await;
    let browser = &desk.browser;
    browser.press("Actions").await;
    browser.sees("No such action.").await;
    browser.script(MARK, &[]).await;
    let (_, id) = desk.begin("Slow", "slowly").await;
    browser.sees_in("main", "running").await;
    browser.press("#1").await;
    browser.sees_in("h1", "#1 Slow").await;
    browser.sees_in("#way", "slowly").await;
    browser.sees_in("#reply", "There is no reply yet.").await;
    desk.let_go();
    desk.it.world.settled(id).await;
    browser.sees_in("#reply", "done slowly").await;
    browser.sees_in("#way", "Reply confirmed by the broker").await;
    browser.sees_in("dl", "completed").await;
    browser.client.back().await.unwrap();
    browser.sees_in("main tbody", "completed").await;
    assert_eq!(browser.script("return window.marked", &[]).await, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_has_the_calls_to_the_platform_and_the_message() {
    let desk = Desk::of_ann().await;
    let (incident, id) = desk.fire_on("Look", "Phishing mail").await;
    desk.it.world.settled(id).await;
    let browser = &desk.browser;
    browser.go("#/actions/1").await;
    browser.sees_in("#way", &format!("/incidents/{incident}")).await;
    browser.sees_in("#way", "✓ 200 in").await;
    browser.sees_in("#message", "message-id").await;
    browser.sees_in("#message pre", "Phishing mail").await;
    browser.go("#/actions/999").await;
    browser.sees("999").await;
    browser.until("document.querySelector('main .error').innerText.length > 5", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_has_what_went_out_and_what_became_of_it() {
    let (mut desk, receiver) = (Desk::of_ann().await, Receiver::start().await);
    receiver.answers_on("/refuses", Answer::Status(404));
    let hooks = ["takes", "refuses"].map(|name| {
        let url = receiver.url(&format!("/{name}"));
        format!("- {{name: {name}, action: action_completed, method: POST, url: '{url}', tries: 1}}\n")
    });
    let file = desk.it.file("hooks.yml", &format!("webhooks:\n{}", hooks.concat()));
    desk.stop_runner().await;
    desk.start_runner(&format!("webhooks={}", file.display())).await;
    desk.browser.go("#/actions/1").await;
    desk.browser.sees("there is no message 1").await;
    let (_, id) = desk.fire_on("Echo", "Phishing mail").await;
    desk.it.world.settled(id).await;
    let ended = |all: &[circuits_events::book::Delivery]| all.iter().any(|one| one.target_status.is_some());
    desk.it.deliveries("webhook:takes", ended).await;
    desk.it.deliveries("webhook:refuses", ended).await;
    desk.browser.client.refresh().await.unwrap();
    desk.browser.sees_in("#events", "webhook:takes").await;
    desk.browser.sees_in("#events", "delivered").await;
    desk.browser.sees_in("#events", "webhook:refuses").await;
    desk.browser.sees_in("#events", "404").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_in_the_address_and_failures_are_grouped_by_cause() {
    let desk = Desk::of_ann().await;
    for rule in ["Fail", "Echo", "Fail"] {
        let (_, id) = desk.fire_on(rule, "Phishing mail").await;
        desk.it.world.settled(id).await;
    }
    let browser = &desk.browser;
    browser.press("Failures").await;
    browser.sees("the ticket system is down").await;
    browser.until("document.querySelectorAll('main tbody tr').length === 1", &[]).await;
    browser.press("2").await;
    browser.sees_in("h1", "Actions").await;
    browser.until("document.querySelectorAll('main tbody tr').length === 2", &[]).await;
    browser.press("Clear").await;
    browser.until("document.querySelectorAll('main tbody tr').length === 3", &[]).await;
    browser.write("#filter-rule", "Echo").await;
    browser.press("Filter").await;
    browser.until("document.querySelectorAll('main tbody tr').length === 1", &[]).await;
    browser.until("location.hash === arguments[0]", &[json!("#/actions?rule=Echo")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_hour_is_a_sentence_a_drawing_and_a_table() {
    let desk = Desk::of_ann().await;
    let browser = &desk.browser;
    browser.sees_in("#hour", "No action ended in the last hour.").await;
    let (_, id) = desk.fire_on("Fail", "Phishing mail").await;
    desk.it.world.settled(id).await;
    browser.client.refresh().await.unwrap();
    browser.sees_in("#hour", "In the last hour 0 actions completed and 1 failed.").await;
    browser.until("document.querySelectorAll('#hour svg[role=img][aria-label]').length === 2", &[]).await;
    browser.until("document.querySelectorAll('#hour svg rect.failed').length === 1", &[]).await;
    browser.press("The same as a table").await;
    browser.until("document.querySelectorAll('#hour tbody tr').length === 1", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_told_and_comes_back_by_itself() {
    let mut desk = Desk::of_ann().await;
    desk.browser.script(MARK, &[]).await;
    desk.stop_runner().await;
    desk.browser.sees("Connection lost, trying again").await;
    desk.start_runner("").await;
    desk.browser.sees_in("#connection", "Live").await;
    desk.browser.sees_no("Connection lost").await;
    assert_eq!(desk.browser.script("return window.marked", &[]).await, true);
}
