//! Writing an inference response: JSON, then perhaps the bytes of tensors.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jingwei_bounds::Budget;
use jingwei_bundle::{OutputEntry, OutputKind, Predictor};
use serde::Serialize;

use super::metadata::VERSION;
use super::request::{JSON_LENGTH, Request, Requested};
use crate::State;
use crate::answer::{doubles, json};
use crate::error::Refusal;

/// The form in which an output is asked for.
struct Wish {
    output: usize,
    binary: bool,
    classes: Option<usize>,
}

/// The JSON of an answer.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    model_name: &'a str,
    model_version: &'static str,
    outputs: Vec<Output<'a>>,
}

/// An output in the JSON of an answer; its data may follow in bytes instead.
#[derive(Serialize)]
struct Output<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
    datatype: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Size>,
    shape: Vec<usize>,
}

#[derive(Serialize)]
struct Size {
    binary_data_size: usize,
}

/// The data of an output.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    #[serde(serialize_with = "doubles")]
    Numbers(&'a [f32]),
    Lines(Vec<String>),
}

impl Data<'_> {
    fn datatype(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "FP32",
            Self::Lines(_) => "BYTES",
        }
    }

    /// The length of the bytes.
    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => size_of_val(*values),
            Self::Lines(lines) => lines.iter().map(|line| size_of::<u32>() + line.len()).sum(),
        }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Numbers(values) => {
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Self::Lines(lines) => lines.iter().for_each(|line| {
                bytes.extend((line.len() as u32).to_le_bytes());
                bytes.extend(line.as_bytes());
            }),
        }
    }
}

/// What is asked for, checked before anything is computed.
pub(super) struct Writer {
    wishes: Vec<Wish>,
    id: Option<String>,
}

impl Writer {
    /// Checks which outputs a request asks for, and how.
    pub(super) fn new(request: &Request, outputs: &[OutputEntry]) -> Result<Self, Refusal> {
        let default = request.parameters.binary_data_output;
        let all = |output| Wish {
            output,
            binary: default,
            classes: None,
        };
        let mut wishes = Vec::new();
        for output in &request.outputs {
            let wish = wish(output, outputs, default)?;
            if wishes
                .iter()
                .any(|other: &Wish| other.output == wish.output)
            {
                let reason = format!("output `{}` is asked for twice", output.name);
                return Err(Refusal::bad(reason));
            }
            wishes.push(wish);
        }
        if wishes.is_empty() {
            wishes = (0..outputs.len()).map(all).collect();
        }
        let id = request.id.clone();
        Ok(Self { wishes, id })
    }

    /// Writes the answer from the values of all outputs.
    pub(super) fn write(
        self,
        state: &State,
        samples: usize,
        values: &[Vec<f32>],
        budget: &Budget,
    ) -> Result<Response, Refusal> {
        let (mut outputs, mut behind) = (Vec::new(), Vec::new());
        for wish in &self.wishes {
            let values = &values[wish.output];
            let (mut output, data) = output(wish, state.predictor(), samples, values, budget)?;
            if wish.binary {
                let binary_data_size = data.len();
                output.parameters = Some(Size { binary_data_size });
                behind.push(data);
            } else {
                output.data = Some(data);
            }
            outputs.push(output);
        }
        let answer = Answer {
            id: self.id,
            model_name: state.name(),
            model_version: VERSION,
            outputs,
        };
        respond(json(&answer, budget)?, &behind, budget)
    }
}

fn wish(asked: &Requested, outputs: &[OutputEntry], default: bool) -> Result<Wish, Refusal> {
    let output = outputs
        .iter()
        .position(|output| output.name == asked.name)
        .ok_or_else(|| {
            let names: Vec<&str> = outputs.iter().map(|output| &*output.name).collect();
            Refusal::bad(format!(
                "the model has no output `{:.64}`: it gives {}",
                asked.name,
                names.join(", ")
            ))
        })?;
    let classes = asked
        .parameters
        .classification
        .filter(|&classes| classes > 0);
    let entry = &outputs[output];
    if classes.is_some() && (entry.shape.len() != 1 || entry.is_sequence()) {
        let reason = format!(
            "output `{}` has no classes, its shape is {:?}",
            entry.name,
            entry.sizes(1)
        );
        return Err(Refusal::bad(reason));
    }
    Ok(Wish {
        output,
        binary: asked.parameters.binary_data.unwrap_or(default),
        classes,
    })
}

/// An output without its data, and its data.
fn output<'a>(
    wish: &Wish,
    predictor: &'a Predictor,
    samples: usize,
    values: &'a [f32],
    budget: &Budget,
) -> Result<(Output<'a>, Data<'a>), Refusal> {
    let entry = &predictor.bundle().outputs()[wish.output];
    let (data, shape) = match wish.classes {
        Some(classes) => {
            let lines = samples.saturating_mul(classes.min(entry.len().max(2)));
            budget.take(lines.saturating_mul(LINE))?;
            let lines = classifications(predictor, entry, wish.output == 0, classes, values);
            let shape = vec![samples, lines.len() / samples.max(1)];
            (Data::Lines(lines), shape)
        }
        None => {
            let time = values.len() / (samples * entry.len()).max(1);
            let shape = [&[samples], &entry.sizes(time)[..]].concat();
            (Data::Numbers(values), shape)
        }
    };
    let output = Output {
        data: None,
        datatype: data.datatype(),
        name: &entry.name,
        parameters: None,
        shape,
    };
    Ok((output, data))
}

/// Bytes that a line of a classification takes: itself, a number and a name, and its place in the list.
const LINE: usize = 128;

/// Sends JSON and the bytes of tensors behind it.
fn respond(mut body: Vec<u8>, behind: &[Data<'_>], budget: &Budget) -> Result<Response, Refusal> {
    if behind.is_empty() {
        return Ok(([(CONTENT_TYPE, "application/json")], body).into_response());
    }
    let headers = [
        (CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()),
        (JSON_LENGTH, body.len().to_string()),
    ];
    let more = behind.iter().map(Data::len).sum();
    budget.take(more)?;
    body.reserve_exact(more);
    behind.iter().for_each(|data| data.write(&mut body));
    Ok((headers, body).into_response())
}

/// `value:class:label` for the most probable classes of each sample, as the classification extension has it.
fn classifications(
    predictor: &Predictor,
    entry: &OutputEntry,
    named: bool,
    classes: usize,
    values: &[f32],
) -> Vec<String> {
    let mut lines = Vec::new();
    for sample in values.chunks(entry.len()) {
        let both;
        let sample = match (entry.kind, sample) {
            (OutputKind::Probabilities, &[second]) => {
                both = [1.0 - second, second];
                &both[..]
            }
            _ => sample,
        };
        let mut order: Vec<usize> = (0..sample.len()).collect();
        order.sort_by(|&a, &b| sample[b].total_cmp(&sample[a]));
        for &class in order.iter().take(classes) {
            let value = sample[class];
            let label = if named {
                predictor.label(class)
            } else {
                class.to_string()
            };
            lines.push(format!("{value:.6}:{class}:{label}"));
        }
    }
    lines
}
