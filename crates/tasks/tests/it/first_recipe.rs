//! What `init` writes trains, or `init` says why there is nothing to train.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jingwei_engine::{Level, Runtime};
use jingwei_tasks::check::check;
use jingwei_tasks::init::init;
use jingwei_tasks::run::{Job, run_training};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Writes a recipe for data, checks it and trains it for an epoch; or gives the reason why none was written.
fn init_and_train(data: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let text = init(data, folder.path()).map_err(|error| error.to_string())?;
    let path = folder.path().join("recipe.toml");
    fs::write(&path, &text).unwrap();
    let runtime = Runtime::new(Level::best(), 1).unwrap();
    let mut job = Job::load(&path).unwrap_or_else(|error| panic!("{error}\n{text}"));
    check(&job, &runtime).unwrap_or_else(|error| panic!("{error}\n{text}"));
    job.recipe.train.epochs = 1;
    let cancel = AtomicBool::new(false);
    run_training(&job, &folder.path().join("run"), &runtime, &mut [], &cancel)
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    Ok(())
}

/// A grey or coloured picture.
fn picture(width: u32, height: u32, coloured: bool, shade: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    let channels = if coloured { 3 } else { 1 };
    encoder.set_color(match coloured {
        true => png::ColorType::Rgb,
        false => png::ColorType::Grayscale,
    });
    let pixels = (0..width * height * channels).map(|at| shade.wrapping_add((at * 31 % 97) as u8));
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&pixels.collect::<Vec<_>>())
        .unwrap();
    writer.finish().unwrap();
    bytes
}

fn pictures(folder: &Path, classes: usize, each: usize, size: impl Fn(usize) -> (u32, u32, bool)) {
    for class in 0..classes {
        let place = folder.join(format!("kind {class}"));
        fs::create_dir_all(&place).unwrap();
        for number in 0..each {
            let (width, height, coloured) = size(class * each + number);
            let bytes = picture(width, height, coloured, (class * 60 + number) as u8);
            fs::write(place.join(format!("{number}.png")), bytes).unwrap();
        }
    }
}

#[test]
fn pictures_of_one_pixel_train() {
    for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (3, 14), (17, 13)] {
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path(), 2, 6, |_| (width, height, false));
        init_and_train(folder.path()).unwrap_or_else(|error| panic!("{width} × {height}: {error}"));
    }
}

#[test]
fn one_class_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    pictures(&folder.path().join("photos"), 1, 6, |_| (8, 8, false));
    let rows: String = (0..30)
        .map(|row| format!("{row},{},red\n", row % 7))
        .collect();
    fs::write(folder.path().join("t.csv"), format!("a,b,y\n{rows}")).unwrap();
    let lines: String = (0..30)
        .map(|row| format!("room {row} was clean and quiet,red\n"))
        .collect();
    fs::write(
        folder.path().join("texts.csv"),
        format!("text,label\n{lines}"),
    )
    .unwrap();
    for name in ["photos", "t.csv", "texts.csv"] {
        let error = init_and_train(&folder.path().join(name)).unwrap_err();
        assert!(
            error.contains("only one class (") && error.contains("at least two"),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_picture_that_cannot_be_read_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 2, 8, |_| (12, 12, false));
    fs::write(folder.path().join("kind 0/broken.png"), "no picture at all").unwrap();
    init_and_train(folder.path()).unwrap();
}

#[test]
fn a_line_of_16_mb_is_refused_or_trains() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.csv");
    fs::write(
        &path,
        format!("text,label\n{},a\n", "word ".repeat(3_400_000)),
    )
    .unwrap();
    let error = init_and_train(&path).unwrap_err();
    assert!(error.contains(';'), "without a remedy: {error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn tables_train_or_are_refused(
        rows in 0usize..30, columns in 0usize..4, classes in 1usize..8, number in any::<bool>(), constant in any::<bool>()
    ) {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
        let mut text = [names, vec!["target".to_owned()]].concat().join(",") + "\n";
        for row in 0..rows {
            let value = |column: usize| if constant { "3".to_owned() } else { format!("{}.25", row * (column + 1) % 11) };
            let target = if number { format!("{}.5", row * 7 % 23) } else { format!("k{}", row % classes) };
            let fields: Vec<String> = (0..columns).map(value).chain([target]).collect();
            text += &(fields.join(",") + "\n");
        }
        let path = folder.path().join("table.csv");
        fs::write(&path, &text).unwrap();
        if let Err(error) = init_and_train(&path) {
            prop_assert!(error.contains(';'), "without a remedy: {error}");
            prop_assert!(rows < 22 || columns == 0 || (classes == 1 && !number) || classes * 2 > rows, "{error}\n{text}");
        }
    }

    #[test]
    fn texts_train_or_are_refused(
        rows in 0usize..24, words in 0usize..6, classes in 1usize..6, several in any::<bool>()
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "text,label\n".to_owned();
        for row in 0..rows {
            let word = |at: usize| format!("w{}", (row * 5 + at * 3) % 17);
            let own: Vec<String> = (0..words).map(word).collect();
            let label = if several && row % 3 == 0 { format!("l{}|l{}", row % classes, (row + 1) % classes) } else { format!("l{}", row % classes) };
            text += &format!("{},{label}\n", own.join(" "));
        }
        let path = folder.path().join("texts.csv");
        fs::write(&path, &text).unwrap();
        if let Err(error) = init_and_train(&path) {
            prop_assert!(error.contains(';') || error.contains("did you mean"), "without a remedy: {error}\n{text}");
        }
    }

    #[test]
    fn folders_of_pictures_train_or_are_refused(
        classes in 0usize..4, each in 0usize..7, width in 1u32..20, height in 1u32..20, mixed in any::<bool>(), coloured in any::<bool>()
    ) {
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path(), classes, each, |number| match mixed {
            true => (width + number as u32 % 3, height, coloured),
            false => (width, height, coloured),
        });
        if let Err(error) = init_and_train(folder.path()) {
            prop_assert!(error.contains(';'), "without a remedy: {error}");
            prop_assert!(classes < 2 || each < 4, "{error}");
        }
    }
}
