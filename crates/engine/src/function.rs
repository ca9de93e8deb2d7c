use jingwei_graph::{Graph, NodeId, Shape, Symbol, passes};
use jingwei_kernels::{Level, Precision};

use crate::{Layout, Plan, Result, lower};

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

    /// Binds the batch size and lowers the graph.
    ///
    /// # Errors
    /// If the graph reads something that the layouts lack, or a symbol other than the batch is left.
    pub fn plan(&self, batch: usize, level: Level) -> Result<Plan> {
        self.bind(&[(Symbol::Batch, batch)], level)
    }

    /// Binds the batch size and the length of sequences and lowers the graph. A graph without sequences of unknown
    /// length gives the same plan for any `time`.
    ///
    /// # Errors
    /// If the graph reads something that the layouts lack, or the length is too short for a layer.
    pub fn plan_for(&self, batch: usize, time: usize, level: Level) -> Result<Plan> {
        self.bind(&[(Symbol::Batch, batch), (Symbol::Time, time)], level)
    }

    fn bind(&self, sizes: &[(Symbol, usize)], level: Level) -> Result<Plan> {
        let bound = passes::bind(&self.graph, sizes)?;
        let wanted: Vec<NodeId> = self
            .outputs
            .iter()
            .chain(self.gradients.iter().map(|(_, id)| id))
            .chain(self.updates.iter().map(|(_, id)| id))
            .chain(
                self.row_gradients
                    .iter()
                    .flat_map(|table| [&table.indices, &table.rows]),
            )
            .copied()
            .collect();
        let (graph, wanted) = passes::simplify(&bound, &wanted);
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
        })?;
        let size = |symbol| sizes.iter().find(|(own, _)| *own == symbol);
        plan.batch = size(Symbol::Batch).map_or(0, |&(_, size)| size);
        plan.time = size(Symbol::Time).map_or(0, |&(_, size)| size);
        Ok(plan)
    }

    /// The inputs of the graph, in the order in which it names them.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &Shape)> {
        self.graph.nodes().iter().filter_map(|node| match &node.op {
            jingwei_graph::Op::Input(input) => Some((input.name.as_str(), &node.shape)),
            _ => None,
        })
    }
}
