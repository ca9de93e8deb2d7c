//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tower::ServiceExt;

use crate::body::FREE;
use crate::connections::{Connection, Connections, Place};
use crate::error::Refusal;

/// Bytes of a request's head; more gets 431. A head has at most 100 fields.
const MOST_HEAD: usize = 32 << 10;

/// How long a client that is told to stop may go on sending before its connection is reset.
const FAREWELL: Duration = Duration::from_secs(1);

/// Answers the requests of a connection until it ends.
pub(crate) async fn serve(stream: TcpStream, router: Router, place: Place) {
    // Without it small answers wait; a connection that refuses it works all the same.
    let _ = stream.set_nodelay(true);
    let (connections, connection) = (place.connections(), place.connection());
    let watched = Watched {
        stream,
        connections: connections.clone(),
        connection: connection.clone(),
        farewell: None,
    };
    let service = service_fn(|request: Request<Incoming>| {
        connection.asked();
        let request = request.map(|body| {
            let connection = connection.clone();
            Body::new(Upload { body, connection })
        });
        let answer = router.clone().oneshot(request);
        async move {
            let Ok(response) = answer.await;
            Ok::<_, Infallible>(Answer::to(connection, connections, response))
        }
    });
    let http = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MOST_HEAD)
        .max_buf_size(2 * MOST_HEAD)
        .serve_connection(TokioIo::new(watched), service);
    // What clients do wrong is told to them, where that is possible, and to nobody else.
    tokio::select! {
        biased;
        () = connection.cut() => {}
        _ = http => {}
    }
}

/// The body of a request, which tells when nobody waits for it any more.
struct Upload {
    body: Incoming,
    connection: Arc<Connection>,
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.connection.received();
    }
}

/// The body of an answer, which keeps its memory, and tells when all of it is with the connection.
struct Answer {
    body: Body,
    connection: Arc<Connection>,
    _memory: Option<OwnedSemaphorePermit>,
}

impl Answer {
    fn to(
        connection: &Arc<Connection>,
        connections: &Connections,
        response: Response,
    ) -> Response<Self> {
        let (mut response, memory) = hold(response, connections);
        if connections.is_draining() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        connection.answers(&connections.options);
        response.map(|body| Self {
            body,
            connection: connection.clone(),
            _memory: memory,
        })
    }
}

/// Takes the memory of a large answer; clients that do not take theirs cannot fill all there is.
fn hold(response: Response, connections: &Connections) -> (Response, Option<OwnedSemaphorePermit>) {
    let size = response.body().size_hint().lower();
    if size <= FREE as u64 {
        return (response, None);
    }
    let share = size.min(connections.options.max_held as u64);
    let share = u32::try_from(share).unwrap_or(u32::MAX);
    match connections.answers.clone().try_acquire_many_owned(share) {
        Ok(memory) => (response, Some(memory)),
        Err(_) => {
            let reason = "the server is busy, other clients do not take their answers: try again in a moment";
            (Refusal::busy(reason).into_response(), None)
        }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.connection.answered();
    }
}

/// A stream that tells what happens on it, and that ends without taking answers back.
struct Watched {
    stream: TcpStream,
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    farewell: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.heard(&self.connections.options);
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// HTTP calls this when all that it wrote is with the operating system.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.flushed(&self.connections.options);
        Poll::Ready(Ok(()))
    }

    /// Closes our side, then waits for the client to close its own. What it still sends is read and dropped: if it
    /// stayed unread, the operating system would reset the connection, and the client could lose the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream, farewell, ..
        } = &mut *self;
        if farewell.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
        }
        let farewell = farewell.get_or_insert_with(|| Box::pin(sleep(FAREWELL)));
        if farewell.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut waste = [0; 4096];
        loop {
            let mut waste = ReadBuf::new(&mut waste);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut waste))?;
            if waste.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
