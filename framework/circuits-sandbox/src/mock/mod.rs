//! A platform with only the answers that a test sets up. It is meant for the calls of one component, where a whole sandbox would
//! hide what is tested.

mod pattern;
mod server;

use std::fmt::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use pattern::Pattern;
pub use server::MockServer;

/// The organisation's number.
const ORG: i64 = 201;

/// Endpoints with their answers. A call of any other endpoint gets an error that names the expected ones, and is kept for
/// [`Mock::surprises`].
///
/// ```
/// use circuits_sandbox::{Call, Mock};
/// use serde_json::json;
///
/// let mock = Mock::new()
///     .on("GET", "/incidents/{id}", json!({"id": 2095, "name": "Phishing"}))
///     .reply("PUT", "/incidents/{id}", 409, json!({"success": false}))
///     .on("PUT", "/incidents/{id}", json!({})); // from the second on
/// let answer = mock.answer(Call::new("GET", "/rest/orgs/201/incidents/2095"));
/// assert_eq!((answer.status, answer.json()["name"].as_str()), (200, Some("Phishing")));
/// mock.answer(Call::new("GET", "/rest/orgs/201/users/1"));
/// assert!(mock.surprises()[0].contains("GET /users/1 was not expected. Expected: GET /incidents/{id}"));
/// ```
pub struct Mock {
    org: i64,
    routes: Mutex<Vec<Route>>,
    rest: Option<Otherwise>,
    heard: Mutex<Heard>,
}

type Otherwise = Box<dyn Fn(&Call) -> Option<Answer> + Send + Sync>;

#[derive(Default)]
struct Heard {
    calls: Vec<Call>,
    surprises: Vec<String>,
}

/// An endpoint. If several are the same, each answers once, and the last one forever.
struct Route {
    method: String,
    pattern: Pattern,
    respond: Box<dyn Fn(&Call) -> Answer + Send + Sync>,
    used: bool,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The method, in capitals.
    pub method: String,
    /// The whole path, `/rest/orgs/201/incidents/2095`.
    pub path: String,
    /// The query; empty without one.
    pub query: String,
    /// The context token that it carried.
    pub token: Option<String>,
    /// The body as JSON; null if there was none or it was not JSON.
    pub body: Value,
}

impl Call {
    /// A call without query, token and body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { method, path, query: String::new(), token: None, body: Value::Null }
    }
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A body in JSON.
    #[must_use]
    pub fn new(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string().into_bytes() }
    }

    /// The body as JSON; null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Default for Mock {
    fn default() -> Self {
        Self { org: ORG, routes: Mutex::default(), rest: None, heard: Mutex::default() }
    }
}

impl Mock {
    /// A platform that answers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the organisation's number, which is 201 by default.
    #[must_use]
    pub fn org(mut self, id: i64) -> Self {
        self.org = id;
        self
    }

    /// The organisation's number.
    #[must_use]
    pub fn org_id(&self) -> i64 {
        self.org
    }

    /// Answers calls of this method and path with 200 and this JSON. A path is relative to the organisation unless it begins
    /// with `/rest/`; `{..}` stands for one segment, whatever it is.
    #[must_use]
    pub fn on(self, method: &str, path: &str, body: Value) -> Self {
        self.reply(method, path, 200, body)
    }

    /// The same with another status.
    #[must_use]
    pub fn reply(self, method: &str, path: &str, status: u16, body: Value) -> Self {
        let answer = Answer::new(status, &body);
        self.with(method, path, move |_| answer.clone())
    }

    /// The same with an answer that depends on the call.
    #[must_use]
    pub fn with(
        self,
        method: &str,
        path: &str,
        respond: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let pattern = Pattern::new(path);
        let route = Route { method: method.to_owned(), pattern, respond: Box::new(respond), used: false };
        lock(&self.routes).push(route);
        self
    }

    /// Answers the calls that nothing else answers; `None` marks a call as not expected.
    #[must_use]
    pub fn otherwise(mut self, respond: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static) -> Self {
        self.rest = Some(Box::new(respond));
        self
    }

    /// The answer to a call.
    pub fn answer(&self, call: Call) -> Answer {
        let prefix = format!("/rest/orgs/{}", self.org);
        let relative = call.path.strip_prefix(&prefix).unwrap_or(&call.path).to_owned();
        let answer = self.known(&call, &relative).or_else(|| self.rest.as_ref()?(&call));
        let surprise = answer.is_none().then(|| self.surprise(&call, &relative));
        let mut heard = lock(&self.heard);
        heard.calls.push(call);
        if let Some(text) = &surprise {
            heard.surprises.push(text.clone());
        }
        drop(heard);
        answer.unwrap_or_else(|| Answer::new(501, &json!({"success": false, "message": surprise})))
    }

    fn known(&self, call: &Call, relative: &str) -> Option<Answer> {
        let mut routes = lock(&self.routes);
        let fits = |route: &&mut Route| route.method == call.method && route.pattern.fits(relative);
        let unused = routes.iter_mut().filter(fits).position(|route| !route.used);
        let mut fitting = routes.iter_mut().filter(fits);
        let route = match unused {
            Some(place) => fitting.nth(place)?,
            None => fitting.next_back()?,
        };
        route.used = true;
        Some((route.respond)(call))
    }

    fn surprise(&self, call: &Call, relative: &str) -> String {
        let routes = lock(&self.routes);
        let mut expected: Vec<_> =
            routes.iter().map(|route| format!("{} {}", route.method, route.pattern)).collect();
        expected.dedup();
        let mut text = format!("{} {relative} was not expected. Expected: ", call.method);
        let _ = match (expected.is_empty(), self.rest.is_some()) {
            (true, true) => write!(text, "one of the recorded calls"),
            (true, false) => write!(text, "nothing"),
            (false, other) => {
                write!(
                    text,
                    "{}{}",
                    expected.join(", "),
                    if other { ", or one of the recorded calls" } else { "" }
                )
            }
        };
        text
    }

    /// The calls so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.heard).calls.clone()
    }

    /// The calls that were not expected, each with the expected ones.
    #[must_use]
    pub fn surprises(&self) -> Vec<String> {
        lock(&self.heard).surprises.clone()
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock").field("org", &self.org).field("calls", &self.calls()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
