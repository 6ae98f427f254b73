//! app.config in any state that operators and their editors may leave it in.
#![no_main]

use circuits::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(config) = Config::from_text(text) {
        let _ = (config.effective().len(), config.secrets().len(), config.warnings().len());
    }
});
