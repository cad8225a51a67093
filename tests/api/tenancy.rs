//! A stranger learns nothing of an account and changes nothing in it: whatever is asked with
//! its ids is answered as with ids of nothing. What the schema has and this test does not
//! cover makes it fail.

use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::gql::{Answer, Client};
use crate::support::mutations::{self, calls};
use crate::support::schema::{Item, Schema};
use crate::support::world::{Whose, World, fill, placeholders};

/// Two worlds, and what a stranger can compare: ids of the other world and ids of nothing.
struct Stage {
    schema: Schema,
    /// The world that must stay closed.
    closed: World,
    stranger: Client,
    own: World,
}

impl Stage {
    async fn set(app: &TestApp) -> Self {
        let schema = Schema::fetch(&app.owner).await;
        let closed = World::build(app, &app.scope, "acme").await;
        let (stranger, scope) = app.stranger().await;
        let own = World::build(app, &scope, "strange").await;
        Self { schema, closed, stranger, own }
    }

    /// What must be answered alike, in pairs.
    fn pairs(&self) -> [(Whose<'_>, Whose<'_>); 2] {
        [
            (Whose::Of(&self.closed), Whose::Missing),
            (Whose::Mixed(&self.own, &self.closed), Whose::MissingIn(&self.own)),
        ]
    }

    /// Sends the same request with ids from either side of each pair and compares.
    async fn compare(&self, what: &str, document: &str, variables: &Value, varied: &[String]) {
        for pair in self.pairs() {
            let mut answers = Vec::new();
            for whose in [pair.0, pair.1] {
                let id = |place: &str| {
                    if varied.iter().any(|each| each == place) {
                        self.closed.id_of(place, whose)
                    } else {
                        self.own.id(place)
                    }
                };
                let answer = self.stranger.send(document, fill(variables, &id)).await;
                answers.push(tame(answer, varied, id));
            }
            assert_eq!(answers[0], answers[1], "{what} with other ids for {varied:?}");
        }
    }
}

/// The answer without what differs between any two requests: the request's id and the ids
/// that were sent.
fn tame(answer: Answer, varied: &[String], id: impl Fn(&str) -> String) -> (u16, String) {
    let status = answer.status;
    let mut text = format!("{:#}", answer.without_request_id());
    assert!(!text.contains("INTERNAL_SERVER_ERROR"), "{text}");
    for place in varied {
        text = text.replace(&id(place), place);
    }
    (status, text)
}

/// The places of a filter or input where ids stand, and the kind that is meant.
fn id_kind(field: &Item<'_>) -> Option<&'static str> {
    if field.type_name() != "ID" {
        return None;
    }
    let name = field.name();
    let name = name.strip_suffix("Ids").or_else(|| name.strip_suffix("Id")).unwrap_or(name);
    Some(match name {
        "inbox" | "inboxes" => "inbox",
        "contact" => "contact",
        "conversation" => "conversation",
        "session" => "session",
        "template" | "templates" => "template",
        "team" | "teams" => "team",
        "label" | "labels" => "label",
        "bot" | "bots" | "authorBot" => "bot",
        "campaign" | "campaigns" => "campaign",
        "assignee" | "assignees" | "manager" | "member" | "user" | "authorUser" | "authors" => {
            "user"
        }
        other => panic!("whose id is {other}? add it to id_kind"),
    })
}

/// All that the owner sees of the things in a world.
async fn everything(schema: &Schema, owner: &Client, world: &World) -> Vec<Value> {
    let mut seen = Vec::new();
    for kind in world.kinds() {
        let document =
            format!("query($id: ID!) {{ node(id: $id) {{ {} }} }}", node_selection(schema, kind));
        let node = owner.data(&document, json!({ "id": world.id(kind) })).await;
        assert!(node["node"].is_object(), "the owner sees no {kind}: {node}");
        seen.push(node);
    }
    seen
}

fn node_selection(schema: &Schema, kind: &str) -> String {
    let kind = NodeKind::ALL.into_iter().find(|each| each.prefix() == kind).unwrap();
    format!("... on {0} {{ {1} }}", kind.type_name(), schema.selection(kind.type_name(), 1))
}

on_both! {
    async fn nodes_of_others_are_not_there(app: &TestApp) {
        let stage = Stage::set(app).await;
        let mut roots: Vec<&str> = stage.schema.queries().iter().map(Item::name).collect();
        roots.sort_unstable();
        assert_eq!(
            roots,
            ["account", "metrics", "node", "nodes", "viewer"],
            "cover the new one here"
        );
        let kinds: Vec<&str> = NodeKind::ALL.iter().map(|kind| kind.type_name()).collect();
        for implementation in stage.schema.implementations("Node") {
            assert!(kinds.contains(&implementation), "{implementation} has no kind of id");
        }
        let all: Vec<String> = stage.closed.kinds().into_iter().map(str::to_owned).collect();
        assert_eq!(all.len(), NodeKind::ALL.len(), "the world has not one of everything");
        everything(&stage.schema, &app.owner, &stage.closed).await;

        for kind in &all {
            let selection = node_selection(&stage.schema, kind);
            let document = format!("query($id: ID!) {{ node(id: $id) {{ {selection} }} }}");
            let variables = json!({ "id": format!("${kind}") });
            stage.compare("node", &document, &variables, std::slice::from_ref(kind)).await;
            let answer =
                stage.stranger.send(&document, json!({ "id": stage.closed.id(kind) })).await;
            assert_eq!(answer.body, json!({ "data": { "node": null } }), "{kind}");
        }
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
        let ids: Vec<String> = all.iter().map(|kind| format!("${kind}")).collect();
        stage.compare("nodes", document, &json!({ "ids": ids }), &all).await;

        let viewer = stage.stranger.data("{ viewer { accounts { id } } }", json!({})).await;
        assert_eq!(viewer["viewer"]["accounts"], json!([{ "id": stage.own.id("account") }]));
    }
}

/// Arguments for fields of an account that need some.
fn arguments(field: &str) -> &'static str {
    match field {
        "report" => r#"(input: { metrics: [MESSAGES], period: { last: "P30D" } })"#,
        "engagement" | "conversationStarts" | "engagementRows" => r#"(period: { last: "P30D" })"#,
        other => panic!("Account.{other} needs arguments; add them here"),
    }
}

