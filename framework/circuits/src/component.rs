//! A component: one message destination, a state shared by its handlers, and a handler for each rule and function.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::handler::{Handler, HandlerFuture, Seating};
use crate::runtime::requirements::{FieldOf, RequiredField};
use crate::web::axum::Router;
use crate::{Action, Error, Result};

/// A handler together with its component's state.
#[derive(Clone)]
pub(crate) struct BoundHandler {
    run: Arc<dyn Fn(Action) -> HandlerFuture + Send + Sync>,
    /// As [`Handler::seating`].
    pub(crate) seating: Seating,
    /// As [`Handler::combinators`].
    pub(crate) combinators: Vec<String>,
}

impl BoundHandler {
    pub(crate) fn new<S: Send + Sync + 'static, Form>(state: Arc<S>, handler: impl Handler<S, Form>) -> Self {
        let (seating, combinators) = (handler.seating(), handler.combinators());
        let run = Arc::new(move |action| handler.call(Arc::clone(&state), action));
        Self { run, seating, combinators }
    }

    pub(crate) fn call(&self, action: Action) -> HandlerFuture {
        (self.run)(action)
    }
}

type BoundWork = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// Work that is done at intervals, together with its component's state.
#[derive(Clone)]
pub(crate) struct Timer {
    pub(crate) period: Duration,
    pub(crate) run: BoundWork,
}

type BoundCheck = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<String>> + Send>> + Send + Sync>;

/// What a component's constructor returns.
pub struct Component {
    pub(crate) destination: String,
    pub(crate) routes: Vec<Route>,
    pub(crate) functions: Vec<Route>,
    pub(crate) catch_all: Option<BoundHandler>,
    pub(crate) timers: Vec<Timer>,
    pub(crate) required: Vec<RequiredField>,
    /// For `circuits selftest`.
    pub(crate) check: Option<BoundCheck>,
    pub(crate) web: Vec<WebRoutes>,
}

/// One rule (or function) and its handler.
pub(crate) struct Route {
    pub(crate) rule: String,
    pub(crate) handler: BoundHandler,
}

/// Routes of the HTTP listener, below the component's own path.
pub(crate) struct WebRoutes {
    /// Nothing, or what follows the component's name: `/hook`.
    pub(crate) path: String,
    /// Whether they find out by themselves who calls.
    pub(crate) open: bool,
    pub(crate) router: Router,
}

impl Component {
    /// Whether messages of its destination are for it.
    pub(crate) fn takes_messages(&self) -> bool {
        !self.routes.is_empty() || !self.functions.is_empty() || self.catch_all.is_some()
    }

    /// Starts a component that listens on the message destination with this programmatic name (`filelookup`, not
    /// `actions.201.filelookup`). `queue=` in the component's section of app.config overrides the name.
    pub fn builder<S: Send + Sync + 'static>(destination: impl Into<String>, state: S) -> Builder<S> {
        let parts = Component {
            destination: destination.into(),
            routes: Vec::new(),
            functions: Vec::new(),
            catch_all: None,
            timers: Vec::new(),
            required: Vec::new(),
            check: None,
            web: Vec::new(),
        };
        Builder { state: Arc::new(state), parts }
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("destination", &self.destination)
            .field("rules", &self.routes.iter().map(|route| &route.rule).collect::<Vec<_>>())
            .field("functions", &self.functions.iter().map(|route| &route.rule).collect::<Vec<_>>())
            .field("catch_all", &self.catch_all.is_some())
            .field("web", &self.web.iter().map(|routes| &routes.path).collect::<Vec<_>>())
            .finish()
    }
}

/// Collects the handlers of a [`Component`].
pub struct Builder<S> {
    state: Arc<S>,
    parts: Component,
}

