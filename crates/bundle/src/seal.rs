//! The digest that a manifest begins with: it covers every byte behind it.
//!
//! A sealed manifest is `{"sha256":"` + 64 hexadecimal digits + `",` + the rest of the object. The digest is the SHA-256
//! of that rest, as bytes, so checking it needs no canonical form of JSON and no byte is left uncovered.

use sha2::{Digest, Sha256};

use jingwei_files::hexadecimal;

const START: &[u8] = b"{\"sha256\":\"";
const DIGITS: usize = 64;
const END: &[u8] = b"\",";
/// Where the covered bytes begin.
const COVERED: usize = START.len() + DIGITS + END.len();

/// Puts the digest in front of a manifest, an object that has no `sha256` of its own yet.
///
/// The digest tells damage, not origin: anybody can compute it, and tests of hostile manifests do.
///
/// ```
/// let sealed = jingwei_bundle::seal(b"{\"format\":\"jingwei-bundle\"}");
/// assert!(sealed.starts_with(b"{\"sha256\":\"77b3"), "{}", String::from_utf8_lossy(&sealed));
/// assert!(sealed.ends_with(b"\",\"format\":\"jingwei-bundle\"}"));
/// ```
#[must_use]
pub fn seal(manifest: &[u8]) -> Vec<u8> {
    let covered = manifest.strip_prefix(b"{").unwrap_or(manifest);
    [START, digest(covered).as_bytes(), END, covered].concat()
}

/// The manifest without its digest, if it is the right one; otherwise the cause.
pub(crate) fn open(mut sealed: Vec<u8>) -> Result<Vec<u8>, String> {
    let covered = sealed.get(COVERED..);
    let covered = covered.filter(|_| sealed.starts_with(START));
    let Some(covered) = covered.filter(|_| sealed[..COVERED].ends_with(END)) else {
        return Err("does not begin with its own SHA-256".to_owned());
    };
    if digest(covered).as_bytes() != &sealed[START.len()..][..DIGITS] {
        return Err("its SHA-256 is not the one that it begins with".to_owned());
    }
    sealed.drain(..COVERED - 1);
    sealed[0] = b'{';
    Ok(sealed)
}

fn digest(covered: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(covered))
}
