//! Counts work, so that a test can tell whether it grows faster than its input.
//!
//! A stopwatch cannot decide that on a busy machine. Here the compiler adds a call to every branch of every function
//! (LLVM's sanitizer coverage), and the call counts. Bytes that are allocated count too, which stands for what is copied
//! by the precompiled standard library. The counts are the same in every run, give or take the seeds of hash maps.
//!
//! `cargo growth` builds and runs the tests of this crate in that way, on x86-64; without it they are empty.

#![cfg(counted)]
// The counter is called by compiled code, and the allocator hands on to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::global_asm;
use std::sync::atomic::{AtomicU64, Ordering};

/// Branches taken by all threads.
static BRANCHES: AtomicU64 = AtomicU64::new(0);

/// Words of eight bytes allocated by all threads.
static WORDS: AtomicU64 = AtomicU64::new(0);

#[cfg(not(target_arch = "x86_64"))]
compile_error!("branches are counted on x86-64 alone");

// In assembly, since a function in Rust would be given calls to itself.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl __sanitizer_cov_trace_pc_guard",
    "__sanitizer_cov_trace_pc_guard:",
    "lock inc qword ptr [rip + {count}]",
    ".globl __sanitizer_cov_trace_pc_guard_init",
    "__sanitizer_cov_trace_pc_guard_init:",
    "ret",
    count = sym BRANCHES,
);

struct Counting;

// SAFETY: all work is the system allocator's, whose contract is the same.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        WORDS.fetch_add(layout.size() as u64 / 8, Ordering::Relaxed);
        // SAFETY: the caller's promises hold.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises hold.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        WORDS.fetch_add(size as u64 / 8, Ordering::Relaxed);
        // SAFETY: the caller's promises hold.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Branches taken and words allocated while `work` runs, by whatever thread.
pub fn count(work: impl FnOnce()) -> u64 {
    let total = || BRANCHES.load(Ordering::Relaxed) + WORDS.load(Ordering::Relaxed);
    let before = total();
    work();
    total() - before
}

/// Checks that work on `8 × size` grows to at most 16 times the work on `size`. It would grow to 64 times with the
/// square, and to some 11 times with a sort.
///
/// `input` makes an input of a size, in whatever unit; `work` is what is counted.
///
/// # Panics
/// If it grows faster, or if nothing is counted.
pub fn assert_linear<I>(name: &str, input: impl Fn(usize) -> I, work: impl Fn(&I)) {
    /// Work that does not depend on the input is little beside this.
    const ENOUGH: u64 = 400_000;
    const LARGEST: usize = 1 << 17;
    let of = |size: usize| {
        let input = input(size);
        count(|| work(&input))
    };
    // What is made once per process is made here.
    assert!(of(1) > 0, "{name}: nothing is counted; run `cargo growth`");
    let mut size = 1 << 8;
    while size < LARGEST && of(size) < ENOUGH {
        size *= 2;
    }
    let (small, large) = (of(size), of(8 * size));
    assert!(
        large <= 16 * small,
        "{name} is not linear: {small} for {size}, {large} for {}",
        8 * size
    );
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::assert_linear;

    fn pairs(size: &usize) {
        for left in 0..*size {
            for right in 0..left {
                black_box(right);
            }
        }
    }

    #[test]
    #[should_panic(expected = "not linear")]
    fn the_square_is_noticed() {
        assert_linear("pairs", |size| size, pairs);
    }

    #[test]
    fn lists_and_sorting_pass() {
        let numbers = |size: usize| (0..size).map(|at| at * 7919 % 1009).collect::<Vec<_>>();
        assert_linear("sort", numbers, |numbers| {
            let mut numbers = numbers.clone();
            numbers.sort_unstable();
            black_box(numbers);
        });
    }
}
