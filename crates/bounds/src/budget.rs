//! The memory and time that one piece of work may take.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The memory that one piece of work may take in all, and whether it shall go on.
///
/// What the work allocates in proportion to its input is taken from the budget before it is allocated, and given back
/// when it is freed early. The budget is shared by reference: another thread may [`stop`](Budget::stop) the work, which
/// ends at its next [`take`](Budget::take) or [`check`](Budget::check).
///
/// ```
/// use jingwei_bounds::{Budget, Exceeded};
/// let budget = Budget::new(1000);
/// budget.take(800)?;
/// assert_eq!(budget.take(300), Err(Exceeded::Memory { asked: 300, left: 200 }));
/// budget.give_back(800);
/// budget.take(300)?;
/// budget.stop();
/// assert_eq!(budget.check(), Err(Exceeded::Stopped));
/// # Ok::<(), Exceeded>(())
/// ```
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
    stopped: AtomicBool,
}

/// Why work ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// More memory was asked for than is left.
    #[error("needs {asked} more bytes of memory where {left} are left")]
    Memory {
        /// The bytes asked for.
        asked: usize,
        /// The bytes left.
        left: usize,
    },
    /// Somebody stopped the work: its time is over, or nobody waits for it any more.
    #[error("was stopped before it was done")]
    Stopped,
}

impl Budget {
    /// A budget of some bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes),
            stopped: AtomicBool::new(false),
        }
    }

    /// A budget that never ends, for work on one's own data.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// Takes some bytes, all or none.
    ///
    /// # Errors
    /// [`Exceeded::Memory`] if fewer are left, [`Exceeded::Stopped`] if the work was stopped.
    pub fn take(&self, bytes: usize) -> Result<(), Exceeded> {
        self.check()?;
        let taken = self
            .left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            });
        taken
            .map(|_| ())
            .map_err(|left| Exceeded::Memory { asked: bytes, left })
    }

    /// Gives back bytes that were taken and are free again.
    pub fn give_back(&self, bytes: usize) {
        // A budget that never ends stays so.
        let _ = self
            .left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_add(bytes))
            });
    }

    /// Whether the work may go on.
    ///
    /// # Errors
    /// [`Exceeded::Stopped`] if it was stopped.
    pub fn check(&self) -> Result<(), Exceeded> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Exceeded::Stopped);
        }
        Ok(())
    }

    /// Stops the work, which notices at its next step.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl Default for Budget {
    /// A budget that never ends.
    fn default() -> Self {
        Self::unlimited()
    }
}
