use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jingwei_serve::ServeOptions;
use serde_json::{Value, json};

use crate::model::{Service, numbers, pictures, rows};

const PREDICT: &str = "/v1/predict";
const JSON: &str = "application/json";

fn pixels() -> Vec<u8> {
    (0..784).map(|index| (index * 7 % 256) as u8).collect()
}

fn png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 28, 28);
    encoder.set_color(png::ColorType::Grayscale);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&pixels())
        .unwrap();
    bytes
}

fn instances(instances: Value) -> String {
    json!({ "instances": instances }).to_string()
}

#[tokio::test]
async fn pictures_in_every_form() {
    let service = Service::new(pictures(), ServeOptions::default());
    let (status, raw) = service.post(PREDICT, "image/png", png()).await;
    assert_eq!(status, 200, "{raw}");
    let prepared: Vec<f32> = pixels()
        .iter()
        .map(|&byte| f32::from(byte) / 255.0)
        .collect();
    let expected = service.state.predictor().predict(&prepared, 1).unwrap();
    let prediction = &raw["predictions"][0];
    let found = numbers(&prediction["probabilities"]);
    assert!(
        found
            .iter()
            .zip(&expected)
            .all(|(a, b)| (a - b).abs() < 1e-5),
        "{found:?} {expected:?}"
    );
    let class = prediction["class"].as_u64().unwrap();
    assert_eq!(prediction["label"], format!("digit {class}"));
    assert_eq!(
        (&raw["model"], raw["classes"].as_array().unwrap().len()),
        (&json!("mnist"), 10)
    );
    let text = STANDARD.encode(png());
    let grey: Vec<&[u8]> = Vec::from_iter(pixels().leak().chunks(28));
    let forms = json!([
        text,
        format!("data:image/png;base64,{text}"),
        { "b64": text },
        { "image": text },
        pixels(),
        grey,
    ]);
    let (status, answer) = service.post(PREDICT, JSON, instances(forms)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["predictions"].as_array().unwrap().len(), 6);
    for other in answer["predictions"].as_array().unwrap() {
        let other = numbers(&other["probabilities"]);
        assert!(found.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

#[tokio::test]
async fn rows_in_every_form() {
    let service = Service::new(rows(), ServeOptions::default());
    let body = instances(
        json!([[150, 4.0], { "rooms": 4, "area": 150.0 }, { "rooms": 3, "area": 100, "id": 5 }]),
    );
    let (status, answer) = service
        .post(PREDICT, "Application/JSON; charset=utf-8", body)
        .await;
    assert_eq!(status, 200, "{answer}");
    let one = |value: f32| json!({ "values": [value] });
    assert_eq!(
        answer["predictions"],
        json!([one(1030.0), one(1030.0), one(1000.0)])
    );
    assert_eq!(answer["targets"], json!(["price"]));
    let csv = "\u{feff}rooms, area,note\n4,150,large\n3, 100 ,\"mean, really\"\n";
    let (status, answer) = service.post(PREDICT, "text/csv", csv).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["predictions"], json!([one(1030.0), one(1000.0)]));
}

#[tokio::test]
async fn wrong_pictures_are_refused() {
    let service = Service::new(pictures(), ServeOptions::default());
    let refused = async |kind: &str, body: String, reason: &str| {
        service.refused(PREDICT, kind, body, 400, reason).await;
    };
    refused("image/png", "not a picture".into(), "record 0").await;
    refused("image/png", String::new(), "record 0").await;
    refused("text/csv", "area\n1\n".into(), "the model reads pictures").await;
    refused(JSON, instances(json!(["%%%"])), "not in Base64").await;
    refused(
        JSON,
        instances(json!([pixels()[1..]])),
        "record 0: expected numbers of the shape [28, 28, 1], found [783]",
    )
    .await;
    refused(
        JSON,
        instances(json!([vec![0.5; 784]])),
        "whole numbers of 0 to 255",
    )
    .await;
    refused(
        JSON,
        instances(json!([vec![256; 784]])),
        "whole numbers of 0 to 255",
    )
    .await;
    refused(
        JSON,
        instances(json!([{ "b64": "", "area": 1 }])),
        "a picture and columns in one record",
    )
    .await;
    refused(
        JSON,
        instances(json!([])),
        "expected 1 to 16384 samples, found 0",
    )
    .await;
    refused(JSON, "{}".into(), "missing field `instances`").await;
    refused(JSON, instances(json!([[["a"]]])), "invalid type").await;
}

#[tokio::test]
async fn wrong_rows_are_refused() {
    let service = Service::new(rows(), ServeOptions::default());
    let refused = async |kind: &str, body: String, reason: &str| {
        service.refused(PREDICT, kind, body, 400, reason).await;
    };
    refused(
        JSON,
        instances(json!([{ "area": 1 }])),
        "record 0: the column `rooms` is missing",
    )
    .await;
    refused(JSON, instances(json!([[1, 2], [1, 2, 3]])), "record 1").await;
    refused(
        JSON,
        instances(json!([{ "area": 1e99, "rooms": 2 }])),
        "record 0",
    )
    .await;
    refused(
        JSON,
        instances(json!([{ "area": "big", "rooms": 2 }])),
        "`area` is no number",
    )
    .await;
    refused(
        JSON,
        "{\"instances\":[{\"area\":1,\"area\":1,\"rooms\":1}]}".into(),
        "`area` comes twice",
    )
    .await;
    refused("text/csv", "area,rooms\n1,2\n1,nan\n".into(), "record 1").await;
    refused("text/csv", "area,rooms\n1\n".into(), "the body is no table").await;
    refused(
        "text/csv",
        "area,area\n1,2\n".into(),
        "`area` is there twice",
    )
    .await;
    refused("text/csv", "area,rooms\n".into(), "found 0").await;
    refused("image/png", "x".into(), "not pictures").await;
}

#[tokio::test]
async fn other_bodies_are_refused() {
    let options = ServeOptions {
        max_body: 1000,
        ..Default::default()
    };
    let service = Service::new(rows(), options);
    service
        .refused(
            PREDICT,
            "application/xml",
            "<a/>",
            415,
            "found `application/xml`",
        )
        .await;
    service
        .refused(PREDICT, "", "1", 415, "expected the Content-Type")
        .await;
    let large = "1".repeat(1001);
    service
        .refused(PREDICT, JSON, large.clone(), 413, "more than 1000 bytes")
        .await;
    // A body that does not tell its length is cut off.
    let chunks = (0..4).map(|_| Ok::<_, std::io::Error>("1".repeat(400)));
    let stream = Body::from_stream(Chunks(chunks.collect()));
    service
        .refused(PREDICT, JSON, stream, 413, "more than 1000 bytes")
        .await;
    let request = Request::post(PREDICT)
        .header("content-type", JSON)
        .header("content-encoding", "gzip");
    let (status, _, body) = service.ask(request.body(Body::from("x")).unwrap()).await;
    assert!(status == 415 && String::from_utf8(body).unwrap().contains("compressed"));
    let lying = Request::post(PREDICT)
        .header("content-type", JSON)
        .header("content-length", "999999999999");
    assert_eq!(service.ask(lying.body(Body::empty()).unwrap()).await.0, 413);
}

struct Chunks(std::collections::VecDeque<Result<String, std::io::Error>>);

impl futures_core::Stream for Chunks {
    type Item = Result<String, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.pop_front())
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    struct Never;
    impl futures_core::Stream for Never {
        type Item = Result<String, std::io::Error>;
        fn poll_next(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Pending
        }
    }
    let options = ServeOptions {
        body_timeout: std::time::Duration::from_millis(20),
        ..Default::default()
    };
    let service = Service::new(rows(), options);
    service
        .refused(PREDICT, JSON, Body::from_stream(Never), 408, "took longer")
        .await;
    let options = ServeOptions {
        max_requests: 0,
        ..Default::default()
    };
    let service = Service::new(rows(), options);
    service.refused(PREDICT, JSON, "{}", 503, "busy").await;
}

/// Numbers that are finite, and too large for the model: it has no answer, and says for which record.
#[tokio::test]
async fn what_is_no_number_is_no_answer() {
    let service = Service::new(rows(), ServeOptions::default());
    let body = instances(json!([[100.0, 3.0], [3e38, 3e38]]));
    let reason = "record 1: the model's output `values` is inf";
    service
        .refused(PREDICT, "application/json", body, 400, reason)
        .await;
}
