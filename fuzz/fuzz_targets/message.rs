//! Action messages, and everything that a handler may ask one for.
#![no_main]

use circuits::message::ActionMessage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(message) = ActionMessage::parse(body) else { return };
    let _ = (message.action_id(), message.incident_id(), message.incident(), message.object());
    let _ = (message.user(), message.principal(), message.type_info());
});
