//! Faults that end the runner at its start, and their kinds of failure.

use circuits::Failure;
use circuits::config::Config;

use crate::broker::{Broker, PASSWORD};
use crate::certs::{Authority, Flaw};
use crate::probe::Probe;
use crate::world::{On, World, launch};

async fn failure(world: &World, probe: &Probe, resilient: &str) -> (Failure, String) {
    failure_of(world.config(probe, resilient)).await
}

async fn failure_of(config: Config) -> (Failure, String) {
    let error = match launch(config).await {
        Err(error) => error,
        Ok(running) => running.ended().await.unwrap_err(),
    };
    (error.failure(), error.to_string())
}

/// An unknown authority, another host's certificate, an expired one, a missing file.
pub async fn certificates_that_do_not_hold(on: On) {
    let probe = Probe::new("certificates");
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(on).await;
    let other = Authority::new(directory.path(), "other").file;
    let (kind, text) = failure(&world, &probe, &format!("stomp_cafile={}", other.display())).await;
    assert_eq!(kind, Failure::Certificate, "{text}");
    let missing = directory.path().join("missing.pem");
    let (kind, text) = failure(&world, &probe, &format!("stomp_cafile={}", missing.display())).await;
    assert_eq!(kind, Failure::CaFile, "{text}");
    assert!(text.contains("missing.pem"), "{text}");
    for flaw in [Flaw::WrongHost, Flaw::Expired] {
        let world = World::with_certificate(on, flaw).await;
        let (kind, text) = failure(&world, &probe, "").await;
        assert_eq!(kind, Failure::Certificate, "{flaw:?}: {text}");
    }
}

/// Credentials that the broker refuses, and a queue that the account may not read.
pub async fn wrong_password_and_forbidden_queue(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("forbidden");
    let text = format!("{}{}queue=forbidden\n", world.app_config(""), probe.section());
    let (kind, text) = failure_of(Config::from_text(&text).unwrap()).await;
    assert_eq!(kind, Failure::StompQueue, "{text}");
    assert!(text.contains("actions.201.forbidden"), "{text}");

    if let On::Real(kind) = on {
        // The REST account stays valid: only the broker has another password.
        let broker =
            tokio::task::spawn_blocking(move || Broker::with_password(kind, "another")).await.unwrap();
        let lines = format!("stomp_hosts=localhost:{}\n", broker.tls_port);
        let text = world.app_config(&lines).replace(
            &world.broker.as_ref().unwrap().ca_file().display().to_string(),
            &broker.ca_file().display().to_string(),
        );
        let (kind, text) =
            failure_of(Config::from_text(&format!("{text}{}", probe.section())).unwrap()).await;
        assert_eq!(kind, Failure::StompCredentials, "{text}");
        assert!(!text.contains(PASSWORD), "{text}");
    }
    let text = world.app_config("").replace("api_key_secret=", "api_key_secret=wrong");
    let (kind, text) = failure_of(Config::from_text(&format!("{text}{}", probe.section())).unwrap()).await;
    assert_eq!(kind, Failure::Credentials, "{text}");
}
