use axum::body::Body;
use axum::http::Request;
use jingwei_serve::ServeOptions;
use serde_json::{Value, json};

use crate::model::{Service, noise, numbers, pictures, rows};

const INFER: &str = "/v2/models/mnist/infer";

fn service() -> Service {
    Service::new(pictures(), ServeOptions::default())
}

fn request(samples: usize, data: Value) -> Value {
    let input = json!({ "name": "pixels", "shape": [samples, 28, 28, 1], "datatype": "FP32", "data": data });
    json!({ "id": "seven", "inputs": [input] })
}

/// A body of JSON and bytes, with its header.
fn binary(path: &str, json: &Value, values: &[f32]) -> Request<Body> {
    let json = json.to_string();
    let length = json.len();
    let mut body = json.into_bytes();
    body.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let request = Request::post(path).header("Inference-Header-Content-Length", length);
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn the_server_and_its_model_are_described() {
    let service = service();
    for path in [
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/mnist/ready",
        "/v2/models/mnist/versions/1/ready",
    ] {
        assert_eq!(service.get(path).await.0, 200, "{path}");
    }
    let (_, server) = service.get("/v2").await;
    assert_eq!(server["name"], "jingwei");
    assert!(
        server["extensions"]
            .as_array()
            .unwrap()
            .contains(&json!("binary_tensor_data"))
    );
    let (_, model) = service.get("/v2/models/mnist").await;
    let input = json!({ "name": "pixels", "datatype": "FP32", "shape": [-1, 28, 28, 1] });
    let output = json!({ "name": "probabilities", "datatype": "FP32", "shape": [-1, 10] });
    let expected = json!({ "name": "mnist", "versions": ["1"], "platform": "jingwei", "inputs": [input], "outputs": [output] });
    assert_eq!(model, expected);
    assert_eq!(service.get("/v2/models/mnist/versions/1").await.1, model);
    let (_, config) = service.get("/v2/models/mnist/config").await;
    assert_eq!(config["input"][0]["dims"], json!([28, 28, 1]));
    let (_, index) = service
        .post("/v2/repository/index", "application/json", "")
        .await;
    assert_eq!(
        index,
        json!([{ "name": "mnist", "version": "1", "state": "READY", "reason": "" }])
    );
}

#[tokio::test]
async fn tensors_in_json() {
    let service = service();
    let samples = noise(5, 2 * 784);
    let expected = service.state.predictor().predict(&samples, 2).unwrap();
    let flat = service
        .post(
            INFER,
            "application/json",
            request(2, json!(samples)).to_string(),
        )
        .await;
    assert_eq!(flat.0, 200);
    assert_eq!(
        (
            &flat.1["id"],
            &flat.1["model_name"],
            &flat.1["model_version"]
        ),
        (&json!("seven"), &json!("mnist"), &json!("1"))
    );
    let output = &flat.1["outputs"][0];
    assert_eq!(
        (&output["name"], &output["datatype"], &output["shape"]),
        (&json!("probabilities"), &json!("FP32"), &json!([2, 10]))
    );
    assert_eq!(numbers(&output["data"]), expected);
    let nested: Vec<Vec<Vec<Vec<f32>>>> = samples
        .chunks(784)
        .map(|sample| {
            sample
                .chunks(28)
                .map(|row| row.iter().map(|&pixel| vec![pixel]).collect())
                .collect()
        })
        .collect();
    let nested = service
        .post(
            INFER,
            "application/json",
            request(2, json!(nested)).to_string(),
        )
        .await;
    assert_eq!(nested, flat);
}

#[tokio::test]
async fn tensors_in_bytes() {
    let service = service();
    let samples = noise(6, 3 * 784);
    let expected = service.state.predictor().predict(&samples, 3).unwrap();
    let input = json!({ "name": "pixels", "shape": [3, 28, 28, 1], "datatype": "FP32", "parameters": { "binary_data_size": 3 * 784 * 4 } });
    let json =
        json!({ "inputs": [input], "parameters": { "binary_data_output": true, "whatever": 1 } });
    let (status, headers, body) = service.ask(binary(INFER, &json, &samples)).await;
    assert_eq!(status, 200);
    let length: usize = headers["inference-header-content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let (head, tail) = body.split_at(length);
    let head: Value = serde_json::from_slice(head).unwrap();
    assert_eq!(head["outputs"][0]["parameters"]["binary_data_size"], 120);
    assert!(head["outputs"][0].get("data").is_none());
    let found: Vec<f32> = tail
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn classes_are_named() {
    let service = service();
    let samples = noise(8, 784);
    let expected = service.state.predictor().predict(&samples, 1).unwrap();
    let mut order: Vec<usize> = (0..10).collect();
    order.sort_by(|&a, &b| expected[b].total_cmp(&expected[a]));
    let mut request = request(1, json!(samples));
    request["outputs"] =
        json!([{ "name": "probabilities", "parameters": { "classification": 3 } }]);
    let (_, answer) = service
        .post(INFER, "application/json", request.to_string())
        .await;
    let output = &answer["outputs"][0];
    assert_eq!(
        (&output["datatype"], &output["shape"]),
        (&json!("BYTES"), &json!([1, 3]))
    );
    for (line, &class) in output["data"].as_array().unwrap().iter().zip(&order) {
        assert_eq!(
            *line,
            format!("{:.6}:{class}:digit {class}", expected[class])
        );
    }
}

#[tokio::test]
async fn predicted_numbers_come_in_the_units_of_the_targets() {
    let service = Service::new(
        rows(),
        ServeOptions {
            name: Some("price".into()),
            ..Default::default()
        },
    );
    let input = json!({ "name": "columns", "shape": [2, 2], "datatype": "FP32", "data": [[0, 0], [1.0, -1]] });
    let body = json!({ "inputs": [input] }).to_string();
    let (_, answer) = service
        .post("/v2/models/price/infer", "application/json", body)
        .await;
    assert_eq!(numbers(&answer["outputs"][0]["data"]), [1000.0, 1010.0]);
}

#[tokio::test]
async fn wrong_requests_are_refused() {
    let service = service();
    let zeros = vec![0; 784];
    let good = request(1, json!(zeros));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut request = good.clone();
        change(&mut request);
        request.to_string()
    };
    let cases: [(String, &str); 18] = [
        (
            changed(&|r| r["inputs"][0]["name"] = json!("x")),
            "the model has no input `x`: it reads pixels",
        ),
        (
            changed(&|r| r["inputs"][0]["shape"] = json!([1, 784])),
            "expected the shape [samples, 28, 28, 1], found [1, 784]",
        ),
        (
            changed(&|r| r["inputs"][0]["shape"] = json!([0, 28, 28, 1])),
            "expected 1 to 16384 samples, found 0",
        ),
        (
            changed(&|r| r["inputs"][0]["shape"] = json!([u64::MAX, 28, 28, 1])),
            "expected 1 to 16384 samples",
        ),
        (
            changed(&|r| r["inputs"][0]["shape"] = json!([-1, 28, 28, 1])),
            "not as the protocol says",
        ),
        (
            changed(&|r| r["inputs"][0]["shape"] = json!([2, 28, 28, 1])),
            "expected data of the shape [2, 28, 28, 1], flat or nested, found [784]",
        ),
        (
            changed(&|r| r["inputs"][0]["datatype"] = json!("INT8")),
            "expected the datatype FP32, found INT8",
        ),
        (
            changed(&|r| r["inputs"][0]["data"][3] = json!(null)),
            "not as the protocol says",
        ),
        (
            changed(&|r| r["inputs"][0]["data"][3] = json!([1])),
            "side by side",
        ),
        (
            changed(&|r| r["inputs"][0]["data"][3] = json!(1e300)),
            "sample 0, value 3: is inf",
        ),
        (
            changed(&|r| r["inputs"][0]["data"] = json!([])),
            "flat or nested, found [0]",
        ),
        (
            changed(&|r| r["inputs"][0]["data"] = json!([[1, 2], [3]])),
            "a list of 1 elements stands where others have 2",
        ),
        (
            changed(&|r| {
                r["inputs"][0].as_object_mut().unwrap().remove("data");
            }),
            "neither `data` nor `binary_data_size`",
        ),
        (
            changed(&|r| r["inputs"] = json!([])),
            "input `pixels` of shape [samples, 28, 28, 1] is missing",
        ),
        (
            changed(&|r| {
                let input = r["inputs"][0].clone();
                r["inputs"].as_array_mut().unwrap().push(input);
            }),
            "is there twice",
        ),
        (
            changed(&|r| r["outputs"] = json!([{ "name": "y" }])),
            "no output `y`: it gives probabilities",
        ),
        (
            changed(&|r| r["inputs"][0]["parameters"] = json!({ "shared_memory_region": "a" })),
            "shared memory is not supported",
        ),
        ("{".to_owned(), "not as the protocol says"),
    ];
    for (body, reason) in cases {
        service
            .refused(INFER, "application/json", body, 400, reason)
            .await;
    }
    let deep = format!(
        "{{\"inputs\":[{{\"name\":\"pixels\",\"shape\":[1,28,28,1],\"datatype\":\"FP32\",\"data\":{}",
        "[".repeat(5000)
    );
    service
        .refused(INFER, "application/json", deep, 400, "nested deeper")
        .await;
}

#[tokio::test]
async fn wrong_bytes_are_refused() {
    let service = service();
    let input = |size: usize| {
        let input = json!({ "name": "pixels", "shape": [1, 28, 28, 1], "datatype": "FP32", "parameters": { "binary_data_size": size } });
        json!({ "inputs": [input] })
    };
    let cases: [(usize, Vec<f32>, &str); 4] = [
        (
            784 * 4,
            vec![0.0; 783],
            "expected 3136 bytes, 3136 are stated, 3132 are left",
        ),
        (
            784 * 4,
            vec![0.0; 785],
            "4 bytes behind the tensors belong to none",
        ),
        (usize::MAX, vec![0.0; 784], "are stated"),
        (784 * 4, vec![f32::NAN; 784], "value 0: is NaN"),
    ];
    for (size, values, reason) in cases {
        let (status, _, body) = service.ask(binary(INFER, &input(size), &values)).await;
        let text = String::from_utf8(body).unwrap();
        assert!(status == 400 && text.contains(reason), "{status} {text}");
    }
    for length in ["x", "-1", "99999999"] {
        let request = Request::post(INFER).header("Inference-Header-Content-Length", length);
        let (status, _, body) = service.ask(request.body("{}".into()).unwrap()).await;
        let text = String::from_utf8(body).unwrap();
        assert!(
            status == 400 && text.contains("is no length within the body"),
            "{status} {text}"
        );
    }
}

#[tokio::test]
async fn wrong_addresses_are_refused() {
    let service = service();
    for path in [
        "/v2/models/other",
        "/v2/models/mnist/versions/2",
        "/v2/models/mnist/stats",
        "/nowhere",
        "/v2/models/other/ready",
    ] {
        let (status, answer) = service.get(path).await;
        assert!(
            status == 404 && answer["error"].is_string(),
            "{path}: {status} {answer}"
        );
    }
    for path in [INFER, "/v1/predict", "/v2/repository/index"] {
        let (status, answer) = service.get(path).await;
        assert!(
            status == 405 && answer["error"].is_string(),
            "{path}: {status} {answer}"
        );
    }
    service
        .refused(
            "/v2/models/other/infer",
            "application/json",
            "{}",
            404,
            "no model `other`: this server has `mnist`",
        )
        .await;
}
