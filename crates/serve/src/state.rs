//! What all requests share, and how much of it each gets.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use jingwei_bundle::Predictor;
use tokio::sync::{Semaphore, SemaphorePermit};

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
    /// Requests that may hold a body.
    requests: Semaphore,
    /// Requests that may compute.
    computing: Semaphore,
}

/// The body of a request, and the right to hold it in memory.
pub(crate) struct Held<'s> {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    _permit: SemaphorePermit<'s>,
}

impl State {
    /// Makes a model ready to be served.
    #[must_use]
    pub fn new(predictor: Predictor, options: ServeOptions) -> Self {
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
            requests: Semaphore::new(options.max_requests),
            computing: Semaphore::new(threads.max(2)),
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

    /// Reads the body of a request, within the bounds.
    pub(crate) async fn hold(&self, request: Request) -> Result<Held<'_>, Refusal> {
        let permit = self.shared.requests.try_acquire().map_err(|_| {
            let reason = "the server is busy: try again in a moment";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason)
        })?;
        let (parts, body) = request.into_parts();
        check_encoding(&parts.headers)?;
        let body = self.read(&parts.headers, body).await?;
        Ok(Held {
            headers: parts.headers,
            body,
            _permit: permit,
        })
    }

    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
        let ServeOptions {
            max_body,
            body_timeout,
            ..
        } = self.shared.options;
        let too_large = || {
            let reason =
                format!("the body has more than {max_body} bytes: send fewer samples at once");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
        };
        let stated = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok());
        let stated = stated.and_then(|length| length.parse::<u64>().ok());
        if stated.is_some_and(|length| length > max_body as u64) {
            return Err(too_large());
        }
        // One byte more than allowed tells a body that is too large from one that is cut off.
        let reading = to_bytes(body, max_body.saturating_add(1));
        match tokio::time::timeout(body_timeout, reading).await {
            Ok(Ok(bytes)) if bytes.len() <= max_body => Ok(bytes),
            Ok(Ok(_)) => Err(too_large()),
            Ok(Err(error)) if is_length_limit(&error) => Err(too_large()),
            Ok(Err(error)) => Err(Refusal::bad(format!("the body cannot be read: {error}"))),
            Err(_) => {
                let reason = format!("the body took longer than {} s", body_timeout.as_secs());
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, reason))
            }
        }
    }

    /// Computes on a thread that may block, when it is this request's turn.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let stopped = |_| Refusal::internal("the server is stopping");
        let _turn = self.shared.computing.acquire().await.map_err(stopped)?;
        let state = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&state)).await;
        done.unwrap_or_else(|_| Err(Refusal::internal("the model failed on this request")))
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

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        source = error.source();
    }
    false
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
