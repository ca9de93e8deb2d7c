//! Random changes to training samples, so that a model sees each picture in many forms.

mod mixup;
mod place;
mod sample;

use jingwei_text::augment::TextAugmentation;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

pub(crate) use mixup::{Mixup, mix};
pub(crate) use sample::SampleAugment;

/// What pictures are filled with where a moved picture leaves a gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Black, byte 0.
    #[default]
    Black,
    /// White, byte 255.
    White,
    /// The nearest pixel of the picture.
    Edge,
}

/// Random changes to training samples. Every number is a strength, 0 leaves the change out; default: none.
///
/// Each change is drawn evenly from its range, for each sample and epoch anew, from the seed of the batches. Shift,
/// crop, rotation, scale and flips become one movement of the picture; where it is by whole pixels, pixels are copied,
/// otherwise interpolated between the four nearest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Largest shift up, down, left and right, as a share of height and width; rounded to whole pixels. 0 to 1.
    pub shift: f32,
    /// Pixels added on each side before a window of the old size is cut out at random: a shift of at most so many
    /// pixels (He et al., 2016, use 4 for 32×32). Up to the smaller side.
    pub crop: u32,
    /// Largest rotation either way, in degrees. 0 to 180.
    pub rotate: f32,
    /// Largest change of size: by a factor of `1 − scale` to `1 + scale`. 0 to 0.9.
    pub scale: f32,
    /// Left and right exchanged in one of two cases.
    pub flip_horizontal: bool,
    /// Up and down exchanged in one of two cases.
    pub flip_vertical: bool,
    /// Largest change of brightness either way, as a share of the full range. 0 to 1.
    pub brightness: f32,
    /// Largest change of contrast around the picture's mean: by a factor of `1 − contrast` to `1 + contrast`. 0 to 1.
    pub contrast: f32,
    /// Largest share of the picture that is covered by a rectangle of noise, in one of two cases (Zhong et al.,
    /// "Random erasing", 2017). 0 to 1.
    pub erase: f32,
    /// Mixes each sample and its target with another one of the batch, `λ` to `1 − λ`, `λ` being drawn from
    /// Beta(mixup, mixup) (Zhang et al., "mixup", 2018, use 0.1 to 0.4). 0 to 1. Class targets become shares.
    pub mixup: f32,
    /// What gaps are filled with.
    pub fill: Fill,
    /// The chance of a token of a text to be left out; one token always stays. 0 to 1. Not where tokens have tags.
    pub drop: f64,
    /// The chance of a token of a text to change places with the next. 0 to 1. Not where tokens have tags.
    pub swap: f64,
    /// The chance of a token of a text to become unknown. 0 to 1.
    pub mask: f64,
}

impl Augment {
    /// Checks the bounds of all strengths.
    ///
    /// # Errors
    /// If one is out of bounds, naming it.
    pub fn check(&self) -> Result<()> {
        let bounds = [
            ("shift", self.shift, 1.0),
            ("rotate", self.rotate, 180.0),
            ("scale", self.scale, 0.9),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
            ("erase", self.erase, 1.0),
            ("mixup", self.mixup, 1.0),
        ];
        for (name, strength, most) in bounds {
            if !(0.0..=most).contains(&strength) {
                let cause = format!("{strength} is not between 0 and {most}");
                return Err(Error::setting(
                    format!("augment.{name}"),
                    cause,
                    "take a value within the bounds",
                ));
            }
        }
        for (name, chance) in [
            ("drop", self.drop),
            ("swap", self.swap),
            ("mask", self.mask),
        ] {
            if !(0.0..=1.0).contains(&chance) {
                return Err(Error::setting(
                    format!("augment.{name}"),
                    format!("{chance} is not between 0 and 1"),
                    "0.1 changes one token of ten",
                ));
            }
        }
        Ok(())
    }

    /// What is done to tokens of texts.
    #[must_use]
    pub fn tokens(&self) -> TextAugmentation {
        let Self {
            drop, swap, mask, ..
        } = *self;
        TextAugmentation { drop, swap, mask }
    }

    /// Whether anything is done to single pictures.
    pub fn changes_pictures(&self) -> bool {
        let strengths = [
            self.shift,
            self.rotate,
            self.scale,
            self.brightness,
            self.contrast,
            self.erase,
        ];
        strengths.iter().any(|&s| s > 0.0)
            || self.crop > 0
            || self.flip_horizontal
            || self.flip_vertical
    }
}
