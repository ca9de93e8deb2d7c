//! Any source: finding out what lies at a path, and reading it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cifar10::{self, read_cifar10};
use crate::csv::{CsvOptions, CsvTarget, read_csv};
use crate::idx::{find_pair, read_idx_prefix};
use crate::image::Size;
use crate::image_folder::{FolderOptions, entries, is_picture, name_of, read_image_folder};
use crate::{Dataset, Error, Limits, OnBad, Result};

/// The kinds of sources that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A pair of IDX files, named by a prefix.
    Idx,
    /// CIFAR-10 in its binary format.
    Cifar10,
    /// A folder of class folders of pictures.
    ImageFolder,
    /// A table.
    Csv,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Idx => "IDX files",
            Self::Cifar10 => "CIFAR-10 binary files",
            Self::ImageFolder => "a folder of class folders",
            Self::Csv => "a table",
        })
    }
}

/// What [`detect`] found; the paths are those that [`read`] takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The kind of the source.
    pub kind: SourceKind,
    /// The part to train on, or the whole.
    pub train: PathBuf,
    /// The part to validate on, if there is one.
    pub valid: Option<PathBuf>,
    /// The part to test on, if there is one.
    pub test: Option<PathBuf>,
}

/// How to read a source; what a kind does not need is passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The size of pictures; needed for folders of pictures.
    pub size: Option<Size>,
    /// The target of a table.
    pub target: CsvTarget,
    /// The feature columns of a table; none: all but the target.
    pub columns: Option<Vec<String>>,
    /// The classes in the order of their numbers; none: those that occur. Give the training classes for other parts.
    pub classes: Option<Vec<String>>,
    /// The character between the fields of a table; none: by the file's name.
    pub delimiter: Option<u8>,
    /// What to do about bad samples.
    pub on_bad: OnBad,
}

/// Reads whatever lies at a path.
///
/// # Errors
/// If it is none of the known kinds, and as the reader of its kind.
pub fn read(path: &Path, options: &ReadOptions, limits: &Limits) -> Result<Dataset> {
    let found = detect(path)?;
    let named = |data: Dataset| match &options.classes {
        Some(classes) => data.with_class_names(classes.clone()),
        None => Ok(data),
    };
    match found.kind {
        SourceKind::Idx => named(read_idx_prefix(&found.train, limits)?),
        SourceKind::Cifar10 => named(read_cifar10(path, limits)?),
        SourceKind::ImageFolder => {
            let size = options.size.ok_or_else(|| {
                let cause = "pictures in a folder may have any size";
                Error::setting(
                    "size",
                    cause,
                    "say which height, width and channels they shall have",
                )
            })?;
            let options = FolderOptions {
                size,
                classes: options.classes.clone(),
                on_bad: options.on_bad,
            };
            read_image_folder(path, &options, limits)
        }
        SourceKind::Csv => {
            let options = CsvOptions {
                target: options.target.clone(),
                columns: options.columns.clone(),
                classes: options.classes.clone(),
                delimiter: options.delimiter,
                on_bad: options.on_bad,
            };
            read_csv(path, &options, limits)
        }
    }
}

/// Finds out what lies at a path: a file, a folder, or the common first part of the names of IDX files.
///
/// # Errors
/// If it is none of the known kinds, saying what would be.
pub fn detect(path: &Path) -> Result<Found> {
    if path.is_dir() {
        return detect_folder(path);
    }
    if path.is_file() {
        return detect_file(path);
    }
    if find_pair(path).is_ok() {
        return Ok(whole(SourceKind::Idx, path));
    }
    if cifar10::find_files(path).is_ok() {
        return Ok(whole(SourceKind::Cifar10, path));
    }
    let cause = match path.exists() {
        true => "neither a file nor a folder",
        false => "there is no file or folder of this name",
    };
    let source = std::io::Error::new(std::io::ErrorKind::NotFound, cause);
    Err(Error::unreadable(path, source))
}

fn whole(kind: SourceKind, path: &Path) -> Found {
    Found {
        kind,
        train: path.to_owned(),
        valid: None,
        test: None,
    }
}

