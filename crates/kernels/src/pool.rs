//! Threads that wait for work by spinning a little, then parking.

use crate::denormals::FlushDenormals;
use std::{
    cell::UnsafeCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant},
};

/// How long an idle thread stays awake: longer than the gap between two regions of a training step.
const SPIN: Duration = Duration::from_micros(100);

type Job = *const (dyn Fn(usize) + Sync);

/// Threads that run one job together. Share it by `Arc` or by reference; while it is busy, a second
/// caller runs its job on its own thread alone, so that callers never wait for one another.
pub struct Pool {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
    threads: Vec<Thread>,
    busy: AtomicBool,
}

/// `state` holds, from the lowest bit: 16 bits for the threads inside the job, one bit that is set
/// while threads may still enter, and the job's number.
struct Shared {
    state: AtomicU64,
    job: UnsafeCell<Option<Job>>,
    panicked: AtomicBool,
    stop: AtomicBool,
    parked: Vec<AtomicBool>,
}

// SAFETY: `job` is written only while no thread is inside and the door is closed, and read only by
// threads that entered through `state`.
unsafe impl Sync for Shared {}
// SAFETY: the pointer refers to a `Sync` function and is used only while its owner waits.
unsafe impl Send for Shared {}

const OPEN: u64 = 1 << 16;
const INSIDE: u64 = OPEN - 1;
const NEXT: u64 = 1 << 17;

impl Pool {
    /// A pool of `threads` (at least one), the caller's own thread among them.
    pub fn new(threads: usize) -> Self {
        let threads = threads.clamp(1, 1 << 12);
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            panicked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            parked: (0..threads).map(|_| AtomicBool::new(false)).collect(),
        });
        let handles: Vec<_> = (1..threads)
            .map_while(|index| {
                let shared = shared.clone();
                let builder = thread::Builder::new().name(format!("jingwei-{index}"));
                builder.spawn(move || shared.serve(index)).ok()
            })
            .collect();
        let threads = handles
            .iter()
            .map(|handle| handle.thread().clone())
            .collect();
        Self {
            shared,
            handles,
            threads,
            busy: AtomicBool::new(false),
        }
    }

    /// Number of threads, the caller's own among them.
    pub fn threads(&self) -> usize {
        self.handles.len() + 1
    }

    /// Calls `job(thread)` here as thread 0 and on the pool's threads that come in time, and returns
    /// when all who entered have finished. The job itself shares out the work, so it must be complete
    /// whenever thread 0 alone has returned from it and those who entered have too.
    ///
    /// # Panics
    /// Where the job panics on any thread.
    pub fn broadcast(&self, job: &(dyn Fn(usize) + Sync)) {
        if self.handles.is_empty() || self.busy.swap(true, Acquire) {
            return job(0);
        }
        // SAFETY: only the lifetime changes; nobody is inside once `close` has returned.
        let erased: Job = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(job) };
        // SAFETY: `busy` makes this the only writer, and the door is closed.
        unsafe { *self.shared.job.get() = Some(erased) };
        self.shared.state.fetch_add(NEXT + OPEN, SeqCst);
        for (parked, thread) in self.shared.parked[1..].iter().zip(&self.threads) {
            if parked.load(SeqCst) {
                thread.unpark();
            }
        }
        let result = catch_unwind(AssertUnwindSafe(|| job(0)));
        self.close();
        let panicked =
            self.shared.panicked.load(Relaxed) && self.shared.panicked.swap(false, Relaxed);
        self.busy.store(false, Release);
        if let Err(payload) = result {
            resume_unwind(payload);
        }
        assert!(!panicked, "a worker thread panicked; its message is above");
    }

    /// Lets nobody in any more and waits until the last has left.
    fn close(&self) {
        let mut state = self.shared.state.fetch_sub(OPEN, AcqRel) - OPEN;
        let mut spins = 0u32;
        while state & INSIDE != 0 {
            spins += 1;
            if spins < 10_000 {
                std::hint::spin_loop();
            } else {
                thread::yield_now();
            }
            state = self.shared.state.load(Acquire);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        for handle in self.handles.drain(..) {
            handle.thread().unpark();
            // A worker catches the panics of its jobs, so joining fails only if the thread was killed.
            let _ = handle.join();
        }
    }
}

impl Shared {
    fn serve(&self, index: usize) {
        let _flush = FlushDenormals::new();
        let mut last = 0;
        while let Some(job) = self.enter(index, &mut last) {
            // SAFETY: this thread is counted inside, so the caller still waits and the job lives.
            let job = unsafe { &*job };
            if catch_unwind(AssertUnwindSafe(|| job(index))).is_err() {
                self.panicked.store(true, Relaxed);
            }
            self.state.fetch_sub(1, Release);
        }
    }

    /// Waits for a job numbered above `last` whose door is open, and enters; `None` at the end.
    fn enter(&self, index: usize, last: &mut u64) -> Option<Job> {
        loop {
            let state = self.wait(index, *last)?;
            let entered = self
                .state
                .compare_exchange(state, state + 1, AcqRel, Relaxed);
            if entered.is_ok() {
                *last = state / NEXT;
                // SAFETY: the job was written before the door opened, and stays while we are inside.
                return unsafe { *self.job.get() };
            }
        }
    }

    fn wait(&self, index: usize, last: u64) -> Option<u64> {
        let mut since = Instant::now();
        loop {
            for _ in 0..32 {
                let state = self.state.load(Acquire);
                if state & OPEN != 0 && state / NEXT != last {
                    return Some(state);
                }
                std::hint::spin_loop();
            }
            if self.stop.load(Relaxed) {
                return None;
            }
            if since.elapsed() > SPIN {
                self.park(index, last);
                since = Instant::now();
            }
        }
    }

    /// Announces the sleep before looking once more, so that whoever opens the door either sees the
    /// announcement or is seen.
    fn park(&self, index: usize, last: u64) {
        self.parked[index].store(true, SeqCst);
        let state = self.state.load(SeqCst);
        let idle = state & OPEN == 0 || state / NEXT == last;
        if idle && !self.stop.load(SeqCst) {
            thread::park();
        }
        self.parked[index].store(false, SeqCst);
    }
}
