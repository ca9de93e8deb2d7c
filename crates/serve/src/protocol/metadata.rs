//! What the server and the model are.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jingwei_bundle::{Dim, InputEntry, OutputEntry};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Refusal;
use crate::{MOST_SAMPLES, State as Service};

/// The one version of the one model.
pub(super) const VERSION: &str = "1";

/// Which model a path names.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    name: String,
    version: Option<String>,
}

impl Target {
    /// Refuses any other model than the one that is served.
    pub(super) fn check(&self, service: &Service) -> Result<(), Refusal> {
        let (name, version) = (service.name(), self.version.as_deref().unwrap_or(VERSION));
        if self.name != name {
            let reason = format!(
                "there is no model `{:.64}`: this server has `{name}`",
                self.name
            );
            return Err(Refusal::unknown(reason));
        }
        if version != VERSION {
            let reason =
                format!("`{name}` has no version `{version:.64}`: it has version {VERSION}");
            return Err(Refusal::unknown(reason));
        }
        Ok(())
    }
}

/// `GET /v2/health/live` and `/v2/health/ready`: the model is loaded before the server listens.
pub(crate) async fn live() -> StatusCode {
    StatusCode::OK
}

/// `GET /v2`.
pub(crate) async fn server() -> Json<Value> {
    Json(json!({
        "name": "jingwei",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data", "classification", "model_configuration"],
    }))
}

/// `POST /v2/repository/index`.
pub(crate) async fn index(State(service): State<Service>) -> Json<Value> {
    let model =
        json!({ "name": service.name(), "version": VERSION, "state": "READY", "reason": "" });
    Json(json!([model]))
}

/// `GET /v2/models/{name}/ready`.
pub(crate) async fn model_ready(
    Path(target): Path<Target>,
    State(service): State<Service>,
) -> Result<StatusCode, Refusal> {
    target.check(&service)?;
    Ok(StatusCode::OK)
}

/// `GET /v2/models/{name}`: the shapes of what `infer` reads and gives.
pub(crate) async fn model(
    Path(target): Path<Target>,
    State(service): State<Service>,
) -> Result<Json<Value>, Refusal> {
    target.check(&service)?;
    let bundle = service.predictor().bundle();
    let tensor = |name: &str, sizes: Vec<i64>| {
        let shape = sizes.into_iter().map(|size| json!(size));
        let shape: Vec<Value> = std::iter::once(json!(-1)).chain(shape).collect();
        json!({ "name": name, "datatype": "FP32", "shape": shape })
    };
    let input = |entry: &InputEntry| tensor(&entry.name, open_sizes(&entry.shape));
    let output = |entry: &OutputEntry| tensor(&entry.name, open_sizes(&entry.shape));
    Ok(Json(json!({
        "name": service.name(),
        "versions": [VERSION],
        "platform": "jingwei",
        "inputs": bundle.inputs().iter().map(input).collect::<Vec<_>>(),
        "outputs": bundle.outputs().iter().map(output).collect::<Vec<_>>(),
    })))
}

/// `GET /v2/models/{name}/config`: the same in the form of Triton's model configuration.
pub(crate) async fn config(
    Path(target): Path<Target>,
    State(service): State<Service>,
) -> Result<Json<Value>, Refusal> {
    target.check(&service)?;
    let bundle = service.predictor().bundle();
    let tensor = |name: &str, dims: Vec<i64>| {
        // A sample of one number has the one dimension that the configuration must have.
        let dims = if dims.is_empty() { vec![1] } else { dims };
        json!({ "name": name, "data_type": "TYPE_FP32", "dims": dims })
    };
    let input = |entry: &InputEntry| tensor(&entry.name, open_sizes(&entry.shape));
    let output = |entry: &OutputEntry| tensor(&entry.name, open_sizes(&entry.shape));
    Ok(Json(json!({
        "name": service.name(),
        "platform": "jingwei",
        "backend": "jingwei",
        "max_batch_size": MOST_SAMPLES,
        "input": bundle.inputs().iter().map(input).collect::<Vec<_>>(),
        "output": bundle.outputs().iter().map(output).collect::<Vec<_>>(),
    })))
}

/// Sizes with −1 for the length of a sequence.
fn open_sizes(shape: &[Dim]) -> Vec<i64> {
    let size = |dim: &Dim| match dim {
        Dim::Size(size) => *size as i64,
        Dim::Symbol(_) => -1,
    };
    shape.iter().map(size).collect()
}
