//! Scaling of pictures: one multiplication and one addition for each value.

use serde::{Deserialize, Serialize};

use super::ImageScalingKind;
use crate::image::Size;
use crate::{Dataset, Error, Result};

const MOST_SIDE: usize = 1 << 15;
const MOST_VALUES: usize = 1 << 28;
/// A channel that varies less does not vary.
const LEAST_STD: f32 = 1e-9;

/// How pictures become numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagePreparation {
    /// Rows of pixels; pictures of other sizes are resized.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// 1 grey, 3 red, green, blue.
    pub channels: usize,
    /// The scaling of the values.
    pub scaling: ImageScaling,
}

/// The scaling of the values of pictures. Statistics are per channel, in units of `[0, 1]` (a byte divided by 255).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ImageScaling {
    /// `byte / 255`.
    Unit,
    /// `(byte / 255 − mean) / std`.
    Standardise {
        /// Mean of each channel.
        mean: Vec<f32>,
        /// Standard deviation of each channel, 1 where it does not vary.
        std: Vec<f32>,
    },
    /// `(byte / 255 − min) / (max − min)`.
    MinMax {
        /// Smallest value of each channel.
        min: Vec<f32>,
        /// Largest value of each channel.
        max: Vec<f32>,
    },
}

impl ImagePreparation {
    pub(super) fn fit(
        dataset: &Dataset,
        indices: &[usize],
        [height, width, channels]: [usize; 3],
        kind: ImageScalingKind,
    ) -> Self {
        let scaling = match kind {
            ImageScalingKind::Unit => ImageScaling::Unit,
            ImageScalingKind::Standardise => standardise(&histograms(dataset, indices, channels)),
            ImageScalingKind::MinMax => min_max(&histograms(dataset, indices, channels)),
        };
        Self {
            height,
            width,
            channels,
            scaling,
        }
    }

    pub(super) fn target_size(&self) -> Size {
        Size {
            height: self.height,
            width: self.width,
            channels: self.channels,
        }
    }

    pub(super) fn size(&self) -> String {
        format!("{}×{}×{}", self.height, self.width, self.channels)
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |cause: String| {
            Err(Error::setting(
                "preparation.features",
                cause,
                "use an undamaged bundle",
            ))
        };
        let sides = [self.height, self.width]
            .iter()
            .all(|side| (1..=MOST_SIDE).contains(side));
        if !sides
            || ![1, 3].contains(&self.channels)
            || self.height * self.width * self.channels > MOST_VALUES
        {
            return wrong(format!("pictures of {}", self.size()));
        }
        // Statistics of numbers from 0 to 1 lie there too.
        let fits = |values: &[f32]| {
            values.len() == self.channels && values.iter().all(|value| (0.0..=1.0).contains(value))
        };
        match &self.scaling {
            ImageScaling::Unit => Ok(()),
            ImageScaling::Standardise { mean, std }
                if fits(mean) && fits(std) && std.iter().all(|&s| s >= LEAST_STD) =>
            {
                Ok(())
            }
            ImageScaling::MinMax { min, max }
                if fits(min) && fits(max) && min.iter().zip(max).all(|(min, max)| min <= max) =>
            {
                Ok(())
            }
            scaling => wrong(format!("{scaling:?} for {} channels", self.channels)),
        }
    }

    /// Makes the map from bytes to numbers.
    pub fn map(&self) -> PixelMap {
        let pairs: Vec<(f32, f32)> = match &self.scaling {
            ImageScaling::Unit => vec![(1.0 / 255.0, 0.0); self.channels],
            ImageScaling::Standardise { mean, std } => {
                mean.iter().zip(std).map(|(&m, &s)| affine(m, s)).collect()
            }
            ImageScaling::MinMax { min, max } => {
                let range = |(&low, &high): (&f32, &f32)| {
                    affine(low, if high > low { high - low } else { 1.0 })
                };
                min.iter().zip(max).map(range).collect()
            }
        };
        PixelMap::new(&pairs)
    }
}

/// `(byte / 255 − shift) / divisor` as `byte × scale + offset`.
fn affine(shift: f32, divisor: f32) -> (f32, f32) {
    let (shift, divisor) = (f64::from(shift), f64::from(divisor));
    ((1.0 / (255.0 * divisor)) as f32, (-shift / divisor) as f32)
}

