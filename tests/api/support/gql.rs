//! GraphQL over HTTP, as a client sends it.

use serde_json::{Value, json};

/// A client with or without a token.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
    pub token: Option<String>,
}

/// An answer, whatever it is.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    /// What the body says of its cost; apart, since the caller's bucket goes by the clock.
    pub extensions: Value,
}

impl Client {
    pub async fn send(&self, query: &str, variables: Value) -> Answer {
        self.send_raw(json!({ "query": query, "variables": variables }).to_string()).await
    }

    pub async fn send_raw(&self, body: String) -> Answer {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.url))
            .header("content-type", "application/json")
            .body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let mut body: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: no JSON: {text}"));
        let extensions = body.as_object_mut().and_then(|body| body.remove("extensions"));
        Answer { status, body, extensions: extensions.unwrap_or_default() }
    }

    /// The data of an answer that must carry no error.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables).await;
        assert!(answer.body.get("errors").is_none(), "{:#}", answer.body);
        answer.body["data"].clone()
    }

    /// The payload of a mutation that must succeed: `data.<field>`, without user errors.
    pub async fn mutate(&self, query: &str, variables: Value) -> Value {
        let data = self.data(query, variables).await;
        let payload = data.as_object().unwrap().values().next().unwrap().clone();
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        payload
    }
}

impl Answer {
    /// The code of the first error.
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {:#}", self.body))
    }

    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {:#}", self.body))
    }

    /// The body without the ids of the request, which differ between any two answers.
    pub fn without_request_id(mut self) -> Value {
        for error in self.body["errors"].as_array_mut().into_iter().flatten() {
            if let Some(extensions) = error["extensions"].as_object_mut() {
                extensions.remove("requestId");
            }
        }
        self.body
    }
}
