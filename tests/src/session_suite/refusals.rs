//! Brokers that refuse us, and brokers that we refuse.

use circuits_stomp::{Error, Host, Options, Session, State, Subscription, Tls};

use super::{QUEUE, correlation, options, patient, until};
use crate::broker::{Broker, FORBIDDEN, Kind, USER};
use crate::certs::{Authority, Flaw};
use crate::raw::Client;

/// A subscription that the account may not have is refused; another one works nevertheless.
pub async fn a_forbidden_queue_leaves_the_rest_alone(broker: &mut Broker) {
    let (session, mut deliveries) = Session::start(options(broker));
    let subscribe = |destination: &str| {
        patient(session.subscribe(Subscription { destination: destination.to_owned(), prefetch: 10 }))
    };
    let error = subscribe(FORBIDDEN).await.unwrap_err();
    assert!(error.is_unauthorised() && error.is_refused(), "{error:?}");
    assert!(error.to_string().contains(FORBIDDEN), "{error}");
    subscribe(QUEUE).await.unwrap();
    Client::connect(broker).await.send(QUEUE, &[("correlation-id", b"1")], "").await;
    let delivery = patient(deliveries.recv()).await.unwrap();
    assert_eq!(correlation(&delivery), "1");
    assert!(session.ack(&delivery.token));
    super::close(&session).await;
}

/// A wrong password, and an authority other than the one that signed the broker's certificate.
pub async fn strangers_end_it(broker: &mut Broker) {
    let error = ended(options(broker).credentials(USER, "wrong".into())).await;
    assert!(error.is_credentials() && error.is_permanent(), "{error:?}");
    let stranger = Authority::new(broker.directory(), "stranger");
    let error = ended(options(broker).tls(Tls::cafile(stranger.file))).await;
    assert!(error.is_certificate() && error.is_permanent(), "{error:?}");
}

/// A certificate of another host, and an expired one.
pub async fn flawed_certificates_end_it(kind: Kind) {
    for flaw in [Flaw::WrongHost, Flaw::Expired] {
        let broker = Broker::with_certificate(kind, flaw);
        let error = ended(options(&broker)).await;
        assert!(error.is_certificate() && error.is_permanent(), "{flaw:?}: {error:?}");
        let cure = if flaw == Flaw::Expired { "expired" } else { "another host name" };
        assert!(error.to_string().contains(cure), "{flaw:?}: {error}");
        // The certificate names the address too.
        let host = Host { name: "127.0.0.1".to_owned(), port: broker.tls_port };
        let error = ended(Options::new(vec![host]).unwrap().tls(Tls::cafile(broker.ca_file()))).await;
        assert!(error.is_certificate(), "{flaw:?}: {error:?}");
    }
}

/// The reason of a session that ends for good at its start.
async fn ended(options: Options) -> Error {
    let (session, _deliveries) = Session::start(options);
    match until(&session, |state| matches!(state, State::Closed { .. })).await {
        State::Closed { reason: Some(reason) } => (*reason).clone(),
        state => panic!("{state:?}"),
    }
}
