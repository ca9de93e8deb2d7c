//! Runs that are stopped, killed and taken up again.

use std::os::unix::process::ExitStatusExt;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Place, Ran, digits_recipe, json_lines, wait_for};

pub const TRAIN: [&str; 5] = ["train", "recipe.toml", "--run", "run", "--json"];

pub fn signal(process: &Child, signal: Signal) {
    let process = Pid::from_child(process);
    kill_process(process, signal).expect("the process can be reached");
}

/// The step of the newest checkpoint of a run.
pub fn newest_checkpoint(place: &Place) -> Option<u64> {
    let files = std::fs::read_dir(place.path("run/checkpoints")).ok()?;
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| {
            name.strip_prefix("step-")?
                .strip_suffix(".safetensors")?
                .parse()
                .ok()
        })
        .max()
}

/// Waits until a run has a checkpoint of this step or a later one, or ended.
pub fn wait_for_step(place: &Place, process: &mut Child, step: u64) {
    wait_for("a checkpoint", || {
        let ended = process
            .try_wait()
            .expect("the process can be asked")
            .is_some();
        (ended || newest_checkpoint(place) >= Some(step)).then_some(())
    });
}

/// What a run never stopped comes to.
pub fn reference(recipe: &str) -> (Value, Vec<Value>) {
    let place = Place::new();
    place.write("recipe.toml", recipe);
    let result = place.run(&TRAIN).json();
    (result["weights_hash"].clone(), history(&place))
}

/// The history without the times.
pub fn history(place: &Place) -> Vec<Value> {
    let mut epochs = json_lines(&place.read("run/history.jsonl"));
    epochs
        .iter_mut()
        .for_each(|epoch| epoch["seconds"] = Value::Null);
    epochs
}

#[test]
fn ctrl_c_saves_and_the_same_command_goes_on() {
    let recipe = digits_recipe(6);
    let expected = reference(&recipe);
    let place = Place::new();
    place.write("recipe.toml", &recipe);
    let mut process = place.start(&TRAIN);
    wait_for_step(&place, &mut process, 5);
    place
        .run(&TRAIN)
        .fails(1, &["run", "another process", "choose another run folder"]);
    signal(&process, Signal::INT);
    let stopped = Ran::of(process.wait_with_output().expect("it ends"), &TRAIN);
    assert_eq!(stopped.status, Some(130), "{}", stopped.errors);
    let result = json_lines(&stopped.output).pop().expect("a line");
    assert_eq!(result["outcome"], "interrupted");
    assert!(!place.path("run/bundle").exists());
    let stopped_at = newest_checkpoint(&place).expect("a checkpoint");

    let result = place.run(&TRAIN).json();
    assert_eq!(result["resumed_from"], stopped_at);
    assert_eq!(result["outcome"], "finished");
    assert_eq!((result["weights_hash"].clone(), history(&place)), expected);
    place.run(&["inspect", "run/bundle"]).done();
}

/// How often one run is killed.
const KILLS: u64 = 20;
/// Its length: enough steps for every kill to meet it.
const EPOCHS: u32 = 12;
const STEPS: u64 = 41 * EPOCHS as u64;

#[test]
fn a_killed_run_ends_in_the_same_weights() {
    let recipe = digits_recipe(EPOCHS);
    let expected = reference(&recipe);
    let place = Place::new();
    place.write("recipe.toml", &recipe);
    let (mut random, mut landed) = (1_u64, 0);
    for kill in 0..KILLS {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut process = place.start(&TRAIN);
        let step = kill * STEPS / KILLS + (random >> 33) % (STEPS / KILLS);
        wait_for_step(&place, &mut process, step);
        signal(&process, Signal::KILL);
        landed += u64::from(process.wait().expect("it ends").signal() == Some(9));
    }
    assert!(
        landed > KILLS / 2,
        "only {landed} of {KILLS} kills met a run that was not over"
    );
    let result = place.run(&TRAIN).json();
    assert_eq!((result["weights_hash"].clone(), history(&place)), expected);
}

#[test]
fn another_training_is_not_mixed_in() {
    let place = Place::new();
    place.write("recipe.toml", digits_recipe(1));
    place.run(&TRAIN).done();
    place.write(
        "recipe.toml",
        digits_recipe(1).replace("units = 32", "units = 33"),
    );
    place
        .run(&TRAIN)
        .fails(1, &["run", "units", "choose another run folder"]);
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let recipe = digits_recipe(2);
    let expected = reference(&recipe);
    let place = Place::new();
    place.write("recipe.toml", &recipe);
    let mut process = place.start(&TRAIN);
    wait_for_step(&place, &mut process, 10);
    signal(&process, Signal::INT);
    process.wait().expect("it ends");
    let newest = newest_checkpoint(&place).expect("a checkpoint");
    let path = place.path(format!("run/checkpoints/step-{newest:012}.safetensors"));
    let mut bytes = std::fs::read(&path).expect("the checkpoint");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("the checkpoint");
    let ran = place.run(&TRAIN);
    assert!(
        ran.errors.contains("warning: ") && ran.errors.contains("damaged"),
        "{}",
        ran.errors
    );
    assert_eq!(
        (ran.json()["weights_hash"].clone(), history(&place)),
        expected
    );
}

const REVIEWS: &str = r#"task = "text-classification"
[data]
train = "reviews.csv"
target = "label"
[prepare.text]
stop_words = { file = "stop.txt" }
tokenizer = { word = { min_frequency = 1, dictionary = "dict.txt" } }
[model]
layers = [{ embedding = { units = 8 } }, { global_avg_pool1d = {} }]
[train]
epochs = EPOCHS
batch_size = 8
checkpoint = { every_steps = 2 }
"#;

/// A run whose dictionary or stop words were changed is not gone on with, whether it was killed or is over.
#[test]
fn a_changed_dictionary_is_noticed() {
    for epochs in ["1", "4000"] {
        let place = Place::new();
        let row =
            |row: usize| format!("房间{}，第{row}次,{}\n", ["很好", "不好"][row % 2], row % 2);
        let rows: String = (0..60).map(row).collect();
        place.write("reviews.csv", format!("text,label\n{rows}"));
        place.write("recipe.toml", REVIEWS.replace("EPOCHS", epochs));
        place.write("stop.txt", "的\n");
        place.write("dict.txt", "下次还来 100 n\n");
        let mut process = place.start(&TRAIN);
        if epochs == "1" {
            assert!(process.wait().expect("it ends").success());
        } else {
            wait_for_step(&place, &mut process, 4);
            signal(&process, Signal::KILL);
            process.wait().expect("it ends");
        }
        let bundle = std::fs::read(place.path("run/bundle/jingwei.json")).ok();
        assert_eq!(bundle.is_some(), epochs == "1");
        for (name, then, now) in [
            ("stop.txt", "的\n", "房间\n不好\n"),
            ("dict.txt", "下次还来 100 n\n", "房间很 100000 n\n"),
        ] {
            place.write(name, now);
            place.run(&TRAIN).fails(
                1,
                &["run", name, "changed since", "choose another run folder"],
            );
            place.write(name, then);
            let after = std::fs::read(place.path("run/bundle/jingwei.json")).ok();
            assert!(after == bundle, "{name}");
        }
    }
}
