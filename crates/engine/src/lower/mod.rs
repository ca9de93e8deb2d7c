//! From graph to kernels.
//!
//! Nodes are visited in order. Each is offered to the lowering of its operator, which may also take the nodes after it
//! that it fuses with (bias, activation, pooling); what nobody has a kernel for runs the operator's reference loop.

mod attention;
mod batch_norm;
mod convolution;
mod crf;
mod dense;
mod elementwise;
mod layer_norm;
mod layout;
mod loss;
mod over_time;
mod pattern;
mod pooling;
mod positions;
mod recurrent;
mod reduce;
mod reference;
mod rms_norm;
mod rows;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use jingwei_graph::{Graph, Node, NodeId, Op};
use jingwei_kernels::{Level, Precision};

use crate::program::{Location, Program, ValueId};
use crate::workspace::Buffer;
use crate::{Error, Layout, Plan, Result, RowGradient, arena};

/// What is to be lowered; every dimension of the graph is bound.
pub(crate) struct Request<'a> {
    pub graph: &'a Graph,
    pub outputs: &'a [NodeId],
    pub gradients: &'a [(String, NodeId)],
    pub updates: &'a [(String, NodeId)],
    pub row_gradients: &'a [RowGradient],
    pub gradient_len: usize,
    pub parameters: &'a Layout,
    pub states: &'a Layout,
    pub level: Level,
    pub frozen: bool,
    pub gradient_precision: Precision,
    pub memory_limit: usize,
}

/// The state of a lowering.
pub(crate) struct Lowering<'a> {
    graph: &'a Graph,
    level: Level,
    frozen: bool,
    gradient_precision: Precision,
    program: Program,
    /// The users of each node, in order.
    users: Vec<Vec<NodeId>>,
    /// Nodes whose values are asked for from outside.
    wanted: Vec<bool>,
    /// Where a node's value must be written, if not anywhere in the arena.
    target: HashMap<NodeId, Location>,
    values: Vec<Option<ValueId>>,
    /// Nodes that an earlier kernel computes or makes unnecessary.
    done: Vec<bool>,
    /// What one kernel leaves for a later one.
    kept: Kept,
    constants: Vec<f32>,
    inputs: Vec<(String, ValueId)>,
}

/// What one kernel leaves for a later one, by the file that knows it.
#[derive(Default)]
struct Kept {
    attention: attention::Kept,
    convolution: convolution::Kept,
    dense: dense::Kept,
    over_time: over_time::Kept,
    pooling: pooling::Kept,
    recurrent: recurrent::Kept,
}

static PLANS: AtomicUsize = AtomicUsize::new(1);

/// Lowers a graph and plans its memory.
pub(crate) fn lower(request: &Request<'_>) -> Result<Plan> {
    let mut lowering = Lowering::new(request)?;
    for id in request.graph.ids() {
        if !lowering.done[id.index()] && !lowering.is_deferred(id) {
            lowering.lower_node(id);
        }
    }
    lowering.copy_to_targets(request)?;
    let tables = lowering.row_gradients(request)?;
    let outputs: Vec<ValueId> = request
        .outputs
        .iter()
        .map(|&id| lowering.value(id))
        .collect();
    let inputs: Vec<ValueId> = lowering.inputs.iter().map(|(_, value)| *value).collect();
    let kept: Vec<ValueId> = tables
        .iter()
        .flat_map(|table| table.values)
        .chain(outputs.iter().copied())
        .collect();
    let limit = request.memory_limit;
    let (places, arena) =
        arena::plan(&lowering.program, &inputs, &kept).ok_or(Error::TooLarge { limit })?;
    let Lowering {
        program,
        constants,
        inputs,
        ..
    } = lowering;
    let place = |id: &ValueId| places[*id];
    let instructions = program.instructions.into_iter().map(|instruction| {
        let own = instruction
            .reads
            .iter()
            .chain(&instruction.writes)
            .map(place)
            .collect();
        (instruction, own)
    });
    let plan = Plan {
        id: PLANS.fetch_add(1, Ordering::Relaxed),
        instructions: instructions.collect(),
        inputs: inputs.iter().map(|(_, id)| places[*id]).collect(),
        input_names: inputs.into_iter().map(|(name, _)| name).collect(),
        outputs: outputs.iter().map(place).collect(),
        row_gradients: tables.iter().map(|table| table.place(&places)).collect(),
        constants,
        frozen: request.frozen,
        prepared: program.prepared,
        arena,
        scratch: program.scratch,
        tables: program.tables,
        batch: 0,
        time: 0,
    };
    match plan.memory(1) <= limit {
        true => Ok(plan),
        false => Err(Error::TooLarge { limit }),
    }
}

