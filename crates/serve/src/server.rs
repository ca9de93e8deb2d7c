//! From a bundle to a listening server, and to its end.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use jingwei_bundle::Predictor;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::connections::Connections;
use crate::listener::{accept, accept_rest, listen, most_connections};
use crate::{Error, ServeOptions, State, app, connection};

/// Serves a model until Ctrl-C or a request to terminate; running requests are answered first.
///
/// `started` is told the address once the server listens; port 0 in the options means any free port.
///
/// # Errors
/// [`Error::Resolve`] if the host of the address is unknown, [`Error::Listen`] if the address is taken or may not be
/// used.
pub fn serve(
    predictor: Predictor,
    options: ServeOptions,
    started: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let state = State::new(predictor, options);
    let served = runtime.block_on(async {
        let listener = listen(&state.options().address).await?;
        let stop = stop_signal()?;
        started(listener.local_addr()?);
        serve_until(listener, state, stop).await
    });
    // A request that still computes after its grace is given up.
    runtime.shutdown_timeout(Duration::from_millis(100));
    served
}

/// Serves on an open listener until `stop`; running requests have [`ServeOptions::grace`] to end.
///
/// After `stop`, answers tell that their connections end. Connections without a request stay open for a moment, since
/// a client may be sending one.
///
/// # Errors
/// None for now: the server goes on whatever happens to its connections.
pub async fn serve_until(
    listener: TcpListener,
    state: State,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let options = state.options().clone();
    let (grace, most) = (options.grace, most_connections(options.max_connections));
    let connections = Connections::new(options, most);
    let router = app(state);
    let mut tasks = JoinSet::new();
    let mut watch = std::pin::pin!(connections.clone().watch());
    let accepting = async {
        let mut told = false;
        loop {
            let (stream, place) = accept(&listener, &connections, &mut told).await;
            while tasks.try_join_next().is_some() {}
            tasks.spawn(connection::serve(stream, router.clone(), place));
        }
    };
    tokio::select! {
        biased;
        () = stop => {}
        () = &mut watch => {}
        () = accepting => {}
    }
    connections.drain();
    for (stream, place) in accept_rest(listener, &connections) {
        tasks.spawn(connection::serve(stream, router.clone(), place));
    }
    let ended = async { while tasks.join_next().await.is_some() {} };
    tokio::select! {
        _ = timeout(grace, ended) => {}
        () = watch => {}
    }
    // Those that are left are dropped, which stops their work.
    tasks.shutdown().await;
    Ok(())
}

/// Resolves at Ctrl-C, or when the system asks the process to terminate.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Error> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
