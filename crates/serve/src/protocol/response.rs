//! Writing an inference response: JSON, then perhaps the bytes of tensors.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jingwei_bundle::{OutputEntry, OutputKind, Predictor};
use serde_json::{Value, json};

use super::metadata::VERSION;
use super::request::{JSON_LENGTH, Request, Requested};
use crate::State;
use crate::error::Refusal;

/// The form in which an output is asked for.
struct Wish {
    output: usize,
    binary: bool,
    classes: Option<usize>,
}

/// Outputs as JSON, and the bytes that follow.
#[derive(Default)]
struct Answer {
    outputs: Vec<Value>,
    bytes: Vec<u8>,
    binary: bool,
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
        let asked = request.outputs.iter();
        let wishes = match request.outputs.is_empty() {
            true => (0..outputs.len()).map(all).collect(),
            false => asked
                .map(|output| wish(output, outputs, default))
                .collect::<Result<_, _>>()?,
        };
        let id = request.id.clone();
        Ok(Self { wishes, id })
    }

    /// Writes the answer from the values of all outputs.
    pub(super) fn write(
        self,
        state: &State,
        samples: usize,
        values: &[Vec<f32>],
    ) -> Result<Response, Refusal> {
        let mut answer = Answer::default();
        for wish in &self.wishes {
            answer.add(wish, state.predictor(), samples, &values[wish.output])?;
        }
        answer.respond(state, self.id)
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

impl Answer {
    fn add(
        &mut self,
        wish: &Wish,
        predictor: &Predictor,
        samples: usize,
        values: &[f32],
    ) -> Result<(), Refusal> {
        let entry = &predictor.bundle().outputs()[wish.output];
        if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
            let reason = format!(
                "the model gave {bad} in output `{}` for this input",
                entry.name
            );
            return Err(Refusal::internal(reason));
        }
        let name = &entry.name;
        if let Some(classes) = wish.classes {
            let named = wish.output == 0;
            let lines = classifications(predictor, entry, named, classes, values);
            let shape = [samples, lines.len() / samples.max(1)];
            let mut bytes = Vec::new();
            for line in &lines {
                bytes.extend((line.len() as u32).to_le_bytes());
                bytes.extend(line.as_bytes());
            }
            self.push(
                json!({ "name": name, "datatype": "BYTES", "shape": shape }),
                wish.binary,
                bytes,
                || json!(lines),
            );
            return Ok(());
        }
        let time = values.len() / (samples * entry.len()).max(1);
        let shape = [&[samples], &entry.sizes(time)[..]].concat();
        let bytes = if wish.binary {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        } else {
            Vec::new()
        };
        self.push(
            json!({ "name": name, "datatype": "FP32", "shape": shape }),
            wish.binary,
            bytes,
            || json!(values),
        );
        Ok(())
    }

    fn push(
        &mut self,
        mut output: Value,
        binary: bool,
        bytes: Vec<u8>,
        data: impl FnOnce() -> Value,
    ) {
        if binary {
            output["parameters"] = json!({ "binary_data_size": bytes.len() });
            self.bytes.extend(bytes);
            self.binary = true;
        } else {
            output["data"] = data();
        }
        self.outputs.push(output);
    }

    fn respond(self, state: &State, id: Option<String>) -> Result<Response, Refusal> {
        let mut json = json!({
            "model_name": state.name(),
            "model_version": VERSION,
            "outputs": self.outputs,
        });
        if let Some(id) = id {
            json["id"] = json!(id);
        }
        let mut body = serde_json::to_vec(&json).map_err(Refusal::internal)?;
        if !self.binary {
            return Ok(([(CONTENT_TYPE, "application/json")], body).into_response());
        }
        let length = body.len().to_string();
        body.extend(self.bytes);
        let headers = [
            (CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()),
            (JSON_LENGTH, length),
        ];
        Ok((headers, body).into_response())
    }
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
