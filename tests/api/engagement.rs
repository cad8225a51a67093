//! The numbers of things in lists: those that a report gives, and counted at once.

use entity::kinds::{Platform, TemplateCategory};
use rapport::domain::record::{Item, NewMessage, NewStatus};
use rapport::domain::template::{self, TemplateCreate};
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::factory;
use crate::{asking, on_both};

const NUMBERS: &str = "engagement(period: { last: \"P2D\" }) {
    sent { value } responseRate { value numerator denominator dateBasis }
    contactsActive { value } replySecondsMedian { value }
}";

/// Inboxes called by these numbers; on each as many sends, of which one is answered.
async fn inboxes(app: &TestApp, numbers: std::ops::Range<usize>) {
    let scope = &app.scope;
    let template = TemplateCreate {
        name: format!("greeting {}", numbers.start),
        language: "en".to_owned(),
        category: TemplateCategory::Utility,
        body: "Good day".to_owned(),
        status: None,
        external_id: None,
    };
    let template = template::create(scope, None, template).await.unwrap().id;
    for number in numbers {
        let name = format!("Inbox {number}");
        let inbox = factory::inbox(scope, &name, Platform::Whatsapp).await.id;
        for send in 0..number {
            let phone = format!("+1555{number:03}{send:04}");
            let id = format!("{number}-{send}");
            let sent = NewMessage {
                external_id: Some(id.clone()),
                medium: entity::kinds::Medium::Mailing,
                template_id: Some(template),
                occurred_at: Some(app.hours_ago(5)),
                ..factory::answer(inbox, &phone, "Good day")
            };
            factory::say(scope, sent).await;
            let heard = factory::status(inbox, &id, entity::kinds::StatusKind::Delivered);
            let heard = NewStatus { occurred_at: Some(app.hours_ago(4)), ..heard };
            factory::record(scope, vec![Item::Status(heard)]).await;
            if send == 0 {
                let occurred_at = Some(app.hours_ago(3));
                let reply = NewMessage { occurred_at, ..factory::message(inbox, &phone, "Hi") };
                factory::say(scope, reply).await;
            }
        }
    }
}

async fn listed(app: &TestApp, list: &str) -> Vec<Value> {
    let query = format!(
        "query($account: ID!) {{ account(id: $account) {{
            {list}(first: 100) {{ nodes {{ id {NUMBERS} }} }} }} }}"
    );
    let data = app.owner.data(&query, json!({ "account": app.account_node })).await;
    data["account"][list]["nodes"].as_array().unwrap().clone()
}

on_both! {
    async fn the_numbers_of_a_list_are_those_of_reports(app: &TestApp) {
        inboxes(app, 0..4).await;
        for (list, filter) in [("inboxes", "inboxes"), ("templates", "templates")] {
            let nodes = listed(app, list).await;
            assert!(!nodes.is_empty());
            for node in nodes {
                let input = json!({
                    "metrics": ["SENT", "RESPONSE_RATE", "CONTACTS_ACTIVE", "REPLY_SECONDS_MEDIAN"],
                    "period": { "last": "P2D" },
                    "filter": { filter: [node["id"]] },
                });
                let report = asking::report(app, &input).await;
                let fields = ["sent", "responseRate", "contactsActive", "replySecondsMedian"];
                for (index, field) in fields.into_iter().enumerate() {
                    let told = &node["engagement"][field];
                    assert_eq!(told["value"], report["totals"][index]["value"], "{field}: {node}");
                }
                let rate = &node["engagement"]["responseRate"];
                assert_eq!(rate["denominator"], report["totals"][1]["denominator"]);
                assert_eq!(rate["dateBasis"], "SEND");
            }
        }
    }
}

/// The statements that read inboxes or make numbers, which nothing does in the background.
fn of_the_list(statements: Vec<sea_orm::Statement>) -> Vec<String> {
    let texts = statements.into_iter().map(|statement| statement.sql);
    texts.filter(|sql| sql.contains("\"inbox\"") || sql.starts_with("WITH seg")).collect()
}

on_both! {
    async fn a_list_costs_as_many_statements_as_one_thing(app: &TestApp) {
        inboxes(app, 0..2).await;
        let (nodes, few) = app.watch.during(listed(app, "inboxes")).await;
        assert_eq!(nodes.len(), 2);
        inboxes(app, 2..14).await;
        let (nodes, many) = app.watch.during(listed(app, "inboxes")).await;
        assert_eq!(nodes.len(), 14);
        let (few, many) = (of_the_list(few), of_the_list(many));
        assert!(few.len() >= 3, "{few:#?}");
        assert_eq!(few.len(), many.len(), "{few:#?}\n{many:#?}");
    }
}

on_both! {
    async fn things_of_other_kinds_have_numbers_too(app: &TestApp) {
        inboxes(app, 0..3).await;
        let query = "query($account: ID!, $user: ID!) {
            account(id: $account) {
                engagement(period: { last: \"P2D\" }, timeZone: \"Asia/Kathmandu\") {
                    sent { value metric }
                }
            }
            node(id: $user) { ... on User {
                engagement(accountId: $account, period: { last: \"P2D\" }) { messages { value } }
            } }
        }";
        let user = rapport::graphql::id::NodeId::global(
            rapport::graphql::id::NodeKind::User,
            app.owner_id.0,
        );
        let variables = json!({ "account": app.account_node, "user": user.to_string() });
        let data = app.owner.data(query, variables).await;
        let sent = &data["account"]["engagement"]["sent"];
        assert_eq!(*sent, json!({ "value": 3.0, "metric": "SENT" }));
        assert_eq!(data["node"]["engagement"]["messages"]["value"], 0.0);
    }
}
