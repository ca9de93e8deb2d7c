//! What the report and the bundle say about a run.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use jingwei_data::{Dataset, Features, Targets};
use jingwei_graph::Dim;
use jingwei_metrics::Evaluation;
use jingwei_nn::{Network, Summary};
use jingwei_report::{
    DataDescription, Fact, Layer, ModelDescription, Part, QuarantinedRow, Report, RunDescription,
    TextReport, count,
};
use jingwei_tensorboard::GraphNode;
use jingwei_train::fit::Trainer;
use jingwei_train::memory;

use super::source::Source;
use crate::Error;
use crate::recipe::Recipe;

/// Left-out rows that the report lists; all are counted.
const LISTED: usize = 100;

/// What was measured.
pub(super) struct Measured {
    pub(super) valid: Option<Evaluation>,
    pub(super) test: Option<Evaluation>,
    pub(super) sections: Vec<jingwei_report::Section>,
    pub(super) text: TextReport,
    /// What was left out, in sentences.
    pub(super) left_out: Vec<String>,
    pub(super) weights_hash: String,
}

/// Everything that the report shows.
pub(super) fn report(
    recipe: &Recipe,
    text: &str,
    title: &str,
    source: &Source,
    summary: &Summary,
    trainer: &Trainer,
    measured: Measured,
) -> Report {
    let progress = trainer.progress();
    let quarantined: Vec<_> = source.datasets().flat_map(Dataset::quarantine).collect();
    let listed = quarantined.iter().take(LISTED);
    Report {
        title: recipe
            .report
            .title
            .clone()
            .unwrap_or_else(|| title.to_owned()),
        task: recipe.task.words().to_owned(),
        created: now(),
        recipe: text.to_owned(),
        data: data(recipe, source),
        model: model(recipe, summary),
        history: progress.history.clone(),
        best_epoch: kept_epoch(trainer),
        warnings: warnings(source, &measured),
        valid: measured.valid,
        test: measured.test,
        sections: measured.sections,
        text: measured.text,
        run: run(trainer, measured.weights_hash),
        quarantined: source.datasets().map(Dataset::left_out).sum::<usize>() as u64,
        quarantined_rows: listed
            .map(|row| QuarantinedRow {
                origin: row.origin.clone(),
                reason: row.reason.clone(),
            })
            .collect(),
    }
}

/// The epoch whose weights are kept.
fn kept_epoch(trainer: &Trainer) -> Option<u64> {
    let progress = trainer.progress();
    match trainer.options().restores_best() {
        true => progress.watch.best_epoch,
        false => progress.history.last().map(|epoch| epoch.epoch),
    }
}

fn data(recipe: &Recipe, source: &Source) -> DataDescription {
    let part = |name: &str, dataset: &Dataset, indices: &[usize]| Part {
        name: name.to_owned(),
        rows: indices.len() as u64,
        counts: Source::class_counts(dataset, indices),
    };
    let mut parts = vec![part("train", &source.dataset, &source.train)];
    for (name, own) in [("valid", &source.valid), ("test", &source.test)] {
        parts.extend(
            own.as_ref()
                .map(|own| part(name, own.dataset(source), &own.indices)),
        );
    }
    let shape = match source.dataset.features() {
        Features::Images {
            height,
            width,
            channels,
            ..
        } => format!("{height} × {width} × {channels}"),
        Features::Rows { columns, .. } => format!("{} columns", columns.len()),
        Features::Texts(_) => "texts".to_owned(),
    };
    let target = match source.dataset.targets() {
        Targets::Values { names, .. } => names.join(", "),
        Targets::Classes { .. } | Targets::Labels { .. } | Targets::Tags { .. } | Targets::None => {
            String::new()
        }
    };
    let facts = vec![
        Fact::new("source", &recipe.data.train),
        Fact::new("sample", shape),
    ];
    DataDescription {
        classes: source.dataset.class_names().to_vec(),
        parts,
        target,
        facts,
    }
}

fn model(recipe: &Recipe, summary: &Summary) -> ModelDescription {
    let layer = |row: &jingwei_nn::SummaryRow| Layer {
        name: row.name.clone(),
        kind: row.kind.to_owned(),
        output: row.sizes(),
        parameters: row.parameters as u64,
        inputs: row.inputs.clone(),
    };
    let facts = vec![
        Fact::new("parameters", count(summary.parameters() as f64)),
        Fact::new("optimiser", recipe.train.optimizer.name()),
        Fact::new("loss", recipe.loss().name()),
    ];
    ModelDescription {
        layers: summary.rows().iter().map(layer).collect(),
        facts,
    }
}

fn run(trainer: &Trainer, weights_hash: String) -> RunDescription {
    let runtime = trainer.runtime();
    let mut facts = vec![
        Fact::new("SIMD level", runtime.level().to_string()),
        Fact::new("threads", runtime.pool().threads().to_string()),
        Fact::new("seed", trainer.options().seed.to_string()),
        Fact::new("jingwei", env!("CARGO_PKG_VERSION")),
    ];
    let tables = trainer.functions().row_sparse().join(", ");
    if !tables.is_empty() {
        let name = trainer.options().optimizer.name();
        facts.push(Fact::new(
            "row-sparse (lazy) updates",
            format!("{tables} ({name})"),
        ));
    }
    RunDescription {
        seconds: trainer.progress().seconds,
        peak_memory: memory::peak(),
        weights_hash,
        facts,
    }
}

fn warnings(source: &Source, measured: &Measured) -> Vec<String> {
    let mut warnings = Vec::new();
    if measured.test.is_none() {
        warnings.push(
            "There is no test part: the validation part steered the training, so its figures are somewhat too good.".to_owned(),
        );
    }
    let left_out: usize = source.datasets().map(Dataset::left_out).sum();
    warnings.extend_from_slice(&measured.left_out);
    warnings.extend(source.datasets().flat_map(Dataset::notes).cloned());
    for part in source.duplicates.iter().flat_map(|found| &found.crossing) {
        warnings.push(format!(
            "{} texts of the {} part are in the training part too, letter by letter or nearly so: its figures are too good.",
            part.count, part.name
        ));
    }
    if left_out > 0 {
        let first = source.datasets().flat_map(Dataset::quarantine).next();
        let first = first.map_or(String::new(), |row| {
            format!(", the first: {}: {}", row.origin, row.reason)
        });
        warnings.push(match left_out {
            1 => format!("1 sample could not be read and was left out{first}."),
            _ => format!("{left_out} samples could not be read and were left out{first}."),
        });
    }
    warnings
}

/// The layers as TensorBoard draws them.
pub(super) fn graph_nodes(network: &Network) -> Result<Vec<GraphNode>, Error> {
    let size = |dim: &Dim| match dim {
        Dim::Size(size) => Some(*size as u64),
        Dim::Symbol(_) => None,
    };
    let input = network.inputs().iter().map(|input| GraphNode {
        name: input.name.clone(),
        op: "input".to_owned(),
        shape: std::iter::once(None)
            .chain(input.sizes.0.iter().map(size))
            .collect(),
        ..GraphNode::default()
    });
    let summary = network.summary()?;
    let layers = summary.rows().iter().map(|row| GraphNode {
        name: row.name.clone(),
        op: row.kind.to_owned(),
        inputs: row.inputs.clone(),
        shape: row.output.0.iter().map(size).collect(),
        attributes: vec![("parameters".to_owned(), row.parameters.to_string())],
    });
    Ok(input.chain(layers).collect())
}

/// The time now, as `2026-01-31 12:00 UTC`.
fn now() -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    now.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