impl<S: Send + Sync + 'static> Builder<S> {
    /// Handles the rule of this name: its display name (`Add Task`) or the API form of it (`add_task`).
    #[must_use]
    pub fn on<Form>(mut self, rule: impl Into<String>, handler: impl Handler<S, Form>) -> Self {
        let handler = self.bind(handler);
        self.parts.routes.push(Route { rule: rule.into(), handler });
        self
    }

    /// Handles calls of the function with this API name, by workflows and playbooks. Its inputs are [`Action::inputs`], and
    /// its result is [`Reply::results`](crate::Reply::results).
    ///
    /// On the platform the function must send to the component's message destination.
    #[must_use]
    pub fn function<Form>(mut self, name: impl Into<String>, handler: impl Handler<S, Form>) -> Self {
        let handler = self.bind(handler);
        self.parts.functions.push(Route { rule: name.into(), handler });
        self
    }

    /// Handles every action on the destination that no other handler of any component there takes, including actions of
    /// rules that the platform does not list.
    #[must_use]
    pub fn on_any<Form>(mut self, handler: impl Handler<S, Form>) -> Self {
        self.parts.catch_all = Some(self.bind(handler));
        self
    }

    /// Does `work` every `period`, the first time one `period` after the start. A run that takes longer delays the next one;
    /// two never overlap. An error or a panic is logged, and the next run comes at its time. At shutdown a run that has
    /// begun has the grace time to finish.
    ///
    /// The state's own REST client ([`Setup::rest`](crate::Setup::rest)) carries no context token: rules see its changes.
    #[must_use]
    pub fn every<Fut>(
        mut self,
        period: Duration,
        work: impl Fn(Arc<S>) -> Fut + Send + Sync + 'static,
    ) -> Self
    where
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        let run: BoundWork = Arc::new(move || Box::pin(work(Arc::clone(&state))));
        self.parts.timers.push(Timer { period, run });
        self
    }

    /// Adds a check for `circuits selftest` of what the component depends on: that a ticket system answers, that a login is
    /// valid. The returned text says what the check found. The check must change nothing, and must end within
    /// `selftest_timeout`.
    #[must_use]
    pub fn check<Fut>(mut self, work: impl Fn(Arc<S>) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<String>> + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        self.parts.check = Some(Arc::new(move || Box::pin(work(Arc::clone(&state)))));
        self
    }

    /// Answers HTTP requests for `/<component>` and what is below, once `http_port` is set. The paths of the routes begin after
    /// the component's name: `/data` is `/<component>/data`.
    ///
    /// A caller needs an account with the right to read this component for GET and HEAD, and to manage it for all other methods.
    /// As long as there is no account, only this machine may call, and only to read. A handler gets the state
    /// (`State<Arc<S>>`), the account ([`Caller`](crate::account::Caller)), a REST client for the platform
    /// (`Extension<Rest>`), whose changes rules see, and the runner's [`Store`](crate::store::Store) (`Extension<Arc<dyn Store>>`).
    #[must_use]
    pub fn web(self, router: Router<Arc<S>>) -> Self {
        self.routes("", false, router)
    }

    /// Answers HTTP requests for `/<component><path>` and what is below from anybody: for routes that find out by themselves who calls,
    /// by a signature for instance. `path` is `/` for the component's own, or begins with a slash; the paths of the routes begin
    /// after it.
    #[must_use]
    pub fn web_open(self, path: &str, router: Router<Arc<S>>) -> Self {
        self.routes(path.trim_end_matches('/'), true, router)
    }

    fn routes(mut self, path: &str, open: bool, router: Router<Arc<S>>) -> Self {
        let router = router.with_state(Arc::clone(&self.state));
        self.parts.web.push(WebRoutes { path: path.to_owned(), open, router });
        self
    }

    /// Requires that the platform has this incident field, by API name, of this `input_type` (`text`, `textarea`, `select`,
    /// `multiselect`, `number`, `boolean`, `datepicker`, `datetimepicker`, ...; `None` for any). Without it the runner
    /// does not start, and names the field along with everything else that is missing.
    #[must_use]
    pub fn requires_field<'a>(self, name: &str, input_type: impl Into<Option<&'a str>>) -> Self {
        self.requires(FieldOf::Incident, name, input_type.into())
    }

    /// Requires that the platform has this activity field; otherwise as [`requires_field`](Self::requires_field).
    #[must_use]
    pub fn requires_action_field<'a>(self, name: &str, input_type: impl Into<Option<&'a str>>) -> Self {
        self.requires(FieldOf::Action, name, input_type.into())
    }

    fn requires(mut self, of: FieldOf, name: &str, input_type: Option<&str>) -> Self {
        let field = RequiredField { of, name: name.to_owned(), input_type: input_type.map(str::to_owned) };
        self.parts.required.push(field);
        self
    }

    /// The finished component.
    pub fn build(self) -> Component {
        self.parts
    }

    fn bind<Form>(&self, handler: impl Handler<S, Form>) -> BoundHandler {
        BoundHandler::new(Arc::clone(&self.state), handler)
    }
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// The form in which rule names are compared, the API name: lower case, trimmed, with each run of characters other than
/// letters, digits and `_` replaced by one `_`.
pub(crate) fn api_name(rule: &str) -> String {
    let mut name = String::with_capacity(rule.len());
    let mut gap = false;
    for c in rule.trim().to_lowercase().chars() {
        if c.is_alphanumeric() || c == '_' {
            if std::mem::take(&mut gap) {
                name.push('_');
            }
            name.push(c);
        } else {
            gap = true;
        }
    }
    if gap {
        name.push('_');
    }
    name
}

