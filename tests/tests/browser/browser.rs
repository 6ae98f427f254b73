//! A headless Chromium behind its driver, which a test tells what to press and asks what is to be seen.

use std::path::Path;
use std::process::Command;

use circuits_tests::process::Server;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Milliseconds that a condition may take to hold.
const PATIENCE: u64 = 60_000;
/// Of the visible elements that one can press, those whose whole text or label is the argument.
const PRESSED: &str = "[...document.querySelectorAll('button, a, summary')].filter((one) => one.checkVisibility() && \
                       one.textContent.trim() === arguments[0])";

/// The header that the page itself sends.
pub(crate) fn as_the_page() -> Value {
    json!({"X-Circuits": "1"})
}

/// A browser. Dropping it ends it.
pub(crate) struct Browser {
    pub(crate) client: Client,
    _driver: Server,
    _folder: TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (driver, port) = tokio::task::block_in_place(|| driver(folder.path()));
        // Everything it loads is ours, and the sandbox needs rights that containers do not have.
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        let capabilities = json!({
            "browserName": "chrome",
            "timeouts": {"script": PATIENCE},
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(serde_json::from_value(capabilities).unwrap())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self { client, _driver: driver, _folder: folder }
    }

    /// Runs a script, with `arguments`, and returns its result.
    pub(crate) async fn script(&self, script: &str, arguments: &[Value]) -> Value {
        self.client.execute(script, arguments.to_vec()).await.unwrap()
    }

    /// Waits until an expression holds.
    pub(crate) async fn until(&self, condition: &str, arguments: &[Value]) {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const look = () => (({condition}) ? done(true) : setTimeout(look, 20));
             look();"
        );
        if let Err(error) = self.client.execute_async(&script, arguments.to_vec()).await {
            let shown = self.script("return document.body.innerText", &[]).await;
            panic!(
                "{condition} of {arguments:?} does not hold: {error}\nThe page shows:\n{}",
                shown.as_str().unwrap()
            );
        }
    }

    /// Waits until a text is to be seen.
    pub(crate) async fn sees(&self, text: &str) {
        self.until("document.body.innerText.includes(arguments[0])", &[text.into()]).await;
    }

    /// Waits until a text is no longer to be seen.
    pub(crate) async fn sees_no(&self, text: &str) {
        self.until("!document.body.innerText.includes(arguments[0])", &[text.into()]).await;
    }

    /// Waits until this part of the page shows a text.
    pub(crate) async fn sees_in(&self, part: &str, text: &str) {
        let condition = "document.querySelector(arguments[0])?.innerText.includes(arguments[1])";
        self.until(condition, &[part.into(), text.into()]).await;
    }

    /// Presses the button or the link with this text, once it is there.
    pub(crate) async fn press(&self, text: &str) {
        self.until(&format!("{PRESSED}.length === 1"), &[text.into()]).await;
        self.script(&format!("{PRESSED}[0].click()"), &[text.into()]).await;
    }

    /// Whether there is a button or a link with this text now.
    pub(crate) async fn offers(&self, text: &str) -> bool {
        self.script(&format!("return {PRESSED}.length > 0"), &[text.into()]).await == true
    }

    /// Confirms in the dialog that has this title.
    pub(crate) async fn confirm(&self, title: &str) {
        self.until("document.querySelector('dialog[open] h2')?.innerText === arguments[0]", &[title.into()])
            .await;
        self.script("document.querySelector('dialog[open] [type=submit]').click()", &[]).await;
    }

    /// Fills in a field.
    pub(crate) async fn write(&self, field: &str, value: &str) {
        self.until("document.querySelector(arguments[0])", &[field.into()]).await;
        let script = "const field = document.querySelector(arguments[0]);
                      field.value = arguments[1];
                      field.dispatchEvent(new Event('change', {bubbles: true}));";
        self.script(script, &[field.into(), value.into()]).await;
    }

    /// Types a text on the keyboard, into whatever has the focus.
    pub(crate) async fn type_text(&self, text: &str) {
        let mut keys = KeyActions::new("keyboard".to_owned());
        for value in text.chars() {
            keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Presses one key.
    pub(crate) async fn key(&self, key: Key) {
        self.type_text(&char::from(key).to_string()).await;
    }

    /// Opens the view with this address, such as `#/actions`, and waits until it has taken the place of the one before.
    pub(crate) async fn go(&self, view: &str) {
        let script = "window.before = location.hash === arguments[0] ? null : document.querySelector('main').firstElementChild;
                      location.hash = arguments[0];";
        self.script(script, &[view.into()]).await;
        self.until("document.querySelector('main').firstElementChild !== window.before", &[]).await;
    }

    /// The status of a request that the page itself could make, with these headers.
    pub(crate) async fn request(&self, method: &str, path: &str, headers: Value) -> u64 {
        let script = "const [method, path, headers, done] = arguments;
                      const status = async (answer) => (await answer.text(), answer.status);
                      fetch(path, {method, headers}).then(status).then(done, (fault) => done(String(fault)));";
        let arguments = vec![method.into(), path.into(), headers];
        let status = self.client.execute_async(script, arguments).await;
        status.unwrap_or_else(|error| panic!("{method} {path}: {error}")).as_u64().unwrap()
    }

    /// A command of the browser's own protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.client.issue_cmd(Vendor("goog/cdp/execute", body)).await.unwrap()
    }

    /// Makes the window so many pixels wide.
    pub(crate) async fn width(&self, pixels: u32) {
        let size = json!({"width": pixels, "height": 800, "deviceScaleFactor": 1, "mobile": pixels < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// What the user prefers: `dark` or `light`.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// What the console has said since the last call, without refusals of requests, which the page tells by itself.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(Vendor("se/log", json!({"type": "browser"}))).await.unwrap();
        let messages =
            log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned());
        messages.filter(|message| !message.contains("Failed to load resource")).collect()
    }
}

/// Starts the driver on a port of its choice.
fn driver(folder: &Path) -> (Server, u16) {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").env("TMPDIR", folder).env("HOME", folder);
    let mut driver = Server::start("chromedriver", command, folder);
    let output = folder.join("chromedriver.out");
    let port = || -> Option<u16> {
        let log = std::fs::read_to_string(&output).ok()?;
        log.split_once("started successfully on port ")?.1.split_once('.')?.0.parse().ok()
    };
    driver.wait_until(|| port().is_some()).unwrap();
    (driver, port().unwrap())
}

/// A command that the WebDriver standard does not have.
#[derive(Debug)]
struct Vendor(&'static str, Value);

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}
