//! Networks as people build them, whose lowering joins nodes.

use arbitrary::Arbitrary;
use jingwei_graph::ops::{
    self, BinaryKind, CompareKind, ConvAttributes, GateActivation, RecurrentCell, ReduceKind,
    Window,
};
use jingwei_graph::{Dim, Graph, NodeId, Result, Shape, Symbol, gradients};

use super::numbers::Small;

/// A network, and perhaps its gradients.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Template {
    network: Network,
    /// Sizes of it.
    sizes: [Small; 4],
    options: [bool; 6],
    trains: bool,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Network {
    Nothing,
    Images,
    Text,
    Attention,
    Recurrent,
    Tags,
    Dense,
}

impl Template {
    /// The graph, if the sizes suit one.
    pub fn graph(&self) -> Option<Graph> {
        let mut graph = Graph::new();
        self.build(&mut graph).ok()?;
        Some(graph)
    }

    fn build(&self, graph: &mut Graph) -> Result<()> {
        let y = match self.network {
            Network::Nothing => return Ok(()),
            Network::Images => self.images(graph)?,
            Network::Text => self.text(graph)?,
            Network::Attention => self.attention(graph)?,
            Network::Recurrent => self.recurrent(graph)?,
            Network::Tags => self.tags(graph)?,
            Network::Dense => self.dense(graph)?,
        };
        if self.trains {
            let loss = graph.mean_all(y)?;
            let trained: Vec<NodeId> = graph
                .ids()
                .filter(|&id| matches!(graph.node(id).op, jingwei_graph::Op::Parameter(_)))
                .collect();
            gradients(graph, loss, &trained)?;
        }
        Ok(())
    }

    fn size(&self, index: usize) -> usize {
        self.sizes[index].0.max(1)
    }

    /// Convolution, bias, ReLU, pooling, twice; a dense layer.
    fn images(&self, graph: &mut Graph) -> Result<NodeId> {
        let [channels, filters] = [self.size(0), self.size(1)];
        let side = 2 * self.size(2) + 2;
        let x = graph.input("x", Shape::batch_of(&[side, side + 2, channels]));
        let same = ConvAttributes {
            padding: [1; 4],
            ..ConvAttributes::default()
        };
        let w = graph.parameter("w", &[3, 3, channels, filters]);
        let mut y = graph.conv2d(x, w, same)?;
        if self.options[0] {
            let bias = graph.parameter("b", &[filters]);
            y = graph.add_values(y, bias)?;
        }
        if self.options[1] {
            y = graph.relu(y)?;
        }
        if self.options[2] {
            y = graph.max_pool2d(y, Window::square(2))?;
        }
        if self.options[3] {
            let v = graph.parameter("v", &[3, 3, filters, filters]);
            y = graph.conv2d(y, v, same)?;
            let bias = graph.parameter("c", &[filters]);
            y = graph.add_values(y, bias)?;
            y = graph.relu(y)?;
        }
        if self.options[4] {
            let [gamma, beta] = ["gamma", "beta"].map(|name| graph.parameter(name, &[filters]));
            y = graph.batch_norm_training(y, gamma, beta, 1e-3)?.0;
        }
        if self.options[5] {
            y = graph.avg_pool2d(y, Window::square(2), false)?;
        }
        self.classes(graph, y)
    }

    /// A dense layer and its losses.
    fn classes(&self, graph: &mut Graph, y: NodeId) -> Result<NodeId> {
        let y = graph.flatten(y)?;
        let width = graph.shape(y).size(1).unwrap_or_default();
        let dense = graph.parameter("dense", &[width, 4]);
        let y = graph.matmul(y, dense)?;
        let labels = graph.input("labels", Shape::batch_of(&[]));
        graph.sparse_cross_entropy(y, labels, 0.0)
    }

    /// The mask of token ids.
    fn mask(graph: &mut Graph, ids: NodeId) -> Result<NodeId> {
        let zero = graph.constant(0.0);
        graph.compare(CompareKind::NotEqual, ids, zero)
    }

    /// Embedding, convolution along time, bias, ReLU, maximum over time under a mask.
    fn text(&self, graph: &mut Graph) -> Result<NodeId> {
        let [units, filters, half] = [self.size(0), self.size(1), self.size(2) % 3];
        let time = Dim::Symbol(Symbol::Time);
        let batch = Dim::Symbol(Symbol::Batch);
        let ids = graph.input("ids", Shape(vec![batch, time]));
        let table = graph.parameter("table", &[4, units]);
        let x = graph.gather(table, ids)?;
        let x = graph.reshape(x, Shape(vec![batch, 1.into(), time, units.into()]))?;
        let w = graph.parameter("w", &[1, 2 * half + 1, units, filters]);
        let attributes = ConvAttributes {
            padding: [0, 0, half, half],
            ..ConvAttributes::default()
        };
        let mut y = graph.conv2d(x, w, attributes)?;
        if self.options[0] {
            let bias = graph.parameter("b", &[filters]);
            y = graph.add_values(y, bias)?;
        }
        if self.options[1] {
            y = graph.relu(y)?;
        }
        let y = graph.reshape(y, Shape(vec![batch, time, filters.into()]))?;
        let mut inputs = vec![y];
        if self.options[2] {
            inputs.push(Self::mask(graph, ids)?);
        }
        let y = graph.add(ops::MaxOverTime {}.into(), &inputs)?;
        self.classes(graph, y)
    }

