//! Errors as clients see them: a message, Apollo's code and the request's id. Resolvers
//! return [`crate::error::Error`] as it is; [`finish`] finds it again in the response, so
//! that code and violations are added in one place, and causes only reach the log.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Pos, Response, ServerError, Value};

use super::RequestId;
use super::scalar::DateTime;
use crate::error::{Error, Violation, ViolationCode};

pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
pub const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
pub const FORBIDDEN: &str = "FORBIDDEN";
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
pub const OPERATION_RESOLUTION_FAILURE: &str = "OPERATION_RESOLUTION_FAILURE";
pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
/// What may only be read was to be changed.
pub const METHOD_NOT_ALLOWED: &str = "METHOD_NOT_ALLOWED";
/// Too much was asked for in too short a time.
pub const THROTTLED: &str = "THROTTLED";
/// A subscription cannot go on where it broke off.
pub const RESYNC: &str = "RESYNC";
/// An operation took too long.
pub const TIMEOUT: &str = "TIMEOUT";
pub const INTERNAL: &str = "INTERNAL_SERVER_ERROR";

/// The code of an error of ours.
pub fn code(error: &Error) -> &'static str {
    match error {
        Error::Unauthenticated => "UNAUTHENTICATED",
        Error::Forbidden(_) => FORBIDDEN,
        Error::NotFound(_) => "NOT_FOUND",
        Error::Invalid(_) => BAD_USER_INPUT,
        Error::Limit(_) => LIMIT_EXCEEDED,
        Error::Resync => RESYNC,
        Error::Throttled { .. } => THROTTLED,
        Error::Unavailable(_) => "UNAVAILABLE",
        Error::Internal(_) => INTERNAL,
    }
}

/// Gives every error of a response its code and the request's id, and logs internal ones.
pub fn finish(mut response: Response, request_id: &RequestId) -> Response {
    // One failed batch is the error of many fields; it is logged once.
    let mut logged = HashSet::new();
    for error in &mut response.errors {
        if let Some(source) = &error.source
            && let Some(Error::Internal(cause)) = source.downcast_ref::<Error>()
            && logged.insert(Arc::as_ptr(source).cast::<()>())
        {
            tracing::error!(request_id = %request_id.0, error = ?cause, "a field failed");
        }
        describe(error);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("requestId", request_id.0.as_str());
    }
    response
}

/// A response that is nothing but `error`: for what fails before a document is run.
pub fn refuse(error: Error, request_id: &RequestId) -> Response {
    let error = async_graphql::Error::from(error);
    let error = ServerError {
        message: error.message,
        source: error.source,
        locations: Vec::new(),
        path: Vec::new(),
        extensions: error.extensions,
    };
    finish(Response::from_errors(vec![error]), request_id)
}

fn describe(error: &mut ServerError) {
    if error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some()) {
        return;
    }
    if let Some(own) = error.source::<Error>() {
        let (code, violations) = (code(own), own_violations(own));
        let wait = match own {
            Error::Throttled { seconds } => Some(*seconds),
            _ => None,
        };
        let extensions = error.extensions.get_or_insert_default();
        set(extensions, code, violations);
        if let Some(seconds) = wait {
            extensions.set("retryAfterSeconds", seconds);
        }
    } else if let Some(violation) = refused_value(&error.message) {
        error.message = format!("{}: {}", violation.path, violation.message);
        set(error.extensions.get_or_insert_default(), BAD_USER_INPUT, vec![violation]);
    } else if !error.path.is_empty() {
        // Fields fail with errors of ours or because the library cannot read an argument.
        set(error.extensions.get_or_insert_default(), BAD_USER_INPUT, Vec::new());
    } else {
        // The gate has told all that can be wrong with a document; this is the rest.
        set(error.extensions.get_or_insert_default(), VALIDATION_FAILED, Vec::new());
    }
}

