//! Which handler takes an action: it is found by destination, then by rule; for a call of a function, by the function's name
//! alone.

use std::collections::{BTreeSet, HashMap};

use crate::component::{BoundHandler, api_name};
use crate::handler::Seating;
use crate::{Component, Error, Result};

/// All handlers of a runner.
pub(crate) struct Routes {
    destinations: HashMap<String, Destination>,
    /// By API name, which is unique on a platform.
    functions: HashMap<String, Target>,
}

#[derive(Default)]
struct Destination {
    rules: HashMap<String, Target>,
    catch_all: Option<Target>,
}

struct Target {
    component: &'static str,
    /// The rule or function, as the component wrote it.
    rule: String,
    handler: BoundHandler,
}

impl Routes {
    /// Joins the components' handlers.
    ///
    /// # Errors
    /// Two components that handle the same rule (or everything else) of one destination.
    pub(crate) fn new<'a>(
        components: impl IntoIterator<Item = (&'static str, &'a Component)>,
    ) -> Result<Self> {
        let mut routes = Self { destinations: HashMap::new(), functions: HashMap::new() };
        for (component, parts) in components.into_iter().filter(|(_, parts)| parts.takes_messages()) {
            let name = &parts.destination;
            let destination = routes.destinations.entry(name.clone()).or_default();
            for route in &parts.routes {
                let target = Target { component, rule: route.rule.clone(), handler: route.handler.clone() };
                let key = api_name(&target.rule);
                if let Some(other) = destination.rules.get(&key) {
                    return Err(twice(
                        &format!("the rule `{}`", target.rule),
                        name,
                        other.component,
                        component,
                    ));
                }
                destination.rules.insert(key, target);
            }
            for route in &parts.functions {
                let target = Target { component, rule: route.rule.clone(), handler: route.handler.clone() };
                if let Some(other) = routes.functions.insert(route.rule.clone(), target) {
                    return Err(Error::new(format_args!(
                        "The components `{}` and `{component}` both handle the function `{}`. Put one of them in noload",
                        other.component, route.rule
                    )));
                }
            }
            if let Some(handler) = parts.catch_all.clone() {
                if let Some(other) = &destination.catch_all {
                    return Err(twice("every other rule (`on_any`)", name, other.component, component));
                }
                destination.catch_all = Some(Target { component, rule: String::new(), handler });
            }
        }
        Ok(routes)
    }

    /// The programmatic names of all destinations, sorted.
    pub(crate) fn destinations(&self) -> BTreeSet<&str> {
        self.destinations.keys().map(String::as_str).collect()
    }

    /// Whether messages of a destination may wait without being at work.
    pub(crate) fn waits(&self, destination: &str) -> bool {
        let there = self.destinations.get(destination);
        // Any of the functions may be called on any of the destinations.
        self.functions.values().any(|target| target.handler.seating > Seating::Stays)
            || there.is_some_and(|there| {
                there
                    .rules
                    .values()
                    .chain(&there.catch_all)
                    .any(|target| target.handler.seating > Seating::Stays)
            })
    }

    /// The handler for a rule on a destination.
    ///
    /// # Errors
    /// When there is none; the error names what the destination does handle.
    pub(crate) fn find(&self, destination: &str, rule: Option<&str>) -> Result<&BoundHandler> {
        let there = self.destinations.get(destination).ok_or_else(|| {
            Error::new(format_args!("No component listens on the message destination `{destination}`"))
        })?;
        let by_rule = rule.and_then(|rule| there.rules.get(&api_name(rule)));
        by_rule
            .or(there.catch_all.as_ref())
            .map(|target| &target.handler)
            .ok_or_else(|| there.no_handler(destination, rule))
    }
}

impl Routes {
    /// The handler for a function.
    ///
    /// # Errors
    /// When there is none; the error names the functions that are handled.
    pub(crate) fn function(&self, name: &str) -> Result<&BoundHandler> {
        self.functions.get(name).map(|target| &target.handler).ok_or_else(|| {
            let mut handled: Vec<_> = self.functions.keys().map(|name| format!("`{name}`")).collect();
            handled.sort();
            Error::new(format_args!(
                "No handler for the function `{name}`. Handled are: {}. Correct the function's message destination on the platform, or \
                 add a handler",
                if handled.is_empty() { "none".to_owned() } else { handled.join(", ") }
            ))
        })
    }
}

impl Destination {
    fn no_handler(&self, destination: &str, rule: Option<&str>) -> Error {
        let mut handled: Vec<_> = self.rules.values().map(|target| format!("`{}`", target.rule)).collect();
        handled.sort();
        let rule = rule.map_or_else(
            || "an action that names no rule the platform knows".to_owned(),
            |rule| format!("the rule `{rule}`"),
        );
        Error::new(format_args!(
            "No handler for {rule} on the message destination `{destination}`. Handled there: {}. Correct the rule's destination on \
             the platform, or add a handler",
            if handled.is_empty() { "nothing".to_owned() } else { handled.join(", ") }
        ))
    }
}

fn twice(what: &str, destination: &str, one: &str, other: &str) -> Error {
    Error::new(format_args!(
        "The components `{one}` and `{other}` both handle {what} of the message destination `{destination}`. Put one of them in noload, \
         or give it another destination with queue= in its section"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Reply};
    use std::sync::Arc;

    async fn nothing(_: Arc<()>, _: Action) -> Result<Reply> {
        Ok("".into())
    }

    fn component(destination: &str, rule: &str) -> Component {
        Component::builder(destination, ()).on(rule, nothing).build()
    }

    fn error(result: Result<impl Sized>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn display_and_api_names_find_the_same_handler() {
        let routes =
            Routes::new([("a", &component("q", "Add Task")), ("b", &component("q", "lookup_value"))])
                .unwrap();
        assert!(routes.find("q", Some("add_task")).is_ok());
        assert!(routes.find("q", Some("Lookup: Value")).is_ok());
        let text = error(routes.find("q", Some("Other")));
        assert!(
            text.contains("No handler for the rule `Other`") && text.contains("`Add Task`, `lookup_value`"),
            "{text}"
        );
        assert!(error(routes.find("q", None)).contains("names no rule"));
        assert!(error(routes.find("x", None)).contains("No component listens"));
    }

    #[test]
    fn functions_are_found_by_name_and_handled_once() {
        let component = |name: &str| Component::builder("q", ()).function(name, nothing).build();
        let routes = Routes::new([("a", &component("f")), ("b", &component("g"))]).unwrap();
        assert!(routes.function("f").is_ok());
        assert!(error(routes.function("F")).contains("Handled are: `f`, `g`."));
        let text = error(Routes::new([("a", &component("f")), ("b", &component("f"))]));
        assert!(text.contains("`a` and `b` both handle the function `f`"), "{text}");
    }

    #[test]
    fn catch_all_takes_the_rest() {
        let any = Component::builder("q", ()).on_any(nothing).build();
        let routes = Routes::new([("a", &component("q", "Add Task")), ("b", &any)]).unwrap();
        assert!(routes.find("q", Some("Other")).is_ok());
        assert!(routes.find("q", None).is_ok());
    }

    #[test]
    fn double_claims_are_refused() {
        let text =
            error(Routes::new([("a", &component("q", "Add Task")), ("b", &component("q", "add task"))]));
        assert!(
            text.contains("`a` and `b` both handle the rule `add task`") && text.contains("noload"),
            "{text}"
        );
        let any = || Component::builder("q", ()).on_any(nothing).build();
        assert!(error(Routes::new([("a", &any()), ("b", &any())])).contains("on_any"));
    }
}
