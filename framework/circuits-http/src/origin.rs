//! Keeps out what a web page makes a browser on this machine send: a page of another site, or one whose name was pointed at
//! this machine after it was loaded.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};

/// The names under which this listener may be called.
#[derive(Debug)]
pub(crate) struct Known(Vec<String>);

impl Known {
    /// Those of this machine, `http_host`, and the host of `http_url`.
    pub(crate) fn new(http_host: &str, http_url: Option<&str>) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let url = http_url.and_then(|url| url.parse::<Uri>().ok());
        let public = url.and_then(|url| url.host().map(str::to_ascii_lowercase));
        let listening = match http_host.parse() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => http_host.to_ascii_lowercase(),
        };
        Self(own.into_iter().chain([listening]).chain(public).collect())
    }

    fn has(&self, host: &str) -> bool {
        let name = host.parse::<http::uri::Authority>().ok().map(|host| host.host().to_ascii_lowercase());
        name.is_some_and(|name| self.0.contains(&name))
    }

    /// Why a request with these headers is not answered, if it is not.
    pub(crate) fn fault(&self, headers: &HeaderMap) -> Option<(StatusCode, String)> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        // A client that is no browser may do without.
        if let Some(host) = text(HOST).filter(|host| !self.has(host)) {
            let text =
                format!("this listener is not {host}; if others reach it under this name, set http_url=");
            return Some((StatusCode::MISDIRECTED_REQUEST, text));
        }
        let origin = text(ORIGIN)?;
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        let foreign = !self.has(host);
        foreign.then(|| (StatusCode::FORBIDDEN, format!("web pages of {origin} may not call this listener")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_listener_may_call_it_and_only_under_its_names() {
        let known = Known::new("192.0.2.7", Some("https://soar.example.com:8443/circuits"));
        for (host, origin, status) in [
            ("127.0.0.1:9000", None, None),
            ("localhost", None, None),
            ("[::1]:9000", None, None),
            ("192.0.2.7:9000", None, None),
            ("SOAR.example.com", Some("https://soar.example.com:8443"), None),
            ("evil.example.com:9000", None, Some(421)),
            ("evil.example.com:9000", Some("http://evil.example.com:9000"), Some(421)),
            ("127.0.0.1:9000", Some("https://evil.example.com"), Some(403)),
            ("127.0.0.1:9000", Some("null"), Some(403)),
            ("not a host", None, Some(421)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            let fault = known.fault(&headers).map(|(status, _)| status.as_u16());
            assert_eq!(fault, status, "{host} {origin:?}");
        }
        assert!(Known::new("::1", None).fault(&HeaderMap::new()).is_none());
    }
}
