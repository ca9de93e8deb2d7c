//! A task of one's own: one folder, and one line that adds it.

mod task;

use std::fs;
use std::sync::atomic::AtomicBool;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use jingwei_bundle::{Bundle, Prediction, Predictor, Record, Values};
use jingwei_engine::{Level, Runtime};
use jingwei_metrics::Evaluation;
use jingwei_serve::{ServeOptions, State, app};
use jingwei_tasks::init::init;
use jingwei_tasks::run::{Job, run_training};
use tower::ServiceExt;

const SIDE: usize = 6;

/// Pictures of which each pixel is black or white.
fn pictures(count: usize) -> Vec<u8> {
    let pixel = |at: usize| match jingwei_random::mix(1, at as u64) % 7 > at as u64 / 36 % 7 {
        true => 0,
        false => 255,
    };
    (0..count * SIDE * SIDE).map(pixel).collect()
}

/// An IDX file, whose labels nobody needs here.
fn idx(kind: u8, sizes: &[usize], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, kind];
    sizes
        .iter()
        .for_each(|&size| bytes.extend((size as u32).to_be_bytes()));
    bytes.extend(values);
    bytes
}

#[tokio::test]
async fn it_goes_from_init_to_serve() {
    jingwei_tasks::task::add(&task::BlackPixels);

    let folder = tempfile::tempdir().unwrap();
    let pixels = pictures(400);
    let images = idx(3, &[400, SIDE, SIDE], &pixels);
    fs::write(folder.path().join("black-images-idx3-ubyte"), images).unwrap();
    let labels: Vec<u8> = (0..400).map(|at| (at % 2) as u8).collect();
    let labels = idx(1, &[400], &labels);
    fs::write(folder.path().join("black-labels-idx1-ubyte"), labels).unwrap();

    let recipe = init(&folder.path().join("black"), folder.path()).unwrap();
    assert!(recipe.contains("task = \"black-pixels\""), "{recipe}");
    let path = folder.path().join("recipe.toml");
    fs::write(&path, recipe).unwrap();

    let job = Job::load(&path).unwrap();
    let runtime = Runtime::new(Level::best(), 1).unwrap();
    let run = folder.path().join("run");
    let never = AtomicBool::new(false);
    let result = run_training(&job, &run, &runtime, &mut [], &never).unwrap();
    let Some(Evaluation::Regression(summary)) = &result.test else {
        panic!("{:?}", result.test);
    };
    assert!(summary.mae < 1.0, "{summary:?}");

    let bundle = Bundle::load(result.bundle.unwrap()).unwrap();
    assert_eq!(bundle.manifest().task, "black-pixels");
    bundle.verify(&runtime).unwrap();
    let report = fs::read_to_string(run.join("bundle/report.html")).unwrap();
    assert!(report.contains("counting black pixels"));

    let predictor = Predictor::new(bundle, runtime).unwrap();
    let first = &pixels[..SIDE * SIDE];
    let black = first.iter().filter(|&&pixel| pixel == 0).count() as f32;
    let answer = &predictor.predict_raw(&[Record::Pixels(first)]).unwrap()[0];
    let Prediction::Values(Values { values }) = answer else {
        panic!("{answer:?}");
    };
    assert!((values[0] - black).abs() < 3.0, "{values:?} for {black}");

    let service = app(State::new(predictor, ServeOptions::default()));
    let body = serde_json::json!({ "instances": [first] }).to_string();
    let request = Request::post("/v1/predict").header("content-type", "application/json");
    let response = service
        .oneshot(request.body(Body::from(body)).unwrap())
        .await;
    let body = to_bytes(response.unwrap().into_body(), 1 << 20)
        .await
        .unwrap();
    let served: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(served["targets"][0], "black pixels");
    let found = served["predictions"][0]["values"][0].as_f64().unwrap();
    assert!((found - f64::from(values[0])).abs() < 1e-3, "{served}");
}
