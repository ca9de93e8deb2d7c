//! `POST /v2/models/{name}/infer`.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use jingwei_bounds::Budget;

use super::metadata::Target;
use super::request;
use super::response::Writer;
use crate::State as Service;
use crate::error::Refusal;

/// Computes outputs from prepared samples. Numbers that are predicted come in the units of the targets.
pub(crate) async fn infer(
    Path(target): Path<Target>,
    State(service): State<Service>,
    request: Request,
) -> Result<Response, Refusal> {
    target.check(&service)?;
    let held = service.hold(request).await?;
    let (headers, body) = (held.headers.clone(), held.body.clone());
    let work = move |service: &Service, budget: &Budget| {
        let predictor = service.predictor();
        let (mut request, bytes) = request::parse(&headers, &body, budget)?;
        let writer = Writer::new(&request, predictor.bundle().outputs())?;
        let values = request.values(bytes, predictor.bundle())?;
        let inputs: Vec<&[f32]> = values.inputs.iter().map(Vec::as_slice).collect();
        let (mut outputs, _loan) = predictor.run_within(&inputs, values.samples, budget)?;
        for (index, output) in outputs.iter_mut().enumerate() {
            predictor.unscale(index, output);
        }
        writer.write(service, values.samples, &outputs, budget)
    };
    service.compute(work).await
}
