//! Small data and networks that the tests share.

use std::sync::atomic::AtomicBool;

use jingwei_data::{Augment, Dataset, Features, Preparation, Targets};
use jingwei_engine::{Level, Runtime};
use jingwei_metrics::Metric;
use jingwei_nn::{
    Activation, AdamW, Average, BatchNorm, Clip, Conv2d, Duration, Network, Schedule, Sequential,
    SparseCategoricalCrossEntropy,
};
use jingwei_train::Error;
use jingwei_train::fit::{
    EarlyStopping, FitOptions, Functions, Objective, Observer, StepEnd, Trainer, TrainingData,
};

/// Pictures of 8 × 8 with a bright bar whose place tells the class, under noise.
pub fn bars(samples: usize, classes: usize) -> Dataset {
    let mut state = 1u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let labels: Vec<u32> = (0..samples).map(|_| (random() % classes) as u32).collect();
    let mut pixels = Vec::new();
    for &label in &labels {
        for place in 0..64 {
            let bright = if place / 8 == 2 * label as usize {
                120
            } else {
                0
            };
            pixels.push((bright + random() % 120) as u8);
        }
    }
    let features = Features::Images {
        height: 8,
        width: 8,
        channels: 1,
        pixels,
    };
    let names = (0..classes).map(|class| format!("bar {class}")).collect();
    Dataset::new(features, Targets::Classes { names, labels }).unwrap()
}

/// A network with everything that keeps state: normalisation, dropout.
pub fn network(classes: usize) -> Network {
    Sequential::new([8, 8, 1])
        .layer(Conv2d::new(4, 3).without_bias())
        .layer(BatchNorm::default())
        .activation(Activation::Relu)
        .max_pool2d(2)
        .flatten()
        .dropout(0.2)
        .dense(classes)
        .into()
}

/// Options that use everything a checkpoint keeps.
pub fn everything() -> FitOptions {
    FitOptions {
        epochs: 4,
        batch_size: 16,
        optimizer: AdamW::new(5e-3).into(),
        schedule: Schedule::Cosine(Default::default()),
        warmup: Duration::Steps(5),
        clip: Clip {
            global_norm: Some(1.0),
            ..Clip::default()
        },
        ema: Some(Average { decay: 0.9 }),
        early_stopping: Some(EarlyStopping {
            patience: 10,
            ..EarlyStopping::default()
        }),
        metrics: vec![Metric::Accuracy],
        augment: Augment {
            shift: 0.1,
            mixup: 0.2,
            ..Augment::default()
        },
        seed: 3,
        ..FitOptions::default()
    }
}

/// What [`everything`] trains for.
pub fn objective(options: &FitOptions) -> Objective {
    let loss = SparseCategoricalCrossEntropy::from_logits().label_smoothing(0.1);
    Objective {
        soft_targets: options.augment.mixup > 0.0,
        ..Objective::new(loss)
    }
}

/// Everything that a trainer borrows.
pub struct Bench {
    pub data: Dataset,
    pub train: Vec<usize>,
    pub valid: Vec<usize>,
    pub preparation: Preparation,
    pub functions: Functions,
    pub options: FitOptions,
    pub runtime: Runtime,
}

impl Bench {
    pub fn new(options: FitOptions, threads: usize) -> Self {
        let data = bars(150, 3);
        let (train, valid): (Vec<usize>, Vec<usize>) =
            data.indices().into_iter().partition(|index| index % 5 > 0);
        let preparation = Preparation::fit(&data, &train, &Default::default()).unwrap();
        let functions = Functions::new(&network(3), &objective(&options)).unwrap();
        let runtime = Runtime::new(Level::best(), threads).unwrap();
        Self {
            data,
            train,
            valid,
            preparation,
            functions,
            options,
            runtime,
        }
    }

    pub fn trainer(&self) -> Trainer<'_> {
        let data = TrainingData {
            dataset: &self.data,
            train: &self.train,
            valid: Some((&self.data, &self.valid)),
            preparation: &self.preparation,
        };
        Trainer::new(&self.runtime, &self.functions, &self.options, data).unwrap()
    }

    /// The hash of the final weights of a training that nothing stops.
    pub fn whole(&self) -> String {
        let mut trainer = self.trainer();
        trainer.run(&mut [], &AtomicBool::new(false)).unwrap();
        trainer.weights_hash()
    }
}

/// Asks a training to stop after a step.
pub struct StopAt<'a> {
    pub step: u64,
    pub cancel: &'a AtomicBool,
}

impl Observer for StopAt<'_> {
    fn step(&mut self, _: &Trainer, step: &StepEnd) -> Result<(), Error> {
        self.cancel
            .store(step.step >= self.step, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}
