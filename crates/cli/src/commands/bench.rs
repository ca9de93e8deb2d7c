use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jingwei_engine::{Precision, Runtime, Timing};
use jingwei_nn::SparseCategoricalCrossEntropy;
use jingwei_train::fit::{Functions, Objective};
use serde::Serialize;

use crate::ExitStatus;
use crate::bench::Workload;
use crate::bench::inference::Prediction;
use crate::bench::start::Start;
use crate::bench::training::{BareStep, losses, step_ms};
use crate::machine::Machine;
use crate::printer::{Look, Printer};
use crate::progress::Waiting;
use crate::table::Table;

/// Runs of a profile; the shortest time of each kernel counts.
const PROFILED: usize = 100;

/// The arguments of `bench`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to measure [default: all]
    #[arg(value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Workload>,
    /// First weights and batches of one workload, as `scripts/peers/torch_side.py` writes them (safetensors)
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// Seconds of training steps for each workload; predictions take half of it each
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = parse_seconds)]
    seconds: f64,
    /// Print the time of each kernel of a training step and of a prediction for one sample
    #[arg(long)]
    profile: bool,
    /// How exact products of gradients are, as `gradient_precision` of a recipe: high or highest
    #[arg(long, value_name = "PRECISION", default_value_t = Precision::High)]
    gradient_precision: Precision,
    #[command(flatten)]
    machine: Machine,
}

/// What was measured of one workload; milliseconds.
#[derive(Debug, Serialize)]
struct Measured {
    peer: String,
    workload: &'static str,
    batch: usize,
    threads: usize,
    simd: String,
    /// A step as `jingwei train` runs it.
    train_ms: f64,
    /// The step without filling the batch and without the loop.
    bare_step_ms: f64,
    infer_ms: f64,
    infer_one_ms: f64,
    losses: Vec<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kernels: Vec<KernelTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    infer_one_kernels: Vec<KernelTime>,
}

#[derive(Debug, Serialize)]
struct KernelTime {
    kernel: &'static str,
    layer: String,
    microseconds: f64,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(seconds),
        _ => Err("give a number of seconds above 0, 3600 at most".to_owned()),
    }
}

/// Measures the workloads one after another.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let runtime = arguments.machine.runtime()?;
    let workloads = if arguments.workloads.is_empty() {
        &Workload::ALL[..]
    } else {
        &arguments.workloads
    };
    let mut all = Vec::new();
    for &workload in workloads {
        let waiting = Waiting::new(printer, format!("measuring {}", workload.name()));
        let measured = measure(workload, arguments, &runtime)?;
        drop(waiting);
        match printer.is_json() {
            true => printer.value(&measured)?,
            false => {
                let name = workload.name();
                print_kernels(name, "loss and gradients", &measured.kernels, printer)?;
                print_kernels(name, "one prediction", &measured.infer_one_kernels, printer)?;
            }
        }
        all.push(measured);
    }
    if !printer.is_json() {
        print(&all, &runtime, printer)?;
    }
    Ok(ExitStatus::Done)
}

fn measure(workload: Workload, arguments: &Arguments, runtime: &Runtime) -> Result<Measured> {
    let functions = Functions::new(
        &workload.network(),
        &Objective {
            gradient_precision: arguments.gradient_precision,
            ..Objective::new(SparseCategoricalCrossEntropy::default())
        },
    )?;
    let start = match &arguments.start {
        Some(path) => Start::read(path, workload, &functions)?,
        None => Start::made_up(workload, &functions),
    };
    let (train, infer) = (arguments.seconds, arguments.seconds / 2.0);
    let predict = |samples| Prediction::new(workload, &functions, &start, runtime, samples);
    let mut one = predict(1)?;
    let losses = losses(workload, &functions, &start, runtime)?;
    let train_ms = step_ms(workload, &functions, &start, runtime, train)?;
    let profiled = arguments.profile;
    let mut bare = BareStep::new(workload, &functions, &start, runtime)?;
    Ok(Measured {
        peer: format!("Jingwei {}", env!("CARGO_PKG_VERSION")),
        workload: workload.name(),
        batch: workload.batch(),
        threads: runtime.pool().threads(),
        simd: runtime.level().to_string(),
        train_ms,
        bare_step_ms: bare.median_ms(infer),
        infer_ms: predict(workload.batch())?.median_ms(infer),
        infer_one_ms: one.median_ms(infer),
        losses,
        kernels: kernel_times(profiled.then(|| bare.profile(PROFILED))),
        infer_one_kernels: kernel_times(profiled.then(|| one.profile(PROFILED))),
    })
}

fn kernel_times(timings: Option<Vec<Timing>>) -> Vec<KernelTime> {
    let time = |Timing {
                    kernel,
                    layer,
                    time,
                }| KernelTime {
        kernel,
        layer,
        microseconds: microseconds(time),
    };
    timings.into_iter().flatten().map(time).collect()
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn print(all: &[Measured], runtime: &Runtime, printer: &Printer) -> Result<()> {
    printer.line(printer.paint(Look::Dim, format_args!("{runtime:?}, medians in ms")))?;
    let heads = [
        "workload",
        ">batch",
        ">training step",
        ">bare step",
        ">predict batch",
        ">predict one",
    ];
    let mut table = Table::new(&heads);
    for measured in all {
        let ms = |value: f64| format!("{value:.4}");
        table.row([
            &measured.workload,
            &measured.batch,
            &ms(measured.train_ms),
            &ms(measured.bare_step_ms),
            &ms(measured.infer_ms),
            &ms(measured.infer_one_ms),
        ]);
    }
    printer.line(table)
}

fn print_kernels(
    workload: &str,
    what: &str,
    kernels: &[KernelTime],
    printer: &Printer,
) -> Result<()> {
    if kernels.is_empty() {
        return Ok(());
    }
    let total: f64 = kernels.iter().map(|kernel| kernel.microseconds).sum();
    let mut table = Table::new(&["kernel", "layer", ">µs", ">share"]);
    for KernelTime {
        kernel,
        layer,
        microseconds,
    } in kernels
    {
        let share = format!("{:.1} %", 100.0 * microseconds / total);
        table.row([kernel, layer, &format!("{microseconds:.1}"), &share]);
    }
    table.row([&"all", &"", &format!("{total:.1}"), &"100 %"]);
    let head = format!("{workload}: kernels of {what}, shortest of {PROFILED} runs");
    printer.line(format_args!(
        "{}\n{table}\n",
        printer.paint(Look::Bold, head)
    ))
}
