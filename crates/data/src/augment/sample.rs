//! All changes to one picture, in their order: movement, brightness and contrast, scaling, erasing.

use jingwei_random::{Draws, stream};

use super::Augment;
use super::place::{Canvas, Place};
use crate::prepare::{ImagePreparation, PixelMap};
use crate::{Error, Result};

/// Changes to single pictures of one size, ready for use.
#[derive(Debug)]
pub(crate) struct SampleAugment {
    augment: Augment,
    canvas: Canvas,
    map: PixelMap,
    bytes: PixelMap,
    seed: u64,
}

impl SampleAugment {
    pub fn new(augment: &Augment, images: &ImagePreparation, seed: u64) -> Result<Self> {
        let side = images.height.min(images.width);
        if augment.crop as usize > side {
            let cause = format!(
                "{} pixels of padding for pictures of {}×{}",
                augment.crop, images.height, images.width
            );
            return Err(Error::setting(
                "augment.crop",
                cause,
                format!("take at most {side}"),
            ));
        }
        let (height, width, channels) = (images.height, images.width, images.channels);
        let canvas = Canvas {
            height,
            width,
            channels,
            fill: augment.fill,
        };
        let bytes = PixelMap::unchanged(channels);
        Ok(Self {
            augment: augment.clone(),
            canvas,
            map: images.map(),
            bytes,
            seed,
        })
    }

    /// Writes the changed and prepared picture that sample `sample` shows in `epoch`.
    pub fn write(&self, image: &[u8], epoch: u64, sample: usize, out: &mut [f32]) {
        let mut draws = Draws::new(self.seed, stream("augment"), epoch, sample);
        let place = Place::draw(&self.augment, &self.canvas, &mut draws);
        let tone = self.draw_tone(image, &mut draws);
        if place.turn.is_none() && tone.is_none() {
            self.canvas.write_moved(image, &place, &self.map, out);
        } else {
            match place.turn {
                Some(_) => self.canvas.write_turned(image, &place, out),
                None => self.canvas.write_moved(image, &place, &self.bytes, out),
            }
            if let Some((factor, term)) = tone {
                out.iter_mut()
                    .for_each(|value| *value = (*value * factor + term).clamp(0.0, 255.0));
            }
            self.map.rescale(out);
        }
        if self.augment.erase > 0.0 && draws.coin() {
            self.erase(&mut draws, out);
        }
    }

    /// Brightness and contrast as `byte × factor + term`.
    fn draw_tone(&self, image: &[u8], draws: &mut Draws) -> Option<(f32, f32)> {
        let Augment {
            brightness,
            contrast,
            ..
        } = self.augment;
        if brightness == 0.0 && contrast == 0.0 {
            return None;
        }
        let term = draws.symmetric(brightness) * 255.0;
        let factor = 1.0 + draws.symmetric(contrast);
        let sum: u64 = image.iter().map(|&byte| u64::from(byte)).sum();
        let mean = (sum as f64 / image.len() as f64) as f32;
        Some((factor, mean - mean * factor + term))
    }

    /// Covers a rectangle of an area of up to the share asked for, its sides up to 1 : 3.
    fn erase(&self, draws: &mut Draws, out: &mut [f32]) {
        let Canvas {
            height,
            width,
            channels,
            ..
        } = self.canvas;
        let share = draws.uniform() * self.augment.erase;
        let ratio = 1.0 + 2.0 * draws.uniform();
        let ratio = if draws.coin() { ratio } else { 1.0 / ratio };
        let side =
            |share: f32, length: usize| ((share.sqrt() * length as f32) as usize).min(length);
        let (rows, columns) = (side(share * ratio, height), side(share / ratio, width));
        let top = draws.below((height - rows + 1) as u32) as usize;
        let left = draws.below((width - columns + 1) as u32) as usize;
        for row in out.chunks_exact_mut(width * channels).skip(top).take(rows) {
            for (at, value) in row[left * channels..][..columns * channels]
                .iter_mut()
                .enumerate()
            {
                *value = self.map.value(draws.uniform() * 255.0, at % channels);
            }
        }
    }
}
