//! Layer normalisation.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::layer_norm::{LayerNorm, LayerNormOperands};

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_layer_norm(&mut self, id: NodeId) -> bool {
        let (rows, columns) = self.rows_and_columns(self.input(id, 0));
        if columns == 0 {
            return false;
        }
        let kernel = |epsilon| LayerNorm {
            rows,
            columns,
            epsilon,
        };
        match &self.node(id).op {
            Op::LayerNorm(_) if self.leave_to_product(id) => {}
            Op::LayerNorm(op) => self.lower_layer_norm_forward(id, kernel(op.epsilon)),
            Op::LayerNormGradInput(op) => self.lower_layer_norm_gradients(id, op.epsilon),
            Op::LayerNormGradParameters(op) => match self.layer_norm_sibling(id) {
                Some(input) => self.lower_layer_norm_gradients(input, op.epsilon),
                None => self.lower_layer_norm_parameters(id, kernel(op.epsilon)),
            },
            _ => return false,
        }
        true
    }

    fn lower_layer_norm_forward(&mut self, id: NodeId, kernel: LayerNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let (reads, y) = (self.operands(id), self.define(id));
        self.program.emit(
            name,
            reads,
            [y],
            move |workers, [x, gamma, beta], [y], _| {
                kernel.forward(workers, x, [gamma, beta], y);
            },
        );
    }

    fn lower_layer_norm_parameters(&mut self, id: NodeId, kernel: LayerNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let columns = kernel.columns;
        let shared = self.temporary(kernel.shared());
        let (reads, y) = (self.operands(id), self.define(id));
        self.program.emit(
            name,
            reads,
            [y, shared],
            move |workers, [x, dy], [y, shared], _| {
                let gradients = y.split_at_mut(columns).into();
                kernel.parameter_gradients(workers, [x, dy], gradients, shared);
            },
        );
    }

    /// The other gradient of the same layer normalisation, if its turn is still to come and it could be computed now.
    fn layer_norm_sibling(&self, id: NodeId) -> Option<NodeId> {
        let gradients = |id: NodeId| match &self.node(id).op {
            Op::LayerNormGradInput(op) => Some((op.epsilon, self.input(id, 2), false)),
            Op::LayerNormGradParameters(op) => Some((op.epsilon, self.input(id, 1), true)),
            _ => None,
        };
        let (epsilon, dy, of_parameters) = gradients(id)?;
        let users = &self.users[self.input(id, 0).index()];
        users.iter().copied().find(|&user| {
            gradients(user) == Some((epsilon, dy, !of_parameters))
                && self.input(user, 0) == self.input(id, 0)
                && !self.done[user.index()]
                && self
                    .node(user)
                    .inputs
                    .iter()
                    .all(|input| self.values[input.index()].is_some())
        })
    }

    /// The gradient of the input and, if it is wanted at all, that of the parameters, which one kernel computes.
    fn lower_layer_norm_gradients(&mut self, id: NodeId, epsilon: f32) {
        let (rows, columns) = self.rows_and_columns(self.input(id, 0));
        let kernel = LayerNorm {
            rows,
            columns,
            epsilon,
        };
        let shared = self.temporary(kernel.shared());
        let parameters = match self.layer_norm_sibling(id) {
            Some(sibling) => self.define(sibling),
            None => self.temporary(2 * columns),
        };
        let name = (self.node(id).op.name(), self.layer(id));
        let reads: [_; 3] = self.operands(id);
        if let Some((sum, added)) = self.sum_after(id) {
            let added = self.value(added);
            self.done[id.index()] = true;
            let dx = self.define(sum);
            self.program.emit(
                name,
                [reads[0], reads[1], reads[2], added],
                [dx, parameters, shared],
                move |workers, [x, gamma, dy, added], [dx, p, shared], _| {
                    let gradients = p.split_at_mut(columns).into();
                    let operands = LayerNormOperands {
                        x,
                        dy,
                        gamma,
                        added: Some(added),
                    };
                    kernel.backward(workers, operands, dx, gradients, shared);
                },
            );
            return;
        }
        let dx = self.define(id);
        self.program.emit(
            name,
            reads,
            [dx, parameters, shared],
            move |workers, [x, gamma, dy], [dx, p, shared], _| {
                let gradients = p.split_at_mut(columns).into();
                let operands = LayerNormOperands {
                    x,
                    dy,
                    gamma,
                    added: None,
                };
                kernel.backward(workers, operands, dx, gradients, shared);
            },
        );
    }
}
