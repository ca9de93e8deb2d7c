//! Loops over slices, a vector at a time, with the last, shorter vector included.

use crate::simd::Simd;

/// Sets each element of `writes` from the elements of `reads` and `writes` at the same place.
///
/// Lanes past the end hold zeros. `f` appears once in the machine code, and is inlined therefore.
#[inline(always)]
pub(crate) fn update<V: Simd, const R: usize, const W: usize>(
    reads: [&[f32]; R],
    writes: [&mut [f32]; W],
    f: impl Fn([V; R], [V; W]) -> [V; W],
) {
    let len = writes[0].len();
    assert!(
        reads.iter().all(|read| read.len() == len) && writes.iter().all(|write| write.len() == len)
    );
    let sources = reads.map(|read| read.as_ptr());
    let targets = writes.map(|write| write.as_mut_ptr());
    let mut start = 0;
    while start < len {
        let count = (len - start).min(V::LANES);
        // SAFETY: all slices have `len` elements, of which `start..start + count` are taken.
        unsafe {
            let x = load_each(sources, start, count);
            let y = load_each(targets.map(|target| target.cast_const()), start, count);
            let results = f(x, y);
            let mut i = 0;
            while i < W {
                store(results[i], targets[i].add(start), count);
                i += 1;
            }
        }
        start += count;
    }
}

/// `y ← f(x)`.
#[inline(always)]
pub(crate) fn map<V: Simd, const R: usize>(
    reads: [&[f32]; R],
    write: &mut [f32],
    f: impl Fn([V; R]) -> V,
) {
    update(reads, [write], |x: [V; R], _| [f(x)]);
}

/// Vectors that are folded side by side, to hide the latency of an addition.
const STREAMS: usize = 4;

/// Folds the elements at each place into vectors that begin with `start`, and those vectors in
/// halves by `merge`. The order follows from the length alone.
#[inline(always)]
pub(crate) fn fold<V: Simd, const R: usize>(
    reads: [&[f32]; R],
    start: V,
    f: impl Fn(V, [V; R]) -> V,
    merge: impl Fn(V, V) -> V,
) -> V {
    let len = reads[0].len();
    assert!(reads.iter().all(|read| read.len() == len));
    let sources = reads.map(|read| read.as_ptr());
    let mut sums = [start; STREAMS];
    let mut at = 0;
    while at < len {
        let mut stream = 0;
        while stream < STREAMS && at < len {
            let count = (len - at).min(V::LANES);
            // SAFETY: all slices have `len` elements, of which `at..at + count` are taken.
            let x = unsafe { load_each(sources, at, count) };
            let sum = f(sums[stream], x);
            sums[stream] = if count == V::LANES {
                sum
            } else {
                sum.select(sums[stream], V::mask_from_bits((1 << count) - 1))
            };
            stream += 1;
            at += count;
        }
    }
    let mut half = STREAMS / 2;
    while half > 0 {
        let mut i = 0;
        while i < half {
            sums[i] = merge(sums[i], sums[i + half]);
            i += 1;
        }
        half /= 2;
    }
    sums[0]
}

/// The sum of `f` over all places.
#[inline(always)]
pub(crate) fn sum<V: Simd, const R: usize>(reads: [&[f32]; R], f: impl Fn([V; R]) -> V) -> f32 {
    fold(reads, V::zero(), |sum, x| sum + f(x), |a, b| a + b).reduce_sum()
}

/// The largest element, −∞ of none; what is not a number is passed over.
#[inline(always)]
pub(crate) fn largest<V: Simd>(values: &[f32]) -> f32 {
    let start = V::splat(f32::NEG_INFINITY);
    fold([values], start, |max, [x]| x.max(max), |a, b| b.max(a)).reduce_max()
}

/// The first lane.
#[inline(always)]
pub(crate) fn first<V: Simd>(vector: V) -> f32 {
    let mut lane = [0.0];
    vector.to_slice(&mut lane);
    lane[0]
}

/// A loop, since `array::map` is not inlined into code for a level.
///
/// # Safety
/// Each source is readable for `count <= V::LANES` floats from `start` on.
#[inline(always)]
unsafe fn load_each<V: Simd, const N: usize>(
    sources: [*const f32; N],
    start: usize,
    count: usize,
) -> [V; N] {
    let mut vectors = [V::zero(); N];
    let mut i = 0;
    while i < N {
        // SAFETY: by the contract.
        vectors[i] = unsafe { load(sources[i].add(start), count) };
        i += 1;
    }
    vectors
}

/// # Safety
/// `source` is readable for `count <= V::LANES` floats.
#[inline(always)]
pub(crate) unsafe fn load<V: Simd>(source: *const f32, count: usize) -> V {
    // SAFETY: by the contract.
    unsafe {
        if count == V::LANES {
            V::load(source)
        } else {
            V::load_partial(source, count)
        }
    }
}

/// # Safety
/// `target` is writable for `count <= V::LANES` floats.
#[inline(always)]
pub(crate) unsafe fn store<V: Simd>(value: V, target: *mut f32, count: usize) {
    // SAFETY: by the contract.
    unsafe {
        if count == V::LANES {
            value.store(target)
        } else {
            value.store_partial(target, count)
        }
    }
}
