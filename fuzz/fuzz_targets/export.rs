//! Exports of platforms: JSON, zip archives, base64.
#![no_main]

use circuits_deploy::read_export;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_export(bytes);
});
