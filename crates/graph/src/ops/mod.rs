//! The canonical operators, one file each: shape rule, plain reference loop, gradient rule.
//!
//! The set is closed, in the sense of ONNX: back ends, exporters and the differentiation know these and nothing else.
//! Fused operators exist only inside the engine's lowering.

mod add_positions;
mod add_sinusoids;
mod attention;
mod attention_grad;
mod avg_pool2d;
mod batch_norm;
mod binary;
mod broadcast_to;
mod check;
mod compare;
mod concat;
mod conv2d;
mod conv2d_grad_filter;
mod conv2d_grad_input;
mod crf;
mod dropout;
mod gather;
mod layer_norm;
mod leaf;
mod log_softmax;
mod matmul;
mod max_over_time;
mod max_pool2d;
mod ngram_hash;
mod number;
mod pad;
mod recurrent;
mod recurrent_grad;
mod recurrent_steps;
mod reduce;
mod reshape;
mod rms_norm;
mod rotary_embedding;
mod select_ids;
mod slice;
mod soft_cross_entropy;
mod softmax;
mod sparse_cross_entropy;
mod stop_gradient;
mod transpose;
mod unary;
mod window;

use serde::{Deserialize, Serialize};

pub use add_positions::{AddPositions, AddPositionsGrad};
pub use add_sinusoids::AddSinusoids;
pub use attention::Attention;
pub use attention_grad::{AttentionGradKey, AttentionGradQuery, AttentionGradValue};
pub use avg_pool2d::{AvgPool2d, AvgPool2dGrad};
pub use batch_norm::{BatchNorm, BatchNormGradInput, BatchNormGradParameters, BatchStatistics};
pub use binary::{Binary, BinaryKind};
pub use broadcast_to::BroadcastTo;
pub use compare::{Compare, CompareKind, Where};
pub use concat::Concat;
pub use conv2d::{Conv2d, ConvAttributes};
pub use conv2d_grad_filter::Conv2dGradFilter;
pub use conv2d_grad_input::Conv2dGradInput;
pub use crf::{CrfEmissionsGrad, CrfLoss, CrfMarginals, CrfScoresGrad, ViterbiDecode};
pub use dropout::Dropout;
pub use gather::{Gather, GatherGrad};
pub use layer_norm::{LayerNorm, LayerNormGradInput, LayerNormGradParameters};
pub use leaf::{Constant, Input, Parameter, State};
pub use log_softmax::{LogSoftmax, LogSoftmaxGrad};
pub use matmul::MatMul;
pub use max_over_time::{MaxOverTime, MaxOverTimeGrad};
pub use max_pool2d::{MaxPool2d, MaxPool2dGrad};
pub use ngram_hash::NgramHash;
pub use pad::Pad;
pub use recurrent::{GateActivation, Recurrent, RecurrentCell};
pub use recurrent_grad::{RecurrentGrad, RecurrentOperand};
pub use reduce::{Reduce, ReduceKind};
pub use reshape::Reshape;
pub use rms_norm::{RmsNorm, RmsNormGradInput, RmsNormGradScale};
pub use rotary_embedding::RotaryEmbedding;
pub use select_ids::SelectIds;
pub use slice::Slice;
pub use soft_cross_entropy::{SoftCrossEntropy, SoftCrossEntropyGrad};
pub use softmax::{Softmax, SoftmaxGrad};
pub use sparse_cross_entropy::{SparseCrossEntropy, SparseCrossEntropyGrad};
pub use stop_gradient::StopGradient;
pub use transpose::Transpose;
pub use unary::{Unary, UnaryGrad, UnaryKind};
pub use window::Window;

use crate::{Graph, NodeId, Result, RunContext, Shape, Tensor};

/// What every operator can do.
pub trait Operator {
    /// The shape of the result.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if the inputs do not fit.
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape>;

