//! `/graphql` over HTTP, after the GraphQL-over-HTTP draft: who calls is known before a body
//! is read, answers are JSON or events of JSON, and what cannot be run is told with the right
//! status. Sockets begin here too.

mod body;
mod events;
mod media;
mod socket;

use std::future::Future;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};
use async_graphql::Response;
use tracing::Instrument;

use super::{State, request_id};
use crate::auth::{self, Viewer, Vigil, Watched};
use crate::engine::Engine;
use crate::error::Error;
use crate::graphql::error::METHOD_NOT_ALLOWED;
use crate::graphql::gate::Asked;
use crate::graphql::{ClientAddress, RequestId, Way, Who};
use events::Events;
use media::Media;

pub(super) use socket::{is_upgrade, upgrade};

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
    let (id, media) = (request_id(&request), Media::accepted(request.headers()));
    let answered = async {
        body::require_json(&request)?;
        let bearer = Bearer::of(request.headers(), &state.engine).await?;
        let bytes = body::read(&request, payload, &state.engine, bearer.is_some()).await?;
        let asked = body::parse(&bytes)?;
        drop(bytes);
        let way = if media == Media::Events { Way::Stream } else { Way::Post };
        answer(&request, &state, bearer, asked, way).await
    };
    written(answered.await, media, &id)
}

/// Nothing that changes anything: whatever follows a link must not.
pub(super) async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let (id, media) = (request_id(&request), Media::accepted(request.headers()));
    let answered = async {
        let bearer = Bearer::of(request.headers(), &state.engine).await?;
        let asked = body::parse_link(request.query_string())?;
        let way = if media == Media::Events { Way::GetStream } else { Way::Get };
        answer(&request, &state, bearer, asked, way).await
    };
    written(answered.await, media, &id)
}

/// Any other method.
pub(super) async fn wrong_method(request: HttpRequest) -> HttpResponse {
    let message = "send requests by POST, or queries by GET".to_owned();
    let refusal = Refusal::Http(StatusCode::METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED, message);
    Media::accepted(request.headers()).write(Err(refusal), &request_id(&request))
}

/// What came of a request.
enum Answered {
    Once(Response),
    Events(Events),
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    bearer: Option<Bearer>,
    asked: Asked,
    way: Way,
) -> Result<Answered, Refusal> {
    let viewer = bearer.as_ref().map(|bearer| bearer.viewer.clone());
    let who = Who { viewer, address: address(request), request_id: request_id(request) };
    match (way, state.api.admit(asked, &who, way)) {
        (Way::Post | Way::Get, Ok(admitted)) => {
            Ok(Answered::Once(state.api.execute(admitted, who).await))
        }
        (Way::Post | Way::Get, Err(response)) => Err(Refusal::Gate(response)),
        (Way::Stream | Way::GetStream, Ok(admitted)) => {
            let watched = bearer.map(|bearer| bearer.watch(&state.vigil));
            let stopping = state.stopping.clone();
            Ok(Answered::Events(Events::of(&state.api, admitted, who, watched, stopping)))
        }
        // An event source tells its page nothing of other answers than a stream.
        (Way::Stream | Way::GetStream, Err(response)) if !media::is_wrong_method(&response) => {
            Ok(Answered::Events(Events::refused(*response)))
        }
        (Way::Stream | Way::GetStream, Err(response)) => Err(Refusal::Gate(response)),
    }
}

fn written(answered: Result<Answered, Refusal>, media: Media, id: &RequestId) -> HttpResponse {
    match answered {
        Ok(Answered::Events(events)) => events.write(),
        Ok(Answered::Once(response)) => media.write(Ok(response), id),
        Err(refusal) => media.write(Err(refusal), id),
    }
}

pub(super) fn address(request: &HttpRequest) -> ClientAddress {
    ClientAddress(request.peer_addr().map(|address| address.ip().to_string()))
}

/// A valid token, and whose it is.
struct Bearer {
    token: String,
    viewer: Viewer,
}

impl Bearer {
    /// The token of a request, if it has one.
    async fn of(headers: &HeaderMap, engine: &Engine) -> Result<Option<Self>, Refusal> {
        match bearer(headers)? {
            Some(token) => Self::new(engine, token).await.map(Some),
            None => Ok(None),
        }
    }

    async fn new(engine: &Engine, token: &str) -> Result<Self, Refusal> {
        let viewer = authenticate(engine, token).await?;
        Ok(Self { token: token.to_owned(), viewer })
    }

    /// Looks after it as long as something is open under it.
    fn watch(&self, vigil: &Vigil) -> Watched {
        vigil.over(&self.token, &self.viewer)
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
