//! Batch, layer and root mean square normalisation.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::batch_norm::BatchNorm;
use jingwei_kernels::layer_norm::LayerNorm;
use jingwei_kernels::rms_norm::RmsNorm;

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_norm(&mut self, id: NodeId) -> bool {
        let node = self.node(id);
        let (rows, channels) = self.rows_and_channels(self.input(id, 0));
        if channels == 0 {
            return false;
        }
        let name = (node.op.name(), node.layer.as_str());
        let batch_norm = |epsilon| BatchNorm {
            rows,
            channels,
            epsilon,
        };
        let rms_norm = |epsilon| RmsNorm {
            rows,
            columns: channels,
            epsilon,
        };
        match &node.op {
            Op::LayerNorm(_) | Op::RmsNorm(_) if self.leave_to_product(id) => {}
            Op::BatchStatistics(_) => {
                let kernel = batch_norm(0.0);
                let shared = self.temporary(kernel.shared());
                let (reads, y) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [y, shared],
                    move |workers, [x], [y, shared], _| {
                        let (mean, variance) = y.split_at_mut(channels);
                        kernel.statistics(workers, x, [mean, variance], shared);
                    },
                );
            }
            Op::BatchNorm(op) => {
                let kernel = batch_norm(op.epsilon);
                let shared = self.temporary(kernel.shared());
                let (reads, y) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [y, shared],
                    move |workers, [x, s, gamma, beta], [y, shared], _| {
                        let (mean, variance) = s.split_at(channels);
                        kernel.normalise(workers, x, [gamma, beta], [mean, variance], y, shared);
                    },
                );
            }
            Op::BatchNormGradParameters(op) => {
                let kernel = batch_norm(op.epsilon);
                let shared = self.temporary(kernel.shared());
                let (reads, y) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [y, shared],
                    move |workers, [x, s, dy], [y, shared], _| {
                        let (mean, variance) = s.split_at(channels);
                        let (dgamma, dbeta) = y.split_at_mut(channels);
                        kernel.parameter_gradients(
                            workers,
                            [x, dy],
                            [mean, variance],
                            [dgamma, dbeta],
                            shared,
                        );
                    },
                );
            }
            Op::BatchNormGradInput(op) if op.batch_statistics => {
                let kernel = batch_norm(op.epsilon);
                let shared = self.temporary(kernel.shared());
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [dx, shared],
                    move |workers, [x, s, gamma, dy, p], [dx, shared], _| {
                        let ((mean, variance), (dgamma, dbeta)) =
                            (s.split_at(channels), p.split_at(channels));
                        kernel.input_gradient(
                            workers,
                            [x, dy],
                            [gamma, mean, variance, dgamma, dbeta],
                            dx,
                            shared,
                        );
                    },
                );
            }
            Op::LayerNorm(op) => {
                let kernel = LayerNorm {
                    rows,
                    columns: channels,
                    epsilon: op.epsilon,
                };
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
            Op::LayerNormGradInput(op) => self.lower_layer_norm_gradients(id, op.epsilon),
            Op::LayerNormGradParameters(op) => match self.layer_norm_sibling(id) {
                Some(input) => self.lower_layer_norm_gradients(input, op.epsilon),
                None => {
                    let kernel = LayerNorm {
                        rows,
                        columns: channels,
                        epsilon: op.epsilon,
                    };
                    let shared = self.temporary(kernel.shared());
                    let (reads, y) = (self.operands(id), self.define(id));
                    self.program.emit(
                        name,
                        reads,
                        [y, shared],
                        move |workers, [x, dy], [y, shared], _| {
                            let gradients = y.split_at_mut(channels).into();
                            kernel.parameter_gradients(workers, [x, dy], gradients, shared);
                        },
                    );
                }
            },
            Op::RmsNorm(op) => {
                let kernel = rms_norm(op.epsilon);
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x, gamma], [y], _| {
                        kernel.forward(workers, x, gamma, y);
                    });
            }
            Op::RmsNormGradInput(op) => {
                let kernel = rms_norm(op.epsilon);
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [dx],
                    move |workers, [x, gamma, dy], [dx], _| {
                        kernel.input_gradient(workers, [x, dy], gamma, dx);
                    },
                );
            }
            Op::RmsNormGradScale(op) => {
                let kernel = rms_norm(op.epsilon);
                let shared = self.temporary(kernel.shared());
                let (reads, y) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [y, shared],
                    move |workers, [x, dy], [y, shared], _| {
                        kernel.scale_gradient(workers, [x, dy], y, shared);
                    },
                );
            }
            _ => return false,
        }
        true
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
        let (rows, columns) = self.rows_and_channels(self.input(id, 0));
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
                    kernel.backward(workers, [x, dy], gamma, Some(added), dx, gradients, shared);
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
                kernel.backward(workers, [x, dy], gamma, None, dx, gradients, shared);
            },
        );
    }

    fn rows_and_channels(&self, id: NodeId) -> (usize, usize) {
        let sizes = self.sizes(id);
        let channels = sizes.last().copied().unwrap_or(0);
        (
            sizes
                .iter()
                .product::<usize>()
                .checked_div(channels)
                .unwrap_or(0),
            channels,
        )
    }
}
