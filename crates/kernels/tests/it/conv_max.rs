use jingwei_kernels::{
    ConvMaxForward, ConvMaxGradFilter, ConvMaxGradInput, ConvMaxOperands, SequenceShape,
};

use crate::support::{assert_close, at_every_level, numbers};

const fn shape(sizes: [usize; 5], padding: [usize; 2], relu: bool) -> SequenceShape {
    let [batch, time, channels, filters, kernel] = sizes;
    SequenceShape {
        batch,
        time,
        channels,
        filters,
        kernel,
        padding,
        relu,
    }
}

const SHAPES: [SequenceShape; 7] = [
    shape([3, 20, 5, 7, 3], [0, 0], true),
    shape([9, 31, 128, 33, 5], [0, 0], true),
    shape([2, 13, 16, 64, 4], [3, 0], true),
    shape([10, 6, 9, 40, 5], [2, 2], false),
    shape([1, 5, 130, 3, 5], [0, 0], false),
    shape([2, 2, 3, 17, 5], [4, 4], true),
    shape([1, 1, 1, 1, 1], [0, 0], true),
];

/// Sums at every place, `[batch, places, filters]`.
fn convolve(s: &SequenceShape, x: &[f32], w: &[f32], bias: &[f32]) -> Vec<f64> {
    let mut sums = Vec::new();
    for sample in 0..s.batch {
        for place in 0..s.places() {
            for filter in 0..s.filters {
                let mut sum = f64::from(bias[filter]);
                for (step, tap) in
                    (0..s.kernel).map(|tap| ((place + tap).wrapping_sub(s.padding[0]), tap))
                {
                    for channel in (0..s.channels).filter(|_| step < s.time) {
                        let x = x[(sample * s.time + step) * s.channels + channel];
                        let w = w[(tap * s.channels + channel) * s.filters + filter];
                        sum += f64::from(x) * f64::from(w);
                    }
                }
                sums.push(if s.relu { sum.max(0.0) } else { sum });
            }
        }
    }
    sums
}

#[test]
fn forward_and_backward_as_loops() {
    for (number, s) in SHAPES.iter().enumerate() {
        for masked in [false, true] {
            check(s, number as u64, masked);
        }
    }
}

fn check(s: &SequenceShape, seed: u64, masked: bool) {
    let what = format!("{s:?}, masked: {masked}");
    let (places, filters, depth) = (s.places(), s.filters, s.kernel * s.channels);
    let x = numbers(s.batch * s.time * s.channels, seed);
    let (w, bias) = (
        numbers(depth * filters, seed + 10),
        numbers(filters, seed + 20),
    );
    let mut mask: Vec<f32> = numbers(s.batch * places, seed + 30);
    mask.iter_mut().for_each(|m| *m = f32::from(*m > 0.0));
    if s.batch > 1 {
        mask[..places].fill(0.0);
    }
    let sums = convolve(s, &x, &w, &bias);
    let results = at_every_level(
        |level| {
            let forward = ConvMaxForward::new(level, *s);
            (forward.scratch(), forward.shared() + s.batch * filters)
        },
        |level, workers, shared| {
            let forward = ConvMaxForward::new(level, *s);
            let mut y = vec![0.0; s.batch * filters];
            let (at, shared) = shared.split_at_mut(y.len());
            let operands = ConvMaxOperands {
                x: &x,
                w: &w,
                bias: Some(&bias),
                mask: masked.then_some(&mask[..]),
            };
            forward.run(workers, operands, &mut y, None, shared);
            let without = y.clone();
            forward.run(workers, operands, &mut y, Some(at), shared);
            assert_eq!(without, y, "{what}");
            [&y, &*at].concat()
        },
    );
    let dy = numbers(s.batch * filters, seed + 40);
    for (level, found) in results {
        let (y, at) = found.split_at(s.batch * filters);
        for (index, (&y, &at)) in y.iter().zip(at).enumerate() {
            let (sample, filter) = (index / filters, index % filters);
            let counts = |place: &usize| !masked || mask[sample * places + place] != 0.0;
            let sum = |place: usize| sums[(sample * places + place) * filters + filter];
            let best = (0..places).filter(counts).map(sum).reduce(f64::max);
            assert_close(
                &format!("{what} at {level}"),
                &[y],
                &[best.unwrap_or(0.0)],
                1e-5,
            );
            match best {
                Some(best) => {
                    assert!((sum(at as usize) - best).abs() < 1e-5 && counts(&(at as usize)))
                }
                None => assert_eq!(at, -1.0),
            }
        }
        check_gradients(s, &what, [&x, &w], [y, at, &dy]);
    }
}

fn check_gradients(s: &SequenceShape, what: &str, [x, w]: [&[f32]; 2], results: [&[f32]; 3]) {
    let (filters, depth) = (s.filters, s.kernel * s.channels);
    let mut expected = [
        vec![0.0f64; w.len()],
        vec![0.0; filters],
        vec![0.0; x.len()],
    ];
    let [y, at, dy] = results;
    for (index, &at) in at.iter().enumerate() {
        let (sample, filter) = (index / filters, index % filters);
        if at < 0.0 || (s.relu && y[index] <= 0.0) {
            continue;
        }
        let dy = f64::from(dy[index]);
        expected[1][filter] += dy;
        for tap in 0..s.kernel {
            let step = (at as usize + tap).wrapping_sub(s.padding[0]);
            for channel in (0..s.channels).filter(|_| step < s.time) {
                let from = (sample * s.time + step) * s.channels + channel;
                let weight = (tap * s.channels + channel) * filters + filter;
                expected[0][weight] += dy * f64::from(x[from]);
                expected[2][from] += dy * f64::from(w[weight]);
            }
        }
    }
    let found = at_every_level(
        |level| {
            let input = ConvMaxGradInput::new(level, *s);
            (ConvMaxGradFilter::new(level, *s).scratch(), input.shared())
        },
        |level, workers, shared| {
            let (mut dw, mut db) = (vec![f32::NAN; depth * filters], vec![f32::NAN; filters]);
            let mut dx = vec![f32::NAN; x.len()];
            ConvMaxGradFilter::new(level, *s).run(workers, x, results, &mut dw, &mut db);
            ConvMaxGradInput::new(level, *s).run(workers, w, results, &mut dx, shared);
            [dw, db, dx].concat()
        },
    );
    for (level, found) in found {
        assert_close(
            &format!("{what}, gradients at {level}"),
            &found,
            &expected.concat(),
            1e-5,
        );
    }
}

#[test]
fn what_is_not_a_number_wins() {
    let s = shape([1, 6, 1, 1, 1], [0, 0], true);
    let x = [1.0, f32::NAN, 3.0, f32::NAN, 2.0, 9.0];
    let found = at_every_level(
        |level| (0, ConvMaxForward::new(level, s).shared()),
        |level, workers, shared| {
            let (mut y, mut at) = ([0.0], [0.0]);
            let forward = ConvMaxForward::new(level, s);
            let operands = ConvMaxOperands {
                x: &x,
                w: &[1.0],
                bias: None,
                mask: None,
            };
            forward.run(workers, operands, &mut y, Some(&mut at), shared);
            vec![y[0], at[0]]
        },
    );
    for (level, found) in found {
        assert!(found[0].is_nan() && found[1] == 3.0, "{level}: {found:?}");
    }
}
