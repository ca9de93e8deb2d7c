//! `POST /v1/predict`: raw records through the bundle's own preparation.

mod instances;
mod table;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use jingwei_bundle::{Prediction, Record};
use serde::Serialize;

use crate::State as Service;
use crate::error::Refusal;
use crate::state::check_samples;

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    model: String,
    /// The names of the classes, in the order of the probabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<String>,
    /// The names of the predicted numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<String>,
    predictions: Vec<One>,
}

/// The answer for one record.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum One {
    Class {
        label: String,
        class: usize,
        probabilities: Vec<f32>,
    },
    Values {
        values: Vec<f32>,
    },
}

/// How the body is to be read.
enum Form {
    Picture,
    Json,
    Csv,
}

/// Predicts from a picture (`image/…`), from `{"instances": […]}` (`application/json`) or from a table with a header
/// (`text/csv`).
pub(crate) async fn predict(
    State(service): State<Service>,
    request: Request,
) -> Result<Json<Answer>, Refusal> {
    let form = form(request.headers())?;
    let held = service.hold(request).await?;
    let body = held.body.clone();
    let work = move |service: &Service| match form {
        Form::Picture => answer(service, &[Record::Image(&body)]),
        Form::Json => {
            let instances = instances::parse(&body)?;
            let instances = instances.iter().enumerate();
            let shape = &service.predictor().bundle().inputs()[0].shape;
            let records: Result<Vec<Record<'_>>, Refusal> = instances
                .map(|(index, instance)| instance.record(index, shape))
                .collect();
            answer(service, &records?)
        }
        Form::Csv => {
            let table = table::parse(&body)?;
            let names: Vec<&str> = table.names.iter().collect();
            let rows: Vec<Vec<&str>> = table.rows.iter().map(|row| row.iter().collect()).collect();
            let record = |fields| Record::Fields {
                names: &names,
                fields,
            };
            let records: Vec<Record<'_>> = rows.iter().map(|row| record(row)).collect();
            answer(service, &records)
        }
    };
    service.compute(work).await.map(Json)
}

fn form(headers: &HeaderMap) -> Result<Form, Refusal> {
    let stated = headers
        .get(header::CONTENT_TYPE)
        .map_or("", |kind| kind.to_str().unwrap_or(""));
    let kind = stated
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    match &*kind {
        "application/json" => Ok(Form::Json),
        "text/csv" => Ok(Form::Csv),
        picture if picture.starts_with("image/") => Ok(Form::Picture),
        _ => {
            let reason = format!(
                "expected the Content-Type image/png, image/jpeg, image/bmp, image/webp, application/json or text/csv, found `{stated:.64}`"
            );
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason))
        }
    }
}

fn answer(service: &Service, records: &[Record<'_>]) -> Result<Answer, Refusal> {
    check_samples(records.len())?;
    let predictor = service.predictor();
    let predictions = predictor.predict_raw(records)?;
    let preparation = predictor.bundle().preparation();
    Ok(Answer {
        model: service.name().to_owned(),
        classes: preparation
            .map_or(&[][..], |preparation| preparation.class_names())
            .to_vec(),
        targets: predictor
            .target_names()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        predictions: predictions.into_iter().map(one).collect::<Result<_, _>>()?,
    })
}

fn one(prediction: Prediction) -> Result<One, Refusal> {
    let (Prediction::Class {
        probabilities: values,
        ..
    }
    | Prediction::Values(values)) = &prediction;
    if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
        return Err(Refusal::internal(format!(
            "the model gave {bad} for this record"
        )));
    }
    Ok(match prediction {
        Prediction::Class {
            class,
            label,
            probabilities,
        } => One::Class {
            label,
            class,
            probabilities,
        },
        Prediction::Values(values) => One::Values { values },
    })
}
