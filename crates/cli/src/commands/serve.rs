use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use jingwei_bundle::{Bundle, Predictor};
use jingwei_serve::ServeOptions;
use serde_json::json;

use crate::ExitStatus;
use crate::machine::Machine;
use crate::printer::Printer;

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle: a folder that `jingwei train` wrote
    bundle: PathBuf,
    /// Where to listen; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:8000", value_name = "HOST:PORT")]
    address: SocketAddr,
    /// The model's name in addresses [default: the folder's name]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    machine: Machine,
}

/// Serves a bundle until Ctrl-C, after checking that it predicts what it did when it was made.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let runtime = arguments.machine.runtime()?;
    let bundle = Bundle::load(&arguments.bundle)?;
    bundle.verify(&runtime)?;
    let predictor = Predictor::new(bundle, runtime)?;
    let options = ServeOptions {
        address: arguments.address,
        name: arguments.name.clone(),
        ..ServeOptions::default()
    };
    if !arguments.address.ip().is_loopback() {
        let address = arguments.address;
        printer.warning(format_args!(
            "{address} is reachable from other machines, and there are no keys; be sure of that"
        ));
    }
    let mut told = Ok(());
    jingwei_serve::serve(predictor, options, |address| {
        told = announce(address, printer)
    })?;
    told?;
    Ok(ExitStatus::Done)
}

fn announce(address: SocketAddr, printer: &Printer) -> Result<()> {
    if printer.is_json() {
        return printer.value(&json!({ "address": address.to_string() }));
    }
    printer.line(format_args!(
        "listening on http://{address}\n\
         predict from raw records    curl http://{address}/v1/predict --data-binary @FILE\n\
         Open Inference Protocol v2  http://{address}/v2/models\n\
         Ctrl-C stops it"
    ))
}