impl<'a> Lowering<'a> {
    fn new(request: &Request<'a>) -> Result<Self> {
        let graph = request.graph;
        let count = graph.nodes().len();
        let mut users = vec![Vec::new(); count];
        for id in graph.ids() {
            for input in &graph.node(id).inputs {
                if users[input.index()].last() != Some(&id) {
                    users[input.index()].push(id);
                }
            }
        }
        let mut wanted = vec![false; count];
        let mut target = HashMap::new();
        for &id in request.outputs {
            wanted[id.index()] = true;
        }
        for (name, id) in request.gradients {
            wanted[id.index()] = true;
            let entry = entry(request.parameters, name, "parameters")?;
            if entry.range().end > request.gradient_len {
                let (name, kind) = (name.clone(), "gradients");
                return Err(Error::UnknownLeaf { name, kind });
            }
            target
                .entry(*id)
                .or_insert(Location::Fixed(Buffer::Gradients, entry.offset));
        }
        for (_, id) in request.updates {
            wanted[id.index()] = true;
        }
        for table in request.row_gradients {
            wanted[table.indices.index()] = true;
            wanted[table.rows.index()] = true;
        }
        let mut lowering = Self {
            graph,
            level: request.level,
            frozen: request.frozen,
            gradient_precision: request.gradient_precision,
            program: Program::default(),
            users,
            wanted,
            target,
            values: vec![None; count],
            done: vec![false; count],
            kept: Kept::default(),
            constants: Vec::new(),
            inputs: Vec::new(),
        };
        lowering.place_leaves(request)?;
        Ok(lowering)
    }

    /// Gives the leaves their values before anything reads them.
    fn place_leaves(&mut self, request: &Request<'_>) -> Result<()> {
        for id in self.graph.ids() {
            let node = self.graph.node(id);
            let len = self.len(id);
            let value = match &node.op {
                Op::Input(input) => {
                    let value = self.program.arena(len);
                    self.inputs.push((input.name.clone(), value));
                    value
                }
                Op::Parameter(leaf) => {
                    let entry = sized(entry(request.parameters, &leaf.name, "parameters")?, len)?;
                    self.program
                        .fixed(len, Location::Fixed(Buffer::Parameters, entry.offset))
                }
                Op::State(leaf) => {
                    let entry = sized(entry(request.states, &leaf.name, "states")?, len)?;
                    self.program
                        .fixed(len, Location::Fixed(Buffer::States, entry.offset))
                }
                Op::Constant(constant) => {
                    let offset = self.constants.len();
                    self.constants.push(constant.value);
                    self.program
                        .fixed(1, Location::Fixed(Buffer::Constants, offset))
                }
                _ => continue,
            };
            self.values[id.index()] = Some(value);
            self.done[id.index()] = true;
        }
        Ok(())
    }

