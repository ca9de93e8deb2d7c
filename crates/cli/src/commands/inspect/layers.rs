use std::path::Path;

use anyhow::{Context, Result};
use jingwei_nn::{Summary, SummaryRow};
use jingwei_report::{Layer, diagram};
use serde_json::{Value, json};

use crate::files;
use crate::numbers::count;
use crate::printer::Printer;
use crate::table::Table;

/// Draws a network into a file.
pub fn draw(summary: &Summary, file: &Path, printer: &Printer) -> Result<()> {
    let layer = |row: &SummaryRow| Layer {
        name: row.name.clone(),
        kind: row.kind.to_owned(),
        output: row.sizes(),
        parameters: row.parameters as u64,
        inputs: row.inputs.clone(),
    };
    let layers: Vec<Layer> = summary.rows().iter().map(layer).collect();
    files::replace(file, diagram(&layers).as_bytes()).with_context(|| files::unwritable(file))?;
    printer.note(format_args!("the diagram is in {}", file.display()));
    Ok(())
}

pub fn layer_values(summary: &Summary) -> Vec<Value> {
    let value = |row: &SummaryRow| {
        json!({
            "name": row.name, "kind": row.kind, "inputs": row.inputs, "output": row.output.to_string(),
            "parameters": row.parameters, "states": row.states,
        })
    };
    summary.rows().iter().map(value).collect()
}

pub fn print_layers(summary: &Summary, printer: &Printer) -> Result<()> {
    let mut table = Table::new(&["layer", "kind", "output", ">parameters", "reads"]);
    for row in summary.rows() {
        table.row([
            &row.name,
            &row.kind,
            &row.sizes(),
            &count(row.parameters),
            &row.inputs.join(", "),
        ]);
    }
    table.row([&"all", &"", &"", &count(summary.parameters()), &""]);
    printer.line(table)
}
