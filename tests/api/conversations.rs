//! What people do with conversations through the API, and the presence of visitors.

use entity::id::ConversationId;
use entity::kinds::{ConversationEventKind, Platform, Role, TokenScope};
use rapport::domain::conversation::{VisitorSeen, visitor_seen};
use rapport::domain::label::{self, LabelCreate};
use rapport::domain::record::{NewConversationEvent, NewMessage};
use rapport::domain::{idle, user};
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory;
use crate::support::gql::Client;

const ADA: &str = "+15550001111";
const SEEN: &str =
    "conversation { status closedBy closedAt closedByUser { id } assignee { id } labels { name } }";

/// A conversation that a contact began, and its id.
async fn begun(app: &TestApp) -> (ConversationId, String) {
    let inbox = factory::inbox(&app.scope, "Site", Platform::Web).await;
    let (_, id) = factory::say(&app.scope, factory::message(inbox.id, ADA, "Hello")).await;
    (id, NodeId::tenant(NodeKind::Conversation, app.scope.account_id(), id).to_string())
}

/// Calls `conversation<What>`, which must succeed, and answers the conversation.
async fn act(client: &Client, what: &str, input: Value) -> Value {
    let document = format!(
        "mutation($input: Conversation{what}Input!) {{ conversation{what}(input: $input) {{
            {SEEN} userErrors {{ path code }}
        }} }}"
    );
    client.mutate(&document, json!({ "input": input })).await["conversation"].clone()
}

/// The events of a conversation: what happened, by whom, to whom.
async fn events(app: &TestApp, id: &str) -> Vec<(String, String)> {
    let document = "query($id: ID!) { node(id: $id) { ... on Conversation {
        events { nodes { kind by byUser { id } user { id } label { name } } }
    } } }";
    let data = app.owner.data(document, json!({ "id": id })).await;
    let nodes = data["node"]["events"]["nodes"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    nodes.iter().map(|node| (text(&node["kind"]), text(&node["by"]))).collect()
}

fn told(events: &[(String, String)]) -> Vec<(&str, &str)> {
    events.iter().map(|(kind, by)| (kind.as_str(), by.as_str())).collect()
}

on_both! {
    async fn a_conversation_is_closed_and_opened_once(app: &TestApp) {
        let (_, id) = begun(app).await;
        let (person, agent) = app.new_user(Role::Agent).await;
        let person = NodeId::global(NodeKind::User, person.id).to_string();
        let closed = act(&agent, "Close", json!({ "id": id })).await;
        assert_eq!(closed["status"], "CLOSED");
        assert_eq!(closed["closedBy"], "AGENT");
        assert_eq!(closed["closedByUser"], json!({ "id": person }));
        assert_eq!(closed["closedAt"], "2026-03-18T15:00:00Z");
        app.set_clock(60);
        assert_eq!(
            act(&agent, "Close", json!({ "id": id })).await,
            closed,
            "closing again changes nothing"
        );
        let opened = act(&agent, "Reopen", json!({ "id": id })).await;
        assert_eq!((&opened["status"], &opened["closedAt"]), (&json!("OPEN"), &Value::Null));
        assert_eq!(act(&agent, "Reopen", json!({ "id": id })).await, opened);
        assert_eq!(told(&events(app, &id).await), [("CLOSED", "AGENT"), ("REOPENED", "AGENT")]);
        // A program is nobody.
        app.set_clock(120);
        let program = app.client_with(Role::Agent, &[TokenScope::Read, TokenScope::Write]).await;
        let closed = act(&program, "Close", json!({ "id": id })).await;
        assert_eq!(
            (&closed["closedBy"], &closed["closedByUser"]),
            (&json!("SYSTEM"), &Value::Null)
        );
    }
}

on_both! {
    async fn what_people_do_holds_while_another_clock_is_ahead(app: &TestApp) {
        let (conversation, id) = begun(app).await;
        let inbox = factory::stored_conversation(&app.scope, conversation).await.inbox_id;
        let ahead = NewMessage {
            occurred_at: Some(app.now.plus_seconds(3_600)),
            ..factory::message(inbox, ADA, "Hello from an hour ahead")
        };
        factory::say(&app.scope, ahead).await;
        for (what, status) in
            [("Close", "CLOSED"), ("Reopen", "OPEN"), ("Close", "CLOSED"), ("Reopen", "OPEN")]
        {
            assert_eq!(act(&app.owner, what, json!({ "id": id })).await["status"], status);
        }
        assert_eq!(events(app, &id).await.len(), 4);
    }
}

on_both! {
    async fn what_is_opened_again_later_is_closed_once(app: &TestApp) {
        let (conversation, id) = begun(app).await;
        let inbox = factory::stored_conversation(&app.scope, conversation).await.inbox_id;
        let seen = VisitorSeen { inbox_id: inbox, contact_external_id: ADA.to_owned(), at: None };
        assert_eq!(visitor_seen(&app.scope, seen).await.unwrap(), 1);
        // Another system's clock is ahead: by its word the conversation is open at the end.
        for (kind, minutes) in
            [(ConversationEventKind::Closed, 119), (ConversationEventKind::Reopened, 120)]
        {
            let occurred_at = Some(app.now.plus_seconds(minutes * 60));
            let event = factory::event(inbox, conversation, kind);
            factory::happen(&app.scope, NewConversationEvent { occurred_at, ..event }).await;
        }
        app.set_clock(3_600);
        assert_eq!(idle::close(&app.scope).await.unwrap(), 1);
        let told = events(app, &id).await;
        assert_eq!(told.iter().filter(|(_, by)| by == "INACTIVITY").count(), 1, "{told:?}");
    }
}

