use jingwei_metrics::Evaluation;
use serde::Serialize;

use crate::Error;
use crate::baseline::Verdict;
use crate::cut::MOST_ROWS;
use crate::figure::Figure;
use crate::section::{Section, environment};
use crate::{
    BaselineScores, Fact, Layer, QuarantinedRow, Report, baseline, classification, diagram, labels,
    regression, tags, text, texts, training,
};

const PAGE: &str = include_str!("page.html");
const TEXTS: &str = include_str!("texts.html");
const STYLE: &str = concat!(include_str!("style.css"), include_str!("texts.css"));

/// A figure at the top of the page.
#[derive(Debug, Serialize)]
pub(crate) struct Stat {
    name: String,
    value: String,
    note: String,
}

impl Stat {
    pub(crate) fn new(name: &str, value: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            note: note.into(),
        }
    }
}

/// What the template reads.
#[derive(Serialize)]
struct View<'a> {
    style: &'static str,
    title: &'a str,
    task: &'a str,
    created: &'a str,
    recipe: &'a str,
    stats: Vec<Stat>,
    warnings: &'a [String],
    quarantined: String,
    quarantined_rows: &'a [QuarantinedRow],
    training: Vec<Figure>,
    history: training::Table,
    scores: Scores,
    verdict: Option<Verdict>,
    texts: texts::View,
    /// The part that the details are of.
    part: &'static str,
    is_test: bool,
    classification: Option<classification::Details>,
    regression: Option<regression::Details>,
    labels: Option<labels::Details>,
    tags: Option<tags::Details>,
    sections: &'a [Section],
    data: DataView<'a>,
    layers: Vec<LayerRow<'a>>,
    parameters: String,
    diagram: String,
    model_facts: &'a [Fact],
    run_facts: Vec<Fact>,
}

/// Single figures: a column a part.
#[derive(Serialize)]
struct Scores {
    parts: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

#[derive(Serialize)]
struct DataView<'a> {
    facts: &'a [Fact],
    parts: Vec<(&'a str, String)>,
    classes: Vec<(String, Vec<String>)>,
    /// Which classes are shown, where not all are.
    cut: String,
}

#[derive(Serialize)]
struct LayerRow<'a> {
    name: &'a str,
    kind: &'a str,
    output: &'a str,
    parameters: String,
    inputs: String,
}

/// Renders the page: a whole HTML document in UTF-8, without scripts and without links to anything outside.
///
/// # Errors
///
/// [`Error::Misfit`] if class names and counts do not match the evaluations, or an image's pixels its size.
pub fn render(report: &Report) -> Result<String, Error> {
    check(report)?;
    let mut environment = environment()?;
    environment.add_template("texts.html", TEXTS)?;
    environment.add_template("page.html", PAGE)?;
    Ok(environment
        .get_template("page.html")?
        .render(view(report)?)?)
}

