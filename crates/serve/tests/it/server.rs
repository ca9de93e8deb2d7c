//! A real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use jingwei_serve::{Error, ServeOptions, State, serve, serve_until};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::model::{pictures, rows};

fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_before_the_server_stops() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let state = State::new(rows(), ServeOptions::default());
    let server = tokio::spawn(serve_until(listener, state, async {
        stopped.await.unwrap()
    }));
    let answer = tokio::task::spawn_blocking(move || {
        let body = "{\"instances\":[[100,3]]}";
        let mut stream = connect(address);
        let head = format!(
            "POST /v1/predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The interim answer tells that the request has reached the handler.
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stop.send(()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        read(&mut stream)
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("{\"values\":[1000.0]}"), "{answer}");
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_hangs_cannot_keep_the_server_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let options = ServeOptions {
        grace: Duration::from_millis(50),
        ..Default::default()
    };
    let server = tokio::spawn(serve_until(listener, State::new(rows(), options), async {
        stopped.await.unwrap()
    }));
    let mut stream = connect(address);
    let head = "POST /v1/predict HTTP/1.1\r\nhost: a\r\ncontent-type: text/csv\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 25]).unwrap();
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[test]
fn a_taken_address_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let options = ServeOptions {
        address: address.to_string(),
        ..Default::default()
    };
    let error = serve(pictures(), options, |_| panic!("it cannot listen")).unwrap_err();
    assert!(matches!(error, Error::Listen { .. }), "{error}");
    assert!(
        error.to_string().contains("choose another address"),
        "{error}"
    );
}
