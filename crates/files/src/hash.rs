use std::fs::File;
use std::io::{Read, Result};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Bytes that are read at once.
const CHUNK: usize = 1 << 16;

/// The SHA-256 of a file's content, in lower-case hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn hash(path: &Path) -> Result<String> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hexadecimal(hasher)),
            read => hasher.update(&chunk[..read]),
        }
    }
}

/// A digest as text, in lower-case hexadecimal.
#[must_use]
pub fn hexadecimal(hasher: Sha256) -> String {
    hex::encode(hasher.finalize())
}
