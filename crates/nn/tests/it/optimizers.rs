//! Updates against PyTorch.

use jingwei_kernels::optimiser::Tensors;
use jingwei_kernels::{Level, Pool, Scratch, Workers};
use jingwei_nn::{Adam, Average, Clip, Optimizer, Sgd, Span, StepScalars, Updater};

use crate::support::{assert_close, cases, numbers, recipe};

/// The flat buffers of a training.
struct Buffers {
    parameters: Vec<f32>,
    velocity: Vec<f32>,
    squares: Vec<f32>,
    average: Vec<f32>,
}

impl Buffers {
    fn new(updater: &Updater, parameters: Vec<f32>) -> Self {
        let buffer = |used: bool| {
            if used {
                vec![0.0; parameters.len()]
            } else {
                Vec::new()
            }
        };
        let average = if updater.uses_average() {
            parameters.clone()
        } else {
            Vec::new()
        };
        let (velocity, squares) = (
            buffer(updater.uses_velocity()),
            buffer(updater.uses_squares()),
        );
        Self {
            velocity,
            squares,
            average,
            parameters,
        }
    }

    fn step(&mut self, updater: &Updater, gradients: &[f32], scalars: StepScalars) -> Option<f32> {
        let (pool, mut scratch) = (Pool::new(1), Scratch::new(1, 64));
        let workers = Workers::new(Level::best(), &pool, &mut scratch);
        let tensors = Tensors {
            parameters: &mut self.parameters,
            gradients,
            velocity: &mut self.velocity,
            squares: &mut self.squares,
            average: &mut self.average,
        };
        updater.run(&workers, scalars, tensors, &mut vec![0.0; updater.shared()])
    }
}

fn scalars(optimizer: &Optimizer, step: u64) -> StepScalars {
    StepScalars {
        learning_rate: optimizer.learning_rate(),
        step,
        gradient_scale: 1.0,
    }
}

fn span(range: std::ops::Range<usize>, decay: bool) -> Span {
    Span { range, decay }
}

#[test]
fn updates_are_those_of_pytorch() {
    for case in cases("optimizers") {
        let text = case["recipe"].as_str().expect("a recipe");
        let optimizer: Optimizer = recipe(text).expect("an optimiser");
        let clip: Clip = recipe(case["clip"].as_str().expect("a recipe")).expect("bounds");
        let flat = |value: &serde_json::Value| {
            value
                .as_array()
                .expect("a list")
                .iter()
                .flat_map(numbers)
                .collect::<Vec<_>>()
        };
        let spans = [span(0..5, true), span(5..8, false)];
        let updater =
            Updater::new(&optimizer, clip, None, &spans).expect("settings that make sense");
        assert_eq!(
            usize::from(updater.uses_velocity()) + usize::from(updater.uses_squares()),
            optimizer.slots()
        );
        let mut buffers = Buffers::new(&updater, flat(&case["first"]));
        for (index, gradients) in case["gradients"]
            .as_array()
            .expect("a list")
            .iter()
            .enumerate()
        {
            let length = buffers.step(
                &updater,
                &flat(gradients),
                scalars(&optimizer, index as u64 + 1),
            );
            assert_eq!(length.is_some(), clip.norm.or(clip.global_norm).is_some());
        }
        assert_close(&buffers.parameters, &flat(&case["last"]), 2e-6, text);
    }
}

#[test]
fn the_average_follows_the_weights() {
    let optimizer = Optimizer::from(Sgd::new(0.5));
    let spans = [span(0..2, true)];
    let updater = Updater::new(
        &optimizer,
        Clip::default(),
        Some(Average { decay: 0.75 }),
        &spans,
    )
    .expect("settings");
    let mut buffers = Buffers::new(&updater, vec![1.0, 2.0]);
    let half = StepScalars {
        gradient_scale: 0.5,
        ..scalars(&optimizer, 1)
    };
    buffers.step(&updater, &[4.0, 0.0], half);
    assert_eq!(
        (buffers.parameters, buffers.average),
        (vec![0.0, 2.0], vec![0.75, 2.0])
    );
}

#[test]
fn clipping_tells_the_length_before_it() {
    let optimizer = Optimizer::from(Sgd::new(1.0));
    let clip = |norm, global_norm| Clip {
        norm,
        global_norm,
        value: None,
    };
    for clip in [clip(None, Some(1.0)), clip(Some(1.0), None)] {
        let updater = Updater::new(
            &optimizer,
            clip,
            None,
            &[span(0..1, true), span(1..2, true)],
        )
        .expect("settings");
        let mut buffers = Buffers::new(&updater, vec![0.0; 2]);
        assert_eq!(
            buffers.step(&updater, &[3.0, 4.0], scalars(&optimizer, 1)),
            Some(5.0)
        );
        let expected = if clip.norm.is_some() {
            [-1.0, -1.0]
        } else {
            [-0.6, -0.8]
        };
        assert_close(&buffers.parameters, &expected, 1e-6, "clipped");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let error = |optimizer: Optimizer| optimizer.check().expect_err("no sense").to_string();
    assert_eq!(
        error(
            Adam {
                beta_1: 1.0,
                ..Adam::default()
            }
            .into()
        ),
        "optimizer `adam`: `beta_1` must be at least 0 and less than 1, found 1"
    );
    assert_eq!(
        error(Adam::new(f32::NAN).into()),
        "optimizer `adam`: `learning_rate` must be greater than 0, found NaN"
    );
    assert!(
        error(Sgd::new(0.1).nesterov().into())
            .contains("`momentum` must be greater than 0 for Nesterov's look-ahead")
    );
    let clip = Clip {
        value: Some(1.0),
        norm: Some(1.0),
        global_norm: None,
    };
    assert!(
        clip.check()
            .is_err_and(|error| error.to_string().contains("`norm` must be the only bound"))
    );
    let clip = Clip {
        value: Some(0.0),
        ..Clip::default()
    };
    assert!(
        clip.check().is_err_and(
            |error| error.to_string() == "clip: `value` must be greater than 0, found 0"
        )
    );
    let overlapping = [span(0..5, true), span(4..8, false)];
    assert!(Updater::new(&Optimizer::default(), Clip::default(), None, &overlapping).is_err());
}
