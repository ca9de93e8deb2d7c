use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use crate::commands::{
    bench, check, completions, estimate, evaluate, init, inspect, predict, serve, train,
};

/// Trains neural networks on ordinary CPU machines, from raw data to a served model.
///
/// A recipe (one TOML file) says what is trained on what; a bundle (one folder) is what comes out. The way of a
/// model: init, check, train, evaluate, predict, serve.
///
/// Exit status: 0 done, 1 failed, 2 wrong use, 130 stopped by Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "jingwei", version, arg_required_else_help = true, styles = STYLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print JSON, one value a line, instead of text for people
    #[arg(long, global = true)]
    pub json: bool,
    /// Show no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold());

/// The commands, in the order in which a model meets them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at data and write a commented recipe for them
    Init(init::Arguments),
    /// Check a recipe before anything is read or trained
    Check(check::Arguments),
    /// Say how large, how slow and how hungry a training will be
    Estimate(estimate::Arguments),
    /// Train a recipe, or go on where its run stopped
    Train(train::Arguments),
    /// Measure a bundle on data with known answers
    Evaluate(evaluate::Arguments),
    /// Predict from pictures, folders of pictures, IDX files, tables or texts
    Predict(predict::Arguments),
    /// Show what data, a recipe or a bundle hold
    Inspect(inspect::Arguments),
    /// Answer predictions over HTTP
    Serve(serve::Arguments),
    /// Measure this machine with the training step and the predictions of known networks
    Bench(bench::Arguments),
    /// Print the completions of a shell
    Completions(completions::Arguments),
}
