//! What recurrent layers have in common.

use jingwei_graph::ops::{self, BinaryKind, GateActivation, RecurrentCell};
use jingwei_graph::{Dim, NodeId, Shape};
use serde::{Deserialize, Serialize};

use super::{Activation, Builder, Dropout, Regularizer};
use crate::{Error, Initializer, Mode, Result};

/// How the two directions of a bidirectional layer become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// The forward states, then the backward ones: twice the units.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their mean.
    Ave,
    /// Their product, value by value.
    Mul,
}

impl Merge {
    pub(super) fn is_concat(&self) -> bool {
        *self == Self::Concat
    }
}

/// The settings of a recurrent layer, whatever its cell.
pub(super) struct Recurrent<'a> {
    pub cell: RecurrentCell,
    pub units: usize,
    pub activation: Activation,
    pub recurrent_activation: Activation,
    pub use_bias: bool,
    pub return_sequences: bool,
    pub go_backwards: bool,
    pub dropout: f32,
    pub recurrent_dropout: f32,
    pub bidirectional: bool,
    pub merge: Merge,
    pub kernel_initializer: &'a Initializer,
    pub recurrent_initializer: &'a Initializer,
    pub bias_initializer: &'a Initializer,
    pub kernel_regularizer: Regularizer,
}

impl Recurrent<'_> {
    pub fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.at_least_one("units", self.units)?;
        for (setting, rate) in [
            ("dropout", self.dropout),
            ("recurrent_dropout", self.recurrent_dropout),
        ] {
            Dropout::new(rate).check_setting(builder, setting)?;
        }
        let forward = self.direction(builder, x, "", self.go_backwards)?;
        if !self.bidirectional {
            return Ok(forward);
        }
        let backward = self.direction(builder, x, "backward_", !self.go_backwards)?;
        let binary = |kind| ops::Binary { kind };
        let pair = [forward, backward];
        match self.merge {
            Merge::Concat => {
                let axis = builder.shape(forward).rank() - 1;
                builder.add(ops::Concat { axis }, &pair)
            }
            Merge::Sum => builder.add(binary(BinaryKind::Add), &pair),
            Merge::Mul => builder.add(binary(BinaryKind::Mul), &pair),
            Merge::Ave => {
                let sum = builder.add(binary(BinaryKind::Add), &pair)?;
                let half = builder.number(0.5)?;
                builder.add(binary(BinaryKind::Mul), &[sum, half])
            }
        }
    }

    /// One direction: a product for all steps, then the walk.
    fn direction(
        &self,
        builder: &mut Builder<'_>,
        x: NodeId,
        prefix: &str,
        reverse: bool,
    ) -> Result<NodeId> {
        let (_, features) = builder.steps(x)?;
        let (batch, mask) = (builder.shape(x).0[0], builder.mask(x));
        let columns = builder.count(&[self.units, self.cell.gates()])?;
        let kernel = self.parameter(
            builder,
            &format!("{prefix}kernel"),
            &[features, columns],
            ("kernel_initializer", self.kernel_initializer),
        )?;
        builder.penalty(kernel, self.kernel_regularizer)?;
        let recurrent_kernel = self.parameter(
            builder,
            &format!("{prefix}recurrent_kernel"),
            &[self.units, columns],
            ("recurrent_initializer", self.recurrent_initializer),
        )?;
        let [bias, recurrent_bias] = self.biases(builder, prefix, columns)?;

        let dropped = |builder: &mut Builder<'_>, rate, part: &str, dims| {
            let part = format!("{prefix}{part}");
            factors(builder, rate, &part, Shape(dims))
        };
        let inputs = vec![batch, Dim::Size(1), features.into()];
        let x = match dropped(builder, self.dropout, "dropout", inputs)? {
            Some(factors) => {
                let kind = BinaryKind::Mul;
                builder.add(ops::Binary { kind }, &[x, factors])?
            }
            None => x,
        };
        let states = vec![batch, self.units.into()];
        let factors = dropped(builder, self.recurrent_dropout, "recurrent_dropout", states)?;
        let product = builder.matmul(x, kernel)?;
        let product = match bias {
            Some(bias) => builder.sum(product, bias)?,
            None => product,
        };
        let op = ops::Recurrent {
            cell: self.cell,
            activation: gate(builder, "activation", self.activation)?,
            recurrent_activation: gate(builder, "recurrent_activation", self.recurrent_activation)?,
            reverse,
            sequence: self.return_sequences,
            dropped: factors.is_some(),
        };
        let operands = [
            Some(product),
            Some(recurrent_kernel),
            recurrent_bias,
            mask,
            factors,
        ];
        let operands: Vec<NodeId> = operands.into_iter().flatten().collect();
        builder.add(op, &operands)
    }

    fn parameter(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        sizes: &[usize],
        (setting, initializer): (&'static str, &Initializer),
    ) -> Result<NodeId> {
        initializer.check(&builder.place(), setting)?;
        let decay = sizes.len() > 1 && setting != "bias_initializer";
        builder.parameter(part, sizes, *initializer, decay)
    }

    /// The bias of the product with the inputs and that of the product with the state; where the cell has both, they are
    /// the two rows of one parameter, as in Keras.
    fn biases(
        &self,
        builder: &mut Builder<'_>,
        prefix: &str,
        columns: usize,
    ) -> Result<[Option<NodeId>; 2]> {
        let part = format!("{prefix}bias");
        let initializer = ("bias_initializer", self.bias_initializer);
        match (self.use_bias, self.cell.has_bias()) {
            (true, false) => {
                let bias = self.parameter(builder, &part, &[columns], initializer)?;
                Ok([Some(bias), None])
            }
            (true, true) => {
                let rows = self.parameter(builder, &part, &[2, columns], initializer)?;
                let mut row = |start| {
                    let (axis, len) = (0, 1);
                    let row = builder.add(ops::Slice { axis, start, len }, &[rows])?;
                    builder.reshape_whole(row, &[columns])
                };
                Ok([Some(row(0)?), Some(row(1)?)])
            }
            (false, false) => Ok([None, None]),
            (false, true) => {
                let zero = builder.number(0.0)?;
                let zero = builder.reshape_whole(zero, &[1])?;
                let (shape, average) = (Shape::fixed(&[columns]), false);
                let zeros = builder.add(ops::BroadcastTo { shape, average }, &[zero])?;
                Ok([None, Some(zeros)])
            }
        }
    }
}

