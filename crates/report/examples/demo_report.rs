//! Writes reports with made data, to look at: `cargo run -p jingwei-train --example demo_report -- FOLDER`.

use std::path::Path;

use jingwei_metrics::Epoch;
use jingwei_metrics::Evaluation;
use jingwei_metrics::{ClassificationSummary, Estimates, Predictions, RegressionSummary};
use jingwei_report::{
    DataDescription, Fact, Layer, ModelDescription, Part, QuarantinedRow, Report, RunDescription,
    diagram, render,
};

const RECIPE: &str = r#"# Clothes from the shop's own photographs.
task = "image-classification"

[data]
train = "data/clothes/train"
test  = "data/clothes/test"
valid = { fraction = 0.1, stratify = true }

[model]
layers = [
  { conv2d = { filters = 32, kernel = 3, activation = "relu" } },
  { max_pool2d = { size = 2 } },
  { flatten = {} },
  { dense = { units = 128, activation = "relu" } },
]

[train]
epochs = 20
batch_size = 64
optimizer = { adam = { learning_rate = 1e-3 } }
"#;

const CLOTHES: [&str; 10] = [
    "T-shirt",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "运动鞋 (sneaker)",
    "Bag",
    "Ankle boot",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("clothes.html"), render(&clothes()?)?)?;
    std::fs::write(folder.join("churn.html"), render(&two_classes()?)?)?;
    std::fs::write(folder.join("hundred.html"), render(&hundred_classes()?)?)?;
    std::fs::write(folder.join("houses.html"), render(&houses()?)?)?;
    std::fs::write(folder.join("network.svg"), diagram(&network().layers))?;
    Ok(())
}

/// A small generator, so that the example needs no other crate.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }
}

/// Probabilities and labels of a classifier that is right about `skill` standard deviations of the time, and mixes up
/// classes with near numbers.
fn predictions(rows: usize, classes: usize, skill: f32, seed: u64) -> (Vec<f32>, Vec<u32>) {
    let mut random = Random(seed);
    let mut probabilities = Vec::new();
    let mut labels = Vec::new();
    for row in 0..rows {
        let label = row % classes;
        let logit = |class: usize, noise: f32| {
            let near = if class / 2 == label / 2 {
                0.6 * skill
            } else {
                0.0
            };
            1.6 * noise + if class == label { 1.25 * skill } else { near }
        };
        let exponents: Vec<f32> = (0..classes)
            .map(|class| logit(class, random.normal()).exp())
            .collect();
        let sum: f32 = exponents.iter().sum();
        probabilities.extend(exponents.iter().map(|exponent| exponent / sum));
        labels.push(label as u32);
    }
    (probabilities, labels)
}

fn evaluation(
    rows: usize,
    classes: usize,
    skill: f32,
    seed: u64,
) -> Result<Evaluation, jingwei_metrics::Error> {
    let (probabilities, labels) = predictions(rows, classes, skill, seed);
    let summary =
        ClassificationSummary::compute(&Predictions::new(&probabilities, classes, &labels, None)?);
    Ok(Evaluation::Classification(Box::new(summary)))
}

fn history(epochs: u64, metric: &str) -> Vec<Epoch> {
    let mut random = Random(9);
    let mut epoch = |epoch: u64| {
        let done = epoch as f64 / epochs as f64;
        let loss = 0.12 + 0.75 * (-4.0 * done).exp() + 0.01 * f64::from(random.normal());
        let valid = loss + 0.05 + 0.12 * done * done + 0.01 * f64::from(random.normal());
        Epoch {
            epoch,
            step: epoch * 844,
            learning_rate: 1e-3 * (0.5 + 0.5 * (done * std::f64::consts::PI).cos()) + 1e-6,
            seconds: 2.4 + 0.1 * f64::from(random.uniform()),
            train: [
                ("loss".into(), Some(loss)),
                (metric.into(), Some(1.0 - 0.36 * loss)),
            ]
            .into(),
            valid: [
                ("loss".into(), Some(valid)),
                (metric.into(), Some(1.0 - 0.36 * valid)),
            ]
            .into(),
        }
    };
    (1..=epochs).map(&mut epoch).collect()
}

fn layer(name: &str, kind: &str, output: &str, parameters: u64, inputs: &[&str]) -> Layer {
    Layer {
        name: name.into(),
        kind: kind.into(),
        output: output.into(),
        parameters,
        inputs: inputs.iter().map(|input| input.to_string()).collect(),
    }
}

fn network() -> ModelDescription {
    ModelDescription {
        layers: vec![
            layer("image", "Input", "28 × 28 × 1", 0, &[]),
            layer("conv2d_1", "Conv2D", "28 × 28 × 32", 320, &["image"]),
            layer(
                "batch_norm_1",
                "BatchNorm",
                "28 × 28 × 32",
                64,
                &["conv2d_1"],
            ),
            layer(
                "conv2d_2",
                "Conv2D",
                "28 × 28 × 32",
                9_248,
                &["batch_norm_1"],
            ),
            layer("add_1", "Add", "28 × 28 × 32", 0, &["conv2d_2", "conv2d_1"]),
            layer("max_pool2d_1", "MaxPool2D", "14 × 14 × 32", 0, &["add_1"]),
            layer("flatten", "Flatten", "6272", 0, &["max_pool2d_1"]),
            layer("dense_1", "Dense", "128", 802_944, &["flatten"]),
            layer("output", "Dense", "10", 1_290, &["dense_1"]),
        ],
        facts: vec![
            Fact::new("Optimiser", "Adam, learning rate 0.001, cosine"),
            Fact::new("Loss", "sparse categorical cross-entropy"),
        ],
    }
}

