//! What a host may look like, and what is wrong with a text that is something else: a URL, a host with its port, a
//! placeholder that nobody filled in.

use super::ini::is_space;

/// What to write instead, in every message.
const SHAPE: &str = "a host is a name such as soar.example.com, or an IP address";

/// Why this text is not a host, and the cure; `port` is the key that takes the port. `None` for a host.
pub(super) fn fault(text: &str, port: &str) -> Option<String> {
    let said = |what: String| Some(format!("{what}; {SHAPE}"));
    if text.contains(['<', '>', '{', '}', '$']) {
        return said("is still a placeholder".to_owned());
    }
    if text.starts_with(['"', '\'']) {
        return said("has quotes around it, which are part of the value here: remove them".to_owned());
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        return said(match is_bare(host) {
            true => format!("is a URL: write {host} alone, without {scheme}://"),
            false => format!("is a URL: write its host alone, without {scheme}://"),
        });
    }
    if is_bare(text) {
        return None;
    }
    match text.rsplit_once(':') {
        Some((host, digits)) if is_bare(host) && digits.parse::<u16>().is_ok() => {
            said(format!("names the port too: write {host}, and {port}={digits}"))
        }
        _ => said("is not a host".to_owned()),
    }
}

/// A name, an IPv4 address, or an IPv6 address with or without brackets.
pub(super) fn is_bare(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if inner.unwrap_or(text).contains(':') {
        // A zone (`fe80::1%eth0`) is the machine's own affair.
        let address = inner.unwrap_or(text).split('%').next().unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    // Underscores are not allowed in names, and met in those of containers.
    let letters = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    inner.is_none()
        && !text.is_empty()
        && text.chars().all(|c| letters(c) && !is_space(c))
        && !text.starts_with(['.', '-'])
        && !text.contains("..")
}

/// Why this text names no HTTP proxy: its scheme, its host, or a port given twice.
pub(super) fn proxy_fault(text: &str, port: Option<u16>) -> Option<String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Some(format!(
            "the scheme {scheme} is not supported: a proxy is a host, with http:// or https:// in front"
        ));
    }
    let host = rest.trim_end_matches('/');
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((name, digits)) if is_bare(name) && digits.parse::<u16>().is_ok() => {
            port.map(|_| "names a port, and so does proxy_port: remove one of them".to_owned())
        }
        _ if is_bare(host) => None,
        _ => fault(host, "proxy_port"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_what_is_written_in_their_place() {
        for host in [
            "soar.example.com",
            "localhost",
            "10.0.0.7",
            "::1",
            "[::1]",
            "fe80::1%eth0",
            "my_broker",
            "müller.de",
        ] {
            assert_eq!(fault(host, "port"), None, "{host}");
        }
        for (text, expected) in [
            ("https://soar.example.com", "write soar.example.com alone, without https://"),
            ("https://u@soar.example.com/a?b", "write soar.example.com alone"),
            ("https://soar.example.com:443/", "write its host alone"),
            ("soar.example.com:443", "write soar.example.com, and port=443"),
            ("[::1]:443", "write [::1], and port=443"),
            ("{{SOAR_HOST}}", "is still a placeholder"),
            ("<CP4S host>", "is still a placeholder"),
            ("$HOST", "is still a placeholder"),
            ("\"soar\"", "remove them"),
            ("soar.example.com/x", "is not a host"),
            ("a b", "is not a host"),
            ("a..b", "is not a host"),
            ("a,b", "is not a host"),
            ("[soar]", "is not a host"),
            ("user@soar", "is not a host"),
        ] {
            let found = fault(text, "port").unwrap_or_default();
            assert!(
                found.contains(expected) && found.contains("such as soar.example.com"),
                "{text}: {found}"
            );
        }
    }

    #[test]
    fn proxies_have_a_scheme_or_none() {
        for (text, port) in [
            ("proxy.example.com", Some(3128)),
            ("http://proxy", None),
            ("HTTPS://proxy/", None),
            ("proxy:3128", None),
            ("http://u:p@proxy:3128", None),
        ] {
            assert_eq!(proxy_fault(text, port), None, "{text}");
        }
        for (text, port, expected) in [
            ("socks5://proxy", None, "socks5 is not supported"),
            ("proxy:3128", Some(3128), "remove one of them"),
            ("http://", None, "is not a host"),
            ("<proxy>", None, "placeholder"),
        ] {
            let found = proxy_fault(text, port).unwrap_or_default();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
