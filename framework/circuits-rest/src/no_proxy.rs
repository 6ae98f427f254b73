//! `NO_PROXY`: which platforms are reached without a proxy. All common spellings are understood.

use std::net::IpAddr;

/// Whether the environment says that `host` at `port` is to be reached directly. `NO_PROXY` takes precedence over `no_proxy`.
pub(crate) fn covers(host: &str, port: u16) -> bool {
    let list = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy"));
    list.is_ok_and(|list| list.split(',').any(|entry| matches(entry.trim(), host, port)))
}

/// One entry: `*`, a name, which stands for its subdomains too (`example.com`, `.example.com`, `*.example.com`), an
/// address (`10.0.0.1`, `::1`) or a network (`10.0.0.0/8`); a name or an address may have a `:port`.
fn matches(entry: &str, host: &str, port: u16) -> bool {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    if entry == "*" {
        return true;
    }
    let (name, only) = split_port(entry);
    if name.is_empty() || only.is_some_and(|only| only.parse() != Ok(port)) {
        return false;
    }
    match host.parse::<IpAddr>() {
        Ok(address) => in_network(name, address.to_canonical()),
        Err(_) => in_domain(name, host),
    }
}

/// Takes a port off; `::1` has none.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    if let Some(rest) = entry.strip_prefix('[') {
        let (address, port) = rest.split_once(']').unwrap_or((rest, ""));
        return (address, port.strip_prefix(':'));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, Some(port)),
        _ => (entry, None),
    }
}

fn in_domain(entry: &str, host: &str) -> bool {
    let domain = entry.strip_prefix('*').unwrap_or(entry).trim_matches('.');
    let Some((before, end)) = host.len().checked_sub(domain.len()).and_then(|at| host.split_at_checked(at))
    else {
        return false;
    };
    !domain.is_empty() && end.eq_ignore_ascii_case(domain) && (before.is_empty() || before.ends_with('.'))
}

fn in_network(entry: &str, address: IpAddr) -> bool {
    let (network, length) =
        entry.split_once('/').map_or((entry, None), |(network, length)| (network, Some(length)));
    let Ok(network) = network.parse::<IpAddr>() else { return false };
    let (a, b, most) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
        _ => return false,
    };
    match length.map_or(Ok(most), str::parse::<u32>) {
        Ok(length) if length <= most => (a ^ b).checked_shr(most - length).is_none_or(|differs| differs == 0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_understood() {
        let table = [
            // entry, host, whether it covers it at port 443
            ("*", "soar.example.com", true),
            ("soar.example.com", "soar.example.com", true),
            ("SOAR.Example.com", "soar.EXAMPLE.com", true),
            ("soar.example.com", "soar.example.com.", true),
            ("example.com", "soar.example.com", true),
            (".example.com", "soar.example.com", true),
            (".example.com", "example.com", true),
            ("*.example.com", "soar.example.com", true),
            ("example.com", "notexample.com", false),
            ("ple.com", "soar.example.com", false),
            ("soar.example.com", "example.com", false),
            ("*.com.example", "soar.example.com", false),
            ("soar.example.com:443", "soar.example.com", true),
            ("*.example.com:443", "soar.example.com", true),
            ("soar.example.com:8443", "soar.example.com", false),
            ("soar.example.com:https", "soar.example.com", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3:443", "10.1.2.3", true),
            ("10.1.2.3:80", "10.1.2.3", false),
            ("10.1.2.3", "10.1.2.33", false),
            ("2.3", "10.1.2.3", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.1.2.2/31", "10.1.2.3", true),
            ("10.1.2.0/31", "10.1.2.3", false),
            ("0.0.0.0/0", "10.1.2.3", true),
            ("10.0.0.0/33", "10.1.2.3", false),
            ("10.0.0.0/x", "10.1.2.3", false),
            ("10.0.0.0/8", "soar.example.com", false),
            ("::1", "::1", true),
            ("[::1]", "[::1]", true),
            ("[::1]:443", "[::1]", true),
            ("[::1]:80", "::1", false),
            ("fd00::/8", "fd12::7", true),
            ("::/0", "fd12::7", true),
            ("fd00::/8", "10.1.2.3", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("", "soar.example.com", false),
            (".", "soar.example.com", false),
            ("*.", "soar.example.com", false),
        ];
        for (entry, host, expected) in table {
            assert_eq!(matches(entry, host, 443), expected, "'{entry}' for {host}");
        }
    }
}