/// Refuses components that could not be told apart or could never run.
pub(crate) fn check(name: &str, component: &Component) -> Result<()> {
    if component.destination.trim().is_empty() {
        return Err(Error::new(format_args!(
            "component `{name}` has an empty message destination; give `Component::builder` (or `queue=` in its section) the \
             destination's programmatic name"
        )));
    }
    if component.timers.iter().any(|timer| timer.period.is_zero()) {
        return Err(Error::new(format_args!(
            "component `{name}` has work to do every 0 s, which would never pause; give `.every` a longer period"
        )));
    }
    if !component.takes_messages() && component.web.is_empty() {
        return Err(Error::new(format_args!(
            "component `{name}` handles no rule, no function and no HTTP request; add `.on(\"Rule name\", handler)`, \
             `.function(\"name\", handler)`, `.on_any(handler)` or `.web(router)`"
        )));
    }
    check_web(name, component)?;
    let mut seen = HashSet::new();
    if let Some(twice) = component.functions.iter().find(|route| !seen.insert(route.rule.clone())) {
        return Err(Error::new(format_args!(
            "component `{name}` handles the function `{}` twice; remove one of the two `.function(...)`",
            twice.rule
        )));
    }
    seen.clear();
    for route in &component.routes {
        if !seen.insert(api_name(&route.rule)) {
            return Err(Error::new(format_args!(
                "component `{name}` handles the rule `{}` twice; remove one of the two `.on(...)`",
                route.rule
            )));
        }
    }
    Ok(())
}

fn check_web(name: &str, component: &Component) -> Result<()> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let mut paths = HashSet::new();
    for WebRoutes { path, .. } in &component.web {
        if !plain(name) || !path.split('/').all(plain) || !(path.is_empty() || path.starts_with('/')) {
            return Err(Error::new(format_args!(
                "component `{name}` answers HTTP requests for `/{name}{path}`, and this path may only have letters, digits, `-`, `_` and `.` \
                 between its slashes; rename the component, or correct the path of `.web_open(path, ..)`"
            )));
        }
        if !paths.insert(path) {
            return Err(Error::new(format_args!(
                "component `{name}` answers HTTP requests for `/{name}{path}` twice; join the two routers with `Router::merge`"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reply;

    async fn nothing(_: Arc<()>, _: Action) -> Result<Reply> {
        Ok("".into())
    }

    #[test]
    fn api_names_of_display_names() {
        for (display, api) in [
            ("Manual Action", "manual_action"),
            ("Mock: Auto Rule", "mock_auto_rule"),
            ("  Add Task ", "add_task"),
            ("add_task", "add_task"),
            ("Äußerung 2!", "äußerung_2_"),
        ] {
            assert_eq!(api_name(display), api);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let text = |component: Component| check("demo", &component).unwrap_err().to_string();
        assert!(
            text(Component::builder("", ()).on_any(nothing).build()).contains("empty message destination")
        );
        assert!(text(Component::builder("q", ()).build()).contains("handles no rule"));
        let routes = Router::new;
        assert!(
            check("demo", &Component::builder("q", ()).web(routes()).web_open("/hook/", routes()).build())
                .is_ok()
        );
        let twice = Component::builder("q", ()).web(routes()).web_open("/", routes()).build();
        assert!(text(twice).contains("`/demo` twice"));
        for path in ["hook", "/a b", "/{name}", "/a/*rest"] {
            assert!(text(Component::builder("q", ()).web_open(path, routes()).build()).contains(path));
        }
        let twice = Component::builder("q", ()).on("Add Task", nothing).on("add task", nothing).build();
        assert!(text(twice).contains("`add task` twice"));
        let twice = Component::builder("q", ()).function("f", nothing).function("f", nothing).build();
        assert!(text(twice).contains("the function `f` twice"));
    }
}
