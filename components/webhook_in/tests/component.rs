//! The component on its own: what it defines, and the settings with which it does not start.

use circuits_testing::{Kit, Mock};
use webhook_in as _;

#[test]
fn it_defines_the_field_by_which_incidents_are_found() {
    let linked = circuits::registrations();
    let definitions = linked[0].platform_definitions();
    assert!(format!("{definitions:?}").contains("webhook_key"), "{definitions:?}");
    assert!(definitions.destinations().is_empty(), "it takes no messages: {definitions:?}");
}

#[tokio::test]
async fn it_starts_as_it_ships_and_not_with_a_secret_that_anybody_can_know() {
    Kit::new("webhook_in", Mock::new()).await.unwrap();
    for secret in ["hunter22", "$NOT_IN_THE_ENVIRONMENT"] {
        let section = format!("[webhook_in]\nshared_secret={secret}\n");
        let error = Kit::configured("webhook_in", &section, Mock::new()).await.unwrap_err().to_string();
        assert!(error.contains("[webhook_in]") && error.contains("shared_secret"), "{error}");
        assert!(!error.contains("hunter22"), "{error}");
    }
}
