//! Moving a picture: by whole pixels, or by any rotation and scale.

use super::{Augment, Fill};
use crate::prepare::PixelMap;
use crate::random::Draws;

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
            .then_some(if flip { last - source } else { source } as usize)
    }

    /// Writes raw values (0 to 255) of a picture that is shifted, flipped, turned and resized around its middle.
    pub fn write_turned(&self, image: &[u8], place: &Place, out: &mut [f32]) {
        let (angle, factor) = place.turn.unwrap_or((0.0, 1.0));
        let (sine, cosine) = (libm::sinf(angle) / factor, libm::cosf(angle) / factor);
        let middle = [
            (self.height as f32 - 1.0) / 2.0,
            (self.width as f32 - 1.0) / 2.0,
        ];
        let [mirror_y, mirror_x] = place.flip.map(|flip| if flip { -1.0 } else { 1.0 });
        for (row, out) in out.chunks_exact_mut(self.width * self.channels).enumerate() {
            let y = row as f32 - place.shift[0] as f32 - middle[0];
            for (column, out) in out.chunks_exact_mut(self.channels).enumerate() {
                let x = column as f32 - place.shift[1] as f32 - middle[1];
                let source_y = (y * cosine - x * sine) * mirror_y + middle[0];
                let source_x = (y * sine + x * cosine) * mirror_x + middle[1];
                self.interpolate(image, source_y, source_x, out);
            }
        }
    }

    fn interpolate(&self, image: &[u8], y: f32, x: f32, out: &mut [f32]) {
        let ((top, down), (left, right)) = (floor_and_rest(y), floor_and_rest(x));
        let corners = [
            (self.pixel(top, left), (1.0 - down) * (1.0 - right)),
            (self.pixel(top, left + 1), (1.0 - down) * right),
            (self.pixel(top + 1, left), down * (1.0 - right)),
            (self.pixel(top + 1, left + 1), down * right),
        ];
        let gap = f32::from(self.fill.byte());
        for (channel, out) in out.iter_mut().enumerate() {
            let value =
                |pixel: Option<usize>| pixel.map_or(gap, |at| f32::from(image[at + channel]));
            *out = corners
                .iter()
                .map(|&(pixel, weight)| value(pixel) * weight)
                .sum();
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
        inside.then_some((y as usize * self.width + x as usize) * self.channels)
    }
}

fn floor_and_rest(value: f32) -> (isize, f32) {
    let floor = value.floor();
    (floor as isize, value - floor)
}

fn reverse_pixels(values: &mut [f32], channels: usize) {
    values.reverse();
    if channels > 1 {
        values.chunks_exact_mut(channels).for_each(<[f32]>::reverse);
    }
}
