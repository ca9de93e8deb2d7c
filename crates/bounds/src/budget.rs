//! The memory and time that one piece of work may take.

use std::sync::Arc;
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
/// assert_eq!(budget.take(300), Err(Exceeded::Memory { asked: 300, left: 200, limit: 1000 }));
/// budget.give_back(800);
/// budget.take(300)?;
/// budget.stop();
/// assert_eq!(budget.check(), Err(Exceeded::Stopped));
/// # Ok::<(), Exceeded>(())
/// ```
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    left: AtomicUsize,
    stopped: AtomicBool,
    share: Option<Share>,
}

/// What is shared with other pieces of work, and how much of it this one holds.
#[derive(Debug)]
struct Share {
    whole: Arc<Budget>,
    held: AtomicUsize,
}

/// Why work ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// More memory was asked for than is left.
    #[error("needs {asked} more bytes of memory where {left} of {limit} are left")]
    Memory {
        /// The bytes asked for.
        asked: usize,
        /// The bytes left.
        left: usize,
        /// The bytes that the work may take in all.
        limit: usize,
    },
    /// The work may have more memory, but other work has taken it.
    #[error("needs {asked} more bytes of memory while other work has all but {left} of them")]
    Shared {
        /// The bytes asked for.
        asked: usize,
        /// The bytes that all others leave.
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
            limit: bytes,
            left: AtomicUsize::new(bytes),
            stopped: AtomicBool::new(false),
            share: None,
        }
    }

    /// A budget of some bytes that are taken from `shared` too, and given back to it at the end.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use jingwei_bounds::{Budget, Exceeded};
    /// let shared = Arc::new(Budget::new(1000));
    /// let (first, second) = (Budget::within(&shared, 800), Budget::within(&shared, 800));
    /// first.take(700)?;
    /// assert_eq!(second.take(400), Err(Exceeded::Shared { asked: 400, left: 300 }));
    /// drop(first);
    /// second.take(400)?;
    /// # Ok::<(), Exceeded>(())
    /// ```
    #[must_use]
    pub fn within(shared: &Arc<Self>, bytes: usize) -> Self {
        Self {
            share: Some(Share {
                whole: shared.clone(),
                held: AtomicUsize::new(0),
            }),
            ..Self::new(bytes)
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
    /// [`Exceeded::Memory`] or [`Exceeded::Shared`] if fewer are left, [`Exceeded::Stopped`] if the work was stopped.
    pub fn take(&self, bytes: usize) -> Result<(), Exceeded> {
        self.check()?;
        let (asked, limit) = (bytes, self.limit);
        let memory = |left| Exceeded::Memory { asked, left, limit };
        subtract(&self.left, bytes).map_err(memory)?;
        if let Some(share) = &self.share {
            if let Err(left) = subtract(&share.whole.left, bytes) {
                add(&self.left, bytes);
                return Err(Exceeded::Shared { asked, left });
            }
            add(&share.held, bytes);
        }
        Ok(())
    }

    /// Takes bytes for as long as the returned value lives.
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub fn lend(&self, bytes: usize) -> Result<Loan<'_>, Exceeded> {
        self.take(bytes)?;
        Ok(Loan {
            budget: self,
            bytes,
        })
    }

    /// Gives back bytes that were taken and are free again.
    pub fn give_back(&self, bytes: usize) {
        add(&self.left, bytes);
        if let Some(share) = &self.share {
            // Never more than was taken, whatever the caller counts.
            let before = subtract_at_most(&share.held, bytes);
            add(&share.whole.left, before.min(bytes));
        }
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

impl Drop for Share {
    fn drop(&mut self) {
        add(&self.whole.left, self.held.load(Ordering::Relaxed));
    }
}

/// Bytes that go back to their budget when this is dropped.
#[derive(Debug)]
pub struct Loan<'b> {
    budget: &'b Budget,
    bytes: usize,
}

impl<'b> Loan<'b> {
    /// What it was lent from.
    #[must_use]
    pub fn budget(&self) -> &'b Budget {
        self.budget
    }

    /// Takes what is missing to `bytes` in all, if that is more than before.
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub fn reach(&mut self, bytes: usize) -> Result<(), Exceeded> {
        match bytes.checked_sub(self.bytes) {
            None | Some(0) => self.budget.check(),
            Some(more) => {
                self.budget.take(more)?;
                self.bytes = bytes;
                Ok(())
            }
        }
    }

    /// Takes `bytes` more.
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub fn grow(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.reach(self.bytes.saturating_add(bytes))
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

/// Subtracts and returns what was there before, or what is there if that is too little.
fn subtract(from: &AtomicUsize, bytes: usize) -> Result<usize, usize> {
    from.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(bytes)
    })
}

/// Subtracts what there is, and returns what was there before.
fn subtract_at_most(from: &AtomicUsize, bytes: usize) -> usize {
    from.update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.saturating_sub(bytes)
    })
}

/// Adds without wrapping: a budget that never ends stays so.
fn add(to: &AtomicUsize, bytes: usize) {
    to.update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.saturating_add(bytes)
    });
}

impl Default for Budget {
    /// A budget that never ends.
    fn default() -> Self {
        Self::unlimited()
    }
}
