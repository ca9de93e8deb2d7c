//! A dataset in memory: features, targets, and where each sample came from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use std::sync::Arc;

use jingwei_text::read::Texts;

use crate::{Error, Quarantined, Result, Sequences};

/// What a model looks at, one record per sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// Pictures of one size, as bytes.
    Images {
        /// Rows of pixels.
        height: usize,
        /// Pixels a row.
        width: usize,
        /// Values a pixel: 1 grey, 3 red, green, blue.
        channels: usize,
        /// `samples × height × width × channels`, 0 to 255.
        pixels: Vec<u8>,
    },
    /// Rows of numbers.
    Rows {
        /// A name for each column.
        columns: Vec<String>,
        /// `samples × columns`, all finite.
        values: Vec<f32>,
    },
    /// Texts.
    Texts(TextColumn),
}

/// Texts, shared.
#[derive(Debug, Clone)]
pub struct TextColumn {
    /// A text for each sample.
    pub texts: Arc<Texts>,
    /// Whether they are in tokens already, with a line feed between them.
    pub tokenised: bool,
}

impl PartialEq for TextColumn {
    fn eq(&self, other: &Self) -> bool {
        let same = |index| match (self.texts.get(index), other.texts.get(index)) {
            (Ok(own), Ok(other)) => own == other,
            _ => false,
        };
        self.tokenised == other.tokenised
            && self.texts.len() == other.texts.len()
            && (0..self.texts.len()).all(same)
    }
}

impl Features {
    /// Numbers of one sample: `height × width × channels`, or the number of columns; 1 for a text.
    pub fn sample_len(&self) -> usize {
        match self {
            Self::Images {
                height,
                width,
                channels,
                ..
            } => height * width * channels,
            Self::Rows { columns, .. } => columns.len(),
            Self::Texts(_) => 1,
        }
    }

    /// The shape of one sample: `[height, width, channels]` or `[columns]`; `[1]` for a text.
    pub fn sample_shape(&self) -> Vec<usize> {
        match self {
            Self::Images {
                height,
                width,
                channels,
                ..
            } => vec![*height, *width, *channels],
            Self::Rows { columns, .. } => vec![columns.len()],
            Self::Texts(_) => vec![1],
        }
    }

    /// What samples are, in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Images { .. } => "pictures",
            Self::Rows { .. } => "rows of numbers",
            Self::Texts(_) => "texts",
        }
    }

    fn total(&self) -> usize {
        match self {
            Self::Images { pixels, .. } => pixels.len(),
            Self::Rows { values, .. } => values.len(),
            Self::Texts(column) => column.texts.len(),
        }
    }
}

/// What a model shall say, one record per sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// One of several classes.
    Classes {
        /// The classes in the order of their numbers.
        names: Vec<String>,
        /// A class number for each sample, below `names.len()`.
        labels: Vec<u32>,
    },
    /// Any number of several classes.
    Labels {
        /// The classes in the order of their numbers.
        names: Vec<String>,
        /// The class numbers of each sample, ascending.
        labels: Sequences,
    },
    /// A tag for each token of a text.
    Tags {
        /// The tags in the order of their numbers.
        names: Vec<String>,
        /// The tag numbers of each sample, a tag a token.
        tags: Sequences,
    },
    /// Numbers to be predicted.
    Values {
        /// A name for each target column.
        names: Vec<String>,
        /// `samples × names`, all finite.
        values: Vec<f32>,
    },
    /// Nothing: the samples are there to be predicted.
    None,
}

impl Targets {
    /// What is to be said, in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Classes { .. } | Self::Labels { .. } => "classes",
            Self::Tags { .. } => "tags",
            Self::Values { .. } => "numbers to predict",
            Self::None => "nothing to predict",
        }
    }

    /// Those of some samples, in their order.
    #[must_use]
    pub fn chosen(&self, samples: &[usize]) -> Self {
        match self {
            Self::Classes { names, labels } => Self::Classes {
                names: names.clone(),
                labels: samples.iter().map(|&sample| labels[sample]).collect(),
            },
            Self::Labels { names, labels } => Self::Labels {
                names: names.clone(),
                labels: labels.chosen(samples),
            },
            Self::Tags { names, tags } => Self::Tags {
                names: names.clone(),
                tags: tags.chosen(samples),
            },
            Self::Values { names, values } => {
                let row = |&sample: &usize| &values[sample * names.len()..][..names.len()];
                Self::Values {
                    names: names.clone(),
                    values: samples.iter().flat_map(row).copied().collect(),
                }
            }
            Self::None => Self::None,
        }
    }
}

/// Where the samples came from, for reports and error messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Made in memory.
    Memory,
    /// One file, a sample after the other.
    File(PathBuf),
    /// Several files, each with the index of its first sample, ascending from 0.
    Parts(Vec<(usize, PathBuf)>),
    /// A file a sample.
    Files(Vec<PathBuf>),
    /// Lines of one file, the first line being 1.
    Lines(PathBuf, Vec<u64>),
    /// Lines of files of text.
    Texts(jingwei_text::read::Origins),
}

