//! Checkpoints: resuming to the same bits, damaged files, locks.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jingwei_train::checkpoint::{Checkpoint, Folder};
use jingwei_train::fit::{CheckpointWriter, FitOptions, Header, Identity, Observer, Outcome};
use jingwei_train::{Error, Lock};
use proptest::prelude::*;

use crate::support::{Bench, StopAt, everything};

fn identity() -> Identity {
    Identity::new(
        "task = \"image-classification\"\n[train]\nepochs = 4\n".to_owned(),
        "data".to_owned(),
        "scalar".to_owned(),
    )
}

/// Trains until `stop`, with a checkpoint every `every` steps, from where the folder is.
pub fn session(bench: &Bench, path: &Path, stop: u64, every: u64) -> (Outcome, String) {
    let folder = Folder::open(path).unwrap();
    let mut trainer = bench.trainer();
    assert!(
        trainer
            .resume(&folder, &identity(), path)
            .unwrap()
            .is_empty()
    );
    let cancel = AtomicBool::new(false);
    let mut writer = Unended(CheckpointWriter::new(folder, identity(), 1, every));
    let outcome = trainer
        .run(
            &mut [
                &mut StopAt {
                    step: stop,
                    cancel: &cancel,
                },
                &mut writer,
            ],
            &cancel,
        )
        .unwrap();
    (outcome, trainer.weights_hash())
}

/// A writer that does not live to see the end, as in a process that is killed.
struct Unended(CheckpointWriter);

impl Observer for Unended {
    fn step(
        &mut self,
        trainer: &jingwei_train::fit::Trainer,
        step: &jingwei_train::fit::StepEnd,
    ) -> Result<(), Error> {
        self.0.step(trainer, step)
    }

    fn epoch(
        &mut self,
        trainer: &jingwei_train::fit::Trainer,
        epoch: &jingwei_metrics::Epoch,
    ) -> Result<(), Error> {
        self.0.epoch(trainer, epoch)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_training_stopped_anywhere_ends_in_the_same_weights(stops in prop::collection::vec(1u64..32, 1..4), every in 1u64..7) {
        let bench = Bench::new(everything(), 2);
        let folder = tempfile::tempdir().unwrap();
        let mut reached = 0;
        for stop in stops {
            reached = stop.max(reached + 1);
            session(&bench, folder.path(), reached, every);
        }
        let (outcome, hash) = session(&bench, folder.path(), u64::MAX, every);
        prop_assert_eq!(outcome, Outcome::Finished);
        prop_assert_eq!(hash, bench.whole());
    }
}

#[test]
fn the_newest_two_checkpoints_and_the_best_stay() {
    let bench = Bench::new(everything(), 1);
    let folder = tempfile::tempdir().unwrap();
    session(&bench, folder.path(), u64::MAX, 3);
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "best.safetensors",
            "step-000000000030.safetensors",
            "step-000000000032.safetensors"
        ]
    );
    let best = Checkpoint::read(&Folder::open(folder.path()).unwrap().best()).unwrap();
    let header: Header = best.header().unwrap();
    assert_eq!(
        header.progress.watch.best_epoch,
        Some(header.progress.epoch)
    );
}

#[test]
fn a_damaged_newest_checkpoint_is_passed_over() {
    let bench = Bench::new(everything(), 1);
    let folder = tempfile::tempdir().unwrap();
    session(&bench, folder.path(), 20, 3);
    let newest = folder.path().join("step-000000000018.safetensors");
    let whole = fs::read(&newest).unwrap();
    let mut damages: Vec<Vec<u8>> = vec![whole[..whole.len() / 2].to_vec(), Vec::new()];
    for place in [9, 40, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        damages.push(bytes);
    }
    for bytes in damages {
        fs::write(&newest, bytes).unwrap();
        let mut trainer = bench.trainer();
        let opened = Folder::open(folder.path()).unwrap();
        let warnings = trainer.resume(&opened, &identity(), folder.path()).unwrap();
        assert_eq!((warnings.len(), trainer.progress().step), (1, 16));
        assert!(
            warnings[0]
                .to_string()
                .contains("the checkpoint is damaged"),
            "{}",
            warnings[0]
        );
    }
    let (_, hash) = {
        // The damaged file was removed; going on writes it anew.
        assert!(!newest.exists());
        session(&bench, folder.path(), u64::MAX, 3)
    };
    assert_eq!(hash, bench.whole());
}

