//! The gate as clients meet it: what is refused, by which code, and that nothing else is.

use std::cell::RefCell;
use std::time::Duration;

use entity::kinds::Platform;
use rapport::config::{Config, Limits, TrustedMode};
use rapport::db::Db;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::on_both;
use crate::support::app::run_with;
use crate::support::gql::Answer;
use crate::support::killers::killers;
use crate::support::{Kind, TestApp, factory};

const SIMPLE: &str = "{ metrics { key } }";

on_both! {
    async fn killing_documents_are_refused(app: &TestApp) {
        for (name, document, code) in killers() {
            for client in [&app.anonymous, &app.owner] {
                let answer = client.send(&document, json!({})).await;
                match answer.status {
                    // Longer than a body may be.
                    413 => assert_eq!(answer.code(), "PAYLOAD_TOO_LARGE", "{name}"),
                    200 => assert_eq!(answer.code(), code, "{name}: {:.500}", answer.body.to_string()),
                    status => panic!("{name}: {status} {}", answer.body),
                }
            }
        }
        let data = app.anonymous.data(SIMPLE, json!({})).await;
        assert!(!data["metrics"].as_array().unwrap().is_empty());
    }
}

on_both! {
    async fn every_refusal_names_its_limit(app: &TestApp) {
        for (document, limit, allowed) in [
            (" ".repeat(32_769), "document_bytes", 32_768),
            (format!("{{ {} }}", "x ".repeat(2_000)), "document_tokens", 2_000),
            (format!("{{ metrics {} {{ key }} }}", "@skip(if: false)".repeat(21)), "directives", 20),
            (format!("{{ {} }}", "metrics { key } ".repeat(21)), "root_fields", 20),
            (format!("{{ nodes(ids: {}) {{ id }} }}", "[".repeat(40)), "brackets", 32),
        ] {
            let answer = app.anonymous.send(&document, json!({})).await;
            let extensions = &answer.body["errors"][0]["extensions"];
            assert_eq!(extensions["limit"], limit, "{}", answer.body);
            assert_eq!(extensions["allowed"], allowed);
            let message = answer.body["errors"][0]["message"].as_str().unwrap();
            assert!(message.contains(&allowed.to_string()), "{message}");
        }
    }
}

on_both! {
    /// Every edge of the integers, as a literal and as a variable.
    async fn first_is_refused_at_every_edge(app: &TestApp) {
        let edges = [
            "-1", "0", "101", "2147483647", "2147483648", "-2147483648", "-2147483649",
            "4611686018427387904", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808", "18446744073709551615", "18446744073709551616", "1.5", "\"1\"",
        ];
        for edge in edges {
            let id = &app.account_node;
            let literal =
                format!("{{ account(id: \"{id}\") {{ messages(first: {edge}) {{ nodes {{ id }} }} }} }}");
            let answer = app.owner.send(&literal, json!({})).await;
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{edge}: {}", answer.body);
            assert!(answer.body["errors"][0].to_string().contains("first"), "{}", answer.body);

            let query = "query($id: ID!, $first: Int) {
                account(id: $id) { messages(first: $first) { nodes { id } } } }";
            let body = format!(
                r#"{{"query":{},"variables":{{"id":"{id}","first":{edge}}}}}"#,
                Value::from(query)
            );
            let answer = app.owner.send_raw(body).await;
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{edge}: {}", answer.body);
            assert!(answer.body["errors"][0].to_string().contains("first"), "{}", answer.body);
        }
    }
}

