//! Coming in and going out.

use fantoccini::key::Key;

use crate::browser::as_the_page;
use crate::desk::{Desk, PASSWORD};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_sees_the_runner_and_logs_out() {
    let desk = Desk::start(&[("ann", &["read"])]).await;
    let browser = &desk.browser;
    browser.sees("Accounts are made on the runner's machine").await;
    assert_eq!(browser.request("GET", "/api/v1/me", as_the_page()).await, 401, "nothing before the login");
    desk.log_in("ann").await;
    browser.sees_in("#name", "ann").await;
    browser.sees("Nothing runs and nothing waits.").await;
    browser.sees_in("#destinations", "probe").await;
    // The session is the browser's: no script can read it, and it outlives a reload.
    assert_eq!(browser.script("return document.cookie", &[]).await, "");
    browser.client.refresh().await.unwrap();
    browser.sees_in("#connection", "Live").await;
    browser.press("Log out").await;
    browser.sees("You are logged out.").await;
    assert_eq!(browser.request("GET", "/api/v1/me", as_the_page()).await, 401);
    browser.client.refresh().await.unwrap();
    browser.until("document.querySelector('#username') === document.activeElement", &[]).await;
    assert!(browser.client.get_all_cookies().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_another_try_is_open() {
    let desk = Desk::start(&[("ann", &["read"])]).await;
    desk.try_to_log_in("ann", "wrong").await;
    desk.browser.sees_in("#login-error", "name or password is wrong").await;
    desk.browser.until("document.querySelector('#password') === document.activeElement", &[]).await;
    desk.log_in("ann").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_account_the_page_names_the_command_that_makes_one() {
    let desk = Desk::start(&[]).await;
    desk.browser.sees("circuits account add").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_asks_to_log_in_again() {
    let desk = Desk::of_ann().await;
    let store = rusqlite::Connection::open(desk.it.store()).unwrap();
    assert_eq!(store.execute("DELETE FROM record WHERE tbl = 'account.token'", []).unwrap(), 1);
    desk.browser.press("Actions").await;
    desk.browser.sees("Your session has ended.").await;
    desk.log_in("ann").await;
    desk.browser.sees_in("h1", "Actions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_logs_in_opens_an_action_and_goes_back() {
    let desk = Desk::start(&[("ann", &["read"])]).await;
    let browser = &desk.browser;
    let (_, id) = desk.fire_on("Echo", "Phishing mail").await;
    desk.it.world.settled(id).await;
    browser.until("document.activeElement.id === 'username'", &[]).await;
    browser.type_text("ann").await;
    browser.key(Key::Tab).await;
    browser.type_text(PASSWORD).await;
    browser.key(Key::Enter).await;
    browser.sees_in("#connection", "Live").await;
    browser.until("document.activeElement.id === 'main'", &[]).await;
    browser.client.refresh().await.unwrap();
    browser.sees_in("#connection", "Live").await;
    browser.key(Key::Tab).await;
    browser.until("document.activeElement.id === 'skip'", &[]).await;
    tab_to(&desk, "document.activeElement.innerText === 'Actions'").await;
    browser.key(Key::Enter).await;
    browser.sees_in("h1", "Actions").await;
    browser.until("document.querySelector('main td')", &[]).await;
    tab_to(&desk, "document.activeElement.innerText === '#1'").await;
    let outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle", &[]).await;
    assert_eq!(outline, "solid", "the focus is to be seen");
    browser.key(Key::Enter).await;
    browser.sees_in("h1", "#1 Echo").await;
    browser.client.back().await.unwrap();
    browser.sees_in("h1", "Actions").await;
}

/// Presses Tab until the focus is where the expression says.
async fn tab_to(desk: &Desk, there: &str) {
    for _ in 0..100 {
        if desk.browser.script(&format!("return {there}"), &[]).await == true {
            return;
        }
        desk.browser.key(Key::Tab).await;
    }
    panic!("Tab never gets to {there}");
}
