//! Requests that are wrong before GraphQL sees them.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::gql::Answer;

struct Request {
    name: &'static str,
    method: Method,
    path: &'static str,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    /// Status, code and what the message names.
    expect: (u16, &'static str, &'static str),
}

fn post(
    name: &'static str,
    body: impl Into<Vec<u8>>,
    code: &'static str,
    names: &'static str,
) -> Request {
    Request {
        name,
        method: Method::POST,
        path: "/graphql",
        content_type: Some("application/json"),
        body: body.into(),
        expect: (400, code, names),
    }
}

fn bodies() -> Vec<Request> {
    let bad = |name, body: &str, names| post(name, body, "BAD_USER_INPUT", names);
    let deep = |depth: usize| {
        let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"query":"{{ metrics {{ key }} }}","variables":{{"a":{lists}}}}}"#)
    };
    vec![
        bad("body: empty", "", "the body"),
        bad("body: white space", " \n ", "the body"),
        bad("body: cut", r#"{"query":"{ viewer"#, ""),
        bad("body: text", r#""{ viewer { __typename } }""#, "the body"),
        bad("body: batch", r#"[{"query":"{ metrics { key } }"}]"#, "batches"),
        bad("body: two requests", r#"{"query":"{ a }"} {"query":"{ a }"}"#, "the body"),
        bad("body: without a query", r#"{"variables":{}}"#, "query"),
        bad("body: query of another type", r#"{"query":["{ a }"]}"#, "query"),
        bad("body: variables in a list", r#"{"query":"{ a }","variables":[]}"#, "variables"),
        bad("body: variables in a text", r#"{"query":"{ a }","variables":"{}"}"#, "variables"),
        bad(
            "body: operation of another type",
            r#"{"query":"{ a }","operationName":1}"#,
            "operationName",
        ),
        bad("body: lone surrogate in the query", r#"{"query":"{ a(b: \"\ud800\") }"}"#, "query"),
        bad(
            "body: lone surrogate in a variable",
            r#"{"query":"{ a }","variables":{"input":{"items":[{"message":{"content":"x\udfff"}}]}}}"#,
            "variables.input.items[0].message.content",
        ),
        bad("body: variables 5000 deep", &deep(5_000), "variables"),
        post(
            "body: no UTF-8",
            b"{\"query\":\"{ metrics { key } } # \xff\"}".to_vec(),
            "BAD_USER_INPUT",
            "",
        ),
    ]
}

/// Well-formed requests that cannot be run: 200 in the older media type.
fn requests() -> Vec<Request> {
    let run =
        |request: Request| Request { expect: (200, request.expect.1, request.expect.2), ..request };
    let two = "query A { metrics { key } } query B { metrics { key } }";
    let named = |operation: &str| json!({ "query": two, "operationName": operation });
    let nul = named("A\0").to_string();
    let deep = (0..64).fold(json!(1), |inner, _| json!([inner]));
    let deep = json!({ "query": "{ metrics { key } }", "variables": { "a": deep } }).to_string();
    let none = json!({ "query": two }).to_string();
    vec![
        run(post(
            "operation: unknown",
            named("C").to_string(),
            "OPERATION_RESOLUTION_FAILURE",
            "C",
        )),
        run(post("operation: not said", none, "OPERATION_RESOLUTION_FAILURE", "")),
        run(post("operation: NUL", nul, "BAD_USER_INPUT", "operationName")),
        run(post("variables: 64 deep", deep, "LIMIT_EXCEEDED", "variables.a")),
    ]
}

/// Everything around the body.
fn wrappings() -> Vec<Request> {
    let query = || json!({ "query": "{ metrics { key } }" }).to_string();
    let right = |name| post(name, query(), "", "");
    let media = |name, content_type| Request {
        content_type,
        expect: (415, "UNSUPPORTED_MEDIA_TYPE", "application/json"),
        ..right(name)
    };
    let method = |name, method, path| Request {
        method,
        path,
        expect: (405, "METHOD_NOT_ALLOWED", "POST"),
        ..right(name)
    };
    vec![
        media("type: none", None),
        media("type: text", Some("text/plain")),
        media("type: form", Some("application/x-www-form-urlencoded")),
        media("type: GraphQL", Some("application/graphql")),
        media("type: other characters", Some("application/json; charset=utf-16")),
        media("type: nonsense", Some("/;;")),
        method(
            "method: GET of a mutation",
            Method::GET,
            "/graphql?query=mutation%7BsignOut%7B__typename%7D%7D",
        ),
        method("method: PUT", Method::PUT, "/graphql"),
        method("method: DELETE", Method::DELETE, "/graphql"),
    ]
}

async fn send(app: &TestApp, request: &Request) -> Answer {
    let url = format!("{}{}", app.url, request.path);
    let mut builder: RequestBuilder = app.anonymous.http.request(request.method.clone(), url);
    if let Some(content_type) = request.content_type {
        builder = builder.header("content-type", content_type);
    }
    let response = builder.body(request.body.clone()).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}: no JSON: {text}", request.name));
    Answer { status, body, extensions: Value::Null }
}

on_both! {
    async fn broken_requests_have_their_answers(app: &TestApp) {
        let mut answers: BTreeMap<&str, (u16, Value)> = BTreeMap::new();
        for request in [bodies(), requests(), wrappings()].into_iter().flatten() {
            let answer = send(app, &request).await;
            let (status, code, names) = request.expect;
            assert_eq!(
                (answer.status, answer.code()),
                (status, code),
                "{}: {:#}",
                request.name,
                answer.body
            );
            assert!(answer.message().contains(names), "{}: {}", request.name, answer.message());
            let id = &answer.body["errors"][0]["extensions"]["requestId"];
            assert!(id.is_string(), "{}: {:#}", request.name, answer.body);
            answers.insert(request.name, (answer.status, answer.without_request_id()));
        }
        insta::assert_json_snapshot!("requests", answers);
    }
}

on_both! {
    async fn the_newer_media_type_tells_by_its_status(app: &TestApp) {
        for (query, status) in [
            ("{ metrics { key } }", 200),
            ("{ viewer { __typename } }", 200),
            ("{ nothing }", 400),
            ("{ metrics", 400),
            ("mutation { signOut { signedOut } }", 200),
        ] {
            let request = app.anonymous.http.post(format!("{}/graphql", app.url));
            let request = request.header("content-type", "application/json");
            let request = request
                .header("accept", "application/graphql-response+json, application/json;q=0.9");
            let response =
                request.body(json!({ "query": query }).to_string()).send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{query}");
            let media = response.headers()["content-type"].to_str().unwrap();
            assert!(media.starts_with("application/graphql-response+json"), "{media}");
        }
    }
}
