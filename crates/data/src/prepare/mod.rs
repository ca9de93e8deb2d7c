//! From raw records to the numbers a model reads: fitted on the training part, kept with the model.

mod images;
mod overflow;
mod pretrained;
mod raw;
mod rows;
pub(crate) mod text;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::error::some;
use crate::{Dataset, Error, Features, Result, Targets};

pub use images::{ImagePreparation, ImageScaling, PixelMap};
pub use jingwei_text::prepare::{Side, TextOptions, TextPreparation, Token, Tokenizer};
pub use jingwei_text::statistics::Bare;
pub use jingwei_text::vectors::VectorFile;
pub use pretrained::Pretrained;
pub use rows::{Column, ColumnMap, ColumnScaling};
pub use text::TextMap;

/// How pictures shall be scaled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageScalingKind {
    /// From 0..255 to `[0, 1]`.
    #[default]
    Unit,
    /// Each channel to mean 0 and standard deviation 1.
    Standardise,
    /// Each channel so that its smallest value becomes 0 and its largest 1.
    MinMax,
}

/// How a column of numbers shall be scaled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnScalingKind {
    /// Left as it is.
    None,
    /// To mean 0 and standard deviation 1.
    #[default]
    Standardise,
    /// So that its smallest value becomes 0 and its largest 1.
    MinMax,
}

/// What [`Preparation::fit`] shall do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrepareOptions {
    /// Scaling of pictures; default [`ImageScalingKind::Unit`].
    pub images: ImageScalingKind,
    /// Scaling of columns; default [`ColumnScalingKind::Standardise`].
    pub columns: ColumnScalingKind,
    /// Scaling of single columns, by name, where it differs from `columns`.
    pub column: BTreeMap<String, ColumnScalingKind>,
    /// Scaling of target values (regression); default [`ColumnScalingKind::None`].
    pub target: ColumnScalingKind,
    /// Cleaning, segmentation and vocabulary of texts.
    pub text: TextOptions,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        Self {
            images: ImageScalingKind::Unit,
            columns: ColumnScalingKind::Standardise,
            column: BTreeMap::new(),
            target: ColumnScalingKind::None,
            text: TextOptions::default(),
        }
    }
}

/// How features become numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FeaturePreparation {
    /// Pictures.
    Images(ImagePreparation),
    /// Columns of numbers, in the order in which the model reads them.
    Rows(Vec<Column>),
    /// Texts.
    Text(Box<TextPreparation>),
}

/// How targets become numbers, and numbers targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetPreparation {
    /// The names of the classes, in the order of their numbers.
    Classes(Vec<String>),
    /// The names of classes of which a sample has any number, in the order of their numbers.
    Labels(Vec<String>),
    /// The tags of tokens, in the order of their numbers.
    Tags(Vec<String>),
    /// Columns of numbers.
    Values(Vec<Column>),
    /// No target.
    None,
}

/// The preparation of a model's records: the same in training, evaluation, prediction and service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// The features.
    pub features: FeaturePreparation,
    /// The targets.
    pub targets: TargetPreparation,
}

