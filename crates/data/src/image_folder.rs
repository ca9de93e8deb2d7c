//! A folder of class folders of pictures.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::some;
use crate::image::{Size, decode_file};
use crate::inspect::{Summary, pictures};
use crate::source::{Format, Found, ReadOptions, SourceKind};
use crate::{Dataset, Error, Features, Limits, OnBad, Origins, Quarantined, Result, Targets};

const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "bmp", "webp"];
/// Files that operating systems leave in folders.
const LITTER: [&str; 3] = ["thumbs.db", "desktop.ini", "__macosx"];
const DEEPEST: usize = 8;

/// How to read a folder of pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderOptions {
    /// The size that all pictures are brought to.
    pub size: Size,
    /// The classes, in the order of their numbers; none: the folders, sorted by name.
    pub classes: Option<Vec<String>>,
    /// What to do about pictures that cannot be decoded or lie in no class folder.
    pub on_bad: OnBad,
}

/// Class folders and the pictures in them, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Names of the class folders.
    pub classes: Vec<String>,
    /// The pictures of each class.
    pub files: Vec<Vec<PathBuf>>,
    /// Pictures that lie in no class folder.
    pub outside: Vec<PathBuf>,
}

/// Lists a folder of class folders.
///
/// Every file in a class folder, at any depth up to 8, counts as a picture, whatever its name. Hidden files, the litter
/// of operating systems, and files beside the class folders that are not named like pictures are passed over.
///
/// # Errors
/// If a folder cannot be read, there is no class folder, or one is empty.
pub fn list(folder: &Path) -> Result<Listing> {
    let mut listing = Listing {
        classes: Vec::new(),
        files: Vec::new(),
        outside: Vec::new(),
    };
    for path in entries(folder)? {
        if path.is_dir() {
            let mut files = Vec::new();
            walk(&path, DEEPEST, &mut files)?;
            if files.is_empty() {
                return Err(Error::content(
                    path.display(),
                    "the class has no pictures",
                    "add some, or remove the folder",
                ));
            }
            listing.classes.push(name_of(&path));
            listing.files.push(files);
        } else if is_picture(&path) {
            listing.outside.push(path);
        }
    }
    if listing.classes.is_empty() {
        let cause = "there is no class folder in it";
        return Err(Error::content(
            folder.display(),
            cause,
            "put the pictures of each class into a folder of its name",
        ));
    }
    Ok(listing)
}

/// Reads a folder of class folders, decoding on all cores of rayon's pool.
///
/// Samples are ordered by class, then by path.
///
/// # Errors
/// If the folder is not as [`list`] wants it, a picture is bad (or all of a class, with [`OnBad::Quarantine`]), a
/// folder is none of the given classes, or memory would pass the limits.
pub fn read_image_folder(
    folder: &Path,
    options: &FolderOptions,
    limits: &Limits,
) -> Result<Dataset> {
    options.size.check()?;
    let listing = list(folder)?;
    let mut quarantine = Vec::new();
    for path in &listing.outside {
        let error = Error::content(
            path.display(),
            "the picture lies in no class folder",
            "move it into one",
        );
        options.on_bad.handle(error, &mut quarantine)?;
    }
    let names = options
        .classes
        .clone()
        .unwrap_or_else(|| listing.classes.clone());
    let numbers = class_numbers(folder, &listing.classes, &names)?;
    let with_class = |(&number, files): (&u32, &Vec<PathBuf>)| {
        files
            .iter()
            .map(move |file| (number, file.clone()))
            .collect::<Vec<_>>()
    };
    let mut samples: Vec<(u32, PathBuf)> = numbers
        .iter()
        .zip(&listing.files)
        .flat_map(with_class)
        .collect();
    samples.sort();
    let pixels = decode_all(folder, &mut samples, options, &mut quarantine, limits)?;
    if let Some(lost) = numbers
        .iter()
        .find(|&&number| samples.iter().all(|sample| sample.0 != number))
    {
        let cause = format!(
            "no picture of class `{}` can be read",
            names[*lost as usize]
        );
        return Err(Error::content(
            folder.display(),
            cause,
            "replace them, or remove the folder",
        ));
    }
    let Size {
        height,
        width,
        channels,
    } = options.size;
    let features = Features::Images {
        height,
        width,
        channels,
        pixels,
    };
    let (labels, files) = samples.into_iter().unzip();
    let data = Dataset::with_origins(
        features,
        Targets::Classes { names, labels },
        Origins::Files(files),
    )?;
    Ok(data.with_quarantine(quarantine))
}

