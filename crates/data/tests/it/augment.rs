use jingwei_data::augment::Fill;
use jingwei_data::prepare::{ImageScalingKind, PrepareOptions};
use jingwei_data::{Augment, BatchOptions, BatchSource, Dataset, Features, Preparation, Targets};

use crate::batches::whole;

const HEIGHT: usize = 6;
const WIDTH: usize = 8;

fn images(samples: usize, channels: usize) -> Dataset {
    let pixels = (0..samples * HEIGHT * WIDTH * channels)
        .map(|at| (at * 97 % 255 + 1) as u8)
        .collect();
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    let labels = (0..samples as u32).map(|sample| sample % 3).collect();
    let features = Features::Images {
        height: HEIGHT,
        width: WIDTH,
        channels,
        pixels,
    };
    Dataset::new(features, Targets::Classes { names, labels }).unwrap()
}

fn everything() -> Augment {
    Augment {
        shift: 0.2,
        crop: 2,
        rotate: 20.0,
        scale: 0.2,
        flip_horizontal: true,
        flip_vertical: true,
        brightness: 0.2,
        contrast: 0.3,
        erase: 0.3,
        mixup: 0.4,
        fill: Fill::Edge,
        ..Augment::default()
    }
}

/// Samples in their order, each changed as in `epoch`.
fn changed(data: &Dataset, augment: Augment, epoch: u64) -> Vec<Vec<f32>> {
    let preparation = Preparation::fit(data, &data.indices(), &PrepareOptions::default()).unwrap();
    let options = BatchOptions {
        batch_size: data.len(),
        shuffle: false,
        seed: 7,
        augment,
    };
    let indices = data.indices();
    let source = BatchSource::new(data, &indices, &preparation, options).unwrap();
    let (features, _) = whole(&source, epoch, 0);
    features
        .chunks(source.sample_len())
        .map(<[f32]>::to_vec)
        .collect()
}

/// The picture as it should be after a shift by whole pixels and flips, by the definition.
fn moved(
    data: &Dataset,
    sample: usize,
    [down, right]: [isize; 2],
    flip: [bool; 2],
    fill: Fill,
) -> Vec<f32> {
    let channels = data.features().sample_shape()[2];
    let image = data.image(sample).unwrap();
    let source = |at: isize, length: usize, flip: bool| {
        let last = length as isize - 1;
        let at = if fill == Fill::Edge {
            at.clamp(0, last)
        } else {
            at
        };
        (0..=last)
            .contains(&at)
            .then_some(if flip { last - at } else { at } as usize)
    };
    let mut out = Vec::new();
    for y in 0..HEIGHT as isize {
        for x in 0..WIDTH as isize {
            let pixel = source(y - down, HEIGHT, flip[0]).zip(source(x - right, WIDTH, flip[1]));
            for channel in 0..channels {
                let gap = if fill == Fill::White { 255 } else { 0 };
                let byte = pixel.map_or(gap, |(y, x)| image[(y * WIDTH + x) * channels + channel]);
                out.push(f32::from(byte) * (1.0 / 255.0));
            }
        }
    }
    out
}

#[test]
fn shifts_and_flips_move_whole_pixels() {
    for (channels, fill) in [
        (1, Fill::Black),
        (3, Fill::White),
        (3, Fill::Edge),
        (1, Fill::Edge),
    ] {
        let data = images(40, channels);
        let augment = Augment {
            crop: 3,
            flip_horizontal: true,
            flip_vertical: true,
            fill,
            ..Augment::default()
        };
        let mut seen = std::collections::HashSet::new();
        for (sample, found) in changed(&data, augment, 1).into_iter().enumerate() {
            let shifts = (-3..=3).flat_map(|down| (-3..=3).map(move |right| [down, right]));
            let all = shifts.flat_map(|shift| {
                [0, 1, 2, 3].map(|flips| (shift, [flips & 1 == 1, flips & 2 == 2]))
            });
            let place = all
                .into_iter()
                .find(|&(shift, flip)| moved(&data, sample, shift, flip, fill) == found);
            seen.insert(place.expect("a shift and flips that explain the picture"));
        }
        assert!(seen.len() > 25, "{}", seen.len());
    }
}