fn view(report: &Report) -> Result<View<'_>, Error> {
    let (part, evaluation) = match (&report.test, &report.valid) {
        (Some(test), _) => ("test", Some(test)),
        (None, valid) => ("validation", valid.as_ref()),
    };
    let names = names(report);
    let name = |class: usize| {
        names
            .get(class)
            .cloned()
            .unwrap_or_else(|| format!("class {class}"))
    };
    Ok(View {
        style: STYLE,
        title: if report.title.is_empty() {
            "Training"
        } else {
            &report.title
        },
        task: &report.task,
        created: &report.created,
        recipe: &report.recipe,
        stats: stats(report, evaluation),
        warnings: &report.warnings,
        quarantined: text::count(report.quarantined as f64),
        quarantined_rows: &report.quarantined_rows,
        training: training::figures(&report.history, report.best_epoch),
        history: training::table(&report.history),
        scores: scores(report),
        verdict: evaluation.and_then(|evaluation| baseline::verdict(report, evaluation)),
        texts: texts::view(&report.text, &name),
        part,
        is_test: report.test.is_some(),
        classification: evaluation.and_then(|evaluation| match evaluation {
            Evaluation::Classification(summary) => Some(classification::details(summary, &names)),
            _ => None,
        }),
        regression: evaluation.and_then(|evaluation| match evaluation {
            Evaluation::Regression(summary) => {
                Some(regression::details(summary, &report.data.target))
            }
            _ => None,
        }),
        labels: evaluation.and_then(|evaluation| match evaluation {
            Evaluation::Labels(summary) => Some(labels::details(summary, &names)),
            _ => None,
        }),
        tags: evaluation.and_then(|evaluation| match evaluation {
            Evaluation::Tags(summary) => Some(tags::details(summary)),
            _ => None,
        }),
        sections: &report.sections,
        data: data(report, &names),
        layers: report.model.layers.iter().map(layer_row).collect(),
        parameters: text::count(
            report
                .model
                .layers
                .iter()
                .map(|layer| layer.parameters as f64)
                .sum(),
        ),
        diagram: diagram(&report.model.layers),
        model_facts: &report.model.facts,
        run_facts: run_facts(report),
    })
}

/// Names for all classes of the evaluations; numbers where the data have none.
fn names(report: &Report) -> Vec<String> {
    let evaluations = [&report.test, &report.valid];
    let counts = evaluations
        .into_iter()
        .flatten()
        .map(|evaluation| match evaluation {
            Evaluation::Classification(summary) => summary.classes.len(),
            Evaluation::Labels(summary) => summary.labels.len(),
            Evaluation::Tags(_) | Evaluation::Regression(_) => 0,
        });
    let count = counts.max().unwrap_or(0).max(report.data.classes.len());
    let name = |class: usize| {
        report
            .data
            .classes
            .get(class)
            .cloned()
            .unwrap_or_else(|| format!("class {class}"))
    };
    (0..count).map(name).collect()
}

fn check(report: &Report) -> Result<(), Error> {
    let classes = report.data.classes.len();
    let differ = |what: String, found: usize| match found == classes || classes == 0 {
        true => Ok(()),
        false => Err(Error::Misfit {
            what,
            expected: format!("{classes} classes"),
            found: found.to_string(),
        }),
    };
    for (part, evaluation) in [("test", &report.test), ("validation", &report.valid)] {
        let found = match evaluation {
            Some(Evaluation::Classification(summary)) => summary.classes.len(),
            Some(Evaluation::Labels(summary)) => summary.labels.len(),
            Some(Evaluation::Tags(summary)) => summary.tags.len(),
            Some(Evaluation::Regression(_)) | None => continue,
        };
        differ(format!("evaluation of the {part} part"), found)?;
    }
    let counted = report
        .data
        .parts
        .iter()
        .filter(|part| !part.counts.is_empty());
    counted
        .into_iter()
        .try_for_each(|part| differ(format!("counts of part `{}`", part.name), part.counts.len()))
}

fn stats(report: &Report, evaluation: Option<&Evaluation>) -> Vec<Stat> {
    let mut stats = match evaluation {
        Some(Evaluation::Classification(summary)) => classification::stats(summary),
        Some(Evaluation::Labels(summary)) => labels::stats(summary),
        Some(Evaluation::Tags(summary)) => tags::stats(summary),
        Some(Evaluation::Regression(summary)) => regression::stats(summary),
        None => Vec::new(),
    };
    let epochs = report.history.len();
    if report.run.seconds > 0.0 {
        let note = format!("{epochs} {}", if epochs == 1 { "epoch" } else { "epochs" });
        stats.push(Stat::new(
            "Training time",
            text::duration(report.run.seconds),
            note,
        ));
    }
    if report.run.peak_memory > 0 {
        stats.push(Stat::new(
            "Peak memory",
            text::bytes(report.run.peak_memory),
            "of the whole process",
        ));
    }
    stats
}