impl Preparation {
    /// Learns the preparation from the samples named by `indices`, which must be those that train.
    ///
    /// Statistics are exact for pictures (counted per value) and summed in double precision for columns; standard
    /// deviations are those of the population, as scikit-learn's `StandardScaler` computes them. A column or channel
    /// that does not vary becomes 0.
    ///
    /// # Errors
    /// If there is no sample, an option names an unknown column, or a column reaches beyond 32-bit floats.
    pub fn fit(dataset: &Dataset, indices: &[usize], options: &PrepareOptions) -> Result<Self> {
        if indices.is_empty() || indices.iter().any(|&index| index >= dataset.len()) {
            let cause = format!("{} indices into {} samples", indices.len(), dataset.len());
            return Err(Error::setting(
                "prepare",
                cause,
                "fit on at least one sample of this dataset",
            ));
        }
        let features = match dataset.features() {
            Features::Images {
                height,
                width,
                channels,
                ..
            } => {
                let shape = [*height, *width, *channels];
                FeaturePreparation::Images(ImagePreparation::fit(
                    dataset,
                    indices,
                    shape,
                    options.images,
                ))
            }
            Features::Rows { columns, values } => {
                let known: HashSet<&String> = columns.iter().collect();
                if let Some(name) = options.column.keys().find(|name| !known.contains(name)) {
                    let cause = format!("there is no column `{name}`");
                    return Err(Error::setting(
                        "prepare.column",
                        cause,
                        format!("choose of {}", some(columns)),
                    ));
                }
                let kind =
                    |name: &String| options.column.get(name).copied().unwrap_or(options.columns);
                FeaturePreparation::Rows(rows::fit(columns, values, indices, kind)?)
            }
            Features::Texts(column) => {
                FeaturePreparation::Text(Box::new(text::fit(column, indices, &options.text)?))
            }
        };
        let targets = match dataset.targets() {
            Targets::Classes { names, .. } => TargetPreparation::Classes(names.clone()),
            Targets::Labels { names, .. } => TargetPreparation::Labels(names.clone()),
            Targets::Tags { names, .. } => TargetPreparation::Tags(names.clone()),
            Targets::Values { names, values } => {
                TargetPreparation::Values(rows::fit(names, values, indices, |_| options.target)?)
            }
            Targets::None => TargetPreparation::None,
        };
        Ok(Self { features, targets })
    }

    /// Numbers of one prepared sample; 0 for texts, which have as many as tokens.
    pub fn sample_len(&self) -> usize {
        match &self.features {
            FeaturePreparation::Images(images) => images.height * images.width * images.channels,
            FeaturePreparation::Rows(columns) => columns.len(),
            FeaturePreparation::Text(_) => 0,
        }
    }

    /// The shape of one prepared sample: `[height, width, channels]` or `[columns]`; `None` stands for the number of
    /// tokens of a text.
    pub fn sample_shape(&self) -> Vec<Option<usize>> {
        match &self.features {
            FeaturePreparation::Images(images) => {
                vec![
                    Some(images.height),
                    Some(images.width),
                    Some(images.channels),
                ]
            }
            FeaturePreparation::Rows(columns) => vec![Some(columns.len())],
            FeaturePreparation::Text(text) => vec![text.options.length],
        }
    }

    fn known_shape(&self) -> Vec<usize> {
        self.sample_shape().into_iter().flatten().collect()
    }

