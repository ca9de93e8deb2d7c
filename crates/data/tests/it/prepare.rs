use jingwei_data::image::{Size, decode};
use jingwei_data::prepare::{
    ColumnScalingKind, FeaturePreparation, ImageScaling, ImageScalingKind, PrepareOptions,
};
use jingwei_data::{Dataset, Features, Limits, Preparation, Targets};

fn rows() -> Dataset {
    let columns = vec!["a".to_owned(), "constant".to_owned()];
    let values = vec![1.0, 5.0, 2.0, 5.0, 3.0, 5.0, 100.0, 7.0];
    let targets = Targets::Values {
        names: vec!["y".into()],
        values: vec![10.0, 20.0, 30.0, 40.0],
    };
    Dataset::new(Features::Rows { columns, values }, targets).unwrap()
}

fn colours() -> Dataset {
    let pixels = (0..4 * 2 * 20 * 3)
        .map(|i| (i * 37 % 211 + i % 3 * 10) as u8)
        .collect();
    Dataset::new(
        Features::Images {
            height: 2,
            width: 20,
            channels: 3,
            pixels,
        },
        Targets::None,
    )
    .unwrap()
}

fn applied(data: &Dataset, options: &PrepareOptions) -> Vec<f32> {
    let preparation = Preparation::fit(data, &data.indices(), options).unwrap();
    preparation.check().unwrap();
    let mut out = vec![0.0; data.len() * preparation.sample_len()];
    preparation.apply(data, &data.indices(), &mut out).unwrap();
    out
}

#[test]
fn rows_are_standardised_by_the_training_part_alone() {
    let data = rows();
    let preparation = Preparation::fit(&data, &[0, 1, 2], &PrepareOptions::default()).unwrap();
    let mut out = [0.0; 8];
    preparation.apply(&data, &[0, 1, 2, 3], &mut out).unwrap();
    let root = 1.5_f32.sqrt();
    let expected = [-root, 0.0, 0.0, 0.0, root, 0.0, 98.0 * root, 2.0];
    assert!(
        out.iter()
            .zip(expected)
            .all(|(out, expected)| (out - expected).abs() < 1e-4),
        "{out:?}"
    );
}

#[test]
fn min_max_and_single_columns() {
    let column = [("constant".to_owned(), ColumnScalingKind::None)].into();
    let options = PrepareOptions {
        columns: ColumnScalingKind::MinMax,
        column,
        ..Default::default()
    };
    let out = applied(&rows(), &options);
    assert_eq!(&out[..4], [0.0, 5.0, 1.0 / 99.0, 5.0]);
    let column = [("absent".to_owned(), ColumnScalingKind::None)].into();
    let options = PrepareOptions {
        column,
        ..Default::default()
    };
    let error = Preparation::fit(&rows(), &[0], &options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("no column `absent`"), "{error}");
}

#[test]
fn bytes_become_the_unit_interval() {
    let pixels = (0..=255).collect();
    let data = Dataset::new(
        Features::Images {
            height: 16,
            width: 16,
            channels: 1,
            pixels,
        },
        Targets::None,
    )
    .unwrap();
    let out = applied(&data, &PrepareOptions::default());
    assert_eq!((out[0], out[255]), (0.0, 1.0));
    assert!(out.is_sorted());
}

#[test]
fn each_channel_is_standardised() {
    let data = colours();
    let out = applied(
        &data,
        &PrepareOptions {
            images: ImageScalingKind::Standardise,
            ..Default::default()
        },
    );
    for channel in 0..3 {
        let values: Vec<f64> = out
            .iter()
            .skip(channel)
            .step_by(3)
            .map(|&value| f64::from(value))
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / values.len() as f64;
        assert!(
            mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5,
            "{mean} {variance}"
        );
    }
}