/// In training, one random factor for each value of `shape`, the same at all steps of a sequence.
fn factors(
    builder: &mut Builder<'_>,
    rate: f32,
    part: &str,
    shape: Shape,
) -> Result<Option<NodeId>> {
    if rate == 0.0 || builder.mode() == Mode::Inference {
        return Ok(None);
    }
    let one = builder.number(1.0)?;
    let one = builder.reshape_whole(one, &vec![1; shape.rank()])?;
    let average = false;
    let ones = builder.add(ops::BroadcastTo { shape, average }, &[one])?;
    let stream = builder.stream_of(part);
    builder
        .add(ops::Dropout { rate, stream }, &[ones])
        .map(Some)
}

fn gate(
    builder: &Builder<'_>,
    setting: &'static str,
    activation: Activation,
) -> Result<GateActivation> {
    match activation {
        Activation::Tanh => Ok(GateActivation::Tanh),
        Activation::Sigmoid => Ok(GateActivation::Sigmoid),
        Activation::Relu => Ok(GateActivation::Relu),
        Activation::Linear => Ok(GateActivation::Linear),
        other => Err(Error::Setting {
            place: builder.place(),
            setting,
            expected: "tanh, sigmoid, relu or linear",
            found: format!("{other:?}"),
        }),
    }
}

