//! `/graphql` over HTTP, after the GraphQL-over-HTTP draft: who calls is known before a body
//! is read, every answer is JSON, and what cannot be run is told with the right status.

mod body;
mod media;

use std::future::Future;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};
use async_graphql::Response;
use tracing::Instrument;

use super::{State, request_id};
use crate::auth::{self, Viewer};
use crate::engine::Engine;
use crate::error::Error;
use crate::graphql::error::METHOD_NOT_ALLOWED;
use crate::graphql::gate::Asked;
use crate::graphql::{ClientAddress, RequestId, Who};
use media::Media;

/// Why a request is not run.
#[derive(Debug)]
enum Refusal {
    /// Status, code and message.
    Http(StatusCode, &'static str, String),
    Own(Error),
    /// What the gate says.
    Gate(Box<Response>),
}

pub(super) async fn post(
    request: HttpRequest,
    payload: Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let id = request_id(&request);
    let media = Media::accepted(request.headers());
    let answered = async {
        body::require_json(&request)?;
        let viewer = viewer(&request, &state.engine).await?;
        let bytes = body::read(&request, payload, &state.engine, viewer.is_some()).await?;
        let asked = body::parse(&bytes)?;
        drop(bytes);
        answer(&request, &state, viewer, &id, asked, false).await
    };
    media.write(answered.await, &id)
}

/// Queries only: whatever follows a link must change nothing.
pub(super) async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let id = request_id(&request);
    let media = Media::accepted(request.headers());
    let answered = async {
        let viewer = viewer(&request, &state.engine).await?;
        let asked = body::parse_link(request.query_string())?;
        answer(&request, &state, viewer, &id, asked, true).await
    };
    media.write(answered.await, &id)
}

/// Any other method.
pub(super) async fn wrong_method(request: HttpRequest) -> HttpResponse {
    let message = "send requests by POST, or queries by GET".to_owned();
    let refusal = Refusal::Http(StatusCode::METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED, message);
    Media::accepted(request.headers()).write(Err(refusal), &request_id(&request))
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    viewer: Option<Viewer>,
    id: &RequestId,
    asked: Asked,
    only_reading: bool,
) -> Result<Response, Refusal> {
    let address = ClientAddress(request.peer_addr().map(|address| address.ip().to_string()));
    let who = Who { viewer, address, request_id: id.clone() };
    let admitted = state.api.admit(asked, &who, only_reading).map_err(Refusal::Gate)?;
    Ok(state.api.execute(admitted, who).await)
}

async fn viewer(request: &HttpRequest, engine: &Engine) -> Result<Option<Viewer>, Refusal> {
    match bearer(request.headers())? {
        Some(token) => authenticate(engine, token).await.map(Some),
        None => Ok(None),
    }
}

/// The token of the request. A header that holds none is refused: whoever sends one does not
/// mean to be a stranger.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    match value.to_str().ok().and_then(bearer_token) {
        Some(token) => Ok(Some(token)),
        None => Err(Refusal::Own(Error::Unauthenticated)),
    }
}

/// What stands behind `Bearer`.
fn bearer_token(text: &str) -> Option<&str> {
    let (scheme, token) = text.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

async fn authenticate(engine: &Engine, token: &str) -> Result<Viewer, Refusal> {
    let (engine, token) = (engine.clone(), token.to_owned());
    let viewer = apart(async move { auth::authenticate(&engine, &token).await }).await?;
    viewer.map_err(Refusal::Own)
}

/// Work in a task of its own: a caller who hangs up must not leave a pooled connection
/// inside a transaction.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::spawn(work.in_current_span()).await;
    done.map_err(|error| Refusal::Own(Error::Internal(error.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_authorization_holds_a_bearer_token() {
        let token = |value| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, header::HeaderValue::from_static(value));
            bearer(&headers).map(|token| token.map(str::to_owned))
        };
        assert_eq!(token("Bearer rpt_a").unwrap().as_deref(), Some("rpt_a"));
        assert_eq!(token("bearer  rpt_a ").unwrap().as_deref(), Some("rpt_a"));
        for wrong in ["", "rpt_a", "Bearer", "Bearer ", "Basic cnB0"] {
            assert!(matches!(token(wrong), Err(Refusal::Own(Error::Unauthenticated))), "{wrong}");
        }
        assert!(bearer(&HeaderMap::new()).unwrap().is_none());
    }
}
