//! The Python client of Triton with its defaults, against a real socket.
//!
//! It runs where `JINGWEI_TEST_PYTHON`, or else `python3`, has the package `tritonclient[http]`, and is skipped elsewhere.

use std::path::Path;
use std::process::Command;

use jingwei_serve::{ServeOptions, State, serve_until};
use tokio::net::TcpListener;

use crate::model::{noise, pictures};

fn python() -> Option<String> {
    let python = std::env::var("JINGWEI_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python)
        .args(["-c", "import tritonclient.http"])
        .output();
    found
        .is_ok_and(|output| output.status.success())
        .then_some(python)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_of_triton_infers() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with tritonclient[http]; name one in JINGWEI_TEST_PYTHON");
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let state = State::new(pictures(), ServeOptions::default());
    let samples = noise(9, 5 * 784);
    let expected = state.predictor().predict(&samples, 5).unwrap();
    let bytes = |values: &[f32]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("samples"), bytes(&samples)).unwrap();
    std::fs::write(folder.path().join("expected"), bytes(&expected)).unwrap();
    tokio::spawn(serve_until(listener, state, std::future::pending()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/triton_client.py");
    let output = tokio::task::spawn_blocking(move || {
        Command::new(python)
            .arg(script)
            .arg(address)
            .arg(folder.path())
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    println!("{}", String::from_utf8_lossy(&output.stdout));
}