/// Declares a recurrent layer: the settings that all have, then its own.
macro_rules! recurrent_layer {
    (
        $(#[$doc:meta])* $name:ident;
        $([$gates:ident])?
        $($(#[$field_doc:meta])* $field:ident: bool;)*
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The length of the state.
            pub units: usize,
            /// a; tanh by default. It can be `tanh`, `sigmoid`, `relu` or `linear`.
            #[serde(default = "settings::tanh", skip_serializing_if = "settings::is_tanh")]
            pub activation: Activation,
            $(
                /// g; sigmoid by default.
                #[serde(default = "settings::sigmoid", skip_serializing_if = "settings::is_sigmoid")]
                pub $gates: Activation,
            )?
            $(
                $(#[$field_doc])*
                #[serde(default = "settings::yes", skip_serializing_if = "settings::is_yes")]
                pub $field: bool,
            )*
            /// Whether b is there; true by default.
            #[serde(default = "settings::yes", skip_serializing_if = "settings::is_yes")]
            pub use_bias: bool,
            /// The states of all steps instead of the last alone; false by default.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub return_sequences: bool,
            /// From the last step to the first, false by default. Each step's state stays at that step's place, where Keras
            /// turns the sequence around.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub go_backwards: bool,
            /// Two such layers, one in each direction, each with parameters of its own; false by default.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub bidirectional: bool,
            /// How the two directions become one; `concat` by default.
            #[serde(default, skip_serializing_if = "Merge::is_concat")]
            pub merge: Merge,
            /// The share of input channels that are zero in training, the same at all steps of a sequence; 0 by default.
            #[serde(default, skip_serializing_if = "settings::is_zero_rate")]
            pub dropout: f32,
            /// The share of values of the state that enter a step as zeros in training, the same at all steps of a sequence
            /// (Gal & Ghahramani 2016); 0 by default.
            #[serde(default, skip_serializing_if = "settings::is_zero_rate")]
            pub recurrent_dropout: f32,
            /// The first values of W; Glorot's uniform ones by default.
            #[serde(default = "settings::glorot", skip_serializing_if = "settings::is_glorot")]
            pub kernel_initializer: Initializer,
            /// The first values of U; orthogonal ones by default.
            #[serde(default = "settings::orthogonal", skip_serializing_if = "settings::is_orthogonal")]
            pub recurrent_initializer: Initializer,
            /// The first values of b; zeros by default.
            #[serde(default = "settings::zeros", skip_serializing_if = "settings::is_zeros")]
            pub bias_initializer: Initializer,
            /// A penalty on W; none by default.
            #[serde(default, skip_serializing_if = "Regularizer::is_none")]
            pub kernel_regularizer: Regularizer,
        }

        impl $name {
            /// A layer of `units` with the defaults.
            #[must_use]
            pub fn new(units: usize) -> Self {
                Self {
                    units,
                    activation: Activation::Tanh,
                    $($gates: Activation::Sigmoid,)?
                    $($field: true,)*
                    use_bias: true,
                    return_sequences: false,
                    go_backwards: false,
                    bidirectional: false,
                    merge: Merge::Concat,
                    dropout: 0.0,
                    recurrent_dropout: 0.0,
                    kernel_initializer: Initializer::GlorotUniform,
                    recurrent_initializer: settings::orthogonal(),
                    bias_initializer: Initializer::Zeros,
                    kernel_regularizer: Regularizer::default(),
                }
            }

            $(
                /// With another g.
                #[must_use]
                pub fn $gates(mut self, activation: Activation) -> Self {
                    self.$gates = activation;
                    self
                }
            )?

            $(
                $(#[$field_doc])*
                #[must_use]
                pub fn $field(mut self, $field: bool) -> Self {
                    self.$field = $field;
                    self
                }
            )*

            /// With the states of all steps.
            #[must_use]
            pub fn return_sequences(mut self) -> Self {
                self.return_sequences = true;
                self
            }

            /// From the last step to the first.
            #[must_use]
            pub fn go_backwards(mut self) -> Self {
                self.go_backwards = true;
                self
            }

            /// In both directions.
            #[must_use]
            pub fn bidirectional(mut self) -> Self {
                self.bidirectional = true;
                self
            }

            /// With another way to make one of two directions.
            #[must_use]
            pub fn merge(mut self, merge: Merge) -> Self {
                self.merge = merge;
                self
            }

            /// With a share of input channels that are zero in training.
            #[must_use]
            pub fn dropout(mut self, rate: f32) -> Self {
                self.dropout = rate;
                self
            }

            /// With a share of the state that is zero in training.
            #[must_use]
            pub fn recurrent_dropout(mut self, rate: f32) -> Self {
                self.recurrent_dropout = rate;
                self
            }

            /// With other first values of the recurrent kernel.
            #[must_use]
            pub fn recurrent_initializer(mut self, initializer: Initializer) -> Self {
                self.recurrent_initializer = initializer;
                self
            }

            settings::setters!();

            /// What all cells have in common; with gates and biases as they are by default.
            fn recurrent(&self, cell: RecurrentCell) -> Recurrent<'_> {
                Recurrent {
                    cell,
                    units: self.units,
                    activation: self.activation,
                    recurrent_activation: Activation::Sigmoid,
                    use_bias: self.use_bias,
                    return_sequences: self.return_sequences,
                    go_backwards: self.go_backwards,
                    dropout: self.dropout,
                    recurrent_dropout: self.recurrent_dropout,
                    bidirectional: self.bidirectional,
                    merge: self.merge,
                    kernel_initializer: &self.kernel_initializer,
                    recurrent_initializer: &self.recurrent_initializer,
                    bias_initializer: &self.bias_initializer,
                    kernel_regularizer: self.kernel_regularizer,
                }
            }
        }
    };
}

pub(super) use recurrent_layer;
