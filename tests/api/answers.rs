//! The form of answers: what an error takes with it, and the order of fields.

use std::collections::BTreeSet;

use entity::kinds::Platform;
use rapport::graphql::id::{NodeId, NodeKind};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::factory;

on_both! {
    /// A field that must not be null nulls the nearest thing around it that may be, and no more.
    async fn an_error_takes_no_more_with_it_than_it_must(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        for phone in ["+15550001", "+15550002"] {
            factory::say(&app.scope, factory::message(inbox, phone, "hello")).await;
        }
        let account_id = app.scope.account_id();
        let inbox = NodeId::tenant(NodeKind::Inbox, account_id, inbox).to_string();
        let query = "query($id: ID!) { account(id: $id) { messages(first: 1) { nodes { id } } } }";
        let data = app.owner.data(query, json!({ "id": app.account_node })).await;
        let message = data["account"]["messages"]["nodes"][0]["id"].clone();

        // What no caller can do: messages have lost their contacts.
        let rename = "ALTER TABLE contact RENAME TO contact_lost";
        app.engine.db.write().execute_unprepared(rename).await.unwrap();
        let query = "query($id: ID!, $ids: [ID!]!) {
            before: account(id: $id) { name }
            broken: account(id: $id) {
                name
                messages(first: 5) { totalCount nodes { id contact { id } } }
                inboxes(first: 1) { nodes { id } }
            }
            nodes(ids: $ids) { id ... on Message { content contact { id } } }
            after: account(id: $id) { id }
        }";
        let variables = json!({ "id": app.account_node, "ids": [inbox, message, inbox] });
        let answer = app.owner.send(query, variables).await;
        assert_eq!(answer.status, 200);
        let expected = json!({
            "before": { "name": "Acme" },
            "broken": null,
            "nodes": [{ "id": inbox }, null, { "id": inbox }],
            "after": { "id": app.account_node },
        });
        assert_eq!(answer.body["data"], expected, "{:#}", answer.body);
        let errors = answer.body["errors"].as_array().unwrap();
        for error in errors {
            assert_eq!(error["extensions"]["code"], "INTERNAL_SERVER_ERROR");
            assert!(!error.to_string().contains("contact_lost"));
        }
        let starts: BTreeSet<_> = errors.iter().map(|error| error["path"][0].to_string()).collect();
        assert_eq!(starts, ["\"broken\"".to_owned(), "\"nodes\"".to_owned()].into());
    }
}

on_both! {
    /// Whatever takes longest.
    async fn fields_come_in_the_order_asked(app: &TestApp) {
        let fields = [
            "f0: report(input: { metrics: [SENT, FIRST_RESPONSE_SECONDS_MEDIAN],
                period: { preset: LAST_90_DAYS }, interval: DAY }) { totals { value } }",
            "f1: name",
            "f2: conversations(first: 1) { totalCount }",
            "f3: id",
            "f4: engagement(period: { preset: LAST_30_DAYS }) { sent { value } }",
            "f5: createdAt",
        ];
        for turned in 0..fields.len() {
            let mut asked = fields;
            asked.rotate_left(turned);
            let query = format!(
                "query($id: ID!) {{ metrics {{ key }} account(id: $id) {{ {} }} viewer {{ __typename }} }}",
                asked.join(" ")
            );
            let body = json!({ "query": query, "variables": { "id": app.account_node } });
            let request = app.owner.http.post(format!("{}/graphql", app.url));
            let request = request.bearer_auth(app.owner.token.as_ref().unwrap());
            let request = request.header("content-type", "application/json");
            let text = request.body(body.to_string()).send().await.unwrap().text().await.unwrap();
            let parsed: Value = serde_json::from_str(&text).unwrap();
            assert!(parsed.get("errors").is_none(), "{text}");
            let names = asked.iter().map(|field| field.split_once(':').unwrap().0);
            let names = ["metrics"].into_iter().chain(["account"]).chain(names).chain(["viewer"]);
            let places: Vec<_> = names
                .map(|name| text.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name}")))
                .collect();
            assert!(places.is_sorted(), "{places:?} in {text}");
        }
    }
}
