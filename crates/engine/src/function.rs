use jingwei_graph::limits::MOST_VALUES;
use jingwei_graph::{Graph, Node, NodeId, Op, Shape, Symbol, passes};
use jingwei_kernels::{Level, Precision};

use crate::{Error, Layout, Plan, Result, lower};

/// A graph with what is wanted of it.
///
/// Functions over the same [`Layout`] share parameters: a training function and the inference function of the same
/// network, the two networks of a GAN.
#[derive(Debug, Clone)]
pub struct Function {
    /// The computation.
    pub graph: Graph,
    /// The values to give back, in order.
    pub outputs: Vec<NodeId>,
    /// Gradients, and the parameter in whose place of the gradient buffer each is written.
    pub gradients: Vec<(String, NodeId)>,
    /// States, and the node whose value each takes at the end of a run.
    pub updates: Vec<(String, NodeId)>,
    /// Gradients of tables of which a run touches a few rows; they stay in the arena.
    pub row_gradients: Vec<RowGradient>,
    /// Where the parameters lie; the gradient buffer has the same layout.
    pub parameters: Layout,
    /// The floats of the gradient buffer: all, unless the last parameters have no gradient there.
    pub gradient_len: usize,
    /// Where the states lie.
    pub states: Layout,
    /// Whether the parameters no longer change.
    pub frozen: bool,
    /// How exact the products of gradients are; those of outputs are always as exact as can be.
    pub gradient_precision: Precision,
    /// The most bytes that a plan may need, parameters, gradients and states apart; [`Function::MEMORY_LIMIT`] unless
    /// [set](Function::within). A plan beyond it is refused before anything is allocated.
    pub memory_limit: usize,
}

/// The gradient of a table of `[rows, width]` that is 0 but for the rows that indices name.
///
/// A table may have several, which count together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGradient {
    /// The table.
    pub parameter: String,
    /// The numbers of rows, of any shape.
    pub indices: NodeId,
    /// A gradient for each index: the indices' shape with the width behind it.
    pub rows: NodeId,
}

impl Function {
    /// The limit of a plan's memory where none is set, 1 TiB: no more than a guard against absurd sizes.
    pub const MEMORY_LIMIT: usize = 1 << 40;

    /// A function that only computes outputs. Gradients that it is given are computed in [`Precision::High`].
    #[must_use]
    pub fn new(graph: Graph, outputs: Vec<NodeId>, parameters: Layout, states: Layout) -> Self {
        Self {
            graph,
            outputs,
            gradients: Vec::new(),
            updates: Vec::new(),
            row_gradients: Vec::new(),
            gradient_len: parameters.len(),
            parameters,
            states,
            frozen: false,
            gradient_precision: Precision::High,
            memory_limit: Self::MEMORY_LIMIT,
        }
    }

    /// The same function for parameters that no longer change. Its plans run in workspaces
    /// [for inference](crate::Workspace::for_inference) only, where products may read parameters in a form of their own,
    /// which [`Weights`](crate::Weights) keep.
    #[must_use]
    pub fn frozen(self) -> Self {
        Self {
            frozen: true,
            ..self
        }
    }

    /// The same function, whose plans may need so many bytes.
    #[must_use]
    pub fn within(self, memory_limit: usize) -> Self {
        Self {
            memory_limit,
            ..self
        }
    }

    /// The bytes that a plan needs at least, from the shapes alone: no kernel is chosen and nothing is allocated in
    /// proportion to them. What it needs in all, [`Plan::memory`] says.
    ///
    /// # Errors
    /// If the graph does not allow such sizes.
    pub fn least_memory(&self, batch: usize, time: usize) -> Result<usize> {
        let bound = passes::bind(&self.graph, &[(Symbol::Batch, batch), (Symbol::Time, time)])?;
        let (graph, _) = passes::simplify(&bound, &self.wanted());
        Ok(least_memory(&graph))
    }

    /// Binds the batch size and lowers the graph.
    ///
    /// # Errors
    /// If the graph reads something that the layouts lack, a symbol other than the batch is left, or the plan needs
    /// more than [`Function::memory_limit`].
    pub fn plan(&self, batch: usize, level: Level) -> Result<Plan> {
        self.bind(&[(Symbol::Batch, batch)], level)
    }

    /// Binds the batch size and the length of sequences and lowers the graph. A graph without sequences of unknown
    /// length gives the same plan for any `time`.
    ///
    /// # Errors
    /// If the graph reads something that the layouts lack, the length is too short for a layer, or the plan needs more
    /// than [`Function::memory_limit`].
    pub fn plan_for(&self, batch: usize, time: usize, level: Level) -> Result<Plan> {
        self.bind(&[(Symbol::Batch, batch), (Symbol::Time, time)], level)
    }

