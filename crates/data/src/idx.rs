//! IDX files, the format of MNIST and its relatives, plain or gzip.
//!
//! A file is a magic number (two zero bytes, the type of the values, the number of dimensions), the dimensions as
//! big-endian 32-bit numbers, and the values. Only unsigned bytes (type 8) are read; see Y. LeCun's page on MNIST.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::image_folder::{entries, name_of};
use crate::inspect::{Summary, of_dataset};
use crate::source::{Format, Found, ReadOptions, SourceKind, named};
use crate::{Dataset, Error, Features, Limits, Origins, Result, Targets};

/// Deflate cannot expand a file more than this, so a header that claims more is a lie.
const MOST_EXPANSION: u64 = 1032;
const MOST_DIMENSIONS: usize = 4;
const REMEDY: &str = "get the file again, or check that it is an IDX file";

/// The content of one IDX file of unsigned bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// Sizes, outermost first; the first counts the samples.
    pub dimensions: Vec<usize>,
    /// All values, row-major.
    pub bytes: Vec<u8>,
}

/// Reads one IDX file of unsigned bytes, plain or gzip (told apart by content).
///
/// # Errors
/// If the file is unreadable, is no such file, holds fewer or more bytes than its header says, or passes the limits.
pub fn read_idx(path: &Path, limits: &Limits) -> Result<Idx> {
    let unreadable = |source| Error::unreadable(path, source);
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut start = Vec::new();
    (&mut file)
        .take(2)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    let zipped = start == [0x1f, 0x8b];
    let reader = BufReader::with_capacity(1 << 16, start.chain(file));
    let most = if zipped {
        length.saturating_mul(MOST_EXPANSION)
    } else {
        length
    };
    match zipped {
        true => read_from(
            MultiGzDecoder::new(reader),
            most,
            &path.display().to_string(),
            limits,
        ),
        false => read_from(reader, most, &path.display().to_string(), limits),
    }
}

/// Reads IDX content from a stream that cannot hold more than `most` bytes; `place` is for messages.
///
/// # Errors
/// As [`read_idx`].
pub fn read_from(mut reader: impl Read, most: u64, place: &str, limits: &Limits) -> Result<Idx> {
    let magic: [u8; 4] = read_array(&mut reader, place, 0)?;
    let dimensions = read_dimensions(&mut reader, magic, place)?;
    let header = 4 + 4 * dimensions.len() as u64;
    let size = dimensions
        .iter()
        .try_fold(1_u64, |size, &dimension| size.checked_mul(dimension as u64));
    let size = size.filter(|size| header + size <= most);
    let size = size.ok_or_else(|| {
        let cause = format!("the header says {dimensions:?} values, more than the file can hold");
        Error::content(place, cause, REMEDY)
    })?;
    let mut bytes = limits.reserve(place, size)?;
    let read = (&mut reader).take(size).read_to_end(&mut bytes);
    let at = header + bytes.len() as u64;
    read.map_err(|source| broken(place, at, &source))?;
    if (bytes.len() as u64) < size {
        let cause = format!(
            "it ends at byte {at}, but its header says {} bytes ({dimensions:?})",
            header + size
        );
        return Err(Error::content(place, cause, REMEDY));
    }
    if reader
        .read(&mut [0])
        .map_err(|source| broken(place, at, &source))?
        > 0
    {
        let cause = format!(
            "it goes on after byte {at}, where its header says that it ends ({dimensions:?})"
        );
        return Err(Error::content(place, cause, REMEDY));
    }
    Ok(Idx { dimensions, bytes })
}

/// Reads images and their labels.
///
/// Images have dimensions `[samples, height, width]` (grey) or `[samples, height, width, channels]`; labels
/// `[samples]`. Classes are named by their numbers, `"0"` to the largest label.
///
/// # Errors
/// As [`read_idx`]; and if the two files do not fit together.
pub fn read_idx_pair(images: &Path, labels: &Path, limits: &Limits) -> Result<Dataset> {
    let features = image_features(images, read_idx(images, limits)?)?;
    let label = read_idx(labels, limits)?;
    let samples = label.dimensions[0];
    if label.dimensions.len() != 1 {
        let cause = format!("dimensions {:?}, labels have one", label.dimensions);
        return Err(Error::content(
            labels.display(),
            cause,
            "give the file of the labels",
        ));
    }
    let Features::Images { pixels, .. } = &features else {
        return Err(no_images(images, &[]));
    };
    let found = pixels.len() / features.sample_len();
    if found != samples {
        let cause = format!(
            "{samples} labels, but {found} images in {}",
            images.display()
        );
        return Err(Error::content(
            labels.display(),
            cause,
            "give the two files of one set",
        ));
    }
    let classes = label
        .bytes
        .iter()
        .max()
        .map_or(0, |&most| usize::from(most) + 1);
    let targets = Targets::Classes {
        names: (0..classes).map(|class| class.to_string()).collect(),
        labels: label.bytes.into_iter().map(u32::from).collect(),
    };
    Dataset::with_origins(features, targets, Origins::File(images.to_owned()))
}

/// Reads the pair of files that a prefix names: `dir/train` stands for `dir/train-images-idx3-ubyte` and
/// `dir/train-labels-idx1-ubyte`, each plain or with `.gz`.
///
/// # Errors
/// As [`read_idx_pair`]; and if a file is missing.
pub fn read_idx_prefix(prefix: &Path, limits: &Limits) -> Result<Dataset> {
    let (images, labels) = find_pair(prefix)?;
    read_idx_pair(&images, &labels, limits)
}

