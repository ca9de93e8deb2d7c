use jingwei_bundle::{Bundle, Class, Error, Prediction, Predictor, Record, Values};

use crate::model::{Model, noise, pictures, rows, runtime};

fn predictor(model: &Model) -> Predictor {
    let folder = tempfile::tempdir().unwrap();
    model.write(&folder.path().join("b"));
    Predictor::new(Bundle::load(folder.path().join("b")).unwrap(), runtime()).unwrap()
}

fn png(side: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(pixels)
        .unwrap();
    bytes
}

#[test]
fn probabilities_sum_to_one() {
    let predictor = predictor(&pictures());
    let values = predictor.predict(&noise(1, 3 * 64), 3).unwrap();
    assert_eq!(values.len(), 9);
    for sample in values.chunks(3) {
        assert!(
            (sample.iter().sum::<f32>() - 1.0).abs() < 1e-5,
            "{sample:?}"
        );
    }
}

#[test]
fn many_samples_agree_with_single_ones() {
    let predictor = predictor(&pictures());
    let samples = noise(2, 150 * 64);
    let together = predictor.predict(&samples, 150).unwrap();
    for (index, (sample, expected)) in samples.chunks(64).zip(together.chunks(3)).enumerate() {
        let alone = predictor.predict(sample, 1).unwrap();
        let close = alone
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close, "{index}: {alone:?} {expected:?}");
    }
}

#[test]
fn many_threads_get_the_same_bits() {
    let predictor = predictor(&pictures());
    let samples = noise(4, 70 * 64);
    let expected = predictor.predict(&samples, 70).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for count in (1..=70).step_by(3) {
                    predictor.predict(&samples[..count * 64], count).unwrap();
                    assert!(predictor.predict(&samples, 70).unwrap() == expected);
                }
            });
        }
    });
}

#[test]
fn nothing_in_nothing_out() {
    assert!(predictor(&pictures()).predict(&[], 0).unwrap().is_empty());
}

#[test]
fn wrong_inputs_are_named() {
    let predictor = predictor(&pictures());
    let cause =
        |values: &[f32], samples| predictor.predict(values, samples).unwrap_err().to_string();
    let short = cause(&[0.0; 63], 1);
    assert!(
        short.contains("`pixels`: expected 1 samples of [8, 8, 1], found 63 values"),
        "{short}"
    );
    assert!(
        cause(&[0.0; 64], usize::MAX).contains("expected"),
        "an overflow"
    );
    let mut values = vec![0.0; 128];
    values[65] = f32::INFINITY;
    let infinite = cause(&values, 2);
    assert!(infinite.contains("sample 1, value 1: is inf"), "{infinite}");
    assert!(predictor.run(&[], 1).is_err());
}

#[test]
fn pictures_go_through_the_preparation() {
    let predictor = predictor(&pictures());
    let pixels: Vec<u8> = (0..64).map(|i| i * 3).collect();
    let file = png(8, &pixels);
    let found = predictor
        .predict_raw(&[Record::Image(&file), Record::Pixels(&pixels)])
        .unwrap();
    let prepared: Vec<f32> = pixels.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let expected = predictor.predict(&prepared, 1).unwrap();
    for prediction in found {
        let Prediction::Class(Class {
            class,
            label,
            probabilities,
        }) = prediction
        else {
            panic!()
        };
        assert_eq!(label, ["bird", "sea", "pebble"][class]);
        assert!(probabilities.iter().all(|p| *p <= probabilities[class]));
        assert!(
            probabilities
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-5)
        );
    }
}

#[test]
fn records_that_do_not_fit_are_numbered() {
    let predictor = predictor(&pictures());
    let pixels = [0; 64];
    let cause = |record: Record<'_>| {
        let records = [Record::Pixels(&pixels), record];
        predictor.predict_raw(&records).unwrap_err().to_string()
    };
    let broken = cause(Record::Image(b"not a picture"));
    assert!(broken.contains("record 1"), "{broken}");
    let short = cause(Record::Pixels(&pixels[1..]));
    assert!(short.contains("record 1: 63 values"), "{short}");
    let row = cause(Record::Row(&[]));
    assert!(row.contains("the model reads pictures"), "{row}");
}

