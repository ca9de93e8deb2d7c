//! Training: what it learns, that it always learns the same, how it stops.

use std::sync::atomic::AtomicBool;

use jingwei_engine::{Level, Runtime};
use jingwei_metrics::Metric;
use jingwei_nn::{Adam, ReduceOnPlateau, Schedule};
use jingwei_train::Error;
use jingwei_train::fit::{EarlyStopping, FitOptions, Outcome};

use crate::support::{Bench, StopAt, everything};

fn plain(epochs: u64) -> FitOptions {
    FitOptions {
        epochs,
        batch_size: 16,
        optimizer: Adam::new(5e-3).into(),
        metrics: vec![Metric::Accuracy],
        ..FitOptions::default()
    }
}

#[test]
fn a_network_learns_what_can_be_learnt() {
    let bench = Bench::new(plain(12), 2);
    let mut trainer = bench.trainer();
    assert_eq!(
        trainer.run(&mut [], &AtomicBool::new(false)).unwrap(),
        Outcome::Finished
    );
    let history = &trainer.progress().history;
    let last = history.last().unwrap();
    assert_eq!((history.len(), last.epoch, last.step), (12, 12, 12 * 8));
    assert!(last.train["loss"] < history[0].train["loss"]);
    assert!(last.valid["accuracy"].unwrap() > 0.9, "{last:?}");
}

#[test]
fn the_weights_are_the_same_on_any_number_of_threads() {
    let hashes = [1, 2, 3].map(|threads| Bench::new(everything(), threads).whole());
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!(hashes[0], hashes[2]);
}

#[test]
fn the_weights_depend_on_the_seed() {
    let other = FitOptions {
        seed: 4,
        ..everything()
    };
    assert_ne!(
        Bench::new(everything(), 1).whole(),
        Bench::new(other, 1).whole()
    );
}

#[test]
fn every_simd_level_learns() {
    for level in Level::available() {
        let mut bench = Bench::new(plain(8), 2);
        bench.runtime = Runtime::new(level, 2).unwrap();
        let mut trainer = bench.trainer();
        trainer.run(&mut [], &AtomicBool::new(false)).unwrap();
        let accuracy = trainer.progress().history.last().unwrap().valid["accuracy"].unwrap();
        assert!(accuracy > 0.8, "{level}: {accuracy}");
    }
}

#[test]
fn training_stops_when_validation_no_longer_improves() {
    let early_stopping = Some(EarlyStopping {
        patience: 2,
        min_delta: 10.0,
        ..EarlyStopping::default()
    });
    let bench = Bench::new(
        FitOptions {
            early_stopping,
            ..plain(20)
        },
        1,
    );
    let mut trainer = bench.trainer();
    assert_eq!(
        trainer.run(&mut [], &AtomicBool::new(false)).unwrap(),
        Outcome::StoppedEarly
    );
    // The first epoch is the best, as no later one is better by 10.
    assert_eq!(trainer.progress().history.len(), 3);
    assert_eq!(trainer.progress().watch.best_epoch, Some(1));
    let first = Bench::new(plain(1), 1);
    assert_eq!(
        trainer.weights_hash(),
        first.whole(),
        "the weights are those of the best epoch"
    );
}

#[test]
fn the_learning_rate_falls_on_a_plateau() {
    let reduce = ReduceOnPlateau {
        patience: 1,
        min_delta: 10.0,
        factor: 0.5,
        ..Default::default()
    };
    let bench = Bench::new(
        FitOptions {
            schedule: Schedule::ReduceOnPlateau(reduce),
            ..plain(4)
        },
        1,
    );
    let mut trainer = bench.trainer();
    trainer.run(&mut [], &AtomicBool::new(false)).unwrap();
    let rates: Vec<f64> = trainer
        .progress()
        .history
        .iter()
        .map(|epoch| epoch.learning_rate)
        .collect();
    assert!(
        (rates[0] - 5e-3).abs() < 1e-9 && rates[3] < rates[1] * 0.6,
        "{rates:?}"
    );
}

#[test]
fn a_loss_that_is_no_number_stops_the_training_and_names_step_and_layer() {
    let bench = Bench::new(
        FitOptions {
            optimizer: Adam::new(3e38).into(),
            ..plain(5)
        },
        1,
    );
    let error = bench
        .trainer()
        .run(&mut [], &AtomicBool::new(false))
        .unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }));
    let text = error.to_string();
    assert!(
        text.contains("step ") && text.contains("largest gradient is that of `"),
        "{text}"
    );
}

#[test]
fn a_training_that_is_asked_to_stop_ends_after_the_step() {
    let bench = Bench::new(plain(5), 1);
    let cancel = AtomicBool::new(false);
    let mut trainer = bench.trainer();
    let outcome = trainer
        .run(
            &mut [&mut StopAt {
                step: 11,
                cancel: &cancel,
            }],
            &cancel,
        )
        .unwrap();
    assert_eq!(
        (outcome, trainer.progress().step),
        (Outcome::Interrupted, 11)
    );
}

#[test]
fn samples_that_do_not_fit_the_network_are_refused() {
    let mut bench = Bench::new(plain(1), 1);
    bench.functions = jingwei_train::fit::Functions::new(
        &jingwei_nn::zoo::mlp(30, 3),
        &crate::support::objective(&bench.options),
    )
    .unwrap();
    let data = jingwei_train::fit::TrainingData {
        dataset: &bench.data,
        train: &bench.train,
        valid: None,
        preparation: &bench.preparation,
    };
    let error =
        jingwei_train::fit::Trainer::new(&bench.runtime, &bench.functions, &bench.options, data)
            .err()
            .unwrap();
    assert!(
        error
            .to_string()
            .contains("takes 30 values a sample, the data have 64"),
        "{error}"
    );
}
