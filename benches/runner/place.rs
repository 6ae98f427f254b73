//! The broker of the messages: a real one, or the sandbox's.

use std::fmt;
use std::path::Path;

use circuits_sandbox::{Builder, Sandbox};
use circuits_tests::broker::{Broker, Kind, PASSWORD, USER};
use circuits_tests::raw::Client;
use clap::ValueEnum;

/// A kind of broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    #[value(name = "activemq")]
    ActiveMq,
    #[value(name = "rabbitmq")]
    RabbitMq,
    Sandbox,
}

impl Name {
    /// The kind of a real broker.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Self::ActiveMq => Some(Kind::ActiveMq),
            Self::RabbitMq => Some(Kind::RabbitMq),
            Self::Sandbox => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ActiveMq => "ActiveMQ",
            Self::RabbitMq => "RabbitMQ",
            Self::Sandbox => {
                "The sandbox's broker, which keeps messages in memory and is part of the sender's process"
            }
        })
    }
}

/// A broker, and the platform that sends through it.
pub(crate) struct Place {
    pub(crate) sandbox: Sandbox,
    broker: Option<Broker>,
}

impl Place {
    /// Starts both.
    pub(crate) async fn start(name: Name, platform: Builder) -> Self {
        let Some(kind) = name.kind() else {
            let sandbox = platform.api_key(USER, PASSWORD).start().await.unwrap();
            return Self { sandbox, broker: None };
        };
        let broker = tokio::task::spawn_blocking(move || Broker::start(kind)).await.unwrap();
        let platform = platform.api_key(USER, PASSWORD).external_broker(broker.tls_port, broker.ca_file());
        Self { sandbox: platform.start().await.unwrap(), broker: Some(broker) }
    }

    /// A connection that may use every queue.
    pub(crate) async fn connect(&self) -> Client {
        match &self.broker {
            Some(broker) => Client::connect(broker).await,
            None => {
                let (port, ca) = (self.sandbox.stomp_port(), self.sandbox.ca_file());
                let password = self.sandbox.credentials().admin_password;
                Client::connect_to(port, ca, None, "admin", &password).await.unwrap()
            }
        }
    }

    /// An app.config that reaches both.
    pub(crate) fn config(&self) -> String {
        let host = self.broker.as_ref().and_then(Broker::virtual_host);
        let host = host.map_or(String::new(), |host| format!("stomp_vhost={host}\n"));
        format!("{}{host}", self.sandbox.app_config())
    }

    /// The facts about the broker that a consumer in raw bytes needs: port, authorities, virtual host, prefetch.
    pub(crate) fn of(config: &str) -> (u16, &Path, Option<&str>, &str) {
        let value = |key: &str| config.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let authorities = value("stomp_cafile").or_else(|| value("cafile")).unwrap();
        (
            value("stomp_port").unwrap().parse().unwrap(),
            Path::new(authorities),
            value("stomp_vhost"),
            value("stomp_prefetch_limit").unwrap(),
        )
    }
}
