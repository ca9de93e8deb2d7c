use jingwei_data::prepare::PrepareOptions;
use jingwei_data::{BatchOptions, BatchSource, Dataset, Features, Preparation, Targets};

fn images(samples: usize) -> Dataset {
    let pixels = (0..samples * 5 * 4 * 3)
        .map(|i| (i * 31 % 256) as u8)
        .collect();
    let labels = (0..samples as u32).map(|i| i % 4).collect();
    let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let features = Features::Images {
        height: 5,
        width: 4,
        channels: 3,
        pixels,
    };
    Dataset::new(features, Targets::Classes { names, labels }).unwrap()
}

fn prepared(data: &Dataset) -> Preparation {
    Preparation::fit(data, &data.indices(), &PrepareOptions::default()).unwrap()
}

pub fn whole(source: &BatchSource<'_>, epoch: u64, step: usize) -> (Vec<f32>, Vec<f32>) {
    let samples = source.batch_len(step);
    let mut features = vec![f32::NAN; samples * source.sample_len()];
    let mut targets = vec![f32::NAN; samples * source.target_len()];
    let mut scratch = vec![f32::NAN; source.scratch_len()];
    source.fill(
        epoch,
        step,
        0..samples,
        &mut features,
        &mut targets,
        &mut scratch,
    );
    (features, targets)
}

#[test]
fn an_epoch_shows_every_sample_once() {
    let data = images(103);
    let (indices, preparation) = (data.indices(), prepared(&data));
    let source = BatchSource::new(
        &data,
        &indices,
        &preparation,
        BatchOptions {
            batch_size: 8,
            ..Default::default()
        },
    );
    let source = source.unwrap();
    assert_eq!(
        (
            source.steps_per_epoch(),
            source.batch_len(12),
            source.batch_len(13)
        ),
        (13, 7, 0)
    );
    let mut seen: Vec<usize> = (0..13).flat_map(|step| source.samples(3, step)).collect();
    seen.sort_unstable();
    assert_eq!(seen, indices);
}

#[test]
fn features_and_targets_belong_to_the_samples() {
    let data = images(50);
    let (indices, preparation) = ((10..40).collect::<Vec<_>>(), prepared(&data));
    let source = BatchSource::new(
        &data,
        &indices,
        &preparation,
        BatchOptions {
            batch_size: 7,
            ..Default::default()
        },
    );
    let source = source.unwrap();
    for step in 0..source.steps_per_epoch() {
        let samples: Vec<usize> = source.samples(1, step).collect();
        let mut expected = vec![0.0; samples.len() * 60];
        preparation.apply(&data, &samples, &mut expected).unwrap();
        let labels: Vec<f32> = samples
            .iter()
            .map(|&sample| data.labels().unwrap()[sample] as f32)
            .collect();
        assert_eq!(whole(&source, 1, step), (expected, labels));
    }
}

#[test]
fn without_shuffling_the_order_stays() {
    let data = images(10);
    let (indices, preparation) = (vec![4, 2, 9], prepared(&data));
    let options = BatchOptions {
        shuffle: false,
        ..Default::default()
    };
    let source = BatchSource::new(&data, &indices, &preparation, options).unwrap();
    assert!(source.samples(5, 0).eq([4, 2, 9]));
}

#[test]
fn wrong_use_is_refused() {
    let data = images(10);
    let (indices, preparation) = (data.indices(), prepared(&data));
    let none = BatchOptions {
        batch_size: 0,
        ..Default::default()
    };
    assert!(BatchSource::new(&data, &indices, &preparation, none).is_err());
    assert!(BatchSource::new(&data, &[], &preparation, BatchOptions::default()).is_err());
    assert!(BatchSource::new(&data, &[10], &preparation, BatchOptions::default()).is_err());
    let renamed = data
        .clone()
        .with_class_names(["b", "a", "c", "d"].map(str::to_owned).to_vec())
        .unwrap();
    let error = BatchSource::new(&renamed, &indices, &preparation, BatchOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("expected classes"), "{error}");
}
