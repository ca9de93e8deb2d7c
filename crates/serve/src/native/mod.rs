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
    Labels {
        labels: Vec<String>,
        probabilities: Vec<f32>,
    },
    Tags {
        tokens: Vec<Token>,
    },
    Values {
        values: Vec<f32>,
    },
}

/// A token of a text and its tag.
#[derive(Debug, Serialize)]
struct Token {
    text: String,
    start: usize,
    end: usize,
    tag: String,
}

/// How the body is to be read.
enum Form {
    Picture,
    Text,
    Json,
    Csv,
}

/// Predicts from a picture (`image/…`), a text (`text/plain`), from `{"instances": […]}` (`application/json`) or from a table with a header
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
        Form::Text => {
            let text = std::str::from_utf8(&body);
            let text = text.map_err(|_| Refusal::bad("the text is not UTF-8".to_owned()))?;
            answer(service, &[Record::Text(text)])
        }
        Form::Json => {
            let instances = instances::parse(&body, service.reads_text())?;
            let instances = instances.iter().enumerate();
            let shape = &service.predictor().bundle().inputs()[0].sizes(1);
            let records: Result<Vec<Record<'_>>, Refusal> = instances
                .map(|(index, instance)| instance.record(index, shape))
                .collect();
            answer(service, &records?)
        }
        Form::Csv => {
            let table = table::parse(&body)?;
            let names: Vec<&str> = table.names.iter().collect();
            let rows: Vec<Vec<&str>> = table.rows.iter().map(|row| row.iter().collect()).collect();
            let column = names.iter().position(|name| *name == "text");
            let column = column.filter(|_| service.reads_text());
            let mut records: Vec<Record<'_>> = Vec::with_capacity(rows.len());
            for row in &rows {
                records.push(match column {
                    Some(column) => Record::Text(row[column]),
                    None => Record::Fields {
                        names: &names,
                        fields: row,
                    },
                });
            }
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
        "text/plain" => Ok(Form::Text),
        picture if picture.starts_with("image/") => Ok(Form::Picture),
        _ => {
            let reason = format!(
                "expected the Content-Type image/png, image/jpeg, image/bmp, image/webp, application/json, text/csv or text/plain, found `{stated:.64}`"
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
    let values: &[f32] = match &prediction {
        Prediction::Class { probabilities, .. } | Prediction::Labels { probabilities, .. } => {
            probabilities
        }
        Prediction::Values(values) => values,
        Prediction::Tags(_) => &[],
    };
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
        Prediction::Labels {
            labels,
            probabilities,
        } => One::Labels {
            labels,
            probabilities,
        },
        Prediction::Tags(tokens) => One::Tags {
            tokens: tokens
                .into_iter()
                .map(|token| Token {
                    text: token.text,
                    start: token.start,
                    end: token.end,
                    tag: token.tag,
                })
                .collect(),
        },
        Prediction::Values(values) => One::Values { values },
    })
}
