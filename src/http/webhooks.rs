//! `/webhooks/{provider}/{key}`: the handshake and the deliveries of providers. Who calls,
//! and what a delivery means, is for `ingest` to say; this file speaks HTTP only.

use std::future::Future;

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ingest::{self, Call, Worker};

/// Bytes of a delivery: Meta sends up to 3 MB.
const LARGEST: usize = 3 * 1024 * 1024;
/// How long a body may take to arrive.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Needs `web::Data<Engine>` and `web::Data<Worker>`.
pub fn routes(config: &mut web::ServiceConfig) {
    let address = web::resource("/webhooks/{provider}/{key}");
    config.service(address.route(web::get().to(handshake)).route(web::post().to(delivery)));
}

/// Meta's first call to a new address
/// (developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint).
#[derive(Deserialize)]
struct Handshake {
    #[serde(rename = "hub.mode")]
    mode: String,
    #[serde(rename = "hub.verify_token")]
    verify_token: String,
    #[serde(rename = "hub.challenge")]
    challenge: String,
}

async fn handshake(request: HttpRequest, engine: web::Data<Engine>) -> HttpResponse {
    let refused = || plain(StatusCode::FORBIDDEN, "no such webhook, or the wrong verify token");
    let Ok(asked) = web::Query::<Handshake>::from_query(request.query_string()) else {
        return refused();
    };
    let Handshake { mode, verify_token, challenge } = asked.into_inner();
    if mode != "subscribe" {
        return refused();
    }
    let (provider, key) = address(&request);
    let shaken =
        apart(async move { ingest::shake_hands(&engine, &provider, &key, &verify_token).await });
    match shaken.await {
        Ok(()) => plain(StatusCode::OK, challenge),
        Err(Error::Unauthenticated) => refused(),
        Err(error) => unable(&error),
    }
}

async fn delivery(
    request: HttpRequest,
    payload: web::Payload,
    engine: web::Data<Engine>,
    worker: web::Data<Worker>,
) -> HttpResponse {
    // Signatures are over the bytes as they came, so that nothing may decode them before.
    let body = match tokio::time::timeout(PATIENCE, payload.to_bytes_limited(LARGEST)).await {
        Ok(Ok(Ok(body))) => body,
        Err(_) => {
            let message = format!("the body did not arrive within {} seconds", PATIENCE.as_secs());
            return plain(StatusCode::REQUEST_TIMEOUT, message);
        }
        Ok(Ok(Err(_))) => return plain(StatusCode::BAD_REQUEST, "the body did not arrive whole"),
        Ok(Err(_)) => {
            let message =
                format!("the body is larger than {LARGEST} bytes, the most a webhook may send");
            return plain(StatusCode::PAYLOAD_TOO_LARGE, message);
        }
    };
    let (provider, key) = address(&request);
    let (headers, query) = (proofs(&request), request.query_string().to_owned());
    let received = apart(async move {
        let call = Call { headers: &headers, query: &query, body: &body };
        ingest::receive(&engine, &provider, &key, &call).await
    });
    match received.await {
        Ok(()) => {
            worker.notify();
            HttpResponse::Ok().finish()
        }
        Err(Error::Unauthenticated) => {
            plain(StatusCode::UNAUTHORIZED, "no such webhook, or the wrong signature")
        }
        Err(error) => unable(&error),
    }
}

fn address(request: &HttpRequest) -> (String, String) {
    let part = |name| request.match_info().query(name).to_owned();
    (part("provider"), part("key"))
}

/// The headers by which providers prove who they are.
fn proofs(request: &HttpRequest) -> Vec<(&'static str, String)> {
    let value = |name: &str| request.headers().get(name)?.to_str().ok().map(str::to_owned);
    ingest::HEADERS.into_iter().filter_map(|name| Some((name, value(name)?))).collect()
}

fn plain(status: StatusCode, text: impl Into<String>) -> HttpResponse {
    HttpResponse::build(status).insert_header(ContentType::plaintext()).body(text.into())
}

/// The provider will try again.
fn unable(error: &Error) -> HttpResponse {
    tracing::error!(?error, "a webhook could not be answered");
    let status = match error {
        Error::Unavailable(_) | Error::Limit(_) | Error::Throttled { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    plain(status, "try again later")
}

/// Work in a task of its own: a caller who hangs up must not leave a pooled connection
/// inside a transaction.
pub(super) async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(Error::Internal(error.into())))
}