#[test]
fn each_channel_spans_the_unit_interval() {
    let out = applied(
        &colours(),
        &PrepareOptions {
            images: ImageScalingKind::MinMax,
            ..Default::default()
        },
    );
    for channel in 0..3 {
        let values = || out.iter().skip(channel).step_by(3).copied();
        assert!(values().fold(f32::MAX, f32::min).abs() < 1e-6);
        assert!((values().fold(f32::MIN, f32::max) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn it_travels_as_json() {
    let options = PrepareOptions {
        images: ImageScalingKind::Standardise,
        ..Default::default()
    };
    for data in [colours(), rows()] {
        let preparation = Preparation::fit(&data, &data.indices(), &options).unwrap();
        let text = serde_json::to_string(&preparation).unwrap();
        assert_eq!(
            serde_json::from_str::<Preparation>(&text).unwrap(),
            preparation,
            "{text}"
        );
    }
}

#[test]
fn damaged_statistics_are_refused() {
    let mut preparation = Preparation::fit(&colours(), &[0], &PrepareOptions::default()).unwrap();
    let FeaturePreparation::Images(images) = &mut preparation.features else {
        panic!()
    };
    images.scaling = ImageScaling::Standardise {
        mean: vec![0.0; 2],
        std: vec![1.0; 3],
    };
    assert!(preparation.check().is_err());
    let FeaturePreparation::Images(images) = &mut preparation.features else {
        panic!()
    };
    images.scaling = ImageScaling::Standardise {
        mean: vec![0.0; 3],
        std: vec![1.0, 0.0, 1.0],
    };
    assert!(preparation.check().is_err());
    let FeaturePreparation::Images(images) = &mut preparation.features else {
        panic!()
    };
    (images.scaling, images.height) = (ImageScaling::Unit, usize::MAX);
    assert!(preparation.check().is_err());
}

#[test]
fn targets_are_scaled_there_and_back() {
    let options = PrepareOptions {
        target: ColumnScalingKind::Standardise,
        ..Default::default()
    };
    let preparation = Preparation::fit(&rows(), &[0, 1, 2, 3], &options).unwrap();
    let mut predictions = [0.0, 1.0];
    preparation.unscale_targets(&mut predictions);
    assert!(
        (predictions[0] - 25.0).abs() < 1e-5
            && (predictions[1] - 25.0 - 125_f32.sqrt()).abs() < 1e-4
    );
}

#[test]
fn other_data_is_refused() {
    let preparation = Preparation::fit(&colours(), &[0], &PrepareOptions::default()).unwrap();
    let error = preparation
        .check_features(rows().features())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected pictures of 2×20×3, found rows of 2 columns"),
        "{error}"
    );
}

#[test]
fn single_pictures_are_prepared_as_in_training() {
    let bytes = std::fs::read(crate::image::folder().join("rgb.png")).unwrap();
    let limits = Limits::default();
    let preparation = Preparation::fit(&colours(), &[0], &PrepareOptions::default()).unwrap();
    let mut out = [0.0; 120];
    preparation
        .prepare_picture(&bytes, "a.png", &limits, &mut out)
        .unwrap();
    let size = Size {
        height: 2,
        width: 20,
        channels: 3,
    };
    let pixels = decode(&bytes, "a.png", size, &limits).unwrap();
    let (mut from_pixels, mut from_values) = ([0.0; 120], [0.0; 120]);
    preparation
        .prepare_pixels(&pixels, "a", &mut from_pixels)
        .unwrap();
    let values: Vec<f32> = pixels.iter().map(|&byte| f32::from(byte)).collect();
    preparation
        .prepare_values(&values, "a", &mut from_values)
        .unwrap();
    assert_eq!((out, out), (from_pixels, from_values));
    let error = preparation
        .prepare_pixels(&pixels[1..], "a", &mut out)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("119 values") && error.contains("[2, 20, 3]"),
        "{error}"
    );
    let error = preparation
        .prepare_picture(b"no", "a", &limits, &mut out)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("a: "), "{error}");
}

#[test]
fn single_rows_are_prepared_by_name() {
    let data = rows();
    let preparation = Preparation::fit(&data, &data.indices(), &PrepareOptions::default()).unwrap();
    let (mut expected, mut out) = ([0.0; 2], [0.0; 2]);
    preparation.apply(&data, &[1], &mut expected).unwrap();
    assert_eq!(preparation.column_names(), ["a", "constant"]);
    preparation
        .prepare_fields(
            &["constant", "x", "a"],
            &["5", "", " 2 "],
            "row 1",
            &mut out,
        )
        .unwrap();
    assert_eq!(out, expected);
    let json = |text: &str| serde_json::from_str(text).unwrap();
    preparation
        .prepare_json(
            &json(r#"{"a": 2, "constant": "5", "more": null}"#),
            "row 1",
            &mut out,
        )
        .unwrap();
    assert_eq!(out, expected);
    let cases = [
        (r#"{"a": 2}"#, "there is no field `constant`, only [\"a\"]"),
        (
            r#"{"a": null, "constant": 1}"#,
            "row 1, `a`: the value is missing",
        ),
        (
            r#"{"a": 1e300, "constant": 1}"#,
            "row 1, `a`: the number is too large",
        ),
        (r#"{"a": [1], "constant": 1}"#, "`[1]` is no number"),
        (
            r#"{"a": "NaN", "constant": 1}"#,
            "row 1, `a`: the value is missing",
        ),
    ];
    for (text, message) in cases {
        let error = preparation
            .prepare_json(&json(text), "row 1", &mut out)
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error}\nlacks {message}");
    }
    let error = preparation
        .prepare_values(&[f32::INFINITY, 0.0], "row 1", &mut out)
        .unwrap_err()
        .to_string();
    assert!(error.contains("value 0 is inf"), "{error}");
    let error = preparation
        .prepare_pixels(&[0, 1], "row 1", &mut out)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("2 columns of numbers, not pictures"),
        "{error}"
    );
}