/// From bytes to numbers: `byte × scale + offset`, with a scale and an offset for each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelMap {
    channels: usize,
    /// Scales and offsets, repeated so that whole vectors can be computed at once; one each if all channels agree.
    scales: Vec<f32>,
    offsets: Vec<f32>,
}

/// Pixels that [`PixelMap::write`] takes at once when channels differ.
const BLOCK: usize = 16;

impl PixelMap {
    fn new(pairs: &[(f32, f32)]) -> Self {
        let same = pairs.windows(2).all(|two| two[0] == two[1]);
        let count = if same { 1 } else { pairs.len() * BLOCK };
        let (scales, offsets) = pairs.iter().cycle().take(count).copied().unzip();
        Self {
            channels: pairs.len(),
            scales,
            offsets,
        }
    }

    /// Bytes as numbers of 0 to 255.
    pub(crate) fn unchanged(channels: usize) -> Self {
        Self::new(&vec![(1.0, 0.0); channels])
    }

    /// Values a pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The prepared value of a raw one, which may lie between two bytes.
    pub fn value(&self, raw: f32, channel: usize) -> f32 {
        let at = channel % self.scales.len();
        raw * self.scales[at] + self.offsets[at]
    }

    /// Writes prepared pixels; both slices hold whole pixels and start with one.
    pub fn write(&self, bytes: &[u8], out: &mut [f32]) {
        if let ([scale], [offset]) = (&self.scales[..], &self.offsets[..]) {
            bytes
                .iter()
                .zip(out)
                .for_each(|(&byte, out)| *out = f32::from(byte) * scale + offset);
            return;
        }
        for (bytes, out) in bytes
            .chunks(self.scales.len())
            .zip(out.chunks_mut(self.scales.len()))
        {
            let terms = self.scales.iter().zip(&self.offsets);
            bytes
                .iter()
                .zip(out)
                .zip(terms)
                .for_each(|((&b, out), (s, o))| *out = f32::from(b) * s + o);
        }
    }

    /// Turns raw numbers of 0 to 255 into prepared ones, in place; whole pixels.
    pub fn rescale(&self, values: &mut [f32]) {
        if let ([scale], [offset]) = (&self.scales[..], &self.offsets[..]) {
            values
                .iter_mut()
                .for_each(|value| *value = *value * scale + offset);
            return;
        }
        for values in values.chunks_mut(self.scales.len()) {
            let terms = self.scales.iter().zip(&self.offsets);
            values
                .iter_mut()
                .zip(terms)
                .for_each(|(value, (scale, offset))| *value = *value * scale + offset);
        }
    }
}

/// How often each byte occurs in each channel.
fn histograms(dataset: &Dataset, indices: &[usize], channels: usize) -> Vec<[u64; 256]> {
    let mut counts = vec![[0; 256]; channels];
    for pixel in indices
        .iter()
        .filter_map(|&index| dataset.image(index))
        .flat_map(|image| image.chunks(channels))
    {
        pixel
            .iter()
            .zip(&mut counts)
            .for_each(|(&byte, counts)| counts[usize::from(byte)] += 1);
    }
    counts
}

fn standardise(histograms: &[[u64; 256]]) -> ImageScaling {
    let sum = |counts: &[u64; 256], term: &dyn Fn(f64) -> f64| -> f64 {
        counts
            .iter()
            .enumerate()
            .map(|(byte, &count)| term(byte as f64 / 255.0) * count as f64)
            .sum()
    };
    let statistics = |counts: &[u64; 256]| {
        let total = sum(counts, &|_| 1.0);
        let mean = sum(counts, &|value| value) / total;
        let std = (sum(counts, &|value| (value - mean) * (value - mean)) / total).sqrt();
        (
            mean as f32,
            if std > f64::from(LEAST_STD) {
                std as f32
            } else {
                1.0
            },
        )
    };
    let (mean, std) = histograms.iter().map(statistics).unzip();
    ImageScaling::Standardise { mean, std }
}

fn min_max(histograms: &[[u64; 256]]) -> ImageScaling {
    let unit = |byte: Option<usize>| byte.unwrap_or(0) as f32 / 255.0;
    let min = histograms
        .iter()
        .map(|counts| unit(counts.iter().position(|&count| count > 0)))
        .collect();
    let max = histograms
        .iter()
        .map(|counts| unit(counts.iter().rposition(|&count| count > 0)))
        .collect();
    ImageScaling::MinMax { min, max }
}
