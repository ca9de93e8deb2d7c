//! A folder of class folders of text files.

use std::path::{Path, PathBuf};

use crate::encoding::{decode, named};
use crate::read::rows::{Bad, Collector};
use crate::{Error, OnBad, Result};

pub(super) fn read(path: &Path, collector: &mut Collector) -> Result<()> {
    let mut stray = 0_u64;
    for class in entries(path)? {
        if !class.is_dir() {
            stray += 1;
            continue;
        }
        let Some(name) = class.file_name().and_then(|name| name.to_str()) else {
            return Err(Error::content(
                class.display(),
                "its name is not Unicode",
                "rename it",
            ));
        };
        if name.starts_with('.') {
            continue;
        }
        let name = name.to_owned();
        for file in entries(&class)? {
            let text_file = file
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("txt"));
            if text_file && file.is_file() {
                read_one(&file, &name, collector)?;
            } else {
                stray += 1;
            }
        }
    }
    if stray > 0 {
        collector.notes.push(format!(
            "{}: {stray} entries that are not `class/text.txt` were left alone",
            path.display()
        ));
    }
    Ok(())
}

/// What is in a folder, sorted by name, so that nothing depends on the file system's order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |source| Error::unreadable(folder, source);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn read_one(file: &Path, class: &str, collector: &mut Collector) -> Result<()> {
    let unreadable = |source| Error::unreadable(file, source);
    let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
    // UTF-16 takes at most two bytes for what is one in UTF-8.
    if bytes > collector.options.max_text_bytes as u64 * 2 {
        collector.begin(file, "UTF-8");
        let detail = format!(
            "{bytes} bytes, the limit is {}",
            collector.options.max_text_bytes
        );
        let bad = Bad::new("text too long", detail, "cut it, or raise `max_text_bytes`");
        return collector.set_aside(file, 1, bad);
    }
    let content = std::fs::read(file).map_err(unreadable)?;
    let (text, encoding) = match &collector.options.encoding {
        Some(name) => {
            let (text, encoding, _) = named(name)?.decode(&content);
            (text.into_owned(), encoding.name())
        }
        None => {
            let decoded = decode(&content, OnBad::Quarantine)?;
            (decoded.text, decoded.encoding)
        }
    };
    collector.begin(file, encoding);
    collector.with_labels(file, 1, text.trim(), &[class])
}
