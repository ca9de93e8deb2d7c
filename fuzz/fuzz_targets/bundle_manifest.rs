#![no_main]

mod victim;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| {
    let victim = victim::victim();
    if victim.write_manifest(data).is_ok() {
        victim.load();
    }
});

// Starts from the sound manifest, which no fuzzer would guess.
fuzz_mutator!(
    |data: &mut [u8], size: usize, max_size: usize, _seed: u32| {
        let sound = &victim::victim().manifest;
        if size <= 1 && sound.len() <= max_size.min(data.len()) {
            data[..sound.len()].copy_from_slice(sound);
            return fuzzer_mutate(data, sound.len(), max_size);
        }
        fuzzer_mutate(data, size, max_size)
    }
);
