//! The baseline against scikit-learn (`scripts/golden/baseline.py`), and what it refuses.

use jingwei_data::Sequences;
use jingwei_tasks::Error;
use jingwei_tasks::texts::baseline::Baseline;
use serde::Deserialize;

const GOLDEN: &str = include_str!("../golden/baseline.json");

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    train: Vec<Vec<u32>>,
    labels: Labels,
    test: Vec<Vec<u32>>,
    features: usize,
    probabilities: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Labels {
    One(Vec<u32>),
    Several(Vec<Vec<u32>>),
}

fn sequences(lists: &[Vec<u32>]) -> Sequences {
    let mut sequences = Sequences::default();
    lists.iter().for_each(|list| sequences.push(list));
    sequences
}

#[test]
fn probabilities_equal_scikit_learn() {
    let cases: Vec<Case> = serde_json::from_str(GOLDEN).unwrap();
    for case in cases {
        let train = sequences(&case.train);
        let baseline = match &case.labels {
            Labels::One(labels) => Baseline::fit(&train, labels, case.classes),
            Labels::Several(labels) => {
                Baseline::fit_labels(&train, &sequences(labels), case.classes)
            }
        }
        .unwrap();
        assert_eq!(baseline.features(), case.features, "{}", case.name);
        let found = baseline.predict(&sequences(&case.test));
        assert_eq!(found.len(), case.probabilities.len());
        for (found, expected) in found.iter().zip(&case.probabilities) {
            let close = (found - expected).abs() < 2e-4;
            assert!(close, "{}: {found} instead of {expected}", case.name);
        }
    }
}

#[test]
fn the_strength_is_chosen_by_unseen_texts() {
    // Token 2 or 3 tells the class; the others are noise.
    let text = |index: u32| vec![2 + index % 2, 4 + index * 7 % 13, 4 + index * 5 % 11];
    let texts = |range: std::ops::Range<u32>| sequences(&range.map(text).collect::<Vec<_>>());
    let labels = |range: std::ops::Range<u32>| range.map(|index| index % 2).collect::<Vec<_>>();
    let (train, valid) = (texts(0..60), texts(60..90));
    let (train_labels, valid_labels) = (labels(0..60), labels(60..90));
    let baseline = Baseline::choose((&train, &train_labels), (&valid, &valid_labels), 2).unwrap();
    assert_eq!(baseline.strength(), 16.0);
    let opposite: Vec<u32> = valid_labels.iter().map(|label| 1 - label).collect();
    let misled = Baseline::choose((&train, &train_labels), (&valid, &opposite), 2).unwrap();
    assert_eq!(misled.strength(), 1.0);
}

#[test]
fn texts_of_one_class_and_empty_texts_are_no_trouble() {
    let texts = sequences(&[vec![2, 3], vec![], vec![4]]);
    let certain = Baseline::fit(&texts, &[1, 1, 1], 3).unwrap();
    assert_eq!(certain.predict(&texts)[..3], [0.0, 1.0, 0.0]);
    let baseline = Baseline::fit(&texts, &[0, 1, 1], 2).unwrap();
    let unknown = baseline.predict(&sequences(&[vec![], vec![99]]));
    assert_eq!(unknown[..2], unknown[2..], "nothing known, the same answer");
    assert!(unknown.iter().all(|probability| probability.is_finite()));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let texts = sequences(&[vec![2, 3], vec![4]]);
    assert!(matches!(
        Baseline::fit(&texts, &[0], 2),
        Err(Error::Metrics(jingwei_metrics::Error::Length { .. }))
    ));
    assert!(matches!(
        Baseline::fit(&texts, &[0, 2], 2),
        Err(Error::Metrics(
            jingwei_metrics::Error::LabelOutOfRange { .. }
        ))
    ));
    assert!(matches!(
        Baseline::fit(&Sequences::default(), &[], 2),
        Err(Error::Metrics(jingwei_metrics::Error::NoRows))
    ));
}
