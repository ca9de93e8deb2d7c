//! The memory and time of one request are bounded, whatever it asks for, and nothing else suffers.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jingwei_bundle::{Bundle, Existing, OutputKind, Parts, Predictor, write};
use jingwei_data::Preparation;
use jingwei_data::prepare::{
    FeaturePreparation, TargetPreparation, TextOptions, TextPreparation, Tokenizer,
};
use jingwei_engine::{Function, Layout, Level, Runtime};
use jingwei_graph::{Dim, Graph, Shape, Symbol};
use jingwei_serve::ServeOptions;
use serde_json::{Value, json};

use crate::model::{Service, pictures, rows, slow};

const PREDICT: &str = "/v1/predict";
const INFER: &str = "/v2/models/mnist/infer";
const JSON: &str = "application/json";

fn service(predictor: Predictor) -> Service {
    Service::new(predictor, ServeOptions::default())
}

/// A model with a parameter-free graph.
fn predictor(
    graph: Graph,
    output: jingwei_graph::NodeId,
    preparation: Option<Preparation>,
) -> Predictor {
    let runtime = Runtime::new(Level::best(), 2).unwrap();
    let function = Function::new(graph, vec![output], Layout::default(), Layout::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mnist.bundle");
    let parts = Parts {
        task: "test",
        function: &function,
        outputs: &[("values", OutputKind::Values)],
        parameters: &[],
        states: &[],
        preparation: preparation.as_ref(),
        reading: None,
        samples: &[],
        time: 0,
        metrics: Value::Null,
        report: None,
        recipe: None,
    };
    write(&path, &parts, &runtime, Existing::Refuse).unwrap();
    Predictor::new(Bundle::load(path).unwrap(), runtime).unwrap()
}

/// A model of sequences of any length, which gives them as they are if they are not negative.
fn sequences() -> Predictor {
    let mut graph = Graph::new();
    let shape = Shape(vec![Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time)]);
    let x = graph.input("steps", shape);
    let y = graph.relu(x).unwrap();
    predictor(graph, y, None)
}

/// A model of texts in pieces, which gives the ids of the first eight.
fn texts() -> Predictor {
    let mut graph = Graph::new();
    let x = graph.input("tokens", Shape::batch_of(&[8]));
    let y = graph.relu(x).unwrap();
    let options = TextOptions {
        tokenizer: Tokenizer::Bpe(Default::default()),
        truncate: jingwei_data::prepare::Side::Before,
        length: Some(8),
        ..TextOptions::default()
    };
    let texts = ["a text of words", "another text of words"];
    let preparation = Preparation {
        features: FeaturePreparation::Text(Box::new(
            TextPreparation::fit(&texts[..], &options).unwrap(),
        )),
        targets: TargetPreparation::None,
    };
    predictor(graph, y, Some(preparation))
}

fn infer(shape: Value, data: Value, outputs: Value) -> String {
    let input = json!({ "name": "pixels", "shape": shape, "datatype": "FP32", "data": data });
    json!({ "inputs": [input], "outputs": outputs }).to_string()
}

#[tokio::test]
async fn an_output_is_asked_for_once() {
    let service = service(pictures());
    let outputs = |count: usize| Value::from(vec![json!({ "name": "probabilities" }); count]);
    let body = |count: usize| infer(json!([1, 28, 28, 1]), json!(vec![0; 784]), outputs(count));
    let refused = async |count, reason| {
        service.refused(INFER, JSON, body(count), 400, reason).await;
    };
    refused(2, "output `probabilities` is asked for twice").await;
    refused(1_000, "is asked for twice").await;
    refused(8_000, "a list of at most 1024 elements").await;
    assert_eq!(service.post(INFER, JSON, body(1)).await.0, 200);
}

#[tokio::test]
async fn shapes_never_wrap() {
    let service = service(sequences());
    let body = |shape: Value, data: Value| {
        let input = json!({ "name": "steps", "shape": shape, "datatype": "FP32", "data": data });
        json!({ "inputs": [input] }).to_string()
    };
    let good = body(json!([2, 5]), json!(vec![1; 10]));
    assert_eq!(service.post(INFER, JSON, good).await.0, 200);
    // 2 × (2⁶³ + 5) is 10 in 64 bits.
    for sizes in [
        json!([2, (1_u64 << 63) + 5]),
        json!([4, 1_u64 << 62]),
        json!([2, u64::MAX]),
    ] {
        let body = body(sizes, json!(vec![1; 10]));
        service
            .refused(INFER, JSON, body, 400, "no body holds")
            .await;
    }
}