fn detect_file(path: &Path) -> Result<Found> {
    let name = name_of(path).to_lowercase();
    if let Some(prefix) = idx_prefix(path) {
        return Ok(whole(SourceKind::Idx, &prefix));
    }
    let has_extension =
        |extensions: &[&str]| extensions.iter().any(|extension| name.ends_with(extension));
    if has_extension(&[".bin"]) {
        return Ok(whole(SourceKind::Cifar10, path));
    }
    if has_extension(&[".csv", ".tsv", ".txt"]) && !starts_binary(path) {
        return Ok(whole(SourceKind::Csv, path));
    }
    let cause = match is_picture(path) {
        true => "one picture is no dataset",
        false => "it is neither an IDX file, a CIFAR-10 file nor a table (.csv, .tsv)",
    };
    Err(Error::content(
        path.display(),
        cause,
        "give a folder of class folders, IDX files, or a table",
    ))
}

/// Zero bytes do not occur in text.
fn starts_binary(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_end(&mut start));
    read.is_ok() && start.contains(&0)
}

/// The prefix that an IDX file of images belongs to, if its labels lie beside it.
fn idx_prefix(path: &Path) -> Option<PathBuf> {
    let name = name_of(path);
    let stem = &name[..name.find("-images").or_else(|| name.find("-labels"))?];
    let prefix = path.with_file_name(stem);
    find_pair(&prefix).is_ok().then_some(prefix)
}

fn detect_folder(folder: &Path) -> Result<Found> {
    let paths = entries(folder)?;
    let mut prefixes: Vec<PathBuf> = paths
        .iter()
        .filter(|path| path.is_file())
        .filter_map(|path| idx_prefix(path))
        .collect();
    prefixes.dedup();
    if !prefixes.is_empty() {
        return Ok(parts(SourceKind::Idx, &prefixes, folder));
    }
    if folder.join("data_batch_1.bin").is_file() {
        let test = Some(folder.join("test_batch.bin")).filter(|test| test.is_file());
        return Ok(Found {
            test,
            ..whole(SourceKind::Cifar10, folder)
        });
    }
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| path.is_dir());
    let nested: Vec<PathBuf> = folders
        .iter()
        .filter(|path| has_folders(path))
        .cloned()
        .collect();
    if nested
        .iter()
        .any(|path| name_of(path).to_lowercase() == "train")
    {
        return Ok(parts(SourceKind::ImageFolder, &nested, folder));
    }
    if !folders.is_empty() {
        return Ok(whole(SourceKind::ImageFolder, folder));
    }
    let is_table =
        |path: &PathBuf| detect_file(path).is_ok_and(|found| found.kind == SourceKind::Csv);
    let tables: Vec<PathBuf> = files.into_iter().filter(is_table).collect();
    match tables.len() {
        0 => {
            let cause = "neither class folders, IDX files, CIFAR-10 files nor a table lie in it";
            Err(Error::content(
                folder.display(),
                cause,
                "put the pictures of each class into a folder of its name",
            ))
        }
        1 => Ok(whole(SourceKind::Csv, &tables[0])),
        _ => Ok(parts(SourceKind::Csv, &tables, folder)),
    }
}

fn has_folders(folder: &Path) -> bool {
    entries(folder).is_ok_and(|paths| paths.iter().any(|path| path.is_dir()))
}

/// Tells the parts of a source by their names.
fn parts(kind: SourceKind, paths: &[PathBuf], folder: &Path) -> Found {
    let named = |names: &[&str]| {
        let stem = |path: &PathBuf| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .to_lowercase()
        };
        paths
            .iter()
            .find(|path| names.contains(&stem(path).as_str()))
            .cloned()
    };
    let train = named(&["train", "training"]).or_else(|| paths.first().cloned());
    let valid = named(&["valid", "validation", "val", "dev"]);
    Found {
        kind,
        train: train.unwrap_or_else(|| folder.to_owned()),
        valid,
        test: named(&["test", "t10k"]),
    }
}
