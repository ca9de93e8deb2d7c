//! Manifests that are changed and then sealed again, so that more than their digest is put to the test.

use std::fs;
use std::path::Path;

use jingwei_bundle::seal;
use serde_json::Value;

/// The content of a bundle's manifest, without its digest.
pub fn manifest(bundle: &Path) -> Value {
    let bytes = fs::read(bundle.join("jingwei.json")).unwrap();
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    manifest.as_object_mut().unwrap().remove("sha256").unwrap();
    manifest
}

/// Writes a manifest with the digest that fits it.
pub fn write_sealed(bundle: &Path, manifest: &str) {
    fs::write(bundle.join("jingwei.json"), seal(manifest.as_bytes())).unwrap();
}
