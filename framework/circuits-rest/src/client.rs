//! Logging in, choosing the organisation, and the few calls that the runner itself makes.

use std::{collections::BTreeMap, fmt, sync::Arc};

use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    Account, Error, Options, Org, Rest,
    breaker::Breaker,
    error::Kind,
    exchange::Shared,
    lookup::Lookups,
    org::{Listed, choose},
    retry::Failure,
    secret::Secrets,
    session::{Session, Ticket},
    transport, update,
};

/// The version of the reference client whose wire behaviour this client has; the platform logs it and may require a minimum.
const MODULE_VERSION: &str = "51.0.8.3";

/// A logged-in session with one organisation of one platform. Cheap to clone; all clones and handles share the session.
/// A second client serves another organisation or platform.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    org: Arc<Org>,
}

/// A rule as the platform lists it (`GET /actions`). Fields that are not named here are in `other`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct RuleDef {
    /// The number that messages carry as `action_id`.
    pub id: i64,
    /// The display name.
    pub name: String,
    /// The name that exports use.
    #[serde(default)]
    pub export_key: Option<String>,
    /// 0 automatic, 1 menu item.
    #[serde(default, rename = "type")]
    pub kind: Option<i64>,
    /// What it acts on: 0 incident, 1 task, 2 note, 3 milestone, 4 artifact, 5 attachment, and so on.
    #[serde(default)]
    pub object_type: Option<i64>,
    /// The destinations it sends to.
    #[serde(default)]
    pub message_destinations: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Client {
    /// Logs in, chooses the organisation and asks the platform about it.
    ///
    /// # Errors
    /// At once: unusable options, CA file, certificate or other TLS failure, refused credentials, organisation. After
    /// the login tries of the options: no connection, a platform that is busy or starting.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let base = base(&options)?;
        let (http, way) = transport::build(&options).await?;
        let headers = headers();
        let credentials = options.credentials.clone().ok_or_else(|| {
            Error::new(Kind::Invalid, "there are no credentials to log in with")
                .hint("set api_key_id and api_key_secret, or email and password")
        })?;
        let secrets = Secrets::new(options.on_secret.clone());
        let session = Session::new(
            http.clone(),
            base.clone(),
            credentials,
            headers.clone(),
            options.timeout,
            secrets,
            way,
        )
        .tap(options.tap.clone());
        let ticket = log_in(&session, &options).await?;
        let listed: Vec<Listed> = match ticket.facts.get("orgs") {
            None | Some(Value::Null) => Vec::new(),
            Some(orgs) => serde_json::from_value(orgs.clone()).map_err(|error| {
                Error::new(Kind::Body, format!("the session's list of organisations is malformed: {error}"))
            })?,
        };
        let chosen = choose(&listed, options.org.as_deref(), &ticket.facts)?;
        let shared = Arc::new(Shared {
            http,
            base,
            session: Arc::new(session),
            headers,
            org: chosen.id,
            timeout: options.timeout,
            retry: options.retry.clone(),
            conflict_tries: options.conflict_tries,
            turns: update::Turns::default(),
            lookups: Lookups::new(options.cache_ttl),
            breaker: Breaker::new(options.retry, options.patience),
            asking: Mutex::default(),
            tap: options.tap,
            script: None,
        });
        let facts: Value =
            Rest::new(shared.clone(), None).absolute().get(&format!("/orgs/{}", chosen.id)).await?;
        let enabled = facts.get("actions_framework_enabled").and_then(Value::as_bool).unwrap_or_default();
        let org = Org {
            id: chosen.id,
            name: chosen.name,
            uuid: chosen.uuid,
            cloud_account: chosen.cloud_account,
            actions_framework_enabled: enabled,
        };
        tracing::info!(org = org.id, org_name = %org.name, "Logged in to the platform.");
        Ok(Self { shared, org: Arc::new(org) })
    }

    pub(crate) fn new(shared: Arc<Shared>, org: Org) -> Self {
        Self { shared, org: Arc::new(org) }
    }

    /// The organisation.
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// The account.
    pub fn account(&self) -> Account {
        self.with_token(None).account()
    }

    /// A handle whose every call carries `token`, the context token of a message; `None` for calls that answer no message.
    pub fn with_token(&self, token: Option<&str>) -> Rest {
        Rest::new(self.shared.clone(), token)
    }

    /// Whether calls are being held back because the platform does not answer.
    pub fn is_down(&self) -> bool {
        self.shared.breaker.is_down()
    }

    /// Returns while the platform answers. When it does not, one of those who wait here asks it now and then, at the pace of
    /// [`RetryPolicy`](crate::RetryPolicy), and all return when it has answered. Waiting here before an action is begun keeps actions in the queue
    /// instead of letting them fail one after another.
    pub async fn ready(&self) {
        while self.is_down() {
            let _one_asks = self.shared.asking.lock().await;
            self.shared.breaker.ready().await;
            if self.is_down() {
                let org = format!("/orgs/{}", self.org.id);
                // The breaker has seen how the call went.
                drop(self.with_token(None).absolute().get::<Value>(&org).await);
            }
        }
    }

    /// The rules of the organisation.
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn actions(&self) -> Result<Vec<RuleDef>, Error> {
        #[derive(Deserialize)]
        struct Entities {
            entities: Vec<RuleDef>,
        }
        Ok(self.with_token(None).get::<Entities>("/actions").await?.entities)
    }

    /// The platform's version, such as `51.2.3.4.5678` or, for an older one, `47.0.8304`. `None` if the platform does not
    /// report it: nothing depends on it.
    pub async fn server_version(&self) -> Option<String> {
        let constants = self.with_token(None).absolute().get::<Value>("/const").await;
        constants
            .inspect_err(|error| tracing::debug!(error = %error, "The platform's version is unknown."))
            .ok()
            .and_then(|constants| version(constants.get("server_version")?))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.shared.base)
            .field("org", &self.org)
            .finish_non_exhaustive()
    }
}

