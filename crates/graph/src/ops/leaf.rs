//! Values that come from outside: inputs, parameters, state, constants.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::{Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Values given anew at each run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Unique among the graph's inputs, parameters and states.
    pub name: String,
}

/// Values that training changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Unique among the graph's inputs, parameters and states.
    pub name: String,
}

/// Values that live from run to run and that no gradient changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Unique among the graph's inputs, parameters and states.
    pub name: String,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// The number.
    #[serde(with = "super::number")]
    pub value: f32,
}

macro_rules! leaf {
    ($($name:ident),*) => {$(
        impl Operator for $name {
            fn shape(&self, _: &[&Shape]) -> Result<Shape> {
                Ok(Shape::scalar())
            }

            fn evaluate(&self, _: &[Tensor<'_>], _: &[usize], _: &mut [f32], _: RunContext) {}

            fn gradient(&self, _: &mut Graph, _: NodeId, _: NodeId, _: &[bool]) -> Result<Vec<Option<NodeId>>> {
                Ok(Vec::new())
            }
        }
    )*};
}

leaf!(Input, Parameter, State, Constant);
