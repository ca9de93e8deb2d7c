//! The first values of parameters.

use serde::{Deserialize, Serialize};

use crate::named::by_name;
use crate::random::Random;
use crate::{Error, Place};

/// What Keras multiplies the standard deviation of a truncated normal distribution by so that the variance left after
/// the cut is the one asked for: that of a standard normal one within ±2 is 0.8796².
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// How the first values of a parameter are drawn.
///
/// Names, formulas and defaults are those of Keras. With n_in and n_out the [`Fans`] of the parameter:
///
/// | name | distribution | variance | source |
/// |---|---|---|---|
/// | `glorot_uniform`, `glorot_normal` | uniform, truncated normal | 2 / (n_in + n_out) | Glorot & Bengio 2010 |
/// | `he_uniform`, `he_normal` | uniform, truncated normal | 2 / n_in | He et al. 2015 |
/// | `lecun_uniform`, `lecun_normal` | uniform, truncated normal | 1 / n_in | LeCun et al. 1998 |
/// | `orthogonal` | rows or columns orthogonal | | Saxe et al. 2013 |
///
/// `forget_bias` is for the bias of an LSTM: zeros, and ones for the forget gates, the second of four parts
/// (Jozefowicz et al. 2015). "Xavier" is Glorot's. A uniform distribution of variance v lies within ±√(3v); a truncated normal one is drawn
/// within two standard deviations and scaled so that v is its variance after the cut.
///
/// In a recipe a bare name stands for the defaults: `"he_normal"`, `{ constant = { value = 0.1 } }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
#[expect(
    missing_docs,
    reason = "the table above and each variant's type say it"
)]
pub enum Initializer {
    Zeros,
    Ones,
    Constant(Constant),
    Uniform(Uniform),
    Normal(Normal),
    TruncatedNormal(Normal),
    GlorotUniform,
    GlorotNormal,
    HeUniform,
    HeNormal,
    LecunUniform,
    LecunNormal,
    Orthogonal(Orthogonal),
    ForgetBias,
}

by_name!(Initializer, "the name of an initialiser");

/// The same number everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constant {
    /// The number; 0 by default.
    pub value: f32,
}

/// Numbers between two bounds, all equally likely.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uniform {
    /// The lower bound, included; −0.05 by default.
    pub low: f32,
    /// The upper bound, excluded; 0.05 by default.
    pub high: f32,
}

impl Default for Uniform {
    fn default() -> Self {
        Self {
            low: -0.05,
            high: 0.05,
        }
    }
}

/// Numbers of a normal distribution; truncated, it is drawn within two standard deviations of its mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Normal {
    /// The mean; 0 by default.
    pub mean: f32,
    /// The standard deviation before any cut; 0.05 by default.
    pub deviation: f32,
}

impl Default for Normal {
    fn default() -> Self {
        Self {
            mean: 0.0,
            deviation: 0.05,
        }
    }
}

/// A random matrix whose columns (or rows, if there are fewer) are orthogonal and of the same length.
///
/// A filter counts as a matrix of its last dimension's size in columns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Orthogonal {
    /// The length of the columns; 1 by default.
    pub gain: f32,
}

impl Default for Orthogonal {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

/// How many values come into and go out of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fans {
    /// n_in, the inputs of an output.
    pub inputs: usize,
    /// n_out, the outputs that an input reaches.
    pub outputs: usize,
}

impl Fans {
    /// The fans of a parameter by its sizes, as Keras counts them: the last two dimensions are inputs and outputs, those
    /// before them the places of a filter.
    ///
    /// ```
    /// use jingwei_nn::Fans;
    /// assert_eq!(Fans::of(&[3, 3, 32, 64]), Fans { inputs: 288, outputs: 576 });
    /// ```
    #[must_use]
    pub fn of(sizes: &[usize]) -> Self {
        match sizes {
            [] => Self {
                inputs: 1,
                outputs: 1,
            },
            [size] => Self {
                inputs: *size,
                outputs: *size,
            },
            [places @ .., inputs, outputs] => {
                let places: usize = places.iter().product();
                Self {
                    inputs: places * inputs,
                    outputs: places * outputs,
                }
            }
        }
    }
}

