//! Who may do what: every mutation and every field of an account, for every role and every
//! scope of a token. What the schema has and the tables lack makes a test fail.

use entity::kinds::{Platform, Role, TokenScope};
use entity::vocabulary::Vocabulary;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::factory;
use crate::support::gql::{Answer, Client};
use crate::support::mutations::{self, calls};
use crate::support::schema::Schema;
use crate::support::world::{World, fill};

/// The fields of an account that not everybody in it may see.
const GUARDED: [(&str, Role); 4] = [
    ("tokens", Role::Admin),
    ("webhookEvents", Role::Admin),
    ("campaigns", Role::Manager),
    ("credits", Role::Manager),
];

fn forbidden(answer: &Answer) -> bool {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().any(|error| error["extensions"]["code"] == "FORBIDDEN")
}

/// Sends every mutation and compares who is let in with the table.
async fn compare(
    schema: &Schema,
    world: &World,
    client: &Client,
    role: Role,
    scopes: &[TokenScope],
) {
    for call in calls() {
        let variables = fill(&json!({ "input": call.input }), &|kind: &str| world.id(kind));
        let answer = client.send(&call.document(schema), variables).await;
        let allowed = role >= call.role && call.scopes.iter().any(|scope| scopes.contains(scope));
        let who =
            format!("{} with {scopes:?} calling {}: {:#}", role.name(), call.name, answer.body);
        assert_eq!(forbidden(&answer), !allowed, "{who}");
        if forbidden(&answer) {
            assert_eq!(answer.body["data"][call.name], Value::Null, "{who}");
            assert!(answer.message().starts_with("this needs"), "{who}");
        } else {
            // Inputs fit the world, or no longer do; nothing else may go wrong.
            assert!(answer.body["errors"].is_null(), "{who}");
        }
    }
}

on_both! {
    async fn mutations_ask_for_their_role(app: &TestApp) {
        let schema = Schema::fetch(&app.owner).await;
        mutations::assert_complete(&schema);
        let world = World::build(app, &app.scope, "acme").await;
        // From below, since what is allowed takes effect.
        for role in Role::ALL {
            let client = app.client_with(*role, TokenScope::ALL).await;
            compare(&schema, &world, &client, *role, TokenScope::ALL).await;
        }
    }
}

on_both! {
    async fn mutations_ask_for_their_scope(app: &TestApp) {
        let schema = Schema::fetch(&app.owner).await;
        let world = World::build(app, &app.scope, "acme").await;
        for scope in TokenScope::ALL {
            let client = app.client_with(Role::Owner, &[*scope]).await;
            compare(&schema, &world, &client, Role::Owner, &[*scope]).await;
        }
    }
}

on_both! {
    async fn fields_of_an_account_ask_for_their_role(app: &TestApp) {
        let schema = Schema::fetch(&app.owner).await;
        let variables = json!({ "id": app.account_node });
        for role in Role::ALL {
            let client = app.client_with(*role, &[TokenScope::Read]).await;
            for field in schema.fields("Account").iter().filter(|field| !field.needs_arguments()) {
                let leaf = matches!(schema.kind_of(field.type_name()), "SCALAR" | "ENUM");
                let inner = if leaf { "" } else { "{ __typename }" };
                let document = format!(
                    "query($id: ID!) {{ account(id: $id) {{ {} {inner} }} }}",
                    field.name()
                );
                let answer = client.send(&document, variables.clone()).await;
                let guarded = GUARDED.iter().find(|(name, _)| *name == field.name());
                let allowed = guarded.is_none_or(|(_, least)| role >= least);
                let who = format!("{} asking for {}: {:#}", role.name(), field.name(), answer.body);
                assert_eq!(forbidden(&answer), !allowed, "{who}");
                // A field that is refused leaves those beside it standing.
                assert!(answer.body["data"]["account"].is_object(), "{who}");
            }
        }
    }
}