impl Origins {
    fn fits(&self, samples: usize) -> bool {
        match self {
            Self::Memory | Self::File(_) | Self::Texts(_) => true,
            Self::Parts(parts) => {
                parts.first().is_some_and(|part| part.0 == 0) && parts.is_sorted()
            }
            Self::Files(files) => files.len() == samples,
            Self::Lines(_, lines) => lines.len() == samples,
        }
    }

    fn describe(&self, sample: usize) -> String {
        match self {
            Self::Memory => format!("sample {sample}"),
            Self::File(path) => format!("{}, sample {sample}", path.display()),
            Self::Parts(parts) => {
                let part = &parts[parts.partition_point(|part| part.0 <= sample) - 1];
                format!("{}, sample {}", part.1.display(), sample - part.0)
            }
            Self::Files(files) => files[sample].display().to_string(),
            Self::Lines(path, lines) => format!("{}, line {}", path.display(), lines[sample]),
            Self::Texts(origins) => origins.describe(sample),
        }
    }
}

/// Samples in memory: features, targets, origins, and what was set aside while reading.
///
/// The parts always agree: every sample has its features, its target and its origin, every label is below the number
/// of classes, every number is finite. Parts of a dataset are lists of indices into it; see [`crate::split`].
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    features: Features,
    targets: Targets,
    origins: Origins,
    quarantine: Vec<Quarantined>,
    notes: Vec<String>,
    left_out: Option<BTreeMap<String, u64>>,
    len: usize,
}

impl Dataset {
    /// Joins features and targets.
    ///
    /// # Errors
    /// If lengths disagree, a label is beyond the classes, or a number is not finite.
    pub fn new(features: Features, targets: Targets) -> Result<Self> {
        Self::with_origins(features, targets, Origins::Memory)
    }

    /// As [`Dataset::new`], with the places the samples came from.
    ///
    /// # Errors
    /// If lengths disagree, a label is beyond the classes, or a number is not finite.
    pub fn with_origins(features: Features, targets: Targets, origins: Origins) -> Result<Self> {
        let len = check_features(&features)?;
        if !origins.fits(len) {
            return Err(Error::content(
                "dataset",
                format!("{len} samples, but other origins"),
                "give one for each",
            ));
        }
        check_targets(&targets, len, &origins)?;
        if let Features::Rows { columns, values } = &features
            && let Some(at) = values.iter().position(|value| !value.is_finite())
        {
            let place = format!(
                "{}, column `{}`",
                origins.describe(at / columns.len()),
                columns[at % columns.len()]
            );
            return Err(not_finite(place, values[at]));
        }
        Ok(Self {
            features,
            targets,
            origins,
            quarantine: Vec::new(),
            notes: Vec::new(),
            left_out: None,
            len,
        })
    }

    /// Adds samples that the reader set aside.
    pub fn with_quarantine(mut self, quarantine: Vec<Quarantined>) -> Self {
        self.quarantine = quarantine;
        self
    }

    /// Adds samples to those that were set aside, where the fault shows only once the preparation is there.
    pub fn set_aside(&mut self, samples: Vec<Quarantined>) {
        if let Some(causes) = &mut self.left_out {
            for sample in &samples {
                *causes.entry(sample.reason.clone()).or_default() += 1;
            }
        }
        self.quarantine.extend(samples);
    }

    /// Says how many samples were set aside by cause, where not all of them are listed.
    pub fn with_left_out(mut self, causes: BTreeMap<String, u64>) -> Self {
        self.left_out = Some(causes);
        self
    }

