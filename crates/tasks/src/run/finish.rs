//! After the last step: measuring, the report, the bundle.

use std::path::Path;
use std::sync::Arc;

use jingwei_bundle::{Bundle, Existing, Parts, Reading};
use jingwei_data::Features;
use jingwei_engine::Workspace;
use jingwei_metrics::Evaluation;
use jingwei_report::render;
use jingwei_train::export::{bundle_outputs, inference};
use jingwei_train::fit::{Evaluator, Trainer, Weights};
use serde_json::json;

use super::report::{Measured, report};
use super::{BUNDLE, Job, Prepared, RunResult, SourcePart};
use crate::Error;
use crate::check::METRICS_BYTES;
use crate::task::{Finished, ReportParts};

/// Measures the final weights and writes the bundle with its report.
pub(super) fn finish(
    job: &Job,
    run: &Path,
    prepared: &Prepared,
    trainer: &Trainer,
    result: &mut RunResult,
) -> Result<(), Error> {
    let weights = trainer.weights();
    let source = &prepared.source;
    let valid = measure(prepared, trainer, &weights, source.valid.as_ref())?;
    let valid = valid.map(|evaluator| evaluator.evaluation()).transpose()?;
    let part = source.test.as_ref().or(source.valid.as_ref());
    let shown = part.zip(measure(prepared, trainer, &weights, part)?);
    let test = match &shown {
        Some((_, evaluator)) if source.test.is_some() => Some(evaluator.evaluation()?),
        _ => None,
    };
    let finished = Finished {
        recipe: &job.recipe,
        prepared,
        trainer,
        weights: &weights,
        shown: shown.as_ref().map(|(part, evaluator)| (*part, evaluator)),
    };
    // A training of hours must not be lost for what its report tells of single samples.
    let mut left_out = Vec::new();
    let parts = job.recipe.task.report_parts(&finished, &mut left_out);
    let ReportParts { sections, text } = parts.unwrap_or_else(|error| {
        let samples = source.dataset.features().words();
        let warning = format!("the report tells nothing of {samples}: {error}");
        result.warnings.push(warning);
        ReportParts::default()
    });
    result.warnings.extend_from_slice(&left_out);
    (result.valid, result.test) = (valid.clone(), test.clone());
    result.baseline.clone_from(&text.baseline);
    for bare in text.data.iter().flat_map(|data| &data.bare) {
        let texts = if bare.count == 1 { "text" } else { "texts" };
        let warning = format!("{} {texts} {}", bare.count, bare.sentence());
        result.warnings.push(warning);
    }
    let title = run.file_name().unwrap_or_default().to_string_lossy();
    let metrics = stored_metrics(valid.as_ref(), test.as_ref());
    let measured = Measured {
        valid,
        test,
        sections,
        text,
        left_out,
        weights_hash: result.weights_hash.clone(),
    };
    let summary = prepared.network.summary()?;
    let page = render(&report(
        &job.recipe,
        &job.text,
        &title,
        &prepared.source,
        &summary,
        trainer,
        measured,
    ))?;
    let bundle = run.join(BUNDLE);
    write_bundle(job, &bundle, prepared, trainer, &weights, metrics, &page)?;
    result.bundle = Some(bundle);
    Ok(())
}

/// Measures the weights of a run that is over, after a look whether its bundle holds them and their preparation.
pub(super) fn confirm(
    run: &Path,
    prepared: &Prepared,
    trainer: &Trainer,
    result: &mut RunResult,
) -> Result<(), Error> {
    let path = run.join(BUNDLE);
    let bundle = Bundle::load(&path).map_err(|error| jingwei_train::Error::Damaged {
        path: path.clone(),
        place: "the bundle of this finished run".to_owned(),
        reason: error.to_string(),
    })?;
    let (weights, layout) = (trainer.weights(), &prepared.functions.inference.parameters);
    let is_own = |entry: &jingwei_engine::Entry| {
        let own = layout.entry(&entry.name);
        own.is_some_and(|own| weights.parameters[own.range()] == bundle.parameters()[entry.range()])
    };
    let has_weights = bundle.function().parameters.entries().iter().all(is_own);
    if !has_weights || bundle.preparation() != Some(&prepared.preparation) {
        return Err(jingwei_train::Error::OtherTraining {
            folder: run.to_owned(),
            differences: format!("what `{BUNDLE}` in it holds"),
        }
        .into());
    }
    let source = &prepared.source;
    for (part, measured) in [
        (&source.valid, &mut result.valid),
        (&source.test, &mut result.test),
    ] {
        let evaluator = measure(prepared, trainer, &weights, part.as_ref())?;
        *measured = evaluator
            .map(|evaluator| evaluator.evaluation())
            .transpose()?;
    }
    result.bundle = Some(path);
    Ok(())
}

/// What the manifest tells of how good the model is, in no more than [`METRICS_BYTES`].
fn stored_metrics(valid: Option<&Evaluation>, test: Option<&Evaluation>) -> serde_json::Value {
    let metrics = json!({
        "valid": valid.map(Evaluation::abridged),
        "test": test.map(Evaluation::abridged),
    });
    match metrics.to_string().len() <= METRICS_BYTES {
        true => metrics,
        false => json!({ "valid": null, "test": null }),
    }
}

/// Evaluates weights on a part of the data.
fn measure<'a>(
    prepared: &'a Prepared,
    trainer: &Trainer,
    weights: &Weights,
    part: Option<&'a SourcePart>,
) -> Result<Option<Evaluator<'a>>, Error> {
    let Some(part) = part else {
        return Ok(None);
    };
    let (runtime, functions) = (trainer.runtime(), &prepared.functions);
    let dataset = part.dataset(&prepared.source);
    let mut evaluator = Evaluator::new(
        functions,
        runtime,
        dataset,
        &part.indices,
        &prepared.preparation,
    )?;
    let shared = |values: &jingwei_engine::AlignedVec| Arc::new(values.clone());
    let weights =
        jingwei_engine::Weights::new(shared(&weights.parameters), shared(&weights.states));
    let mut workspace = Workspace::for_inference(&weights, runtime);
    evaluator.run(runtime, &mut workspace)?;
    Ok(Some(evaluator))
}

/// Where records and answers stand in the files.
pub(crate) fn reading(job: &Job, prepared: &Prepared) -> Reading {
    let data = &job.recipe.data;
    let (text, label_separator, scheme) = match prepared.source.dataset.features() {
        Features::Texts(_) => {
            let text = &data.text;
            (Some(text.column.clone()), text.label_separator, text.scheme)
        }
        Features::Images { .. } | Features::Rows { .. } => (None, None, None),
    };
    Reading {
        target: data.target.0.clone(),
        text,
        label_separator,
        scheme,
    }
}

fn write_bundle(
    job: &Job,
    folder: &Path,
    prepared: &Prepared,
    trainer: &Trainer,
    weights: &Weights,
    metrics: serde_json::Value,
    page: &str,
) -> Result<(), Error> {
    let targets = &prepared.preparation.targets;
    let (function, states) = inference(&prepared.functions, &weights.states);
    let parts = Parts {
        task: job.recipe.task.name(),
        function: &function,
        outputs: &bundle_outputs(targets, function.outputs.len()),
        parameters: &weights.parameters,
        states: &states,
        preparation: Some(&prepared.preparation),
        reading: Some(&reading(job, prepared)),
        samples: &[],
        time: 0,
        metrics,
        report: Some(page),
        recipe: Some(&job.text),
    };
    Ok(jingwei_bundle::write(
        folder,
        &parts,
        trainer.runtime(),
        Existing::Replace,
    )?)
}
