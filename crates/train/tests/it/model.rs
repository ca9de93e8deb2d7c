//! The library form: compile, fit, evaluate, predict, save, load.

use std::sync::Arc;

use jingwei_data::{Dataset, Features, Targets, TextColumn};
use jingwei_engine::{Level, Precision, Runtime};
use jingwei_metrics::Metric;
use jingwei_nn::{Adam, MeanSquaredError, Sequential, SparseCategoricalCrossEntropy, TIME};
use jingwei_train::{Compile, Fit, load};

use crate::support::{bars, network};

#[test]
fn a_model_learns_predicts_and_is_saved() {
    let (train, test) = (bars(150, 3), bars(60, 3));
    let loss = SparseCategoricalCrossEntropy::from_logits();
    let mut model = network(3)
        .compile(Adam::new(5e-3), loss, [Metric::Accuracy])
        .unwrap();
    assert!(
        model
            .predict(&test)
            .unwrap_err()
            .to_string()
            .contains("call fit first")
    );
    let history = model
        .fit(
            &train,
            Fit::new().epochs(10).batch_size(16).validation(&test),
        )
        .unwrap();
    assert_eq!(history.epochs.len(), 10);
    let scores = model.evaluate(&test).unwrap();
    assert!(scores.series["accuracy"].unwrap() > 0.9, "{scores}");
    assert!(
        scores.to_string().starts_with("60 samples, accuracy 0.9")
            || scores.to_string().starts_with("60 samples, accuracy 1")
    );

    let outputs = model.predict(&test).unwrap();
    assert_eq!((outputs.width, outputs.rows().len()), (3, 60));
    let right = outputs
        .classes()
        .zip(test.labels().unwrap())
        .filter(|(class, label)| *class == **label as usize)
        .count();
    assert_eq!(right as f64 / 60.0, scores.series["accuracy"].unwrap());

    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path().join("bars")).unwrap();
    let predictor = load(folder.path().join("bars")).unwrap();
    let mut features = vec![0.0; 60 * 64];
    let preparation = predictor.bundle().preparation().unwrap().clone();
    preparation
        .apply(&test, &test.indices(), &mut features)
        .unwrap();
    assert_eq!(predictor.predict(&features, 60).unwrap(), outputs.values);
}

#[test]
fn networks_that_do_not_fit_the_texts_are_refused() {
    let texts = (0..40).map(|row| ["room clean", "screen dark"][row % 2]);
    let column = TextColumn {
        texts: Arc::new(texts.collect()),
        tokenised: false,
    };
    let names = vec!["a".to_owned(), "b".to_owned()];
    let labels = (0..40).map(|row| row % 2).collect();
    let targets = Targets::Classes { names, labels };
    let train = Dataset::new(Features::Texts(column), targets).unwrap();
    let error = |network: Sequential| {
        let loss = SparseCategoricalCrossEntropy::from_logits();
        let mut model = network.compile(Adam::new(1e-3), loss, []).unwrap();
        let error = model.fit(&train, Fit::new().epochs(1)).unwrap_err();
        error.to_string()
    };
    let narrow = Sequential::new([TIME]).embedding(4, 2);
    let text = error(narrow.global_avg_pool1d().dense(2));
    assert!(
        text.contains("has 4 rows") && text.contains("`max_vocabulary`"),
        "{text}"
    );
    let text = error(Sequential::new([TIME]).embedding(40, 2).dense(2));
    assert!(text.contains("one answer a text"), "{text}");
}

#[test]
fn many_threads_predict_at_once_and_alike() {
    let data = bars(200, 3);
    let loss = SparseCategoricalCrossEntropy::from_logits();
    let mut model = network(3)
        .compile(Adam::new(5e-3), loss, [Metric::Accuracy])
        .unwrap();
    model.fit(&data, Fit::new().epochs(1)).unwrap();
    let alone = model.predict(&data).unwrap();
    let same = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| model.predict(&data).unwrap() == alone))
            .collect();
        threads.into_iter().all(|thread| thread.join().unwrap())
    });
    assert!(same);
}

#[test]
fn a_second_fit_goes_on_from_the_first() {
    let data = bars(150, 3);
    let loss = SparseCategoricalCrossEntropy::from_logits();
    let mut model = network(3)
        .compile(Adam::new(5e-3), loss, [Metric::Accuracy])
        .unwrap()
        .on(Runtime::new(Level::best(), 1).unwrap());
    let first = model
        .fit(&data, Fit::new().epochs(4).batch_size(16))
        .unwrap();
    let second = model
        .fit(&data, Fit::new().epochs(1).batch_size(16))
        .unwrap();
    assert!(second.epochs[0].train["loss"] < first.epochs[0].train["loss"]);
    assert!(first.to_string().lines().count() == 4);
}

/// Tiles round gradients unless they are told not to; other levels give the same bits.
#[test]
fn gradients_are_as_exact_as_asked() {
    let train = bars(256, 3);
    for level in Level::available() {
        let [highest, high] = [Precision::Highest, Precision::High].map(|precision| {
            let loss = SparseCategoricalCrossEntropy::from_logits();
            let mut model = Sequential::new([8, 8, 1])
                .flatten()
                .dense(128)
                .relu()
                .dense(3)
                .compile(Adam::new(5e-3), loss, [Metric::Accuracy])
                .unwrap()
                .on(Runtime::new(level, 1).unwrap())
                .with_gradient_precision(precision);
            let fit = Fit::new().epochs(2).batch_size(128);
            model.fit(&train, fit).unwrap();
            model.predict(&train).unwrap().values
        });
        assert_eq!(highest != high, level == Level::Amx, "{level}");
        let mut pairs = highest.iter().zip(&high);
        assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-3), "{level}");
    }
}

#[test]
fn numbers_are_predicted_in_their_own_units() {
    let values: Vec<f32> = (0..100).map(|index| index as f32 / 10.0).collect();
    let features = Features::Rows {
        columns: vec!["x".to_owned()],
        values: values.clone(),
    };
    let targets = Targets::Values {
        names: vec!["y".to_owned()],
        values: values.iter().map(|x| 100.0 * x).collect(),
    };
    let data = Dataset::new(features, targets).unwrap();
    let mut model = Sequential::new([1])
        .dense(16)
        .relu()
        .dense(1)
        .compile(Adam::new(0.02), MeanSquaredError::default(), [Metric::R2])
        .unwrap();
    let prepare = jingwei_data::prepare::PrepareOptions {
        target: jingwei_data::prepare::ColumnScalingKind::Standardise,
        ..Default::default()
    };
    model
        .fit(&data, Fit::new().epochs(40).batch_size(10).prepare(prepare))
        .unwrap();
    assert!(model.evaluate(&data).unwrap().series["r2"].unwrap() > 0.98);
    let last = model.predict(&data).unwrap().values[99];
    assert!((last - 990.0).abs() < 60.0, "{last}");
}
