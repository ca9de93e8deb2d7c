//! From a bundle to a listening server, and to its end.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt;
use jingwei_bundle::Predictor;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::{Error, ServeOptions, State, app};

/// Serves a model until Ctrl-C or a request to terminate; running requests are answered first.
///
/// `started` is told the address once the server listens; port 0 in the options means any free port.
///
/// # Errors
/// [`Error::Listen`] if the address is taken or may not be used.
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
    let address = state.options().address;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| Error::Listen { address, source })?;
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
/// # Errors
/// If the operating system refuses connections for good.
pub async fn serve_until(
    listener: TcpListener,
    state: State,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let grace = state.options().grace;
    let (stopping, stopped) = oneshot::channel();
    let stop = async move {
        stop.await;
        // The receiver is gone only when nobody waits any more.
        let _ = stopping.send(());
    };
    let listener = listener.tap_io(|stream| {
        // Without it small answers wait; a connection that refuses it works all the same.
        let _ = stream.set_nodelay(true);
    });
    let server = axum::serve(listener, app(state)).with_graceful_shutdown(stop);
    let out_of_patience = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(grace).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        served = async { server.await } => Ok(served?),
        () = out_of_patience => Ok(()),
    }
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