    /// Adds what a person should know of the samples.
    pub fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    /// Replaces the class names, for instance by words instead of numbers; labels keep their numbers.
    ///
    /// # Errors
    /// If the targets are not classes, or a label is beyond the new names.
    pub fn with_class_names(mut self, names: Vec<String>) -> Result<Self> {
        let Targets::Classes { labels, .. } = self.targets else {
            return Err(Error::setting(
                "classes",
                "the data has no classes",
                "leave the names out",
            ));
        };
        self.targets = Targets::Classes { names, labels };
        check_targets(&self.targets, self.len, &self.origins)?;
        Ok(self)
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All indices, ascending: the whole dataset as a part.
    pub fn indices(&self) -> Vec<usize> {
        (0..self.len).collect()
    }

    /// The features of all samples.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The targets of all samples.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// How many samples were set aside while reading, listed or not.
    pub fn left_out(&self) -> usize {
        match &self.left_out {
            Some(causes) => causes.values().sum::<u64>() as usize,
            None => self.quarantine.len(),
        }
    }

    /// How many samples were set aside for each cause, if the reader counted them so.
    pub fn causes(&self) -> Option<&BTreeMap<String, u64>> {
        self.left_out.as_ref()
    }

    /// Samples that were set aside while reading; of texts at most ten thousand are listed.
    pub fn quarantine(&self) -> &[Quarantined] {
        &self.quarantine
    }

    /// What a person should know of the samples, such as a class with a single one.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The names of the classes or tags; empty if the targets are neither.
    pub fn class_names(&self) -> &[String] {
        match &self.targets {
            Targets::Classes { names, .. }
            | Targets::Labels { names, .. }
            | Targets::Tags { names, .. } => names,
            _ => &[],
        }
    }

    /// The class numbers of all samples, if the targets are classes.
    pub fn labels(&self) -> Option<&[u32]> {
        match &self.targets {
            Targets::Classes { labels, .. } => Some(labels),
            _ => None,
        }
    }

    /// The raw bytes of one picture, `height × width × channels`; `None` for rows or an index beyond the end.
    pub fn image(&self, sample: usize) -> Option<&[u8]> {
        let Features::Images { pixels, .. } = &self.features else {
            return None;
        };
        let len = self.features.sample_len();
        pixels.get(sample * len..(sample + 1) * len)
    }

    /// The raw numbers of one row; `None` for images or an index beyond the end.
    pub fn row(&self, sample: usize) -> Option<&[f32]> {
        let Features::Rows { values, .. } = &self.features else {
            return None;
        };
        let len = self.features.sample_len();
        values.get(sample * len..(sample + 1) * len)
    }

    /// One text; `None` for other features or an index beyond the end.
    ///
    /// # Errors
    /// If it lies in a temporary file that can no longer be read.
    pub fn text(&self, sample: usize) -> Result<Option<Cow<'_, str>>> {
        match &self.features {
            Features::Texts(column) if sample < self.len => Ok(Some(column.texts.get(sample)?)),
            _ => Ok(None),
        }
    }

    /// Where a sample came from: file, and row or line where there is one.
    pub fn origin(&self, sample: usize) -> String {
        if sample < self.len {
            self.origins.describe(sample)
        } else {
            format!("sample {sample} (there is none)")
        }
    }

    /// Bytes in memory of features and targets.
    pub fn bytes(&self) -> usize {
        let features = match &self.features {
            Features::Images { pixels, .. } => pixels.len(),
            Features::Rows { values, .. } => values.len() * 4,
            Features::Texts(column) => column.texts.bytes() as usize,
        };
        let targets = match &self.targets {
            Targets::Classes { labels, .. } => labels.len() * 4,
            Targets::Labels { labels: lists, .. } | Targets::Tags { tags: lists, .. } => {
                lists.values().len() * 4
            }
            Targets::Values { values, .. } => values.len() * 4,
            Targets::None => 0,
        };
        features + targets
    }
}

fn check_features(features: &Features) -> Result<usize> {
    let len = features.sample_len();
    if len == 0 {
        return Err(Error::content(
            "dataset",
            "a sample has no values",
            "give images at least one pixel, rows one column",
        ));
    }
    if !features.total().is_multiple_of(len) {
        let cause = format!(
            "{} values are not a whole number of samples of {len}",
            features.total()
        );
        return Err(Error::content(
            "dataset",
            cause,
            "give height × width × channels, or columns, for each",
        ));
    }
    Ok(features.total() / len)
}

fn check_targets(targets: &Targets, samples: usize, origins: &Origins) -> Result<()> {
    match targets {
        Targets::None => Ok(()),
        Targets::Classes { names, labels } => {
            check_count(labels.len(), samples)?;
            let Some(at) = labels
                .iter()
                .position(|&label| label as usize >= names.len())
            else {
                return Ok(());
            };
            Err(Error::content(
                origins.describe(at),
                format!("label {} is beyond the {} classes", labels[at], names.len()),
                "correct the label, or name all classes (the first is 0)",
            ))
        }
        Targets::Labels {
            names,
            labels: lists,
        }
        | Targets::Tags { names, tags: lists } => {
            check_count(lists.len(), samples)?;
            let beyond = |list: &[u32]| list.iter().any(|&number| number as usize >= names.len());
            match lists.iter().position(beyond) {
                None => Ok(()),
                Some(at) => Err(Error::content(
                    origins.describe(at),
                    format!("a number is beyond the {} names", names.len()),
                    "name all classes or tags (the first is 0)",
                )),
            }
        }
        Targets::Values { names, values } => {
            check_count(values.len(), samples * names.len())?;
            let Some(at) = values.iter().position(|value| !value.is_finite()) else {
                return Ok(());
            };
            let place = format!(
                "{}, target `{}`",
                origins.describe(at / names.len()),
                names[at % names.len()]
            );
            Err(not_finite(place, values[at]))
        }
    }
}

fn check_count(found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let cause = format!("{found} targets for {expected} expected");
    Err(Error::content(
        "dataset",
        cause,
        "give one target for each sample and target column",
    ))
}

fn not_finite(place: String, value: f32) -> Error {
    Error::content(
        place,
        format!("the value is {value}"),
        "correct or remove it: training needs finite numbers",
    )
}
