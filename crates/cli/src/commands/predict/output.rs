use anyhow::{Result, anyhow};
use jingwei_bundle::{OutputKind, Prediction, Predictor, TaggedToken};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Format;
use crate::numbers;
use crate::printer::Printer;
use crate::table::Table;

/// Other classes that a table shows beside the most probable one.
const OTHERS: usize = 2;
/// Classes up to which a line holds the probability of each.
const MOST_CLASSES: usize = 1000;
/// The most probable ones that a line holds of more.
const MOST_PROBABLE: usize = 10;

/// Writes predictions in a format; tables at the end, as their columns must line up.
pub struct Output<'a> {
    printer: &'a Printer,
    kind: Kind,
    /// The names of classes or of predicted numbers.
    names: Vec<String>,
}

enum Kind {
    Table(Table),
    Csv,
    Json,
}

/// A prediction as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    record: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    prediction: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Vec<Token<'a>>>,
}

/// A token of a text and its tag.
#[derive(Serialize)]
struct Token<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    tag: &'a str,
}

/// Values by name, in their own order.
struct Named<'a>(Vec<(&'a str, f32)>);

impl<'a> Named<'a> {
    /// All values.
    fn all(names: &'a [String], values: &[f32]) -> Self {
        let names = names.iter().map(String::as_str);
        Self(names.zip(values.iter().copied()).collect())
    }

    /// The probabilities of all classes, or those of the most probable ones, largest first, where there are very many.
    fn some(names: &'a [String], probabilities: &[f32]) -> Self {
        if probabilities.len() <= MOST_CLASSES {
            return Self::all(names, probabilities);
        }
        let most = most_probable(probabilities, MOST_PROBABLE).into_iter();
        let named = most.map(|class| (names[class].as_str(), probabilities[class]));
        Self(named.collect())
    }
}

/// The most probable classes, largest first; of equals the first.
fn most_probable(probabilities: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    let compare = |a: &usize, b: &usize| {
        let larger = probabilities[*b].total_cmp(&probabilities[*a]);
        larger.then(a.cmp(b))
    };
    if count < order.len() {
        order.select_nth_unstable_by(count, compare);
        order.truncate(count);
    }
    order.sort_unstable_by(compare);
    order
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> Output<'a> {
    /// An output in a format; a table of CSV begins with its header.
    pub fn new(format: Format, predictor: &Predictor, printer: &'a Printer) -> Result<Self> {
        let (has_classes, names) = names(predictor);
        if predictor.bundle().outputs()[0].kind == OutputKind::Tags {
            return Self::of_tags(format, printer);
        }
        let columns: Vec<String> = match has_classes {
            true if names.len() > MOST_CLASSES => vec!["next".to_owned()],
            true => names
                .iter()
                .map(|name| format!("probability {name}"))
                .collect(),
            false => names.clone(),
        };
        let fixed: &[&str] = match (has_classes, format) {
            (true, Format::Csv) => &["record", "prediction", "probability"],
            (true, _) => &["record", "prediction", ">probability", "next"],
            (false, _) => &["record"],
        };
        let kind = match format {
            Format::Json => Kind::Json,
            Format::Csv => Kind::Csv,
            Format::Table if has_classes => Kind::Table(Table::new(fixed)),
            Format::Table => {
                let numbers: Vec<String> = names.iter().map(|name| format!(">{name}")).collect();
                let heads = fixed
                    .iter()
                    .copied()
                    .chain(numbers.iter().map(String::as_str));
                Kind::Table(Table::new(&heads.collect::<Vec<_>>()))
            }
        };
        let output = Self {
            printer,
            kind,
            names,
        };
        if format == Format::Csv {
            let fixed = fixed.iter().map(|&head| head.to_owned());
            output.csv(&fixed.chain(columns).collect::<Vec<_>>())?;
        }
        Ok(output)
    }

    /// An output of tagged tokens.
    fn of_tags(format: Format, printer: &'a Printer) -> Result<Self> {
        let heads = ["record", "start", "end", "token", "tag"];
        let output = Self {
            printer,
            kind: match format {
                Format::Json => Kind::Json,
                Format::Csv => Kind::Csv,
                Format::Table => Kind::Table(Table::new(&["record", "tagged"])),
            },
            names: Vec::new(),
        };
        if format == Format::Csv {
            output.csv(&heads.map(str::to_owned))?;
        }
        Ok(output)
    }

    /// Writes a prediction.
    pub fn add(&mut self, record: String, prediction: Prediction) -> Result<()> {
        match &mut self.kind {
            Kind::Table(table) => {
                table.push(cells(record, &prediction, &self.names));
                Ok(())
            }
            Kind::Csv => {
                if let Prediction::Tags(tokens) = &prediction {
                    return tokens.iter().try_for_each(|token| {
                        let places = [token.start, token.end].map(|place| place.to_string());
                        let [start, end] = places;
                        let (text, tag) = (token.text.clone(), token.tag.clone());
                        self.csv(&[record.clone(), start, end, text, tag])
                    });
                }
                let mut fields = vec![record];
                let values: &[f32] = match &prediction {
                    Prediction::Labels {
                        labels,
                        probabilities,
                    } => {
                        fields.extend([labels.join("; "), String::new()]);
                        probabilities
                    }
                    Prediction::Tags(_) => &[],
                    Prediction::Class {
                        class,
                        label,
                        probabilities,
                    } => {
                        fields.extend([label.clone(), probabilities[*class].to_string()]);
                        probabilities
                    }
                    Prediction::Values(values) => values,
                };
                let is_class = !matches!(prediction, Prediction::Values(_));
                if is_class && values.len() > MOST_CLASSES {
                    let most = most_probable(values, MOST_PROBABLE).into_iter();
                    let named =
                        most.map(|class| format!("{} {}", self.names[class], values[class]));
                    fields.push(named.collect::<Vec<_>>().join("; "));
                } else {
                    fields.extend(values.iter().map(ToString::to_string));
                }
                self.csv(&fields)
            }
            Kind::Json => self.printer.value(&line(record, &prediction, &self.names)),
        }
    }

    fn csv(&self, fields: &[String]) -> Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(fields)?;
        let bytes = writer
            .into_inner()
            .map_err(|error| anyhow!("a line of CSV cannot be made: {error}"))?;
        self.printer.write(&bytes)
    }

    /// Writes what had to wait for the last prediction.
    pub fn finish(self) -> Result<()> {
        match self.kind {
            Kind::Table(table) => self.printer.line(table),
            _ => Ok(()),
        }
    }
}

