use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use jingwei_bundle::{Bundle, MANIFEST_FILE, RECIPE_FILE};
use jingwei_data::Limits;
use jingwei_data::inspect::{ColumnSummary, Summary as DataSummary, inspect};
use jingwei_nn::{Network, Summary, SummaryRow};
use jingwei_train::recipe::Recipe;
use jingwei_train::report::{Layer, diagram};
use jingwei_train::run::{Job, Prepared};
use serde_json::{Value, json};

use crate::ExitStatus;
use crate::numbers::{bytes, count, counted, short};
use crate::printer::{Look, Printer};
use crate::progress::Waiting;
use crate::table::Table;

/// Rows of a table about classes or columns; JSON holds all.
const MOST_ROWS: usize = 50;

/// The arguments of `inspect`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Data (a folder, the beginning of the names of IDX files, a table), a recipe (.toml) or a bundle
    path: PathBuf,
    /// Draw the network of a recipe or bundle into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Shows what lies at a path.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let path = &arguments.path;
    if path.join(MANIFEST_FILE).is_file() {
        inspect_bundle(path, arguments.svg.as_deref(), printer)?;
    } else if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
    {
        inspect_recipe(path, arguments.svg.as_deref(), printer)?;
    } else if arguments.svg.is_some() {
        bail!(
            "{}: data have no network to draw; give a recipe or a bundle, or leave --svg out",
            path.display()
        );
    } else {
        inspect_data(path, printer)?;
    }
    Ok(ExitStatus::Done)
}

fn inspect_bundle(folder: &Path, svg: Option<&Path>, printer: &Printer) -> Result<()> {
    let bundle = Bundle::load(folder)?;
    let manifest = bundle.manifest();
    let summary = bundle_network(&bundle)
        .map(|network| network.summary())
        .transpose()?;
    if let Some(file) = svg {
        let summary = summary.as_ref().with_context(|| {
            format!(
                "{}: the bundle holds no recipe, so its layers are unknown; draw the recipe",
                folder.display()
            )
        })?;
        draw(summary, file, printer)?;
    }
    let classes = bundle
        .preparation()
        .map_or(&[][..], |preparation| preparation.class_names());
    if printer.is_json() {
        return printer.value(&json!({
            "kind": "bundle", "task": manifest.task, "library": manifest.library, "format": manifest.version,
            "inputs": manifest.inputs, "outputs": manifest.outputs, "classes": classes,
            "layers": summary.as_ref().map(layer_values), "tensors": manifest.parameters,
            "parameters": bundle.function().parameters.values(), "bytes": manifest.weights.bytes,
            "weights_hash": manifest.weights.parameters_sha256,
        }));
    }
    let mut facts = Table::new(&["bundle", ""]);
    facts.row([&"task", &manifest.task]);
    for input in &manifest.inputs {
        facts.row([&"input", &format!("{} {:?}", input.name, input.shape)]);
    }
    for output in &manifest.outputs {
        facts.row([&"output", &format!("{} {:?}", output.name, output.shape)]);
    }
    if !classes.is_empty() {
        facts.row([
            &"classes",
            &format!("{}: {}", classes.len(), classes.join(", ")),
        ]);
    }
    facts.row([&"parameters", &count(bundle.function().parameters.values())]);
    facts.row([&"weights", &bytes(manifest.weights.bytes)]);
    facts.row([
        &"made by",
        &format!("Jingwei {}, format {}", manifest.library, manifest.version),
    ]);
    printer.line(format_args!("{facts}\n"))?;
    match &summary {
        Some(summary) => print_layers(summary, printer),
        None => print_tensors(&bundle, printer),
    }
}

/// The network of a bundle, by the recipe in it.
fn bundle_network(bundle: &Bundle) -> Option<Network> {
    let text = std::fs::read_to_string(bundle.folder().join(RECIPE_FILE)).ok()?;
    let recipe = Recipe::parse(&text, RECIPE_FILE).ok()?;
    let (input, output) = (bundle.inputs().first()?, bundle.outputs().first()?);
    recipe.model.network(&input.shape, output.len()).ok()
}

fn inspect_recipe(path: &Path, svg: Option<&Path>, printer: &Printer) -> Result<()> {
    let summary = recipe_network(path, printer)?.summary()?;
    if let Some(file) = svg {
        draw(&summary, file, printer)?;
    }
    if printer.is_json() {
        let (layers, parameters) = (layer_values(&summary), summary.parameters());
        return printer
            .value(&json!({ "kind": "recipe", "layers": layers, "parameters": parameters }));
    }
    print_layers(&summary, printer)
}

/// The network of a recipe; its data are read only if the recipe does not say what they are.
fn recipe_network(path: &Path, printer: &Printer) -> Result<Network> {
    let job = Job::load(path)?;
    let recipe = &job.recipe;
    let outputs = if recipe.task.has_classes() {
        recipe.data.classes.len()
    } else {
        recipe.data.target.0.len()
    };
    if let (Some(sizes), 1..) = (&recipe.model.input, outputs) {
        return Ok(recipe.model.network(sizes, outputs)?);
    }
    let _waiting = Waiting::new(printer, "reading the data");
    Ok(Prepared::new(&job)?.network)
}

fn draw(summary: &Summary, file: &Path, printer: &Printer) -> Result<()> {
    let layer = |row: &SummaryRow| Layer {
        name: row.name.clone(),
        kind: row.kind.to_owned(),
        output: sizes(row),
        parameters: row.parameters as u64,
        inputs: row.inputs.clone(),
    };
    let layers: Vec<Layer> = summary.rows().iter().map(layer).collect();
    std::fs::write(file, diagram(&layers)).with_context(|| {
        format!(
            "{}: cannot be written; check the folder and the free space",
            file.display()
        )
    })?;
    printer.note(format_args!("the diagram is in {}", file.display()));
    Ok(())
}

/// The shape of a layer's result without the batch: `26 × 26 × 32`.
fn sizes(row: &SummaryRow) -> String {
    let inner = row.output.trim_matches(['[', ']']);
    inner.split(", ").skip(1).collect::<Vec<_>>().join(" × ")
}

fn layer_values(summary: &Summary) -> Vec<Value> {
    let value = |row: &SummaryRow| {
        json!({
            "name": row.name, "kind": row.kind, "inputs": row.inputs, "output": row.output,
            "parameters": row.parameters, "states": row.states,
        })
    };
    summary.rows().iter().map(value).collect()
}

fn print_layers(summary: &Summary, printer: &Printer) -> Result<()> {
    let mut table = Table::new(&["layer", "kind", "output", ">parameters", "reads"]);
    for row in summary.rows() {
        table.row([
            &row.name,
            &row.kind,
            &sizes(row),
            &count(row.parameters),
            &row.inputs.join(", "),
        ]);
    }
    table.row([&"all", &"", &"", &count(summary.parameters()), &""]);
    printer.line(table)
}

fn print_tensors(bundle: &Bundle, printer: &Printer) -> Result<()> {
    let mut table = Table::new(&["tensor", "shape", ">values"]);
    for tensor in &bundle.manifest().parameters {
        let values: usize = tensor.shape.iter().product();
        table.row([&tensor.name, &format!("{:?}", tensor.shape), &count(values)]);
    }
    printer.line(table)
}

fn inspect_data(path: &Path, printer: &Printer) -> Result<()> {
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

fn headline(summary: &DataSummary) -> String {
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
