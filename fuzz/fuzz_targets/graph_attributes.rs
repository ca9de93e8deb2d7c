#![no_main]

// The same cases as the engine's own tests walk a fixed stretch of.
#[path = "../../crates/engine/tests/it/hostile/mod.rs"]
mod hostile;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(case) = hostile::Case::of(data) {
        case.run();
    }
});
