//! One operator with attributes of an attacker's choice, on operands that suit it.

use arbitrary::Arbitrary;
use jingwei_graph::ops::{
    self, BinaryKind, CompareKind, ConvAttributes, GateActivation, RecurrentCell, RecurrentOperand,
    ReduceKind, UnaryKind, Window,
};
use jingwei_graph::{Dim, NodeId, Op, Shape};

use super::draft::Draft;
use super::numbers::{Edge, Real, Small};

/// An operator to be added.
#[derive(Debug, Clone, Arbitrary)]
pub struct Step {
    /// Which nodes it takes, where some fit.
    operands: [u8; 3],
    /// The sizes of new ones.
    sizes: [Small; 4],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
struct Attributes {
    stride: [Edge; 2],
    padding: [Edge; 4],
    dilation: [Edge; 2],
    groups: Edge,
    /// Whether what stands before the image is what makes the filters fit.
    fit: bool,
}

impl Attributes {
    fn make(&self, image: &Shape, kernel: [usize; 2]) -> ConvAttributes {
        let mut padding = self.padding.map(|edge| edge.0);
        for axis in 0..2 {
            let size = image.size(1 + axis).unwrap_or(1);
            let reach = kernel[axis]
                .wrapping_sub(1)
                .wrapping_mul(self.dilation[axis].0);
            if self.fit {
                padding[2 * axis] = reach.wrapping_add(1).wrapping_sub(size);
                padding[2 * axis + 1] %= 4;
            }
        }
        ConvAttributes {
            stride: self.stride.map(|edge| edge.0),
            padding,
            dilation: self.dilation.map(|edge| edge.0),
            groups: self.groups.0,
        }
    }
}

#[derive(Debug, Clone, Copy, Arbitrary)]
struct Slide {
    size: [Edge; 2],
    stride: [Edge; 2],
    padding: [Edge; 4],
}

impl Slide {
    fn make(&self) -> Window {
        Window {
            size: self.size.map(|edge| edge.0),
            stride: self.stride.map(|edge| edge.0),
            padding: self.padding.map(|edge| edge.0),
        }
    }
}

#[derive(Debug, Clone, Copy, Arbitrary)]
struct Recurrence {
    cell: u8,
    activations: [u8; 2],
    reverse: bool,
    sequence: bool,
    mask: bool,
    dropped: bool,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Pool {
    Max,
    MaxGrad,
    Average(bool),
    AverageGrad(bool, [Edge; 2]),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Part {
    First,
    Second,
    Third,
}

#[derive(Debug, Clone, Arbitrary)]
enum Kind {
    Conv(Attributes, [Small; 2]),
    ConvGradInput(Attributes, [Small; 2], [Edge; 2]),
    ConvGradFilter(Attributes, [Edge; 2]),
    Pool(Pool, Slide),
    Pad([Edge; 4], [Edge; 4], Real),
    Slice(u8, [Edge; 2]),
    Concat(u8, u8),
    Transpose([u8; 4]),
    Reshape([Edge; 4], u8),
    Flatten(u8),
    Broadcast([Edge; 4], u8, bool),
    Reduce(u8, u8, bool),
    Gather,
    GatherGrad(Edge),
    NgramHash([Edge; 2]),
    SelectIds([Edge; 2]),
    MaxOverTime(bool, bool),
    Crf(u8),
    Softmax(u8),
    Loss(u8, Real),
    Unary(u8, Real, bool),
    Binary(u8),
    Bias,
    Compare(u8),
    Where,
    Dropout(Real),
    BatchNorm(u8, Real, bool),
    LayerNorm(u8, Real),
    RmsNorm(u8, Real),
    Rotary(Real, bool),
    Positions(Edge),
    PositionsGrad(Edge),
    Sinusoids(Real),
    Recurrent(Recurrence, Option<Part>),
    Attention(bool, Real, Small, bool, Option<Part>),
    MatMul(bool, bool, bool),
    Constant(Real),
}

impl Step {
    /// Adds the operator; `None` where even its own rule refuses.
    pub fn apply(&self, draft: &mut Draft) -> Option<NodeId> {
        match &self.kind {
            Kind::Conv(..) | Kind::ConvGradInput(..) | Kind::ConvGradFilter(..) => {
                self.convolution(draft)
            }
            Kind::Pool(pool, slide) => self.pool(draft, *pool, slide.make()),
            Kind::MaxOverTime(..)
            | Kind::Crf(_)
            | Kind::Recurrent(..)
            | Kind::Attention(..)
            | Kind::Rotary(..)
            | Kind::Positions(_)
            | Kind::PositionsGrad(_)
            | Kind::Sinusoids(_) => self.sequence(draft),
            Kind::Gather | Kind::GatherGrad(_) | Kind::NgramHash(_) | Kind::SelectIds(_) => {
                self.ids(draft)
            }
            Kind::BatchNorm(..) | Kind::LayerNorm(..) | Kind::RmsNorm(..) => self.norm(draft),
            Kind::Softmax(_) | Kind::Loss(..) => self.loss(draft),
            Kind::Unary(..)
            | Kind::Binary(_)
            | Kind::Bias
            | Kind::Compare(_)
            | Kind::Where
            | Kind::Dropout(_)
            | Kind::MatMul(..)
            | Kind::Constant(_) => self.values(draft),
            _ => self.layout(draft),
        }
    }

    fn any(&self, draft: &mut Draft, operand: usize) -> NodeId {
        let rank = usize::from(self.operands[operand]) / 64 + 1;
        self.of_rank(draft, operand, rank)
    }

    fn of_rank(&self, draft: &mut Draft, operand: usize, rank: usize) -> NodeId {
        draft.pick(self.operands[operand], rank, self.sizes.map(|size| size.0))
    }

    /// A node of a shape: one that is there, or a new one.
    fn like(&self, draft: &mut Draft, operand: usize, shape: &Shape) -> NodeId {
        let found = draft.nodes.iter().rposition(|node| node.shape == *shape);
        match found.filter(|_| self.operands[operand].is_multiple_of(2)) {
            Some(index) => NodeId(index as u32),
            None => draft.leaf(&shape.0),
        }
    }

    fn convolution(&self, draft: &mut Draft) -> Option<NodeId> {
        let x = self.of_rank(draft, 0, 4);
        let image = draft.shape(x).clone();
        match &self.kind {
            Kind::Conv(attributes, kernel) => {
                let kernel = kernel.map(|size| size.0);
                let attributes = attributes.make(&image, kernel);
                let channels = image.size(3)?.checked_div(attributes.groups)?;
                let filters = self.sizes[3].0;
                let w = [kernel[0], kernel[1], channels, filters];
                let w = self.like(draft, 1, &Shape::fixed(&w));
                draft.add(ops::Conv2d { attributes }, &[x, w])
            }
            Kind::ConvGradInput(attributes, kernel, sizes) => {
                let (kernel, sizes) = (kernel.map(|size| size.0), sizes.map(|size| size.0));
                let channels = self.sizes[2].0;
                let shape = Shape(vec![
                    image.0[0],
                    sizes[0].into(),
                    sizes[1].into(),
                    channels.into(),
                ]);
                let attributes = attributes.make(&shape, kernel);
                let w = [
                    kernel[0],
                    kernel[1],
                    channels.checked_div(attributes.groups)?,
                    self.sizes[3].0,
                ];
                let w = self.like(draft, 1, &Shape::fixed(&w));
                let forward = Op::from(ops::Conv2d { attributes });
                let dy = forward.operator().shape(&[&shape, draft.shape(w)]).ok()?;
                let dy = self.like(draft, 2, &dy);
                draft.add(ops::Conv2dGradInput { attributes, shape }, &[w, dy])
            }
            Kind::ConvGradFilter(attributes, kernel) => {
                let kernel = kernel.map(|size| size.0);
                let attributes = attributes.make(&image, kernel);
                let channels = image.size(3)?.checked_div(attributes.groups)?;
                let w = Shape::fixed(&[kernel[0], kernel[1], channels, self.sizes[3].0]);
                let forward = Op::from(ops::Conv2d { attributes });
                let dy = forward.operator().shape(&[&image, &w]).ok()?;
                let dy = self.like(draft, 2, &dy);
                draft.add(ops::Conv2dGradFilter { attributes, kernel }, &[x, dy])
            }
            _ => None,
        }
    }

    fn pool(&self, draft: &mut Draft, pool: Pool, window: Window) -> Option<NodeId> {
        let x = self.of_rank(draft, 0, 4);
        let image = draft.shape(x).clone();
        let forward = Op::from(ops::MaxPool2d { window });
        match pool {
            Pool::Max => draft.add(ops::MaxPool2d { window }, &[x]),
            Pool::MaxGrad => {
                let dy = forward.operator().shape(&[&image]).ok()?;
                let dy = self.like(draft, 1, &dy);
                draft.add(ops::MaxPool2dGrad { window }, &[x, dy])
            }
            Pool::Average(include_padding) => draft.add(
                ops::AvgPool2d {
                    window,
                    include_padding,
                },
                &[x],
            ),
            Pool::AverageGrad(include_padding, [height, width]) => {
                let (height, width) = (height.0, width.0);
                let shape = Shape(vec![image.0[0], height.into(), width.into(), image.0[3]]);
                let dy = forward.operator().shape(&[&shape]).ok()?;
                let dy = self.like(draft, 1, &dy);
                let op = ops::AvgPool2dGrad {
                    window,
                    include_padding,
                    height,
                    width,
                };
                draft.add(op, &[dy])
            }
        }
    }

    fn layout(&self, draft: &mut Draft) -> Option<NodeId> {
        let x = self.any(draft, 0);
        let shape = draft.shape(x).clone();
        let rank = shape.rank();
        match &self.kind {
            Kind::Pad(before, after, value) => {
                let amounts =
                    |edges: &[Edge; 4]| edges[..rank.min(4)].iter().map(|e| e.0).collect();
                let op = ops::Pad {
                    before: amounts(before),
                    after: amounts(after),
                    value: value.0,
                };
                draft.add(op, &[x])
            }
            Kind::Slice(axis, [start, len]) => {
                let (axis, start, len) = (usize::from(*axis) % 5, start.0, len.0);
                draft.add(ops::Slice { axis, start, len }, &[x])
            }
            Kind::Concat(axis, count) => {
                let axis = usize::from(*axis) % 5;
                let inputs = vec![x; usize::from(*count) % 8];
                draft.add(ops::Concat { axis }, &inputs)
            }
            Kind::Transpose(order) => {
                let mut permutation: Vec<usize> = (0..rank).collect();
                for (place, &other) in order.iter().enumerate().take(rank) {
                    permutation.swap(place, usize::from(other) % rank);
                }
                draft.add(ops::Transpose { permutation }, &[x])
            }
            Kind::Reshape(sizes, to) => {
                let dims = &sizes.map(|edge| Dim::Size(edge.0))[..usize::from(*to) % 5];
                let shape = Shape(dims.to_vec());
                draft.add(ops::Reshape { shape }, &[x])
            }
            Kind::Flatten(from) => {
                let from = usize::from(*from) % (rank + 1);
                let sizes = Shape(shape.0[from..].to_vec()).sizes()?;
                let width = sizes.iter().fold(1usize, |a, &b| a.wrapping_mul(b));
                let mut dims = shape.0[..from].to_vec();
                dims.push(width.into());
                draft.add(ops::Reshape { shape: Shape(dims) }, &[x])
            }
            Kind::Broadcast(sizes, ones, average) => {
                let mut target = shape.clone();
                for (axis, edge) in sizes.iter().enumerate().take(rank) {
                    if shape.0[axis] == Dim::Size(1) && ones >> axis & 1 == 1 {
                        target.0[axis] = edge.0.into();
                    }
                }
                let op = ops::BroadcastTo {
                    shape: target,
                    average: *average,
                };
                draft.add(op, &[x])
            }
            Kind::Reduce(kind, axes, keep) => {
                let kinds = [ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max];
                let op = ops::Reduce {
                    kind: kinds[usize::from(*kind) % 3],
                    axes: (0..rank).filter(|axis| axes >> axis & 1 == 1).collect(),
                    keep: *keep,
                };
                draft.add(op, &[x])
            }
            _ => None,
        }
    }

    fn ids(&self, draft: &mut Draft) -> Option<NodeId> {
        match &self.kind {
            Kind::Gather => {
                let (table, ids) = (self.of_rank(draft, 0, 2), self.any(draft, 1));
                draft.add(ops::Gather {}, &[table, ids])
            }
            Kind::GatherGrad(rows) => {
                let ids = self.any(draft, 0);
                let mut dy = draft.shape(ids).clone();
                dy.0.push(self.sizes[3].0.into());
                let dy = self.like(draft, 1, &dy);
                draft.add(ops::GatherGrad { rows: rows.0 }, &[ids, dy])
            }
            Kind::NgramHash([n, buckets]) => {
                let (n, buckets) = (n.0, buckets.0);
                let ids = self.of_rank(draft, 0, 2);
                draft.add(ops::NgramHash { n, buckets }, &[ids])
            }
            Kind::SelectIds([from, to]) => {
                let (from, to) = (from.0, to.0);
                let ids = self.of_rank(draft, 0, 2);
                draft.add(ops::SelectIds { from, to }, &[ids])
            }
            _ => None,
        }
    }

    fn values(&self, draft: &mut Draft) -> Option<NodeId> {
        let x = self.any(draft, 0);
        let shape = draft.shape(x).clone();
        match &self.kind {
            Kind::Unary(kind, slope, is_grad) => {
                let kind = unary(*kind, slope.0);
                if !is_grad {
                    return draft.add(ops::Unary { kind }, &[x]);
                }
                let dy = self.like(draft, 1, &shape);
                draft.add(ops::UnaryGrad { kind }, &[x, dy])
            }
            Kind::Binary(kind) => {
                let kinds = [
                    BinaryKind::Add,
                    BinaryKind::Sub,
                    BinaryKind::Mul,
                    BinaryKind::Div,
                    BinaryKind::Max,
                    BinaryKind::Min,
                    BinaryKind::Pow,
                ];
                let kind = kinds[usize::from(*kind) % kinds.len()];
                let other = self.any(draft, 1);
                draft.add(ops::Binary { kind }, &[x, other])
            }
            Kind::Bias => {
                let bias = self.like(draft, 1, &Shape(vec![*shape.0.last()?]));
                let kind = BinaryKind::Add;
                draft.add(ops::Binary { kind }, &[x, bias])
            }
            Kind::Compare(kind) => {
                let kinds = [CompareKind::Equal, CompareKind::NotEqual, CompareKind::Less];
                let kind = kinds[usize::from(*kind) % kinds.len()];
                let other = self.any(draft, 1);
                draft.add(ops::Compare { kind }, &[x, other])
            }
            Kind::Where => {
                let (a, b) = (self.any(draft, 1), self.any(draft, 2));
                draft.add(ops::Where {}, &[x, a, b])
            }
            Kind::Dropout(rate) => {
                let (rate, stream) = (rate.0, 7);
                draft.add(ops::Dropout { rate, stream }, &[x])
            }
            Kind::MatMul(transpose_a, transpose_b, gradient) => {
                let (&last, outer) = shape.0.split_last()?;
                let k = if *transpose_a { *outer.first()? } else { last };
                let n = Dim::Size(self.sizes[3].0);
                let other = match (transpose_a, transpose_b) {
                    (true, false) => Shape([outer, &[n]].concat()),
                    (_, true) => Shape(vec![n, k]),
                    _ => Shape(vec![k, n]),
                };
                let other = self.like(draft, 1, &other);
                let op = ops::MatMul {
                    transpose_a: *transpose_a,
                    transpose_b: *transpose_b,
                    gradient: *gradient,
                };
                draft.add(op, &[x, other])
            }
            Kind::Constant(value) => {
                draft.nodes.push(jingwei_graph::Node {
                    op: ops::Constant { value: value.0 }.into(),
                    inputs: Vec::new(),
                    shape: Shape::scalar(),
                    layer: String::new(),
                });
                Some(NodeId(draft.nodes.len() as u32 - 1))
            }
            _ => None,
        }
    }

    fn norm(&self, draft: &mut Draft) -> Option<NodeId> {
        let x = self.any(draft, 0);
        let shape = draft.shape(x).clone();
        let channels = shape.0.last().copied()?;
        let vector = Shape(vec![channels]);
        let pair = Shape(vec![Dim::Size(2), channels]);
        match &self.kind {
            Kind::BatchNorm(part, epsilon, batch_statistics) => {
                let (epsilon, batch_statistics) = (epsilon.0, *batch_statistics);
                if part % 4 == 0 {
                    return draft.add(ops::BatchStatistics {}, &[x]);
                }
                let statistics = self.like(draft, 1, &pair);
                let gamma = self.like(draft, 2, &vector);
                if part % 4 == 1 {
                    let op = ops::BatchNorm {
                        epsilon,
                        batch_statistics,
                    };
                    return draft.add(op, &[x, statistics, gamma, gamma]);
                }
                let dy = self.like(draft, 1, &shape);
                if part % 4 == 2 {
                    let op = ops::BatchNormGradParameters { epsilon };
                    return draft.add(op, &[x, statistics, dy]);
                }
                let op = ops::BatchNormGradInput {
                    epsilon,
                    batch_statistics,
                };
                draft.add(op, &[x, statistics, gamma, dy, statistics])
            }
            Kind::LayerNorm(part, epsilon) => {
                let epsilon = epsilon.0;
                let gamma = self.like(draft, 1, &vector);
                let dy = self.like(draft, 2, &shape);
                match part % 3 {
                    0 => draft.add(ops::LayerNorm { epsilon }, &[x, gamma, gamma]),
                    1 => draft.add(ops::LayerNormGradInput { epsilon }, &[x, gamma, dy]),
                    _ => draft.add(ops::LayerNormGradParameters { epsilon }, &[x, dy]),
                }
            }
            Kind::RmsNorm(part, epsilon) => {
                let epsilon = epsilon.0;
                let gamma = self.like(draft, 1, &vector);
                let dy = self.like(draft, 2, &shape);
                match part % 3 {
                    0 => draft.add(ops::RmsNorm { epsilon }, &[x, gamma]),
                    1 => draft.add(ops::RmsNormGradInput { epsilon }, &[x, gamma, dy]),
                    _ => draft.add(ops::RmsNormGradScale { epsilon }, &[x, dy]),
                }
            }
            _ => None,
        }
    }

    fn loss(&self, draft: &mut Draft) -> Option<NodeId> {
        let x = self.any(draft, 0);
        let shape = draft.shape(x).clone();
        let rows = Shape(shape.0.split_last()?.1.to_vec());
        match &self.kind {
            Kind::Softmax(part) => {
                let dy = self.like(draft, 1, &shape);
                match part % 4 {
                    0 => draft.add(ops::Softmax {}, &[x]),
                    1 => draft.add(ops::SoftmaxGrad {}, &[x, dy]),
                    2 => draft.add(ops::LogSoftmax {}, &[x]),
                    _ => draft.add(ops::LogSoftmaxGrad {}, &[x, dy]),
                }
            }
            Kind::Loss(part, smoothing) => {
                let label_smoothing = smoothing.0;
                let labels = self.like(draft, 1, &rows);
                let (shares, dy) = (self.like(draft, 1, &shape), self.like(draft, 2, &rows));
                match part % 4 {
                    0 => draft.add(ops::SparseCrossEntropy { label_smoothing }, &[x, labels]),
                    1 => draft.add(
                        ops::SparseCrossEntropyGrad { label_smoothing },
                        &[x, labels, dy],
                    ),
                    2 => draft.add(ops::SoftCrossEntropy { label_smoothing }, &[x, shares]),
                    _ => draft.add(
                        ops::SoftCrossEntropyGrad { label_smoothing },
                        &[x, shares, dy],
                    ),
                }
            }
            _ => None,
        }
    }

    fn sequence(&self, draft: &mut Draft) -> Option<NodeId> {
        match &self.kind {
            Kind::Attention(..) => return self.attention(draft),
            Kind::Recurrent(..) => return self.recurrent(draft),
            Kind::Rotary(base, inverse) => {
                let (base, inverse) = (base.0, *inverse);
                let x = self.of_rank(draft, 0, 4);
                return draft.add(ops::RotaryEmbedding { base, inverse }, &[x]);
            }
            _ => {}
        }
        let x = self.of_rank(draft, 0, 3);
        let dims = draft.shape(x).0.clone();
        let steps = Shape(dims[..2].to_vec());
        match &self.kind {
            Kind::MaxOverTime(is_masked, is_grad) => {
                let mut inputs = vec![x];
                if *is_grad {
                    inputs.push(self.like(draft, 1, &Shape(vec![dims[0], dims[2]])));
                }
                if *is_masked {
                    inputs.push(self.like(draft, 2, &steps));
                }
                match is_grad {
                    true => draft.add(ops::MaxOverTimeGrad {}, &inputs),
                    false => draft.add(ops::MaxOverTime {}, &inputs),
                }
            }
            Kind::Crf(part) => {
                let Dim::Size(tags) = dims[2] else {
                    return None;
                };
                let scores = self.like(draft, 1, &Shape::fixed(&[tags.checked_add(2)?, tags]));
                let (of, mask) = (self.like(draft, 1, &steps), self.like(draft, 2, &steps));
                let losses = self.like(draft, 2, &Shape(vec![dims[0]]));
                match part % 5 {
                    0 => draft.add(ops::CrfLoss {}, &[x, of, scores, mask]),
                    1 => draft.add(ops::CrfEmissionsGrad {}, &[x, of, scores, mask, losses]),
                    2 => draft.add(ops::CrfScoresGrad {}, &[x, of, scores, mask, losses]),
                    3 => draft.add(ops::CrfMarginals {}, &[x, scores, mask]),
                    _ => draft.add(ops::ViterbiDecode {}, &[x, scores, mask]),
                }
            }
            Kind::Positions(rows) => {
                let table = self.like(draft, 1, &Shape(vec![rows.0.into(), dims[2]]));
                draft.add(ops::AddPositions {}, &[x, table])
            }
            Kind::PositionsGrad(rows) => draft.add(ops::AddPositionsGrad { rows: rows.0 }, &[x]),
            Kind::Sinusoids(base) => draft.add(ops::AddSinusoids { base: base.0 }, &[x]),
            _ => None,
        }
    }

    fn attention(&self, draft: &mut Draft) -> Option<NodeId> {
        let &Kind::Attention(causal, Real(scale), kv_heads, is_masked, grad) = &self.kind else {
            return None;
        };
        let q = self.of_rank(draft, 0, 4);
        let shape = draft.shape(q).clone();
        let source = match self.operands[1].is_multiple_of(2) {
            true => shape.0[1],
            false => Dim::Size(self.sizes[1].0),
        };
        let keys = Shape(vec![shape.0[0], source, kv_heads.0.into(), shape.0[3]]);
        let (k, v) = (self.like(draft, 1, &keys), self.like(draft, 2, &keys));
        let mut inputs = vec![q, k, v];
        if grad.is_some() {
            inputs.push(self.like(draft, 2, &shape));
        }
        if is_masked {
            inputs.push(self.like(draft, 1, &Shape(keys.0[..2].to_vec())));
        }
        match grad {
            None => draft.add(ops::Attention { causal, scale }, &inputs),
            Some(Part::First) => draft.add(ops::AttentionGradQuery { causal, scale }, &inputs),
            Some(Part::Second) => draft.add(ops::AttentionGradKey { causal, scale }, &inputs),
            Some(Part::Third) => draft.add(ops::AttentionGradValue { causal, scale }, &inputs),
        }
    }

    fn recurrent(&self, draft: &mut Draft) -> Option<NodeId> {
        let &Kind::Recurrent(recurrence, grad) = &self.kind else {
            return None;
        };
        let cells = [
            RecurrentCell::Simple,
            RecurrentCell::Lstm,
            RecurrentCell::Gru { reset_after: true },
            RecurrentCell::Gru { reset_after: false },
        ];
        let activations = [
            GateActivation::Tanh,
            GateActivation::Sigmoid,
            GateActivation::Relu,
            GateActivation::Linear,
        ];
        let [activation, recurrent_activation] = recurrence
            .activations
            .map(|index| activations[usize::from(index) % 4]);
        let cell = cells[usize::from(recurrence.cell) % 4];
        let op = ops::Recurrent {
            cell,
            activation,
            recurrent_activation,
            reverse: recurrence.reverse,
            sequence: recurrence.sequence,
            dropped: recurrence.dropped,
        };
        let units = self.sizes[3].0;
        let columns = Dim::Size(units.checked_mul(cell.gates())?);
        let first = self.of_rank(draft, 0, 3);
        let steps = draft.shape(first).0[..2].to_vec();
        let x = self.like(draft, 0, &Shape([&steps[..], &[columns]].concat()));
        let kernel = self.like(draft, 1, &Shape(vec![units.into(), columns]));
        let mut inputs = vec![x, kernel];
        if cell.has_bias() {
            inputs.push(self.like(draft, 1, &Shape(vec![columns])));
        }
        if recurrence.mask {
            inputs.push(self.like(draft, 2, &Shape(steps.clone())));
        }
        if recurrence.dropped {
            inputs.push(self.like(draft, 2, &Shape(vec![steps[0], units.into()])));
        }
        let Some(part) = grad else {
            return draft.add(op, &inputs);
        };
        let shapes: Vec<&Shape> = inputs.iter().map(|&id| draft.shape(id)).collect();
        let y = Op::from(op).operator().shape(&shapes).ok()?;
        inputs.push(self.like(draft, 1, &y));
        let of = match part {
            Part::First => RecurrentOperand::Input,
            Part::Second => RecurrentOperand::Kernel,
            Part::Third => RecurrentOperand::Bias,
        };
        draft.add(ops::RecurrentGrad { forward: op, of }, &inputs)
    }
}

fn unary(kind: u8, slope: f32) -> UnaryKind {
    let kinds = [
        UnaryKind::Relu,
        UnaryKind::Relu,
        UnaryKind::LeakyRelu(slope),
        UnaryKind::Gelu,
        UnaryKind::Silu,
        UnaryKind::Sigmoid,
        UnaryKind::Tanh,
        UnaryKind::Softplus,
        UnaryKind::Exp,
        UnaryKind::Log,
        UnaryKind::Sqrt,
        UnaryKind::Square,
        UnaryKind::Neg,
        UnaryKind::Abs,
        UnaryKind::Reciprocal,
    ];
    kinds[usize::from(kind) % kinds.len()]
}