fn scores(report: &Report) -> Scores {
    let baseline = report.text.baseline.as_ref();
    let other = |read: fn(&BaselineScores) -> Option<&Evaluation>| baseline.and_then(read);
    let parts = [
        ("Validation", report.valid.as_ref()),
        (
            "Baseline, validation",
            other(|scores| scores.valid.as_ref()),
        ),
        ("Test", report.test.as_ref()),
        ("Baseline, test", other(|scores| scores.test.as_ref())),
    ];
    let columns: Vec<_> = parts
        .into_iter()
        .filter_map(|(part, evaluation)| Some((part.to_owned(), figures_of(evaluation?))))
        .collect();
    let names = columns
        .first()
        .map(|column| column.1.iter().map(|score| score.0.clone()))
        .into_iter()
        .flatten();
    let value = |column: &(String, Vec<(String, String)>), name: &str| {
        let score = column.1.iter().find(|score| score.0 == name);
        score.map_or_else(|| text::UNDEFINED.into(), |score| score.1.clone())
    };
    let rows = names.map(|name| {
        (
            name.clone(),
            columns.iter().map(|column| value(column, &name)).collect(),
        )
    });
    Scores {
        rows: rows.collect(),
        parts: columns.iter().map(|column| column.0.clone()).collect(),
    }
}

/// All single figures of an evaluation, by name.
fn figures_of(evaluation: &Evaluation) -> Vec<(String, String)> {
    match evaluation {
        Evaluation::Classification(summary) => classification::scores(summary),
        Evaluation::Labels(summary) => labels::scores(summary),
        Evaluation::Tags(summary) => tags::scores(summary),
        Evaluation::Regression(summary) => regression::scores(summary),
    }
}

fn data<'a>(report: &'a Report, names: &[String]) -> DataView<'a> {
    let parts = &report.data.parts;
    let count = |part: &super::Part, class: usize| {
        part.counts.get(class).map_or_else(
            || text::UNDEFINED.into(),
            |count| text::count(*count as f64),
        )
    };
    let counted = parts.iter().any(|part| !part.counts.is_empty());
    let mut shown: Vec<usize> = (0..if counted { names.len() } else { 0 }).collect();
    let mut cut = String::new();
    if shown.len() > MOST_ROWS {
        let all = text::count(shown.len() as f64);
        let rows = |class: &usize| {
            let counts = parts.iter().filter_map(|part| part.counts.get(*class));
            counts.sum::<u64>()
        };
        shown.sort_by_cached_key(|class| std::cmp::Reverse(rows(class)));
        shown.truncate(MOST_ROWS);
        cut = format!("Shown are the {MOST_ROWS} classes with the most rows of {all} in all.");
    }
    let class = |class: usize| {
        let counts = parts.iter().map(|part| count(part, class));
        (names[class].clone(), counts.collect())
    };
    DataView {
        facts: &report.data.facts,
        parts: parts
            .iter()
            .map(|part| (part.name.as_str(), text::count(part.rows as f64)))
            .collect(),
        classes: shown.into_iter().map(class).collect(),
        cut,
    }
}

fn layer_row(layer: &Layer) -> LayerRow<'_> {
    LayerRow {
        name: &layer.name,
        kind: &layer.kind,
        output: &layer.output,
        parameters: text::count(layer.parameters as f64),
        inputs: layer.inputs.join(", "),
    }
}

fn run_facts(report: &Report) -> Vec<Fact> {
    let run = &report.run;
    let mut facts = Vec::new();
    if run.seconds > 0.0 {
        facts.push(Fact::new("Training time", text::duration(run.seconds)));
    }
    if run.peak_memory > 0 {
        facts.push(Fact::new("Peak memory", text::bytes(run.peak_memory)));
    }
    facts.extend(run.facts.iter().cloned());
    if !run.weights_hash.is_empty() {
        facts.push(Fact::new("Hash of the weights", run.weights_hash.clone()));
    }
    facts
}
