//! Input that is wrong: each kind gives its code and names what was wrong, never a failure of
//! the server, and both databases answer alike, which the snapshots see to.

mod any;
mod cases;
mod http;
mod inputs;

use std::collections::BTreeMap;

use rapport::domain::label::{self, LabelCreate};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::gql::Answer;
use crate::support::world::{Whose, World, fill};

const INPUT: &str = "BAD_USER_INPUT";
const LIMIT: &str = "LIMIT_EXCEEDED";
/// Longer answers would repeat what was sent.
const LONGEST_ANSWER: usize = 4_000;

/// What must be answered.
enum Expect {
    /// An error with one of these codes, separated by bars, and a message that names this.
    Error(&'static str, &'static str),
    /// A user error with this path and code, in the payload or in its first result.
    UserError(&'static str, &'static str),
}

struct Case {
    name: &'static str,
    query: String,
    variables: Value,
    expect: Expect,
}

fn case(name: &'static str, query: impl Into<String>, variables: Value, expect: Expect) -> Case {
    Case { name, query: query.into(), variables, expect }
}

fn mutation(name: &str, input: &str) -> String {
    format!(
        "mutation($input: {input}!) {{ {name}(input: $input) {{ userErrors {{ path code message }} }} }}"
    )
}

/// Whether the answer tells of the path and the code.
fn has_user_error(body: &Value, path: &str, code: &str) -> bool {
    let payloads = body["data"].as_object().into_iter().flat_map(|data| data.values());
    payloads.flat_map(|payload| [&payload["userErrors"], &payload["results"][0]["userErrors"]]).any(
        |errors| {
            errors.as_array().into_iter().flatten().any(|error| {
                let segments = error["path"].as_array().into_iter().flatten();
                let found: Vec<&str> = segments.map(|segment| segment.as_str().unwrap()).collect();
                found.join(".") == path && error["code"] == code
            })
        },
    )
}

fn check(case: &Case, answer: &Answer) {
    let what = format!("{}: {} {:#}", case.name, answer.status, answer.body);
    assert_eq!(answer.status, 200, "{what}");
    assert!(what.len() < LONGEST_ANSWER, "{} is answered at length", case.name);
    match case.expect {
        Expect::Error(codes, names) => {
            assert!(codes.split('|').any(|code| code == answer.code()), "{what}");
            assert!(answer.message().contains(names), "{what}");
        }
        Expect::UserError(path, code) => {
            assert!(answer.body["errors"].is_null(), "{what}");
            assert!(has_user_error(&answer.body, path, code), "{what}");
        }
    }
}

on_both! {
    async fn every_case_has_its_answer(app: &TestApp) {
        let world = World::build(app, &app.scope, "acme").await;
        let id = |kind: &str| match kind {
            "nothing" => world.id_of("label", Whose::MissingIn(&world)),
            kind => world.id(kind),
        };
        let cases = [
            cases::documents(),
            cases::pages(),
            cases::reports(),
            inputs::texts(),
            inputs::items(),
            inputs::inputs(),
        ];
        let mut answers = BTreeMap::new();
        for case in cases.into_iter().flatten() {
            let answer = app.owner.send(&case.query, fill(&case.variables, &id)).await;
            check(&case, &answer);
            let twice = answers.insert(case.name, answer.without_request_id());
            assert!(twice.is_none(), "two cases are called {}", case.name);
        }
        insta::assert_json_snapshot!("answers", answers);
    }
}

on_both! {
    async fn cursors_belong_to_their_list(app: &TestApp) {
        let (stranger, scope) = app.stranger().await;
        for name in ["a", "b"] {
            for scope in [&app.scope, &scope] {
                label::create(scope, None, LabelCreate { name: name.to_owned(), color: None })
                    .await
                    .unwrap();
            }
        }
        let query = |arguments: &str| {
            format!(
                "{{ viewer {{ accounts {{ labels({arguments}) {{ nodes {{ name }} pageInfo {{ endCursor }} }} }} }} }}"
            )
        };
        let cursor = async |client: &crate::support::gql::Client| {
            let data = client.data(&query("first: 1"), json!({})).await;
            data["viewer"]["accounts"][0]["labels"]["pageInfo"]["endCursor"].to_string()
        };
        let (own, foreign) = (cursor(&app.owner).await, cursor(&stranger).await);
        let next = app.owner.data(&query(&format!("first: 1, after: {own}")), json!({})).await;
        assert_eq!(next["viewer"]["accounts"][0]["labels"]["nodes"], json!([{ "name": "b" }]));
        for arguments in [
            format!("after: {foreign}"),
            format!("after: {own}, orderBy: {{ field: NAME, direction: DESC }}"),
            format!("after: {own}, orderBy: {{ field: CREATED_AT, direction: ASC }}"),
            format!("after: {own}, filter: {{ search: \"a\" }}"),
        ] {
            let answer = app.owner.send(&query(&arguments), json!({})).await;
            assert_eq!(answer.code(), INPUT, "{arguments}");
            assert!(
                answer.message().starts_with("after: belongs to another list"),
                "{}",
                answer.message()
            );
        }
        let bots =
            format!("{{ viewer {{ accounts {{ bots(after: {own}) {{ nodes {{ id }} }} }} }} }}");
        assert_eq!(app.owner.send(&bots, json!({})).await.code(), INPUT);
    }
}
