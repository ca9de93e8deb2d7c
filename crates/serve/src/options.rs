use std::time::Duration;

/// How to serve, and the bounds of what clients may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeOptions {
    /// Where to listen, as `HOST:PORT`; default `127.0.0.1:8000`, which only this machine reaches.
    pub address: String,
    /// The model's name in addresses; by default the name of the bundle's folder without its extension.
    pub name: Option<String>,
    /// Bytes of a request's body; default 16 MiB.
    pub max_body: usize,
    /// Bytes of all bodies in memory that are larger than 64 KiB, and as many of all such answers; default 512 MiB.
    pub max_held: usize,
    /// Requests that compute or wait for their turn at once, others are told to come back; default 1024.
    pub max_requests: usize,
    /// Connections at once, others wait to be accepted; default 1024. Fewer if the process may open fewer files: 64 of
    /// those are kept for other things.
    pub max_connections: usize,
    /// Time for the head of a request to arrive, from its first byte or from a new connection on; default 10 s.
    pub head_timeout: Duration,
    /// Time for a body to arrive; default 30 s.
    pub body_timeout: Duration,
    /// Time in which a body or an answer must move on by 1 KiB a second; default 5 s.
    pub stall_timeout: Duration,
    /// Time for a request to wait for its turn to compute; default 30 s.
    pub queue_timeout: Duration,
    /// Time for a client to take its answer; default 60 s.
    pub answer_timeout: Duration,
    /// Time for a connection to stay open without a request; default 60 s.
    pub idle_timeout: Duration,
    /// Bytes that the work on one request may take beside its body: decoding, preparing, running the model, answering;
    /// default 1 GiB.
    pub request_memory: usize,
    /// Bytes that the work on all requests may take; default 4 GiB.
    pub all_memory: usize,
    /// Time for the work on one request, from its turn on; default 60 s.
    pub request_timeout: Duration,
    /// Time for running requests to end after the server was asked to stop; default 10 s.
    pub grace: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:8000".to_owned(),
            name: None,
            max_body: 16 << 20,
            max_held: 512 << 20,
            max_requests: 1024,
            max_connections: 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(5),
            queue_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            request_memory: 1 << 30,
            all_memory: 4 << 30,
            request_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(10),
        }
    }
}

impl ServeOptions {
    /// The same with times that can be added to any time: a year is for ever.
    pub(crate) fn with_finite_times(mut self) -> Self {
        let times = [
            &mut self.head_timeout,
            &mut self.body_timeout,
            &mut self.stall_timeout,
            &mut self.queue_timeout,
            &mut self.answer_timeout,
            &mut self.idle_timeout,
            &mut self.grace,
        ];
        for time in times {
            *time = (*time).min(Duration::from_secs(365 * 86_400));
        }
        self
    }

    /// The bytes that must have moved when [`Self::stall_timeout`] has passed.
    pub(crate) fn least_progress(&self) -> u64 {
        let bytes = self.stall_timeout.as_millis().saturating_mul(1024) / 1000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}
