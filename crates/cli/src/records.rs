//! What is predicted from: files and folders, as a bundle's preparation reads them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jingwei_bundle::Bundle;
use jingwei_data::csv::{CsvOptions, CsvTarget, read_csv};
use jingwei_data::image::Size;
use jingwei_data::image_folder::read_images;
use jingwei_data::prepare::FeaturePreparation;
use jingwei_data::source::{self, ReadOptions, SourceKind};
use jingwei_data::texts::{self, ReadOptions as TextReadOptions, read_texts};
use jingwei_data::{Dataset, Limits, OnBad, Preparation};

/// Pictures that are in memory at once.
const AT_ONCE: usize = 512;
const PICTURES: [&str; 5] = ["png", "jpg", "jpeg", "bmp", "webp"];
const TABLES: [&str; 3] = ["csv", "tsv", "txt"];

/// Records that are read together.
#[derive(Debug)]
pub enum Portion {
    /// Picture files.
    Pictures(Vec<PathBuf>),
    /// A file or folder of texts.
    Texts(PathBuf),
    /// A file, or the beginning of the names of IDX files, that holds many records.
    Source(PathBuf),
}

impl Portion {
    /// How many files that is.
    pub fn files(&self) -> usize {
        match self {
            Self::Pictures(files) => files.len(),
            Self::Source(_) | Self::Texts(_) => 1,
        }
    }

    /// Reads the records, without the answers that may stand beside them.
    pub fn read(
        &self,
        preparation: &Preparation,
        texts: &TextReadOptions,
        on_bad: OnBad,
    ) -> Result<Dataset> {
        let limits = Limits::default();
        Ok(match (self, size(preparation)) {
            (Self::Texts(path), _) => read_texts(path, texts, None)?,
            (Self::Pictures(files), Some(size)) => read_images(files, size, on_bad, &limits)?,
            (Self::Source(path), Some(size)) => source::read(
                path,
                &ReadOptions {
                    size: Some(size),
                    on_bad,
                    ..ReadOptions::default()
                },
                &limits,
            )?,
            (Self::Source(path), None) => {
                let columns = Some(preparation.column_names());
                read_csv(
                    path,
                    &CsvOptions {
                        target: CsvTarget::None,
                        columns,
                        on_bad,
                        ..CsvOptions::default()
                    },
                    &limits,
                )?
            }
            (Self::Pictures(files), None) => {
                let first = files
                    .first()
                    .map(|file| file.display().to_string())
                    .unwrap_or_default();
                bail!("{first}: the bundle reads tables; give a .csv file with its columns")
            }
        })
    }
}

/// The size of the pictures that a preparation reads; `None` if it reads tables.
pub fn size(preparation: &Preparation) -> Option<Size> {
    match &preparation.features {
        FeaturePreparation::Images(images) => Some(Size {
            height: images.height,
            width: images.width,
            channels: images.channels,
        }),
        FeaturePreparation::Rows(_) | FeaturePreparation::Text(_) => None,
    }
}

/// How the texts of a file are read: as in the training.
pub fn text_options(bundle: &Bundle, on_bad: OnBad) -> TextReadOptions {
    let reading = bundle.manifest().reading.clone().unwrap_or_default();
    let defaults = TextReadOptions::default();
    TextReadOptions {
        text: reading.text.unwrap_or_else(|| defaults.text.clone()),
        label: reading.target.into_iter().next().or(defaults.label.clone()),
        label_separator: reading.label_separator,
        scheme: reading.scheme,
        on_bad: match on_bad {
            OnBad::Stop => texts::OnBad::Stop,
            OnBad::Quarantine => texts::OnBad::Quarantine,
        },
        ..defaults
    }
}

/// Sorts paths into portions, in their order; folders are searched at any depth, in the order of names.
pub fn portions(paths: &[PathBuf], preparation: &Preparation) -> Result<Vec<Portion>> {
    if preparation.text().is_some() {
        let portions = paths.iter().map(|path| text_portion(path));
        return portions.collect();
    }
    let reads_pictures = size(preparation).is_some();
    let (mut portions, mut pictures) = (Vec::new(), Vec::new());
    for path in paths {
        match found(path, reads_pictures)? {
            Portion::Pictures(files) => pictures.extend(files),
            source => {
                flush(&mut pictures, &mut portions);
                portions.push(source);
            }
        }
        if !reads_pictures {
            let tables = std::mem::take(&mut pictures);
            portions.extend(tables.into_iter().map(Portion::Source));
        }
    }
    flush(&mut pictures, &mut portions);
    Ok(portions)
}

/// A file or folder of texts.
fn text_portion(path: &Path) -> Result<Portion> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    if PICTURES.contains(&ending.to_lowercase().as_str()) {
        bail!(
            "{}: the bundle reads texts, found a picture; give .txt, .csv, .tsv, .jsonl or .conll files, or --text",
            path.display()
        )
    }
    Ok(Portion::Texts(path.to_owned()))
}

fn flush(pictures: &mut Vec<PathBuf>, portions: &mut Vec<Portion>) {
    let files = std::mem::take(pictures);
    portions.extend(
        files
            .chunks(AT_ONCE)
            .map(|files| Portion::Pictures(files.to_vec())),
    );
}

/// What lies at a path: files by their names, or a source of many records.
fn found(path: &Path, reads_pictures: bool) -> Result<Portion> {
    let kind = source::detect(path).map(|found| found.kind);
    match (kind, reads_pictures) {
        (Ok(SourceKind::Idx | SourceKind::Cifar10), true) => {
            return Ok(Portion::Source(path.to_owned()));
        }
        (Ok(SourceKind::Csv), true) if path.is_file() => {
            bail!(
                "{}: the bundle reads pictures, found a table; give picture files or folders",
                path.display()
            )
        }
        _ => {}
    }
    if !path.is_dir() {
        std::fs::metadata(path)
            .with_context(|| format!("{}: cannot be read; check that it exists", path.display()))?;
        return Ok(Portion::Pictures(vec![path.to_owned()]));
    }
    let mut files = Vec::new();
    walk(
        path,
        if reads_pictures { &PICTURES } else { &TABLES },
        8,
        &mut files,
    )?;
    if files.is_empty() {
        let kinds = if reads_pictures {
            "pictures (.png, .jpg, .bmp, .webp)"
        } else {
            "tables (.csv, .tsv)"
        };
        bail!(
            "{}: no {kinds} lie in it; give files or another folder",
            path.display()
        );
    }
    Ok(Portion::Pictures(files))
}

/// Files by extension, sorted, at most `depth` folders deep; hidden ones are passed over.
fn walk(folder: &Path, extensions: &[&str], depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = || format!("{}: cannot be read; check that you may", folder.display());
    let entries = std::fs::read_dir(folder).with_context(unreadable)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(unreadable)?;
    paths.sort();
    let is_hidden = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    for path in paths.into_iter().filter(|path| !is_hidden(path)) {
        if path.is_dir() && depth > 1 {
            walk(&path, extensions, depth - 1, files)?;
        } else if has_extension(&path, extensions) {
            files.push(path);
        }
    }
    Ok(())
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
}