/// Reads pictures to be predicted, without classes.
///
/// # Errors
/// If a picture is bad, or memory would pass the limits.
pub fn read_images(
    files: &[PathBuf],
    size: Size,
    on_bad: OnBad,
    limits: &Limits,
) -> Result<Dataset> {
    size.check()?;
    let options = FolderOptions {
        size,
        classes: None,
        on_bad,
    };
    let mut samples: Vec<(u32, PathBuf)> = files.iter().map(|file| (0, file.clone())).collect();
    let mut quarantine = Vec::new();
    let pixels = decode_all(
        Path::new("pictures"),
        &mut samples,
        &options,
        &mut quarantine,
        limits,
    )?;
    let Size {
        height,
        width,
        channels,
    } = size;
    let features = Features::Images {
        height,
        width,
        channels,
        pixels,
    };
    let files = samples.into_iter().map(|sample| sample.1).collect();
    Ok(
        Dataset::with_origins(features, Targets::None, Origins::Files(files))?
            .with_quarantine(quarantine),
    )
}

/// Decodes all samples, and removes those that are set aside.
fn decode_all(
    folder: &Path,
    samples: &mut Vec<(u32, PathBuf)>,
    options: &FolderOptions,
    quarantine: &mut Vec<Quarantined>,
    limits: &Limits,
) -> Result<Vec<u8>> {
    let len = options.size.values();
    let total = samples.len() as u64 * len as u64;
    let mut pixels = limits.reserve(&folder.display().to_string(), total)?;
    pixels.resize(samples.len() * len, 0);
    let decoded = samples.par_iter().zip(pixels.par_chunks_exact_mut(len));
    let error = |((_, file), out): (&(u32, PathBuf), &mut [u8])| match decode_file(
        file,
        options.size,
        limits,
    ) {
        Ok(image) => {
            out.copy_from_slice(&image);
            None
        }
        Err(error) => Some(error),
    };
    if options.on_bad == OnBad::Stop {
        return decoded.find_map_first(error).map_or(Ok(pixels), Err);
    }
    let errors: Vec<Option<Error>> = decoded.map(error).collect();
    let mut kept = 0;
    for (at, error) in errors.into_iter().enumerate() {
        match error {
            Some(error) => options.on_bad.handle(error, quarantine)?,
            None => {
                pixels.copy_within(at * len..(at + 1) * len, kept * len);
                samples.swap(at, kept);
                kept += 1;
            }
        }
    }
    pixels.truncate(kept * len);
    samples.truncate(kept);
    Ok(pixels)
}

/// The number of each folder among the class names.
fn class_numbers(folder: &Path, folders: &[String], names: &[String]) -> Result<Vec<u32>> {
    let numbers: HashMap<&String, u32> = names.iter().zip(0..).collect();
    let number = |class: &String| {
        numbers.get(class).copied().ok_or_else(|| {
            let cause = format!("the class is none of {}", some(names));
            Error::content(
                folder.join(class).display(),
                cause,
                "rename or remove the folder, or name all classes",
            )
        })
    };
    folders.iter().map(number).collect()
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    if depth == 0 {
        let cause = format!("folders lie more than {DEEPEST} deep");
        return Err(Error::content(
            folder.display(),
            cause,
            "move the pictures up, or remove a link to a folder above",
        ));
    }
    for path in entries(folder)? {
        match path.is_dir() {
            true => walk(&path, depth - 1, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

/// What lies in a folder, sorted, without hidden files and litter.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |source| Error::unreadable(folder, source);
    let mut paths = std::fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(unreadable))
        .collect::<Result<Vec<_>>>()?;
    paths.retain(|path| {
        let name = name_of(path).to_lowercase();
        !name.starts_with('.') && !LITTER.contains(&name.as_str())
    });
    paths.sort();
    Ok(paths)
}

pub(crate) fn is_picture(path: &Path) -> bool {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A folder with a folder of pictures for each class.
pub(crate) struct ClassFolders;

impl Format for ClassFolders {
    fn kind(&self) -> SourceKind {
        SourceKind::ImageFolder
    }

    fn recognise(&self, path: &Path) -> Result<Option<Found>> {
        if !path.is_dir() {
            return Ok(None);
        }
        let folders: Vec<PathBuf> = entries(path)?
            .into_iter()
            .filter(|path| path.is_dir())
            .collect();
        let nested = folders.iter().filter(|path| has_folders(path));
        let nested: Vec<PathBuf> = nested.cloned().collect();
        let is_train = |path: &PathBuf| name_of(path).to_lowercase() == "train";
        if nested.iter().any(is_train) {
            return Ok(Some(Found::parts(self.kind(), &nested, path)));
        }
        Ok((!folders.is_empty()).then(|| Found::whole(self.kind(), path)))
    }

    fn look(&self, found: &Found, limits: &Limits) -> Result<Summary> {
        pictures::summarise(&found.train, limits)
    }

    fn read(&self, path: &Path, options: &ReadOptions, limits: &Limits) -> Result<Dataset> {
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
}

fn has_folders(folder: &Path) -> bool {
    entries(folder).is_ok_and(|paths| paths.iter().any(|path| path.is_dir()))
}