    /// Heads that are slices of one product, attention, a product back and what it came from added.
    fn attention(&self, graph: &mut Graph) -> Result<NodeId> {
        let (kv, depth) = (self.size(0), 2 * self.size(1));
        let heads = kv * (1 + self.size(2) % 2);
        let channels = self.size(3);
        let (batch, time) = (Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time));
        let x = graph.input("x", Shape(vec![batch, time, channels.into()]));
        let x = match self.options[0] {
            true => {
                let [gamma, beta] = ["g", "h"].map(|name| graph.parameter(name, &[channels]));
                graph.layer_norm(x, gamma, beta, 1e-5)?
            }
            false => x,
        };
        let qkv = graph.parameter("qkv", &[channels, (heads + 2 * kv) * depth]);
        let all = graph.matmul(x, qkv)?;
        let mut part = |first: usize, count: usize, turned: bool| -> Result<NodeId> {
            let y = graph.slice(all, 2, first * depth, count * depth)?;
            let y = graph.reshape(y, Shape(vec![batch, time, count.into(), depth.into()]))?;
            match turned {
                true => graph.rotary_embedding(y, 10_000.0),
                false => Ok(y),
            }
        };
        let q = part(0, heads, self.options[1])?;
        let k = part(heads, kv, self.options[1])?;
        let v = part(heads + kv, kv, false)?;
        let mut inputs = vec![q, k, v];
        if self.options[2] {
            inputs.push(graph.input("mask", Shape(vec![batch, time])));
        }
        let op = ops::Attention {
            causal: self.options[3],
            scale: 0.5,
        };
        let y = graph.add(op.into(), &inputs)?;
        let width = heads * depth;
        let y = graph.reshape(y, Shape(vec![batch, time, width.into()]))?;
        let w = graph.parameter("output", &[width, channels]);
        let y = graph.matmul(y, w)?;
        let y = graph.add_values(y, x)?;
        graph.reduce(ReduceKind::Mean, y, &[1, 2], false)
    }

    fn recurrent(&self, graph: &mut Graph) -> Result<NodeId> {
        let cells = [
            RecurrentCell::Simple,
            RecurrentCell::Lstm,
            RecurrentCell::Gru { reset_after: true },
            RecurrentCell::Gru { reset_after: false },
        ];
        let (cell, units) = (cells[self.size(0) % 4], self.size(1));
        let columns = units * cell.gates();
        let (batch, time) = (Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time));
        let x = graph.input("x", Shape(vec![batch, time, self.size(2).into()]));
        let w = graph.parameter("w", &[self.size(2), columns]);
        let x = graph.matmul(x, w)?;
        let kernel = graph.parameter("u", &[units, columns]);
        let mut inputs = vec![x, kernel];
        if cell.has_bias() {
            inputs.push(graph.parameter("b", &[columns]));
        }
        if self.options[0] {
            inputs.push(graph.input("mask", Shape(vec![batch, time])));
        }
        if self.options[1] {
            inputs.push(graph.input("factors", Shape::batch_of(&[units])));
        }
        let op = ops::Recurrent {
            cell,
            activation: GateActivation::Tanh,
            recurrent_activation: GateActivation::Sigmoid,
            reverse: self.options[2],
            sequence: self.options[3],
            dropped: self.options[1],
        };
        let y = graph.add(op.into(), &inputs)?;
        match self.options[3] {
            true => graph.reduce(ReduceKind::Mean, y, &[1, 2], false),
            false => self.classes(graph, y),
        }
    }

    fn tags(&self, graph: &mut Graph) -> Result<NodeId> {
        let tags = self.size(0);
        let (batch, time) = (Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time));
        let x = graph.input("x", Shape(vec![batch, time, self.size(1).into()]));
        let w = graph.parameter("w", &[self.size(1), tags]);
        let emissions = graph.matmul(x, w)?;
        let scores = graph.parameter("scores", &[tags + 2, tags]);
        let [path, mask] = ["path", "mask"].map(|name| graph.input(name, Shape(vec![batch, time])));
        if self.options[0] {
            graph.add(ops::ViterbiDecode {}.into(), &[emissions, scores, mask])?;
            graph.add(ops::CrfMarginals {}.into(), &[emissions, scores, mask])?;
        }
        graph.add(ops::CrfLoss {}.into(), &[emissions, path, scores, mask])
    }

    /// Dense layers with a normalisation before and an activation after each, and a sum with what they came from.
    fn dense(&self, graph: &mut Graph) -> Result<NodeId> {
        let width = self.size(0);
        let x = graph.input("x", Shape::batch_of(&[width]));
        let gamma = graph.parameter("gamma", &[width]);
        let normal = match self.options[0] {
            true => graph.rms_norm(x, gamma, 1e-5)?,
            false => graph.layer_norm(x, gamma, gamma, 1e-5)?,
        };
        let hidden = self.size(1);
        let w = graph.parameter("w", &[width, hidden]);
        let bias = graph.parameter("b", &[hidden]);
        let y = graph.matmul(normal, w)?;
        let y = graph.add_values(y, bias)?;
        let y = match self.options[1] {
            true => graph.gelu(y)?,
            false => graph.tanh(y)?,
        };
        let v = graph.parameter("v", &[width, hidden]);
        let back = ops::MatMul {
            transpose_b: true,
            ..ops::MatMul::default()
        };
        let y = graph.add(back.into(), &[y, v])?;
        let y = graph.binary(BinaryKind::Add, y, x)?;
        self.classes(graph, y)
    }
}
