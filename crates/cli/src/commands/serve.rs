use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use jingwei_bundle::{Bundle, Predictor};
use jingwei_serve::ServeOptions;
use serde_json::json;

use super::predict::preparation;
use crate::ExitStatus;
use crate::machine::Machine;
use crate::printer::Printer;
use crate::records::size;

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle: a folder that `jingwei train` wrote
    bundle: PathBuf,
    /// Where to listen; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:8000", value_name = "HOST:PORT")]
    address: SocketAddr,
    /// The model's name in addresses [default: the name of the run, or of the folder]
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
    let name = arguments.name.clone().or_else(|| name(&arguments.bundle));
    let options = ServeOptions {
        address: arguments.address,
        name: name.clone(),
        ..ServeOptions::default()
    };
    if !arguments.address.ip().is_loopback() {
        let address = arguments.address;
        printer.warning(format_args!(
            "{address} is reachable from other machines, and there are no keys; be sure of that"
        ));
    }
    let kind = match preparation(&bundle) {
        Ok(preparation) if size(&preparation).is_some() => "image/png",
        Ok(preparation) if preparation.text().is_some() => "text/plain",
        _ => "text/csv",
    };
    let predictor = Predictor::new(bundle, runtime)?;
    let name = name.unwrap_or_default();
    let mut told = Ok(());
    jingwei_serve::serve(predictor, options, |address| {
        told = announce(address, &name, kind, printer);
    })?;
    told?;
    Ok(ExitStatus::Done)
}

/// The name of a bundle: that of its folder, or of the run that it lies in.
fn name(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let own = folder.file_stem()?;
    let name = if own == "bundle" {
        folder.parent()?.file_name().unwrap_or(own)
    } else {
        own
    };
    Some(name.to_string_lossy().into_owned())
}

fn announce(address: SocketAddr, name: &str, kind: &str, printer: &Printer) -> Result<()> {
    if printer.is_json() {
        return printer.value(&json!({ "address": address.to_string(), "model": name }));
    }
    printer.line(format_args!(
        "listening on http://{address}, Ctrl-C stops it\n\n\
         raw records    curl http://{address}/v1/predict -H 'Content-Type: {kind}' --data-binary @FILE\n\
         protocol v2    curl http://{address}/v2/models/{name}"
    ))
}