on_both! {
    async fn values_are_checked_before_anything_runs(app: &TestApp) {
        // The first field would make a label; the second cannot be read.
        let query = "mutation($account: ID!) {
            labelCreate(input: { accountId: $account, name: \"made\" }) { label { id } }
            inboxCreate(input: { accountId: $account, name: \"x\", platform: NONE, more: 1 }) {
                inbox { id } }
        }";
        let answer = app.owner.send(query, json!({ "account": app.account_node })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        let violations = answer.body["errors"][0]["extensions"]["violations"].as_array().unwrap();
        let paths: Vec<_> = violations.iter().map(|violation| &violation["path"]).collect();
        assert_eq!(paths, ["input.platform", "input.more"], "{}", answer.body);
        assert!(answer.body.get("data").is_none(), "{}", answer.body);

        let query = "query($id: ID!, $input: ReportInput!) {
            account(id: $id) { report(input: $input) { totals { value } } } }";
        let input = json!({
            "metrics": ["SENT", "NONE"], "period": { "last": "P1D", "preset": "TODAY" }, "first": "x",
            "filter": { "inboxes": [1, null] }, "unknown": true,
        });
        let answer = app.owner.send(query, json!({ "input": input })).await;
        let violations = answer.body["errors"][0]["extensions"]["violations"].as_array().unwrap();
        let mut paths: Vec<_> =
            violations.iter().map(|violation| violation["path"].as_str().unwrap()).collect();
        paths.sort_unstable();
        let expected = [
            "variables.id",
            "variables.input.filter.inboxes[1]",
            "variables.input.first",
            "variables.input.metrics[1]",
            "variables.input.period",
            "variables.input.unknown",
        ];
        assert_eq!(paths, expected, "{}", answer.body);
    }
}

on_both! {
    async fn the_schema_describes_itself(app: &TestApp) {
        let data = app.anonymous.data(include_str!("../fixtures/introspection.graphql"), json!({})).await;
        assert_eq!(data["__schema"]["queryType"]["name"], "Query");
        let types = data["__schema"]["types"].as_array().unwrap();
        let period = types.iter().find(|kind| kind["name"] == "PeriodInput").unwrap();
        assert_eq!(period["isOneOf"], true);
    }
}

on_both! {
    async fn queries_come_by_link_and_nothing_else_does(app: &TestApp) {
        let get = async |parameters: &[(&str, &str)]| {
            let url = reqwest::Url::parse_with_params(&format!("{}/graphql", app.url), parameters);
            let request = app.owner.http.get(url.unwrap()).bearer_auth(app.owner.token.as_ref().unwrap());
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            Answer { status, body: response.json().await.unwrap(), extensions: Value::Null }
        };
        let variables = json!({ "id": app.account_node }).to_string();
        let query = "query($id: ID!) { account(id: $id) { name } }";
        let answer = get(&[("query", query), ("variables", &variables)]).await;
        assert_eq!(answer.body["data"]["account"]["name"], "Acme", "{}", answer.body);

        let answer = get(&[("query", "mutation { signOut { userErrors { code } } }")]).await;
        assert_eq!((answer.status, answer.code()), (405, "METHOD_NOT_ALLOWED"));
        app.owner.data("{ viewer { __typename } }", json!({})).await;
    }
}

fn named(text: &str) -> Value {
    let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "persistedQuery": { "version": 1, "sha256Hash": digest } })
}

on_both! {
    async fn documents_are_known_by_their_hash(app: &TestApp) {
        let text = "{ metrics { key title } }";
        let send = async |body: Value| app.anonymous.send_raw(body.to_string()).await;
        let unknown = send(json!({ "extensions": named(text) })).await;
        assert_eq!(unknown.code(), "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(unknown.body["errors"][0]["message"], "PersistedQueryNotFound");
        let other = send(json!({ "query": SIMPLE, "extensions": named(text) })).await;
        assert_eq!(other.code(), "BAD_USER_INPUT");
        let first = send(json!({ "query": text, "extensions": named(text) })).await;
        let again = send(json!({ "extensions": named(text) })).await;
        assert_eq!(first.body["data"], again.body["data"]);
        assert!(again.body["data"]["metrics"][0]["title"].is_string(), "{}", again.body);
        for wrong in [json!(1), json!({ "version": 2, "sha256Hash": "" }), json!({ "version": 1 })] {
            let answer = send(json!({ "extensions": { "persistedQuery": wrong } })).await;
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
        }
    }
}

on_both! {
    async fn answers_say_what_they_cost(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "line", Platform::Sms).await;
        factory::say(&app.scope, factory::message(inbox.id, "+15550001", "Hello")).await;
        let query = "query($id: ID!, $first: Int!) {
            account(id: $id) { messages(first: $first) { nodes { id content } } } }";
        let answer = app.owner.send(query, json!({ "id": app.account_node, "first": 30 })).await;
        let cost = &answer.extensions["cost"];
        // The account, and its page of 30: `nodes` and two fields of each.
        assert_eq!(cost["requested"], 1 + 1 + 30 * 3, "{}", answer.body);
        assert_eq!(cost["actual"], 1 + 1 + 1 + 2);
        assert_eq!((&cost["limit"], &cost["restoreRate"]), (&json!(200_000), &json!(10_000)));
    }
}

