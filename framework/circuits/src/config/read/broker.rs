//! Settings of the connection to the broker that depend on one another.

use std::time::Duration;

use super::Reader;
use crate::config::Warning;
use crate::config::endpoint::Endpoint;
use crate::config::layers::RESILIENT;
use crate::config::settings::{ReplyMode, VirtualHost};
use crate::config::values::{list, shown};

/// A shorter `stomp_timeout` than this is raised to [`RAISED_STOMP_TIMEOUT`], as the Python runner does.
const SHORTEST_STOMP_TIMEOUT: i64 = 30;
const RAISED_STOMP_TIMEOUT: u64 = 45;

impl Reader<'_> {
    pub(super) fn stomp_hosts(&mut self, host: &str, port: u16) -> Vec<Endpoint> {
        let Some(text) = self.text("stomp_hosts") else {
            let host = self.host_name("stomp_host", "stomp_port").unwrap_or_else(|| host.to_owned());
            return vec![Endpoint { host, port }];
        };
        let (mut endpoints, items) = (Vec::new(), list(&text).collect::<Vec<_>>());
        for item in &items {
            match Endpoint::parse(item, port) {
                Some(endpoint) => endpoints.push(endpoint),
                None if items.len() == 1 => self.refuse("stomp_hosts", "is not host or host:port"),
                None => self.refuse("stomp_hosts", &format!("`{}` is not host or host:port", shown(item))),
            }
        }
        if items.is_empty() {
            self.refuse("stomp_hosts", "must name at least one host or host:port, separated by commas");
        }
        endpoints
    }

    pub(super) fn stomp_vhost(&mut self) -> VirtualHost {
        match self.text("stomp_vhost") {
            None => VirtualHost::HostName,
            Some(text) if text.eq_ignore_ascii_case("none") => VirtualHost::Omit,
            Some(text) => VirtualHost::Name(text),
        }
    }

    pub(super) fn stomp_timeout(&mut self) -> Duration {
        let Some(value) = self.integer("stomp_timeout") else { return Duration::ZERO };
        if value < SHORTEST_STOMP_TIMEOUT {
            self.warnings.push(Warning::caution(format!(
                "[{RESILIENT}] stomp_timeout = {value} is below {SHORTEST_STOMP_TIMEOUT} s; {RAISED_STOMP_TIMEOUT} s are used"
            )));
            return Duration::from_secs(RAISED_STOMP_TIMEOUT);
        }
        self.seconds("stomp_timeout")
    }

    pub(super) fn reply_mode(&mut self) -> ReplyMode {
        match self.text("reply_mode").unwrap_or_default().to_ascii_lowercase().as_str() {
            "confirmed" => ReplyMode::Confirmed,
            "transaction" => ReplyMode::Transaction,
            _ => {
                self.refuse("reply_mode", "must be confirmed or transaction");
                ReplyMode::default()
            }
        }
    }
}
