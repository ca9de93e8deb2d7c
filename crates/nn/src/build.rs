//! From layers to nodes of a graph.

use std::collections::HashMap;

use jingwei_bounds::product;
use jingwei_graph::limits::{MOST_NGRAM, MOST_VALUES};
use jingwei_graph::ops::{SelectIds, UnaryKind};
use jingwei_graph::{Dim, Graph, NodeId, Op, Shape};
use jingwei_random::stream;

use crate::layers::{Field, Padding, Regularizer};
use crate::{Error, Fans, Initializer, Place, Result, Sizes};

/// What a graph is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Dropout drops, batch normalisation uses the batch's own statistics, penalties are there.
    Training,
    /// Every sample's result depends on that sample alone.
    Inference,
}

/// A parameter of a network, as a graph holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSpec {
    /// The layer's name and the part, such as `conv2d_1/kernel`.
    pub name: String,
    /// The sizes.
    pub sizes: Vec<usize>,
    /// The node.
    pub node: NodeId,
    /// How the first values are drawn.
    pub initializer: Initializer,
    /// How many values come into and go out of one unit.
    pub fans: Fans,
    /// Whether weight decay applies: to kernels, not to biases nor to the scales and shifts of a normalisation.
    pub decay: bool,
    /// Whether training changes it.
    pub trainable: bool,
    /// Whether its gradients are row-sparse, where they can be; by its size, if nothing is said.
    pub row_sparse: Option<bool>,
    /// What is counted on the training data, or read for them, and takes the place of the first values.
    pub prior: Option<Prior>,
}

/// First values that come from the training data, or from a file for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prior {
    /// For each hashed n-gram and class, the log-count ratio of Naive Bayes times the inverse document frequency.
    NaiveBayes {
        /// The most tokens of an n-gram.
        ngrams: usize,
        /// The rows that n-grams are hashed to.
        buckets: usize,
        /// The tokens that n-grams are made of; without it, all.
        only: Option<SelectIds>,
    },
    /// For each word that a file has a vector for, that vector.
    Vectors {
        /// The file.
        path: String,
        /// The list of its words, for an `.npy` file.
        words: Option<String>,
    },
}

impl Prior {
    /// The files that the values come from, each with what it is.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::NaiveBayes {
                ngrams: _,
                buckets: _,
                only: _,
            } => Vec::new(),
            Self::Vectors { path, words } => {
                let words = words.as_deref().map(|words| ("list of words", words));
                std::iter::once(("word vectors", path.as_str()))
                    .chain(words)
                    .collect()
            }
        }
    }
}

impl ParameterSpec {
    /// The first values, which depend on the seed and the parameter's name alone.
    #[must_use]
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        self.initializer
            .values(&self.sizes, self.fans, seed, &self.name)
    }

    /// The number of values.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sizes.iter().product()
    }
}

/// A state of a network: values that a training step changes without a gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct StateSpec {
    /// The layer's name and the part, such as `batch_norm_1/statistics`.
    pub name: String,
    /// The sizes.
    pub sizes: Vec<usize>,
    /// The node.
    pub node: NodeId,
    /// The first value of every row; the first dimension counts the rows.
    pub rows: Vec<f32>,
}

impl StateSpec {
    /// The first values.
    #[must_use]
    pub fn initial(&self) -> Vec<f32> {
        let width: usize = self.sizes.iter().skip(1).product();
        self.rows
            .iter()
            .flat_map(|&value| std::iter::repeat_n(value, width))
            .collect()
    }
}

/// What building a network added to a graph.
///
/// The order of parameters and states is that of the layers, in training and at inference alike.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Built {
    /// The inputs with their names.
    pub inputs: Vec<(String, NodeId)>,
    /// The outputs.
    pub outputs: Vec<NodeId>,
    /// For each output that is a sequence with padding, which of its steps count: `[batch, time]` of 0 and 1.
    pub masks: Vec<Option<NodeId>>,
    /// For each output that is the emissions of a conditional random field, that field.
    pub fields: Vec<Option<Field>>,
    /// All parameters.
    pub parameters: Vec<ParameterSpec>,
    /// All states.
    pub states: Vec<StateSpec>,
    /// A state and the value it takes after the step; empty at inference.
    pub updates: Vec<(NodeId, NodeId)>,
    /// Numbers to be added to the loss; empty at inference.
    pub penalties: Vec<NodeId>,
}

