//! Conditional random fields.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::crf::{Crf, Field};

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_crf(&mut self, id: NodeId) -> bool {
        let node = self.node(id);
        let name = (node.op.name(), node.layer.as_str());
        let sizes = self.sizes(node.inputs[0]);
        let crf = Crf {
            batch: sizes[0],
            time: sizes[1],
            tags: sizes[2],
        };
        self.need_scratch(crf.scratch());
        match &node.op {
            Op::CrfLoss(_) => {
                let (reads, losses) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [losses],
                    move |workers, [emissions, tags, scores, mask], [losses], _| {
                        crf.loss(workers, field([emissions, scores, mask]), tags, losses);
                    },
                );
            }
            Op::CrfEmissionsGrad(_) | Op::CrfScoresGrad(_) => self.lower_crf_grad(id, crf),
            Op::CrfMarginals(_) => {
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, reads, [y], _| {
                        crf.marginals(workers, field(reads), y);
                    });
            }
            Op::ViterbiDecode(_) => {
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, reads, [y], _| {
                        crf.decode(workers, field(reads), y);
                    });
            }
            _ => return false,
        }
        true
    }

    /// One pass gives both gradients.
    fn lower_crf_grad(&mut self, id: NodeId, crf: Crf) {
        let inputs = &self.node(id).inputs;
        let other = self.users[inputs[0].index()].iter().copied().find(|&user| {
            let is_gradient = matches!(
                self.node(user).op,
                Op::CrfEmissionsGrad(_) | Op::CrfScoresGrad(_)
            );
            is_gradient && user != id && self.node(user).inputs == *inputs
        });
        let of_emissions = matches!(self.node(id).op, Op::CrfEmissionsGrad(_));
        let (emissions, scores) = match of_emissions {
            true => (Some(id), other),
            false => (other, Some(id)),
        };
        let reads = self.operands(id);
        let d_emissions = match emissions {
            Some(id) => self.define(id),
            None => self.temporary(crf.batch * crf.time * crf.tags),
        };
        let d_scores = match scores {
            Some(id) => self.define(id),
            None => self.temporary((crf.tags + 2) * crf.tags),
        };
        let shared = self.temporary(crf.shared());
        self.program.emit(
            ("crf gradients", self.layer(id)),
            reads,
            [d_emissions, d_scores, shared],
            move |workers, [emissions, tags, scores, mask, d_losses], [de, ds, shared], _| {
                let field = field([emissions, scores, mask]);
                crf.backward(workers, field, [tags, d_losses], [de, ds], shared);
            },
        );
    }
}

fn field([emissions, scores, mask]: [&[f32]; 3]) -> Field<'_> {
    Field {
        emissions,
        scores,
        mask,
    }
}