/// Asks twice for a report, which costs 100 and some, with buckets that hold one.
async fn ask_twice(caller_cost: u64, account_cost: u64) -> Value {
    let limits = Limits {
        caller_cost,
        caller_cost_per_second: 1,
        account_cost,
        account_cost_per_second: 1,
        ..Limits::default()
    };
    let refused = RefCell::new(Value::Null);
    run_with(Kind::Sqlite, Config { limits, ..Config::default() }, async |app| {
        let query = "query($id: ID!) { account(id: $id) {
            report(input: { metrics: [SENT], period: { preset: TODAY } }) { totals { value } } } }";
        let ask = async || {
            let body = json!({ "query": query, "variables": { "id": app.account_node } });
            let request = app.owner.http.post(format!("{}/graphql", app.url)).json(&body);
            request.bearer_auth(app.owner.token.as_ref().unwrap()).send().await.unwrap()
        };
        assert_eq!(ask().await.status(), 200);
        let answer = ask().await;
        let status = answer.status().as_u16();
        let header = answer.headers().get("retry-after").cloned();
        let body: Value = answer.json().await.unwrap();
        let extensions = &body["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "THROTTLED", "{body}");
        let wait = extensions["retryAfterSeconds"].as_u64().unwrap();
        assert!((1..=110).contains(&wait), "{wait}");
        // With data the answer is one, and not to be asked for again without a look.
        match body.get("data") {
            None => {
                assert_eq!((status, header.unwrap().to_str().unwrap()), (429, &*wait.to_string()))
            }
            Some(_) => assert_eq!((status, header), (200, None)),
        }

        // What may never be spent at once is not a matter of waiting.
        let large =
            "query($id: ID!) { account(id: $id) { bots(first: 100) { nodes { id name } } } }";
        let answer = app.owner.send(large, json!({ "id": app.account_node })).await;
        assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{}", answer.body);
        *refused.borrow_mut() = body;
    })
    .await;
    refused.into_inner()
}

#[tokio::test]
async fn who_has_spent_too_much_waits() {
    let body = ask_twice(150, 1_000).await;
    assert!(body.get("data").is_none(), "{body}");
    assert!(body["errors"][0]["message"].as_str().unwrap().starts_with("the caller"), "{body}");
    let body = ask_twice(1_000, 150).await;
    assert_eq!(body["data"]["account"], Value::Null);
    assert!(body["errors"][0]["message"].as_str().unwrap().starts_with("the account"), "{body}");
}

#[tokio::test]
async fn only_trusted_documents_are_run_where_the_settings_say_so() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let manifest = json!({ "any": SIMPLE });
    std::io::Write::write_all(&mut file, manifest.to_string().as_bytes()).unwrap();
    let config = Config {
        trusted_mode: TrustedMode::Only,
        trusted_documents: Some(file.path().to_owned()),
        ..Config::default()
    };
    run_with(Kind::Sqlite, config, async |app| {
        assert!(app.anonymous.data(SIMPLE, json!({})).await["metrics"].is_array());
        let by_hash = json!({ "extensions": named(SIMPLE) }).to_string();
        assert!(app.anonymous.send_raw(by_hash).await.body["data"]["metrics"].is_array());
        let answer = app.anonymous.send("{ metrics { title } }", json!({})).await;
        assert_eq!(answer.code(), "QUERY_NOT_IN_SAFELIST");
    })
    .await;
}

on_both! {
    /// What is read for too long is stopped by the database itself.
    async fn reading_ends_at_its_deadline(app: &TestApp) {
        let patience = Duration::from_millis(200);
        let url = &app.engine.config.database_url;
        let db = Db::connect_within(url, 1, patience).await.unwrap();
        let endless = match db.backend() {
            DbBackend::Sqlite => {
                "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) \
                 SELECT MAX(n) FROM n"
            }
            _ => "SELECT pg_sleep(3600)",
        };
        let tx = db.snapshot().await.unwrap();
        let stopped = tx.query_one_raw(Statement::from_string(db.backend(), endless)).await;
        let error = stopped.unwrap_err().to_string();
        assert!(error.contains("interrupted") || error.contains("statement timeout"), "{error}");
        drop(tx);
        // The connection is as good as before.
        db.ping().await.unwrap();
        db.close().await.unwrap();
    }
}

/// Runs with a deadline of a second.
async fn in_a_hurry(kind: Kind, body: impl AsyncFn(&TestApp)) {
    let limits = Limits { deadline_seconds: 1, ..Limits::default() };
    run_with(kind, Config { limits, ..Config::default() }, body).await;
}

