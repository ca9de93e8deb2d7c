//! What the page shows of texts.

use jingwei_data::prepare::Pretrained;
use serde::Serialize;

use crate::canvas::Canvas;
use crate::figure::{Figure, Key};
use crate::scale::Axis;
use crate::tag_examples::{self, Examples};
use crate::text::{self, percent};
use crate::{
    Counted, DuplicateText, DuplicateTexts, Explanation, TextData, TextReport, TokenWeight,
    WorstText,
};

/// Longer texts are folded, letters.
const FOLDED: usize = 300;
/// How many of the strongest tokens are listed in words.
const STRONGEST: usize = 4;

/// Everything as shown.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    data: Option<DataView>,
    pretrained: Vec<PretrainedView>,
    duplicates: Option<DuplicatesView>,
    worst: Vec<WorstView>,
    explanations: Vec<ExplanationView>,
    errors: Vec<Examples>,
}

#[derive(Debug, Serialize)]
struct PretrainedView {
    parameter: String,
    sentence: String,
    missing: String,
}

#[derive(Debug, Serialize)]
struct DuplicatesView {
    sentence: String,
    groups: Vec<Vec<DuplicateView>>,
}

#[derive(Debug, Serialize)]
struct DuplicateView {
    start: String,
    is_cut: bool,
    part: String,
    origin: String,
}

#[derive(Debug, Serialize)]
struct WorstView {
    /// What is always seen of the text, and what only after unfolding.
    start: String,
    rest: String,
    letters: String,
    truth: String,
    predicted: String,
    probability: String,
    truth_probability: String,
    several_labels: bool,
    origin: String,
}

#[derive(Debug, Serialize)]
struct ExplanationView {
    pieces: Vec<Piece>,
    class: String,
    probability: String,
    truth: String,
    right: bool,
    strongest_for: String,
    strongest_against: String,
    origin: String,
}

#[derive(Debug, Serialize)]
struct Piece {
    text: String,
    /// `for`, `against`, or nothing.
    side: &'static str,
    /// How strong the colour is, in percent.
    tint: u32,
    hint: String,
}

#[derive(Debug, Serialize)]
struct DataView {
    facts: Vec<(String, String)>,
    figures: Vec<Figure>,
    unit: String,
    parts: Vec<(String, Vec<String>)>,
    tables: Vec<CountedTable>,
}

/// Names with counts and shares.
#[derive(Debug, Serialize)]
struct CountedTable {
    title: &'static str,
    note: &'static str,
    head: &'static str,
    counted: &'static str,
    rows: Vec<(String, String, String)>,
}

/// Prepares all parts; `name` gives the name of a class.
pub(crate) fn view(report: &TextReport, name: &dyn Fn(usize) -> String) -> View {
    View {
        data: report.data.as_ref().map(data),
        pretrained: report.pretrained.iter().map(pretrained).collect(),
        duplicates: report.duplicates.as_ref().map(duplicates),
        worst: report.worst.iter().map(|text| worst(text, name)).collect(),
        explanations: report
            .explanations
            .iter()
            .map(|explanation| explain(explanation, name))
            .collect(),
        errors: tag_examples::examples(&report.tag_errors),
    }
}

fn pretrained(found: &Pretrained) -> PretrainedView {
    PretrainedView {
        parameter: found.parameter.clone(),
        sentence: found.sentence(),
        missing: found.missing.join(" "),
    }
}

fn duplicates(found: &DuplicateTexts) -> DuplicatesView {
    let shown = |text: &DuplicateText| DuplicateView {
        start: text.text.chars().take(FOLDED).collect(),
        is_cut: text.text.chars().nth(FOLDED).is_some(),
        part: match text.part.as_str() {
            "" => "left out".to_owned(),
            part => part.to_owned(),
        },
        origin: text.origin.clone(),
    };
    let groups = found.examples.iter();
    DuplicatesView {
        sentence: found.sentence(),
        groups: groups
            .map(|group| group.iter().map(shown).collect())
            .collect(),
    }
}

