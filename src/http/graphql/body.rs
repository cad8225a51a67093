//! Requests as they come in: a body of JSON, or the parameters of a link.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest};
use async_graphql::{Extensions, Variables};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Refusal;
use crate::engine::Engine;
use crate::graphql::error::BAD_USER_INPUT;
use crate::graphql::gate::Asked;

/// A body that takes longer to arrive is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Parts of a body may stand in messages about it, and bodies are long.
const LONGEST_MESSAGE: usize = 500;

/// Other types can be sent by pages of other origins without asking.
pub(super) fn require_json(request: &HttpRequest) -> Result<(), Refusal> {
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

pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
    engine: &Engine,
    known: bool,
) -> Result<Bytes, Refusal> {
    let (who, limit) = match known {
        true => ("a request", engine.config.limits.body_bytes),
        false => ("a request without a token", engine.config.limits.anonymous_body_bytes),
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
    query: Option<String>,
    operation_name: Option<String>,
    #[serde(default)]
    variables: Variables,
    #[serde(default)]
    extensions: Extensions,
}

/// The request in a body. What is wrong with it is told with its place.
pub(super) fn parse(body: &[u8]) -> Result<Asked, Refusal> {
    // An array would be taken for the fields of the request in their order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(malformed("batches of requests are not supported; send one request"));
    }
    let Body { query, operation_name, variables, extensions } = json("", body)?;
    whole(Asked { query, operation_name, variables, extensions })
}

/// The request in a link: `query` or `extensions`, and what belongs to them.
pub(super) fn parse_link(link: &str) -> Result<Asked, Refusal> {
    let mut asked = Asked::default();
    for (name, value) in url::form_urlencoded::parse(link.as_bytes()) {
        match name.as_ref() {
            // Clients send an empty one for none.
            _ if value.is_empty() => {}
            "query" => asked.query = Some(value.into_owned()),
            "operationName" => asked.operation_name = Some(value.into_owned()),
            "variables" => asked.variables = json("variables", value.as_bytes())?,
            "extensions" => asked.extensions = json("extensions", value.as_bytes())?,
            _ => {}
        }
    }
    whole(asked)
}

fn whole(mut asked: Asked) -> Result<Asked, Refusal> {
    asked.operation_name = asked.operation_name.filter(|name| !name.is_empty());
    if asked.query.is_none() && !asked.extensions.0.contains_key("persistedQuery") {
        return Err(malformed("query is missing: send one, or extensions.persistedQuery"));
    }
    Ok(asked)
}

/// Reads JSON whole; `place` is where it stands.
fn json<T: DeserializeOwned>(place: &str, text: &[u8]) -> Result<T, Refusal> {
    let named = || if place.is_empty() { "the body" } else { place }.to_owned();
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => named(),
            path if place.is_empty() => path,
            path => format!("{place}.{path}"),
        };
        malformed(&format!("{path}: {}", error.inner()))
    })?;
    json.end().map_err(|error| malformed(&format!("{}: {error}", named())))?;
    Ok(read)
}

fn malformed(message: &str) -> Refusal {
    let message = message.chars().take(LONGEST_MESSAGE).collect();
    Refusal::Http(StatusCode::BAD_REQUEST, BAD_USER_INPUT, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        match parse(body.as_bytes()) {
            Err(Refusal::Http(StatusCode::BAD_REQUEST, BAD_USER_INPUT, message)) => message,
            other => panic!("{body}: {:?}", other.map(|asked| asked.query)),
        }
    }

    #[test]
    fn bodies_are_read() {
        let body = br#" {"query":"{ a }","variables":null,"operationName":null,"extensions":{"a":1},"b":2} "#;
        let request = parse(body).unwrap();
        assert_eq!((request.query.as_deref(), request.operation_name), (Some("{ a }"), None));
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
        assert!(refusal("{}").starts_with("query is missing"));
        assert!(refusal("").starts_with("the body: EOF"));
        assert!(refusal(r#"{"query":"{ a }"} x"#).starts_with("the body: trailing characters"));
        assert!(refusal(r#" [{"query":"{ a }"}]"#).starts_with("batches"));
        let deep = format!(r#"{{"query":"{{ a }}","variables":{{"a":{}1"#, "[".repeat(1_000));
        assert!(refusal(&deep).contains("recursion limit"));
        let long = format!(r#"{{"query":"{{ a }}","variables":"{}"}}"#, "x".repeat(100_000));
        assert_eq!(refusal(&long).chars().count(), LONGEST_MESSAGE);
    }

    #[test]
    fn links_are_read() {
        let asked =
            parse_link("query=%7B%20a%20%7D&variables=%7B%22b%22%3A1%7D&operationName=&c=1");
        let asked = asked.unwrap();
        assert_eq!((asked.query.as_deref(), asked.operation_name), (Some("{ a }"), None));
        assert_eq!(asked.variables.len(), 1);
        for (link, place) in [
            ("query=%7Ba%7D&variables=%7B", "variables"),
            ("variables=%7B%7D", "query is missing"),
            ("variables=%5B1%5D", "variables: invalid type"),
            ("extensions=1", "extensions: invalid type"),
        ] {
            match parse_link(link) {
                Err(Refusal::Http(_, BAD_USER_INPUT, message)) => {
                    assert!(message.starts_with(place), "{link}: {message}");
                }
                other => panic!("{link}: {:?}", other.map(|asked| asked.query)),
            }
        }
    }
}
