//! Recurrent layers: each piece of work walks its own samples through all steps, product and gates fused.
//!
//! The gates' pre-activations from the inputs, `x` of `[batch, time, gates · units]`, come from outside as one large
//! product. A step adds `h · U`, with the recurrent kernel `U` of `[units, gates · units]` packed once a run, and turns
//! the sums into the next state while they are in registers. Formulas and the order of gates are those of Keras; they
//! stand in [`cell`](RecurrentCell).

use crate::{Level, Workers, sizes::floats};

mod backward;
mod cell;
mod crew;
mod forward;
mod pack;

pub use cell::{GateActivation, RecurrentCell};

/// A recurrent layer of one shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recurrent {
    /// The SIMD level.
    pub level: Level,
    /// Formulas of a step.
    pub cell: RecurrentCell,
    /// Samples.
    pub batch: usize,
    /// Steps.
    pub time: usize,
    /// Numbers in a state.
    pub units: usize,
    /// Walk from the last step to the first.
    pub reverse: bool,
    /// Give the state after every step, in the steps' own places, instead of the last alone.
    pub sequence: bool,
}

/// Copies of a state: as it enters this step and the next, h and c.
const STATES: usize = 4;
/// Most samples in a piece.
const MOST_ROWS: usize = 16;
/// Samples in a piece from which on the multiplications take longer than reading the kernel from the second-level cache.
const LEAST_ROWS: usize = 8;
/// Pieces aimed at.
const PIECES: usize = 8;
/// Pieces that a batch is cut into, be they small.
const LEAST_PIECES: usize = 4;

impl Recurrent {
    /// Samples in a piece.
    fn rows(&self) -> usize {
        let fair = self.batch.div_ceil(PIECES).clamp(LEAST_ROWS, MOST_ROWS);
        fair.min(self.batch.div_ceil(LEAST_PIECES)).max(1)
    }

    fn pieces(&self) -> usize {
        self.batch.div_ceil(self.rows())
    }

    /// Floats of a state with whole vectors.
    fn width(&self) -> usize {
        self.units.next_multiple_of(self.level.lanes())
    }

    /// Floats of temporary memory that each worker needs.
    ///
    /// # Panics
    /// Where there are more than [`MOST_FLOATS`](crate::MOST_FLOATS) of anything; so do the other sizes.
    pub fn scratch(&self) -> usize {
        self.check_sizes();
        STATES * self.rows() * self.width()
    }

    /// Floats of the shared temporary: the packed kernel and the state that several threads work on.
    pub fn shared(&self) -> usize {
        self.check_sizes();
        self.packed()
            + if self.parts() > 1 {
                STATES * self.width()
            } else {
                0
            }
    }

    /// Floats of the packed kernel.
    fn packed(&self) -> usize {
        let columns = self.units.next_multiple_of(2 * self.level.lanes());
        self.cell.gates() * self.units * columns
    }

    /// Floats that [`Self::forward`] keeps for [`Self::backward`]. They begin with the states before each step,
    /// `[batch, time, units]`.
    pub fn reserve(&self) -> usize {
        floats([self.batch, self.time, self.units, 1 + self.cell.kept()])
    }

    /// Floats of all states: the first part of the reserve.
    pub fn states(&self) -> usize {
        floats([self.batch, self.time, self.units])
    }

    /// Floats of the pre-activations `x`.
    pub fn gates(&self) -> usize {
        floats([self.batch, self.time, self.units, self.cell.gates()])
    }

    /// Floats of the result: `[batch, time, units]`, or `[batch, units]` for the last state alone.
    pub fn output(&self) -> usize {
        if self.sequence {
            self.states()
        } else {
            floats([self.batch, self.units])
        }
    }

    /// Once this has passed, no product of sizes wraps.
    fn check_sizes(&self) {
        self.reserve();
        floats([self.cell.gates(), self.units, self.units]);
    }

    fn check(&self, workers: &Workers, [x, kernel, bias, mask, factors, y, shared]: [usize; 7]) {
        self.check_sizes();
        assert_eq!(workers.level(), self.level, "level of {self:?}");
        assert_eq!(x, self.gates(), "pre-activations of {self:?}");
        let columns = self.cell.gates() * self.units;
        assert_eq!(kernel, self.units * columns, "kernel of {self:?}");
        let expected = if self.cell.has_bias() { columns } else { 0 };
        assert_eq!(bias, expected, "recurrent bias of {self:?}");
        assert!(
            mask == 0 || mask == self.batch * self.time,
            "mask of {self:?}"
        );
        assert!(
            factors == 0 || factors == self.batch * self.units,
            "factors of {self:?}"
        );
        assert_eq!(y, self.output(), "states of {self:?}");
        assert!(shared >= self.shared(), "shared memory of {self:?}");
        assert!(workers.scratch() >= self.scratch(), "scratch of {self:?}");
    }
}

/// A pointer to a part that is there, and null for one that is empty.
fn optional(part: &[f32]) -> *const f32 {
    if part.is_empty() {
        std::ptr::null()
    } else {
        part.as_ptr()
    }
}