impl Initializer {
    /// The first values of the parameter `name`, row-major: a function of the arguments alone.
    ///
    /// ```
    /// use jingwei_nn::{Fans, Initializer};
    /// let weights = Initializer::GlorotUniform.values(&[30, 128], Fans::of(&[30, 128]), 7, "dense_1/kernel");
    /// let bound = (6.0f32 / (30.0 + 128.0)).sqrt();
    /// assert!(weights.len() == 3840 && weights.iter().all(|weight| weight.abs() <= bound));
    /// ```
    #[must_use]
    pub fn values(&self, sizes: &[usize], fans: Fans, seed: u64, name: &str) -> Vec<f32> {
        let count: usize = sizes.iter().product();
        let random = Random::new(seed, name);
        let each = |value: &dyn Fn(usize) -> f64| {
            (0..count).map(|element| value(element) as f32).collect()
        };
        let uniform = |variance: f64| {
            let bound = libm::sqrt(3.0 * variance);
            each(&|element| (2.0 * random.unit(element) - 1.0) * bound)
        };
        let truncated = |variance: f64| {
            let deviation = libm::sqrt(variance) / TRUNCATED_DEVIATION;
            each(&|element| random.truncated_normal(element) * deviation)
        };
        let inputs = fans.inputs.max(1) as f64;
        let mean_fan = (inputs + fans.outputs.max(1) as f64) / 2.0;
        match *self {
            Self::Zeros => vec![0.0; count],
            Self::Ones => vec![1.0; count],
            Self::Constant(Constant { value }) => vec![value; count],
            Self::Uniform(Uniform { low, high }) => {
                let (low, high) = (f64::from(low), f64::from(high));
                each(&|element| low + (high - low) * random.unit(element))
            }
            Self::Normal(Normal { mean, deviation }) => {
                each(&|element| f64::from(mean) + f64::from(deviation) * random.normal(element, 0))
            }
            Self::TruncatedNormal(Normal { mean, deviation }) => each(&|element| {
                f64::from(mean) + f64::from(deviation) * random.truncated_normal(element)
            }),
            Self::GlorotUniform => uniform(1.0 / mean_fan),
            Self::GlorotNormal => truncated(1.0 / mean_fan),
            Self::HeUniform => uniform(2.0 / inputs),
            Self::HeNormal => truncated(2.0 / inputs),
            Self::LecunUniform => uniform(1.0 / inputs),
            Self::LecunNormal => truncated(1.0 / inputs),
            Self::ForgetBias => {
                let forget = count / 4..count / 2;
                each(&|element| f64::from(u8::from(forget.contains(&element))))
            }
            Self::Orthogonal(Orthogonal { gain }) => orthogonal(sizes, random, f64::from(gain)),
        }
    }

    /// Refuses settings that make no sense.
    pub(crate) fn check(&self, place: &Place, setting: &'static str) -> crate::Result<()> {
        let (good, expected, found) = match *self {
            Self::Constant(Constant { value }) => (value.is_finite(), "a finite constant", value),
            Self::Uniform(Uniform { low, high }) => (
                low.is_finite() && high.is_finite() && low <= high,
                "between finite bounds, the lower one first",
                high,
            ),
            Self::Normal(Normal { mean, deviation })
            | Self::TruncatedNormal(Normal { mean, deviation }) => {
                let good = mean.is_finite() && deviation.is_finite() && deviation >= 0.0;
                (
                    good,
                    "of finite mean and a deviation of at least 0",
                    deviation,
                )
            }
            Self::Orthogonal(Orthogonal { gain }) => (gain.is_finite(), "of finite gain", gain),
            _ => return Ok(()),
        };
        match good {
            true => Ok(()),
            false => Err(Error::Setting {
                place: place.clone(),
                setting,
                expected,
                found: found.to_string(),
            }),
        }
    }
}

/// The orthogonal factor of a normal random matrix, its signs such that the other factor's diagonal is positive, by
/// Gram and Schmidt's method, each vector cleared twice so that rounding leaves it orthogonal.
fn orthogonal(sizes: &[usize], random: Random, gain: f64) -> Vec<f32> {
    let columns = sizes.last().copied().unwrap_or(1);
    let rows: usize = sizes.iter().rev().skip(1).product();
    let (long, short) = (rows.max(columns), rows.min(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(short);
    for index in 0..short {
        let mut vector: Vec<f64> = (0..long)
            .map(|place| random.normal(index * long + place, 0))
            .collect();
        for earlier in vectors.iter().chain(&vectors) {
            let shadow: f64 = vector.iter().zip(earlier).map(|(a, b)| a * b).sum();
            vector
                .iter_mut()
                .zip(earlier)
                .for_each(|(a, b)| *a -= shadow * b);
        }
        let length = libm::sqrt(vector.iter().map(|value| value * value).sum());
        vector.iter_mut().for_each(|value| *value /= length);
        vectors.push(vector);
    }
    let at = |row: usize, column: usize| {
        if rows >= columns {
            vectors[column][row]
        } else {
            vectors[row][column]
        }
    };
    (0..rows * columns)
        .map(|place| (gain * at(place / columns, place % columns)) as f32)
        .collect()
}
