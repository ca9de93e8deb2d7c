use jingwei_graph::NodeId;

use super::Lowering;

#[derive(Debug, Clone, Copy)]
pub(crate) struct SparseGradient {}

impl Lowering<'_> {
    pub(super) fn lower_conv2d(&mut self, _id: NodeId) -> bool { false }
    pub(super) fn lower_conv2d_grad_filter(&mut self, _id: NodeId) -> bool { false }
    pub(super) fn lower_conv2d_grad_input(&mut self, _id: NodeId) -> bool { false }
    pub(super) fn is_deferred(&self, _id: NodeId) -> bool { false }
}
