use crate::support::{at_every_level, numbers};
use jingwei_kernels::Workers;
use jingwei_kernels::layout::{StridedCopy, gather, gather_backward};

#[track_caller]
fn check(name: &str, expected: &[f32], f: impl Fn(&Workers, &mut [f32])) {
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut y = vec![-9.0; expected.len()];
            f(workers, &mut y);
            y
        },
    );
    for (level, result) in results {
        assert_eq!(result, expected, "{name} at {level}");
    }
}

/// Every index of an array, in order.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &size in shape {
        all = all
            .iter()
            .flat_map(|at| (0..size).map(|i| [at.clone(), vec![i]].concat()))
            .collect();
    }
    all
}

fn offset(shape: &[usize], index: &[usize]) -> usize {
    index
        .iter()
        .zip(shape)
        .fold(0, |offset, (i, size)| offset * size + i)
}

#[test]
fn every_permutation() {
    let cases: [(&[usize], &[usize]); 11] = [
        (&[], &[]),
        (&[5], &[0]),
        (&[3, 4], &[1, 0]),
        (&[200, 333], &[1, 0]),
        (&[2, 3, 4], &[0, 1, 2]),
        (&[2, 3, 4], &[2, 0, 1]),
        (&[2, 3, 4], &[1, 0, 2]),
        (&[4, 1, 3], &[2, 1, 0]),
        (&[8, 3, 40, 50], &[0, 2, 3, 1]),
        (&[8, 40, 50, 3], &[0, 3, 1, 2]),
        (&[0, 3], &[1, 0]),
    ];
    for (shape, permutation) in cases {
        let x = numbers(shape.iter().product(), 1);
        let sizes: Vec<usize> = permutation.iter().map(|&axis| shape[axis]).collect();
        let value = |index: Vec<usize>| {
            let mut of_x = vec![0; shape.len()];
            permutation
                .iter()
                .zip(index)
                .for_each(|(&axis, i)| of_x[axis] = i);
            x[offset(shape, &of_x)]
        };
        let expected: Vec<f32> = indices(&sizes).into_iter().map(value).collect();
        let copy = StridedCopy::transpose(shape, permutation);
        check(
            &format!("{shape:?} by {permutation:?}"),
            &expected,
            |w, y| copy.run(w, &x, y),
        );
    }
}

/// Shape, starts, steps, counts.
const PARTS: [[&[usize]; 4]; 7] = [
    [&[7], &[2], &[1], &[3]],
    [&[7], &[1], &[2], &[3]],
    [&[5, 6], &[0, 2], &[1, 1], &[5, 3]],
    [&[5, 6], &[1, 0], &[2, 1], &[2, 6]],
    [&[5, 6], &[1, 1], &[2, 3], &[2, 2]],
    [&[3, 50, 401], &[1, 3, 7], &[1, 2, 3], &[2, 20, 130]],
    [&[300, 8, 33], &[0, 4, 0], &[1, 1, 1], &[300, 4, 33]],
];

#[test]
fn slices_and_their_opposite() {
    for [shape, starts, steps, counts] in PARTS {
        let x = numbers(shape.iter().product(), 1);
        let place = |index: &[usize]| {
            let at: Vec<usize> = (0..shape.len())
                .map(|a| starts[a] + index[a] * steps[a])
                .collect();
            offset(shape, &at)
        };
        let part: Vec<f32> = indices(counts)
            .iter()
            .map(|index| x[place(index)])
            .collect();
        let name = format!("{counts:?} of {shape:?} from {starts:?} by {steps:?}");
        let copy = StridedCopy::slice(shape, starts, steps, counts);
        check(&name, &part, |w, y| copy.run(w, &x, y));
        let mut whole = vec![-9.0; x.len()];
        indices(counts)
            .iter()
            .zip(&part)
            .for_each(|(index, value)| whole[place(index)] = *value);
        let copy = StridedCopy::place(shape, starts, steps, counts);
        check(&format!("opposite of {name}"), &whole, |w, y| {
            copy.run(w, &part, y)
        });
    }
}

#[test]
#[should_panic(expected = "axis 1 of [2, 3] has no element 3")]
fn a_slice_stays_within_the_array() {
    StridedCopy::slice(&[2, 3], &[0, 1], &[1, 2], &[2, 2]);
}

#[test]
fn repeating() {
    let cases: [(&[usize], &[usize]); 5] = [
        (&[3, 1], &[3, 4]),
        (&[1, 4], &[3, 4]),
        (&[1], &[40_000]),
        (&[2, 1, 3], &[2, 500, 3]),
        (&[1, 5, 1], &[70, 5, 60]),
    ];
    for (from, to) in cases {
        let x = numbers(from.iter().product(), 1);
        let value = |index: Vec<usize>| {
            let of_x: Vec<usize> = index.iter().zip(from).map(|(i, size)| i % size).collect();
            x[offset(from, &of_x)]
        };
        let expected: Vec<f32> = indices(to).into_iter().map(value).collect();
        let copy = StridedCopy::broadcast(from, to);
        check(&format!("{from:?} to {to:?}"), &expected, |w, y| {
            copy.run(w, &x, y)
        });
    }
}

#[test]
fn rows_of_a_table() {
    let (rows, columns, n) = (50, 33, 1000);
    let table = numbers(rows * columns, 1);
    let picked: Vec<f32> = (0..n).map(|i| ((i * i + 3 * i) % rows) as f32).collect();
    let expected: Vec<f32> = picked
        .iter()
        .flat_map(|&row| table[row as usize * columns..][..columns].to_vec())
        .collect();
    check("gather", &expected, |w, y| {
        gather(w, columns, &table, &picked, y)
    });
    let dy = numbers(n * columns, 2);
    let mut gradient = vec![0.0; table.len()];
    for (row, dy) in picked.iter().zip(dy.chunks(columns)) {
        let row = &mut gradient[*row as usize * columns..][..columns];
        row.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
    }
    check("gradient of gather", &gradient, |w, y| {
        gather_backward(w, columns, &picked, &dy, y)
    });
}

#[test]
fn a_row_outside_the_table_is_not_a_number() {
    let table = [1.0, 2.0, 3.0, 4.0];
    let picked = [1.0, 2.0, -1.0, 0.5, f32::NAN];
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut y = vec![0.0; 10];
            gather(workers, 2, &table, &picked, &mut y);
            y
        },
    );
    for (_, y) in results {
        assert_eq!(y[..2], [3.0, 4.0]);
        assert!(y[2..].iter().all(|y| y.is_nan()));
    }
    check("gradient", &[0.0, 0.0, 1.0, 2.0], |w, y| {
        gather_backward(
            w,
            2,
            &picked,
            &[1.0, 2.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
            y,
        );
    });
}
