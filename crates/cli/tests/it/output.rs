//! What is printed where.

use std::process::Stdio;

use crate::support::{Place, Ran, json_lines};

#[test]
fn help_tells_the_commands_and_the_statuses() {
    let help = Place::new().run(&["--help"]).done();
    for word in ["init", "train", "predict", "serve", "Exit status"] {
        assert!(help.contains(word), "{help}");
    }
    assert!(
        Place::new()
            .run(&["--version"])
            .done()
            .starts_with("jingwei ")
    );
}

#[test]
fn nothing_is_coloured_where_there_is_no_terminal() {
    let place = Place::new();
    let ran = place.run(&["bench", "mlp", "--seconds", "0.01", "--profile"]);
    assert!(!ran.errors.contains('\x1b'), "{}", ran.errors);
    let text = ran.done();
    assert!(
        !text.contains('\x1b') && text.contains("training step") && text.contains("kernel"),
        "{text}"
    );
}

#[test]
fn a_benchmark_is_a_line_of_json() {
    let text = Place::new()
        .run(&["bench", "mlp", "--seconds", "0.01", "--json"])
        .done();
    let lines = json_lines(&text);
    let [line] = lines.as_slice() else {
        panic!("{text}")
    };
    assert!(
        line["peer"]
            .as_str()
            .is_some_and(|peer| peer.starts_with("Jingwei "))
    );
    assert_eq!(line["workload"], "mlp");
    for time in ["train_ms", "bare_step_ms", "infer_ms", "infer_one_ms"] {
        assert!(line[time].as_f64().is_some_and(|time| time > 0.0), "{line}");
    }
    let losses: Vec<f64> = line["losses"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_f64)
        .collect();
    assert_eq!(losses.len(), 20);
    assert!(
        losses.iter().all(|loss| (0.1..2.0).contains(loss)),
        "{losses:?}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut child = place.start(&["completions", "bash"]);
    drop(child.stdout.take());
    let ran = Ran::of(child.wait_with_output().expect("it ends"), &["completions"]);
    assert_eq!((ran.status, ran.errors.as_str()), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_is_full_is_an_error() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let place = Place::new();
    let mut command = place.command(&["completions", "zsh"]);
    let output = command
        .stdout(Stdio::from(full))
        .stderr(Stdio::piped())
        .output()
        .expect("the binary runs");
    Ran::of(output, &["completions"]).fails(1, &["standard output"]);
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(
            Place::new()
                .run(&["completions", shell])
                .done()
                .contains("jingwei")
        );
    }
}
