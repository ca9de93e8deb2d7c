use jingwei_data::split::{SplitOptions, by_fraction, folds};
use jingwei_data::{Dataset, Features, Targets};

fn with_labels(labels: Vec<u32>) -> Dataset {
    let features = Features::Rows {
        columns: vec!["x".into()],
        values: vec![0.0; labels.len()],
    };
    let names = (0..=labels.iter().copied().max().unwrap_or(0))
        .map(|class| class.to_string())
        .collect();
    Dataset::new(features, Targets::Classes { names, labels }).unwrap()
}

fn uneven() -> Dataset {
    with_labels(
        (0..1000)
            .map(|i| if i % 10 == 0 { 1 } else { 0 } + u32::from(i % 50 == 7) * 2)
            .collect(),
    )
}

fn count(data: &Dataset, indices: &[usize], class: u32) -> usize {
    indices
        .iter()
        .filter(|&&index| data.labels().unwrap()[index] == class)
        .count()
}

#[test]
fn a_stratified_part_keeps_the_shares_of_the_classes() {
    let data = uneven();
    let split = by_fraction(
        &data,
        &data.indices(),
        SplitOptions {
            fraction: 0.25,
            stratify: true,
            seed: 1,
        },
    )
    .unwrap();
    assert_eq!(split.held.len(), 250);
    for class in 0..3 {
        let share = count(&data, &data.indices(), class) as f64 * 0.25;
        assert!((count(&data, &split.held, class) as f64 - share).abs() <= 1.0);
    }
    let mut all = [split.train, split.held].concat();
    all.sort_unstable();
    assert_eq!(all, data.indices());
}

#[test]
fn the_seed_alone_decides() {
    let data = uneven();
    let split = |seed| {
        by_fraction(
            &data,
            &data.indices(),
            SplitOptions {
                seed,
                ..Default::default()
            },
        )
        .unwrap()
    };
    assert_eq!(split(1), split(1));
    assert_ne!(split(1), split(2));
}

#[test]
fn a_class_with_one_sample_trains() {
    let data = with_labels(vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    for seed in 0..50 {
        let options = SplitOptions {
            fraction: 0.5,
            stratify: true,
            seed,
        };
        let split = by_fraction(&data, &data.indices(), options).unwrap();
        assert!(split.train.contains(&9));
    }
}

#[test]
fn folds_hold_each_sample_back_once() {
    let data = uneven();
    for stratify in [true, false] {
        let splits = folds(&data, &data.indices(), 7, stratify, 4).unwrap();
        let mut held: Vec<usize> = splits.iter().flat_map(|split| split.held.clone()).collect();
        held.sort_unstable();
        assert_eq!(held, data.indices());
        assert!(
            splits
                .iter()
                .all(|split| (142..=143).contains(&split.held.len()))
        );
        assert!(
            splits
                .iter()
                .all(|split| split.train.len() + split.held.len() == 1000)
        );
        let rare = splits.iter().map(|split| count(&data, &split.held, 2));
        assert!(!stratify || rare.max().unwrap() <= 4);
    }
}

#[test]
fn impossible_parts_are_refused() {
    let data = with_labels(vec![0, 1]);
    for fraction in [0.0, 1.0, -1.0, f64::NAN, 0.01] {
        let options = SplitOptions {
            fraction,
            ..Default::default()
        };
        assert!(
            by_fraction(&data, &data.indices(), options).is_err(),
            "{fraction}"
        );
    }
    assert!(folds(&data, &data.indices(), 1, true, 0).is_err());
    assert!(folds(&data, &data.indices(), 3, true, 0).is_err());
    assert!(by_fraction(&data, &[5], SplitOptions::default()).is_err());
}
