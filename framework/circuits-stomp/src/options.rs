//! Where to connect, as whom, and within which bounds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Kind};
use crate::tls::Tls;

/// One broker address. Parsed from `host:port`, an IPv6 address in brackets; displayed the same way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Host name or address, without brackets. This is the name that the broker's certificate must carry.
    pub name: String,
    /// TCP port of the broker's `stomp+ssl` listener.
    pub port: u16,
}

impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::new(
                Kind::Options,
                format!(
                    "{text:?} is not a broker address ({why}): write host:port, an IPv6 address as [::1]:65001"
                ),
            )
        };
        let (name, port) = text.trim().rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
        let port =
            port.parse().ok().filter(|port| *port != 0).ok_or_else(|| wrong("the port is not 1 to 65535"))?;
        let bare = match name.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or_else(|| wrong("the bracket is not closed"))?,
            None if name.contains(':') => return Err(wrong("an IPv6 address needs brackets")),
            None => name,
        };
        if bare.is_empty() || bare.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
            return Err(wrong("the host name is empty or malformed"));
        }
        Ok(Self { name: bare.to_owned(), port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// What CONNECT says in its `host` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VirtualHost {
    /// The name of the host connected to, as the specification asks; no header for a broker that does not know it.
    Connected,
    Named(String),
    /// No header at all.
    Omitted,
}

/// How to connect. Built with [`Options::new`] and the setters; each setter names its default.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) hosts: Vec<Host>,
    pub(crate) credentials: Option<(String, SecretString)>,
    pub(crate) virtual_host: VirtualHost,
    pub(crate) tls: Tls,
    pub(crate) beat_send: Duration,
    pub(crate) beat_receive: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) max_header: usize,
}

impl Options {
    /// Brokers that share their queues; they are tried in turn.
    ///
    /// # Errors
    /// An empty list.
    pub fn new(hosts: Vec<Host>) -> Result<Self, Error> {
        if hosts.is_empty() {
            return Err(Error::new(
                Kind::Options,
                "no broker address was given: name at least one host:port",
            ));
        }
        Ok(Self {
            hosts,
            credentials: None,
            virtual_host: VirtualHost::Connected,
            tls: Tls::system(),
            beat_send: Duration::from_secs(15),
            beat_receive: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(60),
            max_body: 64 * 1024 * 1024,
            max_header: 2 * 1024 * 1024,
        })
    }

    /// `login` and `passcode` of CONNECT. Default: neither is sent.
    #[must_use]
    pub fn credentials(self, login: impl Into<String>, passcode: SecretString) -> Self {
        Self { credentials: Some((login.into(), passcode)), ..self }
    }

    /// The `host` header of CONNECT. Default: the name of the host connected to, and for a broker that does not know a virtual
    /// host of that name, no header. ActiveMQ ignores it; RabbitMQ wants the name of a virtual host here (`/`), or
    /// [no header](Self::no_virtual_host).
    #[must_use]
    pub fn virtual_host(self, host: impl Into<String>) -> Self {
        Self { virtual_host: VirtualHost::Named(host.into()), ..self }
    }

    /// Leaves the `host` header of CONNECT out.
    #[must_use]
    pub fn no_virtual_host(self) -> Self {
        Self { virtual_host: VirtualHost::Omitted, ..self }
    }

    /// Whom to trust and who we are. Default: [`Tls::system`]. There is no session without TLS.
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }

    /// Heart-beat intervals that we offer for sending and ask for receiving. Default: 15 s each; zero switches a direction
    /// off. The broker may lengthen either. A peer that sent nothing for twice the agreed interval counts as dead.
    #[must_use]
    pub fn heart_beat(self, send: Duration, receive: Duration) -> Self {
        Self { beat_send: send, beat_receive: receive, ..self }
    }

    /// Bounds one try from the TCP connection to CONNECTED, and then the confirmation of the subscriptions. Default: 60 s.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout, ..self }
    }

    /// Text from the broker, without our passcode in case the broker echoes it.
    pub(crate) fn scrub(&self, text: &str) -> String {
        match &self.credentials {
            Some((_, passcode)) if !passcode.expose_secret().is_empty() => {
                text.replace(passcode.expose_secret(), "***")
            }
            _ => text.to_owned(),
        }
    }

    /// Larger bodies are skipped unread and delivered with a [`Flaw`](crate::Flaw). Default: 64 MiB.
    #[must_use]
    pub fn max_body(self, bytes: usize) -> Self {
        Self { max_body: bytes, ..self }
    }

    /// Bounds the header block of one frame; of a longer one, only the headers that fit and those needed to answer are kept,
    /// and the delivery has a [`Flaw`](crate::Flaw). Default: 2 MiB.
    #[must_use]
    pub fn max_header(self, bytes: usize) -> Self {
        Self { max_header: bytes, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_print_alike() {
        for text in ["broker.example.com:65001", "127.0.0.1:1", "[::1]:65001"] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        assert_eq!("[::1]:5".parse::<Host>().unwrap().name, "::1");
    }

    #[test]
    fn wrong_addresses_name_the_cure() {
        for text in
            ["broker", "broker:", "broker:0", "broker:70000", "::1:5", "[::1:5", ":5", "a b:5", "https://b:5"]
        {
            let error = text.parse::<Host>().unwrap_err();
            assert!(error.to_string().contains("write host:port"), "{text}: {error}");
        }
        assert!(Options::new(vec![]).unwrap_err().to_string().contains("host:port"));
    }

    #[test]
    fn the_passcode_is_not_shown() {
        let options = Options::new(vec!["b:1".parse().unwrap()]).unwrap().credentials("app", "s3cret".into());
        assert!(!format!("{options:?}").contains("s3cret"));
    }
}
