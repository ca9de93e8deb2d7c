//! Which address leads where.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::error::Refusal;
use crate::{State, native, protocol};

/// The whole service, testable without a socket.
pub fn app(state: State) -> Router {
    let model = Router::new()
        .route("/", get(protocol::model))
        .route("/ready", get(protocol::model_ready))
        .route("/config", get(protocol::config))
        .route("/infer", post(protocol::infer));
    Router::new()
        .route("/v2", get(protocol::server))
        .route("/v2/", get(protocol::server))
        .route("/v2/health/live", get(protocol::live))
        .route("/v2/health/ready", get(protocol::live))
        .route("/v2/repository/index", post(protocol::index))
        .nest("/v2/models/{name}", model.clone())
        .nest("/v2/models/{name}/versions/{version}", model)
        .route("/v1/predict", post(native::predict))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(state)
        .layer(map_response(explain))
}

/// Errors of the framework are text; ours are JSON.
async fn explain(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !is_error || kind.is_some_and(|kind| kind == "application/json") {
        return response;
    }
    let reason = to_bytes(response.into_body(), 1024).await;
    let reason = reason.unwrap_or_else(|_| status.to_string().into());
    Refusal::new(status, String::from_utf8_lossy(&reason)).into_response()
}

async fn unknown(request: Request) -> Refusal {
    let path = request.uri().path();
    Refusal::unknown(format!(
        "there is nothing at {path:.256}; see /v2 and /v1/predict"
    ))
}

async fn wrong_method(request: Request) -> Refusal {
    let (method, path) = (request.method(), request.uri().path());
    let reason = format!("{path:.256} does not answer to {method:.32}: see the header Allow");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason)
}
