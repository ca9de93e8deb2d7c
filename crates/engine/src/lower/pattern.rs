//! Finding the nodes that a kernel can take along.

use jingwei_graph::ops::{BinaryKind, UnaryKind};
use jingwei_graph::{NodeId, Op};
use jingwei_kernels::Activation;

use super::Lowering;

/// A product with what follows it: the last node, the bias and the activation.
pub(super) struct Chain {
    pub last: NodeId,
    pub bias: Option<NodeId>,
    pub activation: Activation,
}

/// A second matrix at the end of a product, and the node that the product then computes.
pub(super) enum Beside {
    Nothing,
    /// An activation of sums that its gradient will read.
    Sums {
        result: NodeId,
        activation: Activation,
    },
    /// Another value added.
    Added {
        result: NodeId,
        other: NodeId,
    },
    /// A gradient that goes on through an activation.
    Slope {
        result: NodeId,
        activation: Activation,
        kept: NodeId,
    },
}

impl Lowering<'_> {
    /// The only user of a node that nobody outside asks for.
    pub(super) fn only_user(&self, id: NodeId) -> Option<NodeId> {
        match self.users[id.index()][..] {
            [user] if !self.wanted[id.index()] => Some(user),
            _ => None,
        }
    }

    /// Whether a node takes another as its first operand and as no other.
    pub(super) fn reads_first(&self, user: NodeId, id: NodeId) -> bool {
        let inputs = &self.node(user).inputs;
        inputs.first() == Some(&id) && !inputs[1..].contains(&id)
    }

    /// The addition of a bias (one value to each of the last dimension) right after `id`, if nothing else reads `id`.
    pub(super) fn bias_after(&self, id: NodeId) -> Option<(NodeId, NodeId)> {
        let user = self.only_user(id)?;
        let Op::Binary(binary) = &self.node(user).op else {
            return None;
        };
        let (left, right) = (self.input(user, 0), self.input(user, 1));
        let width = *self.sizes(id).last()?;
        let fits = binary.kind == BinaryKind::Add
            && left == id
            && self.sizes(right) == [width]
            && self.values[right.index()].is_some();
        fits.then_some((user, right))
    }

    /// Follows a product through a bias and an activation, as far as nothing else reads what lies between.
    pub(super) fn chain(&self, product: NodeId) -> Chain {
        let (last, bias) = match self.bias_after(product) {
            Some((sum, bias)) => (sum, Some(bias)),
            None => (product, None),
        };
        if let Some(user) = self.only_user(last)
            && let Op::Unary(unary) = &self.node(user).op
            && let Some(activation) = fusable(unary.kind)
        {
            return Chain {
                last: user,
                bias,
                activation,
            };
        }
        Chain {
            last,
            bias,
            activation: Activation::None,
        }
    }

    /// The sum of `id` with a value of its sizes that is there already, if nothing else reads `id`.
    pub(super) fn sum_after(&self, id: NodeId) -> Option<(NodeId, NodeId)> {
        let user = self.only_user(id)?;
        let Op::Binary(binary) = &self.node(user).op else {
            return None;
        };
        let (left, right) = (self.input(user, 0), self.input(user, 1));
        let other = if left == id { right } else { left };
        let fits = binary.kind == BinaryKind::Add
            && other != id
            && self.sizes(other) == self.sizes(id)
            && self.values[other.index()].is_some();
        fits.then_some((user, other))
    }

    /// The activation of `id`, where all other readers are gradients of that activation, which want what it reads.
    fn activation_with_gradients(&self, id: NodeId) -> Option<(NodeId, Activation)> {
        if self.wanted[id.index()] {
            return None;
        }
        let mut found = None;
        for &user in &self.users[id.index()] {
            match &self.node(user).op {
                Op::Unary(op) if found.is_none() => found = Some((user, fusable(op.kind)?)),
                Op::UnaryGrad(_) if self.input(user, 1) != id => {}
                _ => return None,
            }
        }
        found
    }

    /// The gradient of an activation right after `id`, the gradient of its result, with what it wants of the
    /// activation.
    fn slope_after(&self, id: NodeId) -> Option<(NodeId, Activation, NodeId)> {
        let user = self.only_user(id)?;
        let Op::UnaryGrad(op) = &self.node(user).op else {
            return None;
        };
        let kept = self.input(user, 0);
        let fits = self.input(user, 1) == id && kept != id && self.values[kept.index()].is_some();
        fits.then_some((user, fusable(op.kind)?, kept))
    }

    /// What the end of a product can take along besides a bias and an activation.
    pub(super) fn beside(&self, chain: &Chain) -> Beside {
        if chain.activation != Activation::None {
            return Beside::Nothing;
        }
        if let Some((result, activation)) = self.activation_with_gradients(chain.last) {
            return Beside::Sums { result, activation };
        }
        if let Some((result, other)) = self.sum_after(chain.last) {
            return Beside::Added { result, other };
        }
        match self.slope_after(chain.last) {
            Some((result, activation, kept)) if chain.bias.is_none() => Beside::Slope {
                result,
                activation,
                kept,
            },
            _ => Beside::Nothing,
        }
    }

    /// Marks the nodes of a chain as computed, all but the last, which gets the value.
    pub(super) fn take(&mut self, from: NodeId, last: NodeId) {
        let mut id = from;
        while id != last {
            self.done[id.index()] = true;
            id = self.users[id.index()][0];
        }
    }
}

fn fusable(kind: UnaryKind) -> Option<Activation> {
    Some(match kind {
        UnaryKind::Relu => Activation::Relu,
        UnaryKind::LeakyRelu(slope) => Activation::LeakyRelu(slope),
        UnaryKind::Gelu => Activation::Gelu,
        UnaryKind::Silu => Activation::Silu,
        UnaryKind::Sigmoid => Activation::Sigmoid,
        UnaryKind::Tanh => Activation::Tanh,
        _ => return None,
    })
}
