//! What stands for `tiles` where no processor has them.

use super::Attention;
use crate::Level;

impl Attention {
    pub(super) fn suits_tiles(&self, _: Level) -> bool {
        false
    }

    pub(super) fn tiled_queries(&self) -> usize {
        unreachable!("no level has tiles")
    }

    pub(super) fn tiled_forward_scratch(&self) -> usize {
        unreachable!("no level has tiles")
    }

    pub(super) fn tiled_backward_scratch(&self) -> usize {
        unreachable!("no level has tiles")
    }
}

pub(super) mod forward {
    pub(in crate::attention) unsafe fn forward_block(
        _: &crate::attention::forward::Task,
        _: &mut [f32],
    ) {
        unreachable!("no level has tiles")
    }
}

pub(super) mod backward {
    pub(in crate::attention) unsafe fn backward_piece(
        _: &crate::attention::backward::Task,
        _: &mut [f32],
    ) {
        unreachable!("no level has tiles")
    }
}
