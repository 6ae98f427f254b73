//! Answers with a file of the page, or with the word that the browser has it already.

use circuits::web::axum::Router;
use circuits::web::axum::body::Body;
use circuits::web::axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::assets::{ASSETS, Asset};

/// What the browser may do on behalf of the page: fetch from this listener, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The routes of all files.
pub(crate) fn router() -> Router {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        let tag = tag(asset.content);
        let answer = async move |headers: HeaderMap| answer(asset, &tag, &headers);
        router.route(asset.path, get(answer))
    })
}

/// An entity tag that changes with the content, and with nothing else.
fn tag(content: &str) -> String {
    let digest = hmac_sha256::Hash::hash(content.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn answer(asset: &'static Asset, tag: &str, headers: &HeaderMap) -> Response<Body> {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
    // A proxy that compresses makes the tag a weak one.
    let has_it = known.any(|given| given == "*" || given.trim_start_matches("W/") == tag);
    let mut response = Response::new(if has_it { Body::empty() } else { Body::from(asset.content) });
    if has_it {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, asset.kind),
        // The browser asks each time: a new version of the runner has its own page at once.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(HeaderValue::from_str(tag).ok().map(|tag| (ETAG, tag)));
    response
}

#[cfg(test)]
mod tests {
    use circuits::web::Mount;
    use circuits::web::axum::body::to_bytes;
    use http::{Method, Request};

    use super::*;

    async fn ask(method: Method, path: &str, tag: Option<&str>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(tag) = tag {
            request = request.header(IF_NONE_MATCH, tag);
        }
        Mount::new("/", router()).call(request.body(Body::empty()).unwrap()).await
    }

    fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
        response.headers()[name].to_str().unwrap()
    }

    #[tokio::test]
    async fn every_file_comes_with_its_type_and_the_policy() {
        for asset in ASSETS {
            let response = ask(Method::GET, asset.path, None).await;
            assert_eq!((response.status(), header(&response, "content-type")), (StatusCode::OK, asset.kind));
            assert!(header(&response, "content-security-policy").starts_with("default-src 'none'"));
            assert_eq!(header(&response, "x-frame-options"), "DENY");
            assert_eq!(header(&response, "referrer-policy"), "no-referrer");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body, asset.content);
        }
    }

    #[tokio::test]
    async fn a_browser_that_has_a_file_does_not_get_it_again() {
        let first = ask(Method::GET, "/", None).await;
        let tag = header(&first, "etag").to_owned();
        for given in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let second = ask(Method::GET, "/", Some(&given)).await;
            assert_eq!((second.status(), header(&second, "etag")), (StatusCode::NOT_MODIFIED, &*tag));
            assert!(to_bytes(second.into_body(), 1).await.unwrap().is_empty());
        }
        for other in ["\"other\"", &tag[1..], ""] {
            assert_eq!(ask(Method::GET, "/", Some(other)).await.status(), StatusCode::OK, "{other}");
        }
        let script = ask(Method::GET, "/assets/app.js", Some(&tag)).await;
        assert_eq!(script.status(), StatusCode::OK, "the tag of another file");
    }

    #[tokio::test]
    async fn nothing_else_is_there() {
        for path in
            ["/assets", "/assets/", "/assets/../Cargo.toml", "/assets/%2e%2e/Cargo.toml", "/index.html", "/x"]
        {
            assert_eq!(ask(Method::GET, path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(ask(Method::POST, "/", None).await.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(ask(Method::HEAD, "/", None).await.status(), StatusCode::OK);
    }
}