    fn bind(&self, sizes: &[(Symbol, usize)], level: Level) -> Result<Plan> {
        let bound = passes::bind(&self.graph, sizes)?;
        let (graph, wanted) = passes::simplify(&bound, &self.wanted());
        self.check_sizes(&graph)?;
        let (outputs, rest) = wanted.split_at(self.outputs.len());
        let (gradients, rest) = rest.split_at(self.gradients.len());
        let (updates, tables) = rest.split_at(self.updates.len());
        let row_gradients = self.row_gradients.iter().zip(tables.chunks_exact(2));
        let row_gradients: Vec<RowGradient> = row_gradients
            .map(|(table, ids)| RowGradient {
                parameter: table.parameter.clone(),
                indices: ids[0],
                rows: ids[1],
            })
            .collect();
        let name = |pairs: &[(String, NodeId)], ids: &[NodeId]| {
            pairs
                .iter()
                .zip(ids)
                .map(|((name, _), &id)| (name.clone(), id))
                .collect::<Vec<_>>()
        };
        let mut plan = lower::lower(&lower::Request {
            graph: &graph,
            outputs,
            gradients: &name(&self.gradients, gradients),
            updates: &name(&self.updates, updates),
            row_gradients: &row_gradients,
            gradient_len: self.gradient_len,
            parameters: &self.parameters,
            states: &self.states,
            level,
            frozen: self.frozen,
            gradient_precision: self.gradient_precision,
            memory_limit: self.memory_limit,
        })?;
        let size = |symbol| sizes.iter().find(|(own, _)| *own == symbol);
        plan.batch = size(Symbol::Batch).map_or(0, |&(_, size)| size);
        plan.time = size(Symbol::Time).map_or(0, |&(_, size)| size);
        Ok(plan)
    }

    /// All nodes that are asked for.
    fn wanted(&self) -> Vec<NodeId> {
        let tables = self.row_gradients.iter();
        self.outputs
            .iter()
            .chain(self.gradients.iter().map(|(_, id)| id))
            .chain(self.updates.iter().map(|(_, id)| id))
            .chain(tables.flat_map(|table| [&table.indices, &table.rows]))
            .copied()
            .collect()
    }

    /// Kernels run on tensors that hold something, and allocate in proportion to them even while they are chosen.
    fn check_sizes(&self, graph: &Graph) -> Result<()> {
        if let Some(empty) = graph.nodes().iter().find_map(|node| empty(graph, node)) {
            let (layer, shape) = (empty.place().to_owned(), empty.shape.clone());
            return Err(Error::Empty { layer, shape });
        }
        let limit = self.memory_limit;
        let nodes = graph.nodes().iter().map(|node| floats(graph, node));
        let largest = nodes
            .chain([self.parameters.len(), self.states.len()])
            .max();
        let fits = least_memory(graph) <= limit && largest.is_none_or(|most| most <= MOST_VALUES);
        match fits {
            true => Ok(()),
            false => Err(Error::TooLarge { limit }),
        }
    }

    /// The inputs of the graph, in the order in which it names them.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &Shape)> {
        self.graph.nodes().iter().filter_map(|node| match &node.op {
            Op::Input(input) => Some((input.name.as_str(), &node.shape)),
            _ => None,
        })
    }
}

/// The inputs, which are kept, and the most that one other node takes, in bytes.
fn least_memory(graph: &Graph) -> usize {
    let (mut inputs, mut largest) = (0usize, 0);
    for node in graph.nodes() {
        let values = floats(graph, node);
        match &node.op {
            Op::Input(_) => inputs = inputs.saturating_add(values),
            op if op.is_leaf() => {}
            _ => largest = largest.max(values),
        }
    }
    inputs
        .saturating_add(largest)
        .saturating_mul(size_of::<f32>())
}

/// The floats that a node's kernel takes at least: its result, or what it gathers before that where this is more.
fn floats(graph: &Graph, node: &Node) -> usize {
    let result = node.shape.len().unwrap_or(usize::MAX);
    match node.op {
        // The gradient of the scores, for each sample.
        Op::CrfEmissionsGrad(_) | Op::CrfScoresGrad(_) => {
            let [batch, scores] = [4, 2].map(|input| graph.shape(node.inputs[input]).len());
            let all = batch
                .zip(scores)
                .and_then(|(batch, scores)| batch.checked_mul(scores));
            all.map_or(usize::MAX, |all| all.max(result))
        }
        _ => result,
    }
}

/// What holds no values of a node and its operands. A product may sum over nothing.
fn empty<'g>(graph: &'g Graph, node: &'g Node) -> Option<&'g Node> {
    let operands = node.inputs.iter().map(|&id| graph.node(id));
    let operands = operands.filter(|_| !matches!(node.op, Op::MatMul(_)));
    let mut used = operands.chain([node].into_iter().filter(|node| !node.op.is_leaf()));
    used.find(|node| node.shape.is_empty())
}