impl Built {
    /// The parameters' nodes, in order, as automatic differentiation wants them.
    #[must_use]
    pub fn parameter_nodes(&self) -> Vec<NodeId> {
        self.parameters
            .iter()
            .map(|parameter| parameter.node)
            .collect()
    }
}

/// Adds one layer after another to a graph.
pub(crate) struct Builder<'a> {
    graph: &'a mut Graph,
    mode: Mode,
    layer: String,
    place: Place,
    /// Parameters and states that the graph already has, by name.
    leaves: HashMap<String, NodeId>,
    /// Which steps of a value's sequences count, for the values that have padding.
    masks: HashMap<NodeId, NodeId>,
    /// Conditional random fields by their emissions.
    fields: HashMap<NodeId, Field>,
    /// How many values the parameters and states have so far.
    values: usize,
    pub(crate) built: Built,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(graph: &'a mut Graph, mode: Mode) -> Self {
        let leaf = |id: NodeId| match &graph.node(id).op {
            op @ (Op::Parameter(_) | Op::State(_)) => Some((op.leaf_name()?.to_owned(), id)),
            _ => None,
        };
        let leaves = graph.ids().filter_map(leaf).collect();
        Self {
            graph,
            mode,
            layer: String::new(),
            place: "the network".into(),
            leaves,
            masks: HashMap::new(),
            fields: HashMap::new(),
            values: 0,
            built: Built::default(),
        }
    }

    /// Names the layer that is built from now on.
    pub(crate) fn enter(&mut self, layer: &str, place: Place) {
        self.graph.set_layer(layer);
        self.layer = layer.to_owned();
        self.place = place;
    }

    pub(crate) fn leave(&mut self) {
        self.graph.set_layer("");
    }

    pub(crate) fn input(&mut self, name: &str, sizes: &Sizes) -> NodeId {
        let node = self.graph.input(name, sizes.batch());
        self.built.inputs.push((name.to_owned(), node));
        node
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// What keys the random numbers of the layer.
    pub(crate) fn stream(&self) -> u64 {
        stream(&self.layer)
    }

    /// What keys the random numbers of a part of the layer.
    pub(crate) fn stream_of(&self, part: &str) -> u64 {
        stream(&format!("{}/{part}", self.layer))
    }

    pub(crate) fn shape(&self, x: NodeId) -> &Shape {
        self.graph.shape(x)
    }

    /// Which ids of the input `x` keeps, if it is a choice of them.
    pub(crate) fn selection(&self, x: NodeId) -> Option<SelectIds> {
        match &self.graph.node(x).op {
            Op::SelectIds(selection) => Some(*selection),
            _ => None,
        }
    }
}

