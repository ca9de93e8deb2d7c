//! Requests are read and answered in time that grows with their length, whatever stands in them.

#![cfg(counted)]

// Its other users need all of it.
#[allow(dead_code)]
#[path = "../../serve/tests/it/model.rs"]
mod model;

use std::hint::black_box;

use axum::body::Body;
use axum::http::Request;
use jingwei_bundle::Predictor;
use jingwei_growth::assert_linear;
use jingwei_serve::ServeOptions;
use model::{Service, pictures, rows};

const PREDICT: &str = "/v1/predict";
const INFER: &str = "/v2/models/mnist/infer";
const JSON: &str = "application/json";

/// Bodies that begin with a text, repeat another, and end with a third.
fn assert_answers_linearly(
    predictor: Predictor,
    path: &str,
    kind: &str,
    bodies: &[(&str, &str, &str)],
) {
    let service = Service::new(predictor, ServeOptions::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (start, unit, end) in bodies {
        let name = format!("{path}, {kind}: {start} {unit} {end}");
        let body = |count: usize| format!("{start}{}{end}", unit.repeat(count));
        assert_linear(&name, body, |body| {
            let request = Request::post(path).header("content-type", kind);
            let request = request.body(Body::from(body.clone())).unwrap();
            black_box(runtime.block_on(service.ask(request)));
        });
    }
}

#[test]
fn records_in_json_are_answered_linearly() {
    let bodies = [
        ("", "[", ""),
        ("", "{\"instances\":", ""),
        ("{\"instances\":[[1,2]", ",[1,2]", "]}"),
        ("{\"instances\":[[1,2]", ",[1,2]", ""),
        ("{\"instances\":[[1", ",1", "]]}"),
        ("{\"instances\":[", "[", "]}"),
        ("{\"instances\":[[]", ",[]", "]}"),
        ("{\"instances\":[\"", "a", "\"]}"),
        ("{\"instances\":[\"", "\\u00e9", "\"]}"),
        ("{\"instances\":[\"", "\\ud83d", "\"]}"),
        ("{\"instances\":[{\"a\":1", ",\"a\":1", "}]}"),
        ("{\"instances\":[{\"area\":1", ",\"rooms\":1", "}]}"),
        (
            "{\"instances\":[{\"area\":1,\"rooms\":2}",
            ",{\"area\":1,\"rooms\":2}",
            "]}",
        ),
        ("{\"instances\":[[", "1", ",2]]}"),
        ("{\"instances\":[[1e", "0", ",2]]}"),
        ("{\"instances\":[[0.", "9", ",2]]}"),
        ("{\"", "a", "\":[]}"),
        ("", " ", ""),
    ];
    assert_answers_linearly(rows(), PREDICT, JSON, &bodies);
}

#[test]
fn pictures_are_answered_linearly() {
    let bodies = [
        ("{\"instances\":[\"", "A", "\"]}"),
        ("{\"instances\":[\"data:;base64,", "A", "\"]}"),
        ("{\"instances\":[{\"b64\":\"", "A", "\"}]}"),
        ("{\"instances\":[[[0", ",0", "]]]}"),
        ("{\"instances\":[\"\"", ",\"\"", "]}"),
    ];
    assert_answers_linearly(pictures(), PREDICT, JSON, &bodies);
    let pictures_as_bytes = [
        ("\u{89}PNG\r\n\u{1a}\n", "\0", ""),
        ("RIFF", "WEBP", ""),
        ("BM", "\0", ""),
    ];
    assert_answers_linearly(pictures(), PREDICT, "image/png", &pictures_as_bytes);
}

#[test]
fn tables_are_answered_linearly() {
    let bodies = [
        ("area,rooms\n", "1,2\n", ""),
        ("area,rooms\n", "1,\n", ""),
        ("area,rooms\n", "\"", ""),
        ("area,rooms\n", "\"\"\"\n", ""),
        ("area,rooms\n", "\n", ""),
        ("area,rooms\n", ",", ""),
        ("area,rooms", ",x", "\n1,2\n"),
        ("area,rooms", ",", "\n1,2\n"),
        ("", "a", ""),
    ];
    assert_answers_linearly(rows(), PREDICT, "text/csv", &bodies);
    // Columns of different names, which a table may have.
    let service = Service::new(rows(), ServeOptions::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let wide = |count: usize| {
        let names: String = (0..count).map(|column| format!(",c{column}")).collect();
        format!("area,rooms{names}\n1,2{}\n", ",3".repeat(count))
    };
    assert_linear("a wide table", wide, |body| {
        let request = Request::post(PREDICT).header("content-type", "text/csv");
        let request = request.body(Body::from(body.clone())).unwrap();
        let (status, _, answer) = runtime.block_on(service.ask(request));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    });
}

#[test]
fn requests_of_the_protocol_are_answered_linearly() {
    let input =
        "{\"inputs\":[{\"name\":\"columns\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[1,2]}";
    let outputs = format!("{input}],\"outputs\":[{{\"name\":\"values\"}}");
    let parameters = format!("{input}],\"parameters\":{{\"a\":1");
    let id = format!("{input}],\"id\":\"");
    let bodies = [
        ("{\"inputs\":[{\"shape\":[1", ",1", "]}]}"),
        ("{\"inputs\":[{\"name\":\"", "a", "\"}]}"),
        (
            "{\"inputs\":[{\"name\":\"columns\",\"datatype\":\"FP32\",\"shape\":[1,2],\"data\":[",
            "[",
            "]}]}",
        ),
        (
            "{\"inputs\":[{\"name\":\"columns\",\"datatype\":\"FP32\",\"shape\":[1,2],\"data\":[1",
            ",1",
            "]}]}",
        ),
        (&*outputs, ",{\"name\":\"values\"}", "]}"),
        (&*parameters, ",\"a\":1", "}}"),
        (&*id, "i", "\"}"),
        (input, ",{}", "]}"),
    ];
    assert_answers_linearly(rows(), INFER, JSON, &bodies);
    let service = Service::new(rows(), ServeOptions::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let samples = |count: usize| {
        let shape = format!("\"shape\":[{count},2],\"datatype\":\"FP32\"");
        let data = format!("1,2{}", ",1,2".repeat(count - 1));
        format!("{{\"inputs\":[{{\"name\":\"columns\",{shape},\"data\":[{data}]}}]}}")
    };
    assert_linear("samples of the protocol", samples, |body| {
        let request = Request::post(INFER).header("content-type", JSON);
        let request = request.body(Body::from(body.clone())).unwrap();
        black_box(runtime.block_on(service.ask(request)));
    });
}
