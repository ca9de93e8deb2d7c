//! Attention and its gradients.
//!
//! Queries, keys and values that are slices of one product are read where they lie, and the three gradients are computed
//! by one kernel, into one gradient of that product if the graph puts them together so.

use std::collections::HashMap;

use jingwei_graph::ops::{self, BinaryKind};
use jingwei_graph::{NodeId, Op};
use jingwei_kernels::attention::{Attention, Forward, Positions, Targets};

use super::Lowering;
use crate::program::ValueId;

/// Where the positions of a tensor lie that is part of larger rows.
#[derive(Clone, Copy)]
pub(super) struct Strided {
    value: ValueId,
    offset: usize,
    stride: usize,
}

impl Strided {
    fn positions(self, values: &[f32]) -> Positions<'_> {
        Positions {
            values,
            offset: self.offset,
            stride: self.stride,
        }
    }
}

/// The gradient of a product whose slices are queries, keys and values.
struct Together {
    total: NodeId,
    inner: Vec<NodeId>,
    offsets: [usize; 3],
    stride: usize,
}

/// What an attention leaves for later kernels.
#[derive(Default)]
pub(super) struct Kept {
    /// Heads that lie within the rows of a product.
    strided: HashMap<NodeId, Strided>,
    /// The result of an attention, and the logarithms that its gradients read.
    log_sums: HashMap<NodeId, (ValueId, ValueId)>,
}

