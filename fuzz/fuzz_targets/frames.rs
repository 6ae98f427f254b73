//! STOMP frames from a broker, whole and in pieces: both must decode to the same.
#![no_main]

use circuits_stomp::internals::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, wire) = input;
    assert_eq!(decode(wire, usize::MAX), decode(wire, usize::from(piece).max(1)));
});
