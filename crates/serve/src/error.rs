//! What can go wrong, for the one who starts the server and for the one who asks it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jingwei_bounds::Exceeded;

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host of the address cannot be found.
    #[error(
        "cannot find {address} ({source}); give HOST:PORT, such as 127.0.0.1:8000 or localhost:8000"
    )]
    Resolve {
        /// The address.
        address: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address} ({source}); choose another address, or stop what uses it")]
    Listen {
        /// The address.
        address: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The operating system refused something else.
    #[error("the server cannot run: {0}")]
    Io(#[from] std::io::Error),
}

/// An answer that says no: a status and the reason, as JSON.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl ToString) -> Self {
        // What is wrong may be repeated in it, and be long.
        const LONGEST: usize = 4096;
        let mut reason = reason.to_string();
        reason.truncate(reason.floor_char_boundary(LONGEST));
        Self { status, reason }
    }

    /// The request is wrong.
    pub(crate) fn bad(reason: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// There is no such thing.
    pub(crate) fn unknown(reason: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, reason)
    }

    /// There is no room for the request now; the answer tells when to try again.
    pub(crate) fn busy(reason: impl ToString) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }

    /// The server is wrong.
    pub(crate) fn internal(reason: impl ToString) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, reason)
    }
}

impl From<jingwei_bundle::Error> for Refusal {
    fn from(error: jingwei_bundle::Error) -> Self {
        use jingwei_bundle::Error;
        use jingwei_data::Error as DataError;
        match error {
            Error::Exceeded(exceeded) | Error::Data(DataError::Exceeded(exceeded)) => {
                exceeded.into()
            }
            Error::Data(DataError::TooLarge { .. } | DataError::TooManyPixels { .. }) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, error)
            }
            Error::Input { .. } | Error::Data(_) | Error::NotFinite { .. } => Self::bad(error),
            error => Self::internal(error),
        }
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Memory { .. } => {
                let reason =
                    format!("this request {exceeded}: send fewer or smaller records at once");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
            }
            Exceeded::Shared { .. } => Self::busy(format!(
                "the server is busy, this request {exceeded}: try again in a moment"
            )),
            Exceeded::Stopped => Self::busy(format!("this request {exceeded}")),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.reason });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
