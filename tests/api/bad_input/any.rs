//! Whatever is put into any place of any input, the answer is one of a client's mistakes, and
//! the server goes on.

use serde_json::{Value, json};

use crate::on_both;
use crate::support::gql::Client;
use crate::support::mutations::calls;
use crate::support::schema::Schema;
use crate::support::world::{World, fill};

/// Values that have broken servers.
fn nasty() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!(" \t\n"),
        json!("\0"),
        json!("%_!\\'\";--{}$1"),
        json!("\u{202e}\u{feff}\u{10ffff}"),
        json!("inbox:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        json!("9".repeat(400)),
        json!("x".repeat(70_000)),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "__typename": "x" }),
    ]
}

/// The value for a message, which need not be long.
fn short(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

/// Codes by which a client is told of its own mistake.
const MISTAKES: [&str; 6] = [
    "BAD_USER_INPUT",
    "GRAPHQL_VALIDATION_FAILED",
    "NOT_FOUND",
    "FORBIDDEN",
    "LIMIT_EXCEEDED",
    "UNAUTHENTICATED",
];

async fn send(client: &Client, what: &str, document: &str, variables: Value) {
    let answer = client.send(document, variables).await;
    assert!(answer.status < 500, "{what}: {} {:#}", answer.status, answer.body);
    for error in answer.body["errors"].as_array().into_iter().flatten() {
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        assert!(MISTAKES.contains(&code), "{what}: {:#}", answer.body);
    }
}

/// The ways to each value inside, as JSON pointers (RFC 6901).
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                pointers(field, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

on_both! {
    async fn nothing_in_a_mutation_breaks_the_server(app: &TestApp) {
        let schema = Schema::fetch(&app.owner).await;
        let world = World::build(app, &app.scope, "acme").await;
        for call in calls() {
            // Users and tokens are needed until the end.
            if matches!(call.name, "userRemove" | "tokenRevoke") {
                continue;
            }
            let document = call.document(&schema);
            let mut input = call.input.clone();
            let type_name =
                schema.field("Mutation", call.name).argument("input").unwrap().type_name();
            for field in schema.input_fields(type_name) {
                // Places that the table leaves out.
                if input[field.name()].is_null() {
                    input[field.name()] = Value::Null;
                }
            }
            let input = fill(&input, &|kind: &str| world.id(kind));
            let mut places = Vec::new();
            pointers(&input, "", &mut places);
            for place in places {
                for value in nasty() {
                    let what = format!("{} with {} at {place}", call.name, short(&value));
                    let mut broken = input.clone();
                    *broken.pointer_mut(&place).unwrap() = value;
                    send(&app.owner, &what, &document, json!({ "input": broken })).await;
                }
            }
        }
        // And it goes on.
        app.owner.data("{ viewer { accounts { id } } }", json!({})).await;
    }
}

on_both! {
    async fn nothing_in_a_query_breaks_the_server(app: &TestApp) {
        let schema = Schema::fetch(&app.owner).await;
        World::build(app, &app.scope, "acme").await;
        for field in schema.fields("Account") {
            for argument in field.arguments() {
                let mut ways = vec![String::new()];
                if matches!(schema.kind_of(argument.type_name()), "INPUT_OBJECT") {
                    let inner = schema.input_fields(argument.type_name());
                    ways.extend(inner.iter().map(|each| format!("/{}", each.name())));
                }
                let required = if argument.is_required() { "!" } else { "" };
                let document = format!(
                    "query($id: ID!, $it: {}{required}) {{ account(id: $id) {{ {}({}: $it) {{ __typename }} }} }}",
                    argument.type_name(),
                    field.name(),
                    argument.name(),
                );
                for way in ways {
                    for value in nasty() {
                        let what = format!(
                            "{}({}{way}:) with {}",
                            field.name(),
                            argument.name(),
                            short(&value)
                        );
                        let value = match way.strip_prefix('/') {
                            None => value,
                            Some(name) if field.name() == "report" => {
                                let mut input =
                                    json!({ "metrics": ["MESSAGES"], "period": { "last": "P1D" } });
                                input[name] = value;
                                input
                            }
                            Some(name) => json!({ name: value }),
                        };
                        let variables = json!({ "id": app.account_node, "it": value });
                        send(&app.owner, &what, &document, variables).await;
                    }
                }
            }
        }
    }
}
