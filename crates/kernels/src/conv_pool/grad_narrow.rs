//! The gradient by filters where a filter covers only a few contiguous floats, as on images of one or
//! three channels: vectors run over filters, and a few taps times two vectors of sums stay in
//! registers for a whole sample.

use super::{Pooled, Windows};
use crate::{level::dispatch, simd::Simd};

dispatch! {
    /// Adds one sample to the sums: taps × filters, then bias.
    pub(super) fn add_sample_narrow(windows: &Windows, taps: &[u32], x: &[f32], pooled: Pooled, sums: &mut [f32])
        => add_sample_generic
}

#[inline(always)]
fn add_sample_generic<V: Simd>(
    windows: &Windows,
    taps: &[u32],
    x: &[f32],
    pooled: Pooled,
    sums: &mut [f32],
) {
    let filters = windows.shape().filters;
    let (dw, db) = sums.split_at_mut(taps.len() * filters);
    assert!(x.len() >= windows.geometry.image && db.len() >= filters);
    let mut first = 0;
    while first < filters {
        let left = filters - first;
        let two = V::LANES == 16 && left >= 2 * V::LANES;
        let count = if two {
            2 * V::LANES
        } else {
            left.min(V::LANES)
        };
        let mut tap = 0;
        while tap < taps.len() {
            let tile = Tile {
                windows,
                taps: &taps[tap..],
                x: x.as_ptr(),
                pooled: pooled.at(first),
                count,
                to: dw[tap * filters + first..].as_mut_ptr(),
            };
            // SAFETY: by `Geometry::new` taps of all positions lie within `image` floats, which `x` has, by the assertion above;
            // `dw` was cut to `filters` sums a tap, of which `count` are left; `Windows::check` found as many in `pooled`.
            tap += unsafe {
                if two {
                    tile.next::<V, 2>()
                } else {
                    tile.next::<V, 1>()
                }
            };
        }
        first += count;
    }
    for window in 0..windows.bases.len() {
        for (vector, db) in db[..filters].chunks_mut(V::LANES).enumerate() {
            let from = pooled.at(window * filters + vector * V::LANES);
            // SAFETY: `Windows::check` found `filters` of each window in `pooled`, of which `db` has some here.
            let (gradient, _) = unsafe { from.load::<V>(db.len()) };
            (V::from_slice(db) + gradient).to_slice(db);
        }
    }
}

struct Tile<'a> {
    windows: &'a Windows,
    taps: &'a [u32],
    x: *const f32,
    pooled: Pooled,
    count: usize,
    to: *mut f32,
}

impl Tile<'_> {
    /// Adds the first taps, for `VECTORS` vectors of filters, and returns how many.
    ///
    /// # Safety
    /// The taps lie within the image, and `count` filters, at most `VECTORS` vectors, within the rest.
    #[inline(always)]
    unsafe fn next<V: Simd, const VECTORS: usize>(&self) -> usize {
        // SAFETY: as the caller vouches.
        unsafe {
            match self.taps.len() {
                9.. => self.add::<V, 9, VECTORS>(),
                4.. => self.add::<V, 4, VECTORS>(),
                2.. => self.add::<V, 2, VECTORS>(),
                _ => self.add::<V, 1, VECTORS>(),
            }
        }
    }

    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn add<V: Simd, const TAPS: usize, const VECTORS: usize>(&self) -> usize {
        let filters = self.windows.shape().filters;
        let mut from = [self.x; TAPS];
        for (from, &tap) in from.iter_mut().zip(self.taps) {
            *from = from.wrapping_add(tap as usize);
        }
        let tail = self.count - (VECTORS - 1) * V::LANES;
        let counts: [usize; VECTORS] =
            std::array::from_fn(|vector| if vector + 1 < VECTORS { V::LANES } else { tail });
        // SAFETY: as the caller vouches.
        unsafe {
            let mut sums = [[V::zero(); VECTORS]; TAPS];
            for (window, &base) in self.windows.bases.iter().enumerate() {
                let mut gradients = [[V::zero(); VECTORS]; 4];
                for vector in 0..VECTORS {
                    let at = window * filters + vector * V::LANES;
                    let (gradient, index) = self.pooled.at(at).load::<V>(counts[vector]);
                    for (corner, gradients) in gradients.iter_mut().enumerate() {
                        let here = index.eq(V::splat(corner as f32));
                        gradients[vector] = gradient.select(V::zero(), here);
                    }
                }
                for (gradients, corner) in gradients.iter().zip(self.windows.corners) {
                    let place = base as usize + corner;
                    for (sums, from) in sums.iter_mut().zip(from) {
                        let x = V::splat(*from.add(place));
                        for (sum, &gradient) in sums.iter_mut().zip(gradients) {
                            *sum = x.fma(gradient, *sum);
                        }
                    }
                }
            }
            for (tap, sums) in sums.into_iter().enumerate() {
                for (vector, sum) in sums.into_iter().enumerate() {
                    let to = self.to.add(tap * filters + vector * V::LANES);
                    let before = V::load_partial(to, counts[vector]);
                    (before + sum).store_partial(to, counts[vector]);
                }
            }
        }
        TAPS
    }
}
