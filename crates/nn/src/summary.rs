//! A network as a table.

use std::fmt;

use jingwei_graph::{Dim, Graph, Shape};

use crate::{Mode, Network, Result};

/// The layers of a network with their shapes and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    rows: Vec<SummaryRow>,
}

/// One layer of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// The layer's name.
    pub name: String,
    /// Its kind, such as `conv2d`.
    pub kind: &'static str,
    /// The names of what it takes.
    pub inputs: Vec<String>,
    /// The shape of its result, such as `[batch, 26, 26, 32]`.
    pub output: Shape,
    /// How many trainable values it has.
    pub parameters: usize,
    /// How many values it has that training changes without a gradient.
    pub states: usize,
}

impl SummaryRow {
    /// The shape of the result without the batch, as people write it: `26 × 26 × 32`.
    #[must_use]
    pub fn sizes(&self) -> String {
        let sizes = self.output.0.iter().skip(1).map(Dim::to_string);
        sizes.collect::<Vec<_>>().join(" × ")
    }
}

impl Summary {
    pub(crate) fn of(network: &Network) -> Result<Self> {
        let resolved = network.resolve()?;
        let input_names = network.inputs().iter().map(|input| &input.name);
        let names: Vec<&String> = input_names.chain(&resolved.names).collect();
        let (mut rows, mut parameters, mut states) = (Vec::new(), 0, 0);
        network.build_each(
            &mut Graph::new(),
            Mode::Inference,
            None,
            |builder, value| {
                let index = rows.len();
                let built = &builder.built;
                let count = built
                    .parameters
                    .iter()
                    .map(crate::ParameterSpec::count)
                    .sum();
                let state_count = built
                    .states
                    .iter()
                    .map(|state| state.sizes.iter().product::<usize>())
                    .sum();
                rows.push(SummaryRow {
                    name: resolved.names[index].clone(),
                    kind: network.layers()[index].layer.kind(),
                    inputs: resolved.inputs[index]
                        .iter()
                        .map(|&input| names[input].clone())
                        .collect(),
                    output: builder.shape(value).clone(),
                    parameters: count - parameters,
                    states: state_count - states,
                });
                (parameters, states) = (count, state_count);
            },
        )?;
        Ok(Self { rows })
    }

    /// The layers, in order.
    #[must_use]
    pub fn rows(&self) -> &[SummaryRow] {
        &self.rows
    }

    /// The number of trainable values in all.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(|row| row.parameters).sum()
    }

    /// The bytes of all parameters and states. Nothing of their size is allocated to find it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let states: usize = self.rows.iter().map(|row| row.states).sum();
        (self.parameters() + states) * size_of::<f32>()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |len: fn(&SummaryRow) -> usize, head: &str| {
            self.rows
                .iter()
                .map(len)
                .chain([head.len()])
                .max()
                .unwrap_or_default()
        };
        let (names, outputs) = (
            width(|row| row.name.len(), "layer"),
            width(|row| row.output.to_string().len(), "output"),
        );
        writeln!(
            f,
            "{:names$}  {:outputs$}  {:>10}",
            "layer", "output", "parameters"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:names$}  {:outputs$}  {:>10}",
                row.name,
                row.output.to_string(),
                row.parameters
            )?;
        }
        write!(
            f,
            "{:names$}  {:outputs$}  {:>10}",
            "all",
            "",
            self.parameters()
        )
    }
}
