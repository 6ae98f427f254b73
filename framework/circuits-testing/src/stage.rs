//! A runner with a component, on a platform in this process.

use std::time::Duration;

use circuits_sandbox::{Builder, Invocation, Sandbox, Target};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use circuits::testing::{configuration, find};
use circuits::{Error, Rest, Result, RunError, Runner, Signal};
use circuits_deploy::deploy;

/// How long a runner may take to start.
const START: Duration = Duration::from_secs(60);

/// A component at work: the platform with the component's definitions deployed, and a runner of this component alone,
/// connected over TLS as in production. Dropping it ends both.
///
/// ```standalone_crate
/// # use std::sync::Arc;
/// # use circuits::definitions::*;
/// # use circuits::prelude::*;
/// # circuits::register! { Registration::new("greeter", component).definitions(definitions) }
/// # fn definitions() -> Definitions {
/// #     Definitions::new().destination("greeter", "Greeter").rule(Rule::menu_item("Greet", ObjectType::Incident, "greeter"))
/// # }
/// # fn component(_: &Setup) -> Result<Component> { Ok(Component::builder("greeter", ()).on("Greet", greet).build()) }
/// # async fn greet(_: Arc<()>, action: Action) -> Result<Reply> {
/// #     let path = format!("/incidents/{}", action.incident_id()?);
/// #     action.rest().update(&path, |incident| incident["description"] = "Greeted".into()).await?;
/// #     Ok("Greeted".into())
/// # }
/// use circuits_testing::{Sandbox, Stage};
/// use serde_json::json;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let stage = Stage::start("greeter", Sandbox::builder().incident("Phishing")).await.unwrap();
/// let done = stage.fire("Greet", 2096, json!({})).await;
/// assert_eq!(done.text(), "Greeted");
/// assert_eq!(stage.sandbox().incident(2096)["description"], "Greeted");
/// # });
/// ```
#[derive(Debug)]
pub struct Stage {
    sandbox: Sandbox,
    rest: Rest,
    stop: Option<oneshot::Sender<()>>,
    runner: JoinHandle<Result<(), RunError>>,
}

impl Stage {
    /// Starts the platform, which has the component's definitions and what `platform` adds (incidents, rules, destinations,
    /// certificates), and a runner of the component with the settings of the component's own section text. Waits until the
    /// runner takes actions.
    ///
    /// # Errors
    /// When the component is not linked, or anything does not start.
    pub async fn start(component: &str, platform: Builder) -> Result<Self> {
        Self::configured(component, "", platform).await
    }

    /// The same as [`start`](Self::start), with these sections of app.config (`[greeter]\ngreeting=Hello\n`).
    ///
    /// # Errors
    /// As for [`start`](Self::start); also when the sections are not valid.
    pub async fn configured(component: &str, sections: &str, platform: Builder) -> Result<Self> {
        let registration = find(component)?;
        let sandbox = platform.start().await?;
        let config = configuration(registration, &sandbox.app_config(), sections)?;
        let failed = |error: RunError| Error::new(error);
        let rest = circuits::login(&config, |_| {}).await.map_err(failed)?;
        deploy(&rest, &registration.platform_definitions()).await?;
        let runner = Runner::with_components(config, &[registration], |_| {}).await.map_err(failed)?;
        let mut signals = runner.signals();
        let (stop, stopped) = oneshot::channel();
        let runner = tokio::spawn(runner.run(async move {
            let _: std::result::Result<(), _> = stopped.await;
        }));
        let mut this = Self { sandbox, rest, stop: Some(stop), runner };
        let subscribed = async {
            loop {
                match signals.recv().await {
                    Ok(Signal::DestinationSubscribed(_)) => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                }
            }
        };
        tokio::select! {
            ended = &mut this.runner => match ended {
                Ok(Err(error)) => Err(failed(error)),
                _ => Err(Error::new("the runner ended while it was starting")),
            },
            subscribed = tokio::time::timeout(START, subscribed) => match subscribed {
                Ok(true) => Ok(this),
                _ => Err(Error::new("the runner did not subscribe in time")),
            },
        }
    }

    /// The platform: look at it, change it, make it fail.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Fires a rule as a user does from the Actions menu, with these activity fields (choices by their labels or ids), and waits
    /// for its final status.
    ///
    /// # Panics
    /// When the platform has no such rule, or it does not apply.
    pub async fn fire(&self, rule: &str, target: impl Into<Target>, fields: Value) -> Invocation {
        let fields = self.chosen(fields).await;
        match self.sandbox.fire(rule, target, fields) {
            Ok(id) => self.sandbox.settled(id).await,
            Err(error) => panic!("{rule}: {error}"),
        }
    }

    /// Calls a function as a workflow does, with inputs in their wire format (a choice is `{"id": 1, "name": ".."}`), and waits
    /// for its final status; its results are in [`Invocation::results`].
    ///
    /// # Panics
    /// When the platform has no such function, or it has no message destination.
    pub async fn call(&self, function: &str, inputs: Value) -> Invocation {
        match self.sandbox.call(function, inputs) {
            Ok(id) => self.sandbox.settled(id).await,
            Err(error) => panic!("{function}: {error}"),
        }
    }

    /// The fields with choices as ids, as the platform wants them.
    async fn chosen(&self, mut fields: Value) -> Value {
        let defined = self.rest.list("/types/actioninvocation/fields").await.unwrap_or_default();
        for (name, value) in fields.as_object_mut().into_iter().flatten() {
            let field = defined.iter().find(|field| field["name"] == name.as_str());
            let mut choices = field.and_then(|field| field["values"].as_array()).into_iter().flatten();
            if let Some(choice) = choices.find(|choice| choice["label"] == *value) {
                *value = choice["value"].clone();
            }
        }
        fields
    }

    /// Waits until a rule that fires by itself has fired this often, and each of its actions has its final status.
    pub async fn fired(&self, rule: &str, count: usize) -> Vec<Invocation> {
        let mut settled = Vec::new();
        for invocation in self.sandbox.fired(rule, count).await {
            settled.push(self.sandbox.settled(invocation.id).await);
        }
        settled
    }

    /// Stops the runner properly, then the platform.
    ///
    /// # Errors
    /// When the runner did not stop properly.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.stop.take());
        let ended = (&mut self.runner).await;
        ended.map_err(Error::new)?.map_err(Error::new)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.runner.abort();
    }
}
