//! POST `/graphql`, after the GraphQL-over-HTTP draft: who calls is known before the body is
//! read, every answer is JSON, and what cannot be run is told with the right status.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use async_graphql::{Extensions, Request, Response, ServerError, Value, Variables};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::{State, request_id};
use crate::auth::{self, Viewer};
use crate::engine::Engine;
use crate::error::Error;
use crate::graphql::error::BAD_USER_INPUT;
use crate::graphql::{self, ClientAddress, RequestId, gate};

/// A body that takes longer to arrive is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Parts of a body may stand in messages about it, and bodies are long.
const LONGEST_MESSAGE: usize = 500;

/// Why a request is not run.
#[derive(Debug)]
enum Refusal {
    /// Status, code and message.
    Http(StatusCode, &'static str, String),
    Own(Error),
}

pub(super) async fn post(
    request: HttpRequest,
    payload: Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let id = request_id(&request);
    let media = Media::accepted(request.headers());
    match answer(&request, payload, &state, &id).await {
        Ok(response) => media.answer(&response),
        Err(refusal) => media.refuse(refusal, &id),
    }
}

/// Any other method.
pub(super) async fn wrong_method(request: HttpRequest) -> HttpResponse {
    let message = "send GraphQL requests by POST".to_owned();
    let refusal = Refusal::Http(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
    Media::accepted(request.headers()).refuse(refusal, &request_id(&request))
}

async fn answer(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
    id: &RequestId,
) -> Result<Response, Refusal> {
    require_json(request)?;
    let viewer = match bearer(request.headers())? {
        Some(token) => Some(authenticate(&state.engine, token).await?),
        None => None,
    };
    let body = read(request, payload, &state.engine, viewer.is_some()).await?;
    let asked = parse(&body)?;
    drop(body);
    if let Err(error) = gate::check_request(&asked) {
        return Ok(graphql::finish(Response::from_errors(vec![error.into()]), id));
    }
    let address = ClientAddress(request.peer_addr().map(|address| address.ip().to_string()));
    let (schema, id) = (state.schema.clone(), id.clone());
    apart(async move { graphql::execute(&schema, asked, viewer, id, address).await }).await
}

/// Other types can be sent by pages of other origins without asking.
fn require_json(request: &HttpRequest) -> Result<(), Refusal> {
    let media = request.mime_type().ok().flatten();
    let json = media.is_some_and(|media| {
        let charset = media.get_param("charset");
        media.essence_str() == "application/json"
            && charset.is_none_or(|charset| charset.as_str().eq_ignore_ascii_case("utf-8"))
    });
    if json {
        return Ok(());
    }
    let message = "send Content-Type: application/json, in UTF-8".to_owned();
    Err(Refusal::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message))
}

/// The token of the request. A header that holds none is refused: whoever sends one does not
/// mean to be a stranger.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(token) if !token.is_empty() => Ok(Some(token)),
        _ => Err(Refusal::Own(Error::Unauthenticated)),
    }
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

async fn read(
    request: &HttpRequest,
    payload: Payload,
    engine: &Engine,
    known: bool,
) -> Result<Bytes, Refusal> {
    let (who, limit) = match known {
        true => ("a request", engine.config.body_bytes),
        false => ("a request without a token", engine.config.anonymous_body_bytes),
    };
    let too_large = || {
        let message = format!("the body of {who} may have at most {limit} bytes");
        Refusal::Http(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
    };
    let length = request.headers().get(header::CONTENT_LENGTH);
    let announced = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match tokio::time::timeout(PATIENCE, payload.to_bytes_limited(limit)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(malformed("the body did not arrive whole")),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            let message = format!("the body did not arrive within {} seconds", PATIENCE.as_secs());
            Err(Refusal::Http(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", message))
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: String,
    operation_name: Option<String>,
    #[serde(default)]
    variables: Variables,
    #[serde(default)]
    extensions: Extensions,
}

/// The request in a body. What is wrong with it is told with its place.
fn parse(body: &[u8]) -> Result<Request, Refusal> {
    // An array would be taken for the fields of the request in their order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(malformed("batches of requests are not supported; send one request"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let body: Body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => "the body".to_owned(),
            path => path,
        };
        malformed(&format!("{path}: {}", error.inner()))
    })?;
    json.end().map_err(|error| malformed(&format!("the body: {error}")))?;
    let mut request = Request::new(body.query).variables(body.variables);
    request.operation_name = body.operation_name;
    request.extensions = body.extensions;
    Ok(request)
}

fn malformed(message: &str) -> Refusal {
    let message = message.chars().take(LONGEST_MESSAGE).collect();
    Refusal::Http(StatusCode::BAD_REQUEST, BAD_USER_INPUT, message)
}

/// The two types of JSON that a client may ask for; they differ in the status of documents
/// that cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Json,
    GraphqlResponse,
}

/// A response as it is written: what is not there is left out, `data` too.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [ServerError]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a BTreeMap<String, Value>>,
}

