//! A bundle behind HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::runs::signal;
use crate::support::{Place, digits_recipe, json_lines};

/// A server as a process.
struct Service {
    server: Child,
    address: String,
    /// Without it the server's output has no reader.
    _output: BufReader<ChildStdout>,
}

impl Service {
    fn start(command: &mut Command) -> Self {
        let mut server = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let mut output = BufReader::new(server.stdout.take().expect("an output"));
        output.read_line(&mut line).expect("a line");
        let started = &json_lines(&line)[0];
        assert_eq!(started["model"], "run");
        let address = started["address"].as_str().expect("an address");
        Self {
            server,
            address: address.to_owned(),
            _output: output,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("a connection");
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).expect("a time limit");
        stream
    }

    fn stop(mut self) {
        signal(&self.server, Signal::INT);
        assert_eq!(self.server.wait().expect("it ends").code(), Some(0));
    }
}

fn trained() -> Place {
    let place = Place::new();
    place.write("recipe.toml", digits_recipe(1));
    place.run(&["train", "recipe.toml", "--run", "run"]).done();
    place
}

fn ask(mut stream: TcpStream) {
    stream
        .write_all(b"GET /v2/health/ready HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_bundle_is_served_until_it_is_asked_to_stop() {
    let place = trained();
    // The host may have a name.
    for address in ["127.0.0.1:0", "localhost:0"] {
        let arguments = ["serve", "run/bundle", "--address", address, "--json"];
        let service = Service::start(&mut place.command(&arguments));
        ask(service.connect());
        service.stop();
    }
    let serve = |address| place.run(&["serve", "run/bundle", "--address", address]);
    serve("no-such-host.invalid:80").fails(1, &["cannot find no-such-host.invalid:80"]);
    serve("8000").fails(2, &["expected HOST:PORT, such as"]);
    serve("localhost:70000").fails(2, &["expected HOST:PORT, such as"]);
    let bad = ["serve", "run/bundle", "--idle-timeout", "0"];
    place.run(&bad).fails(2, &["between 0.1 and 86400"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_lives_with_few_files() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let place = trained();
    let arguments = ["serve", "run/bundle", "--address", "127.0.0.1:0", "--json"];
    let command = place.command(&arguments);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(place.path("."));
    let mut service = Service::start(&mut limited);
    // Far more silent connections than files.
    let silent: Vec<TcpStream> = (0..100).map(|_| service.connect()).collect();
    ask(service.connect());
    drop(silent);
    // With no file left at all, it waits, says so, and goes on.
    let id = i32::try_from(service.server.id()).expect("an id");
    let limit = |files: u64| {
        let limit = Rlimit {
            current: Some(files),
            maximum: Some(64),
        };
        prlimit(Pid::from_raw(id), Resource::Nofile, limit).expect("a limit");
    };
    limit(3);
    let waiting = service.connect();
    let mut errors = BufReader::new(service.server.stderr.take().expect("errors"));
    let mut line = String::new();
    errors.read_line(&mut line).expect("a line");
    assert!(line.contains("new connections have to wait"), "{line}");
    limit(64);
    ask(waiting);
    service.stop();
}
