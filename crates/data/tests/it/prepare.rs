use jingwei_data::prepare::{
    ColumnScalingKind, FeaturePreparation, ImageScaling, ImageScalingKind, PrepareOptions,
};
use jingwei_data::{Dataset, Features, Preparation, Targets};

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
