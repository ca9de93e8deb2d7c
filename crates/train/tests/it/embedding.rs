//! Tables whose gradients come by rows.

use std::sync::atomic::AtomicBool;

use jingwei_data::prepare::{ColumnScalingKind, PrepareOptions};
use jingwei_data::{Augment, Dataset, Features, Preparation, Targets};
use jingwei_engine::{Buffer, Level, RunContext, Runtime, Workers, Workspace};
use jingwei_kernels::Scratch;
use jingwei_nn::{
    Adam, Clip, Crf, Embedding, Optimizer, RmsProp, Sequential, Sgd, SparseCategoricalCrossEntropy,
    StepScalars,
};
use jingwei_train::fit::{FitOptions, Functions, Objective, Outcome, Slots, TARGETS};

use crate::checkpoint::session;
use crate::support::{Bench, everything};

/// Ten tokens of forty, of which the first tells the class.
fn texts(samples: usize) -> Dataset {
    let token = |place: usize| ((place * place * 7919 + place / 3) % 37 + 3) as f32;
    let labels: Vec<u32> = (0..samples as u32)
        .map(|sample| sample * sample % 3)
        .collect();
    let mut values: Vec<f32> = (0..samples * 10).map(token).collect();
    for (text, &label) in values.chunks_exact_mut(10).zip(&labels) {
        text[0] = label as f32;
    }
    let columns = (0..10).map(|column| column.to_string()).collect();
    let names = (0..3).map(|class| class.to_string()).collect();
    Dataset::new(
        Features::Rows { columns, values },
        Targets::Classes { names, labels },
    )
    .unwrap()
}

fn options(optimizer: impl Into<Optimizer>) -> FitOptions {
    FitOptions {
        optimizer: optimizer.into(),
        augment: Augment::default(),
        ema: None,
        clip: Clip::default(),
        ..everything()
    }
}

fn bench(embedding: Embedding, options: FitOptions, threads: usize) -> Bench {
    let network = Sequential::new([10])
        .layer(embedding.mask_zero(false))
        .conv1d(6, 3)
        .relu()
        .global_max_pool1d()
        .dense(3);
    let data = texts(150);
    let (train, valid): (Vec<usize>, Vec<usize>) =
        data.indices().into_iter().partition(|index| index % 5 > 0);
    let prepare = PrepareOptions {
        columns: ColumnScalingKind::None,
        ..PrepareOptions::default()
    };
    let objective = Objective::new(SparseCategoricalCrossEntropy::from_logits());
    Bench {
        preparation: Preparation::fit(&data, &train, &prepare).unwrap(),
        functions: Functions::new(&network.into(), &objective).unwrap(),
        runtime: Runtime::new(Level::best(), threads).unwrap(),
        data,
        train,
        valid,
        options,
    }
}

fn sparse() -> Embedding {
    Embedding::new(40, 8).row_sparse(true)
}

fn weights(bench: &Bench) -> Vec<(String, Vec<f32>)> {
    let mut trainer = bench.trainer();
    trainer.run(&mut [], &AtomicBool::new(false)).unwrap();
    let weights = trainer.weights();
    let entries = bench.functions.training.parameters.entries();
    let mut named: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry.name.clone(),
                weights.parameters[entry.range()].to_vec(),
            )
        })
        .collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    named
}

#[test]
fn plain_descent_by_rows_is_dense_descent() {
    let clips = [
        Clip::default(),
        Clip {
            value: Some(1e-3),
            ..Clip::default()
        },
        Clip {
            norm: Some(0.05),
            ..Clip::default()
        },
        Clip {
            global_norm: Some(0.1),
            ..Clip::default()
        },
    ];
    for clip in clips {
        let options = || FitOptions {
            clip,
            ..options(Sgd::new(0.5))
        };
        let rows = bench(sparse(), options(), 2);
        assert_eq!(rows.functions.training.row_gradients.len(), 1);
        let dense = bench(Embedding::new(40, 8), options(), 2);
        assert!(dense.functions.training.row_gradients.is_empty());
        for ((name, found), (_, expected)) in weights(&rows).iter().zip(weights(&dense)) {
            let exact = clip.norm.or(clip.global_norm).is_none();
            for (found, expected) in found.iter().zip(expected) {
                let tolerance = if exact { 0.0 } else { 1e-4 };
                assert!(
                    (found - expected).abs() <= tolerance,
                    "{name} with {clip:?}: {found}, dense {expected}"
                );
            }
        }
    }
}