/// What layers check.
impl Builder<'_> {
    pub(crate) fn expected(&self, expected: impl Into<String>, x: NodeId) -> Error {
        self.wrong(expected, self.shape(x).to_string())
    }

    pub(crate) fn wrong(&self, expected: impl Into<String>, found: String) -> Error {
        Error::Shape {
            place: self.place(),
            expected: expected.into(),
            found,
        }
    }

    pub(crate) fn one(&self, inputs: &[NodeId]) -> Result<NodeId> {
        match inputs {
            [x] => Ok(*x),
            _ => Err(self.wrong("one input", format!("{} inputs", inputs.len()))),
        }
    }

    pub(crate) fn several<'i>(&self, inputs: &'i [NodeId]) -> Result<(NodeId, &'i [NodeId])> {
        match inputs {
            [first, rest @ ..] if !rest.is_empty() => Ok((*first, rest)),
            _ => Err(self.wrong("two inputs or more", format!("{}", inputs.len()))),
        }
    }

    /// The dimensions of a sample.
    pub(crate) fn dims(&self, x: NodeId) -> &[Dim] {
        self.shape(x).0.get(1..).unwrap_or_default()
    }

    /// The sizes of a sample.
    pub(crate) fn sample(&self, x: NodeId) -> Result<Vec<usize>> {
        let shape = self.shape(x);
        let sizes: Option<Vec<usize>> = (1..shape.rank()).map(|axis| shape.size(axis)).collect();
        sizes.ok_or_else(|| self.expected("samples of known sizes", x))
    }

    /// The product of sizes, where a tensor may have so many values.
    pub(crate) fn count(&self, sizes: &[usize]) -> Result<usize> {
        let values = product(sizes.iter().copied()).filter(|&values| values <= MOST_VALUES);
        values.ok_or_else(|| {
            self.wrong(
                "fewer values than memory could ever hold",
                format!("the sizes {sizes:?}"),
            )
        })
    }

    /// Counts the values of another parameter or state: all of a network together are no more than one tensor's.
    fn count_leaf(&mut self, sizes: &[usize]) -> Result<()> {
        let count = self.count(sizes)?;
        self.values = (self.values.checked_add(count))
            .filter(|&values| values <= MOST_VALUES)
            .ok_or_else(|| {
                let found = format!("the sizes {sizes:?} after {} values", self.values);
                self.wrong("fewer parameters than memory could ever hold", found)
            })?;
        Ok(())
    }

    pub(crate) fn image(&self, x: NodeId) -> Result<[usize; 3]> {
        let sample = <[usize; 3]>::try_from(self.sample(x)?);
        sample.map_err(|_| self.expected("images [batch, height, width, channels]", x))
    }

    pub(crate) fn sequence(&self, x: NodeId) -> Result<[usize; 2]> {
        let sample = <[usize; 2]>::try_from(self.sample(x)?);
        sample.map_err(|_| self.expected("sequences [batch, length, channels]", x))
    }

    pub(crate) fn channels(&self, x: NodeId) -> Result<usize> {
        match self.dims(x).last() {
            Some(&Dim::Size(channels)) => Ok(channels),
            Some(Dim::Symbol(_)) => Err(self.expected("a known number of channels", x)),
            None => Err(self.expected("at least one value a sample", x)),
        }
    }

    /// Length and channels of sequences, whose length may be known only at run time.
    pub(crate) fn steps(&self, x: NodeId) -> Result<(Dim, usize)> {
        match *self.dims(x) {
            [length, Dim::Size(channels)] => Ok((length, channels)),
            _ => Err(self.expected("sequences [batch, length, channels]", x)),
        }
    }

    pub(crate) fn window_fits(
        &self,
        x: NodeId,
        image: [usize; 3],
        span: [usize; 2],
        padding: Padding,
    ) -> Result<()> {
        let [height, width, _] = image;
        let fits = padding == Padding::Same || (span[0] <= height && span[1] <= width);
        if fits && height > 0 && width > 0 {
            return Ok(());
        }
        let sequence = self.shape(x).rank() == 3 || (height == 1 && span[0] == 1);
        let expected = match sequence {
            true => format!(
                "at least {} values along the length for its window",
                span[1]
            ),
            false => format!("at least {} × {} values for its window", span[0], span[1]),
        };
        Err(self.expected(expected, x))
    }

    pub(crate) fn at_least_one(&self, setting: &'static str, value: usize) -> Result<()> {
        match value {
            0 => Err(self.setting(setting, "at least 1", value)),
            _ => Ok(()),
        }
    }

    /// The most tokens of an n-gram: each length has nodes of its own.
    pub(crate) fn ngrams(&self, ngrams: usize) -> Result<()> {
        match (1..=MOST_NGRAM).contains(&ngrams) {
            true => Ok(()),
            false => Err(self.setting("ngrams", "at least 1 and at most 256", ngrams)),
        }
    }

    pub(crate) fn positive(&self, setting: &'static str, value: f32) -> Result<()> {
        match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(self.setting(setting, "greater than 0", value)),
        }
    }

    fn setting(
        &self,
        setting: &'static str,
        expected: &'static str,
        found: impl ToString,
    ) -> Error {
        Error::Setting {
            place: self.place(),
            setting,
            expected,
            found: found.to_string(),
        }
    }
}

