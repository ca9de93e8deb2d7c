//! Moving a picture: by whole pixels, or by any rotation and scale.

use jingwei_random::Draws;

use super::{Augment, Fill};
use crate::prepare::PixelMap;

/// Positions between pixels are counted in whole parts of a pixel: fast, and the same on every machine.
const ONE_BITS: u32 = 24;
const ONE: i64 = 1 << ONE_BITS;
/// The precision to which the nearest pixels are weighed.
const WEIGHT_BITS: u32 = 8;

impl Fill {
    /// The byte of gaps that do not depend on the picture.
    fn byte(self) -> u8 {
        if self == Self::White { 255 } else { 0 }
    }
}

/// Sizes of the pictures and what gaps are filled with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canvas {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub fill: Fill,
}

/// Where one picture goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    /// Pixels down and right.
    pub shift: [isize; 2],
    /// Upside down, mirrored.
    pub flip: [bool; 2],
    /// Rotation in radians and factor of size, if any.
    pub turn: Option<(f32, f32)>,
}

impl Place {
    pub fn draw(augment: &Augment, canvas: &Canvas, draws: &mut Draws) -> Self {
        let flip = [
            augment.flip_vertical && draws.coin(),
            augment.flip_horizontal && draws.coin(),
        ];
        let mut shift = [0; 2];
        if augment.shift > 0.0 {
            let side =
                |length: usize, share: f32| (share * length as f32).round_ties_even() as isize;
            shift = [canvas.height, canvas.width]
                .map(|length| side(length, draws.symmetric(augment.shift)));
        }
        if augment.crop > 0 {
            shift = shift.map(|shift| {
                shift + draws.below(2 * augment.crop + 1) as isize - augment.crop as isize
            });
        }
        let turns = augment.rotate > 0.0 || augment.scale > 0.0;
        let turn = turns.then(|| {
            (
                draws.symmetric(augment.rotate.to_radians()),
                1.0 + draws.symmetric(augment.scale),
            )
        });
        Self { shift, flip, turn }
    }
}

impl Canvas {
    /// Writes a picture moved by whole pixels.
    pub fn write_moved(&self, image: &[u8], place: &Place, map: &PixelMap, out: &mut [f32]) {
        let line = self.width * self.channels;
        for (row, out) in out.chunks_exact_mut(line).enumerate() {
            match self.source(row, place.shift[0], self.height, place.flip[0]) {
                Some(row) => self.write_row(&image[row * line..][..line], place, map, out),
                None => self.write_gap(&[], map, out),
            }
        }
    }

    fn write_row(&self, row: &[u8], place: &Place, map: &PixelMap, out: &mut [f32]) {
        let shift = place.shift[1];
        let gap = shift.unsigned_abs().min(self.width) * self.channels;
        let length = row.len() - gap;
        // Mirroring comes first, so a gap on the right of the result hides pixels on the right of the source.
        let hides_start = (shift < 0) != place.flip[1];
        let seen = if hides_start {
            &row[gap..]
        } else {
            &row[..length]
        };
        let edge = if hides_start {
            row.len() - self.channels
        } else {
            0
        };
        let (gap_out, seen_out) = match shift > 0 {
            true => out.split_at_mut(gap),
            false => {
                let (seen_out, gap_out) = out.split_at_mut(length);
                (gap_out, seen_out)
            }
        };
        map.write(seen, seen_out);
        if place.flip[1] {
            reverse_pixels(seen_out, self.channels);
        }
        if gap > 0 {
            self.write_gap(&row[edge..][..self.channels], map, gap_out);
        }
    }

    /// Fills whole pixels; `edge` is the nearest pixel of the picture.
    fn write_gap(&self, edge: &[u8], map: &PixelMap, out: &mut [f32]) {
        let raw = |channel: usize| match self.fill {
            Fill::Edge => edge.get(channel).copied().unwrap_or(0),
            fill => fill.byte(),
        };
        for channel in 0..self.channels {
            let value = map.value(f32::from(raw(channel)), channel);
            out.iter_mut()
                .skip(channel)
                .step_by(self.channels)
                .for_each(|out| *out = value);
        }
    }

    /// Which row (or column) of the picture comes to `at`; none if it is in the gap.
    fn source(&self, at: usize, shift: isize, length: usize, flip: bool) -> Option<usize> {
        let last = length as isize - 1;
        let mut source = at as isize - shift;
        if self.fill == Fill::Edge {
            source = source.clamp(0, last);
        }
        (0..=last)
            .contains(&source)
            .then(|| if flip { last - source } else { source } as usize)
    }

