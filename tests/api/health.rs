//! What is served beside GraphQL itself: health, request ids, the schema's text, GraphiQL
//! with its example queries, and the headers of every answer.

use std::collections::BTreeSet;

use rapport::config::Config;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::run_with;
use crate::support::world::{World, fill};
use crate::support::{Kind, TestApp};

async fn get(app: &TestApp, path: &str) -> Response {
    app.anonymous.http.get(format!("{}{path}", app.url)).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

on_both! {
    async fn the_server_says_that_it_lives_and_is_ready(app: &TestApp) {
        let live = get(app, "/livez").await;
        assert_eq!(live.status(), StatusCode::OK);
        assert_eq!(live.json::<Value>().await.unwrap(), json!({ "status": "alive" }));
        let ready = get(app, "/readyz").await;
        assert_eq!(ready.status(), StatusCode::OK);
        let ready: Value = ready.json().await.unwrap();
        assert_eq!(ready["status"], "ready");
        let names: Vec<&str> = ready["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|check| check["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["database", "migrations"]);
        assert!(!ready.to_string().contains("rapport_test"), "no name of a database: {ready}");
    }
}

on_both! {
    async fn a_server_without_its_database_is_not_ready(app: &TestApp) {
        app.engine.db.clone().close().await.unwrap();
        let ready = get(app, "/readyz").await;
        assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ready.json::<Value>().await.unwrap()["status"], "unready");
        assert_eq!(get(app, "/livez").await.status(), StatusCode::OK);
        let answer = app.owner.send("{ viewer { isInstallation } }", json!({})).await;
        assert!(matches!(answer.code(), "UNAVAILABLE" | "INTERNAL_SERVER_ERROR"), "{answer:?}");
        assert!(!answer.body.to_string().to_lowercase().contains("pool"), "{answer:?}");
    }
}

on_both! {
    async fn every_answer_has_an_id(app: &TestApp) {
        let ask = async |id: Option<&str>| {
            let mut request = app.anonymous.http.post(format!("{}/graphql", app.url));
            request = request.header("content-type", "application/json");
            if let Some(id) = id {
                request = request.header("x-request-id", id);
            }
            let query = json!({ "query": "{ viewer { isInstallation } }" }).to_string();
            let response = request.body(query).send().await.unwrap();
            let id = header(&response, "x-request-id").to_owned();
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["errors"][0]["extensions"]["requestId"], id.as_str());
            id
        };
        assert_eq!(ask(Some("trace_1-A")).await, "trace_1-A");
        let long = "x".repeat(65);
        let made =
            [ask(None).await, ask(None).await, ask(Some("a b")).await, ask(Some(&long)).await];
        let different: BTreeSet<&String> = made.iter().collect();
        assert_eq!(different.len(), made.len());
        assert!(made.iter().all(|id| id.len() == 36), "{made:?}");
        assert_eq!(header(&get(app, "/nowhere").await, "x-request-id").len(), 36);
    }
}

on_both! {
    async fn the_schema_is_served_as_text(app: &TestApp) {
        let response = get(app, "/schema.graphql").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), "text/plain; charset=utf-8");
        assert_eq!(response.text().await.unwrap(), rapport::graphql::sdl());
        let head =
            app.anonymous.http.head(format!("{}/schema.graphql", app.url)).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK);
    }
}

/// What an attribute such as `src="…"` of the page loads.
fn loaded(page: &str) -> Vec<&str> {
    let parts: Vec<&str> = page.split('"').collect();
    let attributes =
        parts.windows(2).filter(|pair| pair[0].ends_with("src=") || pair[0].ends_with("href="));
    attributes.map(|pair| pair[1]).collect()
}

on_both! {
    async fn graphiql_needs_no_other_host(app: &TestApp) {
        let response = get(app, "/").await;
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(header(&response, "location"), "/graphiql");
        let response = get(app, "/graphiql").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(header(&response, "content-type").starts_with("text/html"));
        let policy = header(&response, "content-security-policy").to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
        let page = response.text().await.unwrap();
        assert!(!page.contains("://"), "{page}");
        let assets = loaded(&page);
        assert!(assets.len() >= 2, "{page}");
        // An empty icon keeps browsers from asking for one.
        assert!(assets.iter().all(|path| path.starts_with('/') || *path == "data:,"), "{assets:?}");
        for path in assets.into_iter().filter(|path| path.starts_with("/graphiql/")) {
            let response = get(app, path).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert!(header(&response, "cache-control").contains("immutable"), "{path}");
            let tag = header(&response, "etag").to_owned();
            let request = app.anonymous.http.get(format!("{}{path}", app.url));
            let again = request.header("if-none-match", tag).send().await.unwrap();
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        }
        for path in ["/graphiql/assets/..%2f..%2fCargo.toml", "/graphiql/assets/none.js"] {
            assert_eq!(get(app, path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}

on_both! {
    async fn the_example_queries_run(app: &TestApp) {
        let world = World::build(app, &app.scope, "acme").await;
        let examples: Value = get(app, "/graphiql/examples.json").await.json().await.unwrap();
        assert!(!examples.as_array().unwrap().is_empty());
        for example in examples.as_array().unwrap() {
            let name = example["name"].as_str().unwrap();
            // Another test listens to those.
            if example["query"].as_str().unwrap().contains("\nsubscription ") {
                continue;
            }
            let variables =
                example["variables"].as_str().unwrap_or_else(|| panic!("{name} has no variables"));
            let variables = serde_json::from_str::<Value>(variables).unwrap();
            let variables = fill(&variables, &|kind: &str| world.id(kind));
            let answer = app.owner.send(example["query"].as_str().unwrap(), variables).await;
            assert!(answer.body["errors"].is_null(), "{name}: {:#}", answer.body);
            assert!(
                answer.body["data"].as_object().unwrap().values().all(|value| !value.is_null()),
                "{name}"
            );
            assert!(!answer.body.to_string().contains("REJECTED"), "{name}: {:#}", answer.body);
        }
    }
}

on_both! {
    async fn every_answer_is_closed_to_other_sites(app: &TestApp) {
        for path in ["/livez", "/graphql", "/graphiql", "/schema.graphql", "/nowhere", "/"] {
            let response = get(app, path).await;
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(header(&response, name), value, "{path}: {name}");
            }
            assert!(
                header(&response, "content-security-policy").contains("default-src 'none'"),
                "{path}"
            );
            assert_eq!(header(&response, "access-control-allow-origin"), "", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_server_hides_its_schema() {
    let config = Config { introspection: false, ..Config::default() };
    run_with(Kind::Sqlite, config, async |app: &TestApp| {
        assert_eq!(get(app, "/schema.graphql").await.status(), StatusCode::NOT_FOUND);
        for query in
            ["{ __schema { types { name } } }", "{ __type(name: \"Inbox\") { fields { name } } }"]
        {
            let answer = app.owner.send(query, json!({})).await;
            assert!(!answer.body.to_string().contains("webhookUrl"), "{query}: {:#}", answer.body);
            assert!(!answer.body.to_string().contains("AccountPlan"), "{query}: {:#}", answer.body);
        }
        let answer = app.owner.send("{ viewr { id } }", json!({})).await;
        assert!(!answer.message().contains("viewer"), "{}", answer.message());
        let answer = app.owner.data("{ viewer { __typename } }", json!({})).await;
        assert_eq!(answer["viewer"]["__typename"], "Viewer");
    })
    .await;
}
