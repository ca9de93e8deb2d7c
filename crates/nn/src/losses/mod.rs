//! Losses: one value a sample, from what the network gives and what it should give.
//!
//! The cross-entropies take logits, the values before a softmax or sigmoid, which is exact and stable where a probability
//! of 0 would be neither; [`Loss::predictions`] adds the function for whoever wants probabilities.

mod absolute;
mod binary_crossentropy;
mod categorical_crossentropy;
mod huber;
mod reduction;
mod sparse_categorical_crossentropy;
mod squared;

use jingwei_graph::ops::{CompareKind, ReduceKind, UnaryKind};
use jingwei_graph::{Graph, NodeId, Shape};
use serde::{Deserialize, Serialize};

pub use absolute::MeanAbsoluteError;
pub use binary_crossentropy::BinaryCrossEntropy;
pub use categorical_crossentropy::CategoricalCrossEntropy;
pub use huber::Huber;
pub use reduction::{class_weights, mean_loss, total_loss};
pub use sparse_categorical_crossentropy::SparseCategoricalCrossEntropy;
pub use squared::MeanSquaredError;

use crate::named::by_name;
use crate::{Activation, Error, Place, Result};

/// What training minimises.
///
/// In a recipe a bare name stands for the defaults: `"mse"`, `{ huber = { delta = 0.5 } }`. Keras's spellings
/// (`sparse_categorical_crossentropy`, `mean_squared_error`) are understood too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
#[expect(missing_docs, reason = "each variant's type is documented")]
pub enum Loss {
    #[serde(alias = "mean_squared_error")]
    Mse(MeanSquaredError),
    #[serde(alias = "mean_absolute_error")]
    Mae(MeanAbsoluteError),
    Huber(Huber),
    #[serde(alias = "binary_crossentropy")]
    BinaryCrossEntropy(BinaryCrossEntropy),
    #[serde(alias = "categorical_crossentropy")]
    CategoricalCrossEntropy(CategoricalCrossEntropy),
    #[serde(alias = "sparse_categorical_crossentropy")]
    SparseCategoricalCrossEntropy(SparseCategoricalCrossEntropy),
}

by_name!(Loss, "the name of a loss");

/// What every loss can do.
trait Build {
    /// Adds the loss of every sample.
    fn build(&self, context: &mut Context<'_>, output: NodeId, targets: NodeId) -> Result<NodeId>;

    /// The function between the network's outputs and predictions.
    fn output_activation(&self) -> Activation {
        Activation::Linear
    }

    /// The shape of the targets for an output.
    fn target_shape(&self, output: &Shape) -> Shape {
        output.clone()
    }
}

macro_rules! losses {
    ($($variant:ident $type:ident $text:literal),* $(,)?) => {
        impl Loss {
            /// The name, as in a recipe.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $text),*
                }
            }

            fn rules(&self) -> &dyn Build {
                match self {
                    $(Self::$variant(loss) => loss),*
                }
            }
        }

        $(impl From<$type> for Loss {
            fn from(loss: $type) -> Self {
                Self::$variant(loss)
            }
        })*
    };
}

losses! {
    Mse MeanSquaredError "mse",
    Mae MeanAbsoluteError "mae",
    Huber Huber "huber",
    BinaryCrossEntropy BinaryCrossEntropy "binary_cross_entropy",
    CategoricalCrossEntropy CategoricalCrossEntropy "categorical_cross_entropy",
    SparseCategoricalCrossEntropy SparseCategoricalCrossEntropy "sparse_categorical_cross_entropy",
}

impl Loss {
    /// Adds the loss of every sample, `[batch]`, from a network's output and the targets of [`Loss::target_shape`].
    ///
    /// Where an output is `[batch, 1]`, targets may also be `[batch]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the two do not fit, [`Error::Setting`] for a setting out of its range.
    pub fn build(&self, graph: &mut Graph, output: NodeId, targets: NodeId) -> Result<NodeId> {
        self.build_masked(graph, output, targets, None)
    }

