//! First values: their statistics, and that they are a function of seed and name.

use jingwei_nn::{Fans, Initializer};

use crate::support::recipe;

const SIZES: [usize; 4] = [3, 3, 32, 64];

fn values(initializer: Initializer, seed: u64) -> Vec<f32> {
    initializer.values(&SIZES, Fans::of(&SIZES), seed, "conv2d_1/kernel")
}

fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|&value| (f64::from(value) - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, variance)
}

/// n_in = 3 · 3 · 32 = 288, n_out = 3 · 3 · 64 = 576.
#[test]
fn variances_are_the_published_ones() {
    let cases = [
        ("'glorot_uniform'", 2.0 / 864.0, 3.0f64.sqrt()),
        ("'glorot_normal'", 2.0 / 864.0, 2.0 / 0.879_625_66),
        ("'he_uniform'", 2.0 / 288.0, 3.0f64.sqrt()),
        ("'he_normal'", 2.0 / 288.0, 2.0 / 0.879_625_66),
        ("'lecun_uniform'", 1.0 / 288.0, 3.0f64.sqrt()),
        ("'lecun_normal'", 1.0 / 288.0, 2.0 / 0.879_625_66),
        (
            "{ uniform = { low = -1.0, high = 1.0 } }",
            1.0 / 3.0,
            3.0f64.sqrt(),
        ),
        ("{ normal = { deviation = 0.5 } }", 0.25, 6.0),
        (
            "{ truncated_normal = { deviation = 0.5 } }",
            0.25 * 0.879_625_66f64.powi(2),
            2.0 / 0.879_625_66,
        ),
    ];
    for (text, variance, reach) in cases {
        let values = values(recipe(text).expect("an initialiser"), 5);
        let (mean, found) = moments(&values);
        assert!(
            mean.abs() < 4.0 * (variance / 18_432.0).sqrt(),
            "{text}: mean {mean}"
        );
        assert!(
            (found / variance - 1.0).abs() < 0.03,
            "{text}: variance {found}, not {variance}"
        );
        let largest = values
            .iter()
            .fold(0.0f32, |largest, value| largest.max(value.abs()));
        assert!(
            f64::from(largest) <= reach * variance.sqrt() * 1.000_001,
            "{text}: {largest}"
        );
        assert!(
            f64::from(largest) > 0.5 * reach * variance.sqrt(),
            "{text}: {largest}"
        );
    }
}

#[test]
fn orthogonal_columns_are_orthogonal() {
    for sizes in [vec![3, 3, 4, 8], vec![5, 12], vec![7, 7]] {
        let initializer =
            recipe::<Initializer>("{ orthogonal = { gain = 2.0 } }").expect("an initialiser");
        let values = initializer.values(&sizes, Fans::of(&sizes), 1, "kernel");
        let columns = *sizes.last().expect("sizes");
        let rows = values.len() / columns;
        let at = |row: usize, column: usize| f64::from(values[row * columns + column]);
        let short = rows.min(columns);
        for (a, b) in (0..short).flat_map(|a| (0..short).map(move |b| (a, b))) {
            let product: f64 = match rows >= columns {
                true => (0..rows).map(|row| at(row, a) * at(row, b)).sum(),
                false => (0..columns)
                    .map(|column| at(a, column) * at(b, column))
                    .sum(),
            };
            let expected = if a == b { 4.0 } else { 0.0 };
            assert!(
                (product - expected).abs() < 1e-5,
                "{sizes:?}: {a} · {b} is {product}"
            );
        }
    }
}

#[test]
fn values_depend_on_seed_and_name_alone() {
    let first = values(Initializer::GlorotUniform, 1);
    assert_eq!(first, values(Initializer::GlorotUniform, 1));
    assert_ne!(first, values(Initializer::GlorotUniform, 2));
    let other = Initializer::GlorotUniform.values(&SIZES, Fans::of(&SIZES), 1, "conv2d_2/kernel");
    assert_ne!(first, other);
    assert_eq!(values(Initializer::Zeros, 1), vec![0.0; 18_432]);
    assert_eq!(values(Initializer::Ones, 1), vec![1.0; 18_432]);
}
