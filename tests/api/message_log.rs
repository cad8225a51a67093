//! The log of closed conversations: what is in it, in which order, and its pages.

use entity::id::{ConversationId, InboxId, UserId};
use entity::kinds::{ConversationActor, ConversationEventKind, Platform, Role};
use rapport::domain::record::NewConversationEvent;
use rapport::domain::user::{UserInvite, invite};
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory;

const QUERY: &str = "query($id: ID!, $filter: MessageLogFilter, $search: String,
        $orderBy: MessageLogOrder, $first: Int, $after: String, $last: Int, $before: String) {
    account(id: $id) { messageLog(filter: $filter, search: $search, orderBy: $orderBy,
        first: $first, after: $after, last: $last, before: $before) {
        totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        nodes { client { phone } manager { name } messenger closedBy closedAt }
    } }
}";

async fn agent(app: &TestApp, name: &str) -> UserId {
    let email = format!("{}@acme.test", name.to_lowercase());
    let input = UserInvite { email, name: name.to_owned(), role: Role::Agent, password: None };
    invite(&app.scope, None, input).await.unwrap().id
}

/// A conversation that began so many hours ago and was closed an hour later, if by anyone.
async fn talk(
    app: &TestApp,
    inbox: InboxId,
    number: u32,
    hours_ago: i64,
    manager: Option<UserId>,
    closed: bool,
) -> ConversationId {
    let mut message = factory::message(inbox, &format!("+1555000{number:04}"), "Hello");
    message.occurred_at = Some(app.hours_ago(hours_ago));
    let (_, conversation) = factory::say(&app.scope, message).await;
    let event = |kind, hours| NewConversationEvent {
        by: Some(ConversationActor::Agent),
        by_user_id: manager,
        occurred_at: Some(app.hours_ago(hours)),
        ..factory::event(inbox, conversation, kind)
    };
    if let Some(manager) = manager {
        let assigned = event(ConversationEventKind::Assigned, hours_ago);
        let assigned = NewConversationEvent { user_id: Some(manager), ..assigned };
        factory::happen(&app.scope, assigned).await;
    }
    if closed {
        factory::happen(&app.scope, event(ConversationEventKind::Closed, hours_ago - 1)).await;
    }
    conversation
}

/// Five closed ones and an open one, of two managers and nobody.
async fn log(app: &TestApp) -> [UserId; 2] {
    let web = factory::inbox(&app.scope, "Site", Platform::Web).await.id;
    let telegram = factory::inbox(&app.scope, "Bird", Platform::Telegram).await.id;
    // The first is made later, so that names and ids sort differently.
    let zoe = agent(app, "Zoe").await;
    let abe = agent(app, "abe").await;
    talk(app, web, 1, 50, Some(zoe), true).await;
    talk(app, web, 2, 40, Some(abe), true).await;
    talk(app, telegram, 3, 30, None, true).await;
    talk(app, web, 4, 20, Some(abe), true).await;
    talk(app, web, 5, 10, Some(zoe), true).await;
    talk(app, web, 6, 5, Some(abe), false).await;
    [zoe, abe]
}

async fn ask(app: &TestApp, mut variables: Value) -> Value {
    variables["id"] = json!(app.account_node);
    app.owner.data(QUERY, variables).await["account"]["messageLog"].clone()
}

/// The last digits of the contacts' numbers.
fn numbers(list: &Value) -> Vec<u32> {
    let phone = |node: &Value| {
        node["client"]["phone"].as_str().unwrap().strip_prefix("+1555000").unwrap().parse().unwrap()
    };
    list["nodes"].as_array().unwrap().iter().map(phone).collect()
}

fn node(id: UserId) -> String {
    NodeId::global(NodeKind::User, id).to_string()
}