    /// How texts become token ids, if the model reads texts.
    pub fn text(&self) -> Option<&TextPreparation> {
        match &self.features {
            FeaturePreparation::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The names of the classes; empty if the model predicts numbers.
    pub fn class_names(&self) -> &[String] {
        match &self.targets {
            TargetPreparation::Classes(names)
            | TargetPreparation::Labels(names)
            | TargetPreparation::Tags(names) => names,
            _ => &[],
        }
    }

    /// Checks a preparation that came from a file: statistics finite and as many as channels, scales not zero,
    /// sizes within bounds, names not twice.
    ///
    /// # Errors
    /// If something is wrong, naming it.
    pub fn check(&self) -> Result<()> {
        match &self.features {
            FeaturePreparation::Images(images) => images.check()?,
            FeaturePreparation::Rows(columns) => rows::check("features", columns)?,
            FeaturePreparation::Text(text) => text.check()?,
        }
        match &self.targets {
            TargetPreparation::Values(columns) => rows::check("targets", columns),
            TargetPreparation::Classes(names)
            | TargetPreparation::Labels(names)
            | TargetPreparation::Tags(names) => rows::check_names("classes", names.iter()),
            TargetPreparation::None => Ok(()),
        }
    }

    /// Checks that a dataset holds what this preparation reads: size of pictures, or names and order of columns.
    ///
    /// # Errors
    /// If it does not, naming what was expected and what came.
    pub fn check_features(&self, features: &Features) -> Result<()> {
        let expected = match &self.features {
            FeaturePreparation::Images(images) => format!("pictures of {}", images.size()),
            FeaturePreparation::Rows(columns) => {
                let names: Vec<_> = columns.iter().map(|column| &column.name).collect();
                let same = |names: &[String]| columns.iter().map(|own| &own.name).eq(names);
                match features {
                    Features::Rows { columns, .. } if same(columns) => return Ok(()),
                    Features::Rows { .. } => format!("columns {names:?}"),
                    _ => format!("rows of {} columns", columns.len()),
                }
            }
            FeaturePreparation::Text(_) => "texts".to_owned(),
        };
        let found = match (features, &self.features) {
            (
                Features::Images {
                    height,
                    width,
                    channels,
                    ..
                },
                _,
            ) => format!("pictures of {height}×{width}×{channels}"),
            (Features::Rows { columns, .. }, FeaturePreparation::Rows(_)) => {
                format!("columns {columns:?}")
            }
            (Features::Rows { columns, .. }, _) => format!("rows of {} columns", columns.len()),
            (Features::Texts(_), _) => "texts".to_owned(),
        };
        if expected == found {
            return Ok(());
        }
        let cause = format!("expected {expected}, found {found}");
        Err(Error::content(
            "dataset",
            cause,
            "read the data as the model was trained on it",
        ))
    }

    /// Makes the map from raw to prepared values that [`FeatureMap::write`] uses; cheap, but it allocates.
    pub fn feature_map(&self) -> FeatureMap {
        match &self.features {
            FeaturePreparation::Images(images) => FeatureMap::Images(images.map()),
            FeaturePreparation::Rows(columns) => FeatureMap::Rows(ColumnMap::new(columns)),
            FeaturePreparation::Text(_) => FeatureMap::Texts,
        }
    }

    /// Prepares the samples named by `indices` into `out`, `indices × sample_len`; texts are padded to the length that
    /// `out` has room for.
    ///
    /// # Errors
    /// If the dataset does not fit (see [`Preparation::check_features`]) or `out` has another length. Numbers that
    /// scaling makes infinite are written so; [`Preparation::finite`] finds them.
    pub fn apply(&self, dataset: &Dataset, indices: &[usize], out: &mut [f32]) -> Result<()> {
        self.check_features(dataset.features())?;
        if let (FeaturePreparation::Text(text), Features::Texts(column)) =
            (&self.features, dataset.features())
        {
            let map = TextMap::new(text)?;
            let ids = map.encode_all(column, indices)?;
            return map.pad_all(&ids, out);
        }
        let len = self.sample_len();
        if out.len() != indices.len() * len || indices.iter().any(|&index| index >= dataset.len()) {
            let cause = format!(
                "{} numbers of room for {} samples of {len}",
                out.len(),
                indices.len()
            );
            return Err(Error::content(
                "prepare",
                cause,
                "give samples × sample length, and indices of this dataset",
            ));
        }
        let map = self.feature_map();
        indices
            .iter()
            .zip(out.chunks_exact_mut(len.max(1)))
            .for_each(|(&index, out)| map.write(dataset, index, out));
        Ok(())
    }

    /// Turns predicted numbers back into the units of the targets, in place; `predictions` is `samples × targets`.
    /// Classes are left as they are.
    pub fn unscale_targets(&self, predictions: &mut [f32]) {
        if let TargetPreparation::Values(columns) = &self.targets {
            ColumnMap::new(columns).undo(predictions);
        }
    }
}

/// From raw to prepared values, ready for use.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureMap {
    /// Bytes of pictures.
    Images(PixelMap),
    /// Rows of numbers.
    Rows(ColumnMap),
    /// Texts, which [`TextMap`] encodes.
    Texts,
}

impl FeatureMap {
    /// Writes one prepared sample of a dataset. Does nothing if the dataset holds another kind of features.
    ///
    /// # Panics
    /// If `out` is not as long as a sample, or there is no such sample.
    pub fn write(&self, dataset: &Dataset, sample: usize, out: &mut [f32]) {
        let len = out.len();
        match (self, dataset.features()) {
            (Self::Images(map), Features::Images { pixels, .. }) => {
                map.write(&pixels[sample * len..][..len], out)
            }
            (Self::Rows(map), Features::Rows { values, .. }) => {
                map.write(&values[sample * len..][..len], out)
            }
            _ => {}
        }
    }
}
