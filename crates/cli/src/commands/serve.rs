use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    #[arg(long, default_value = "127.0.0.1:8000", value_name = "HOST:PORT", value_parser = address)]
    address: String,
    /// The model's name in addresses [default: the name of the run, or of the folder]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    limits: Limits,
}

/// What clients may take; what is not given has the default of `ServeOptions`.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Limits")]
struct Limits {
    /// MiB of a request's body [default: 16]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u16).range(1..))]
    max_body: Option<u16>,
    /// MiB of all large bodies in memory, and of all large answers [default: 512]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    max_held: Option<u32>,
    /// Requests that compute or wait for their turn [default: 1024]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_requests: Option<u32>,
    /// Connections, fewer if fewer files may be open [default: 1024]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,
    /// Time for the head of a request to arrive [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    head_timeout: Option<Duration>,
    /// Time for the body of a request to arrive [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    body_timeout: Option<Duration>,
    /// Time for a request to wait for its turn [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    queue_timeout: Option<Duration>,
    /// Time for a client to take its answer [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    answer_timeout: Option<Duration>,
    /// Time for a connection to stay open without a request [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle_timeout: Option<Duration>,
    /// MiB that the work on one request may take beside its body [default: 1024]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    request_memory: Option<u32>,
    /// MiB that the work on all requests may take [default: 4096]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    all_memory: Option<u32>,
    /// Time for the work on one request, from its turn on [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    request_timeout: Option<Duration>,
    /// Time for running requests to end when the server is asked to stop [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    grace: Option<Duration>,
}

impl Limits {
    fn options(self) -> ServeOptions {
        let default = ServeOptions::default();
        let bytes = |mebibytes: u32| (mebibytes as usize).saturating_mul(1 << 20);
        let count = |count: u32| count as usize;
        ServeOptions {
            max_body: self
                .max_body
                .map_or(default.max_body, |size| bytes(size.into())),
            max_held: self.max_held.map_or(default.max_held, bytes),
            max_requests: self.max_requests.map_or(default.max_requests, count),
            max_connections: self.max_connections.map_or(default.max_connections, count),
            head_timeout: self.head_timeout.unwrap_or(default.head_timeout),
            body_timeout: self.body_timeout.unwrap_or(default.body_timeout),
            queue_timeout: self.queue_timeout.unwrap_or(default.queue_timeout),
            answer_timeout: self.answer_timeout.unwrap_or(default.answer_timeout),
            idle_timeout: self.idle_timeout.unwrap_or(default.idle_timeout),
            request_memory: self.request_memory.map_or(default.request_memory, bytes),
            all_memory: self.all_memory.map_or(default.all_memory, bytes),
            request_timeout: self.request_timeout.unwrap_or(default.request_timeout),
            grace: self.grace.unwrap_or(default.grace),
            ..default
        }
    }
}

/// Serves a bundle until Ctrl-C, after checking that it predicts what it did when it was made.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let runtime = arguments.machine.runtime()?;
    let bundle = Bundle::load(&arguments.bundle)?;
    bundle.verify(&runtime)?;
    let name = arguments.name.clone().or_else(|| name(&arguments.bundle));
    let options = ServeOptions {
        address: arguments.address.clone(),
        name: name.clone(),
        ..arguments.limits.options()
    };
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

/// Whether a text has the form of an address; whether there is such a host is found out when the server starts.
fn address(text: &str) -> Result<String, String> {
    let good = text
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if good {
        return Ok(text.to_owned());
    }
    Err("expected HOST:PORT, such as 127.0.0.1:8000, localhost:8000 or [::1]:8000".to_owned())
}

/// A time of a tenth of a second to a day.
fn seconds(text: &str) -> Result<Duration, String> {
    let number = text
        .parse()
        .ok()
        .filter(|time| (0.1..=86_400.0).contains(time));
    let time = number.map(Duration::from_secs_f64);
    time.ok_or_else(|| "expected a number of seconds between 0.1 and 86400".to_owned())
}

fn announce(address: SocketAddr, name: &str, kind: &str, printer: &Printer) -> Result<()> {
    if !address.ip().is_loopback() {
        printer.warning(format_args!(
            "{address} is reachable from other machines, and there are no keys; be sure of that"
        ));
    }
    if printer.is_json() {
        return printer.value(&json!({ "address": address.to_string(), "model": name }));
    }
    printer.line(format_args!(
        "listening on http://{address}, Ctrl-C stops it\n\n\
         raw records    curl http://{address}/v1/predict -H 'Content-Type: {kind}' --data-binary @FILE\n\
         protocol v2    curl http://{address}/v2/models/{name}"
    ))
}