/// What layers add.
impl Builder<'_> {
    pub(crate) fn add(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        self.graph
            .add(op.into(), inputs)
            .map_err(|error| Error::graph(&self.place, error))
    }

    fn with(
        &mut self,
        add: impl FnOnce(&mut Graph) -> jingwei_graph::Result<NodeId>,
    ) -> Result<NodeId> {
        add(self.graph).map_err(|error| Error::graph(&self.place, error))
    }

    /// A number as a node.
    pub(crate) fn number(&mut self, value: f32) -> Result<NodeId> {
        self.with(|graph| Ok(graph.constant(value)))
    }

    pub(crate) fn matmul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.with(|graph| graph.matmul(a, b))
    }

    pub(crate) fn unary(&mut self, kind: UnaryKind, x: NodeId) -> Result<NodeId> {
        self.with(|graph| graph.unary(kind, x))
    }

    pub(crate) fn softmax(&mut self, x: NodeId) -> Result<NodeId> {
        self.with(|graph| graph.softmax(x))
    }

    pub(crate) fn sum(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.with(|graph| graph.add_values(a, b))
    }

    /// Samples of other sizes.
    pub(crate) fn reshape(&mut self, x: NodeId, sizes: impl Into<Sizes>) -> Result<NodeId> {
        let shape = sizes.into().batch();
        self.with(|graph| graph.reshape(x, shape))
    }

    /// A tensor without a batch, of other sizes.
    pub(crate) fn reshape_whole(&mut self, x: NodeId, sizes: &[usize]) -> Result<NodeId> {
        self.with(|graph| graph.reshape(x, Shape::fixed(sizes)))
    }

    /// A sequence from images of height 1.
    pub(crate) fn without_height(&mut self, x: NodeId) -> Result<NodeId> {
        let sizes = self.dims(x).get(1..).unwrap_or_default().to_vec();
        self.reshape(x, sizes)
    }

    /// Which steps of the sequences of `x` count, `[batch, time]` of 0 and 1; none where all do.
    pub(crate) fn mask(&self, x: NodeId) -> Option<NodeId> {
        self.masks.get(&x).copied()
    }

    /// Sequences with zeros at the steps that do not count.
    pub(crate) fn masked(&mut self, x: NodeId, mask: NodeId) -> Result<NodeId> {
        let mut column = self.shape(mask).clone();
        column.0.push(Dim::Size(1));
        let y = self.with(|graph| {
            let mask = graph.reshape(mask, column)?;
            graph.multiply(x, mask)
        })?;
        self.set_mask(y, mask);
        Ok(y)
    }

    /// The conditional random field that `x` are the emissions of.
    pub(crate) fn field(&self, x: NodeId) -> Option<Field> {
        self.fields.get(&x).copied()
    }

    pub(crate) fn set_field(&mut self, x: NodeId, field: Field) {
        self.fields.insert(x, field);
    }

    /// Says which steps of the sequences of `x` count.
    pub(crate) fn set_mask(&mut self, x: NodeId, mask: NodeId) {
        self.masks.insert(x, mask);
    }

    /// What a layer makes of sequences counts where they do, as long as it still has their steps.
    pub(crate) fn pass_mask(&mut self, inputs: &[NodeId], y: NodeId) {
        let mask = inputs.iter().find_map(|&input| self.mask(input));
        let Some(mask) = mask.filter(|_| !self.masks.contains_key(&y)) else {
            return;
        };
        if self.shape(y).rank() > 2 && self.shape(y).0.starts_with(&self.shape(mask).0) {
            self.set_mask(y, mask);
        }
    }

    pub(crate) fn kernel(
        &mut self,
        sizes: &[usize],
        initializer: Initializer,
        regularizer: Regularizer,
    ) -> Result<NodeId> {
        initializer.check(&self.place, "kernel_initializer")?;
        let kernel = self.parameter("kernel", sizes, initializer, true)?;
        self.penalty(kernel, regularizer)?;
        Ok(kernel)
    }

    pub(crate) fn bias(
        &mut self,
        x: NodeId,
        size: usize,
        initializer: Initializer,
    ) -> Result<NodeId> {
        initializer.check(&self.place, "bias_initializer")?;
        let bias = self.parameter("bias", &[size], initializer, false)?;
        self.sum(x, bias)
    }

    pub(crate) fn parameter(
        &mut self,
        part: &str,
        sizes: &[usize],
        initializer: Initializer,
        decay: bool,
    ) -> Result<NodeId> {
        self.count_leaf(sizes)?;
        let name = format!("{}/{part}", self.layer);
        let node = self.leaf(&name, sizes, |graph, name| graph.parameter(name, sizes))?;
        let (sizes, fans) = (sizes.to_vec(), Fans::of(sizes));
        self.built.parameters.push(ParameterSpec {
            name,
            sizes,
            node,
            initializer,
            fans,
            decay,
            trainable: true,
            row_sparse: None,
            prior: None,
        });
        Ok(node)
    }

    pub(crate) fn state(&mut self, part: &str, sizes: &[usize], rows: &[f32]) -> Result<NodeId> {
        self.count_leaf(sizes)?;
        let name = format!("{}/{part}", self.layer);
        let node = self.leaf(&name, sizes, |graph, name| graph.state(name, sizes))?;
        self.built.states.push(StateSpec {
            name,
            sizes: sizes.to_vec(),
            node,
            rows: rows.to_vec(),
        });
        Ok(node)
    }

    /// A leaf of the graph; one of the same name that is already there is shared.
    fn leaf(
        &mut self,
        name: &str,
        sizes: &[usize],
        add: impl FnOnce(&mut Graph, &str) -> NodeId,
    ) -> Result<NodeId> {
        let Some(&node) = self.leaves.get(name) else {
            let node = add(self.graph, name);
            self.leaves.insert(name.to_owned(), node);
            return Ok(node);
        };
        match self.shape(node) == &Shape::fixed(sizes) {
            true => Ok(node),
            false => Err(self.expected(
                format!("`{name}` of the sizes {}, to share it", Shape::fixed(sizes)),
                node,
            )),
        }
    }

    /// average ← momentum · average + (1 − momentum) · new, after each step.
    pub(crate) fn running_average(
        &mut self,
        average: NodeId,
        new: NodeId,
        momentum: f32,
    ) -> Result<()> {
        let next = self.with(|graph| {
            let kept = graph.scale(average, momentum)?;
            let added = graph.scale(new, 1.0 - momentum)?;
            graph.add_values(kept, added)
        })?;
        self.built.updates.push((average, next));
        Ok(())
    }

    pub(crate) fn penalty(
        &mut self,
        kernel: NodeId,
        Regularizer { l1, l2 }: Regularizer,
    ) -> Result<()> {
        for (setting, factor, kind) in [("l1", l1, UnaryKind::Abs), ("l2", l2, UnaryKind::Square)] {
            if !(factor >= 0.0 && factor.is_finite()) {
                return Err(self.setting(setting, "at least 0", factor));
            }
            if factor > 0.0 && self.mode == Mode::Training {
                let penalty = self.with(|graph| {
                    let sizes = graph.unary(kind, kernel)?;
                    let sum = graph.sum_all(sizes)?;
                    graph.scale(sum, factor)
                })?;
                self.built.penalties.push(penalty);
            }
        }
        Ok(())
    }
}
