use jingwei_data::Dataset;
use jingwei_report::TagError;
use jingwei_train::fit::Evaluator;

use crate::Error;
use crate::run::SourcePart;

/// Examples of wrong spans.
pub(super) fn errors(
    dataset: &Dataset,
    part: &SourcePart,
    evaluator: &Evaluator,
) -> Result<Vec<TagError>, Error> {
    let summary = evaluator.evaluation()?;
    let (jingwei_metrics::Evaluation::Tags(summary), Some(tagged)) = (summary, evaluator.tagged()?)
    else {
        return Ok(Vec::new());
    };
    let Some(spans) = &summary.spans else {
        return Ok(Vec::new());
    };
    let mut failed = None;
    let errors = TagError::examples(spans, &tagged, |row| {
        let index = part.indices[row];
        let text = dataset.text(index).unwrap_or_else(|error| {
            failed = Some(error);
            None
        });
        let tokens = text.unwrap_or_default();
        let tokens = tokens.split('\n').map(str::to_owned).collect();
        (tokens, dataset.origin(index))
    });
    match failed {
        None => Ok(errors),
        Some(error) => Err(error.into()),
    }
}
