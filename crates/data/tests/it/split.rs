use jingwei_data::split::{SplitOptions, by_fraction, by_fraction_together, folds};
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

#[test]
fn with_a_key_for_each_sample_nothing_changes() {
    let data = uneven();
    for (seed, fraction) in [(0, 0.1), (1, 0.25), (2, 0.5)] {
        let options = SplitOptions {
            fraction,
            seed,
            ..Default::default()
        };
        let alone = by_fraction(&data, &data.indices(), options).unwrap();
        let keys = data.indices();
        let together = by_fraction_together(&data, &data.indices(), &keys, options).unwrap();
        assert_eq!(alone, together);
    }
}

#[test]
fn samples_of_a_key_stay_together_and_classes_keep_their_shares() {
    let data = uneven();
    // Pairs that come again far away, some across classes, and one group of 120.
    let keys: Vec<usize> = (0..1000)
        .map(|index| match index {
            300..420 => 300,
            700..800 => index - 700,
            _ => index,
        })
        .collect();
    for seed in 0..20 {
        let options = SplitOptions {
            fraction: 0.1,
            seed,
            ..Default::default()
        };
        let split = by_fraction_together(&data, &data.indices(), &keys, options).unwrap();
        let held: Vec<usize> = split.held.iter().map(|&index| keys[index]).collect();
        assert!(
            split
                .train
                .iter()
                .all(|&index| !held.contains(&keys[index]))
        );
        assert!(
            (99..=101).contains(&split.held.len()),
            "{}",
            split.held.len()
        );
        for class in 0..3 {
            let share = count(&data, &data.indices(), class) as f64 * 0.1;
            assert!((count(&data, &split.held, class) as f64 - share).abs() <= 1.0);
        }
    }
}

#[test]
fn doubled_samples_can_be_held_back() {
    let data = with_labels((0..40).map(|index| index / 2 % 2).collect());
    let keys: Vec<usize> = (0..40).map(|index| index / 2 * 2).collect();
    let options = SplitOptions::default();
    let split = by_fraction_together(&data, &data.indices(), &keys, options).unwrap();
    assert_eq!((split.train.len(), split.held.len()), (36, 4));
    let few = with_labels(vec![0, 0, 1, 1, 0, 0, 1, 1]);
    let keys = [0, 0, 2, 2, 4, 4, 6, 6];
    let split = by_fraction_together(&few, &few.indices(), &keys, options).unwrap();
    assert_eq!(split.held.len(), 2);
    let one = [0; 8];
    assert!(by_fraction_together(&few, &few.indices(), &one, options).is_err());
    assert!(by_fraction_together(&few, &few.indices(), &[0], options).is_err());
}
