//! Listening: on which address, and what becomes of new connections.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::Error;
use crate::connections::{Connections, Place};

/// Files that are not connections: the listener, the event queue, outputs, and some to spare.
const OTHER_FILES: usize = 64;

/// How long to wait when the operating system has no room for a new connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Listens on the first of a host's addresses that can be listened on, those of IPv4 first.
pub(crate) async fn listen(address: &str) -> Result<TcpListener, Error> {
    let unknown = |source| Error::Resolve {
        address: address.to_owned(),
        source,
    };
    let mut found: Vec<SocketAddr> = lookup_host(address).await.map_err(unknown)?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    let taken = |source| Error::Listen {
        address: address.to_owned(),
        source,
    };
    TcpListener::bind(&found[..]).await.map_err(taken)
}

/// The connections that may be open at once: what is asked for, but fewer than there may be files.
pub(crate) fn most_connections(asked: usize) -> usize {
    let Some(files) = most_files() else {
        return asked;
    };
    asked.min(files - OTHER_FILES.min(files / 2))
}

#[cfg(unix)]
fn most_files() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    usize::try_from(limit.current?).ok()
}

#[cfg(not(unix))]
fn most_files() -> Option<usize> {
    None
}

/// The next connection that has a place. Nothing that happens to one connection, nor a lack of files, ends this; the
/// latter is told once.
pub(crate) async fn accept(
    listener: &TcpListener,
    connections: &Arc<Connections>,
    told: &mut bool,
) -> (TcpStream, Place) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, connections.place().await),
            // The client went before its turn came.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !std::mem::replace(told, true) {
                    // Who does not listen to warnings is served all the same.
                    let _ = writeln!(
                        io::stderr(),
                        "warning: new connections have to wait ({error}); allow more open files, or fewer connections"
                    );
                }
                connections.make_room();
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
}

/// The connections that wait to be accepted, if there is room.
pub(crate) fn accept_rest(
    listener: TcpListener,
    connections: &Arc<Connections>,
) -> impl Iterator<Item = (TcpStream, Place)> {
    let listener = listener.into_std();
    std::iter::from_fn(move || {
        let listener = listener.as_ref().ok()?;
        let place = connections.place_now()?;
        let (stream, _) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, place))
    })
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
