use std::path::Path;

use anyhow::Result;
use jingwei_data::Limits;
use jingwei_data::inspect::{ColumnSummary, Summary, inspect};
use serde_json::json;

use crate::numbers::{count, counted, short};
use crate::printer::{Look, Printer};
use crate::progress::Waiting;
use crate::table::Table;

/// Rows of a table about classes or columns; JSON holds all.
const MOST_ROWS: usize = 50;

/// Shows what data hold.
pub fn inspect_data(path: &Path, printer: &Printer) -> Result<()> {
    let summary = {
        let _waiting = Waiting::new(printer, format!("looking at {}", path.display()));
        inspect(path, &Limits::default())?
    };
    if printer.is_json() {
        return printer.value(&json!({ "kind": "data", "data": summary }));
    }
    printer.line(headline(&summary))?;
    if !summary.classes.is_empty() {
        let mut table = Table::new(&["class", ">samples"]);
        for class in summary.classes.iter().take(MOST_ROWS) {
            table.row([&class.name, &count(class.samples)]);
        }
        printer.line(format_args!("\n{table}{}", more(summary.classes.len())))?;
    }
    if !summary.columns.is_empty() {
        printer.line(format_args!(
            "\n{}{}",
            columns(&summary.columns),
            more(summary.columns.len())
        ))?;
    }
    for note in &summary.notes {
        printer.line(format_args!(
            "{} {note}",
            printer.paint(Look::Warning, "note:")
        ))?;
    }
    Ok(())
}

fn headline(summary: &Summary) -> String {
    let samples = counted(summary.samples, "sample", "samples");
    let shape = match (&summary.shape, &summary.sizes) {
        (Some(shape), _) if shape.len() == 3 => {
            format!(" of {} × {} × {}", shape[0], shape[1], shape[2])
        }
        (None, Some(sizes)) => {
            let ([low, _, high], [left, _, right]) = (sizes.heights, sizes.widths);
            format!(", {low} to {high} pixels high and {left} to {right} wide")
        }
        _ => String::new(),
    };
    let classes = match summary.classes.len() {
        0 => String::new(),
        classes => format!(" in {}", counted(classes, "class", "classes")),
    };
    format!(
        "{}: {}, {samples}{shape}{classes}",
        summary.path.display(),
        summary.kind
    )
}

fn columns(columns: &[ColumnSummary]) -> Table {
    let mut table = Table::new(&[
        "column",
        ">numbers",
        ">text",
        ">missing",
        ">different",
        ">min",
        ">mean",
        ">max",
    ]);
    let number = |value: Option<f64>| value.map_or(String::new(), short);
    for column in columns.iter().take(MOST_ROWS) {
        let different = if column.is_crowded() {
            "many".to_owned()
        } else {
            count(column.values.len())
        };
        let (min, max) = (column.min.map(f64::from), column.max.map(f64::from));
        table.row([
            &column.name,
            &count(column.numbers),
            &count(column.text),
            &count(column.missing),
            &different,
            &number(min),
            &number(column.mean),
            &number(max),
        ]);
    }
    table
}

fn more(rows: usize) -> String {
    if rows > MOST_ROWS {
        format!("\nand {} more; --json prints all", rows - MOST_ROWS)
    } else {
        String::new()
    }
}