/// The two files that a prefix names, images first.
///
/// # Errors
/// If one is missing.
pub fn find_pair(prefix: &Path) -> Result<(PathBuf, PathBuf)> {
    let find = |suffixes: [&str; 2]| {
        let mut names = suffixes
            .iter()
            .flat_map(|suffix| [suffix.to_string(), format!("{suffix}.gz")]);
        names.find_map(|name| Some(with_suffix(prefix, &name)).filter(|path| path.is_file()))
    };
    let missing = |suffix: &str| {
        let cause = format!(
            "neither {} nor the same with .gz is there",
            with_suffix(prefix, suffix).display()
        );
        Error::content(
            prefix.display(),
            cause,
            "give the folder and the first part of the names, such as `dir/train`",
        )
    };
    let images = find(["-images-idx3-ubyte", "-images.idx3-ubyte"])
        .ok_or_else(|| missing("-images-idx3-ubyte"))?;
    let labels = find(["-labels-idx1-ubyte", "-labels.idx1-ubyte"])
        .ok_or_else(|| missing("-labels-idx1-ubyte"))?;
    Ok((images, labels))
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn read_dimensions(reader: &mut impl Read, magic: [u8; 4], place: &str) -> Result<Vec<usize>> {
    let [0, 0, kind, count] = magic else {
        let cause = format!("it starts with the bytes {magic:02x?}, an IDX file with 00 00");
        return Err(Error::content(place, cause, REMEDY));
    };
    if kind != 8 {
        let cause =
            format!("its values have type 0x{kind:02x}; only unsigned bytes, 0x08, are read");
        return Err(Error::content(place, cause, "convert it to unsigned bytes"));
    }
    let count = usize::from(count);
    if !(1..=MOST_DIMENSIONS).contains(&count) {
        let cause = format!("{count} dimensions; 1 to {MOST_DIMENSIONS} are read");
        return Err(Error::content(place, cause, REMEDY));
    }
    let dimension = |at: usize| {
        read_array(reader, place, 4 + 4 * at as u64).map(|word| u32::from_be_bytes(word) as usize)
    };
    (0..count).map(dimension).collect()
}

fn read_array(reader: &mut impl Read, place: &str, at: u64) -> Result<[u8; 4]> {
    let mut word = [0; 4];
    reader
        .read_exact(&mut word)
        .map_err(|source| broken(place, at, &source))?;
    Ok(word)
}

fn broken(place: &str, at: u64, source: &std::io::Error) -> Error {
    Error::content(
        format!("{place}, byte {at}"),
        format!("truncated or damaged ({source})"),
        REMEDY,
    )
}

fn image_features(path: &Path, idx: Idx) -> Result<Features> {
    let (height, width, channels) = match idx.dimensions[..] {
        [_, height, width] => (height, width, 1),
        [_, height, width, channels @ (1 | 3)] => (height, width, channels),
        _ => return Err(no_images(path, &idx.dimensions)),
    };
    if height == 0 || width == 0 {
        return Err(no_images(path, &idx.dimensions));
    }
    Ok(Features::Images {
        height,
        width,
        channels,
        pixels: idx.bytes,
    })
}

fn no_images(path: &Path, dimensions: &[usize]) -> Error {
    let cause = format!(
        "dimensions {dimensions:?}, images have [samples, height, width] or [.., 1 or 3 channels]"
    );
    Error::content(path.display(), cause, "give the file of the images")
}

/// A pair of IDX files: images and labels.
pub(crate) struct IdxFiles;

impl Format for IdxFiles {
    fn kind(&self) -> SourceKind {
        SourceKind::Idx
    }

    fn recognise(&self, path: &Path) -> Result<Option<Found>> {
        let whole = |path: &Path| Found::whole(self.kind(), path);
        if path.is_file() {
            return Ok(prefix(path).map(|prefix| whole(&prefix)));
        }
        if !path.is_dir() {
            return Ok(find_pair(path).is_ok().then(|| whole(path)));
        }
        let files = entries(path)?.into_iter().filter(|path| path.is_file());
        let mut prefixes: Vec<PathBuf> = files.filter_map(|path| prefix(&path)).collect();
        prefixes.dedup();
        Ok((!prefixes.is_empty()).then(|| Found::parts(self.kind(), &prefixes, path)))
    }

    fn look(&self, found: &Found, limits: &Limits) -> Result<Summary> {
        let data = read_idx_prefix(&found.train, limits)?;
        Ok(of_dataset(&data, self.kind(), &found.train))
    }

    fn read(&self, path: &Path, options: &ReadOptions, limits: &Limits) -> Result<Dataset> {
        let found = self.recognise(path)?;
        let prefix = found.as_ref().map_or(path, |found| &found.train);
        named(read_idx_prefix(prefix, limits)?, options)
    }
}

/// The prefix that an IDX file of images belongs to, if its labels lie beside it.
fn prefix(path: &Path) -> Option<PathBuf> {
    let name = name_of(path);
    let stem = &name[..name.find("-images").or_else(|| name.find("-labels"))?];
    let prefix = path.with_file_name(stem);
    find_pair(&prefix).is_ok().then_some(prefix)
}