on_both! {
    async fn the_log_holds_what_is_closed(app: &TestApp) {
        let [zoe, abe] = log(app).await;
        let all = ask(app, json!({})).await;
        assert_eq!(numbers(&all), [5, 4, 3, 2, 1], "closed last first");
        assert_eq!(all["totalCount"], 5);
        assert_eq!(
            all["nodes"][2],
            json!({ "client": { "phone": "+15550000003" }, "manager": null,
                "messenger": "TELEGRAM", "closedBy": "AGENT", "closedAt": "2026-03-17T10:00:00Z" })
        );
        let from = |hours| json!(jiff::Timestamp::from_microsecond(app.hours_ago(hours).0).unwrap().to_string());
        for (filter, expected) in [
            (json!({ "managerIds": [node(abe)] }), vec![4, 2]),
            (json!({ "managerIds": [node(zoe), node(abe)], "createdFrom": from(40) }), vec![5, 4, 2]),
            (json!({ "managed": false }), vec![3]),
            (json!({ "messengers": ["TELEGRAM"] }), vec![3]),
            (json!({ "closedFrom": from(29), "closedTo": from(9) }), vec![4, 3]),
            (json!({ "closedBy": ["CLIENT"] }), vec![]),
        ] {
            let list = ask(app, json!({ "filter": filter })).await;
            assert_eq!(numbers(&list), expected, "{filter}");
            assert_eq!(list["totalCount"], expected.len(), "{filter}");
        }
        assert_eq!(numbers(&ask(app, json!({ "search": "0000004" })).await), [4]);
    }
}

/// Has the conversation, which is closed, another manager.
async fn reassign(app: &TestApp, inbox: InboxId, conversation: ConversationId, to: UserId) {
    let assigned = factory::event(inbox, conversation, ConversationEventKind::Assigned);
    let assigned = NewConversationEvent {
        user_id: Some(to),
        by: Some(ConversationActor::Agent),
        occurred_at: Some(app.hours_ago(1)),
        ..assigned
    };
    factory::happen(&app.scope, assigned).await;
}

on_both! {
    async fn pages_go_on_where_a_manager_was(app: &TestApp) {
        let web = factory::inbox(&app.scope, "Site", Platform::Web).await.id;
        let (abe, kim, zoe) = (agent(app, "Abe").await, agent(app, "Kim").await, agent(app, "Zoe").await);
        talk(app, web, 1, 50, Some(abe), true).await;
        let kims = talk(app, web, 2, 40, Some(kim), true).await;
        talk(app, web, 3, 30, Some(zoe), true).await;
        let order = json!({ "field": "MANAGER", "direction": "ASC" });
        let page = ask(app, json!({ "orderBy": order, "first": 2 })).await;
        assert_eq!(numbers(&page), [1, 2]);
        let cursor = page["pageInfo"]["endCursor"].clone();
        reassign(app, web, kims, abe).await;
        let rest = ask(app, json!({ "orderBy": order, "after": cursor })).await;
        assert_eq!(numbers(&rest), [3]);
        let before = ask(app, json!({ "orderBy": order, "last": 5, "before": cursor })).await;
        assert_eq!(numbers(&before), [2, 1]);
        let elsewhere = json!({ "id": app.account_node, "orderBy": order, "after": cursor, "filter": { "managed": true } });
        let answer = app.owner.send(QUERY, elsewhere).await;
        assert_eq!(answer.body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
}

on_both! {
    async fn managers_are_sorted_by_name(app: &TestApp) {
        log(app).await;
        let order = |direction| json!({ "field": "MANAGER", "direction": direction });
        for (direction, expected) in [("ASC", [4, 2, 5, 1, 3]), ("DESC", [5, 1, 4, 2, 3])] {
            let order = order(direction);
            assert_eq!(numbers(&ask(app, json!({ "orderBy": order })).await), expected);
            for size in 1..=6 {
                let (mut forward, mut after) = (Vec::new(), Value::Null);
                loop {
                    let page = json!({ "orderBy": order, "first": size, "after": after });
                    let page = ask(app, page).await;
                    forward.extend(numbers(&page));
                    after = page["pageInfo"]["endCursor"].clone();
                    if page["pageInfo"]["hasNextPage"] == false {
                        break;
                    }
                }
                assert_eq!(forward, expected, "{size} a page");
                let (mut backward, mut before) = (Vec::new(), Value::Null);
                loop {
                    let page = json!({ "orderBy": order, "last": size, "before": before });
                    let page = ask(app, page).await;
                    backward.splice(0..0, numbers(&page));
                    before = page["pageInfo"]["startCursor"].clone();
                    if page["pageInfo"]["hasPreviousPage"] == false {
                        break;
                    }
                }
                assert_eq!(backward, expected, "{size} a page, backward");
            }
        }
        let page = ask(app, json!({ "orderBy": order("ASC"), "first": 2 })).await;
        let cursor = &page["pageInfo"]["endCursor"];
        for order in [order("DESC"), json!({ "field": "CLOSED_AT", "direction": "ASC" })] {
            let variables =
                json!({ "id": app.account_node, "orderBy": order, "after": cursor, "filter": {} });
            let answer = app.owner.send(QUERY, variables).await;
            assert_eq!(answer.body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{order}");
        }
    }
}
