//! SHA-256 of files and of weights.

use jingwei_engine::Layout;
use jingwei_files::hexadecimal;
use sha2::{Digest, Sha256};

/// SHA-256 of the parameters alone, in lower-case hexadecimal.
///
/// The tensors are taken in the order of their names (as bytes). Each adds, all numbers little-endian: the length of
/// the name (u64), the name in UTF-8, the rank (u64), the sizes (u64 each), the values (f32 each). So two trainings have
/// the same hash exactly if they ended in the same weights, however those are stored.
///
/// # Panics
/// If `values` is shorter than the layout.
#[must_use]
pub fn weights_hash(layout: &Layout, values: &[f32]) -> String {
    let mut entries: Vec<_> = layout.entries().iter().collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hasher = Sha256::new();
    for entry in entries {
        hasher.update((entry.name.len() as u64).to_le_bytes());
        hasher.update(&entry.name);
        hasher.update((entry.sizes.len() as u64).to_le_bytes());
        for &size in &entry.sizes {
            hasher.update((size as u64).to_le_bytes());
        }
        for chunk in values[entry.range()].chunks(CHUNK) {
            hasher.update(bytes(chunk));
        }
    }
    hexadecimal(hasher)
}

/// Floats that are turned into bytes at once.
const CHUNK: usize = 1 << 14;

/// Floats as little-endian bytes.
pub(crate) fn bytes(values: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(values)];
    for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
        *bytes = value.to_le_bytes();
    }
    bytes
}
