//! CIFAR-10 in its original binary format: records of a class number and three planes of 32×32 bytes.
//!
//! See A. Krizhevsky's page on CIFAR-10, "binary version".

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::image::read_bounded;
use crate::image_folder::name_of;
use crate::inspect::{Summary, of_dataset};
use crate::source::{Format, Found, ReadOptions, SourceKind, named};
use crate::{Dataset, Error, Features, Limits, Origins, Result, Targets};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const RECORD: usize = 1 + 3 * PLANE;
const NAMES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];
const REMEDY: &str = "get the binary version of CIFAR-10 again";

/// Reads one file, or the training files `data_batch_1.bin`, `data_batch_2.bin`, … of a folder.
///
/// `dir/data_batch` and `dir/test_batch` work as well. Names come from `batches.meta.txt` beside the files, else they
/// are those of CIFAR-10.
///
/// # Errors
/// If files are missing, cut off, too large, or a label is beyond the classes; with file and record.
pub fn read_cifar10(path: &Path, limits: &Limits) -> Result<Dataset> {
    let files = find_files(path)?;
    let names = read_names(&files[0])?;
    let lengths = files
        .iter()
        .map(|file| record_count(file))
        .collect::<Result<Vec<_>>>()?;
    let total: usize = lengths.iter().sum();
    let mut pixels = limits.reserve(&path.display().to_string(), (total * 3 * PLANE) as u64)?;
    let mut labels = Vec::with_capacity(total);
    let mut parts = Vec::new();
    for (file, count) in files.into_iter().zip(lengths) {
        parts.push((labels.len(), file.clone()));
        read_records(&file, count, names.len(), &mut pixels, &mut labels)?;
    }
    let features = Features::Images {
        height: SIDE,
        width: SIDE,
        channels: 3,
        pixels,
    };
    Dataset::with_origins(
        features,
        Targets::Classes { names, labels },
        Origins::Parts(parts),
    )
}

/// The files that a path stands for, in their order.
pub(crate) fn find_files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let numbered = |stem: &Path| -> Vec<PathBuf> {
        let name = |number: usize| PathBuf::from(format!("{}_{number}.bin", stem.display()));
        (1..).map(name).take_while(|file| file.is_file()).collect()
    };
    let alone = path.with_extension("bin");
    let files = match path.is_dir() {
        true => numbered(&path.join("data_batch")),
        false if alone.is_file() => vec![alone],
        false => numbered(path),
    };
    if files.is_empty() {
        let cause = "there is no data_batch_1.bin";
        return Err(Error::content(
            path.display(),
            cause,
            "give the folder cifar-10-batches-bin, or one of its files",
        ));
    }
    Ok(files)
}

fn read_names(file: &Path) -> Result<Vec<String>> {
    let path = file.with_file_name("batches.meta.txt");
    if !path.is_file() {
        return Ok(NAMES.map(str::to_owned).to_vec());
    }
    let text = String::from_utf8_lossy(&read_bounded(&path, 1 << 16)?).into_owned();
    let names: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    if names.is_empty() || names.len() > 256 {
        let cause = format!("{} class names", names.len());
        return Err(Error::content(
            path.display(),
            cause,
            "write one name a line, or remove the file",
        ));
    }
    Ok(names)
}

fn record_count(path: &Path) -> Result<usize> {
    let length = path
        .metadata()
        .map_err(|source| Error::unreadable(path, source))?
        .len() as usize;
    if length == 0 || !length.is_multiple_of(RECORD) {
        let cause = format!("{length} bytes are no whole number of records of {RECORD}");
        return Err(Error::content(path.display(), cause, REMEDY));
    }
    Ok(length / RECORD)
}

fn read_records(
    path: &Path,
    count: usize,
    classes: usize,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u32>,
) -> Result<()> {
    let unreadable = |source| Error::unreadable(path, source);
    let mut reader = std::io::BufReader::new(File::open(path).map_err(unreadable)?);
    let mut record = [0; RECORD];
    for number in 0..count {
        reader.read_exact(&mut record).map_err(unreadable)?;
        if usize::from(record[0]) >= classes {
            let place = format!("{}, sample {number}", path.display());
            let cause = format!("label {} is beyond the {classes} classes", record[0]);
            return Err(Error::content(place, cause, REMEDY));
        }
        labels.push(u32::from(record[0]));
        pixels.extend(
            (0..PLANE).flat_map(|at| [1, 1 + PLANE, 1 + 2 * PLANE].map(|plane| record[plane + at])),
        );
    }
    Ok(())
}

/// CIFAR-10 in its binary format.
pub(crate) struct Cifar10Files;

impl Format for Cifar10Files {
    fn kind(&self) -> SourceKind {
        SourceKind::Cifar10
    }

    fn recognise(&self, path: &Path) -> Result<Option<Found>> {
        let whole = Found::whole(self.kind(), path);
        if path.is_file() {
            let is_own = name_of(path).to_lowercase().ends_with(".bin");
            return Ok(is_own.then_some(whole));
        }
        if !path.is_dir() {
            return Ok(find_files(path).is_ok().then_some(whole));
        }
        let is_own = path.join("data_batch_1.bin").is_file();
        let test = Some(path.join("test_batch.bin")).filter(|test| test.is_file());
        Ok(is_own.then_some(Found { test, ..whole }))
    }

    fn look(&self, found: &Found, limits: &Limits) -> Result<Summary> {
        let data = read_cifar10(&found.train, limits)?;
        Ok(of_dataset(&data, self.kind(), &found.train))
    }

    fn read(&self, path: &Path, options: &ReadOptions, limits: &Limits) -> Result<Dataset> {
        named(read_cifar10(path, limits)?, options)
    }
}
