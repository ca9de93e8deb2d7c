//! Updates of the touched rows of a table alone.

use super::{
    Constants, Rule, State, Step, Tensors, TouchedRows, Update, descend_along, follow, power,
    prepare, run_chunk_generic,
};
use crate::level::dispatch;
use crate::norms::fold_in_halves;
use crate::simd::Simd;
use crate::workers::Parts;
use crate::{Level, Workers, chunks, vectors};

/// Floats of temporary memory that [`sum_of_squares_of_rows`] needs for up to `count` gradients of `width` values.
pub fn sum_of_squares_of_rows_shared(count: usize, width: usize) -> usize {
    count.div_ceil(chunks::rows_in_piece(width)).max(1)
}

/// The sum of the squares of all elements of a table's gradient that is 0 but for its touched rows, whose gradients lie
/// in `buffer`. Each worker needs a row of scratch.
///
/// # Panics
/// Where a temporary is too short.
pub fn sum_of_squares_of_rows(
    workers: &Workers,
    touched: &TouchedRows,
    buffer: &[f32],
    shared: &mut [f32],
) -> f32 {
    let pieces = touched.pieces();
    if pieces == 0 {
        return 0.0;
    }
    let shared = &mut shared[..pieces];
    let partials = Parts::new(shared);
    let level = workers.level();
    workers.run(pieces, &|piece, scratch| {
        // SAFETY: each piece has an element of its own, which `part` finds within `shared`.
        let partial = unsafe { &mut partials.part(piece, 1)[0] };
        *partial = squares(level, touched, piece, buffer, scratch);
    });
    fold_in_halves(shared, |a, b| a + b)
}

dispatch! {
    fn squares(touched: &TouchedRows, piece: usize, buffer: &[f32], scratch: &mut [f32]) -> f32 => squares_generic
}

#[inline(always)]
fn squares_generic<V: Simd>(
    touched: &TouchedRows,
    piece: usize,
    buffer: &[f32],
    scratch: &mut [f32],
) -> f32 {
    let mut sum = 0.0;
    for index in touched.piece(piece) {
        let gradient = touched.gradient(index, buffer, scratch, add::<V>);
        sum += vectors::sum([gradient], |[x]: [V; 1]| x * x);
    }
    sum
}

#[inline(always)]
fn add<V: Simd>(values: &[f32], sum: &mut [f32]) {
    vectors::update([values], [sum], |[x]: [V; 1], [sum]| [sum + x]);
}

impl Update {
    /// Updates the touched rows of a table by one step ("row-sparse", or lazy): weight decay and what is remembered of
    /// other rows stay as they are. The average follows everywhere.
    ///
    /// Adam would go on moving a row by its momentum, and forget its squares, in all the steps that do not touch it. So
    /// that this costs nothing, a gradient moves its row at once as far as it would over time, by `η·g / (√ŝ + ε)`, as the
    /// shares `(1 − β₁)·β₁ʲ` with which momentum hands it out come to 1; and after `k` steps `s ← β₂ᵏ·s + (1 − β₂)·g²`.
    /// `v` is not needed for it, and keeps in the first column the step that last touched a row.
    ///
    /// `tensors.gradients` is the buffer in which the gradients of rows lie; the others have one value for each of the
    /// table. Each worker needs a row of scratch.
    ///
    /// # Panics
    /// Where a buffer has another length than the table, or the scratch is too short.
    pub fn run_rows(
        &self,
        workers: &Workers,
        step: Step,
        tensors: Tensors<'_>,
        touched: &TouchedRows,
    ) {
        let Tensors {
            parameters,
            gradients,
            velocity,
            squares,
            average,
        } = tensors;
        let (len, width) = (parameters.len(), touched.width());
        assert_eq!(len, touched.rows() * width, "a table of {width} columns");
        assert!(workers.scratch() >= width, "scratch of a row's update");
        let used = [true, self.uses_velocity(), self.uses_squares()];
        let buffers = [&mut *parameters, velocity, squares];
        for (used, buffer) in used.iter().zip(&buffers) {
            assert!(!used || buffer.len() == len, "one value for each parameter");
        }
        let parts = buffers.map(Parts::new);
        let constants = Constants::new(self, step);
        let job = Job {
            rule: self.rule,
            constants,
            learning_rate: step.learning_rate,
            number: step.number,
            touched,
            used,
            parts: &parts,
            buffer: gradients,
        };
        let level = workers.level();
        workers.run(touched.pieces(), &|piece, scratch| {
            run_piece(level, &job, piece, scratch);
        });
        if let Some(decay) = self.average {
            follow_all(workers, level, decay, parameters, average);
        }
    }
}

