//! Where extensions and components put the routes of the HTTP listener. The listener is an extension of its own; without it nothing
//! that is mounted here can be reached.

mod answers;
mod mount;

pub use answers::{OF_A_PAGE, STORE_FAILED, answer, credentials, refusal, unauthorized};
/// The axum that the runner uses.
pub use axum;
pub use mount::Mount;

use std::sync::{Arc, PoisonError, RwLock};

use tracing::error;

/// The mounted routes. Cheap to clone.
#[derive(Clone, Default)]
pub struct Web {
    mounts: Arc<RwLock<Vec<Mount>>>,
}

impl Web {
    /// Gives these routes the requests for their path and everything below it. A path that is taken stays with who has it, and the
    /// log says so; those of extensions go before those of components.
    pub fn mount(&self, mount: Mount) {
        let mut mounts = self.mounts.write().unwrap_or_else(PoisonError::into_inner);
        let Some(other) = mounts.iter_mut().find(|other| other.path == mount.path) else {
            return mounts.push(mount);
        };
        error!(
            "Two want to answer HTTP requests for {}; the component of this name cannot be called over HTTP. Give it another name, or leave \
             the extension out with noload=",
            mount.path
        );
        if other.component.is_some() {
            *other = mount;
        }
    }

    /// The routes with the longest path that `path` is, or is below.
    pub fn find(&self, path: &str) -> Option<Mount> {
        let mounts = self.mounts.read().unwrap_or_else(PoisonError::into_inner);
        mounts.iter().filter(|mount| mount.has(path)).max_by_key(|mount| mount.path.len()).cloned()
    }

    /// Forgets all routes, and what they hold of their extensions and components.
    pub(crate) fn clear(&self) {
        self.mounts.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The names of the components that have routes.
    pub fn components(&self) -> Vec<&'static str> {
        let mounts = self.mounts.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = mounts.iter().filter_map(|mount| mount.component).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether nothing is mounted.
    pub fn is_empty(&self) -> bool {
        self.mounts.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl std::fmt::Debug for Web {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mounts = self.mounts.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(mounts.iter().map(|mount| &mount.path)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use http::Request;

    fn says(path: &str, text: &'static str) -> Mount {
        Mount::new(path, Router::new().fallback(async move || text))
    }

    async fn ask(web: &Web, path: &str) -> String {
        let Some(found) = web.find(path) else { return "none".to_owned() };
        let answer = found.call(Request::builder().uri(path).body(Body::empty()).unwrap()).await;
        String::from_utf8(to_bytes(answer.into_body(), 100).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_longest_path_that_fits_answers() {
        let web = Web::default();
        assert!(web.find("/").is_none());
        web.mount(says("/a", "a"));
        web.mount(says("/a/b", "b"));
        for (path, answer) in
            [("/a", "a"), ("/a/c", "a"), ("/a/b", "b"), ("/a/b/c", "b"), ("/ab", "none"), ("/", "none")]
        {
            assert_eq!(ask(&web, path).await, answer, "{path}");
        }
        web.mount(says("/", "page"));
        for (path, answer) in [("/", "page"), ("/ab", "page"), ("/a/c", "a")] {
            assert_eq!(ask(&web, path).await, answer, "{path}");
        }
    }

    #[tokio::test]
    async fn a_path_that_is_taken_stays_with_the_extension() {
        for extension_first in [true, false] {
            let web = Web::default();
            let (extension, component) = (says("/a", "extension"), says("/a", "component").of("a"));
            let both = if extension_first { [extension, component] } else { [component, extension] };
            both.into_iter().for_each(|mount| web.mount(mount));
            assert_eq!(ask(&web, "/a").await, "extension");
        }
    }
}
