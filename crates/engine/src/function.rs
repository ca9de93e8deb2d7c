use jingwei_graph::{Graph, NodeId, Shape, Symbol, passes};
use jingwei_kernels::Level;

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
    /// Where the parameters lie; the gradient buffer has the same layout.
    pub parameters: Layout,
    /// Where the states lie.
    pub states: Layout,
}

impl Function {
    /// A function that only computes outputs.
    #[must_use]
    pub fn new(graph: Graph, outputs: Vec<NodeId>, parameters: Layout, states: Layout) -> Self {
        Self {
            graph,
            outputs,
            gradients: Vec::new(),
            updates: Vec::new(),
            parameters,
            states,
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
            .copied()
            .collect();
        let (graph, wanted) = passes::simplify(&bound, &wanted);
        let (outputs, rest) = wanted.split_at(self.outputs.len());
        let (gradients, updates) = rest.split_at(self.gradients.len());
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
            parameters: &self.parameters,
            states: &self.states,
            level,
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
