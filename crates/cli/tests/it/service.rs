//! A bundle behind HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::runs::signal;
use crate::support::{Place, digits_recipe, json_lines};

#[test]
fn a_bundle_is_served_until_it_is_asked_to_stop() {
    let place = Place::new();
    place.write("recipe.toml", digits_recipe(1));
    place.run(&["train", "recipe.toml", "--run", "run"]).done();
    let mut server = place.start(&["serve", "run/bundle", "--address", "127.0.0.1:0", "--json"]);
    let mut line = String::new();
    let mut output = BufReader::new(server.stdout.take().expect("an output"));
    output.read_line(&mut line).expect("a line");
    let started = &json_lines(&line)[0];
    assert_eq!(started["model"], "run");
    let address = started["address"].as_str().expect("an address");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream
        .write_all(b"GET /v2/health/ready HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    signal(&server, Signal::INT);
    assert_eq!(server.wait().expect("it ends").code(), Some(0));
}
