//! What stands for `tiles` where no processor has them.

use super::{Block, Cut, MatMulShape, Precision, RowNorm, pack::Matrix};
use crate::Workers;

#[derive(Clone, Copy, Debug)]
pub(super) enum Splits {}

pub(super) fn plan(_: MatMulShape, _: Precision, _: bool) -> Option<(Cut, Splits)> {
    None
}

pub(super) unsafe fn split_b(_: Matrix, _: MatMulShape, _: &mut [f32]) {}

impl Splits {
    pub(super) fn cut(self, _: Cut, _: MatMulShape, _: usize) -> Cut {
        match self {}
    }

    pub(super) fn shared(self, _: MatMulShape) -> usize {
        match self {}
    }

    pub(super) fn prepared(self, _: MatMulShape) -> usize {
        match self {}
    }

    pub(super) fn scratch(self, _: Cut) -> usize {
        match self {}
    }

    pub(super) fn normalises(self, _: Cut) -> bool {
        match self {}
    }

    pub(super) fn split(
        self,
        _: &Workers,
        _: [Matrix; 2],
        _: Option<RowNorm>,
        _: MatMulShape,
        _: &mut [f32],
    ) -> [*const f32; 2] {
        match self {}
    }
}

pub(super) unsafe fn multiply_block(
    splits: Splits,
    _: &Block,
    _: [*const f32; 2],
    _: Option<RowNorm>,
    _: MatMulShape,
    _: &mut [f32],
) {
    match splits {}
}