/// The first login, repeated while the platform cannot be reached.
async fn log_in(session: &Session, options: &Options) -> Result<Arc<Ticket>, Error> {
    let mut failed = 0;
    loop {
        let (error, failure) = match session.open().await {
            Ok(ticket) => return Ok(ticket),
            Err(failed) => failed,
        };
        failed += 1;
        let over = options.login_tries.is_some_and(|tries| failed >= tries.max(1));
        let permanent = failure == Failure::Permanent;
        let pause = options.retry.wait(failed, &failure, fastrand::f64());
        let Some(pause) = pause.filter(|_| !over && !permanent) else {
            return Err(error.tries(failed));
        };
        tracing::warn!(
            error = %error, failed, next_try_ms = pause.as_millis() as u64,
            "Cannot log in to the platform yet."
        );
        tokio::time::sleep(pause).await;
    }
}

/// `https://<host>:<port><prefix>`.
fn base(options: &Options) -> Result<String, Error> {
    let invalid = |why: String| Err(Error::new(Kind::Invalid, why));
    let host = options.host.trim();
    if host.is_empty() || host.contains(['/', '@', '?', '#']) || host.contains(char::is_whitespace) {
        return invalid(format!("`host` must be a name or an address without scheme and path, not '{host}'"));
    }
    let host =
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let prefix = options.resource_prefix.as_deref().unwrap_or_default().trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    let base = format!("https://{host}:{}{slash}{prefix}", options.port);
    match reqwest::Url::parse(&base) {
        Ok(_) => Ok(base),
        Err(error) => {
            invalid(format!("`host`, `port` and `resource_prefix` do not make a URL: {base}: {error}"))
        }
    }
}

/// The headers of every request.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Resilient-Module-Version", HeaderValue::from_static(MODULE_VERSION));
    headers.insert("Resilient-Circuits-Version", HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers
}

/// Old platforms number versions as `major.minor.build_number`, newer ones as `v.r.m.f.build_number`; both also send a text.
fn version(object: &Value) -> Option<String> {
    if let Some(version) = object.get("version").and_then(Value::as_str).filter(|v| !v.is_empty()) {
        return Some(version.to_owned());
    }
    let join = |keys: &[&str]| {
        let parts: Option<Vec<_>> =
            keys.iter().map(|key| Some(object.get(key)?.as_i64()?.to_string())).collect();
        parts.map(|parts| parts.join("."))
    };
    join(&["v", "r", "m", "f", "build_number"]).or_else(|| join(&["major", "minor", "build_number"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_read_in_both_styles() {
        let table = [
            (
                json!({"major": 47, "minor": 0, "build_number": 8304, "version": "47.0.8304"}),
                Some("47.0.8304"),
            ),
            (json!({"major": 47, "minor": 0, "build_number": 8304}), Some("47.0.8304")),
            (
                json!({"v": 51, "r": 2, "m": 3, "f": 4, "build_number": 5678, "major": 51, "minor": 2}),
                Some("51.2.3.4.5678"),
            ),
            (json!({"v": 51, "version": "51.2.3.4.5678"}), Some("51.2.3.4.5678")),
            (json!({"major": "x"}), None),
        ];
        for (object, expected) in table {
            assert_eq!(version(&object).as_deref(), expected, "{object}");
        }
    }

    #[test]
    fn the_base_url_takes_addresses_and_prefixes() {
        let of =
            |host: &str, prefix: &str| base(&Options::new(host, 443).resource_prefix(Some(prefix.into())));
        assert_eq!(of("soar.example.com", "").unwrap(), "https://soar.example.com:443");
        assert_eq!(
            of("soar.example.com", "/api/respond").unwrap(),
            "https://soar.example.com:443/api/respond"
        );
        assert_eq!(
            of("soar.example.com", "api/respond/").unwrap(),
            "https://soar.example.com:443/api/respond"
        );
        assert_eq!(of("::1", "").unwrap(), "https://[::1]:443");
        for host in ["", "https://soar.example.com", "a b", "user@host", "host/path"] {
            assert!(of(host, "").unwrap_err().is_invalid(), "{host}");
        }
    }

    #[test]
    fn rules_of_any_age_are_read() {
        let rule: RuleDef = serde_json::from_value(json!({
            "id": 45, "name": "Lookup Value", "type": 0, "message_destinations": [49], "brand_new": {"x": 1}
        }))
        .unwrap();
        assert_eq!((rule.id, rule.name.as_str(), rule.kind), (45, "Lookup Value", Some(0)));
        assert!(rule.other.contains_key("brand_new"));
    }
}
