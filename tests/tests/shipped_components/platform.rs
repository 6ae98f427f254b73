//! A sandbox, the definitions of one component on it, and a runner of that component alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use circuits::config::Config;
use circuits::{Registration, Rest, Runner, registrations};
use circuits_deploy::deploy;
use circuits_sandbox::{Composed, Invocation, Sandbox};
use circuits_tests::world::{Running, run, with_body};
use components as _;
use serde_json::{Value, json};

pub(crate) struct Platform {
    pub(crate) sandbox: Sandbox,
    pub(crate) incident: i64,
    /// The administrator's access, without a context token.
    pub(crate) rest: Rest,
    runner: Running,
}

/// A sandbox with the component's definitions and a runner of it alone.
pub(crate) async fn start(name: &str) -> Platform {
    start_with(name, &[]).await
}

/// The same with these settings in place of those in the component's section text.
pub(crate) async fn start_with(name: &str, settings: &[(&str, &str)]) -> Platform {
    let registration = registration(name);
    let (sandbox, config) = prepare(registration, settings).await;
    let incident = sandbox.create_incident(json!({"name": "Phishing mail", "discovered_date": 0})).unwrap();
    let rest = circuits::login(&config, |_| {}).await.unwrap();
    assert!(!deploy(&rest, &registration.platform_definitions()).await.unwrap().created.is_empty());
    let again = deploy(&rest, &registration.platform_definitions()).await.unwrap();
    assert!(again.created.is_empty(), "a second run changes nothing: {again:?}");

    let runner = run(config, &[registration]).await;
    Platform { sandbox, incident, rest, runner }
}

/// Why a component does not start with these settings.
pub(crate) async fn refusal(name: &str, settings: &[(&str, &str)]) -> String {
    let registration = registration(name);
    let (_sandbox, config) = prepare(registration, settings).await;
    Runner::with_components(config, &[registration], |_| {}).await.unwrap_err().to_string()
}

/// The result of the component's own check in a selftest.
pub(crate) async fn checked(name: &str, settings: &[(&str, &str)]) -> String {
    let registration = registration(name);
    let (_sandbox, config) = prepare(registration, settings).await;
    let limit = Duration::from_secs(60);
    let steps = circuits::selftest::run(
        Arc::new(config),
        &[registration],
        limit,
        circuits_deploy::report,
        |_| {},
        |_| {},
    )
    .await;
    let check = steps.iter().find(|step| step.name().starts_with("check of")).unwrap();
    format!("{:?}", check.state())
}

fn registration(name: &str) -> &'static Registration {
    registrations().into_iter().find(|one| one.name() == name).unwrap()
}

/// A sandbox, and the configuration that reaches it.
async fn prepare(registration: &Registration, settings: &[(&str, &str)]) -> (Sandbox, Config) {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let section = settings.iter().fold(registration.config_text().to_owned(), |text, (key, value)| {
        // The setting itself, or the commented example for it.
        let find = |start: String| text.lines().find(|line| line.starts_with(&start)).map(str::to_owned);
        let line = find(format!("{key}=")).or_else(|| find(format!("#{key}=")));
        let line = line.unwrap_or_else(|| panic!("app.config does not explain {key}"));
        text.replacen(&line, &format!("{key}={value}"), 1)
    });
    let config = Config::from_text(&format!("{}\n{section}", sandbox.app_config())).unwrap();
    (sandbox, config)
}

impl Platform {
    /// Puts a message on the queue that is like `body`, but for this platform's rule, incident and user.
    pub(crate) async fn replay(&self, rule: &str, mut body: Value) -> Invocation {
        body["incident"]["id"] = json!(self.incident);
        if body["user"].is_object() {
            body["user"]["id"] = json!(1);
        }
        let message = self.sandbox.compose(rule, self.incident, json!({})).unwrap();
        let message = with_body(message, |fresh| {
            body["action_id"] = fresh["action_id"].clone();
            *fresh = body;
        });
        self.publish(message).await
    }

    /// Puts a message on the queue and waits for its answer.
    pub(crate) async fn publish(&self, message: Composed) -> Invocation {
        let invocation = message.invocation;
        self.sandbox.publish(message.into()).unwrap();
        self.sandbox.settled(invocation).await
    }

    /// Fires a menu item on the incident and waits for its answer.
    pub(crate) async fn fire(&self, rule: &str, properties: Value) -> Invocation {
        let id = self.sandbox.fire(rule, self.incident, properties).unwrap();
        self.sandbox.settled(id).await
    }

    /// The calls about this incident and its users, without the login and the rule list, ids as `*`.
    pub(crate) fn calls(&self) -> Vec<String> {
        let requests = self.sandbox.requests();
        let about = requests
            .iter()
            .filter(|request| request.path.contains("/incidents/") || request.path.contains("/users/"));
        about.map(|request| format!("{} {}", request.method, starred(&request.path))).collect()
    }

    /// Whether every one of those calls carried the context token of an action.
    pub(crate) fn all_carry_the_token(&self) -> bool {
        let requests = self.sandbox.requests();
        let mut about = requests
            .iter()
            .filter(|request| request.path.contains("/incidents/") || request.path.contains("/users/"));
        about.all(|request| {
            request
                .headers
                .iter()
                .any(|(name, value)| name.eq_ignore_ascii_case("X-Co3ContextToken") && !value.is_empty())
        })
    }

    pub(crate) async fn stop(self) {
        self.runner.stop().await.unwrap();
    }
}

fn starred(path: &str) -> String {
    let parts: Vec<_> =
        path.split('/').map(|part| if part.parse::<i64>().is_ok() { "*" } else { part }).collect();
    parts.join("/")
}

/// A recorded file, or `None` with a note if the recordings are missing.
pub(crate) fn recorded(folder: &str, prefix: &str) -> Option<Value> {
    let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(folder);
    let Ok(files) = std::fs::read_dir(&data) else {
        println!("skipped: no ../shared/data");
        return None;
    };
    let mut paths = files.map(|file| file.unwrap().path());
    let path = paths.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).unwrap();
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}
