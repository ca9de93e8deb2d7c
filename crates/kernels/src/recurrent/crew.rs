//! Several threads on the steps of one sequence.

use std::sync::atomic::{AtomicUsize, Ordering::*};

/// Most parts of a step.
pub(super) const MOST_PARTS: usize = 8;
/// Looks at the other parts before giving way to other threads of the machine.
const SPINS: usize = 10_000;

/// The parts of the steps that are taken, and those that are done. A step begins when all parts of the one before are
/// done. Who does which part depends on timing, what is computed does not.
pub(super) struct Crew {
    parts: usize,
    steps: usize,
    /// For each part, the number of steps that somebody has begun.
    begun: [Line; MOST_PARTS],
    /// For each part, the number of steps that are done.
    done: [Line; MOST_PARTS],
}

/// A counter in a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicUsize);

impl Crew {
    pub fn new(parts: usize, steps: usize) -> Self {
        Self {
            parts: parts.min(MOST_PARTS),
            steps,
            begun: Default::default(),
            done: Default::default(),
        }
    }

    /// Works on steps until all are done, on part `first` rather than on others. Any number of threads may do so.
    pub fn work(&self, first: usize, run: impl Fn(usize, usize)) {
        let mut step = self.finished();
        while step < self.steps {
            for part in (first..self.parts).chain(0..first) {
                let taken = self.begun[part]
                    .0
                    .compare_exchange(step, step + 1, AcqRel, Relaxed);
                if taken.is_ok() {
                    run(step, part);
                    self.done[part].0.store(step + 1, Release);
                }
            }
            let mut spins = 0;
            while self.finished() <= step {
                spins += 1;
                if spins < SPINS {
                    std::hint::spin_loop();
                } else {
                    std::thread::yield_now();
                }
            }
            step = self.finished();
        }
    }

    /// The number of steps of which all parts are done.
    fn finished(&self) -> usize {
        let done = self.done[..self.parts].iter();
        done.map(|part| part.0.load(Acquire))
            .min()
            .unwrap_or(self.steps)
    }
}
