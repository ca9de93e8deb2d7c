//! The recurrent kernel in the order in which steps read it.

use super::Recurrent;
use crate::{
    Workers,
    gemm::pack::{Matrix, pack_columns},
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

impl Recurrent {
    /// Groups of a vector of units, each with all its gates: `[group, depth, gate, lane]`.
    pub(super) fn pack_forward(&self, workers: &Workers, kernel: &[f32], packed: &mut [f32]) {
        let (units, gates) = (self.units, self.cell.gates());
        let lanes = self.level.lanes();
        let len = units * gates * lanes;
        let parts = Parts::new(packed);
        workers.run(units.div_ceil(lanes), &|group, _| {
            // SAFETY: each group has a part of its own, which `part` finds within `packed`.
            let packed = unsafe { parts.part(group * len, len) };
            pack_group(self.level, kernel, units, gates, group * lanes, packed);
        });
    }

    /// The transposed kernel in panels of two vectors of units: `[panel, gates · units, 2 · lanes]`.
    pub(super) fn pack_backward(&self, workers: &Workers, kernel: &[f32], packed: &mut [f32]) {
        let (units, width) = (self.units, 2 * self.level.lanes());
        let len = self.cell.gates() * units * width;
        let parts = Parts::new(packed);
        workers.run(units.div_ceil(width), &|panel, _| {
            // SAFETY: each panel has a part of its own, which `part` finds within `packed`.
            let packed = unsafe { parts.part(panel * len, len) };
            pack_transposed(self.level, kernel, units, panel * width, packed);
        });
    }
}

dispatch! {
    fn pack_group(kernel: &[f32], units: usize, gates: usize, first: usize, packed: &mut [f32])
        => pack_group_generic
}

#[inline(always)]
fn pack_group_generic<V: Simd>(
    kernel: &[f32],
    units: usize,
    gates: usize,
    first: usize,
    packed: &mut [f32],
) {
    let count = (units - first).min(V::LANES);
    let rows = kernel.chunks_exact(gates * units);
    for (row, packed) in rows.zip(packed.chunks_exact_mut(gates * V::LANES)) {
        for (gate, packed) in packed.chunks_exact_mut(V::LANES).enumerate() {
            V::from_slice(&row[gate * units + first..][..count]).to_slice(packed);
        }
    }
}

dispatch! {
    fn pack_transposed(kernel: &[f32], units: usize, first: usize, packed: &mut [f32])
        => pack_transposed_generic
}

#[inline(always)]
fn pack_transposed_generic<V: Simd>(
    kernel: &[f32],
    units: usize,
    first: usize,
    packed: &mut [f32],
) {
    let (depth, width) = (kernel.len() / units, 2 * V::LANES);
    let matrix = Matrix {
        start: kernel.as_ptr(),
        stride: depth,
        transposed: true,
    };
    assert!(packed.len() == depth * width && first < units);
    let columns = (units - first).min(width);
    // SAFETY: the assertion above: the kernel has `units` rows of `depth`, and `packed` holds `depth` of `width`.
    unsafe {
        pack_columns::<V>(
            matrix,
            (0, first),
            depth,
            columns,
            width,
            packed.as_mut_ptr(),
        )
    }
}
