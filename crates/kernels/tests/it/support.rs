//! What the tests of several kernels share.

use jingwei_kernels::{AlignedVec, Level, Pool, Scratch, Workers};
use std::cell::Cell;
use std::sync::Once;

/// Numbers in -1..1 from a linear congruential generator: reproducible, and no two rows alike.
pub fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32) / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Runs `body` at every level on 1, 2 and 3 threads, demands the same bits on each number of threads,
/// and returns one result a level. Temporary memory begins as NaN, so that reading it shows.
pub fn at_every_level(
    plan: impl Fn(Level) -> (usize, usize),
    body: impl Fn(Level, &Workers, &mut [f32]) -> Vec<f32>,
) -> Vec<(Level, Vec<f32>)> {
    let run = |level: Level, threads: usize| {
        let (floats, shared) = plan(level);
        let pool = Pool::new(threads);
        let mut scratch = Scratch::new(threads, floats);
        let workers = Workers::new(level, &pool, &mut scratch);
        workers.run(threads, &|_, scratch| scratch.fill(f32::NAN));
        let mut shared = AlignedVec::from(vec![f32::NAN; shared].as_slice());
        body(level, &workers, &mut shared)
    };
    let check = |level: Level| {
        let result = run(level, 1);
        for threads in [2, 3] {
            let other = run(level, threads);
            let same = result
                .iter()
                .zip(&other)
                .all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(
                same && result.len() == other.len(),
                "{level}: other bits on {threads} threads"
            );
        }
        (level, result)
    };
    Level::available().into_iter().map(check).collect()
}

/// Demands that each number differs from the expected by at most `tolerance` times (1 + its size).
#[track_caller]
pub fn assert_close(what: &str, result: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(result.len(), expected.len(), "{what}: length");
    for (index, (&result, &expected)) in result.iter().zip(expected).enumerate() {
        let error = (f64::from(result) - expected).abs();
        assert!(
            error <= tolerance * (1.0 + expected.abs()),
            "{what}: {result} at {index}, expected {expected}"
        );
    }
}

/// Sizes that no memory holds, or whose products wrap.
pub const HOSTILE: [usize; 6] = [1 << 31, 1 << 32, 1 << 40, 1 << 60, 1 << 63, usize::MAX];

/// What `f` gives, unless it refuses to: it panics with a message of its own, and not because a number wrapped.
#[track_caller]
pub fn unless_refused<T>(what: impl std::fmt::Debug, f: impl FnOnce() -> T) -> Option<T> {
    let payload = match catch_quietly(f) {
        Ok(value) => return Some(value),
        Err(payload) => payload,
    };
    let text = payload.downcast_ref::<&str>().copied();
    let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = message.expect("a panic has a message");
    assert!(!message.contains("attempt to"), "{what:?}: {message}");
    None
}

/// Catches a panic that nobody wants to read about.
fn catch_quietly<T>(f: impl FnOnce() -> T) -> std::thread::Result<T> {
    thread_local!(static IS_EXPECTED: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IS_EXPECTED.get() {
                usual(info);
            }
        }));
    });
    let before = IS_EXPECTED.replace(true);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    IS_EXPECTED.set(before);
    result
}

/// Demands that `f` refuses.
#[track_caller]
pub fn assert_refused<T>(what: impl std::fmt::Debug, f: impl FnOnce() -> T) {
    assert!(unless_refused(&what, f).is_none(), "{what:?} was accepted");
}

/// Calls `f` with workers of one thread at a level.
pub fn alone<T>(level: Level, scratch: usize, f: impl FnOnce(&Workers) -> T) -> T {
    let pool = Pool::new(1);
    let mut scratch = Scratch::new(1, scratch);
    f(&Workers::new(level, &pool, &mut scratch))
}

/// All ways to put hostile sizes, or none at all, in place of one or two of the sizes.
pub fn hostile_sizes<const N: usize>(sizes: [usize; N]) -> impl Iterator<Item = [usize; N]> {
    let values = || HOSTILE.into_iter().chain([0]);
    let pairs = (0..N).flat_map(|first| (first..N).map(move |second| (first, second)));
    pairs.flat_map(move |(first, second)| {
        values().flat_map(move |a| {
            values().map(move |b| {
                let mut sizes = sizes;
                sizes[first] = a;
                sizes[second] = b;
                sizes
            })
        })
    })
}
