//! The sample of webhooks that ships with a component is one that works.

use std::path::Path;

use circuits_events::webhooks;

#[test]
fn the_sample_of_the_component_forward_has_no_fault() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../components/forward/webhooks.yml");
    let environment = |name: &str| match name {
        "TICKETS_TOKEN" => Some("t0ken".to_owned()),
        "CHAT_URL" => Some("https://chat.example.com/hooks/T0".to_owned()),
        _ => None,
    };
    let loaded = webhooks::load(&[sample], &environment);
    assert_eq!((&loaded.faults[..], &loaded.warnings[..]), (&[][..], &[][..]));
    let found: Vec<_> =
        loaded.webhooks.iter().map(|hook| (hook.name(), hook.kind().name(), hook.uses_callback())).collect();
    assert_eq!(
        found,
        [
            ("ticket", "action_waiting", true),
            ("chat", "action_failed", false),
            ("alive", "runner_ready", false)
        ]
    );
}