fn run() -> RunDescription {
    RunDescription {
        seconds: 49.3,
        peak_memory: 289_000_000,
        weights_hash: "9f1c5f0e0a7b7b1f7a3b7d53ad1a2b10cb9b4d6a0a3a4fd02ff9ab1a63c1e0d2".into(),
        facts: vec![
            Fact::new("Machine", "2 cores, x86-64"),
            Fact::new("SIMD level", "avx512"),
            Fact::new("Seed", "42"),
            Fact::new("Jingwei", env!("CARGO_PKG_VERSION")),
        ],
    }
}

fn parts(classes: usize, rows: [u64; 3]) -> Vec<Part> {
    let part = |(name, rows): (&str, u64)| Part {
        name: name.into(),
        rows,
        counts: vec![rows / classes as u64; classes],
    };
    ["train", "validation", "test"]
        .into_iter()
        .zip(rows)
        .map(part)
        .collect()
}

fn clothes() -> Result<Report, jingwei_metrics::Error> {
    Ok(Report {
        title: "Clothes, small residual network".into(),
        task: "image classification".into(),
        created: "2026-11-22 10:15 UTC".into(),
        recipe: RECIPE.into(),
        data: DataDescription {
            classes: CLOTHES.map(str::to_owned).into(),
            parts: parts(10, [54_000, 6_000, 10_000]),
            facts: vec![
                Fact::new("Source", "data/clothes (PNG, a folder a class)"),
                Fact::new("Input", "28 × 28, grey"),
                Fact::new("Preparation", "pixels divided by 255"),
                Fact::new("Augmentation", "shift 10 %, flip left to right"),
            ],
            ..DataDescription::default()
        },
        model: network(),
        history: history(20, "accuracy"),
        best_epoch: Some(14),
        valid: Some(evaluation(6_000, 10, 4.2, 3)?),
        test: Some(evaluation(10_000, 10, 4.1, 4)?),
        run: run(),
        warnings: vec!["3 test images are the same as training images, pixel for pixel.".into()],
        quarantined: 2,
        quarantined_rows: vec![
            QuarantinedRow {
                origin: "train/Bag/0412.png".into(),
                reason: "the PNG ends after 1,024 bytes".into(),
            },
            QuarantinedRow {
                origin: "train/Coat/0077.jpg".into(),
                reason: "not an image".into(),
            },
        ],
        ..Report::default()
    })
}

fn two_classes() -> Result<Report, jingwei_metrics::Error> {
    Ok(Report {
        title: "Customers who leave".into(),
        task: "tabular classification".into(),
        created: "2026-11-22".into(),
        data: DataDescription {
            classes: vec!["stays".into(), "leaves".into()],
            parts: parts(2, [5_000, 1_000, 1_043]),
            ..DataDescription::default()
        },
        history: history(120, "roc_auc"),
        best_epoch: Some(97),
        test: Some(evaluation(1_043, 2, 3.0, 5)?),
        run: run(),
        ..Report::default()
    })
}

fn hundred_classes() -> Result<Report, jingwei_metrics::Error> {
    Ok(Report {
        title: "A hundred kinds of things".into(),
        task: "image classification".into(),
        data: DataDescription {
            classes: (0..100)
                .map(|class| format!("kind of thing {class}"))
                .collect(),
            parts: parts(100, [45_000, 5_000, 10_000]),
            ..DataDescription::default()
        },
        history: history(3, "accuracy"),
        test: Some(evaluation(10_000, 100, 4.6, 6)?),
        ..Report::default()
    })
}

fn houses() -> Result<Report, jingwei_metrics::Error> {
    let mut random = Random(12);
    let targets: Vec<f32> = (0..586)
        .map(|_| 180_000.0 * (0.4 * random.normal()).exp())
        .collect();
    let predicted: Vec<f32> = targets
        .iter()
        .map(|target| target * (0.1 * random.normal()).exp() + 4_000.0)
        .collect();
    let summary = RegressionSummary::compute(&Estimates::new(&predicted, &targets, 1, None)?);
    Ok(Report {
        title: "House prices".into(),
        task: "tabular regression".into(),
        data: DataDescription {
            target: "Price in $".into(),
            parts: vec![
                Part {
                    name: "train".into(),
                    rows: 2_051,
                    counts: Vec::new(),
                },
                Part {
                    name: "test".into(),
                    rows: 586,
                    counts: Vec::new(),
                },
            ],
            ..DataDescription::default()
        },
        history: history(1, "mae"),
        test: Some(Evaluation::Regression(Box::new(summary))),
        run: run(),
        ..Report::default()
    })
}