impl Media {
    /// The type the client likes best; of equals the one it names first.
    fn accepted(headers: &HeaderMap) -> Self {
        let (mut best, mut highest) = (Self::Json, 0.0);
        let values = headers.get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
        for range in values.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
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
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// What came of a well-formed request. If nothing of it was run, the newer type says so
    /// by its status.
    fn answer(self, response: &Response) -> HttpResponse {
        let status = match self {
            Self::GraphqlResponse if was_not_run(response) => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        self.write(status, response)
    }

    fn refuse(self, refusal: Refusal, id: &RequestId) -> HttpResponse {
        let (status, response) = match refusal {
            Refusal::Http(status, code, message) => {
                let mut error = ServerError::new(message, None);
                error.extensions.get_or_insert_default().set("code", code);
                (status, graphql::finish(Response::from_errors(vec![error]), id))
            }
            Refusal::Own(error) => (status_of(&error), graphql::refuse(error, id)),
        };
        let mut answer = self.write(status, &response);
        let extra = match status {
            StatusCode::UNAUTHORIZED => {
                Some((header::WWW_AUTHENTICATE, "Bearer realm=\"rapport\""))
            }
            StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "POST")),
            _ => None,
        };
        if let Some((name, value)) = extra {
            answer.headers_mut().insert(name, header::HeaderValue::from_static(value));
        }
        answer
    }

    fn write(self, status: StatusCode, response: &Response) -> HttpResponse {
        let written = Written {
            errors: Some(response.errors.as_slice()).filter(|errors| !errors.is_empty()),
            data: Some(&response.data).filter(|_| !was_not_run(response)),
            extensions: Some(&response.extensions).filter(|extensions| !extensions.is_empty()),
        };
        match serde_json::to_vec(&written) {
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

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid(_) => StatusCode::BAD_REQUEST,
        Error::Limit(_) => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, header::HeaderValue::from_static(value));
        headers
    }

    fn refusal(body: &str) -> String {
        match parse(body.as_bytes()) {
            Err(Refusal::Http(StatusCode::BAD_REQUEST, BAD_USER_INPUT, message)) => message,
            other => panic!("{body}: {:?}", other.map(|request| request.query)),
        }
    }

    #[test]
    fn bodies_are_read() {
        let body = br#" {"query":"{ a }","variables":null,"operationName":null,"extensions":{"a":1},"b":2} "#;
        let request = parse(body).unwrap();
        assert_eq!((request.query.as_str(), request.operation_name), ("{ a }", None));
        let request = parse(br#"{"query":"{ a }","variables":{"a":{"b":[1]}}}"#).unwrap();
        assert_eq!(request.variables.len(), 1);
    }

    #[test]
    fn malformed_bodies_are_told_with_their_place() {
        let surrogate = r#"{"query":"{ a }","variables":{"input":{"items":[{},{"message":{"content":"\ud800"}}]}}}"#;
        assert!(refusal(surrogate).starts_with("variables.input.items[1].message.content: "));
        assert!(refusal(r#"{"query":1}"#).starts_with("query: invalid type"));
        assert!(
            refusal(r#"{"query":"{ a }","variables":[1]}"#).starts_with("variables: invalid type")
        );
        assert!(refusal(r#"{"query":"{ a }","operationName":{}}"#).starts_with("operationName: "));
        assert!(refusal("{}").starts_with("the body: missing field `query`"));
        assert!(refusal("").starts_with("the body: EOF"));
        assert!(refusal(r#"{"query":"{ a }"} x"#).starts_with("the body: trailing characters"));
        assert!(refusal(r#" [{"query":"{ a }"}]"#).starts_with("batches"));
        let deep = format!(r#"{{"query":"{{ a }}","variables":{{"a":{}1"#, "[".repeat(1_000));
        assert!(refusal(&deep).contains("recursion limit"));
        let long = format!(r#"{{"query":"{{ a }}","variables":"{}"}}"#, "x".repeat(100_000));
        assert_eq!(refusal(&long).chars().count(), LONGEST_MESSAGE);
    }

    #[test]
    fn a_header_of_authorization_holds_a_bearer_token() {
        let token = |value| {
            bearer(&headers(header::AUTHORIZATION, value)).map(|token| token.map(str::to_owned))
        };
        assert_eq!(token("Bearer rpt_a").unwrap().as_deref(), Some("rpt_a"));
        assert_eq!(token("bearer  rpt_a ").unwrap().as_deref(), Some("rpt_a"));
        for wrong in ["", "rpt_a", "Bearer", "Bearer ", "Basic cnB0"] {
            assert!(matches!(token(wrong), Err(Refusal::Own(Error::Unauthenticated))), "{wrong}");
        }
        assert!(bearer(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn the_type_that_is_liked_best_is_written() {
        let accepted = |value| Media::accepted(&headers(header::ACCEPT, value));
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
        assert_eq!(
            accepted("*/*;q=0.1, Application/GraphQL-Response+JSON; q=0.9"),
            Media::GraphqlResponse
        );
    }
}
