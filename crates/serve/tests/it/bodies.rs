//! Bodies that come slowly, and requests that wait for their turn.

use std::net::Shutdown;
use std::time::Duration;

use jingwei_serve::ServeOptions;

use crate::model::{rows, slow};
use crate::sockets::{Answer, Client, PATIENCE, Server, post, wait_until};

const ROW: &str = "{\"instances\":[[100,3]]}";

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Nothing is cut off because the machine is busy.
fn patient() -> ServeOptions {
    ServeOptions {
        body_timeout: PATIENCE,
        stall_timeout: PATIENCE,
        // Nobody has to count how long for ever is.
        queue_timeout: Duration::MAX,
        idle_timeout: Duration::MAX,
        ..Default::default()
    }
}

/// A request that takes a while with the slow model.
fn long() -> Vec<u8> {
    of_rows(1024)
}

fn of_rows(count: usize) -> Vec<u8> {
    let rows = vec!["[1,1]"; count].join(",");
    post(format!("{{\"instances\":[{rows}]}}").as_bytes())
}

/// Whether something came for a client, or its connection has ended.
fn has_answer(client: &Client) -> bool {
    let stream = client.stream.get_ref();
    stream.set_nonblocking(true).unwrap();
    let came = stream.peek(&mut [0]).is_ok();
    stream.set_nonblocking(false).unwrap();
    came
}

#[test]
fn slow_bodies_keep_nobody_from_computing() {
    let options = ServeOptions {
        stall_timeout: milliseconds(2000),
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let mut slow: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.begin(1 << 20);
        client.send("{");
    }
    let mut client = server.connect();
    for _ in 0..10 {
        assert_eq!(client.post(ROW).status, 200);
    }
    for client in &mut slow {
        let answer = client.answer().unwrap();
        assert_eq!(answer.status, 408, "{answer:?}");
        assert!(answer.error().contains("too slowly"));
        assert_eq!(client.closed(), b"");
    }
}

#[test]
fn a_body_that_moves_has_a_bound_all_the_same() {
    let options = ServeOptions {
        body_timeout: milliseconds(1500),
        stall_timeout: milliseconds(500),
        ..Default::default()
    };
    let server = Server::start(rows(), options);
    let mut client = server.connect();
    client.begin(16 << 20);
    let mut sender = client.stream.get_ref().try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        use std::io::Write;
        // Much more than must move, and much less than all.
        while sender.write_all(&[b' '; 64]).is_ok() {
            std::thread::sleep(milliseconds(2));
        }
    });
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.error().contains("took longer than 1.5s"));
    sending.join().unwrap();
}

#[test]
fn many_clients_wait_for_their_turn() {
    let server = Server::start(rows(), patient());
    let mut clients: Vec<Client> = (0..256).map(|_| server.connect()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            client.begin(ROW.len());
        }
        for client in &mut clients {
            client.send(ROW);
        }
        for client in &mut clients {
            let answer = client.answer().unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
}

#[test]
fn bodies_wait_for_memory_and_not_for_each_other() {
    let options = ServeOptions {
        max_held: 256 << 10,
        ..patient()
    };
    let server = Server::start(rows(), options);
    let body = format!("{ROW}{}", " ".repeat(1 << 20));
    let mut clients: Vec<Client> = (0..12).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.begin(body.len());
    }
    std::thread::scope(|scope| {
        for client in &mut clients {
            let body = &body;
            scope.spawn(move || {
                client.send(body);
                let answer = client.answer().unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
            });
        }
    });
}

/// Asks, and gives up soon; the answer, if there was one.
fn probe(server: &Server) -> Option<Answer> {
    let mut client = server.connect();
    client.send(post(ROW.as_bytes()));
    let stream = client.stream.get_ref();
    stream.set_read_timeout(Some(milliseconds(50))).unwrap();
    stream.peek(&mut [0]).ok()?;
    client.answer()
}

/// Whether a request is turned away; one that is answered came before the queue was full.
fn is_full(server: &Server) -> bool {
    let answer = probe(server).filter(|answer| answer.status != 200);
    answer.is_some_and(|answer| {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.has("retry-after: 1"), "{answer:?}");
        assert!(answer.error().contains("too many requests wait"));
        true
    })
}

#[test]
fn who_goes_leaves_the_queue() {
    let options = ServeOptions {
        max_requests: 3,
        ..patient()
    };
    let server = Server::start(slow(), options);
    // Longer than the test, which ends them.
    let request = of_rows(16_384);
    let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&request);
    }
    wait_until("a full queue", || {
        // A probe may have been there first.
        for client in clients.iter_mut().filter(|client| has_answer(client)) {
            *client = server.connect();
            client.send(&request);
        }
        is_full(&server) && !clients.iter().any(has_answer)
    });
    let gone = clients.pop().unwrap();
    gone.stream.get_ref().shutdown(Shutdown::Both).unwrap();
    wait_until("a place in the queue", || !is_full(&server));
    // Nobody has left by having an answer.
    assert!(!clients.iter().any(has_answer));
}

#[test]
fn who_waits_too_long_is_told_to_come_back() {
    let options = ServeOptions {
        queue_timeout: milliseconds(100),
        ..Default::default()
    };
    let server = Server::start(slow(), options);
    let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(long());
    }
    let answers = clients.iter_mut().map(|client| client.answer().unwrap());
    let refused: Vec<Answer> = answers.filter(|answer| answer.status != 200).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].status, 503);
    assert!(refused[0].has("retry-after: 1"));
    assert!(refused[0].error().contains("waited 100ms for its turn"));
}
