//! A graph while it is made, as a file would hold it: nothing but each operator's own shape rule is asked.

use jingwei_graph::{Dim, Graph, Node, NodeId, Op, Shape, Symbol, ops};
use serde_json::{Value, json};

/// Nodes that each fit the ones before, for all that their operators say.
#[derive(Default)]
pub struct Draft {
    pub nodes: Vec<Node>,
}

impl Draft {
    pub fn of(graph: &Graph) -> Self {
        Self {
            nodes: graph.nodes().to_vec(),
        }
    }

    fn push(&mut self, op: Op, inputs: &[NodeId], shape: Shape) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            shape,
            layer: String::new(),
        });
        id
    }

    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.nodes[id.index()].shape
    }

    /// Adds an operator, if its shape rule lets it.
    pub fn add(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Option<NodeId> {
        let op = op.into();
        let shape = self.rule(&op, inputs)?;
        Some(self.push(op, inputs, shape))
    }

    fn rule(&self, op: &Op, inputs: &[NodeId]) -> Option<Shape> {
        let shapes: Vec<&Shape> = inputs.iter().map(|&id| self.shape(id)).collect();
        op.operator().shape(&shapes).ok()
    }

    /// A new leaf: a parameter, where all sizes are known and the number of nodes is even.
    pub fn leaf(&mut self, dims: &[Dim]) -> NodeId {
        let (name, shape) = (format!("leaf {}", self.nodes.len()), Shape(dims.to_vec()));
        let op = match shape.sizes().is_some() && self.nodes.len().is_multiple_of(2) {
            true => Op::Parameter(ops::Parameter { name }),
            false => Op::Input(ops::Input { name }),
        };
        self.push(op, &[], shape)
    }

    /// A node of so many dimensions, or a new one.
    pub fn pick(&mut self, index: u8, rank: usize, sizes: [usize; 4]) -> NodeId {
        let fits: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| self.nodes[node].shape.rank() == rank)
            .collect();
        // The latest are the likeliest, so that chains grow.
        match (index as usize).checked_rem(fits.len() + 2) {
            Some(back) if back < fits.len() => NodeId(fits[fits.len() - 1 - back] as u32),
            _ => {
                let mut dims: Vec<Dim> = sizes
                    .into_iter()
                    .cycle()
                    .take(rank)
                    .map(Dim::Size)
                    .collect();
                if index.is_multiple_of(2) && rank > 0 {
                    dims[0] = Dim::Symbol(Symbol::Batch);
                }
                if index.is_multiple_of(3) && (2..4).contains(&rank) {
                    dims[1] = Dim::Symbol(Symbol::Time);
                }
                self.leaf(&dims)
            }
        }
    }

    /// Changes a node, and with it the shapes that follow from it; says whether all still fit.
    pub fn change(&mut self, node: usize, change: impl FnOnce(&mut Node) -> Option<()>) -> bool {
        let before = self.nodes.clone();
        let kept = change(&mut self.nodes[node]).is_some() && self.follow(node);
        if !kept {
            self.nodes = before;
        }
        kept
    }

    fn follow(&mut self, from: usize) -> bool {
        for index in from..self.nodes.len() {
            let node = &self.nodes[index];
            if node.inputs.iter().any(|id| id.index() >= index) {
                return false;
            }
            if !node.op.is_leaf() {
                let Some(shape) = self.rule(&node.op, &node.inputs) else {
                    return false;
                };
                self.nodes[index].shape = shape;
            }
        }
        true
    }

    /// The graph as a file gives it, if it can be read and is valid.
    pub fn load(&self) -> Option<Graph> {
        let mut nodes = serde_json::to_value(&self.nodes).ok()?;
        overflow(&mut nodes);
        let graph: Graph = serde_json::from_value(json!({ "nodes": nodes })).ok()?;
        graph.validate().ok()?;
        Some(graph)
    }
}

/// What JSON has no number for is written as one that no `f32` holds.
fn overflow(value: &mut Value) {
    match value {
        Value::Null => *value = json!(1e300),
        Value::Array(values) => values.iter_mut().for_each(overflow),
        Value::Object(map) => map.values_mut().for_each(overflow),
        _ => {}
    }
}

/// The places of all numbers in a JSON value.
pub fn numbers(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Number(_) => vec![value],
        Value::Array(values) => values.iter_mut().flat_map(numbers).collect(),
        Value::Object(map) => map.values_mut().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}
