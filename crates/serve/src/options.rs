use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeOptions {
    /// Where to listen; default `127.0.0.1:8000`, which only this machine reaches.
    pub address: SocketAddr,
    /// The model's name in addresses; by default the name of the bundle's folder without its extension.
    pub name: Option<String>,
    /// Bytes of a request's body; default 16 MiB.
    pub max_body: usize,
    /// Requests whose bodies are held at once, others are told to come back; default 64.
    pub max_requests: usize,
    /// Time for a body to arrive; default 30 s.
    pub body_timeout: Duration,
    /// Time for running requests to end after the server was asked to stop; default 10 s.
    pub grace: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 8000).into(),
            name: None,
            max_body: 16 << 20,
            max_requests: 64,
            body_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}
