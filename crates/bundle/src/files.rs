//! Files of a bundle: opened without following links, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Error, Existing, Result};

/// Opens a regular file and tells its size; a symbolic link, a device or a pipe is refused.
pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    let link = |error: &io::Error| platform::is_link_error(error) || path.is_symlink();
    let file = platform::without_links(OpenOptions::new().read(true))
        .open(path)
        .map_err(|error| match link(&error) {
            true => Error::refused(
                path,
                "is a symbolic link, and a bundle holds plain files only",
            ),
            false => Error::reading(path, error),
        })?;
    let metadata = file
        .metadata()
        .map_err(|error| Error::reading(path, error))?;
    if !metadata.is_file() {
        return Err(Error::refused(path, "is no plain file"));
    }
    Ok((file, metadata.len()))
}

/// Reads a whole file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let (file, size) = open(path)?;
    let too_large = || Error::refused(path, format!("has more than {limit} bytes"));
    if size > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // One byte more tells a file that grew meanwhile.
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::reading(path, error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

/// A folder under a temporary name beside its destination; removed again unless it is put in place.
pub(crate) struct Draft {
    folder: PathBuf,
    destination: PathBuf,
}

static DRAFTS: AtomicUsize = AtomicUsize::new(0);

impl Draft {
    /// Makes the temporary folder.
    pub(crate) fn new(destination: &Path) -> Result<Self> {
        let name = destination.file_name().ok_or_else(|| Error::Exists {
            path: destination.to_owned(),
            cause: "is no name for a new folder".to_owned(),
            remedy: "end the path in the bundle's name",
        })?;
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            ".{}.part-{}-{number}",
            name.to_string_lossy(),
            std::process::id()
        );
        let folder = destination.with_file_name(name);
        // A process of the same number that was killed may have left it.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).map_err(|error| Error::writing(&folder, error))?;
        Ok(Self {
            folder,
            destination: destination.to_owned(),
        })
    }

    /// Writes one file and waits until it is on the disk.
    pub(crate) fn write(&self, name: &str, parts: &[&[u8]]) -> Result<()> {
        let path = self.folder.join(name);
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)?;
            parts.iter().try_for_each(|part| file.write_all(part))?;
            file.sync_all()
        };
        write().map_err(|error| Error::writing(&path, error))
    }

    /// Gives the folder its name. What was there is replaced in one step if `existing` says so.
    pub(crate) fn put_in_place(self, existing: Existing) -> Result<()> {
        platform::sync_folder(&self.folder).map_err(|error| Error::writing(&self.folder, error))?;
        if existing == Existing::Replace && self.destination.is_dir() {
            replace(&self.folder, &self.destination)
        } else {
            fs::rename(&self.folder, &self.destination)
        }
        .and_then(|()| platform::sync_folder(parent(&self.destination)))
        .map_err(|error| Error::writing(&self.destination, error))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a replacement this is the old bundle, after a failure the new one, else it is gone.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Lets two folders change their names: in one step where the system can, else with the old one set aside meanwhile.
fn replace(new: &Path, old: &Path) -> io::Result<()> {
    if platform::exchange(new, old).is_ok() {
        return Ok(());
    }
    let aside = new.with_extension("old");
    fs::rename(old, &aside)?;
    if let Err(error) = fs::rename(new, old) {
        fs::rename(&aside, old)?;
        return Err(error);
    }
    fs::remove_dir_all(&aside)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
mod platform {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use rustix::fs::OFlags;

    /// `NONBLOCK` keeps a pipe in the place of a file from waiting for a writer.
    pub(super) fn without_links(options: &mut OpenOptions) -> &OpenOptions {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        options.custom_flags(flags.bits().cast_signed())
    }

    pub(super) fn is_link_error(error: &io::Error) -> bool {
        error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
    }

    pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    pub(super) fn exchange(a: &Path, b: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub(super) fn exchange(_a: &Path, _b: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(not(unix))]
mod platform {
    use std::fs::OpenOptions;
    use std::io;
    use std::path::Path;

    /// On Windows a link is opened itself, and is then no plain file.
    pub(super) fn without_links(options: &mut OpenOptions) -> &OpenOptions {
        #[cfg(windows)]
        {
            use std::os::windows::fs::OpenOptionsExt;
            const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
            options.custom_flags(OPEN_REPARSE_POINT);
        }
        options
    }

    pub(super) fn is_link_error(_error: &io::Error) -> bool {
        false
    }

    pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn exchange(_a: &Path, _b: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
