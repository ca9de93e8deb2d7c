//! Sharing numbered pieces of work among the threads of a pool.

use crate::denormals::FlushDenormals;
use crate::{AlignedVec, Level, Pool};
use std::{
    cell::{Cell, UnsafeCell},
    marker::PhantomData,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Temporary memory of each thread, planned before anything runs.
pub struct Scratch {
    threads: Vec<PerThread>,
    /// The number of the last run.
    run: u32,
}

#[repr(align(128))]
struct PerThread {
    floats: UnsafeCell<AlignedVec>,
    /// The number of a run, and below it the piece of this thread's own range that comes next in it. In any other run its
    /// range is untouched, so that nobody need reset what other cores would have to fetch.
    next: AtomicU64,
}

// SAFETY: the floats are reached only through `Workers`, which borrows the scratch exclusively and
// gives each thread its own.
unsafe impl Sync for PerThread {}

impl Scratch {
    /// `floats` for each of `threads`.
    pub fn new(threads: usize, floats: usize) -> Self {
        let thread = |_| PerThread {
            floats: UnsafeCell::new(AlignedVec::new(floats)),
            next: AtomicU64::new(0),
        };
        Self {
            threads: (0..threads.max(1)).map(thread).collect(),
            run: 0,
        }
    }
}

impl PerThread {
    /// Takes the next piece of a range that is this thread's in a run, if one is left.
    fn claim(&self, run: u32, range: Range<usize>) -> Option<usize> {
        let mut seen = self.next.load(Relaxed);
        loop {
            let (of, next) = ((seen >> 32) as u32, seen as u32 as usize);
            let piece = if of == run { next } else { range.start };
            if piece >= range.end {
                return None;
            }
            let after = u64::from(run) << 32 | (piece as u64 + 1);
            match self
                .next
                .compare_exchange_weak(seen, after, Relaxed, Relaxed)
            {
                Ok(_) => return Some(piece),
                Err(now) => seen = now,
            }
        }
    }
}

/// What a kernel runs on: a SIMD level, the threads and their temporary memory.
///
/// As long as it lives, numbers too small for a full mantissa count as zero on this thread, as they do on the pool's.
pub struct Workers<'a> {
    level: Level,
    pool: &'a Pool,
    scratch: &'a [PerThread],
    floats: usize,
    // Not `Sync`, which makes for one caller at a time: two `run`s at once would share temporary memory.
    last_run: &'a Cell<u32>,
    // The pool's threads do so all their lives.
    _flush: FlushDenormals,
}

impl<'a> Workers<'a> {
    /// Workers on `pool` with the temporary memory of `scratch`.
    ///
    /// # Panics
    /// Where the processor lacks the level, or the scratch has fewer threads than the pool.
    pub fn new(level: Level, pool: &'a Pool, scratch: &'a mut Scratch) -> Self {
        level.require();
        assert!(
            scratch.threads.len() >= pool.threads(),
            "scratch for {} threads, but the pool has {}",
            scratch.threads.len(),
            pool.threads()
        );
        let floats = scratch.threads[0].floats.get_mut().len();
        Self {
            level,
            pool,
            scratch: &scratch.threads[..pool.threads()],
            floats,
            last_run: Cell::from_mut(&mut scratch.run),
            _flush: FlushDenormals::new(),
        }
    }

    /// The SIMD level, which the processor has.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.scratch.len()
    }

    /// Floats of temporary memory each thread has.
    pub fn scratch(&self) -> usize {
        self.floats
    }

    /// A number that no thread remembers from a run before.
    fn next_run(&self) -> u32 {
        let run = self.last_run.get().checked_add(1).unwrap_or_else(|| {
            for thread in self.scratch {
                thread.next.store(0, Relaxed);
            }
            1
        });
        self.last_run.set(run);
        run
    }

    /// Calls `work(piece, scratch)` once for each piece. Each thread begins with its own contiguous
    /// range, the same whenever `pieces` is the same, so that a core finds its data in its cache;
    /// when done it takes pieces from the others. `scratch` holds whatever was left there.
    pub fn run(&self, pieces: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        assert!(u32::try_from(pieces).is_ok(), "pieces of a run");
        let threads = self.scratch.len();
        let start = |thread: usize| thread * pieces / threads;
        let (all, run) = (self.scratch, self.next_run());
        let job = |thread: usize| {
            // SAFETY: the pool calls the job once for each thread number, `Workers` is not `Sync`,
            // and it borrows the scratch exclusively: nobody else has this memory now.
            let scratch = unsafe { &mut *all[thread].floats.get() };
            for victim in (thread..threads).chain(0..thread) {
                while let Some(piece) = all[victim].claim(run, start(victim)..start(victim + 1)) {
                    work(piece, scratch);
                }
            }
        };
        if pieces <= 1 || threads == 1 {
            job(0);
        } else {
            self.pool.broadcast(&job);
        }
    }
}

/// Hands out disjoint parts of one output to the pieces of a [`Workers::run`].
pub(crate) struct Parts<'a> {
    start: *mut f32,
    len: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: `part` is unsafe and puts disjointness on the caller, as does whatever a pointer is used for.
unsafe impl Sync for Parts<'_> {}
// SAFETY: as above; it is an exclusive borrow of floats.
unsafe impl Send for Parts<'_> {}

impl<'a> Parts<'a> {
    pub(crate) fn new(output: &'a mut [f32]) -> Self {
        Self {
            start: output.as_mut_ptr(),
            len: output.len(),
            borrow: PhantomData,
        }
    }

    /// Floats `start..start + len`; panics where they lie outside.
    ///
    /// # Safety
    /// No two parts in use at the same time overlap.
    #[expect(
        clippy::mut_from_ref,
        reason = "the caller vouches that parts are disjoint"
    )]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [f32] {
        assert!(
            start <= self.len && len <= self.len - start,
            "part outside the output"
        );
        // SAFETY: in bounds, borrowed exclusively by `self`, and disjoint by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }

    /// The first float, for kernels whose pieces write interleaved rows.
    pub(crate) fn pointer(&self) -> *mut f32 {
        self.start
    }
}