/// A text among the extensions of an error.
pub fn text<'a>(error: &'a ServerError, name: &str) -> Option<&'a str> {
    match error.extensions.as_ref()?.get(name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// A number among the extensions of an error.
pub fn number(error: &ServerError, name: &str) -> Option<u64> {
    match error.extensions.as_ref()?.get(name)? {
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

/// An error about a document, with its code.
pub(super) fn coded(message: impl Into<String>, pos: Option<Pos>, code: &str) -> ServerError {
    let mut error = ServerError::new(message, pos);
    set(error.extensions.get_or_insert_default(), code, Vec::new());
    error
}

/// The error of a request that asks for more than a limit allows. `limit` names it as the
/// settings do, where it is one.
pub fn limited(
    limit: &str,
    most: impl Into<Value>,
    message: impl Into<String>,
    pos: Option<Pos>,
) -> ServerError {
    let mut error = coded(message, pos, LIMIT_EXCEEDED);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("limit", limit);
    extensions.set("allowed", most);
    error
}

/// The error of a request whose input breaks rules.
pub(super) fn refused(violations: Vec<Violation>) -> ServerError {
    let message = Error::Invalid(violations.clone()).to_string();
    let mut error = ServerError::new(message, None);
    set(error.extensions.get_or_insert_default(), BAD_USER_INPUT, violations);
    error
}

/// The error of a document that could not be parsed.
pub(super) fn unparsed(mut error: ServerError) -> ServerError {
    set(error.extensions.get_or_insert_default(), PARSE_FAILED, Vec::new());
    error
}

fn set(extensions: &mut ErrorExtensionValues, code: &str, violations: Vec<Violation>) {
    extensions.set("code", code);
    if !violations.is_empty()
        && let Ok(list) = async_graphql::to_value(&violations)
    {
        extensions.set("violations", list);
    }
}

fn own_violations(error: &Error) -> Vec<Violation> {
    match error {
        Error::Invalid(violations) => violations.clone(),
        _ => Vec::new(),
    }
}

/// Reads the library's message about an argument of the wrong type, which is all it tells:
/// `Invalid value for argument "filter.createdFrom", expected type "DateTime"`.
fn refused_value(message: &str) -> Option<Violation> {
    let (path, reason) =
        message.strip_prefix("Invalid value for argument \"")?.split_once("\", ")?;
    let reason = match reason {
        "expected type \"DateTime\"" => format!("expected {}", DateTime::FORM),
        reason => reason.to_owned(),
    };
    Some(Violation { path: indexed(path), code: ViolationCode::Malformed, message: reason })
}

/// `items.3.code` as `items[3].code`, the form of all paths here.
fn indexed(path: &str) -> String {
    let mut indexed = String::with_capacity(path.len() + 2);
    for segment in path.split('.') {
        if segment.bytes().all(|byte| byte.is_ascii_digit()) {
            indexed.push_str(&format!("[{segment}]"));
        } else {
            if !indexed.is_empty() {
                indexed.push('.');
            }
            indexed.push_str(segment);
        }
    }
    indexed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(error: ServerError) -> ServerError {
        let mut response = finish(Response::from_errors(vec![error]), &RequestId("r-1".to_owned()));
        response.errors.remove(0)
    }

    fn extension(error: &ServerError, name: &str) -> Option<Value> {
        error.extensions.as_ref().and_then(|extensions| extensions.get(name)).cloned()
    }

    #[test]
    fn errors_of_ours_keep_their_violations() {
        let error = Error::invalid("first", ViolationCode::OutOfRange, "is 0; allowed is 1 to 100");
        let response = refuse(error, &RequestId("r-1".to_owned()));
        let error = &response.errors[0];
        assert_eq!(extension(error, "code"), Some(Value::from(BAD_USER_INPUT)));
        assert_eq!(extension(error, "requestId"), Some(Value::from("r-1")));
        let Some(Value::List(violations)) = extension(error, "violations") else { panic!("none") };
        assert_eq!(violations.len(), 1);
    }

    #[test]
    fn causes_are_not_shown() {
        let response = refuse(Error::bug("table secret"), &RequestId("r-1".to_owned()));
        let text = serde_json::to_string(&response).unwrap();
        assert!(text.contains(INTERNAL) && !text.contains("secret"), "{text}");
    }

    #[test]
    fn refused_arguments_are_named() {
        let message = r#"Invalid value for argument "filter.days.2", expected type "Int""#;
        let error = finished(ServerError::new(message, None));
        assert_eq!(error.message, "filter.days[2]: expected type \"Int\"");
        assert_eq!(extension(&error, "code"), Some(Value::from(BAD_USER_INPUT)));
    }

    #[test]
    fn everything_has_a_code() {
        let error = finished(ServerError::new("Unknown field \"x\" on type \"Query\".", None));
        assert_eq!(extension(&error, "code"), Some(Value::from(VALIDATION_FAILED)));
    }
}
