//! What a redirect says. It is not followed, because it would carry the delivery and its credentials to
//! wherever it points.

use reqwest::header::{HeaderMap, LOCATION};
use url::{Position, Url};

use super::body::printable;

/// Characters of a target that are shown.
const LONGEST: usize = 200;

/// Says where the answer to a call of `url` points.
pub(crate) fn words(url: &Url, place: &str, status: u16, headers: &HeaderMap) -> String {
    let location = headers.get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    match location.map(|location| target(url, &location)) {
        Some(Some(target)) => {
            format!("{place} answered {status} to {target}, which is not followed: name the final address")
        }
        Some(None) => {
            format!("{place} answered {status} to an address that is not valid; it is not followed")
        }
        None => format!("{place} answered {status}, a redirect that does not say where to"),
    }
}

/// The target without user, password, query and the parts of its path that it shares with `url`: redirects to
/// https or to another host repeat the path, and the path of a webhook is often a secret.
fn target(url: &Url, location: &str) -> Option<String> {
    let target = url.join(location).ok().filter(Url::has_host)?;
    let known: Vec<_> = url.path_segments()?.filter(|part| !part.is_empty()).collect();
    let path: Vec<_> =
        target.path_segments()?.map(|part| if known.contains(&part) { "…" } else { part }).collect();
    let site = format!("{}://{}", target.scheme(), &target[Position::BeforeHost..Position::AfterPort]);
    Some(printable(&format!("{site}/{}", path.join("/")), LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_told_without_what_may_be_secret() {
        let url = Url::parse("http://u:pw@hooks.example.com/services/T0/s3cret?key=k3y").unwrap();
        let table = [
            (
                "https://sso.example.com/login?ticket=s3cret#top",
                "h:80 answered 302 to https://sso.example.com/login, which is not followed: name the final",
            ),
            ("/login", "h:80 answered 302 to http://hooks.example.com/login, which"),
            (
                "http://a:b@other.example.com:8080",
                "h:80 answered 302 to http://other.example.com:8080/, which",
            ),
            ("https://hooks.example.com/services/T0/s3cret/", "to https://hooks.example.com/…/…/…/, which"),
            ("next", "to http://hooks.example.com/…/…/next, which"),
            ("?again", "to http://hooks.example.com/…/…/…, which"),
            ("http://", "h:80 answered 302 to an address that is not valid; it is not followed"),
            ("mailto:root@example.com", "h:80 answered 302 to an address that is not valid"),
        ];
        for (location, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            let words = words(&url, "h:80", 302, &headers);
            assert!(words.contains(expected), "{location}: {words}");
            assert!(!["s3cret", "k3y", "pw", "a:b"].iter().any(|it| words.contains(it)), "{words}");
        }
        let silent = words(&url, "h:80", 304, &HeaderMap::new());
        assert_eq!(silent, "h:80 answered 304, a redirect that does not say where to");
    }

    #[test]
    fn a_long_target_is_cut() {
        let url = Url::parse("http://h/").unwrap();
        let target = target(&url, &"x".repeat(9999)).unwrap();
        assert_eq!(target.len(), LONGEST);
    }
}