    /// Writes raw values (0 to 255) of a picture that is shifted, flipped, turned and resized around its middle.
    pub fn write_turned(&self, image: &[u8], place: &Place, out: &mut [f32]) {
        let (angle, factor) = place.turn.unwrap_or((0.0, 1.0));
        let fixed = |value: f32| (value / factor * ONE as f32).round_ties_even() as i64;
        let (sine, cosine) = (fixed(libm::sinf(angle)), fixed(libm::cosf(angle)));
        let [mirror_y, mirror_x] = place.flip.map(|flip| if flip { -1 } else { 1 });
        let (last_y, last_x) = (self.height as i64 - 1, self.width as i64 - 1);
        // Twice the distance from the middle, so that it is a whole number.
        let x = -2 * place.shift[1] as i64 - last_x;
        for (row, out) in out.chunks_exact_mut(self.width * self.channels).enumerate() {
            let y = 2 * (row as i64 - place.shift[0] as i64) - last_y;
            let mut source_y = ((y * cosine - x * sine) * mirror_y + last_y * ONE) / 2;
            let mut source_x = ((y * sine + x * cosine) * mirror_x + last_x * ONE) / 2;
            for out in out.chunks_exact_mut(self.channels) {
                self.interpolate(image, source_y, source_x, out);
                source_y -= sine * mirror_y;
                source_x += cosine * mirror_x;
            }
        }
    }

    /// Writes a pixel between the four nearest ones; `y` and `x` are in units of [`ONE`].
    fn interpolate(&self, image: &[u8], y: i64, x: i64, out: &mut [f32]) {
        let rounded =
            |at: i64| (at + (1 << (ONE_BITS - WEIGHT_BITS - 1))) >> (ONE_BITS - WEIGHT_BITS);
        let (y, x) = (rounded(y), rounded(x));
        let (top, left) = ((y >> WEIGHT_BITS) as isize, (x >> WEIGHT_BITS) as isize);
        let share = |at: i64| (at & ((1 << WEIGHT_BITS) - 1)) as u32;
        let (down, right) = (share(y), share(x));
        let (up, left_share) = ((1 << WEIGHT_BITS) - down, (1 << WEIGHT_BITS) - right);
        let weights = [up * left_share, up * right, down * left_share, down * right];
        let below = self.width * self.channels;
        let inside = (0..self.height as isize - 1).contains(&top)
            && (0..self.width as isize - 1).contains(&left);
        if inside {
            let near = &image[(top as usize * self.width + left as usize) * self.channels..];
            let (near, far) = (
                &near[..2 * self.channels],
                &near[below..][..2 * self.channels],
            );
            for (channel, out) in out.iter_mut().enumerate() {
                let next = channel + self.channels;
                *out = weigh(
                    [near[channel], near[next], far[channel], far[next]],
                    weights,
                );
            }
            return;
        }
        let corners = [
            (top, left),
            (top, left + 1),
            (top + 1, left),
            (top + 1, left + 1),
        ];
        let corners = corners.map(|(y, x)| self.pixel(y, x));
        for (channel, out) in out.iter_mut().enumerate() {
            let byte = |at: Option<usize>| at.map_or(self.fill.byte(), |at| image[at + channel]);
            *out = weigh(corners.map(byte), weights);
        }
    }

    /// Where a pixel lies in the picture; none in the gap.
    fn pixel(&self, y: isize, x: isize) -> Option<usize> {
        let (last_y, last_x) = (self.height as isize - 1, self.width as isize - 1);
        let (y, x) = match self.fill {
            Fill::Edge => (y.clamp(0, last_y), x.clamp(0, last_x)),
            _ => (y, x),
        };
        let inside = (0..=last_y).contains(&y) && (0..=last_x).contains(&x);
        inside.then(|| (y as usize * self.width + x as usize) * self.channels)
    }
}

fn weigh(bytes: [u8; 4], weights: [u32; 4]) -> f32 {
    let sum = |at: usize| u32::from(bytes[at]) * weights[at];
    (sum(0) + sum(1) + sum(2) + sum(3)) as i32 as f32 * (1.0 / (1 << (2 * WEIGHT_BITS)) as f32)
}

fn reverse_pixels(values: &mut [f32], channels: usize) {
    values.reverse();
    if channels > 1 {
        values.chunks_exact_mut(channels).for_each(<[f32]>::reverse);
    }
}