    /// As [`Loss::build`]; of an output that is a sequence, those steps alone count where the mask `[batch, time]` is not
    /// 0. A sample's loss is the mean over them, 0 where there are none.
    ///
    /// # Errors
    /// As [`Loss::build`].
    pub fn build_masked(
        &self,
        graph: &mut Graph,
        output: NodeId,
        targets: NodeId,
        mask: Option<NodeId>,
    ) -> Result<NodeId> {
        graph.set_layer("loss");
        let mut context = Context {
            graph,
            place: format!("loss `{}`", self.name()).into(),
            mask,
        };
        let loss = self.rules().build(&mut context, output, targets);
        graph.set_layer("");
        loss
    }

    /// The shape of the targets for an output: the same, or `[batch]` of class numbers.
    #[must_use]
    pub fn target_shape(&self, output: &Shape) -> Shape {
        self.rules().target_shape(output)
    }

    /// The function between the network's outputs and predictions: softmax, sigmoid, or none.
    #[must_use]
    pub fn output_activation(&self) -> Activation {
        self.rules().output_activation()
    }

    /// Adds predictions: probabilities where the loss takes logits, the output itself otherwise.
    ///
    /// # Errors
    /// [`Error::Graph`] if the output has no dimension.
    pub fn predictions(&self, graph: &mut Graph, output: NodeId) -> Result<NodeId> {
        let predictions = match self.output_activation() {
            Activation::Softmax => graph.softmax(output),
            Activation::Sigmoid => graph.unary(UnaryKind::Sigmoid, output),
            _ => Ok(output),
        };
        predictions.map_err(|error| Error::graph(&"predictions".into(), error))
    }
}

/// The graph that a loss is added to, and how its errors name it.
struct Context<'a> {
    graph: &'a mut Graph,
    place: Place,
    /// Which steps count.
    mask: Option<NodeId>,
}

impl Context<'_> {
    fn with(
        &mut self,
        add: impl FnOnce(&mut Graph) -> jingwei_graph::Result<NodeId>,
    ) -> Result<NodeId> {
        add(self.graph).map_err(|error| Error::graph(&self.place, error))
    }

    /// Targets of the output's shape; from `[batch]` for `[batch, 1]`.
    fn same_shape(&mut self, output: NodeId, targets: NodeId) -> Result<NodeId> {
        let (to, from) = (
            self.graph.shape(output).clone(),
            self.graph.shape(targets).clone(),
        );
        if to == from {
            return Ok(targets);
        }
        if to.rank() == 2 && to.size(1) == Some(1) && from.0 == to.0[..1] {
            return self.with(|graph| graph.reshape(targets, to));
        }
        let expected = format!("targets of the output's shape {to}");
        Err(Error::Shape {
            place: self.place.clone(),
            expected,
            found: from.to_string(),
        })
    }

    /// The mean of all values of a sample, or of those whose step counts.
    fn mean_of_sample(&mut self, values: NodeId) -> Result<NodeId> {
        let shape = self.graph.shape(values).clone();
        let steps = |mask: &NodeId| shape.0.starts_with(&self.graph.shape(*mask).0);
        let mean = |graph: &mut Graph, values, from: usize| {
            let axes: Vec<usize> = (from..graph.shape(values).rank()).collect();
            match axes.as_slice() {
                [] => Ok(values),
                axes => graph.reduce(ReduceKind::Mean, values, axes, false),
            }
        };
        match self.mask.filter(steps) {
            None => self.with(|graph| mean(graph, values, 1)),
            Some(mask) => self.with(|graph| {
                let values = mean(graph, values, 2)?;
                let zero = graph.constant(0.0);
                let values = graph.where_(mask, values, zero)?;
                let one = graph.constant(1.0);
                let counted = graph.compare(CompareKind::NotEqual, mask, zero)?;
                let count = graph.reduce(ReduceKind::Sum, counted, &[1], false)?;
                let count = graph.maximum(count, one)?;
                let sum = graph.reduce(ReduceKind::Sum, values, &[1], false)?;
                graph.divide(sum, count)
            }),
        }
    }

    fn check_smoothing(&self, smoothing: f32) -> Result<()> {
        match (0.0..1.0).contains(&smoothing) {
            true => Ok(()),
            false => Err(self.setting("label_smoothing", "at least 0 and less than 1", smoothing)),
        }
    }

    fn setting(&self, setting: &'static str, expected: &'static str, found: f32) -> Error {
        Error::Setting {
            place: self.place.clone(),
            setting,
            expected,
            found: found.to_string(),
        }
    }
}