on_both! {
    async fn a_conversation_is_assigned_and_taken_back(app: &TestApp) {
        let (_, id) = begun(app).await;
        let (person, agent) = app.new_user(Role::Agent).await;
        let person = NodeId::global(NodeKind::User, person.id).to_string();
        let assigned = act(&agent, "Assign", json!({ "id": id, "userId": person })).await;
        assert_eq!(assigned["assignee"], json!({ "id": person }));
        // To the same again is nothing.
        act(&agent, "Assign", json!({ "id": id, "userId": person })).await;
        app.set_clock(60);
        let free = act(&agent, "Assign", json!({ "id": id })).await;
        assert_eq!(free["assignee"], Value::Null);
        assert_eq!(told(&events(app, &id).await), [("ASSIGNED", "AGENT"), ("ASSIGNED", "AGENT")]);
        // Only who is in the account can be responsible.
        let (_, scope) = app.stranger().await;
        let stranger =
            user::members(&scope).unwrap().one(scope.db().read()).await.unwrap().unwrap();
        let input =
            json!({ "id": id, "userId": NodeId::global(NodeKind::User, stranger.id).to_string() });
        let document =
            "mutation($input: ConversationAssignInput!) { conversationAssign(input: $input) {
            userErrors { path code }
        } }";
        let data = agent.data(document, json!({ "input": input })).await;
        let error = json!([{ "path": ["userId"], "code": "NOT_FOUND" }]);
        assert_eq!(data["conversationAssign"]["userErrors"], error);
    }
}

on_both! {
    async fn labels_are_put_on_and_taken_off(app: &TestApp) {
        let (_, id) = begun(app).await;
        let mut labels = Vec::new();
        for name in ["blue", "green", "red"] {
            let new = LabelCreate { name: name.to_owned(), color: None };
            let made = label::create(&app.scope, None, new).await.unwrap();
            labels.push(NodeId::tenant(NodeKind::Label, made.account_id, made.id).to_string());
        }
        let put = async |labels: &[&String]| {
            act(&app.owner, "Label", json!({ "id": id, "labelIds": labels })).await["labels"]
                .clone()
        };
        assert_eq!(
            put(&[&labels[0], &labels[1]]).await,
            json!([{ "name": "blue" }, { "name": "green" }])
        );
        app.set_clock(60);
        assert_eq!(
            put(&[&labels[1], &labels[2]]).await,
            json!([{ "name": "green" }, { "name": "red" }])
        );
        app.set_clock(120);
        assert_eq!(
            put(&[&labels[1], &labels[2]]).await,
            json!([{ "name": "green" }, { "name": "red" }])
        );
        assert_eq!(put(&[]).await, json!([]));
        let events = events(app, &id).await;
        let count = |kind: &str| events.iter().filter(|(each, _)| each == kind).count();
        assert_eq!((count("LABELLED"), count("UNLABELLED")), (3, 3));
    }
}

on_both! {
    async fn a_hand_off_is_noted(app: &TestApp) {
        let (_, id) = begun(app).await;
        let open = act(&app.owner, "HandOff", json!({ "id": id })).await;
        assert_eq!(open["status"], "OPEN");
        assert_eq!(told(&events(app, &id).await), [("HANDED_OFF", "AGENT")]);
    }
}

on_both! {
    async fn who_is_gone_for_an_hour_is_closed_by_inactivity(app: &TestApp) {
        let (conversation, id) = begun(app).await;
        let site = factory::stored_conversation(&app.scope, conversation).await.inbox_id;
        let site = NodeId::tenant(NodeKind::Inbox, app.scope.account_id(), site).to_string();
        let document = "mutation($input: VisitorSeenInput!) { visitorSeen(input: $input) {
            conversationCount userErrors { path code }
        } }";
        let widget = app.client_with(Role::Agent, &[TokenScope::Record]).await;
        let seen = async |external_id: &str, at: Option<&str>| {
            let input = json!({ "inboxId": site, "contactExternalId": external_id, "at": at });
            widget.mutate(document, json!({ "input": input })).await["conversationCount"].clone()
        };
        // Of whom nothing was ever seen, nothing is known.
        app.set_clock(7_200);
        assert_eq!(idle::close(&app.scope).await.unwrap(), 0);
        assert_eq!(seen("nobody", None).await, 0);
        assert_eq!(seen(ADA, None).await, 1);
        assert_eq!(seen(ADA, Some("2026-03-18T16:00:00Z")).await, 0, "older than what is known");
        app.set_clock(7_200 + 3_599);
        assert_eq!(idle::close(&app.scope).await.unwrap(), 0);
        app.set_clock(7_200 + 3_600);
        assert_eq!(idle::close(&app.scope).await.unwrap(), 1);
        assert_eq!(idle::close(&app.scope).await.unwrap(), 0);
        assert_eq!(told(&events(app, &id).await), [("CLOSED", "INACTIVITY")]);
        assert_eq!(seen(ADA, None).await, 0, "a closed conversation has no visitor");
        // The next page view begins nothing; the next message does.
        let row = factory::stored_conversation(&app.scope, conversation).await;
        let (_, next) =
            factory::say(&app.scope, factory::message(row.inbox_id, ADA, "Back again")).await;
        assert_ne!(next, conversation);
        let future =
            json!({ "inboxId": site, "contactExternalId": ADA, "at": "2026-03-19T15:00:00Z" });
        let data = widget.data(document, json!({ "input": future })).await;
        assert_eq!(
            data["visitorSeen"]["userErrors"],
            json!([{ "path": ["at"], "code": "OUT_OF_RANGE" }])
        );
    }
}