/// Whether a model gives probabilities of classes, and the names of the classes or of the predicted numbers.
fn names(predictor: &Predictor) -> (bool, Vec<String>) {
    let output = &predictor.bundle().outputs()[0];
    if matches!(output.kind, OutputKind::Probabilities | OutputKind::Labels) {
        let classes = match output.kind {
            OutputKind::Labels => output.len(),
            _ => output.len().max(2),
        };
        return (
            true,
            (0..classes).map(|class| predictor.label(class)).collect(),
        );
    }
    let targets = predictor.target_names();
    if targets.is_empty() {
        return (
            false,
            (0..output.len())
                .map(|value| format!("value {value}"))
                .collect(),
        );
    }
    (false, targets.into_iter().map(str::to_owned).collect())
}

fn cells(record: String, prediction: &Prediction, names: &[String]) -> Vec<String> {
    match prediction {
        Prediction::Values(values) => {
            let values = values.iter().map(|&value| numbers::short(f64::from(value)));
            std::iter::once(record).chain(values).collect()
        }
        Prediction::Tags(tokens) => vec![record, tagged(tokens)],
        Prediction::Labels {
            labels,
            probabilities,
        } => {
            let order = most_probable(probabilities, OTHERS + 1);
            let first = order.first().map_or(0.0, |&class| probabilities[class]);
            let named = |&class: &usize| format!("{} {:.4}", names[class], probabilities[class]);
            let most: Vec<String> = order.iter().map(named).collect();
            vec![
                record,
                labels.join("; "),
                format!("{first:.4}"),
                most.join(", "),
            ]
        }
        Prediction::Class {
            class,
            label,
            probabilities,
        } => {
            let mut others = most_probable(probabilities, OTHERS + 1);
            others.retain(|other| other != class);
            let other = |&class: &usize| format!("{} {:.4}", names[class], probabilities[class]);
            let others: Vec<String> = others.iter().take(OTHERS).map(other).collect();
            vec![
                record,
                label.clone(),
                format!("{:.4}", probabilities[*class]),
                others.join(", "),
            ]
        }
    }
}

/// A text with the spans of its tags in brackets: `[PER 李明]在[LOC 北京]`; single tags stand behind their tokens.
fn tagged(tokens: &[TaggedToken]) -> String {
    let mut text = String::new();
    let mut open = false;
    let mut end = tokens.first().map_or(0, |token| token.start);
    for token in tokens {
        let gap = if token.start > end { " " } else { "" };
        end = token.end;
        let (mark, kind) = token.tag.split_once('-').unwrap_or((&token.tag, ""));
        let begins = matches!(mark, "B" | "S" | "U");
        if open && (begins || mark == "O") {
            text.push(']');
            open = false;
        }
        text.push_str(gap);
        match (begins, kind, mark) {
            (true, _, _) => {
                text.push_str(&format!("[{kind} {}", token.text));
                open = true;
            }
            (false, "", "O") => text.push_str(&token.text),
            (false, "", tag) => text.push_str(&format!("{}/{tag} ", token.text)),
            _ => text.push_str(&token.text),
        }
    }
    if open {
        text.push(']');
    }
    text.trim_end().to_owned()
}

fn line<'a>(record: String, prediction: &'a Prediction, names: &'a [String]) -> Line<'a> {
    let empty = Line {
        record,
        prediction: None,
        probability: None,
        probabilities: None,
        values: None,
        labels: None,
        tokens: None,
    };
    match prediction {
        Prediction::Labels {
            labels,
            probabilities,
        } => Line {
            labels: Some(labels),
            probabilities: Some(Named::some(names, probabilities)),
            ..empty
        },
        Prediction::Tags(tokens) => Line {
            tokens: Some(
                tokens
                    .iter()
                    .map(|token| Token {
                        text: &token.text,
                        start: token.start,
                        end: token.end,
                        tag: &token.tag,
                    })
                    .collect(),
            ),
            ..empty
        },
        Prediction::Class {
            class,
            label,
            probabilities,
        } => Line {
            prediction: Some(label),
            probability: Some(probabilities[*class]),
            probabilities: Some(Named::some(names, probabilities)),
            ..empty
        },
        Prediction::Values(values) => Line {
            values: Some(Named::all(names, values)),
            ..empty
        },
    }
}
