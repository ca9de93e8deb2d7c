//! `POST /v1/predict`: raw records through the bundle's own preparation.

mod instances;
mod table;

use std::collections::HashSet;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jingwei_bounds::Budget;
use jingwei_bundle::{Prediction, Record};
use jingwei_data::image::probe;
use jingwei_data::{Limits, Preparation};
use serde::Serialize;

use crate::State as Service;
use crate::answer::json;
use crate::error::Refusal;
use crate::state::check_samples;

/// Pixels of all pictures of a request.
const MOST_PIXELS: usize = 256 << 20;

/// The answer.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    model: &'a str,
    /// The names of the classes, in the order of the probabilities.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    classes: &'a [String],
    /// The names of the predicted numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<&'a str>,
    predictions: &'a [Prediction],
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
) -> Result<Response, Refusal> {
    let form = form(request.headers())?;
    let held = service.hold(request).await?;
    let body = held.body.clone();
    let work = move |service: &Service, budget: &Budget| match form {
        Form::Picture => answer(service, &[Record::Image(&body)], budget),
        Form::Text => {
            let text = std::str::from_utf8(&body);
            let text = text.map_err(|_| Refusal::bad("the text is not UTF-8".to_owned()))?;
            answer(service, &[Record::Text(text)], budget)
        }
        Form::Json => from_json(service, &body, budget),
        Form::Csv => from_csv(service, &body, budget),
    };
    let json = service.compute(work).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

fn from_json(service: &Service, body: &[u8], budget: &Budget) -> Result<Vec<u8>, Refusal> {
    let instances = instances::parse(body, service.reads_text(), budget)?;
    let instances = instances.iter().enumerate();
    let shape = &service.predictor().bundle().inputs()[0].sizes(1);
    let records: Result<Vec<Record<'_>>, Refusal> = instances
        .map(|(index, instance)| instance.record(index, shape))
        .collect();
    answer(service, &records?, budget)
}

fn from_csv(service: &Service, body: &[u8], budget: &Budget) -> Result<Vec<u8>, Refusal> {
    let preparation = service.predictor().bundle().preparation();
    let read = preparation
        .map(Preparation::column_names)
        .unwrap_or_default();
    let read: HashSet<&str> = read.iter().map(String::as_str).collect();
    let reads_text = service.reads_text();
    let reads = |name: &str| read.contains(name) || reads_text && name == "text";
    let table = table::parse(body, reads, budget)?;
    let names: Vec<&str> = table.names.iter().map(String::as_str).collect();
    let cells = names.len().saturating_mul(table.rows.len());
    let _loan = budget.lend(cells.saturating_mul(size_of::<&str>()))?;
    let rows = table.rows.iter();
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let records = rows.iter().map(|row| match row[..] {
        [text, ..] if reads_text => Record::Text(text),
        _ => Record::Fields {
            names: &names,
            fields: row,
        },
    });
    answer(service, &records.collect::<Vec<_>>(), budget)
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

fn answer(service: &Service, records: &[Record<'_>], budget: &Budget) -> Result<Vec<u8>, Refusal> {
    check_samples(records.len())?;
    check_pixels(records)?;
    let predictor = service.predictor();
    let (predictions, _loan) = predictor.predict_raw_within(records, budget)?;
    let preparation = predictor.bundle().preparation();
    let answer = Answer {
        model: service.name(),
        classes: preparation.map_or(&[][..], |preparation| preparation.class_names()),
        targets: predictor.target_names(),
        predictions: &predictions,
    };
    json(&answer, budget)
}

/// Decoding takes time in proportion to pixels, and a few bytes may hold many of them.
fn check_pixels(records: &[Record<'_>]) -> Result<(), Refusal> {
    let pixels = |record: &Record<'_>| match record {
        // What cannot be read is told by who decodes it.
        Record::Image(bytes) => probe(bytes, "", &Limits::default())
            .map_or(0, |(size, _)| size.height.saturating_mul(size.width)),
        _ => 0,
    };
    let all = records.iter().map(pixels).fold(0, usize::saturating_add);
    if all <= MOST_PIXELS {
        return Ok(());
    }
    let reason = format!(
        "the pictures have {all} pixels, the limit is {MOST_PIXELS}: make them smaller or send fewer at once"
    );
    Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason))
}