    /// The plain reference loop: writes every value of `output`, whose sizes are `shape`.
    fn evaluate(
        &self,
        inputs: &[Tensor<'_>],
        shape: &[usize],
        output: &mut [f32],
        context: RunContext,
    );

    /// Adds the gradient with respect to each input, given the one with respect to the result; `None` where an input
    /// has none. Inputs that are not `needed` may be skipped.
    ///
    /// # Errors
    /// [`crate::Error::NoGradient`] if there is no rule.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>>;
}

macro_rules! operators {
    ($($name:ident $text:literal),* $(,)?) => {
        /// A canonical operator.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each variant's type of the same name is documented")]
        pub enum Op {
            $(#[serde(rename = $text)] $name($name)),*
        }

        impl Op {
            /// The operator's name, as it stands in messages and files.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $text),*
                }
            }

            /// The operator's rules.
            #[must_use]
            pub fn operator(&self) -> &dyn Operator {
                match self {
                    $(Self::$name(operator) => operator),*
                }
            }
        }

        $(impl From<$name> for Op {
            fn from(operator: $name) -> Self {
                Self::$name(operator)
            }
        })*
    };
}

operators! {
    Input "input",
    Parameter "parameter",
    State "state",
    Constant "constant",
    MatMul "matmul",
    Conv2d "conv2d",
    Conv2dGradInput "conv2d_grad_input",
    Conv2dGradFilter "conv2d_grad_filter",
    MaxPool2d "max_pool2d",
    MaxPool2dGrad "max_pool2d_grad",
    AvgPool2d "avg_pool2d",
    AvgPool2dGrad "avg_pool2d_grad",
    BatchStatistics "batch_statistics",
    BatchNorm "batch_norm",
    BatchNormGradInput "batch_norm_grad_input",
    BatchNormGradParameters "batch_norm_grad_parameters",
    LayerNorm "layer_norm",
    LayerNormGradInput "layer_norm_grad_input",
    LayerNormGradParameters "layer_norm_grad_parameters",
    Dropout "dropout",
    Unary "unary",
    UnaryGrad "unary_grad",
    Binary "binary",
    Compare "compare",
    Where "where",
    Reduce "reduce",
    BroadcastTo "broadcast_to",
    Reshape "reshape",
    Transpose "transpose",
    Slice "slice",
    Concat "concat",
    Pad "pad",
    Gather "gather",
    GatherGrad "gather_grad",
    NgramHash "ngram_hash",
    SelectIds "select_ids",
    MaxOverTime "max_over_time",
    MaxOverTimeGrad "max_over_time_grad",
    CrfLoss "crf_loss",
    CrfEmissionsGrad "crf_emissions_grad",
    CrfScoresGrad "crf_scores_grad",
    CrfMarginals "crf_marginals",
    ViterbiDecode "viterbi_decode",
    Softmax "softmax",
    SoftmaxGrad "softmax_grad",
    LogSoftmax "log_softmax",
    LogSoftmaxGrad "log_softmax_grad",
    SparseCrossEntropy "sparse_cross_entropy",
    SparseCrossEntropyGrad "sparse_cross_entropy_grad",
    SoftCrossEntropy "soft_cross_entropy",
    SoftCrossEntropyGrad "soft_cross_entropy_grad",
    StopGradient "stop_gradient",
    Recurrent "recurrent",
    RecurrentGrad "recurrent_grad",
    Attention "attention",
    AttentionGradQuery "attention_grad_query",
    AttentionGradKey "attention_grad_key",
    AttentionGradValue "attention_grad_value",
    RotaryEmbedding "rotary_embedding",
    AddPositions "add_positions",
    AddPositionsGrad "add_positions_grad",
    AddSinusoids "add_sinusoids",
    RmsNorm "rms_norm",
    RmsNormGradInput "rms_norm_grad_input",
    RmsNormGradScale "rms_norm_grad_scale",
}

impl Op {
    /// Whether the value comes from outside instead of being computed from other nodes.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        matches!(
            self,
            Self::Input(_) | Self::Parameter(_) | Self::State(_) | Self::Constant(_)
        )
    }

    /// The name of an input, a parameter or a state.
    #[must_use]
    pub fn leaf_name(&self) -> Option<&str> {
        match self {
            Self::Input(leaf) => Some(&leaf.name),
            Self::Parameter(leaf) => Some(&leaf.name),
            Self::State(leaf) => Some(&leaf.name),
            _ => None,
        }
    }

    /// The shape that an operator carries as an attribute and that may hold symbols.
    pub(crate) fn target_shape_mut(&mut self) -> Option<&mut Shape> {
        match self {
            Self::Reshape(op) => Some(&mut op.shape),
            Self::BroadcastTo(op) => Some(&mut op.shape),
            Self::Conv2dGradInput(op) => Some(&mut op.shape),
            _ => None,
        }
    }
}