/// Rows between the one that is updated and the one that is asked for.
const AHEAD: usize = 8;

struct Job<'a> {
    rule: Rule,
    constants: Constants,
    learning_rate: f32,
    number: u64,
    touched: &'a TouchedRows,
    used: [bool; 3],
    parts: &'a [Parts<'a>; 3],
    buffer: &'a [f32],
}

dispatch! {
    fn run_piece(job: &Job<'_>, piece: usize, scratch: &mut [f32]) => run_piece_generic
}

#[inline(always)]
fn run_piece_generic<V: Simd>(job: &Job<'_>, piece: usize, scratch: &mut [f32]) {
    let (touched, width) = (job.touched, job.touched.width());
    for index in touched.piece(piece) {
        if index + AHEAD < touched.len() {
            job.fetch::<V>(touched.row(index + AHEAD));
        }
        let gradient = touched.gradient(index, job.buffer, scratch, add::<V>);
        let row = touched.row(index);
        let part = |i: usize| {
            let (start, len) = if job.used[i] {
                (row * width, width)
            } else {
                (0, 0)
            };
            // SAFETY: `sort` gives a row to one piece alone, the buffers are different ones, and `part` finds rows within them.
            unsafe { job.parts[i].part(start, len) }
        };
        let mut state = State {
            parameters: part(0),
            velocity: part(1),
            squares: part(2),
        };
        match job.rule {
            Rule::Adam { beta2, epsilon, .. } => {
                let kept = power(f64::from(beta2), job.steps_since(&mut state.velocity[0])) as f32;
                let constants = Constants {
                    rate: job.learning_rate,
                    ..job.constants
                };
                adam_at_once::<V>(constants, [beta2, kept, epsilon], gradient, &mut state);
            }
            rule => run_chunk_generic::<V>(rule, job.constants, gradient, &mut state),
        }
    }
}

impl Job<'_> {
    /// Asks for what a row's update will read: rows of a large table lie far from one another in memory.
    #[inline(always)]
    fn fetch<V: Simd>(&self, row: usize) {
        let width = self.touched.width();
        // Adam reads a step number there.
        let of_velocity = match self.rule {
            Rule::Adam { .. } => 1,
            _ => width,
        };
        for (i, len) in [width, of_velocity, width].into_iter().enumerate() {
            let len = if self.used[i] { len } else { 0 };
            for column in (0..len).step_by(V::LANES) {
                let place = self.parts[i].pointer().wrapping_add(row * width + column);
                V::prefetch(place.cast_const());
            }
        }
    }

    /// Steps since a row was touched last, which is now.
    fn steps_since(&self, touched: &mut f32) -> u64 {
        let last = std::mem::replace(touched, self.number as f32);
        self.number.saturating_sub(last as u64).max(1)
    }
}

/// Adam's step for a row of which `kept` says what is left of its squares.
#[inline(always)]
fn adam_at_once<V: Simd>(
    c: Constants,
    [beta2, kept, epsilon]: [f32; 3],
    gradients: &[f32],
    state: &mut State,
) {
    let writes = [&mut *state.parameters, &mut *state.squares];
    vectors::update([gradients], writes, |[g]: [V; 1], [p, s]| {
        let g = prepare(c, g, p);
        let s = V::splat(kept).fma(s, V::splat(1.0 - beta2) * g * g);
        let root = s.sqrt().fma(V::splat(c.root), V::splat(epsilon));
        [descend_along(c, p, g / root), s]
    });
}

fn follow_all(
    workers: &Workers,
    level: Level,
    decay: f32,
    parameters: &[f32],
    average: &mut [f32],
) {
    chunks::run_flat(
        workers,
        [parameters],
        average,
        |_, [parameters], average| {
            follow(level, decay, parameters, average);
        },
    );
}
