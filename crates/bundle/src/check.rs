//! Whether a manifest can be trusted: everything that can be checked without the weights.

use std::collections::HashMap;

use jingwei_data::prepare::TargetPreparation;
use jingwei_graph::{Dim, Graph, Op, Shape, Symbol};

use crate::{InputEntry, Limits, Manifest, OutputKind};

/// The cause if something is wrong.
type Checked = Result<(), String>;

impl Manifest {
    /// Checks everything that can be checked without the weights; the error is the cause.
    pub(crate) fn check(&self, limits: &Limits) -> Checked {
        if self.version == 0 {
            return Err("states version 0, which never was".to_owned());
        }
        let nodes = self.graph.nodes();
        if nodes.len() > limits.nodes {
            let most = limits.nodes;
            return Err(format!(
                "the graph has {} nodes, the limit is {most}",
                nodes.len()
            ));
        }
        self.graph.validate().map_err(|error| error.to_string())?;
        self.check_sizes(limits)?;
        self.check_tables(limits)?;
        self.check_inputs()?;
        self.check_outputs()?;
        if self.recorded.time > limits.time {
            let (found, most) = (self.recorded.time, limits.time);
            return Err(format!(
                "records sequences of {found} steps, the limit is {most}"
            ));
        }
        if self.inputs.iter().any(InputEntry::is_sequence) != (self.recorded.time > 0) {
            return Err(
                "the length of the recorded sequences is not stated, or there are none".to_owned(),
            );
        }
        if !(1..=limits.recorded_samples).contains(&self.recorded.samples) {
            let (found, most) = (self.recorded.samples, limits.recorded_samples);
            return Err(format!(
                "records {found} predictions, and 1 to {most} are allowed"
            ));
        }
        self.check_preparation()
    }

    /// Every value of the graph for one sample is small enough to be planned.
    fn check_sizes(&self, limits: &Limits) -> Checked {
        for (index, node) in self.graph.nodes().iter().enumerate() {
            let known = |dim: &Dim| match dim {
                Dim::Size(size) => *size as u64,
                Dim::Symbol(_) => 1,
            };
            let bytes = node.shape.0.iter().map(known);
            let bytes = bytes.fold(4u64, |product, size| product.saturating_mul(size.max(1)));
            if bytes > limits.tensor_bytes {
                let (shape, limit) = (&node.shape, limits.tensor_bytes);
                return Err(format!(
                    "graph node {index}: {shape} has over {limit} bytes a sample"
                ));
            }
        }
        Ok(())
    }

    /// Every parameter and state that the graph reads stands in its table, and the tables are bounded.
    fn check_tables(&self, limits: &Limits) -> Checked {
        let mut names = HashMap::new();
        let mut total = 0u64;
        let tables = [("parameters", &self.parameters), ("states", &self.states)];
        for (table, entries) in tables {
            for entry in entries {
                let bytes = entry.bytes().filter(|&bytes| bytes <= limits.tensor_bytes);
                total = bytes
                    .and_then(|bytes| total.checked_add(bytes))
                    .filter(|&total| total <= limits.memory_bytes)
                    .ok_or_else(|| format!("{table}: `{}` has too many values", entry.name))?;
                if names.insert(&*entry.name, (table, &entry.shape)).is_some() {
                    return Err(format!("{table}: `{}` is named twice", entry.name));
                }
            }
        }
        for node in self.graph.nodes() {
            let (table, name) = match &node.op {
                Op::Parameter(leaf) => ("parameters", &leaf.name),
                Op::State(leaf) => ("states", &leaf.name),
                _ => continue,
            };
            let expected = node.shape.sizes();
            let found = names.get(&**name).filter(|(own, _)| *own == table);
            if found.map(|(_, shape)| *shape) != expected.as_ref() {
                return Err(format!(
                    "{table}: `{name}` is not {} as in the graph",
                    node.shape
                ));
            }
        }
        Ok(())
    }

    fn check_inputs(&self) -> Checked {
        let found = inputs(&self.graph)?;
        if found.is_empty() {
            return Err("the graph has no input".to_owned());
        }
        if found != self.inputs {
            return Err(format!(
                "inputs: states {}, the graph has {}",
                list(&self.inputs),
                list(&found)
            ));
        }
        Ok(())
    }

