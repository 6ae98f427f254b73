//! Where extensions put the routes of the HTTP listener. The listener is an extension of its own; without it nothing that is
//! mounted here can be reached.

mod answers;

pub use answers::{STORE_FAILED, answer, credentials, refusal, unauthorized};

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::{Request, Response};

/// The future of a [`WebService`].
pub type WebFuture = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// Bytes that the body of a request may have where its service does not say otherwise.
const BODY: usize = 1024 * 1024;

/// Answers the requests under one path. The listener has read the body, whose size it bounds, and put the caller's
/// `std::net::SocketAddr` into the extensions.
pub trait WebService: Send + Sync + 'static {
    /// The answer to one request.
    fn call(&self, request: Request<Bytes>) -> WebFuture;

    /// Bytes that the body of a request may have.
    fn largest_body(&self) -> usize {
        BODY
    }
}

impl<F> WebService for F
where
    F: Fn(Request<Bytes>) -> WebFuture + Send + Sync + 'static,
{
    fn call(&self, request: Request<Bytes>) -> WebFuture {
        self(request)
    }
}

/// Who answers what is at a path and below.
#[derive(Clone)]
pub struct Mounted {
    path: String,
    /// Who answers.
    pub service: Arc<dyn WebService>,
    /// Whether it answers callers who have not said who they are, because it looks at each request itself.
    pub open: bool,
}

/// The mounted routes. Cheap to clone.
#[derive(Clone, Default)]
pub struct Web {
    routes: Arc<RwLock<Vec<Mounted>>>,
}

impl Web {
    /// Gives this service the requests for `path` (such as `/receive`) and everything below it. Once there are accounts, it gets
    /// only those of known callers, each with a [`Caller`](crate::account::Caller) in its extensions; which rights are needed is for
    /// the service to say.
    pub fn mount(&self, path: impl Into<String>, service: Arc<dyn WebService>) {
        self.put(Mounted { path: path.into(), service, open: false });
    }

    /// The same for a service that looks itself at who calls, because a secret is in the path or in the body.
    pub fn mount_open(&self, path: impl Into<String>, service: Arc<dyn WebService>) {
        self.put(Mounted { path: path.into(), service, open: true });
    }

    fn put(&self, mounted: Mounted) {
        self.routes.write().unwrap_or_else(PoisonError::into_inner).push(mounted);
    }

    /// The service with the longest path that `path` is, or is below.
    pub fn find(&self, path: &str) -> Option<Mounted> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let below = |mounted: &str| {
            path.strip_prefix(mounted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found =
            routes.iter().filter(|mounted| below(&mounted.path)).max_by_key(|mounted| mounted.path.len());
        found.cloned()
    }

    /// Whether nothing is mounted.
    pub fn is_empty(&self) -> bool {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl std::fmt::Debug for Web {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(routes.iter().map(|mounted| &mounted.path)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_path_that_fits_answers() {
        let web = Web::default();
        assert!(web.find("/").is_none());
        for text in ["/a", "/a/b"] {
            let answer = move |_: Request<Bytes>| -> WebFuture {
                Box::pin(async move { Response::new(Bytes::from_static(text.as_bytes())) })
            };
            web.mount(text, Arc::new(answer));
        }
        let ask = async |path: &str| match web.find(path) {
            Some(found) => found.service.call(Request::new(Bytes::new())).await.into_body(),
            None => Bytes::from_static(b"none"),
        };
        for (path, answer) in [
            ("/a", "/a"),
            ("/a/c", "/a"),
            ("/a/b", "/a/b"),
            ("/a/b/c", "/a/b"),
            ("/ab", "none"),
            ("/", "none"),
        ] {
            assert_eq!(ask(path).await, answer, "{path}");
        }
    }
}