#[test]
fn rows_that_no_batch_names_stay_as_they_are() {
    for optimizer in [
        Adam::new(0.01).into(),
        RmsProp::new(0.01).into(),
        Optimizer::from(Sgd::new(0.1)),
    ] {
        let bench = bench(
            Embedding::new(60, 8).row_sparse(true),
            options(optimizer),
            2,
        );
        let before = bench.trainer().parameters().to_vec();
        let table = bench
            .functions
            .training
            .parameters
            .entry("embedding_1/embeddings")
            .unwrap()
            .range();
        let mut trainer = bench.trainer();
        trainer.run(&mut [], &AtomicBool::new(false)).unwrap();
        let (before, after) = (&before[table.clone()], &trainer.parameters()[table]);
        assert_ne!(before[..40 * 8], after[..40 * 8]);
        assert_eq!(before[40 * 8..], after[40 * 8..]);
    }
}

#[test]
fn a_frozen_table_stays_and_is_not_remembered() {
    let bench = bench(
        Embedding::new(40, 8).trainable(false),
        options(Adam::new(0.01)),
        2,
    );
    let training = &bench.functions.training;
    let table = training.parameters.entry("embedding_1/embeddings").unwrap();
    assert_eq!(table.offset, training.gradient_len);
    let mut trainer = bench.trainer();
    let before = trainer.parameters()[table.range()].to_vec();
    trainer.run(&mut [], &AtomicBool::new(false)).unwrap();
    assert_eq!(before, trainer.parameters()[table.range()]);
    let velocity = trainer
        .groups()
        .into_iter()
        .find(|group| group.name == "velocity")
        .unwrap();
    assert_eq!(velocity.values.len(), training.gradient_len);
}

/// A training that updates a table by rows, with everything that a checkpoint keeps.
pub fn by_rows(threads: usize) -> Bench {
    let options = FitOptions {
        augment: Augment::default(),
        ..everything()
    };
    bench(sparse(), options, threads)
}

#[test]
fn updates_by_rows_do_not_depend_on_threads_and_resume_to_the_same_bits() {
    let hashes = [1, 2, 3].map(|threads| by_rows(threads).whole());
    assert!(hashes[0] == hashes[1] && hashes[0] == hashes[2]);
    let bench = by_rows(2);
    let folder = tempfile::tempdir().unwrap();
    for stop in [3, 11, 20] {
        session(&bench, folder.path(), stop, 2);
    }
    let (outcome, hash) = session(&bench, folder.path(), u64::MAX, 2);
    assert_eq!((outcome, hash), (Outcome::Finished, hashes[0].clone()));
}

/// Tags that follow from the tokens, with padding at the end of one text.
#[test]
fn a_tagger_with_a_conditional_random_field_learns_and_decodes() {
    let network = Sequential::new([6]).embedding(8, 4).dense(2).layer(Crf {});
    let objective = Objective::new(SparseCategoricalCrossEntropy::from_logits());
    let functions = Functions::new(&network.into(), &objective).unwrap();
    let runtime = Runtime::new(Level::best(), 2).unwrap();
    let ids = [1.0, 5.0, 2.0, 3.0, 0.0, 0.0, 5.0, 3.0, 3.0, 4.0, 6.0, 2.0];
    let tags = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0];
    let mut workspace = Workspace::for_training(&functions.training, &runtime);
    for (entry, spec) in functions
        .training
        .parameters
        .entries()
        .iter()
        .zip(&functions.parameters)
    {
        workspace.buffer_mut(Buffer::Parameters)[entry.range()].copy_from_slice(&spec.initial(1));
    }
    let mut slots = Slots::new(&functions, &options(Adam::new(0.1))).unwrap();
    let plan = functions.training.plan(2, runtime.level()).unwrap();
    let mut scratch = Scratch::new(2, slots.scratch());
    let mut losses = Vec::new();
    for step in 1..=60 {
        for (values, name) in [(&ids, "input"), (&tags, TARGETS)] {
            let place = plan.input(name).unwrap();
            workspace.input_mut(&plan, place).copy_from_slice(values);
        }
        plan.run(&runtime, &mut workspace, RunContext::default());
        losses.push(workspace.output(&plan, 0)[0]);
        let workers = Workers::new(runtime.level(), runtime.pool(), &mut scratch);
        let scalars = StepScalars {
            learning_rate: 0.1,
            step,
            gradient_scale: 1.0,
        };
        slots.update(&workers, &mut workspace, &plan, scalars);
    }
    assert!(losses[0] > 3.0 && losses[59] < 0.1, "{losses:?}");
    let plan = functions.evaluation.plan(2, runtime.level()).unwrap();
    for (values, name) in [(&ids, "input"), (&tags, TARGETS)] {
        let place = plan.input(name).unwrap();
        workspace.input_mut(&plan, place).copy_from_slice(values);
    }
    plan.run(&runtime, &mut workspace, RunContext::default());
    let [marginals, losses, best] = [0, 1, 2].map(|output| workspace.output(&plan, output));
    assert_eq!(best, tags);
    assert_eq!([marginals.len(), losses.len()], [2 * 6 * 2, 2]);
    assert!(marginals[2] < 0.2 && marginals[3] > 0.8 && marginals[8..12] == [0.0; 4]);
}
