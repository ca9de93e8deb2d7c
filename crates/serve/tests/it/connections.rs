//! What connections may do, and for how long.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use jingwei_serve::ServeOptions;

use crate::model::rows;
use crate::sockets::{Client, PATIENCE, Server, post};

const ROW: &str = "{\"instances\":[[100,3]]}";

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Sends a byte again and again until the server has closed the connection; returns what it said.
fn trickle(client: &mut Client) -> String {
    let stream = client.stream.get_mut();
    stream.set_read_timeout(Some(milliseconds(10))).unwrap();
    let end = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    loop {
        assert!(Instant::now() < end, "the server never loses its patience");
        let mut part = [0; 1024];
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(length) => said.extend(&part[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // It may be closed by now: the next read tells.
                let _ = stream.write_all(b"1");
            }
            Err(_) => break,
        }
    }
    String::from_utf8(said).unwrap()
}

#[test]
fn heads_that_come_slowly_or_never_are_cut_off() {
    let options = ServeOptions {
        head_timeout: milliseconds(2000),
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let (mut silent, mut blank) = (server.connect(), server.connect());
    let (mut slow, mut second) = (server.connect(), server.connect());
    // Blank lines before a request are no request.
    blank.send("\r\n");
    assert_eq!(second.get("/v2").unwrap().status, 200);
    for client in [&mut slow, &mut second] {
        client.send("GET /v2 HTTP/1.1\r\nhost: ");
        assert_eq!(trickle(client), "");
    }
    assert_eq!(silent.closed(), b"");
    assert_eq!(blank.closed(), b"");
}

#[test]
fn idle_connections_are_closed() {
    let options = ServeOptions {
        idle_timeout: milliseconds(1000),
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/v2").unwrap().status, 200);
    }
    assert_eq!(client.post(ROW).status, 200);
    assert_eq!(client.closed(), b"");
}

#[test]
fn silent_connections_give_way_to_new_ones() {
    let options = ServeOptions {
        max_connections: 3,
        head_timeout: PATIENCE * 10,
        idle_timeout: PATIENCE * 10,
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let mut first = server.connect();
    assert_eq!(first.get("/v2").unwrap().status, 200);
    let mut busy = server.connect();
    busy.begin(ROW.len());
    let mut silent = server.connect();
    let mut slow = server.connect();
    slow.send("GET /v2 HTTP/1.1\r\n");
    let mut last = server.connect();
    assert_eq!(last.get("/v2").unwrap().status, 200);
    // Beside the one that has a request there was place for two, and the newest came last.
    assert_eq!(first.closed(), b"");
    assert_eq!(silent.closed(), b"");
    busy.send(ROW);
    assert_eq!(busy.answer().unwrap().status, 200);
}

#[test]
fn slow_bodies_give_way_to_new_connections() {
    let options = ServeOptions {
        max_connections: 2,
        body_timeout: PATIENCE * 10,
        stall_timeout: PATIENCE * 10,
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let (mut first, mut second) = (server.connect(), server.connect());
    first.begin(ROW.len());
    second.begin(ROW.len());
    let mut last = server.connect();
    assert_eq!(last.get("/v2").unwrap().status, 200);
    assert_eq!(first.closed(), b"");
    second.send(ROW);
    assert_eq!(second.answer().unwrap().status, 200);
}

#[test]
fn many_silent_connections_do_not_lock_others_out() {
    let options = ServeOptions {
        max_connections: 100,
        head_timeout: PATIENCE * 10,
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let silent: Vec<Client> = (0..250).map(|_| server.connect()).collect();
    let mut client = server.connect();
    assert_eq!(client.post(ROW).status, 200);
    let cut = silent.into_iter().filter_map(|mut client| {
        let stream = client.stream.get_mut();
        stream.set_nonblocking(true).unwrap();
        (stream.read(&mut [0]).ok() == Some(0)).then_some(())
    });
    assert!(cut.count() >= 150);
}

#[test]
fn answers_that_nobody_takes_are_cut_off() {
    let options = ServeOptions {
        max_connections: 1,
        answer_timeout: milliseconds(300),
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let mut lazy = server.connect();
    let rows = vec!["[1,1]"; 16_384].join(",");
    let request = post(format!("{{\"instances\":[{rows}]}}").as_bytes());
    let mut sender = lazy.stream.get_ref().try_clone().unwrap();
    sender.set_write_timeout(Some(PATIENCE)).unwrap();
    let sending = std::thread::spawn(move || {
        loop {
            if let Err(error) = sender.write_all(&request) {
                return error.kind();
            }
        }
    });
    // The only place is free when the first client has lost its own.
    let mut client = server.connect();
    assert_eq!(client.get("/v2").unwrap().status, 200);
    let ended = sending.join().unwrap();
    assert!(ended != ErrorKind::WouldBlock, "nobody ends this");
    lazy.closed();
}

#[test]
fn a_server_that_stops_answers_the_next_request_of_each_connection() {
    let mut server = Server::start(rows(), ServeOptions::default());
    let mut clients: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.post(ROW).status, 200);
    }
    let (mut idle, mut fresh) = (server.connect(), server.connect());
    assert_eq!(idle.get("/v2").unwrap().status, 200);
    fresh.send("GET /v2 HTTP/1.1\r\n");
    server.stop();
    for client in &mut clients {
        // The server may not have heard yet that it has to stop.
        while !client.post(ROW).has("connection: close") {}
        assert_eq!(client.closed(), b"");
    }
    fresh.send("host: a\r\n\r\n");
    let answer = fresh.answer().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(idle.closed(), b"");
    server.wait();
}

#[test]
fn a_server_that_stops_answers_those_that_it_had_not_accepted_yet() {
    let mut server = Server::start(rows(), ServeOptions::default());
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(post(ROW.as_bytes()));
    }
    server.stop();
    for client in &mut clients {
        assert_eq!(client.answer().unwrap().status, 200);
    }
    drop(clients);
    server.wait();
}

#[test]
fn a_client_that_sends_too_much_reads_why_it_is_refused() {
    let options = ServeOptions {
        max_body: 1000,
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let mut client = server.connect();
    let answer = client.post(vec![b'1'; 8 << 20]);
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.error().contains("more than 1000 bytes"));
    let mut client = server.connect();
    client.send("GET /v2 HTTP/1.1\r\nlong: ");
    client.send(vec![b'1'; 8 << 20]);
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 431, "{answer:?}");
}

#[test]
fn what_is_not_http_is_refused_in_json_or_without_a_word() {
    let server = Server::start(rows(), ServeOptions::default());
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(70_000));
    let many = format!("GET /v2 HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));
    let chunked = |body: &str| {
        format!(
            "POST /v1/predict HTTP/1.1\r\nhost: a\r\ncontent-type: text/csv\r\ntransfer-encoding: chunked\r\n\r\n{body}"
        )
    };
    let cases: [(&str, Option<u16>); 19] = [
        ("GET\r\n\r\n", Some(400)),
        ("\u{0}\u{1}\u{2}\r\n\r\n", Some(400)),
        ("GET /v2 HTTP/3.7\r\n\r\n", Some(400)),
        ("GET /v2 HTTP/1.1\r\nno colon\r\n\r\n", Some(400)),
        ("GET /v2 HTTP/1.1\r\nhost : a\r\n\r\n", Some(400)),
        ("GET /v2 HTTP/1.1\r\ncontent-length: -1\r\n\r\n", Some(400)),
        (
            "GET /v2 HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            Some(400),
        ),
        (
            "GET /v2 HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
            Some(400),
        ),
        ("GET v2 HTTP/1.1\r\n\r\n", Some(404)),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
        (&long, Some(431)),
        (&many, Some(431)),
        (&chunked("x\r\n"), Some(400)),
        (&chunked("ffffffffffffffffff\r\n"), Some(400)),
        (&chunked("3\r\nabcd\r\n0\r\n\r\n"), Some(400)),
        (
            "GET /v2/models/%ff/ready HTTP/1.1\r\nhost: a\r\n\r\n",
            Some(400),
        ),
        ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", Some(404)),
        ("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n", Some(404)),
        ("DELETE /v2 HTTP/1.1\r\nhost: a\r\n\r\n", Some(405)),
    ];
    for (request, status) in cases {
        let mut client = server.connect();
        client.send(request);
        let answer = client.answer();
        let found = answer.as_ref().map(|answer| answer.status);
        assert_eq!(found, status, "{request:.80}: {answer:?}");
        let body = answer.as_ref().map_or("", |answer| &answer.body);
        assert!(
            body.is_empty() || body.starts_with("{\"error\":"),
            "{answer:?}"
        );
    }
    assert_eq!(server.connect().post(ROW).status, 200);
}
