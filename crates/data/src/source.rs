//! Any source: finding out what lies at a path, and reading it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::csv::{self, CsvTarget};
use crate::image::Size;
use crate::image_folder::{self, is_picture};
use crate::inspect::Summary;
use crate::{Dataset, Error, Limits, OnBad, Result, cifar10, idx};

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

/// A form of data: how it is told from others, looked at and read. Each stands in a file of its own; [`FORMATS`] names
/// them all.
pub(crate) trait Format: Sync {
    /// Its name.
    fn kind(&self) -> SourceKind;

    /// What of it lies at a path: a file, a folder, or the common first part of the names of files; `None` if nothing of
    /// it does.
    ///
    /// # Errors
    /// If a folder cannot be read.
    fn recognise(&self, path: &Path) -> Result<Option<Found>>;

    /// Looks at what was found.
    ///
    /// # Errors
    /// If it is so broken that reading would refuse it.
    fn look(&self, found: &Found, limits: &Limits) -> Result<Summary>;

    /// Reads what lies at a path.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read(&self, path: &Path, options: &ReadOptions, limits: &Limits) -> Result<Dataset>;
}

/// All formats of pictures and rows, in the order in which they are recognised.
const FORMATS: [&dyn Format; 4] = [
    &idx::IdxFiles,
    &cifar10::Cifar10Files,
    &image_folder::ClassFolders,
    &csv::TableFile,
];

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
    let (format, _) = recognised(path)?;
    format.read(path, options, limits)
}

/// Finds out what lies at a path: a file, a folder, or the common first part of the names of IDX files.
///
/// # Errors
/// If it is none of the known kinds, saying what would be.
pub fn detect(path: &Path) -> Result<Found> {
    recognised(path).map(|(_, found)| found)
}

/// The format of what lies at a path.
pub(crate) fn recognised(path: &Path) -> Result<(&'static dyn Format, Found)> {
    for format in FORMATS {
        if let Some(found) = format.recognise(path)? {
            return Ok((format, found));
        }
    }
    if path.is_dir() {
        let cause = "neither class folders, IDX files, CIFAR-10 files nor a table lie in it";
        return Err(Error::content(
            path.display(),
            cause,
            "put the pictures of each class into a folder of its name",
        ));
    }
    if path.is_file() {
        let cause = match is_picture(path) {
            true => "one picture is no dataset",
            false => "it is neither an IDX file, a CIFAR-10 file nor a table (.csv, .tsv)",
        };
        return Err(Error::content(
            path.display(),
            cause,
            "give a folder of class folders, IDX files, or a table",
        ));
    }
    let cause = match path.exists() {
        true => "neither a file nor a folder",
        false => "there is no file or folder of this name",
    };
    let source = std::io::Error::new(std::io::ErrorKind::NotFound, cause);
    Err(Error::unreadable(path, source))
}

/// Gives the classes of a dataset the numbers that are asked for.
pub(crate) fn named(data: Dataset, options: &ReadOptions) -> Result<Dataset> {
    match &options.classes {
        Some(classes) => data.with_class_names(classes.clone()),
        None => Ok(data),
    }
}

impl Found {
    /// A source without parts.
    pub(crate) fn whole(kind: SourceKind, path: &Path) -> Self {
        Self {
            kind,
            train: path.to_owned(),
            valid: None,
            test: None,
        }
    }

    /// Tells the parts of a source by their names.
    pub(crate) fn parts(kind: SourceKind, paths: &[PathBuf], folder: &Path) -> Self {
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
        Self {
            kind,
            train: train.unwrap_or_else(|| folder.to_owned()),
            valid,
            test: named(&["test", "t10k"]),
        }
    }
}