    fn lower_node(&mut self, id: NodeId) {
        let lowered = match &self.node(id).op {
            Op::Reshape(_) | Op::StopGradient(_) => self.alias(id),
            Op::MatMul(_) => self.lower_matmul(id),
            Op::Conv2d(_) => self.lower_conv2d(id),
            Op::Conv2dGradInput(_) => self.lower_conv2d_grad_input(id),
            Op::Conv2dGradFilter(_) => self.lower_conv2d_grad_filter(id),
            Op::MaxPool2d(_) | Op::MaxPool2dGrad(_) | Op::AvgPool2d(_) | Op::AvgPool2dGrad(_) => {
                self.lower_pooling(id)
            }
            Op::Unary(_)
            | Op::UnaryGrad(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Where(_)
            | Op::BroadcastTo(_) => self.lower_elementwise(id),
            Op::Reduce(_) => self.lower_reduce(id),
            Op::Recurrent(_) | Op::RecurrentGrad(_) => self.lower_recurrent(id),
            Op::CrfLoss(_)
            | Op::CrfEmissionsGrad(_)
            | Op::CrfScoresGrad(_)
            | Op::CrfMarginals(_)
            | Op::ViterbiDecode(_) => self.lower_crf(id),
            Op::MaxOverTime(_) | Op::MaxOverTimeGrad(_) => self.lower_over_time(id),
            Op::Softmax(_)
            | Op::LogSoftmax(_)
            | Op::SoftmaxGrad(_)
            | Op::LogSoftmaxGrad(_)
            | Op::SparseCrossEntropy(_)
            | Op::SparseCrossEntropyGrad(_)
            | Op::SoftCrossEntropy(_)
            | Op::SoftCrossEntropyGrad(_) => self.lower_loss(id),
            Op::BatchStatistics(_)
            | Op::BatchNorm(_)
            | Op::BatchNormGradInput(_)
            | Op::BatchNormGradParameters(_) => self.lower_batch_norm(id),
            Op::LayerNorm(_) | Op::LayerNormGradInput(_) | Op::LayerNormGradParameters(_) => {
                self.lower_layer_norm(id)
            }
            Op::RmsNorm(_) | Op::RmsNormGradInput(_) | Op::RmsNormGradScale(_) => {
                self.lower_rms_norm(id)
            }
            Op::Attention(_) => self.lower_attention(id),
            Op::AttentionGradQuery(_) | Op::AttentionGradKey(_) | Op::AttentionGradValue(_) => {
                self.lower_attention_gradients(id)
            }
            Op::Slice(_) if self.lower_attention_slice(id) => true,
            Op::Transpose(_)
            | Op::Slice(_)
            | Op::Concat(_)
            | Op::Pad(_)
            | Op::Gather(_)
            | Op::GatherGrad(_)
            | Op::Dropout(_)
            | Op::RotaryEmbedding(_) => self.lower_layout(id),
            Op::AddPositions(_) | Op::AddPositionsGrad(_) | Op::AddSinusoids(_) => {
                self.lower_positions(id)
            }
            _ => false,
        };
        if !lowered {
            self.lower_reference(id);
        }
        self.done[id.index()] = true;
    }

    /// A node whose values are another's.
    fn alias(&mut self, id: NodeId) -> bool {
        self.values[id.index()] = Some(self.value(self.input(id, 0)));
        true
    }

    /// Copies to gradients and states what was not written there at once.
    fn copy_to_targets(&mut self, request: &Request<'_>) -> Result<()> {
        let gradients = request
            .gradients
            .iter()
            .map(|(name, id)| (name, id, request.parameters, Buffer::Gradients));
        let updates = request
            .updates
            .iter()
            .map(|(name, id)| (name, id, request.states, Buffer::States));
        for (name, &id, layout, buffer) in gradients.chain(updates) {
            let (value, len) = (self.value(id), self.len(id));
            let entry = sized(entry(layout, name, "layout")?, len)?;
            let location = Location::Fixed(buffer, entry.offset);
            if self.program.values[value].location != location {
                let target = self.program.fixed(len, location);
                self.program
                    .emit(("copy", name), [value], [target], |_, [from], [to], _| {
                        to.copy_from_slice(from)
                    });
            }
        }
        Ok(())
    }

    fn node(&self, id: NodeId) -> &'a Node {
        self.graph.node(id)
    }

    fn input(&self, id: NodeId, index: usize) -> NodeId {
        self.node(id).inputs[index]
    }

    fn sizes(&self, id: NodeId) -> Vec<usize> {
        self.graph.shape(id).sizes().unwrap_or_default()
    }

    fn len(&self, id: NodeId) -> usize {
        self.graph.shape(id).len().unwrap_or(0)
    }

    /// The value of a node that was lowered before.
    fn value(&self, id: NodeId) -> ValueId {
        self.values[id.index()].expect("inputs are lowered before their users")
    }

    /// How many rows a value has, and how many numbers its last dimension.
    fn rows_and_columns(&self, id: NodeId) -> (usize, usize) {
        let sizes = self.sizes(id);
        let columns = sizes.last().copied().unwrap_or(0);
        (
            sizes
                .iter()
                .product::<usize>()
                .checked_div(columns)
                .unwrap_or(0),
            columns,
        )
    }

    /// The values of a node's inputs.
    fn operands<const N: usize>(&self, id: NodeId) -> [ValueId; N] {
        std::array::from_fn(|index| self.value(self.input(id, index)))
    }

    /// Makes the value that a kernel writes for a node, in its target place if it has one.
    fn define(&mut self, id: NodeId) -> ValueId {
        let location = self.target.get(&id).copied().unwrap_or(Location::Arena);
        let value = self.program.fixed(self.len(id), location);
        self.values[id.index()] = Some(value);
        self.done[id.index()] = true;
        value
    }

    /// Memory that one kernel alone uses.
    fn temporary(&mut self, len: usize) -> ValueId {
        self.program.arena(len)
    }

    /// Asks for scratch memory of each worker.
    fn need_scratch(&mut self, floats: usize) {
        self.program.scratch = self.program.scratch.max(floats);
    }

    /// Says that a kernel makes a table for itself when it runs first.
    fn need_table(&mut self, floats: usize) {
        self.program.tables = self.program.tables.saturating_add(floats);
    }

    fn layer(&self, id: NodeId) -> &'a str {
        &self.node(id).layer
    }
}

fn entry<'l>(layout: &'l Layout, name: &str, kind: &'static str) -> Result<&'l crate::Entry> {
    layout.entry(name).ok_or_else(|| Error::UnknownLeaf {
        name: name.to_owned(),
        kind,
    })
}

fn sized(entry: &crate::Entry, len: usize) -> Result<&crate::Entry> {
    if entry.len == len {
        return Ok(entry);
    }
    Err(Error::LeafSize {
        name: entry.name.clone(),
        expected: entry.len,
        found: len,
    })
}