#[test]
fn rows_are_scaled_there_and_back() {
    let predictor = predictor(&rows());
    let row = |area, rooms| vec![("rooms".to_owned(), rooms), ("area".to_owned(), area)];
    let (mean, large) = (row(100.0, 3.0), row(150.0, 4.0));
    let found = predictor
        .predict_raw(&[
            Record::Row(&mean),
            Record::Row(&large),
            Record::Numbers(&[150.0, 4.0]),
        ])
        .unwrap();
    let values = |value| {
        Prediction::Values(Values {
            values: vec![value],
        })
    };
    assert_eq!(found, [values(1000.0), values(1030.0), values(1030.0)]);
    assert_eq!(predictor.target_names(), ["price"]);
    assert_eq!(predictor.predict(&[0.0, 0.0], 1).unwrap(), [1000.0]);
}

#[test]
fn fields_of_a_table_are_read_by_name() {
    let predictor = predictor(&rows());
    let names = ["rooms", "note", "area"];
    let record = |fields| Record::Fields {
        names: &names,
        fields,
    };
    let found = predictor
        .predict_raw(&[record(&["4", "sunny", " 150.0 "])])
        .unwrap();
    assert_eq!(
        found,
        [Prediction::Values(Values {
            values: vec![1030.0]
        })]
    );
    let error = predictor
        .predict_raw(&[record(&["4", "sunny", "large"])])
        .unwrap_err();
    assert!(error.to_string().contains("record 0, `area`"), "{error}");
}

#[test]
fn wrong_rows_are_named() {
    let predictor = predictor(&rows());
    let cause = |names: &[&str]| {
        let row: Vec<_> = names.iter().map(|name| ((*name).to_owned(), 1.0)).collect();
        predictor
            .predict_raw(&[Record::Row(&row)])
            .unwrap_err()
            .to_string()
    };
    assert!(cause(&["area"]).contains("the column `rooms` is missing"));
    assert!(cause(&["area", "area"]).contains("`area` comes twice"));
    let infinite = predictor
        .predict_raw(&[Record::Numbers(&[f32::NAN, 1.0])])
        .unwrap_err();
    assert!(
        infinite.to_string().contains("record 0: value 0 is NaN"),
        "{infinite}"
    );
}

/// Two classes whose logits overflow for numbers that are finite: 2y + 2x and 2y - 2x.
fn overflowing() -> Model {
    let mut model = rows();
    let mut graph = jingwei_graph::Graph::new();
    let x = graph.input("columns", jingwei_graph::Shape::batch_of(&[2]));
    let kernel = graph.parameter("dense/kernel", &[2, 2]);
    let y = graph.matmul(x, kernel).unwrap();
    let y = graph.softmax(y).unwrap();
    let layout = jingwei_engine::Layout::new([("dense/kernel", vec![2, 2])]);
    model.parameters = vec![0.0; layout.len()];
    model.parameters[..4].copy_from_slice(&[2.0, -2.0, 2.0, 2.0]);
    model.function =
        jingwei_engine::Function::new(graph, vec![y], layout, jingwei_engine::Layout::default());
    model.output = ("probabilities", jingwei_bundle::OutputKind::Probabilities);
    let names = ["malign", "benign"].map(String::from).into();
    model.preparation.targets = jingwei_data::prepare::TargetPreparation::Classes(names);
    model
}

/// Where there is no finite number, there is no largest one: no class, no label, no value.
#[test]
fn what_is_no_number_is_no_answer() {
    let predictor = predictor(&overflowing());
    let is_no_answer = |error: Error, number: usize| {
        let expected = format!("record {number}: the model's output `probabilities` is NaN");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(matches!(error, Error::NotFinite { record, .. } if record == number));
    };
    let prepared = [1.0, 0.0, 3e38, 3e38, 0.0, 1.0];
    is_no_answer(predictor.run(&[&prepared], 3).unwrap_err(), 1);
    is_no_answer(predictor.predict(&prepared, 3).unwrap_err(), 1);
    let mut each = predictor.predict_each(&prepared, 3).unwrap();
    is_no_answer(each.remove(1).unwrap_err(), 1);
    assert!(each.into_iter().all(|prediction| prediction.is_ok()));

    let (fine, huge) = ([100.0, 3.0], [3e38, 3e38]);
    let records: Vec<Record<'_>> = (0..300)
        .map(|at| Record::Numbers(if at == 270 { &huge } else { &fine }))
        .collect();
    is_no_answer(predictor.predict_raw(&records).unwrap_err(), 270);
    let each = predictor.predict_each_raw(&records).unwrap();
    assert_eq!(
        each.iter().filter(|prediction| prediction.is_ok()).count(),
        299
    );
}

/// A number may leave the range of floats only when it is brought into the units of the targets.
#[test]
fn values_that_overflow_in_their_units() {
    let predictor = predictor(&rows());
    let error = predictor.predict(&[1e38, 0.0], 1).unwrap_err();
    assert!(error.to_string().contains("`values` is inf"), "{error}");
}