fn worst(worst: &WorstText, name: &dyn Fn(usize) -> String) -> WorstView {
    let names = |classes: &[usize]| match classes {
        [] => "nothing".to_owned(),
        classes => classes
            .iter()
            .map(|class| name(*class))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let fold = worst
        .text
        .char_indices()
        .nth(FOLDED)
        .map(|(place, _)| place);
    let (start, rest) = worst.text.split_at(fold.unwrap_or(worst.text.len()));
    WorstView {
        start: start.to_owned(),
        rest: rest.to_owned(),
        letters: text::count(worst.text.chars().count() as f64),
        truth: names(&worst.truth),
        predicted: names(&worst.predicted),
        // No label said has no probability.
        probability: match worst.predicted[..] {
            [] => String::new(),
            _ => percent(f64::from(worst.probability)),
        },
        several_labels: worst.truth.len() != 1 || worst.predicted.len() != 1,
        truth_probability: percent(f64::from(worst.truth_probability)),
        origin: worst.origin.clone(),
    }
}

fn explain(explanation: &Explanation, name: &dyn Fn(usize) -> String) -> ExplanationView {
    let tokens = &explanation.tokens;
    let strongest = tokens
        .iter()
        .map(|token| token.weight.abs())
        .fold(0.0, f32::max);
    ExplanationView {
        pieces: tokens.iter().map(|token| piece(token, strongest)).collect(),
        class: name(explanation.class),
        probability: percent(f64::from(explanation.probability)),
        truth: explanation.truth.map(name).unwrap_or_default(),
        right: explanation.truth == Some(explanation.class),
        strongest_for: strongest_tokens(tokens, 1.0),
        strongest_against: strongest_tokens(tokens, -1.0),
        origin: explanation.origin.clone(),
    }
}

/// A token, coloured if it moved the decision by at least a twentieth of the strongest one.
fn piece(token: &TokenWeight, strongest: f32) -> Piece {
    let share = token.weight / strongest.max(f32::MIN_POSITIVE);
    let blank = token.text.trim().is_empty();
    let side = match share {
        _ if blank => "",
        0.05.. => "for",
        ..=-0.05 => "against",
        _ => "",
    };
    Piece {
        text: token.text.clone(),
        side,
        tint: (share.abs() * 60.0).round() as u32,
        hint: if side.is_empty() {
            String::new()
        } else {
            signed(token.weight)
        },
    }
}

/// The tokens that moved most towards one side, once each, with how far they moved it.
fn strongest_tokens(tokens: &[TokenWeight], sign: f32) -> String {
    let mut sided: Vec<&TokenWeight> = tokens
        .iter()
        .filter(|token| token.weight * sign > 0.0 && !token.text.trim().is_empty())
        .collect();
    sided.sort_by(|left, right| right.weight.abs().total_cmp(&left.weight.abs()));
    let mut listed: Vec<&str> = Vec::new();
    let mut words = Vec::new();
    for token in sided {
        if listed.len() < STRONGEST && !listed.contains(&token.text.trim()) {
            listed.push(token.text.trim());
            words.push(format!("{} {}", token.text.trim(), signed(token.weight)));
        }
    }
    words.join(", ")
}

/// A change of probability in points of a hundred, with its sign.
fn signed(weight: f32) -> String {
    let sign = if weight < 0.0 { '−' } else { '+' };
    format!("{sign}{:.1}", weight.abs() * 100.0)
}

fn data(data: &TextData) -> DataView {
    let unit = if data.unit.is_empty() {
        "tokens"
    } else {
        &data.unit
    };
    DataView {
        facts: facts(data, unit),
        figures: length_figure(data, unit).into_iter().collect(),
        unit: unit.to_owned(),
        parts: data
            .parts
            .iter()
            .map(|part| {
                let share = |count: u64, of: u64| percent(count as f64 / of.max(1) as f64);
                let mean = part.tokens as f64 / part.texts.max(1) as f64;
                let cells = vec![
                    text::count(part.texts as f64),
                    text::count(part.tokens as f64),
                    format!("{mean:.1}"),
                    share(part.unknown, part.tokens),
                    share(part.cut, part.texts),
                ];
                (part.name.clone(), cells)
            })
            .collect(),
        tables: tables(data),
    }
}

fn facts(data: &TextData, unit: &str) -> Vec<(String, String)> {
    let number = |value: u64| text::count(value as f64);
    let lengths = &data.lengths;
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    if data.vocabulary > 0 {
        add("Vocabulary", format!("{} {unit}", number(data.vocabulary)));
    }
    if data.distinct > 0 {
        let once = percent(data.once as f64 / data.distinct as f64);
        add(
            "Different ones",
            format!("{}, {once} of them once only", number(data.distinct)),
        );
    }
    if !lengths.bins.is_empty() {
        add("Mean length", format!("{:.1} {unit}", lengths.mean));
        let (median, most, longest) = (lengths.median, lengths.most, lengths.longest);
        add("Median length", number(median));
        add(
            "95 of 100 texts",
            format!("no longer than {}", number(most)),
        );
        add("Longest text", number(longest));
    }
    if data.length_limit > 0 {
        add("Cut to", format!("{} {unit}", number(data.length_limit)));
    }
    facts
}

fn length_figure(data: &TextData, unit: &str) -> Option<Figure> {
    let lengths = &data.lengths;
    let highest = lengths.bins.iter().copied().max()? as f64;
    let end = (lengths.bins.len() as u64 * lengths.width) as f64;
    let mut canvas = Canvas::new(
        Axis::new(&format!("Length in {unit}"), 0.0, end),
        Axis::new("Texts", 0.0, highest * 1.08),
    );
    for (bin, count) in lengths.bins.iter().enumerate() {
        let left = (bin as u64 * lengths.width) as f64;
        canvas.bar(
            (left, left + lengths.width as f64),
            (0.0, *count as f64),
            "s0",
        );
    }
    let limit = data.length_limit as f64;
    if limit > 0.0 && limit < end {
        canvas.rule(limit, "cut here");
    }
    let beyond = match lengths.beyond {
        0 => String::new(),
        count => format!(" {} longer texts are not drawn.", text::count(count as f64)),
    };
    Some(Figure {
        title: "Lengths".into(),
        svg: canvas.finish("Histogram of the lengths of texts."),
        legend: vec![Key::area("texts of all parts", "s0")],
        note: format!(
            "Half of the texts have at most {} {unit}.{beyond}",
            lengths.median
        ),
    })
}

fn tables(data: &TextData) -> Vec<CountedTable> {
    let mut used = data.set_aside.clone();
    if !used.is_empty() {
        used.insert(0, Counted::new("kept", data.kept));
    }
    let table = |title, note, head, rows: &[Counted], all| CountedTable {
        title,
        note,
        head,
        counted: "Texts",
        rows: shares(rows, all),
    };
    let sum = |rows: &[Counted]| rows.iter().map(|row| row.count).sum();
    let kept = "Every text of the files is counted here, kept or not.";
    let changed = "Texts that were used, but not as they stood.";
    let bare = data.bare.iter();
    let bare = bare.map(|texts| Counted::new(texts.sentence(), texts.count));
    let all_changed: Vec<Counted> = bare.chain(data.changed.iter().cloned()).collect();
    let (scripts, encodings) = (&data.scripts, &data.encodings);
    let mut tables = vec![
        table("Kept and set aside", kept, "Cause", &used, sum(&used)),
        table("Changed", changed, "What was done", &all_changed, data.kept),
        table(
            "Languages and scripts",
            "",
            "Language or script",
            scripts,
            sum(scripts),
        ),
        table("Encodings", "", "Encoding", encodings, sum(encodings)),
    ];
    let frequent = data.frequent.iter();
    tables.push(CountedTable {
        title: "Most frequent",
        note: "In the training part.",
        head: "Token",
        counted: "Times",
        rows: frequent
            .map(|token| {
                (
                    token.name.clone(),
                    text::count(token.count as f64),
                    String::new(),
                )
            })
            .collect(),
    });
    tables.retain(|table| !table.rows.is_empty());
    tables
}

/// Names, counts, and shares of `all`.
fn shares(rows: &[Counted], all: u64) -> Vec<(String, String, String)> {
    let share = |row: &Counted| {
        let share = percent(row.count as f64 / all.max(1) as f64);
        (row.name.clone(), text::count(row.count as f64), share)
    };
    rows.iter().map(share).collect()
}
