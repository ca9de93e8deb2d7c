use jingwei_graph::NodeId;

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_elementwise(&mut self, _id: NodeId) -> bool {
        false
    }
}