/// A mutation that has to wait too long is answered, and done nevertheless.
async fn late_mutations_are_done(app: &TestApp) {
    let tx = app.engine.db.begin().await.unwrap();
    if app.engine.db.backend() == DbBackend::Postgres {
        tx.execute_unprepared("LOCK TABLE label IN ACCESS EXCLUSIVE MODE").await.unwrap();
    }
    let mutation = "mutation($account: ID!) {
        labelCreate(input: { accountId: $account, name: \"late\" }) { label { id } } }";
    let answer = app.owner.send(mutation, json!({ "account": app.account_node })).await;
    assert_eq!((answer.status, answer.code()), (504, "TIMEOUT"), "{}", answer.body);
    tx.rollback().await.unwrap();
    let list = "query($id: ID!) { account(id: $id) { labels { nodes { name } } } }";
    let seen = async {
        loop {
            let data = app.owner.data(list, json!({ "id": app.account_node })).await;
            if data["account"]["labels"]["nodes"] == json!([{ "name": "late" }]) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), seen).await.expect("it is done in the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_mutations_are_done_on_sqlite() {
    in_a_hurry(Kind::Sqlite, late_mutations_are_done).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_mutations_are_done_on_postgres() {
    in_a_hurry(Kind::Postgres, late_mutations_are_done).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_queries_are_given_up() {
    in_a_hurry(Kind::Postgres, async |app| {
        let tx = app.engine.db.begin().await.unwrap();
        tx.execute_unprepared("LOCK TABLE message IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let query = "query($id: ID!) { account(id: $id) {
            report(input: { metrics: [SENT], period: { preset: TODAY } }) { totals { value } } } }";
        let answer = app.owner.send(query, json!({ "id": app.account_node })).await;
        assert_eq!((answer.status, answer.code()), (504, "TIMEOUT"), "{}", answer.body);
        tx.rollback().await.unwrap();
        app.owner.data(query, json!({ "id": app.account_node })).await;
    })
    .await;
}

#[tokio::test]
async fn pages_of_named_origins_may_ask() {
    let config =
        Config { cors_origins: vec!["https://app.example.org".to_owned()], ..Config::default() };
    run_with(Kind::Sqlite, config, async |app| {
        let preflight = async |origin: &str| {
            let url = format!("{}/graphql", app.url);
            let request = app.owner.http.request(reqwest::Method::OPTIONS, url);
            let request = request
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization,content-type");
            request.send().await.unwrap()
        };
        let allowed = preflight("https://app.example.org").await;
        assert_eq!(allowed.status(), 200);
        let headers = allowed.headers();
        assert_eq!(headers["access-control-allow-origin"], "https://app.example.org");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        let refused = preflight("https://evil.example").await;
        assert!(!refused.headers().contains_key("access-control-allow-origin"));
    })
    .await;
}

on_both! {
    async fn answers_are_compressed(app: &TestApp) {
        for encoding in ["br", "gzip", "zstd"] {
            let body = json!({ "query": "{ metrics { key title definition } }" });
            let request = app.owner.http.post(format!("{}/graphql", app.url)).json(&body);
            let response = request.header("accept-encoding", encoding).send().await.unwrap();
            assert_eq!(response.headers()["content-encoding"], encoding);
            assert!(response.bytes().await.unwrap().len() < 10_000);
        }
    }
}

on_both! {
    /// As many wrong values as a body holds give an answer that is no longer than a few.
    async fn answers_about_wrong_values_are_bounded(app: &TestApp) {
        let query = "query($id: ID!, $input: ReportInput!) {
            account(id: $id) { report(input: $input) { totals { value } } } }";
        let wrong: serde_json::Map<_, _> =
            (0..10_000).map(|n| (format!("wrong{n}"), json!(n))).collect();
        let answer =
            app.anonymous.send(query, json!({ "id": "a", "input": { "filter": wrong } })).await;
        let violations = answer.body["errors"][0]["extensions"]["violations"].as_array().unwrap();
        assert_eq!(violations.len(), 100);
        assert_eq!(violations[99]["message"], "there are more wrong values");
    }
}

on_both! {
    async fn variables_fit_where_they_stand(app: &TestApp) {
        let account = &app.account_node;
        for (variable, input) in [
            ("$n: String", "name: $n"),
            ("$n: String = null", "name: $n"),
            ("$n: [String!]", "name: $n"),
        ] {
            let mutation = format!("mutation({variable}) {{
                labelCreate(input: {{ accountId: \"{account}\", {input} }}) {{ label {{ id }} }} }}");
            let answer = app.owner.send(&mutation, json!({})).await;
            assert!(answer.message().contains("$n"), "{variable}: {}", answer.body);
        }
        let fits = format!("mutation($n: String = \"fits\") {{
            labelCreate(input: {{ accountId: \"{account}\", name: $n }}) {{ label {{ name }} }} }}");
        let data = app.owner.data(&fits, json!({})).await;
        assert_eq!(data["labelCreate"]["label"]["name"], "fits");
    }
}
