//! What all requests share, and how much of it each gets.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use jingwei_bounds::Budget;
use jingwei_bundle::Predictor;

use crate::admission::{Queue, StopOnDrop};
use crate::body::{self, Memory};
use crate::error::Refusal;
use crate::{MOST_SAMPLES, ServeOptions};

/// A model, its name, and the bounds of requests; cheap to clone.
#[derive(Clone)]
pub struct State {
    shared: Arc<Shared>,
}

struct Shared {
    predictor: Predictor,
    name: String,
    options: ServeOptions,
    /// The memory for bodies.
    memory: Memory,
    /// The memory for the work on all requests.
    work: Arc<Budget>,
    /// Where requests wait for their turn to compute.
    queue: Queue,
}

/// The body of a request that is all there.
pub(crate) struct Held {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl State {
    /// Makes a model ready to be served.
    #[must_use]
    pub fn new(predictor: Predictor, options: ServeOptions) -> Self {
        let options = options.with_finite_times();
        let folder = predictor.bundle().folder();
        let stem = folder
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let name = options
            .name
            .clone()
            .or(stem)
            .unwrap_or_else(|| "model".to_owned());
        let threads = predictor.runtime().pool().threads();
        let shared = Shared {
            predictor,
            name,
            memory: Memory::new(options.max_held),
            work: Arc::new(Budget::new(options.all_memory)),
            queue: Queue::new(options.max_requests, threads.max(2), options.queue_timeout),
            options,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The model.
    #[must_use]
    pub fn predictor(&self) -> &Predictor {
        &self.shared.predictor
    }

    /// Whether it reads texts.
    pub(crate) fn reads_text(&self) -> bool {
        let preparation = self.predictor().bundle().preparation();
        preparation.is_some_and(|preparation| preparation.text().is_some())
    }

    /// Its name in addresses.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The bounds.
    #[must_use]
    pub fn options(&self) -> &ServeOptions {
        &self.shared.options
    }

    /// Reads the body of a request, within the bounds. It keeps no other request from computing meanwhile.
    pub(crate) async fn hold(&self, request: Request) -> Result<Held, Refusal> {
        let (parts, body) = request.into_parts();
        check_encoding(&parts.headers)?;
        let Shared {
            options, memory, ..
        } = &*self.shared;
        let body = body::read(&parts.headers, body, options, memory).await?;
        Ok(Held {
            headers: parts.headers,
            body,
        })
    }

    /// Computes on a thread that may block, when it is this request's turn, within the memory and time of a request.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State, &Budget) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = self.shared.queue.turn().await?;
        let options = self.options();
        let budget = Arc::new(Budget::within(&self.shared.work, options.request_memory));
        // When the client goes or the time is over, the work ends at its next step.
        let _stop = StopOnDrop(budget.clone());
        let state = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, not with the client.
            let _turn = turn;
            budget.check()?;
            work(&state, &budget)
        });
        match tokio::time::timeout(options.request_timeout, done).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Refusal::internal("the model failed on this request")),
            Err(_) => Err(Refusal::busy(format!(
                "this request took longer than {:?}: send fewer or smaller records at once",
                options.request_timeout
            ))),
        }
    }
}

/// A compressed body is refused rather than misread.
fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            let reason = "compressed bodies are not supported: send the body as it is";
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason))
        }
        _ => Ok(()),
    }
}

/// Checks the number of samples or records of a request.
pub(crate) fn check_samples(samples: usize) -> Result<(), Refusal> {
    if (1..=MOST_SAMPLES).contains(&samples) {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "expected 1 to {MOST_SAMPLES} samples, found {samples}"
    )))
}
