//! Lists within lists: each is what it would be alone, and all cost as many statements as one.

use entity::id::Uuid;
use entity::kinds::Platform;
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, say};

/// `contacts` conversations, the first with one message, the second with two, and so on.
async fn talk(app: &TestApp, contacts: i64) {
    let inbox = factory::inbox(&app.scope, "SMS", Platform::Sms).await;
    for contact in 0..contacts {
        let phone = format!("+1555000{contact:04}");
        for number in 0..=contact {
            let mut message = factory::message(inbox.id, &phone, &format!("{contact}.{number}"));
            message.occurred_at = Some(app.hours_ago(20).plus_seconds(contact * 60 + number));
            say(&app.scope, message).await;
        }
    }
}

const PAGE: &str = "nodes { content } edges { cursor } pageInfo { hasNextPage hasPreviousPage }";

/// The conversations with a list of each, which may be asked for by several aliases.
async fn listed(app: &TestApp, first: i64, lists: &str) -> Vec<Value> {
    let query = format!(
        "query($account: ID!, $first: Int!) {{ account(id: $account) {{
            conversations(first: $first, orderBy: {{ field: CREATED_AT, direction: ASC }}) {{
                nodes {{ id {lists} }} }} }} }}"
    );
    let variables = json!({ "account": app.account_node, "first": first });
    let data = app.owner.data(&query, variables).await;
    data["account"]["conversations"]["nodes"].as_array().unwrap().clone()
}

on_both! {
    async fn a_list_is_what_it_would_be_alone(app: &TestApp) {
        talk(app, 7).await;
        let lists = [
            "messages(first: 3)",
            "messages(first: 1)",
            "messages(last: 2)",
            "messages(first: 2, orderBy: { field: OCCURRED_AT, direction: DESC })",
            "messages(first: 100, filter: { directions: [OUTBOUND] })",
            "messages(first: 4, orderBy: { field: CREATED_AT, direction: DESC })",
        ];
        let together: Vec<String> =
            lists.iter().enumerate().map(|(at, list)| format!("l{at}: {list} {{ {PAGE} }}")).collect();
        let conversations = listed(app, 7, &together.join(" ")).await;
        assert_eq!(conversations.len(), 7);
        for conversation in &conversations {
            for (at, list) in lists.iter().enumerate() {
                let query = format!(
                    "query($id: ID!) {{ node(id: $id) {{ ... on Conversation {{ {list} {{ {PAGE} }} }} }} }}"
                );
                let alone = app.owner.data(&query, json!({ "id": conversation["id"] })).await;
                assert_eq!(conversation[format!("l{at}")], alone["node"]["messages"], "{list}");
            }
        }
        let content = |conversation: usize, list: &str| -> Vec<&str> {
            let nodes = conversations[conversation][list]["nodes"].as_array().unwrap();
            nodes.iter().map(|node| node["content"].as_str().unwrap()).collect()
        };
        assert_eq!(content(0, "l0"), ["0.0"]);
        assert_eq!(content(6, "l0"), ["6.0", "6.1", "6.2"]);
        assert_eq!(content(6, "l1"), ["6.0"]);
        assert_eq!(content(6, "l2"), ["6.5", "6.6"]);
        assert_eq!(content(6, "l3"), ["6.6", "6.5"]);
    }
}

on_both! {
    async fn lists_go_on_behind_their_own_cursors(app: &TestApp) {
        talk(app, 4).await;
        let conversations = listed(app, 4, &format!("messages(first: 2) {{ {PAGE} }}")).await;
        let last = &conversations[3];
        let cursor = &last["messages"]["edges"][1]["cursor"];
        let query = format!(
            "query($id: ID!, $after: String) {{ node(id: $id) {{ ... on Conversation {{
                messages(first: 2, after: $after) {{ {PAGE} }} }} }} }}"
        );
        let next = app.owner.data(&query, json!({ "id": last["id"], "after": cursor })).await;
        let nodes = &next["node"]["messages"]["nodes"];
        assert_eq!(*nodes, json!([{ "content": "3.2" }, { "content": "3.3" }]));
        // The cursor of one conversation says nothing in another.
        let other = json!({ "id": conversations[2]["id"], "after": cursor });
        let answer = app.owner.send(&query, other).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
    }
}

on_both! {
    async fn many_lists_cost_as_many_statements_as_one(app: &TestApp) {
        talk(app, 8).await;
        let mut counts = Vec::new();
        for first in [1, 8] {
            let list = "messages(first: 2) { nodes { content } }";
            let (nodes, statements) = app.watch.during(listed(app, first, list)).await;
            assert_eq!(i64::try_from(nodes.len()).unwrap(), first);
            let of_messages = |sql: &str| sql.contains("\"message\".\"content\"");
            counts.push(statements.iter().filter(|each| of_messages(&each.sql)).count());
        }
        assert_eq!(counts, [1, 1]);
    }
}

on_both! {
    async fn lists_with_more_parameters_than_a_statement_may_have(app: &TestApp) {
        talk(app, 24).await;
        let ids = |kind: NodeKind| -> Vec<String> {
            let fresh = || app.scope.id::<Uuid>();
            let id = |_| match kind.is_global() {
                true => NodeId::global(kind, fresh()),
                false => NodeId::tenant(kind, app.scope.account_id(), fresh()),
            };
            (0..250).map(id).map(|id| id.to_string()).collect()
        };
        let filter = json!({
            "contactIds": ids(NodeKind::Contact),
            "conversationIds": ids(NodeKind::Conversation),
            "sessionIds": ids(NodeKind::Session),
            "templateIds": ids(NodeKind::Template),
            "authorUserIds": ids(NodeKind::User),
            "authorBotIds": ids(NodeKind::Bot),
        });
        let query = "query($account: ID!, $filter: MessageFilter) { account(id: $account) {
            conversations(first: 24) { nodes { messages(first: 1, filter: $filter) {
                nodes { content } } } } } }";
        let data = app.owner.data(query, json!({ "account": app.account_node, "filter": filter })).await;
        let nodes = data["account"]["conversations"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 24);
        assert!(nodes.iter().all(|node| node["messages"]["nodes"] == json!([])));
    }
}

on_both! {
    async fn what_has_no_value_comes_last_in_lists_read_together_too(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "SMS", Platform::Sms).await;
        for (number, name) in [None, Some("b"), None, Some("a")].into_iter().enumerate() {
            let mut message = factory::message(inbox.id, &format!("+1555000{number:04}"), "hello");
            message.contact.name = name.map(str::to_owned);
            say(&app.scope, message).await;
        }
        let page = "nodes { id name } edges { cursor } pageInfo { hasNextPage hasPreviousPage }";
        for (part, direction) in
            [("first: 3", "ASC"), ("first: 3", "DESC"), ("last: 3", "ASC"), ("last: 3", "DESC")]
        {
            let list = format!(
                "contacts({part}, orderBy: {{ field: NAME, direction: {direction} }}) {{ {page} }}"
            );
            let ask = async |lists: &str| {
                let query = format!("query($id: ID!) {{ account(id: $id) {{ {lists} }} }}");
                app.owner.data(&query, json!({ "id": app.account_node })).await["account"].clone()
            };
            let alone = ask(&list).await["contacts"].clone();
            assert_eq!(alone["nodes"].as_array().unwrap().len(), 3);
            let together = ask(&format!("a: {list} b: {list}")).await;
            assert_eq!((&together["a"], &together["b"]), (&alone, &alone), "{part} {direction}");
        }
    }
}