#[test]
fn a_turned_picture_is_moved_the_same_way() {
    // So little rotation that pixels keep their places, but on the path that interpolates.
    let still = Augment {
        flip_horizontal: true,
        flip_vertical: true,
        shift: 0.3,
        ..Augment::default()
    };
    for (channels, fill) in [(1, Fill::Black), (3, Fill::White), (3, Fill::Edge)] {
        let data = images(20, channels);
        let exact = changed(
            &data,
            Augment {
                fill,
                ..still.clone()
            },
            1,
        );
        let turned = changed(
            &data,
            Augment {
                fill,
                rotate: 1e-4,
                ..still.clone()
            },
            1,
        );
        for (exact, turned) in exact.iter().flatten().zip(turned.iter().flatten()) {
            assert!((exact - turned).abs() < 0.006, "{exact} {turned}");
        }
    }
}

#[test]
fn rotation_keeps_a_disc() {
    let side = 33;
    let disc = |at: usize| {
        let (y, x) = ((at / side) as f32 - 16.0, (at % side) as f32 - 16.0);
        (255.0 * (1.0 - (y * y + x * x).sqrt() / 16.0).max(0.0)) as u8
    };
    let pixels = (0..side * side).map(disc).collect();
    let data = Dataset::new(
        Features::Images {
            height: side,
            width: side,
            channels: 1,
            pixels,
        },
        Targets::None,
    )
    .unwrap();
    let plain = changed(&data, Augment::default(), 0);
    for epoch in 0..20 {
        let turned = changed(
            &data,
            Augment {
                rotate: 180.0,
                ..Augment::default()
            },
            epoch,
        );
        let worst = plain[0]
            .iter()
            .zip(&turned[0])
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(worst < 0.05, "{worst}");
    }
}

#[test]
fn scale_keeps_the_middle_and_changes_the_size() {
    let pixels = (0..33 * 33).map(|at| {
        if (at / 33_usize).abs_diff(16) < 8 && (at % 33_usize).abs_diff(16) < 8 {
            255
        } else {
            0
        }
    });
    let features = Features::Images {
        height: 33,
        width: 33,
        channels: 1,
        pixels: pixels.collect(),
    };
    let data = Dataset::new(features, Targets::None).unwrap();
    let areas: Vec<f32> = (0..50)
        .map(|epoch| {
            changed(
                &data,
                Augment {
                    scale: 0.5,
                    ..Augment::default()
                },
                epoch,
            )[0]
            .iter()
            .sum()
        })
        .collect();
    let (least, most) = areas
        .iter()
        .fold((f32::MAX, 0_f32), |(least, most), &area| {
            (least.min(area), most.max(area))
        });
    assert!((0.25..0.4).contains(&(least / 225.0)), "{least}");
    assert!((1.8..2.3).contains(&(most / 225.0)), "{most}");
}

#[test]
fn brightness_and_contrast_stay_in_range() {
    let data = images(50, 3);
    let plain = changed(&data, Augment::default(), 0);
    for (sample, found) in changed(
        &data,
        Augment {
            brightness: 0.2,
            ..Augment::default()
        },
        0,
    )
    .iter()
    .enumerate()
    {
        let offsets = plain[sample]
            .iter()
            .zip(found)
            .filter(|pair| *pair.1 > 0.0 && *pair.1 < 1.0);
        let offsets: Vec<f32> = offsets.map(|(plain, found)| found - plain).collect();
        assert!(
            offsets
                .iter()
                .all(|offset| (offset - offsets[0]).abs() < 1e-5 && offset.abs() <= 0.2001)
        );
    }
    let both = changed(
        &data,
        Augment {
            brightness: 1.0,
            contrast: 1.0,
            ..Augment::default()
        },
        0,
    );
    assert!(
        both.iter()
            .flatten()
            .all(|value| (0.0..=1.000_001).contains(value))
    );
}

#[test]
fn erasing_covers_a_rectangle_in_about_half_the_samples() {
    let data = images(200, 1);
    let plain = changed(&data, Augment::default(), 0);
    let erased = changed(
        &data,
        Augment {
            erase: 0.5,
            ..Augment::default()
        },
        0,
    );
    let covered: Vec<usize> = plain
        .iter()
        .zip(&erased)
        .map(|(a, b)| a.iter().zip(b).filter(|(a, b)| a != b).count())
        .collect();
    let touched = covered.iter().filter(|&&count| count > 0).count();
    assert!((60..=115).contains(&touched), "{touched}");
    assert!(covered.iter().all(|&count| count <= HEIGHT * WIDTH / 2));
}