on_both! {
    async fn no_field_of_a_foreign_account_opens(app: &TestApp) {
        let stage = Stage::set(app).await;
        let account = ["account".to_owned()];
        for field in stage.schema.fields("Account") {
            let given = if field.needs_arguments() { arguments(field.name()) } else { "" };
            let leaf = matches!(stage.schema.kind_of(field.type_name()), "SCALAR" | "ENUM");
            let inner = if leaf { "" } else { "{ __typename }" };
            let document = format!(
                "query($id: ID!) {{ account(id: $id) {{ {}{given} {inner} }} }}",
                field.name()
            );
            stage.compare(field.name(), &document, &json!({ "id": "$account" }), &account).await;
            let own =
                stage.stranger.send(&document, json!({ "id": stage.own.id("account") })).await;
            assert!(own.body["errors"].is_null(), "{}: {:#}", field.name(), own.body);
        }
    }
}

on_both! {
    async fn filters_by_foreign_ids_find_nothing(app: &TestApp) {
        let stage = Stage::set(app).await;
        let mut compared = 0;
        for field in stage.schema.fields("Account") {
            let Some(filter) = field.argument("filter") else { continue };
            let document = format!(
                "query($id: ID!, $filter: {}) {{ account(id: $id) {{ {}(filter: $filter) {{ totalCount nodes {{ id }} }} }} }}",
                filter.type_name(),
                field.name()
            );
            for place in stage.schema.input_fields(filter.type_name()) {
                let Some(kind) = id_kind(&place) else { continue };
                let name = place.name();
                let variables =
                    json!({ "id": "$account", "filter": { name: [format!("${kind}")] } });
                let what = format!("{}.{name}", field.name());
                stage.compare(&what, &document, &variables, &[kind.to_owned()]).await;
                compared += 1;
            }
        }
        assert!(compared >= 10, "only {compared} filters were found");
        let document = "query($id: ID!, $filter: ReportFilter) { account(id: $id) { report(input: {
            metrics: [MESSAGES, SENT], breakdown: [INBOX], period: { last: \"P30D\" }, filter: $filter
        }) { totals { value } rows { keys { value label } values { value } } } } }";
        for place in stage.schema.input_fields("ReportFilter") {
            let Some(kind) = id_kind(&place) else { continue };
            let variables =
                json!({ "id": "$account", "filter": { place.name(): [format!("${kind}")] } });
            stage.compare(place.name(), document, &variables, &[kind.to_owned()]).await;
        }
    }
}

on_both! {
    async fn no_mutation_reaches_a_foreign_account(app: &TestApp) {
        let stage = Stage::set(app).await;
        mutations::assert_complete(&stage.schema);
        let before = everything(&stage.schema, &app.owner, &stage.closed).await;
        for call in calls() {
            let document = call.document(&stage.schema);
            let variables = json!({ "input": call.input });
            let places = placeholders(&variables);
            assert!(!places.is_empty(), "{} names nothing", call.name);
            // Everything foreign at once, then each id alone beside ids of the stranger's own.
            stage.compare(call.name, &document, &variables, &places).await;
            for place in &places {
                stage.compare(call.name, &document, &variables, std::slice::from_ref(place)).await;
            }
        }
        let after = everything(&stage.schema, &app.owner, &stage.closed).await;
        assert_eq!(after, before);
    }
}

on_both! {
    async fn a_member_sees_who_is_in_the_same_account_only(app: &TestApp) {
        let stage = Stage::set(app).await;
        let document = "query($id: ID!) { node(id: $id) { id } }";
        let see = async |id: String| {
            stage.stranger.data(document, json!({ "id": id })).await["node"].clone()
        };
        let owner = NodeId::global(NodeKind::User, app.owner_id).to_string();
        assert_eq!(see(owner).await, Value::Null);
        let member = stage.own.id("user");
        assert_eq!(see(member.clone()).await, json!({ "id": member }));
    }
}
