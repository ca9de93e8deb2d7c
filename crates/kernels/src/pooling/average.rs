//! Average pooling.

use super::Pooling;
use crate::Workers;
use crate::level::dispatch;
use crate::simd::Simd;
use crate::workers::Parts;
use std::ops::Range;

impl Pooling {
    /// Writes the mean of each window: of the part that lies in the image (as Keras), or of the whole
    /// window with zeros outside (`count_padding`, as PyTorch).
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for, or a window sees nothing of the
    /// image.
    pub fn average(&self, workers: &Workers, count_padding: bool, x: &[f32], y: &mut [f32]) {
        self.check(x.len(), y.len());
        let level = workers.level();
        let y = Parts::new(y);
        self.for_each_rows(workers, |sample, rows| {
            let row = self.output[1] * self.channels;
            let start = sample * self.output_sample() + rows.start * row;
            let x = &x[sample * self.input_sample()..][..self.input_sample()];
            // SAFETY: pieces have different rows, which `part` finds within `y`.
            let y = unsafe { y.part(start, rows.len() * row) };
            average_rows(level, self, count_padding, rows, x, y);
        });
    }

    /// Writes the gradient of the input from that of the output.
    ///
    /// # Panics
    /// As [`Self::average`].
    pub fn average_backward(
        &self,
        workers: &Workers,
        count_padding: bool,
        dy: &[f32],
        dx: &mut [f32],
    ) {
        self.check(dx.len(), dy.len());
        let level = workers.level();
        let dx = Parts::new(dx);
        self.for_each_sample(workers, |sample| {
            let dy = &dy[sample * self.output_sample()..][..self.output_sample()];
            // SAFETY: samples do not overlap, and `part` finds them within `dx`.
            let dx = unsafe { dx.part(sample * self.input_sample(), self.input_sample()) };
            average_gradient(level, self, count_padding, dy, dx);
        });
    }

    /// What each element of a window counts for.
    #[inline(always)]
    fn share(&self, count_padding: bool, seen: [usize; 2]) -> f32 {
        let [height, width] = if count_padding { self.window } else { seen };
        1.0 / (height * width) as f32
    }
}

dispatch! {
    fn average_rows(shape: &Pooling, count_padding: bool, rows: Range<usize>, x: &[f32], y: &mut [f32])
        => average_generic
}

#[inline(always)]
fn average_generic<V: Simd>(
    shape: &Pooling,
    count_padding: bool,
    rows: Range<usize>,
    x: &[f32],
    y: &mut [f32],
) {
    let channels = shape.channels;
    let [width, columns] = [shape.input[1], shape.output[1]];
    for (index, row) in rows.enumerate() {
        for column in 0..columns {
            let seen = shape.seen([row, column]);
            let share = V::splat(shape.share(count_padding, seen.count));
            let to = (index * columns + column) * channels;
            let mut first = 0;
            while first < channels {
                let last = (first + V::LANES).min(channels);
                let mut sum = V::zero();
                for i in 0..seen.count[0] {
                    for j in 0..seen.count[1] {
                        let from = ((seen.image[0] + i) * width + seen.image[1] + j) * channels;
                        sum = sum + V::from_slice(&x[from + first..from + last]);
                    }
                }
                (sum * share).to_slice(&mut y[to + first..to + last]);
                first = last;
            }
        }
    }
}

dispatch! {
    fn average_gradient(shape: &Pooling, count_padding: bool, dy: &[f32], dx: &mut [f32])
        => average_gradient_generic
}

#[inline(always)]
fn average_gradient_generic<V: Simd>(
    shape: &Pooling,
    count_padding: bool,
    dy: &[f32],
    dx: &mut [f32],
) {
    let channels = shape.channels;
    let [width, columns] = [shape.input[1], shape.output[1]];
    dx.fill(0.0);
    for index in 0..shape.output[0] * columns {
        let seen = shape.seen([index / columns, index % columns]);
        let share = V::splat(shape.share(count_padding, seen.count));
        let of = index * channels;
        let mut first = 0;
        while first < channels {
            let last = (first + V::LANES).min(channels);
            let gradient = V::from_slice(&dy[of + first..of + last]) * share;
            for i in 0..seen.count[0] {
                for j in 0..seen.count[1] {
                    let to = ((seen.image[0] + i) * width + seen.image[1] + j) * channels;
                    let target = &mut dx[to + first..to + last];
                    (V::from_slice(target) + gradient).to_slice(target);
                }
            }
            first = last;
        }
    }
}