on_both! {
    async fn without_the_scope_read_nothing_is_read(app: &TestApp) {
        let world = World::build(app, &app.scope, "acme").await;
        for scope in [TokenScope::Record, TokenScope::Write] {
            let client = app.client_with(Role::Owner, &[scope]).await;
            let document = "query($id: ID!) { account(id: $id) { name } }";
            let answer = client.send(document, json!({ "id": app.account_node })).await;
            assert_eq!(answer.code(), "FORBIDDEN", "{:#}", answer.body);
            for kind in world.kinds() {
                let document = "query($id: ID!) { node(id: $id) { id } }";
                let answer = client.send(document, json!({ "id": world.id(kind) })).await;
                assert_eq!(answer.body["data"]["node"], Value::Null, "{kind}: {:#}", answer.body);
            }
            // What it records or changes is answered all the same.
            let viewer = client.data("{ viewer { token { scopes } } }", json!({})).await;
            assert_eq!(viewer["viewer"]["token"]["scopes"], json!([scope.name()]));
        }
    }
}

on_both! {
    async fn secrets_of_an_account_are_for_administrators(app: &TestApp) {
        let world = World::build(app, &app.scope, "acme").await;
        let document = "query($inbox: ID!, $user: ID!, $token: ID!, $event: ID!) {
            inbox: node(id: $inbox) { ... on Inbox { webhookUrl hasCredentials } }
            user: node(id: $user) { ... on User { name lastSignInIp } }
            token: node(id: $token) { id }
            event: node(id: $event) { id }
        }";
        let ids = json!({
            "inbox": world.id("inbox"), "user": world.id("user"), "token": world.id("access_token"),
            "event": world.id("raw_event"),
        });
        for role in Role::ALL {
            let client = app.client_with(*role, &[TokenScope::Read]).await;
            let answer = client.send(document, ids.clone()).await;
            let data = &answer.body["data"];
            let seen = *role >= Role::Admin;
            assert_eq!(data["inbox"]["webhookUrl"].is_string(), seen, "{}: {data:#}", role.name());
            assert_eq!(data["inbox"]["hasCredentials"], true);
            assert_eq!(data["token"].is_object(), seen, "{}: {data:#}", role.name());
            assert_eq!(data["event"].is_object(), seen, "{}: {data:#}", role.name());
            assert!(data["user"].is_object(), "{data:#}");
            assert!(!answer.body.to_string().contains("app-secret"), "{data:#}");
        }
    }
}

on_both! {
    async fn readers_see_no_personal_data_unless_their_token_says_so(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let mut message = factory::message(inbox, "+15550001111", "A secret");
        message.contact.name = Some("Ada".to_owned());
        factory::say(&app.scope, message).await;
        let document = "query($id: ID!) { account(id: $id) {
            contacts { nodes { name phone identities { sourceId } } }
            messages { nodes { content direction } }
        } }";
        let id = json!({ "id": app.account_node });
        let seen = json!({
            "contacts": { "nodes": [{
                "name": "Ada", "phone": "+15550001111", "identities": [{ "sourceId": "+15550001111" }],
            }] },
            "messages": { "nodes": [{ "content": "A secret", "direction": "INBOUND" }] },
        });
        let hidden = json!({
            "contacts": { "nodes": [{
                "name": null, "phone": null, "identities": [{ "sourceId": null }],
            }] },
            "messages": { "nodes": [{ "content": null, "direction": "INBOUND" }] },
        });
        use TokenScope::{PersonalData, Read};
        for (role, scopes, expected) in [
            (Role::Reader, vec![Read], &hidden),
            (Role::Reader, vec![Read, PersonalData], &seen),
            (Role::Agent, vec![Read], &seen),
        ] {
            let client = app.client_with(role, &scopes).await;
            assert_eq!(client.data(document, id.clone()).await["account"], *expected, "{role:?}");
        }
        let reader = app.client_with(Role::Reader, &[Read]).await;
        for arguments in ["filter: { search: \"+1555\" }", "orderBy: { field: NAME, direction: ASC }"] {
            let document = format!(
                "query($id: ID!) {{ account(id: $id) {{ contacts({arguments}) {{ totalCount }} }} }}"
            );
            assert_eq!(reader.send(&document, id.clone()).await.code(), "FORBIDDEN", "{arguments}");
        }
    }
}
