#![no_main]

mod victim;

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

fuzz_target!(|data: &[u8]| {
    let victim = victim::victim();
    let Ok(mut manifest) = serde_json::from_slice::<serde_json::Value>(&victim.manifest) else {
        return;
    };
    let hash: String = Sha256::digest(data)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    manifest["weights"]["bytes"] = data.len().into();
    manifest["weights"]["sha256"] = hash.into();
    let weights = std::fs::write(victim.path("model.safetensors"), data);
    let manifest = victim.write_manifest(manifest.to_string().as_bytes());
    if weights.is_ok() && manifest.is_ok() {
        victim.load();
    }
});
