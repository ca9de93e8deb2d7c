//! A disk that fills up: a clear error, nothing good lost, and the same command goes on once there is room.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jingwei_bundle::Bundle;
use jingwei_data::{Dataset, Features, Targets};
use jingwei_nn::{Adam, MeanSquaredError, Sequential};
use jingwei_tensorboard::EventWriter;
use jingwei_train::{Compile, Fit};

use crate::runs::{TRAIN, history, newest_checkpoint, reference, wait_for_step};
use crate::support::{Place, Ran, digits_recipe};

/// A small disk of its own in memory.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Makes a folder of a place such a disk; none where the system does not allow it.
    fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&folder).expect("a folder");
        let options = format!("size={size}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "none"])
            .arg(&folder)
            .stderr(Stdio::null())
            .status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Self { folder });
        }
        eprintln!("skipped: no disk can be mounted here, which takes root");
        None
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut options = File::options();
        let filler = options.create(true).append(true).open(self.filler());
        let mut filler = match filler {
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            filler => filler.expect("a file on the disk"),
        };
        let error = loop {
            if let Err(error) = filler.write_all(&[1; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("the filler is there");
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.folder).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{}: stays mounted", self.folder.display());
        }
    }
}

/// The files below a folder with their content, fillers apart.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(content(&path));
        } else if !path.ends_with("filler") {
            found.insert(path.clone(), fs::read(path).expect("a file"));
        }
    }
    found
}

#[test]
fn a_training_stops_clearly_and_goes_on_when_there_is_room() {
    let place = Place::new();
    let Some(disk) = Disk::mount(place.path("run"), "4m") else {
        return;
    };
    let recipe = digits_recipe(12);
    let expected = reference(&recipe);
    place.write("recipe.toml", &recipe);
    let mut process = place.start(&TRAIN);
    wait_for_step(&place, &mut process, 10);
    // What the training removes is room again, so the filler keeps at it.
    while process.try_wait().expect("it can be asked").is_none() {
        disk.fill();
    }
    let stopped = Ran::of(process.wait_with_output().expect("it ends"), &TRAIN);
    let message = [
        "run/",
        "cannot write",
        "No space left on device",
        "make room on that disk",
    ];
    stopped.fails(1, &message);

    let kept = newest_checkpoint(&place).expect("a checkpoint");
    assert!((10..41 * 12).contains(&kept), "{kept}");
    disk.fill();
    let checkpoints = content(&place.path("run/checkpoints"));
    let names = checkpoints.keys().map(|path| path.to_string_lossy());
    assert!(
        !names.clone().any(|name| name.contains(".part-")),
        "{:?}",
        names.collect::<Vec<_>>()
    );
    place.run(&TRAIN).fails(1, &message);
    assert_eq!(content(&place.path("run/checkpoints")), checkpoints);

    disk.make_room();
    let result = place.run(&TRAIN).json();
    assert_eq!(result["resumed_from"], kept);
    assert_eq!((result["weights_hash"].clone(), history(&place)), expected);

    // Once more with the disk full: the model that is there stays, and is told again if the lock can be written.
    let bundle = content(&place.path("run/bundle"));
    disk.fill();
    let again = place.run(&TRAIN);
    if again.status != Some(0) {
        again.fails(1, &["run/lock", "No space left on device"]);
    }
    assert_eq!(content(&place.path("run/bundle")), bundle);
    place.run(&["inspect", "run/bundle"]).done();

    // Nor does half a model come where there is none.
    std::fs::remove_dir_all(place.path("run/bundle")).expect("the bundle goes");
    disk.fill();
    place.run(&TRAIN).fails(1, &["No space left on device"]);
    assert!(!place.path("run/bundle").exists());
}

#[test]
fn a_saved_model_stays_whole() {
    let place = Place::new();
    let Some(disk) = Disk::mount(place.path("disk"), "2m") else {
        return;
    };
    let mut model = Sequential::new([4])
        .dense(64)
        .dense(1)
        .compile(Adam::new(1e-3), MeanSquaredError::default(), [])
        .expect("a model");
    let features = Features::Rows {
        columns: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
        values: (0..32_u8).map(f32::from).collect(),
    };
    let targets = Targets::Values {
        names: vec!["y".to_owned()],
        values: vec![1.0; 8],
    };
    let data = Dataset::new(features, targets).expect("a dataset");
    model
        .fit(&data, Fit::new().epochs(1))
        .expect("it can be fitted");
    let path = place.path("disk/m.bundle");
    model.save(&path).expect("there is room");
    let before = content(&place.path("disk"));
    disk.fill();
    let error = model.save(&path).expect_err("there is no room").to_string();
    for part in [
        "m.bundle",
        "No space left on device",
        "check the free space",
    ] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    assert_eq!(content(&place.path("disk")), before);
    Bundle::load(&path).expect("it is whole");
}

#[test]
fn events_are_cut_back_to_whole_records() {
    let place = Place::new();
    let Some(disk) = Disk::mount(place.path("disk"), "1m") else {
        return;
    };
    let folder = place.path("disk/events");
    let mut writer = EventWriter::start(&folder, 0).expect("there is room");
    let mut written = 0;
    let error = loop {
        disk.fill();
        written += 1;
        if let Err(error) = writer.scalar(written, "loss", 0.5) {
            break error.to_string();
        }
        assert!(written < 100_000, "the disk is full");
    };
    assert!(
        error.contains("tfevents") && error.contains("No space left"),
        "{error}"
    );
    drop(writer);
    disk.make_room();
    jingwei_tensorboard::cut_back(&folder, written / 2).expect("whole records stay");
    EventWriter::start(&folder, written / 2).expect("it goes on");
}

#[test]
fn files_that_commands_write_stay_whole() {
    let place = Place::new();
    let Some(disk) = Disk::mount(place.path("disk"), "1m") else {
        return;
    };
    place.write("recipe.toml", digits_recipe(1));
    let draw = ["inspect", "recipe.toml", "--svg", "disk/network.svg"];
    place.run(&draw).done();
    let before = content(&place.path("disk"));
    disk.fill();
    place
        .run(&draw)
        .fails(1, &["disk/network.svg", "No space left", "free space"]);
    let init = [
        "init",
        &crate::support::digits(),
        "--output",
        "disk/new.toml",
    ];
    place
        .run(&init)
        .fails(1, &["disk/new.toml", "No space left", "free space"]);
    assert_eq!(content(&place.path("disk")), before);
}

#[test]
fn results_that_cannot_be_written_are_an_error() {
    let place = Place::new();
    place.write("recipe.toml", digits_recipe(1));
    place.run(&TRAIN).done();
    let data = crate::support::digits();
    for arguments in [
        &["predict", "run/bundle", &data, "--format", "csv"][..],
        &["evaluate", "run/bundle", &data, "--json"],
        &["inspect", "run/bundle"],
    ] {
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        let mut command = place.command(arguments);
        let output = command.stdout(full).output().expect("the binary runs");
        Ran::of(output, arguments)
            .fails(1, &["standard output", "No space left", "check the disk"]);
    }
}
