//! How answers are written: which of the two types of JSON a client likes, and the status
//! that goes with what came of its request.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use async_graphql::{Response, ServerError, Value};
use serde::Serialize;

use super::Refusal;
use crate::error::Error;
use crate::graphql::error::{INTERNAL, METHOD_NOT_ALLOWED, THROTTLED, TIMEOUT, number, text};
use crate::graphql::{self, RequestId};

/// The types that a client may ask for. Those of JSON differ in the status of documents that
/// cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    GraphqlResponse,
    /// An event for each answer; what cannot even be asked is told in JSON.
    Events,
}

/// A response as it is written: what is not there is left out, `data` too.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [ServerError]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a BTreeMap<String, Value>>,
}

impl<'a> From<&'a Response> for Written<'a> {
    fn from(response: &'a Response) -> Self {
        Self {
            errors: Some(response.errors.as_slice()).filter(|errors| !errors.is_empty()),
            data: Some(&response.data).filter(|_| !was_not_run(response)),
            extensions: Some(&response.extensions).filter(|extensions| !extensions.is_empty()),
        }
    }
}

impl Media {
    /// The type the client likes best; of equals the one it names first.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let (mut best, mut highest) = (Self::Json, 0.0);
        let values = headers.get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
        for range in values.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
                "text/event-stream" => Self::Events,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            let quality = quality.map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0));
            if quality > highest {
                (best, highest) = (media, quality);
            }
        }
        best
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::Events => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// What came of a request, under the id it had.
    pub(super) fn write(self, answered: Result<Response, Refusal>, id: &RequestId) -> HttpResponse {
        let (status, response) = match answered {
            Ok(response) => (self.status(&response), response),
            Err(Refusal::Gate(response)) => (self.status(&response), *response),
            Err(Refusal::Own(error)) => (status_of(&error), graphql::refuse(error, id)),
            Err(Refusal::Http(status, code, message)) => {
                let mut error = ServerError::new(message, None);
                error.extensions.get_or_insert_default().set("code", code);
                (status, graphql::finish(Response::from_errors(vec![error]), id))
            }
        };
        let mut answer = self.body(status, &response);
        let headers = answer.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                let challenge = HeaderValue::from_static("Bearer realm=\"rapport\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let waits = response.errors.iter();
                let wait = waits.filter_map(|error| number(error, "retryAfterSeconds")).max();
                headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.unwrap_or(1)));
            }
            _ => {}
        }
        answer
    }

    /// If nothing of a well-formed request was run, the newer type says so by its status.
    fn status(self, response: &Response) -> StatusCode {
        if !was_not_run(response) {
            return StatusCode::OK;
        }
        match response.errors.first().and_then(|error| text(error, "code")) {
            Some(THROTTLED) => StatusCode::TOO_MANY_REQUESTS,
            Some(TIMEOUT) => StatusCode::GATEWAY_TIMEOUT,
            Some(METHOD_NOT_ALLOWED) => StatusCode::METHOD_NOT_ALLOWED,
            Some(INTERNAL) => StatusCode::INTERNAL_SERVER_ERROR,
            _ if self == Self::GraphqlResponse => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        }
    }

    fn body(self, status: StatusCode, response: &Response) -> HttpResponse {
        match serde_json::to_vec(&Written::from(response)) {
            Ok(body) => HttpResponse::build(status).content_type(self.content_type()).body(body),
            Err(error) => {
                tracing::error!(%error, "a response cannot be written");
                HttpResponse::InternalServerError().finish()
            }
        }
    }
}

/// Whether the document, its variables or its operation were refused before any field.
fn was_not_run(response: &Response) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// Whether a document was refused for the way it came.
pub(super) fn is_wrong_method(response: &Response) -> bool {
    let code = response.errors.first().and_then(|error| text(error, "code"));
    code == Some(METHOD_NOT_ALLOWED)
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid(_) => StatusCode::BAD_REQUEST,
        Error::Resync => StatusCode::GONE,
        Error::Limit(_) | Error::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn the_type_that_is_liked_best_is_written() {
        let accepted = |value| Media::accepted(&accept(value));
        assert_eq!(Media::accepted(&HeaderMap::new()), Media::Json);
        for json in [
            "*/*",
            "application/*",
            "text/html",
            "application/json",
            "application/graphql-response+json;q=0",
        ] {
            assert_eq!(accepted(json), Media::Json, "{json}");
        }
        assert_eq!(
            accepted("application/graphql-response+json, application/json"),
            Media::GraphqlResponse
        );
        assert_eq!(accepted("application/json, application/graphql-response+json"), Media::Json);
        assert_eq!(accepted("application/json, text/event-stream"), Media::Json);
        assert_eq!(accepted("text/event-stream, multipart/mixed"), Media::Events);
        assert_eq!(accepted("*/*;q=0.5, text/event-stream"), Media::Events);
        assert_eq!(
            accepted("*/*;q=0.1, Application/GraphQL-Response+JSON; q=0.9"),
            Media::GraphqlResponse
        );
    }
}
