//! Whether a manifest can be trusted: everything that can be checked without the weights.

use std::collections::{HashMap, HashSet};

use jingwei_bounds::product;
use jingwei_data::Preparation;
use jingwei_data::prepare::TargetPreparation;
use jingwei_graph::{Dim, Graph, Op, Shape, Symbol};

use crate::{InputEntry, Limits, Manifest, OutputKind, Recorded, RecordedRecords};

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
        self.check_readers(limits)?;
        self.check_sizes(limits)?;
        self.check_tables(limits)?;
        self.check_inputs()?;
        self.check_outputs()?;
        self.check_use()?;
        self.check_preparation()?;
        self.check_recorded(limits)
    }

    /// No value is read by very many nodes: planning looks at all of them for each.
    pub(crate) fn check_readers(&self, limits: &Limits) -> Checked {
        let nodes = self.graph.nodes();
        let mut readers = vec![0; nodes.len()];
        for input in nodes.iter().flat_map(|node| &node.inputs) {
            readers[input.index()] += 1;
        }
        match readers.iter().position(|&readers| readers > limits.readers) {
            None => Ok(()),
            Some(node) => {
                let (found, most) = (readers[node], limits.readers);
                Err(format!(
                    "graph node {node} is read {found} times, the limit is {most}"
                ))
            }
        }
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
            if let Some(same) = self.outputs[..index]
                .iter()
                .find(|other| other.node == output.node)
            {
                let other = &same.name;
                return Err(format!("outputs: `{name}` is the same node as `{other}`"));
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

    /// Nothing is there in vain: every node leads to an output, every tensor of the tables is read.
    fn check_use(&self) -> Checked {
        let nodes = self.graph.nodes();
        let mut used = vec![false; nodes.len()];
        for output in &self.outputs {
            used[output.node.index()] = true;
        }
        let mut read = HashSet::new();
        for (index, node) in nodes.iter().enumerate().rev() {
            if !used[index] {
                return Err(format!("graph node {index}: no output depends on it"));
            }
            node.inputs
                .iter()
                .for_each(|input| used[input.index()] = true);
            read.extend(node.op.leaf_name());
        }
        let tables = [("parameters", &self.parameters), ("states", &self.states)];
        for (table, entries) in tables {
            if let Some(entry) = entries.iter().find(|entry| !read.contains(&*entry.name)) {
                let name = &entry.name;
                return Err(format!("{table}: the graph does not read `{name}`"));
            }
        }
        Ok(())
    }

    /// What is recorded is bounded, and fits inputs and preparation.
    fn check_recorded(&self, limits: &Limits) -> Checked {
        let Recorded {
            samples,
            time,
            records,
            ..
        } = &self.recorded;
        if *time > limits.time {
            let most = limits.time;
            return Err(format!(
                "records sequences of {time} steps, the limit is {most}"
            ));
        }
        if self.inputs.iter().any(InputEntry::is_sequence) != (*time > 0) {
            return Err(
                "the length of the recorded sequences is not stated, or there are none".to_owned(),
            );
        }
        if !(1..=limits.recorded_samples).contains(samples) {
            let most = limits.recorded_samples;
            return Err(format!(
                "records {samples} predictions, and 1 to {most} are allowed"
            ));
        }
        let reads_text = self.preparation.as_ref().map(|own| own.text().is_some());
        match (records, reads_text) {
            (None, _) | (Some(RecordedRecords::Numbers), Some(false)) => {}
            (Some(RecordedRecords::Texts(texts)), Some(true)) if texts.len() == *samples => {}
            _ => return Err("the recorded records are not what the preparation reads".to_owned()),
        }
        match self.recorded_bytes() {
            Some(bytes) if bytes as u64 <= limits.recorded_bytes => Ok(()),
            _ => Err(format!(
                "records more than {} bytes of samples and predictions",
                limits.recorded_bytes
            )),
        }
    }

    /// The bytes of all recorded samples and predictions, if they can be counted.
    fn recorded_bytes(&self) -> Option<usize> {
        let time = self.recorded.time;
        let inputs = self.inputs.iter().map(|input| input.sizes(time));
        let outputs = self.outputs.iter().map(|output| output.sizes(time));
        let all = inputs.chain(outputs).chain(self.raw_shape());
        let one = all
            .map(product)
            .try_fold(0usize, |sum, len| sum.checked_add(len?))?;
        product([self.recorded.samples, one, size_of::<f32>()])
    }

    /// The sizes of the raw numbers of one recorded sample, if there are any.
    pub(crate) fn raw_shape(&self) -> Option<Vec<usize>> {
        let is_there = self.recorded.records == Some(RecordedRecords::Numbers);
        is_there.then(|| self.inputs[0].sizes(self.recorded.time))
    }

    fn check_preparation(&self) -> Checked {
        let Some(preparation) = &self.preparation else {
            return Ok(());
        };
        preparation.check().map_err(|error| error.to_string())?;
        check_prepared(preparation, &self.inputs)?;
        let output = &self.outputs[0];
        let (expected, kind) = match &preparation.targets {
            TargetPreparation::Classes(names) => (names.len(), OutputKind::Probabilities),
            TargetPreparation::Labels(names) => (names.len(), OutputKind::Labels),
            TargetPreparation::Tags(names) => (names.len(), OutputKind::Tags),
            TargetPreparation::Values(columns) => (columns.len(), OutputKind::Values),
            TargetPreparation::None => return Ok(()),
        };
        let (name, found) = (&output.name, output.len());
        if output.kind != kind {
            let found = output.kind;
            return Err(format!(
                "outputs: `{name}` holds {found:?} where the targets are {kind:?}"
            ));
        }
        let single = match kind {
            OutputKind::Probabilities => expected == 2 && found == 1,
            OutputKind::Tags => found == 1,
            OutputKind::Labels | OutputKind::Values => false,
        };
        if found != expected && !single {
            return Err(format!(
                "outputs: `{name}` has {found} values for {expected} classes or targets"
            ));
        }
        Ok(())
    }
}

/// A preparation gives what the one input reads.
pub(crate) fn check_prepared(preparation: &Preparation, inputs: &[InputEntry]) -> Checked {
    let [input] = inputs else {
        return Err("a preparation is for one input, the graph has more".to_owned());
    };
    let shape = sample_dims(preparation);
    if shape != input.shape {
        let (given, read) = (text(&shape), text(&input.shape));
        return Err(format!(
            "the preparation gives {given}, the graph reads {read}"
        ));
    }
    Ok(())
}

/// The sizes of a sample that a preparation gives.
fn sample_dims(preparation: &Preparation) -> Vec<Dim> {
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
