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

impl Lowering<'_> {
    /// The only user of a node that nobody outside asks for.
    pub(super) fn only_user(&self, id: NodeId) -> Option<NodeId> {
        match self.users[id.index()][..] {
            [user] if !self.wanted[id.index()] => Some(user),
            _ => None,
        }
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
