//! The handlers of a threat service with the state that they share.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use circuits::{Error, Result};

use crate::{Artifact, Lookup};

/// The future of one lookup.
pub type LookupFuture = Pin<Box<dyn Future<Output = Result<Lookup>> + Send>>;

/// Looks artifacts up.
///
/// Every `async fn name(self: Arc<Self>, artifact: Artifact) -> circuits::Result<Lookup>` is one, and where no state is needed
/// every `async fn name(artifact: Artifact) -> circuits::Result<Lookup>`.
///
/// `Form` tells the two forms apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not a handler for a threat service whose state is `{S}`",
    label = "expected `async fn(Arc<{S}>, Artifact) -> circuits::Result<Lookup>`",
    note = "a handler takes the state as `Arc<{S}>` (a method: `self: Arc<Self>`) and the `Artifact`, in this order; without state it \
            takes the `Artifact` alone",
    note = "it is `async`, returns `circuits::Result<Lookup>`, and holds no `Rc`, `RefCell` borrow or lock guard across an `.await`"
)]
pub trait LookupHandler<S, Form>: Send + Sync + 'static {
    /// Looks one artifact up.
    fn call(&self, state: Arc<S>, artifact: Artifact) -> LookupFuture;
}

/// The form `async fn(Arc<State>, Artifact)`.
#[derive(Debug)]
pub enum WithState {}

/// The form `async fn(Artifact)`.
#[derive(Debug)]
pub enum Stateless {}

impl<S, F, Fut> LookupHandler<S, WithState> for F
where
    F: Fn(Arc<S>, Artifact) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Lookup>> + Send + 'static,
{
    fn call(&self, state: Arc<S>, artifact: Artifact) -> LookupFuture {
        Box::pin(self(state, artifact))
    }
}

impl<S, F, Fut> LookupHandler<S, Stateless> for F
where
    F: Fn(Artifact) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Lookup>> + Send + 'static,
{
    fn call(&self, _: Arc<S>, artifact: Artifact) -> LookupFuture {
        Box::pin(self(artifact))
    }
}

type Bound = Box<dyn Fn(Artifact) -> LookupFuture + Send + Sync>;

/// What the constructor of a [`ThreatService`](crate::ThreatService) returns.
#[derive(Default)]
pub struct Searcher {
    by_kind: BTreeMap<String, Bound>,
    any: Option<Bound>,
    /// Types that were given a handler twice.
    pub(crate) twice: Vec<String>,
}

impl Searcher {
    /// Starts a searcher whose handlers share this state.
    pub fn builder<S: Send + Sync + 'static>(state: S) -> SearcherBuilder<S> {
        SearcherBuilder { state: Arc::new(state), parts: Self::default() }
    }

    /// Looks an artifact up as the extension does, but without its limits: for tests of a searcher.
    ///
    /// # Errors
    /// The handler's error, or that no handler takes artifacts of this type.
    pub async fn look_up(&self, artifact: Artifact) -> Result<Lookup> {
        match self.handler(artifact.kind()) {
            Some(handler) => handler(artifact).await,
            None => Err(Error::new(format_args!(
                "no handler takes artifacts of the type {}; add one with on(..) or on_any(..)",
                artifact.kind()
            ))),
        }
    }

    /// Whether a handler takes artifacts of this type.
    pub(crate) fn takes(&self, kind: &str) -> bool {
        self.handler(kind).is_some()
    }

    /// The types with a handler of their own, sorted.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.by_kind.keys().map(String::as_str)
    }

    /// Whether it has a handler for every type.
    pub(crate) fn takes_any(&self) -> bool {
        self.any.is_some()
    }

    fn handler(&self, kind: &str) -> Option<&Bound> {
        self.by_kind.get(kind).or(self.any.as_ref())
    }
}

impl fmt::Debug for Searcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds().collect();
        f.debug_struct("Searcher")
            .field("kinds", &kinds)
            .field("any", &self.takes_any())
            .finish_non_exhaustive()
    }
}

/// Collects the handlers of a [`Searcher`].
pub struct SearcherBuilder<S> {
    state: Arc<S>,
    parts: Searcher,
}

impl<S: Send + Sync + 'static> SearcherBuilder<S> {
    /// Looks up artifacts of this type, such as `net.ip`.
    #[must_use]
    pub fn on<Form>(mut self, kind: impl Into<String>, handler: impl LookupHandler<S, Form>) -> Self {
        let (kind, handler) = (kind.into(), self.bind(handler));
        if self.parts.by_kind.insert(kind.clone(), handler).is_some() {
            self.parts.twice.push(kind);
        }
        self
    }

    /// Looks up artifacts of every type that has no handler of its own.
    #[must_use]
    pub fn on_any<Form>(mut self, handler: impl LookupHandler<S, Form>) -> Self {
        self.parts.any = Some(self.bind(handler));
        self
    }

    /// The searcher.
    pub fn build(self) -> Searcher {
        self.parts
    }

    fn bind<Form>(&self, handler: impl LookupHandler<S, Form>) -> Bound {
        let state = Arc::clone(&self.state);
        Box::new(move |artifact| handler.call(Arc::clone(&state), artifact))
    }
}

impl<S> fmt::Debug for SearcherBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SearcherBuilder").field(&self.parts).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hit;

    struct List(&'static str);

    impl List {
        async fn address(self: Arc<Self>, artifact: Artifact) -> Result<Lookup> {
            Ok(Hit::new().string(self.0, artifact.value()).into())
        }
    }

    async fn nothing(_: Artifact) -> Result<Lookup> {
        Ok(Lookup::none())
    }

    #[tokio::test]
    async fn the_handler_of_the_type_comes_before_the_one_for_every_type() {
        let searcher = Searcher::builder(List("seen")).on("net.ip", List::address).on_any(nothing).build();
        let found = searcher.look_up(Artifact::new("net.ip", "a")).await.unwrap();
        assert_eq!(found.found(), [Hit::new().string("seen", "a")]);
        assert_eq!(searcher.look_up(Artifact::new("net.uri", "a")).await.unwrap(), Lookup::none());
        let one = Searcher::builder(()).on("net.ip", nothing).build();
        let error = one.look_up(Artifact::new("net.uri", "a")).await.unwrap_err().to_string();
        assert!(error.contains("type net.uri"), "{error}");
    }
}
