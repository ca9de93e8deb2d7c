use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::reduce::{Reduce, Reduction, largest_index};

const ALL: [Reduction; 4] = [
    Reduction::Sum,
    Reduction::Mean,
    Reduction::Maximum,
    Reduction::Minimum,
];

fn expected(reduction: Reduction, [outer, middle, inner]: [usize; 3], x: &[f32]) -> Vec<f64> {
    let one = |i: usize| {
        let (o, column) = (i / inner, i % inner);
        let values = (0..middle).map(|m| f64::from(x[(o * middle + m) * inner + column]));
        match reduction {
            Reduction::Sum => values.sum(),
            Reduction::Mean => values.sum::<f64>() / middle as f64,
            Reduction::Maximum => values.fold(f64::NEG_INFINITY, f64::max),
            Reduction::Minimum => values.fold(f64::INFINITY, f64::min),
        }
    };
    (0..outer * inner).map(one).collect()
}

fn reduce(
    reduction: Reduction,
    [outer, middle, inner]: [usize; 3],
    x: &[f32],
) -> Vec<(String, Vec<f32>)> {
    let plan = Reduce::new(reduction, outer, middle, inner);
    let results = at_every_level(
        |_| (0, plan.shared()),
        |_, workers, shared| {
            let mut y = vec![f32::NAN; outer * inner];
            plan.run(workers, x, &mut y, shared);
            y
        },
    );
    results
        .into_iter()
        .map(|(level, y)| (format!("{plan:?} at {level}"), y))
        .collect()
}

#[test]
fn every_reduction_of_every_shape() {
    let shapes = [
        [1, 1, 1],
        [1, 0, 3],
        [5, 7, 1],
        [1, 7, 5],
        [1, 37, 64],
        [3, 5, 17],
        [1, 43_264, 32],
        [1, 10_000, 7],
        [2, 3000, 33],
        [3, 50_001, 1],
        [1, 3, 5000],
        [2, 300, 2100],
        [3000, 10, 1],
    ];
    for shape in shapes {
        let x = numbers(shape.iter().product(), 4);
        for reduction in ALL {
            if shape[1] == 0 && reduction == Reduction::Mean {
                continue;
            }
            let expected = expected(reduction, shape, &x);
            let tolerance = match reduction {
                Reduction::Sum => 1e-6 * (shape[1] as f64).sqrt().max(2.0),
                _ => 1e-6,
            };
            for (name, result) in reduce(reduction, shape, &x) {
                for (&result, &expected) in result.iter().zip(&expected) {
                    let close =
                        (f64::from(result) - expected).abs() <= tolerance * (1.0 + expected.abs());
                    assert!(
                        close || f64::from(result) == expected,
                        "{name}: {result}, not {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn extremes_keep_what_is_not_a_number() {
    for shape in [[1, 40, 3], [2, 100, 1], [1, 50_000, 1]] {
        for bad in [0, 2, 38] {
            let mut x = numbers(shape.iter().product(), 4);
            x[bad * shape[2]] = f32::NAN;
            for reduction in ALL {
                for (name, result) in reduce(reduction, shape, &x) {
                    assert!(result[0].is_nan(), "{name}: {bad} is lost");
                }
            }
        }
    }
}

#[test]
fn the_index_of_the_largest() {
    let x = [1.0, 3.0, 3.0, -5.0, -2.0, -4.0, 0.0, f32::NAN, 1.0];
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut y = vec![0.0; 3];
            largest_index(workers, 3, &x, &mut y);
            y
        },
    );
    for (level, y) in results {
        assert_close(&level.to_string(), &y[..2], &[1.0, 1.0], 0.0);
        assert!(y[2].is_nan());
    }
}