#[tokio::test]
async fn numbers_are_written_as_ever() {
    let service = service(rows());
    let input =
        json!({ "name": "columns", "shape": [1, 2], "datatype": "FP32", "data": [0.1, 0.3] });
    let body = json!({ "id": "a", "inputs": [input] }).to_string();
    let request = Request::post(INFER).body(Body::from(body)).unwrap();
    let (_, _, body) = service.ask(request).await;
    let value = json!(f64::from((0.1_f32 * 2.0 + 0.3) * 10.0 + 1000.0));
    let expected = format!(
        r#"{{"id":"a","model_name":"mnist","model_version":"1","outputs":[{{"data":[{value}],"datatype":"FP32","name":"values","shape":[1,1]}}]}}"#
    );
    assert_eq!(String::from_utf8(body).unwrap(), expected);
    let request = Request::post(PREDICT).header("content-type", JSON);
    let body = json!({ "instances": [[100.5, 3]] }).to_string();
    let (_, _, body) = service.ask(request.body(body.into()).unwrap()).await;
    let expected = r#"{"model":"mnist","targets":["price"],"predictions":[{"values":[1000.2]}]}"#;
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[tokio::test]
async fn a_request_beyond_its_memory_is_refused() {
    let options = ServeOptions {
        request_memory: 1 << 20,
        ..ServeOptions::default()
    };
    let service = Service::new(rows(), options);
    let refused = async |path: &str, kind: &str, body: String| {
        let reason = "of 1048576 are left: send fewer or smaller records at once";
        service.refused(path, kind, body, 413, reason).await;
    };
    let list = |count: usize, one: &str| format!("[{}]", vec![one; count].join(","));
    let instances = |list: String| format!("{{\"instances\":{list}}}");
    refused(PREDICT, JSON, instances(list(1, &list(500_000, "1")))).await;
    refused(PREDICT, JSON, instances(list(1, &list(500_000, "[1]")))).await;
    let columns = vec!["\"a\":1"; 100_000].join(",");
    refused(PREDICT, JSON, instances(format!("[{{{columns}}}]"))).await;
    refused(
        PREDICT,
        JSON,
        instances(list(1, &format!("\"{}\"", "a".repeat(2_000_000)))),
    )
    .await;
    refused(
        PREDICT,
        "text/csv",
        format!("area,rooms\n{}", ",".repeat(1_000_000)),
    )
    .await;
    refused(
        PREDICT,
        "text/csv",
        format!("area,rooms\n{}", "1,2\n".repeat(16_000)),
    )
    .await;
    let input = json!({ "name": "columns", "shape": [100_000, 2], "datatype": "FP32", "data": vec![0; 200_000] });
    refused(INFER, JSON, json!({ "inputs": [input] }).to_string()).await;
    // Others are answered as ever.
    let (status, answer) = service
        .post(PREDICT, "text/csv", "area,rooms\n100,3\n")
        .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn all_requests_together_have_a_bound() {
    let options = ServeOptions {
        all_memory: 1 << 18,
        ..ServeOptions::default()
    };
    let service = Service::new(rows(), options);
    let row = "1,2\n".repeat(10_000);
    let body = format!("area,rooms\n{row}");
    service
        .refused(
            PREDICT,
            "text/csv",
            body,
            503,
            "while other work has all but",
        )
        .await;
    assert_eq!(
        service
            .post(PREDICT, "text/csv", "area,rooms\n1,2\n")
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_request_beyond_its_time_is_refused() {
    let options = ServeOptions {
        request_timeout: Duration::from_millis(50),
        queue_timeout: Duration::from_secs(20),
        ..ServeOptions::default()
    };
    let service = Service::new(slow(), options);
    let many = format!("a,b\n{}", "1,2\n".repeat(16_384));
    // As many as compute at once, and more: their work ends too, or the others would wait for it.
    for _ in 0..6 {
        service
            .refused(
                PREDICT,
                "text/csv",
                many.clone(),
                503,
                "took longer than 50ms",
            )
            .await;
    }
}

#[tokio::test]
async fn work_of_a_client_that_has_gone_stops() {
    let options = ServeOptions {
        queue_timeout: Duration::from_secs(20),
        request_timeout: Duration::from_secs(600),
        ..ServeOptions::default()
    };
    let service = Service::new(slow(), options);
    let many = format!("a,b\n{}", "1,2\n".repeat(16_384));
    for _ in 0..4 {
        let asked = service.post(PREDICT, "text/csv", many.clone());
        // The client waits for a moment, and goes.
        let gone = tokio::time::timeout(Duration::from_millis(20), asked).await;
        assert!(gone.is_err());
    }
    let (status, answer) = service.post(PREDICT, "text/csv", "a,b\n1,2\n").await;
    assert_eq!(status, 200, "{answer}");
}

/// A grey picture of zeros in one bit a pixel, which compresses a thousandfold.
fn zeros(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let zeros = vec![0; (side.div_ceil(8) * side) as usize];
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&zeros)
        .unwrap();
    bytes
}

#[tokio::test]
async fn pixels_are_bounded_before_they_are_decoded() {
    let service = service(pictures());
    let reason = "the picture has 67125249 pixels, the limit is 67108864";
    service
        .refused(PREDICT, "image/png", zeros(8_193), 413, reason)
        .await;
    let picture = STANDARD.encode(zeros(6_000));
    let body = json!({ "instances": vec![picture.clone(); 8] }).to_string();
    let reason = "the pictures have 288000000 pixels, the limit is 268435456";
    service.refused(PREDICT, JSON, body, 413, reason).await;
    let body = json!({ "instances": [picture] }).to_string();
    assert_eq!(service.post(PREDICT, JSON, body.clone()).await.0, 200);
    let options = ServeOptions {
        request_memory: 64 << 20,
        ..ServeOptions::default()
    };
    let service = Service::new(pictures(), options);
    service
        .refused(PREDICT, JSON, body, 413, "of 67108864 are left")
        .await;
}

#[tokio::test]
async fn texts_that_grow_are_encoded_in_little_memory() {
    let options = ServeOptions {
        request_memory: 64 << 20,
        ..ServeOptions::default()
    };
    let service = Service::new(texts(), options);
    // Each character of three bytes becomes 18 of 33 bytes in all.
    let text = |count: usize| "\u{fdfa}".repeat(count);
    let (status, answer) = service.post(PREDICT, "text/plain", text(100_000)).await;
    assert_eq!(status, 200, "{answer}");
    service
        .refused(
            PREDICT,
            "text/plain",
            text(3_000_000),
            413,
            "of 67108864 are left",
        )
        .await;
}

#[tokio::test]
async fn wide_tables_take_no_time() {
    let options = ServeOptions {
        // A search through all names for each takes longer by far.
        request_timeout: Duration::from_secs(5),
        ..ServeOptions::default()
    };
    let service = Service::new(rows(), options);
    let names: String = (0..200_000).map(|column| format!("c{column},")).collect();
    let values = "1,".repeat(200_000);
    let body = format!("{names}area,rooms\n{values}100,3\n");
    let (status, answer) = service.post(PREDICT, "text/csv", body).await;
    assert_eq!(status, 200, "{answer}");
    let columns: String = (0..200_000)
        .map(|column| format!("\"c{column}\":1,"))
        .collect();
    let body = format!("{{\"instances\":[{{{columns}\"area\":100,\"rooms\":3}}]}}");
    let (status, answer) = service.post(PREDICT, JSON, body).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn bodies_of_every_kind_are_answered_in_time() {
    let options = ServeOptions {
        request_timeout: Duration::from_secs(10),
        ..ServeOptions::default()
    };
    let many = 1_000_000;
    let instances = |inner: String| format!("{{\"instances\":{inner}}}");
    let bodies = [
        instances("[".repeat(many)),
        instances("{\"a\":".repeat(many)),
        instances(format!("[[{}]]", "9".repeat(many))),
        instances(format!("[[1e{}]]", "9".repeat(many))),
        instances(format!("[[0.{}1]]", "0".repeat(many))),
        instances("[[1e999]]".to_owned()),
        instances(format!("[{}[]]", "[],".repeat(many))),
        instances(format!("[{{{}\"a\":1}}]", "\"a\":1,".repeat(many))),
        instances(format!("[{{\"{}\":1}}]", "a".repeat(many))),
        instances(format!("[\"{}\"]", "\\u4e00".repeat(many))),
        format!("{{{}", "\"x\":1,".repeat(many)),
        format!("{{\"{}\":1}}", "x".repeat(many)),
        "[".repeat(many),
        "\"".repeat(many),
        String::new(),
    ];
    for (service, path) in [
        (pictures(), PREDICT),
        (pictures(), INFER),
        (texts(), PREDICT),
    ] {
        let service = Service::new(service, options.clone());
        for body in &bodies {
            let (status, answer) = service.post(path, JSON, body.clone()).await;
            let (answer, start) = (answer.to_string(), &body[..body.len().min(20)]);
            assert!(
                status.is_success() || status == 400,
                "{start}: {answer:.200}"
            );
            assert!(status.is_success() || answer.len() < 5_000, "{start}");
        }
    }
    let tables = [
        ",".repeat(many),
        "\"".repeat(many),
        format!("\"{}", "a\n".repeat(many)),
        format!("a\n{}", "1\n".repeat(many)),
        "a\n\"".repeat(many / 2),
        "\r".repeat(many),
    ];
    let service = Service::new(rows(), options);
    for table in &tables {
        let (status, answer) = service.post(PREDICT, "text/csv", table.clone()).await;
        assert_eq!(status, 400, "{answer:.200}");
    }
}