#[test]
fn checkpoints_that_are_all_damaged_are_an_error() {
    let bench = Bench::new(everything(), 1);
    let folder = tempfile::tempdir().unwrap();
    session(&bench, folder.path(), 10, 3);
    for entry in fs::read_dir(folder.path()).unwrap() {
        fs::write(entry.unwrap().path(), b"nothing").unwrap();
    }
    let opened = Folder::open(folder.path()).unwrap();
    let error = bench
        .trainer()
        .resume(&opened, &identity(), folder.path())
        .unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn another_training_is_not_gone_on_with() {
    let bench = Bench::new(everything(), 1);
    let folder = tempfile::tempdir().unwrap();
    session(&bench, folder.path(), 10, 3);
    let other = Identity {
        recipe: "task = \"image-classification\"\n[train]\nepochs = 5\nseed = 1\n".to_owned(),
        data: "other".to_owned(),
        ..identity()
    };
    let opened = Folder::open(folder.path()).unwrap();
    let error = bench
        .trainer()
        .resume(&opened, &other, folder.path())
        .unwrap_err()
        .to_string();
    let expected =
        "`train.epochs` (4 then, 5 now), `train.seed` (not set then, 1 now), the data; restore";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_diverged_training_keeps_its_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let options = FitOptions {
        ema: None,
        early_stopping: None,
        ..everything()
    };
    let bench = Bench::new(options.clone(), 1);
    session(&bench, folder.path(), 10, 3);
    let bench = Bench::new(
        FitOptions {
            optimizer: jingwei_nn::AdamW::new(1e30).into(),
            ..options
        },
        1,
    );
    let opened = Folder::open(folder.path()).unwrap();
    let mut trainer = bench.trainer();
    trainer.resume(&opened, &identity(), folder.path()).unwrap();
    let mut writer = CheckpointWriter::new(opened.clone(), identity(), 1, 1);
    let error = trainer
        .run(&mut [&mut writer], &AtomicBool::new(false))
        .unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    let (checkpoint, warnings) = opened.latest().unwrap();
    assert!(checkpoint.is_some() && warnings.is_empty());
}

#[test]
fn a_folder_has_one_training_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::take(folder.path()).unwrap();
    let error = Lock::take(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains(&format!(
            "another process ({}) trains here",
            std::process::id()
        )),
        "{error}"
    );
    drop(lock);
    Lock::take(folder.path()).unwrap();
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_earlier_ones() {
    let bench = Bench::new(everything(), 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoints");
    session(&bench, &path, 10, 3);
    // A folder in the place of the next checkpoint makes the rename fail, as a full disk would the write.
    fs::create_dir_all(path.join("step-000000000012.safetensors/in the way")).unwrap();
    let opened = Folder::open(&path).unwrap();
    let mut trainer = bench.trainer();
    let (checkpoint, _) = opened.latest().unwrap();
    trainer
        .restore(
            checkpoint.as_ref().unwrap(),
            checkpoint
                .as_ref()
                .unwrap()
                .header::<Header>()
                .unwrap()
                .progress,
        )
        .unwrap();
    let mut writer = CheckpointWriter::new(opened.clone(), identity(), 1, 3);
    let error = trainer
        .run(&mut [&mut writer], &AtomicBool::new(false))
        .unwrap_err();
    assert!(
        error.to_string().contains("cannot write the checkpoint"),
        "{error}"
    );
    assert_eq!(
        opened
            .latest()
            .unwrap()
            .0
            .unwrap()
            .header::<Header>()
            .unwrap()
            .progress
            .step,
        9
    );
}