impl Lowering<'_> {
    /// A slice of the last dimension that attention alone reads needs no copy.
    pub(super) fn lower_attention_slice(&mut self, id: NodeId) -> bool {
        let Op::Slice(op) = &self.node(id).op else {
            return false;
        };
        let from = self.sizes(self.input(id, 0));
        let last = from.len() - 1;
        let reads = |heads: NodeId, user: NodeId| {
            let inputs = &self.node(user).inputs;
            attention_of(&self.node(user).op).is_some()
                && inputs
                    .iter()
                    .enumerate()
                    .all(|(place, &input)| input != heads || place < 3)
        };
        let fits = |user: NodeId| {
            let sizes = self.sizes(user);
            matches!(self.node(user).op, Op::Reshape(_))
                && sizes.len() == 4
                && sizes[..2] == from[..2]
                && !self.wanted[user.index()]
                && self.users[user.index()]
                    .iter()
                    .all(|&reader| reads(user, reader))
        };
        let users = &self.users[id.index()];
        if op.axis != last
            || last != 2
            || self.wanted[id.index()]
            || !users.iter().all(|&user| fits(user))
        {
            return false;
        }
        let view = Strided {
            value: self.value(self.input(id, 0)),
            offset: op.start,
            stride: from[last],
        };
        for &user in users {
            self.kept.attention.strided.insert(user, view);
            self.done[user.index()] = true;
        }
        self.done[id.index()] = true;
        true
    }

    fn strided(&self, id: NodeId) -> Strided {
        self.kept
            .attention
            .strided
            .get(&id)
            .copied()
            .unwrap_or_else(|| Strided {
                value: self.value(id),
                offset: 0,
                stride: self.sizes(id)[2..].iter().product(),
            })
    }

    pub(super) fn lower_attention(&mut self, id: NodeId) -> bool {
        let y = self.define(id);
        let gradients = self.users[self.input(id, 0).index()].clone();
        let is_wanted = gradients
            .iter()
            .any(|&user| self.forward_of(user) == Some(id));
        let log_sums = self.emit_forward(id, y, is_wanted);
        self.kept
            .attention
            .log_sums
            .extend(log_sums.map(|sums| (id, (y, sums))));
        true
    }

    /// Emits attention over the inputs of `id`, and returns the logarithms that its gradients need, if asked.
    fn emit_forward(&mut self, id: NodeId, y: ValueId, for_gradients: bool) -> Option<ValueId> {
        let kernel = self.attention(id);
        self.need_scratch(kernel.scratch(self.level));
        let views = [0, 1, 2].map(|place| self.strided(self.input(id, place)));
        let mask = self.mask_of(id);
        let mask_value = mask.unwrap_or(views[0].value);
        let [q, k, v] = views.map(|view| view.value);
        let sums = self.temporary(if for_gradients { kernel.log_sums() } else { 0 });
        self.program.emit(
            ("attention", self.layer(id)),
            [q, k, v, mask_value],
            [y, sums],
            move |workers, [q, k, v, mask_values], [y, sums], _| {
                let qkv = [
                    views[0].positions(q),
                    views[1].positions(k),
                    views[2].positions(v),
                ];
                let mask_values = mask.map(|_| mask_values);
                kernel.forward(workers, qkv, mask_values, y, for_gradients.then_some(sums));
            },
        );
        for_gradients.then_some(sums)
    }

    /// All gradients of one attention that are wanted.
    pub(super) fn lower_attention_gradients(&mut self, id: NodeId) -> bool {
        let siblings = self.siblings(id);
        let kernel = self.attention(id);
        let (y, sums) = match self
            .forward_of(id)
            .and_then(|id| self.kept.attention.log_sums.get(&id).copied())
        {
            Some(pair) => pair,
            None => {
                let y = self.temporary(self.len(self.input(id, 0)));
                let sums = self.emit_forward(id, y, true);
                (y, sums.unwrap_or_default())
            }
        };
        self.need_scratch(kernel.scratch(self.level));
        let views = [0, 1, 2].map(|place| self.strided(self.input(id, place)));
        let mask = self.mask_of(id);
        let [q, k, v] = views.map(|view| view.value);
        let reads = [
            q,
            k,
            v,
            mask.unwrap_or(q),
            y,
            self.value(self.input(id, 3)),
            sums,
        ];
        let shared = self.temporary(kernel.backward_shared());
        let name = ("attention_grad", self.layer(id));
        if let Some(Together {
            total,
            inner,
            offsets,
            stride,
        }) = self.together(siblings)
        {
            let target = self.define(total);
            for node in inner {
                self.done[node.index()] = true;
            }
            self.program.emit(
                name,
                reads,
                [target, shared],
                move |workers, [q, k, v, m, y, dy, sums], [values, shared], _| {
                    let qkv = [
                        views[0].positions(q),
                        views[1].positions(k),
                        views[2].positions(v),
                    ];
                    let targets = Targets::Together {
                        values,
                        offsets,
                        stride,
                    };
                    let mask = mask.map(|_| m);
                    let forward = Forward {
                        qkv,
                        mask,
                        y,
                        log_sums: sums,
                    };
                    kernel.backward(workers, forward, dy, targets, shared);
                },
            );
            return true;
        }
        let [dq, dk, dv] = [0, 1, 2].map(|place| match siblings[place] {
            Some(sibling) => self.define(sibling),
            None => self.temporary(self.len(self.input(id, place))),
        });
        self.program.emit(
            name,
            reads,
            [dq, dk, dv, shared],
            move |workers, [q, k, v, m, y, dy, sums], [dq, dk, dv, shared], _| {
                let qkv = [
                    views[0].positions(q),
                    views[1].positions(k),
                    views[2].positions(v),
                ];
                let targets = Targets::Apart([dq, dk, dv]);
                let mask = mask.map(|_| m);
                let forward = Forward {
                    qkv,
                    mask,
                    y,
                    log_sums: sums,
                };
                kernel.backward(workers, forward, dy, targets, shared);
            },
        );
        true
    }

    fn attention(&self, id: NodeId) -> Attention {
        let (q, k) = (self.sizes(self.input(id, 0)), self.sizes(self.input(id, 1)));
        let op = attention_of(&self.node(id).op);
        Attention {
            batch: q[0],
            time: q[1],
            source: k[1],
            heads: q[2],
            kv_heads: k[2],
            depth: q[3],
            causal: op.is_some_and(|op| op.causal),
            scale: op.map_or(1.0, |op| op.scale),
            gradient_precision: self.gradient_precision,
        }
    }

    /// The mask, which comes last.
    fn mask_of(&self, id: NodeId) -> Option<ValueId> {
        let node = self.node(id);
        let without = if matches!(node.op, Op::Attention(_)) {
            3
        } else {
            4
        };
        node.inputs.get(without).map(|&mask| self.value(mask))
    }

    /// The attention that a gradient belongs to.
    fn forward_of(&self, gradient: NodeId) -> Option<NodeId> {
        let node = self.node(gradient);
        if matches!(node.op, Op::Attention(_)) {
            return None;
        }
        let op = attention_of(&node.op)?;
        let mut inputs = node.inputs.clone();
        inputs.remove(3);
        let is_forward =
            |user: &NodeId| self.node(*user).op == op.into() && self.node(*user).inputs == inputs;
        self.users[inputs[0].index()]
            .iter()
            .copied()
            .find(is_forward)
    }

    /// The gradients of the same attention for q, k and v that are still to be computed.
    fn siblings(&self, id: NodeId) -> [Option<NodeId>; 3] {
        let node = self.node(id);
        let op = attention_of(&node.op);
        let mut found = [None; 3];
        for &user in &self.users[self.input(id, 3).index()] {
            let other = self.node(user);
            let place = match other.op {
                Op::AttentionGradQuery(_) => 0,
                Op::AttentionGradKey(_) => 1,
                Op::AttentionGradValue(_) => 2,
                _ => continue,
            };
            let same = other.inputs == node.inputs && attention_of(&other.op) == op;
            if same && !self.done[user.index()] {
                found[place] = Some(user);
            }
        }
        found
    }

    /// Whether nothing becomes of the three gradients but parts, side by side, of the gradient of one product.
    fn together(&self, siblings: [Option<NodeId>; 3]) -> Option<Together> {
        let (mut inner, mut pads) = (Vec::new(), Vec::new());
        let (mut offsets, mut stride, mut end) = ([0; 3], 0, 0);
        for (place, sibling) in siblings.into_iter().enumerate() {
            let gradient = sibling?;
            let rows = self.only_user(gradient)?;
            let pad = self.only_user(rows)?;
            let (Op::Reshape(_), Op::Pad(op)) = (&self.node(rows).op, &self.node(pad).op) else {
                return None;
            };
            let (heads, flat, sizes) = (self.sizes(gradient), self.sizes(rows), self.sizes(pad));
            let is_row = flat.len() == 3 && flat[..2] == heads[..2] && sizes[..2] == heads[..2];
            let alike = pads.iter().all(|&other| self.sizes(other) == sizes);
            if !is_row || !alike || op.value != 0.0 || op.before[2] != end {
                return None;
            }
            offsets[place] = end;
            (stride, end) = (sizes[2], sizes[2] - op.after[2]);
            inner.extend([gradient, rows, pad]);
            pads.push(pad);
        }
        if end != stride {
            return None;
        }
        let sums: Vec<NodeId> = pads.iter().map_while(|&pad| self.sum_of(pad)).collect();
        let first = *sums.first().filter(|_| sums.len() == pads.len())?;
        let total = self
            .sum_of(first)
            .filter(|_| !self.adds_up(first, &pads))
            .unwrap_or(first);
        if total != first {
            inner.push(first);
        }
        self.adds_up(total, &pads).then(|| {
            // The other pads may meet in a sum of their own first.
            let sums = self
                .node(total)
                .inputs
                .iter()
                .filter(|input| !pads.contains(input));
            inner.extend(sums);
            Together {
                total,
                inner,
                offsets,
                stride,
            }
        })
    }

    /// The sum that is the only reader of a node.
    fn sum_of(&self, id: NodeId) -> Option<NodeId> {
        let user = self.only_user(id)?;
        let is_sum = matches!(&self.node(user).op, Op::Binary(op) if op.kind == BinaryKind::Add);
        is_sum.then_some(user)
    }

    /// Whether a sum is that of all three `parts` and of nothing else.
    fn adds_up(&self, total: NodeId, parts: &[NodeId]) -> bool {
        let mut terms = Vec::new();
        for &input in &self.node(total).inputs {
            if !parts.contains(&input) && self.sum_of(input) == Some(total) {
                terms.extend_from_slice(&self.node(input).inputs);
            } else {
                terms.push(input);
            }
        }
        terms.sort_unstable();
        let mut parts = parts.to_vec();
        parts.sort_unstable();
        terms == parts
    }
}

/// The attributes of attention or of one of its gradients.
fn attention_of(op: &Op) -> Option<ops::Attention> {
    let (causal, scale) = match op {
        Op::Attention(op) => (op.causal, op.scale),
        Op::AttentionGradQuery(op) => (op.causal, op.scale),
        Op::AttentionGradKey(op) => (op.causal, op.scale),
        Op::AttentionGradValue(op) => (op.causal, op.scale),
        _ => return None,
    };
    Some(ops::Attention { causal, scale })
}