#[test]
fn an_augmented_sample_depends_on_seed_epoch_and_sample_alone() {
    let data = images(30, 3);
    let preparation = PrepareOptions {
        images: ImageScalingKind::Standardise,
        ..Default::default()
    };
    let preparation = Preparation::fit(&data, &data.indices(), &preparation).unwrap();
    let source = |seed, mixup, indices| {
        let augment = Augment {
            mixup,
            ..everything()
        };
        let options = BatchOptions {
            batch_size: 8,
            shuffle: true,
            seed,
            augment,
        };
        BatchSource::new(&data, indices, &preparation, options).unwrap()
    };
    let indices = data.indices();
    let first = source(1, 0.4, &indices);
    let (all, targets) = whole(&first, 2, 1);
    assert_eq!((first.soft_targets(), first.target_len()), (true, 3));
    let len = first.sample_len();
    // Any cut of the batch between threads gives the same numbers.
    let (mut pieces, mut piece_targets) = (vec![0.0; 8 * len], vec![0.0; 24]);
    std::thread::scope(|scope| {
        let parts = pieces
            .chunks_mut(3 * len)
            .zip(piece_targets.chunks_mut(9))
            .enumerate();
        for (part, (features, targets)) in parts {
            let first = &first;
            scope.spawn(move || {
                let mut scratch = vec![0.0; first.scratch_len()];
                let samples = part * 3..part * 3 + features.len() / len;
                first.fill(2, 1, samples, features, targets, &mut scratch);
            });
        }
    });
    assert_eq!((&pieces, &piece_targets), (&all, &targets));
    assert_ne!(whole(&first, 3, 1).0, all);
    assert_ne!(whole(&source(2, 0.4, &indices), 2, 1).0, all);
    // Without mixing, the order and the size of the part do not matter either.
    let (one, few) = (source(1, 0.0, &indices), vec![5, 17]);
    let sample_of = |source: &BatchSource<'_>, sample| {
        let place = (0..source.steps_per_epoch()).find_map(|step| {
            Some((
                step,
                source.samples(4, step).position(|index| index == sample)?,
            ))
        });
        let (step, at) = place.unwrap();
        whole(source, 4, step).0[at * len..][..len].to_vec()
    };
    assert_eq!(sample_of(&one, 17), sample_of(&source(1, 0.0, &few), 17));
}

#[test]
fn mixup_mixes_features_and_targets_alike() {
    // Each picture has one value, that of its class.
    let labels: Vec<u32> = (0..64).map(|sample| sample % 2).collect();
    let pixels = labels
        .iter()
        .flat_map(|&label| [label as u8 * 255; 4])
        .collect();
    let names = ["dark", "light"].map(str::to_owned).to_vec();
    let features = Features::Images {
        height: 2,
        width: 2,
        channels: 1,
        pixels,
    };
    let data = Dataset::new(features, Targets::Classes { names, labels }).unwrap();
    let preparation = Preparation::fit(&data, &data.indices(), &PrepareOptions::default()).unwrap();
    let augment = Augment {
        mixup: 1.0,
        ..Augment::default()
    };
    let indices = data.indices();
    let source = BatchSource::new(
        &data,
        &indices,
        &preparation,
        BatchOptions {
            augment,
            ..Default::default()
        },
    );
    let (features, targets) = whole(&source.unwrap(), 0, 0);
    let mut mixed = 0;
    for (features, target) in features.chunks(4).zip(targets.chunks(2)) {
        assert!((target[0] + target[1] - 1.0).abs() < 1e-6);
        assert!(
            features
                .iter()
                .all(|value| (value - target[1]).abs() < 1e-6)
        );
        mixed += usize::from(target[1] > 0.01 && target[1] < 0.99);
    }
    assert!((15..=50).contains(&mixed), "{mixed}");
}

#[test]
fn bounds_are_checked() {
    let bad = |augment: Augment| augment.check().unwrap_err().to_string();
    assert!(
        bad(Augment {
            rotate: 181.0,
            ..Augment::default()
        })
        .contains("augment.rotate`: 181 is not between")
    );
    assert!(
        bad(Augment {
            shift: -0.1,
            ..Augment::default()
        })
        .contains("augment.shift")
    );
    assert!(
        bad(Augment {
            mixup: f32::NAN,
            ..Augment::default()
        })
        .contains("augment.mixup")
    );
    assert!(everything().check().is_ok());
    let data = images(4, 1);
    let preparation = Preparation::fit(&data, &data.indices(), &PrepareOptions::default()).unwrap();
    let options = BatchOptions {
        augment: Augment {
            crop: 7,
            ..Augment::default()
        },
        ..Default::default()
    };
    let error = BatchSource::new(&data, &[0], &preparation, options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("augment.crop"), "{error}");
    let unknown = serde_json::from_str::<Augment>(r#"{"shfit": 0.1}"#)
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("unknown field `shfit`"), "{unknown}");
    assert_eq!(
        serde_json::from_str::<Augment>(r#"{"rotate": 10}"#)
            .unwrap()
            .rotate,
        10.0
    );
}