    fn check_outputs(&self) -> Checked {
        if self.outputs.is_empty() || self.outputs.len() > MOST_OUTPUTS {
            return Err(format!(
                "has {} outputs, 1 to {MOST_OUTPUTS} are allowed",
                self.outputs.len()
            ));
        }
        for (index, output) in self.outputs.iter().enumerate() {
            let name = &output.name;
            if self.outputs[..index]
                .iter()
                .any(|other| other.name == *name)
            {
                return Err(format!("outputs: `{name}` is named twice"));
            }
            let Some(node) = self.graph.nodes().get(output.node.index()) else {
                return Err(format!(
                    "outputs: `{name}` is node {}, which is not there",
                    output.node.0
                ));
            };
            let shape = sample_shape(&node.shape).ok_or_else(|| {
                format!(
                    "outputs: `{name}` has the shape {}, not [batch, sizes…]",
                    node.shape
                )
            })?;
            if shape != output.shape || output.is_empty() {
                return Err(format!(
                    "outputs: `{name}` states {}, the graph has {}",
                    text(&output.shape),
                    text(&shape)
                ));
            }
        }
        Ok(())
    }

    fn check_preparation(&self) -> Checked {
        let Some(preparation) = &self.preparation else {
            return Ok(());
        };
        preparation.check().map_err(|error| error.to_string())?;
        let [input] = &self.inputs[..] else {
            return Err("a preparation is for one input, the graph has more".to_owned());
        };
        let shape = sample_dims(preparation);
        if shape != input.shape {
            let (given, read) = (text(&shape), text(&input.shape));
            return Err(format!(
                "the preparation gives {given}, the graph reads {read}"
            ));
        }
        let output = &self.outputs[0];
        let expected = match (output.kind, preparation.class_names().len()) {
            (OutputKind::Values, _) => match &preparation.targets {
                TargetPreparation::Values(columns) => columns.len(),
                _ => return Ok(()),
            },
            (OutputKind::Tags, _) if output.len() == 1 => return Ok(()),
            (_, 0) => return Ok(()),
            (_, classes) => classes,
        };
        let found = output.len();
        let single = output.kind == OutputKind::Probabilities && expected == 2 && found == 1;
        if found != expected && !single {
            let name = &output.name;
            return Err(format!(
                "outputs: `{name}` has {found} values for {expected} classes or targets"
            ));
        }
        Ok(())
    }
}

/// The sizes of a sample that a preparation gives.
fn sample_dims(preparation: &jingwei_data::Preparation) -> Vec<Dim> {
    let dim = |size: Option<usize>| size.map_or(Dim::Symbol(Symbol::Time), Dim::Size);
    preparation.sample_shape().into_iter().map(dim).collect()
}

/// Outputs that a bundle may have.
const MOST_OUTPUTS: usize = 64;

/// The sizes behind the batch, of which one may be the length of a sequence; `None` if the shape is of another form.
pub(crate) fn sample_shape(shape: &Shape) -> Option<Vec<Dim>> {
    let (first, rest) = shape.0.split_first()?;
    let is_time = |dim: &&Dim| **dim == Dim::Symbol(Symbol::Time);
    let is_fine = |dim: &Dim| matches!(dim, Dim::Size(_)) || is_time(&dim);
    let fits = *first == Dim::Symbol(Symbol::Batch)
        && rest.iter().all(is_fine)
        && rest.iter().filter(is_time).count() < 2;
    fits.then(|| rest.to_vec())
}

/// Sizes as people write them.
fn text(shape: &[Dim]) -> String {
    Shape(shape.to_vec()).to_string()
}

fn list(inputs: &[InputEntry]) -> String {
    let one = |input: &InputEntry| format!("`{}` {}", input.name, text(&input.shape));
    inputs.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The inputs of a graph, or why they are none of a bundle.
pub(crate) fn inputs(graph: &Graph) -> Result<Vec<InputEntry>, String> {
    let mut found = Vec::new();
    for node in graph.nodes() {
        if let Op::Input(input) = &node.op {
            let (name, shape) = (input.name.clone(), &node.shape);
            let shape = sample_shape(shape).ok_or_else(|| {
                format!("input `{name}` has the shape {shape}, not [batch, sizes…]")
            })?;
            found.push(InputEntry { name, shape });
        }
    }
    if let Some(empty) = found.iter().find(|input| input.is_empty()) {
        return Err(format!("input `{}` holds no values", empty.name));
    }
    Ok(found)
}
