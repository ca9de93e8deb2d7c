//! Small models with seeded weights, and a way to ask them.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use jingwei_bundle::{Bundle, Existing, OutputKind, Parts, Predictor, write};
use jingwei_data::Preparation;
use jingwei_data::prepare::{
    Column, ColumnScaling, FeaturePreparation, ImagePreparation, ImageScaling, TargetPreparation,
};
use jingwei_engine::{Function, Layout, Level, Runtime};
use jingwei_graph::ops::{ConvAttributes, Window};
use jingwei_graph::{Graph, Shape};
use jingwei_serve::{ServeOptions, State, app};
use serde_json::Value;
use tower::ServiceExt;

/// Values in (-1, 1).
pub fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 23) as f32) - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Pictures of 28×28×1 in ten classes.
pub fn pictures() -> Predictor {
    let mut graph = Graph::new();
    let x = graph.input("pixels", Shape::batch_of(&[28, 28, 1]));
    let kernel = graph.parameter("conv/kernel", &[3, 3, 1, 4]);
    let bias = graph.parameter("conv/bias", &[4]);
    let y = graph.conv2d(x, kernel, ConvAttributes::default()).unwrap();
    let y = graph.add_values(y, bias).unwrap();
    let y = graph.relu(y).unwrap();
    let window = Window {
        size: [2, 2],
        stride: [2, 2],
        padding: [0; 4],
    };
    let y = graph.max_pool2d(y, window).unwrap();
    let y = graph.flatten(y).unwrap();
    let kernel = graph.parameter("dense/kernel", &[676, 10]);
    let y = graph.matmul(y, kernel).unwrap();
    let y = graph.softmax(y).unwrap();
    let layout = Layout::new([
        ("conv/kernel", vec![3, 3, 1, 4]),
        ("conv/bias", vec![4]),
        ("dense/kernel", vec![676, 10]),
    ]);
    let parameters = noise(1, layout.len())
        .iter()
        .map(|value| value * 0.2)
        .collect();
    let images = ImagePreparation {
        height: 28,
        width: 28,
        channels: 1,
        scaling: ImageScaling::Unit,
    };
    let preparation = Preparation {
        features: FeaturePreparation::Images(images),
        targets: TargetPreparation::Classes(
            (0..10).map(|class| format!("digit {class}")).collect(),
        ),
    };
    let function = Function::new(graph, vec![y], layout, Layout::default());
    predictor(
        &function,
        ("probabilities", OutputKind::Probabilities),
        parameters,
        &preparation,
    )
}

/// price = 1000 + 10 × (2 × scaled area + scaled rooms).
pub fn rows() -> Predictor {
    let mut graph = Graph::new();
    let x = graph.input("columns", Shape::batch_of(&[2]));
    let kernel = graph.parameter("dense/kernel", &[2, 1]);
    let y = graph.matmul(x, kernel).unwrap();
    let layout = Layout::new([("dense/kernel", vec![2, 1])]);
    let mut parameters = vec![0.0; layout.len()];
    parameters[..2].copy_from_slice(&[2.0, 1.0]);
    let column = |name: &str, mean, std| Column {
        name: name.to_owned(),
        scaling: ColumnScaling::Standardise { mean, std },
    };
    let preparation = Preparation {
        features: FeaturePreparation::Rows(vec![
            column("area", 100.0, 50.0),
            column("rooms", 3.0, 1.0),
        ]),
        targets: TargetPreparation::Values(vec![column("price", 1000.0, 10.0)]),
    };
    let function = Function::new(graph, vec![y], layout, Layout::default());
    predictor(
        &function,
        ("values", OutputKind::Values),
        parameters,
        &preparation,
    )
}

/// A model of two columns that takes its time: 16 products with a matrix of 1024².
pub fn slow() -> Predictor {
    let mut graph = Graph::new();
    let x = graph.input("columns", Shape::batch_of(&[2]));
    let first = graph.parameter("first", &[2, 1024]);
    let kernel = graph.parameter("kernel", &[1024, 1024]);
    let last = graph.parameter("last", &[1024, 1]);
    let mut y = graph.matmul(x, first).unwrap();
    for _ in 0..16 {
        y = graph.matmul(y, kernel).unwrap();
    }
    let y = graph.matmul(y, last).unwrap();
    let layout = Layout::new([
        ("first", vec![2, 1024]),
        ("kernel", vec![1024, 1024]),
        ("last", vec![1024, 1]),
    ]);
    let parameters = vec![0.0; layout.len()];
    let column = |name: &str| Column {
        name: name.to_owned(),
        scaling: ColumnScaling::Standardise {
            mean: 0.0,
            std: 1.0,
        },
    };
    let preparation = Preparation {
        features: FeaturePreparation::Rows(vec![column("a"), column("b")]),
        targets: TargetPreparation::Values(vec![column("c")]),
    };
    let function = Function::new(graph, vec![y], layout, Layout::default());
    predictor(
        &function,
        ("values", OutputKind::Values),
        parameters,
        &preparation,
    )
}

fn predictor(
    function: &Function,
    output: (&str, OutputKind),
    parameters: Vec<f32>,
    preparation: &Preparation,
) -> Predictor {
    let runtime = Runtime::new(Level::best(), 2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mnist.bundle");
    let parts = Parts {
        task: "test",
        function,
        outputs: &[output],
        parameters: &parameters,
        states: &[],
        preparation: Some(preparation),
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

/// A service and the predictions to expect of it.
pub struct Service {
    pub router: Router,
    pub state: State,
}

impl Service {
    pub fn new(predictor: Predictor, options: ServeOptions) -> Self {
        let state = State::new(predictor, options);
        Self {
            router: app(state.clone()),
            state,
        }
    }

    pub async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, body.to_vec())
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, body) = self
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub async fn post(&self, path: &str, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header("content-type", kind)
            .body(body.into())
            .unwrap();
        let (status, _, body) = self.ask(request).await;
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// The reason of a refusal, which must be of a status and name something.
    pub async fn refused(
        &self,
        path: &str,
        kind: &str,
        body: impl Into<Body>,
        status: u16,
        reason: &str,
    ) {
        let (found, answer) = self.post(path, kind, body).await;
        let error = answer["error"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"));
        assert!(error.contains(reason), "{error}");
        assert_eq!(found.as_u16(), status, "{error}");
    }
}

pub fn numbers(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap() as f32)
        .collect()
}
