use jingwei_kernels::random::Key;
use jingwei_random::{philox, stream};

use crate::support::at_every_level;

const KEY: Key = Key {
    seed: 0x0123_4567_89ab_cdef,
    stream: 0xfedc_ba98_7654_3210,
    step: 77,
};

/// Known answers of Random123, `kat_vectors`, philox4x32 with 10 rounds.
#[test]
fn philox_gives_the_known_answers() {
    let known = [
        (
            [0; 4],
            [0; 2],
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
        ),
        (
            [u32::MAX; 4],
            [u32::MAX; 2],
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
        ),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];
    for (counter, key, answer) in known {
        assert_eq!(philox(counter, key), answer);
    }
}

#[test]
fn streams_are_fnv_hashes() {
    assert_eq!(stream(""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(stream("a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(stream("foobar"), 0x8594_4171_f739_67e8);
}

/// The numbers, the same bits at every level.
fn same(len: usize, f: impl Fn(&jingwei_kernels::Workers, &mut [f32])) -> Vec<f32> {
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut y = vec![f32::NAN; len];
            f(workers, &mut y);
            y
        },
    );
    let (_, first) = &results[0];
    for (level, result) in &results {
        assert_eq!(result, first, "{level}");
    }
    first.clone()
}

#[test]
fn uniform_numbers_are_the_words_of_elements() {
    let n = 16 * 1024 * 2 + 77;
    let y = same(n, |w, y| KEY.uniform(w, 0.0, 1.0, y));
    for (element, &y) in y.iter().enumerate() {
        assert_eq!(
            y,
            (KEY.word(element as u64) >> 8) as f32 / 16_777_216.0,
            "{element}"
        );
    }
    let bounded = same(n, |w, y| KEY.uniform(w, -3.0, -1.0, y));
    assert!(bounded.iter().all(|y| (-3.0..-1.0).contains(y)));
    let mean = bounded.iter().sum::<f32>() / n as f32;
    assert!((mean + 2.0).abs() < 0.02, "{mean}");
}

#[test]
fn keys_differ() {
    let first = |key: Key| (0..64).map(|element| key.word(element)).collect::<Vec<_>>();
    let others = [
        Key {
            seed: KEY.seed ^ 1 << 40,
            ..KEY
        },
        Key {
            stream: KEY.stream ^ 1 << 40,
            ..KEY
        },
        Key { step: 78, ..KEY },
    ];
    for other in others {
        assert!(first(KEY).iter().zip(first(other)).all(|(a, b)| *a != b));
    }
}

#[test]
fn normal_numbers_have_the_moments_of_the_distribution() {
    let n = 200_003;
    let y = same(n, |w, y| KEY.normal(w, 2.0, 3.0, y));
    let standard: Vec<f64> = y.iter().map(|&y| (f64::from(y) - 2.0) / 3.0).collect();
    let moment = |power: i32| standard.iter().map(|x| x.powi(power)).sum::<f64>() / n as f64;
    for (power, expected, tolerance) in [
        (1, 0.0, 0.01),
        (2, 1.0, 0.015),
        (3, 0.0, 0.04),
        (4, 3.0, 0.1),
    ] {
        let found = moment(power);
        assert!(
            (found - expected).abs() < tolerance,
            "moment {power}: {found}"
        );
    }
    let within = standard.iter().filter(|x| x.abs() < 1.0).count() as f64 / n as f64;
    assert!((within - 0.682_69).abs() < 0.005, "{within}");
    assert!(standard.iter().all(|x| x.abs() < 6.0));
}

#[test]
fn normal_numbers_follow_box_and_muller() {
    let y = same(64, |w, y| KEY.normal(w, 0.0, 1.0, y));
    let unit = |element: usize| f64::from(KEY.word(element as u64) >> 8) / 16_777_216.0;
    for i in (0..16).chain(32..48) {
        let radius = (-2.0 * (1.0 - unit(i)).ln()).sqrt();
        let angle = std::f64::consts::TAU * unit(i + 16);
        for (found, expected) in [
            (y[i], radius * angle.cos()),
            (y[i + 16], radius * angle.sin()),
        ] {
            assert!(
                (f64::from(found) - expected).abs() < 1e-6,
                "{found}, not {expected}"
            );
        }
    }
}

#[test]
fn dropout_drops_its_share_and_scales_the_rest() {
    let n = 100_001;
    let x: Vec<f32> = (0..n).map(|i| 1.0 + (i % 7) as f32).collect();
    for rate in [0.0, 0.25, 0.5, 1.0] {
        let y = same(n, |w, y| KEY.dropout(w, rate, &x, y));
        let threshold = u64::from(u32::MAX) as f64 + 1.0;
        for (element, (&x, &y)) in x.iter().zip(&y).enumerate() {
            let kept = f64::from(KEY.word(element as u64)) >= f64::from(rate) * threshold;
            let expected = if kept { x * (1.0 / (1.0 - rate)) } else { 0.0 };
            assert_eq!(y, expected, "{element}");
        }
        let dropped = y.iter().filter(|&&y| y == 0.0).count() as f32 / n as f32;
        assert!((dropped - rate).abs() < 0.01, "{dropped} of {rate}");
    }
}
