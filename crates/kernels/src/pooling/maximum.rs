//! Maximum pooling. The forward pass keeps, for each output, the position in the window that it came
//! from (a byte, rows first), packed four to a float, for the backward pass.

use super::Pooling;
use crate::Workers;
use crate::level::dispatch;
use crate::simd::Simd;
use crate::workers::Parts;
use std::ops::Range;

/// Floats that hold the positions of `outputs` outputs.
pub fn packed_positions(outputs: usize) -> usize {
    outputs.div_ceil(size_of::<f32>())
}

/// The bytes of packed positions.
fn bytes(packed: &[f32]) -> &[u8] {
    // SAFETY: every byte of a float is a byte, and the lifetime stays.
    unsafe { std::slice::from_raw_parts(packed.as_ptr().cast(), size_of_val(packed)) }
}

/// Outputs of each sample that lie before the row `row`.
fn before(shape: &Pooling, sample: usize, row: usize) -> usize {
    (sample * shape.output[0] + row) * shape.output[1] * shape.channels
}

impl Pooling {
    /// Writes the largest element of each window, the first of equals, and its packed position. What
    /// is not a number is larger than any number.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for (positions:
    /// [`packed_positions`]`(output_len)`), a window sees nothing of the image, or has more than 255
    /// positions.
    pub fn maximum(&self, workers: &Workers, x: &[f32], y: &mut [f32], positions: &mut [f32]) {
        self.check(x.len(), y.len());
        self.check_positions(positions.len());
        let level = workers.level();
        let all_bytes = Parts::new(positions);
        let y = Parts::new(y);
        self.for_each_rows(workers, |sample, rows| {
            let start = before(self, sample, rows.start);
            let len = before(self, sample, rows.end) - start;
            let x = &x[sample * self.input_sample()..][..self.input_sample()];
            // SAFETY: pieces have different rows, which `part` finds within `y`; `check_positions` found a byte for each output.
            let (y, positions) = unsafe {
                let first = all_bytes.pointer().cast::<u8>().add(start);
                (
                    y.part(start, len),
                    std::slice::from_raw_parts_mut(first, len),
                )
            };
            maximum_rows(level, self, rows, x, y, positions);
        });
    }

    /// Writes the gradient of the input from that of the output.
    ///
    /// # Panics
    /// As [`Self::maximum`].
    pub fn maximum_backward(
        &self,
        workers: &Workers,
        positions: &[f32],
        dy: &[f32],
        dx: &mut [f32],
    ) {
        self.check(dx.len(), dy.len());
        self.check_positions(positions.len());
        let level = workers.level();
        let positions = bytes(positions);
        let dx = Parts::new(dx);
        self.for_each_sample(workers, |sample| {
            let range = sample * self.output_sample()..(sample + 1) * self.output_sample();
            let (input, dy) = (self.input_sample(), &dy[range.clone()]);
            // SAFETY: samples do not overlap, and `part` finds them within `dx`.
            let dx = unsafe { dx.part(sample * input, input) };
            maximum_gradient(level, self, &positions[range], dy, dx);
        });
    }

    fn check_positions(&self, floats: usize) {
        assert_eq!(
            floats,
            packed_positions(self.output_len()),
            "a byte for the position of each output"
        );
        let [height, width] = self.window;
        assert!(
            height * width <= 255,
            "a window of {height} × {width} has more than 255 positions"
        );
    }
}

dispatch! {
    fn maximum_rows(shape: &Pooling, rows: Range<usize>, x: &[f32], y: &mut [f32], positions: &mut [u8])
        => maximum_generic
}

#[inline(always)]
fn maximum_generic<V: Simd>(
    shape: &Pooling,
    rows: Range<usize>,
    x: &[f32],
    y: &mut [f32],
    positions: &mut [u8],
) {
    let channels = shape.channels;
    let [width, columns] = [shape.input[1], shape.output[1]];
    for (index, row) in rows.enumerate() {
        for column in 0..columns {
            let seen = shape.seen([row, column]);
            let to = (index * columns + column) * channels;
            let mut first = 0;
            while first < channels {
                let last = (first + V::LANES).min(channels);
                let start = seen.window[0] * shape.window[1] + seen.window[1];
                let mut best = V::splat(f32::NEG_INFINITY);
                let mut at = V::splat(start as f32);
                for i in 0..seen.count[0] {
                    for j in 0..seen.count[1] {
                        let from = ((seen.image[0] + i) * width + seen.image[1] + j) * channels;
                        let value = V::from_slice(&x[from + first..from + last]);
                        let larger = V::mask_or(value.gt(best), value.is_nan());
                        let position = (start + i * shape.window[1] + j) as f32;
                        best = value.select(best, larger);
                        at = V::splat(position).select(at, larger);
                    }
                }
                best.to_slice(&mut y[to + first..to + last]);
                let mut lanes = [0.0; 16];
                at.to_slice(&mut lanes);
                for (byte, lane) in positions[to + first..to + last].iter_mut().zip(lanes) {
                    *byte = lane as u8;
                }
                first = last;
            }
        }
    }
}

dispatch! {
    fn maximum_gradient(shape: &Pooling, positions: &[u8], dy: &[f32], dx: &mut [f32])
        => maximum_gradient_generic
}

#[inline(always)]
fn maximum_gradient_generic<V: Simd>(
    shape: &Pooling,
    positions: &[u8],
    dy: &[f32],
    dx: &mut [f32],
) {
    let channels = shape.channels;
    let [width, columns] = [shape.input[1], shape.output[1]];
    dx.fill(0.0);
    for index in 0..shape.output[0] * columns {
        let seen = shape.seen([index / columns, index % columns]);
        let of = index * channels;
        let mut first = 0;
        while first < channels {
            let last = (first + V::LANES).min(channels);
            let mut lanes = [0.0; 16];
            for (lane, byte) in lanes.iter_mut().zip(&positions[of + first..of + last]) {
                *lane = f32::from(*byte);
            }
            let at = V::from_slice(&lanes);
            let gradient = V::from_slice(&dy[of + first..of + last]);
            for i in 0..seen.count[0] {
                for j in 0..seen.count[1] {
                    let position = (seen.window[0] + i) * shape.window[1] + seen.window[1] + j;
                    let to = ((seen.image[0] + i) * width + seen.image[1] + j) * channels;
                    let target = &mut dx[to + first..to + last];
                    let share = gradient.select(V::zero(), at.eq(V::splat(position as f32)));
                    (V::from_slice(target) + share).to_slice(target);
                }
            }
            first = last;
        }
    }
}
