//! Reading the body of a request: bounded in size, time, pace and memory.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::ServeOptions;
use crate::error::Refusal;

/// What a body or an answer may take without asking: connections bound how much that is in all.
pub(crate) const FREE: usize = 64 << 10;

/// The memory for all bodies beyond their first [`FREE`] bytes.
pub(crate) struct Memory {
    bytes: Arc<Semaphore>,
    /// One body may go beyond the bound, or else bodies that all are half there would wait for each other for ever.
    beyond: Arc<Semaphore>,
}

/// The bytes of a body, and the right to hold them.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    share: Option<OwnedSemaphorePermit>,
    beyond: Option<OwnedSemaphorePermit>,
}

/// Notices when a client sends too slowly.
struct Pace<'o> {
    options: &'o ServeOptions,
    /// When all of the body must be there.
    deadline: Instant,
    /// When enough of it must have come.
    window: Instant,
    moved: u64,
}

/// Reads a body to its end. The memory is free again when the last clone of the bytes is dropped.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    options: &ServeOptions,
    memory: &Memory,
) -> Result<Bytes, Refusal> {
    if stated_length(headers).is_some_and(|length| length > options.max_body as u64) {
        return Err(too_large(options));
    }
    let mut held = Held::default();
    let mut pace = Pace::new(options);
    while let Some(data) = pace.next(&mut body).await? {
        if data.len() > options.max_body.saturating_sub(held.bytes.len()) {
            return Err(too_large(options));
        }
        let asked = Instant::now();
        if held.grow(data.len(), options, memory).await? {
            pace.pause(asked.elapsed());
        }
        held.bytes.extend_from_slice(&data);
    }
    Ok(Bytes::from_owner(held))
}

fn stated_length(headers: &HeaderMap) -> Option<u64> {
    let stated = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    stated.parse().ok()
}

fn too_large(options: &ServeOptions) -> Refusal {
    let max_body = options.max_body;
    let reason = format!("the body has more than {max_body} bytes: send fewer samples at once");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
}

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            beyond: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Held {
    /// Makes room for more bytes, as a vector grows, and waits for the memory. Returns whether it asked for any.
    async fn grow(
        &mut self,
        more: usize,
        options: &ServeOptions,
        memory: &Memory,
    ) -> Result<bool, Refusal> {
        let (capacity, needed) = (self.bytes.capacity(), self.bytes.len() + more);
        if needed <= capacity {
            return Ok(false);
        }
        let wanted = capacity.saturating_mul(2).clamp(needed, options.max_body);
        let asks = wanted > FREE && self.beyond.is_none();
        if asks {
            let share = self.take(wanted - capacity.max(FREE), memory);
            let busy = |_| {
                Refusal::busy(
                    "the server is busy, other bodies fill its memory: try again in a moment",
                )
            };
            timeout(options.queue_timeout, share)
                .await
                .map_err(busy)??;
        }
        self.bytes.reserve_exact(wanted - self.bytes.len());
        Ok(asks)
    }

    async fn take(&mut self, bytes: usize, memory: &Memory) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let stopping = |_| Refusal::busy("the server is stopping");
        tokio::select! {
            biased;
            share = memory.bytes.clone().acquire_many_owned(bytes) => {
                let share = share.map_err(stopping)?;
                match &mut self.share {
                    Some(held) => held.merge(share),
                    none => *none = Some(share),
                }
            }
            beyond = memory.beyond.clone().acquire_owned() => {
                self.beyond = Some(beyond.map_err(stopping)?);
            }
        }
        Ok(())
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'o> Pace<'o> {
    fn new(options: &'o ServeOptions) -> Self {
        let now = Instant::now();
        Self {
            options,
            deadline: now + options.body_timeout,
            window: now + options.stall_timeout,
            moved: 0,
        }
    }

    /// A new window of time: what came before does not count.
    fn restart(&mut self) {
        self.window = Instant::now() + self.options.stall_timeout;
        self.moved = 0;
    }

    /// The client had to wait for the server: that is not its fault.
    fn pause(&mut self, time: Duration) {
        self.deadline += time;
        self.restart();
    }

    /// The next bytes of a body, or `None` at its end.
    async fn next(&mut self, body: &mut Body) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
            match timeout_at(self.window.min(self.deadline), frame).await {
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    return Err(Refusal::bad(format!("the body cannot be read: {error}")));
                }
                Ok(Some(Ok(frame))) => {
                    // Trailers mean nothing here.
                    if let Ok(data) = frame.into_data() {
                        self.moved += data.len() as u64;
                        return Ok(Some(data));
                    }
                }
                Err(_) => self.check()?,
            }
        }
    }

    /// Whether the client may go on, at the end of a window.
    fn check(&mut self) -> Result<(), Refusal> {
        let options = self.options;
        let reason = if self.deadline <= Instant::now() {
            format!("the body took longer than {:?}", options.body_timeout)
        } else if self.moved < options.least_progress() {
            let (moved, time) = (self.moved, options.stall_timeout);
            format!("the body came too slowly: {moved} bytes in {time:?}")
        } else {
            self.restart();
            return Ok(());
        };
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, reason))
    }
}
