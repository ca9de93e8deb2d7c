//! How much memory untrusted files may make a reader use.

use std::fs::File;
use std::path::Path;

use crate::{Error, Result};

/// Bounds that every reader keeps to before it allocates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one dataset may occupy in memory; default 16 GiB.
    pub dataset_bytes: u64,
    /// Bytes that one picture may occupy while it is decoded; default 1 GiB.
    pub image_bytes: u64,
    /// Pixels of one picture; default 1 Gi.
    pub image_pixels: u64,
    /// Largest width and height of a picture in pixels; default 32,768.
    pub image_side: u32,
    /// Largest size of one picture file in bytes; default 256 MiB.
    pub image_file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            dataset_bytes: 16 << 30,
            image_bytes: 1 << 30,
            image_pixels: 1 << 30,
            image_side: 32_768,
            image_file_bytes: 256 << 20,
        }
    }
}

impl Limits {
    /// Reserves room for `needed` bytes, or says why not.
    pub(crate) fn reserve(&self, place: &str, needed: u64) -> Result<Vec<u8>> {
        let too_large = || Error::TooLarge {
            place: place.to_owned(),
            needed,
            limit: self.dataset_bytes,
            remedy: "use a smaller file, or raise the limit if the machine has the memory"
                .to_owned(),
        };
        let length = usize::try_from(needed).map_err(|_| too_large())?;
        if needed > self.dataset_bytes {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| too_large())?;
        Ok(bytes)
    }
}

/// Refuses what is no ordinary file, or has more than `limit` bytes.
pub(crate) fn check_file(path: &Path, limit: u64) -> Result<()> {
    let unreadable = |source| Error::unreadable(path, source);
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let place = path.display().to_string();
    if !metadata.is_file() {
        return Err(Error::content(
            place,
            "it is no ordinary file",
            "give the path of a file",
        ));
    }
    if metadata.len() > limit {
        return Err(Error::TooLarge {
            place,
            needed: metadata.len(),
            limit,
            remedy: "use a smaller file, or raise the limit".to_owned(),
        });
    }
    Ok(())
}
