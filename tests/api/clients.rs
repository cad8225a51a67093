//! Lists as clients page through them: every list of an account, in every order, forward and
//! backward, gives each row once and in its place.

use std::cmp::Ordering;

use entity::kinds::{ConversationEventKind, Platform, Role, TemplateCategory, TokenScope};
use rapport::domain::bot::{self, BotCreate};
use rapport::domain::campaign;
use rapport::domain::contact::{ContactUpsert, upsert};
use rapport::domain::label::{self, LabelCreate};
use rapport::domain::record::{NewConversationEvent, NewMessage};
use rapport::domain::team::{self, TeamCreate};
use rapport::domain::template::{self, TemplateCreate};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::app::account_token;
use crate::support::factory;
use crate::support::schema::{Item, Schema};
use crate::support::whatsapp;

/// Names that are the same but for their case, and names out of order.
const NAMES: [&str; 5] = ["beta", "Älpha", "alpha", "Gamma", "ÄLPHA"];

/// Some rows of everything, with equal times among them and names without order.
async fn crowd(app: &TestApp) {
    let scope = &app.scope;
    let line = whatsapp::inbox(scope).await;
    let inbox = factory::inbox(scope, "recorded", Platform::Telegram).await;
    for (number, name) in (0..).zip(NAMES) {
        // Two at each instant.
        app.set_clock(i64::from(number) / 2 * 60);
        let (agent, _) = app.new_user(Role::Agent).await;
        account_token(&app.engine, scope.account_id(), Role::Agent, &[TokenScope::Read]).await;
        team::create(scope, None, TeamCreate { name: name.to_owned(), user_ids: vec![] })
            .await
            .unwrap();
        bot::create(scope, None, BotCreate { name: name.to_owned() }).await.unwrap();
        label::create(scope, None, LabelCreate { name: name.to_owned(), color: None })
            .await
            .unwrap();
        factory::inbox(scope, name, Platform::Sms).await;
        let template = TemplateCreate {
            name: name.to_owned(),
            language: "en".to_owned(),
            category: TemplateCategory::Utility,
            body: "Good day".to_owned(),
            status: None,
            external_id: None,
        };
        template::create(scope, None, template).await.unwrap();
        let contact = ContactUpsert {
            phone: Some(format!("+1555000{number:04}")),
            // Not everybody has a name.
            name: (number % 2 == 0).then(|| name.to_owned()),
            ..ContactUpsert::default()
        };
        upsert(scope, None, contact).await.unwrap();
        let said = NewMessage {
            content: "STOP".to_owned(),
            occurred_at: Some(app.hours_ago(100 - i64::from(number) / 2)),
            ..factory::message(inbox.id, &format!("+1555000{number:04}"), "")
        };
        let (_, conversation) = factory::say(scope, said).await;
        if number % 2 == 0 {
            let assigned = factory::event(inbox.id, conversation, ConversationEventKind::Assigned);
            let assigned = NewConversationEvent { user_id: Some(agent.id), ..assigned };
            factory::happen(scope, assigned).await;
            factory::happen(
                scope,
                factory::event(inbox.id, conversation, ConversationEventKind::Closed),
            )
            .await;
        }
        let offered = NewMessage {
            occurred_at: Some(app.hours_ago(50 - i64::from(number) / 2)),
            ..factory::answer(inbox.id, &format!("+1555777{number:04}"), "An offer")
        };
        let (_, conversation) = factory::say(scope, offered).await;
        factory::happen(
            scope,
            factory::event(inbox.id, conversation, ConversationEventKind::Closed),
        )
        .await;
        whatsapp::deliver(app, &line, &format!("{{\"number\":{number}}}")).await;
        let mut draft = factory::draft(line.id, factory::everybody());
        draft.name = format!("Campaign {}", number / 2);
        campaign::create(scope, None, draft).await.unwrap();
    }
}

/// A list of an account in one order.
struct List<'a> {
    app: &'a TestApp,
    field: &'a str,
    /// The argument, with its comma, or nothing for the usual order.
    order: String,
    /// The field that the list is sorted by.
    key: String,
}

impl List<'_> {
    async fn page(&self, arguments: &str) -> Value {
        let document = format!(
            "query($id: ID!) {{ account(id: $id) {{ {}({arguments}{}) {{
                totalCount nodes {{ id }} edges {{ cursor node {{ id key: {} }} }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            }} }} }}",
            self.field, self.order, self.key
        );
        let data = self.app.owner.data(&document, json!({ "id": self.app.account_node })).await;
        let page = data["account"][self.field].clone();
        let (edges, info) = (page["edges"].as_array().unwrap(), &page["pageInfo"]);
        assert_eq!(edges.first().map(|edge| &edge["cursor"]), Some(&info["startCursor"]));
        assert_eq!(edges.last().map(|edge| &edge["cursor"]), Some(&info["endCursor"]));
        page
    }

    async fn forward(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut arguments = "first: 2".to_owned();
        loop {
            let page = self.page(&arguments).await;
            assert_eq!(page["pageInfo"]["hasPreviousPage"], !found.is_empty(), "{}", self.field);
            found.extend(ids(&page));
            if page["pageInfo"]["hasNextPage"] == false {
                return found;
            }
            arguments = format!("first: 2, after: {}", page["pageInfo"]["endCursor"]);
        }
    }

    async fn backward(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut arguments = "last: 2".to_owned();
        loop {
            let page = self.page(&arguments).await;
            assert_eq!(page["pageInfo"]["hasNextPage"], !found.is_empty(), "{}", self.field);
            drop(found.splice(0..0, ids(&page)));
            if page["pageInfo"]["hasPreviousPage"] == false {
                return found;
            }
            arguments = format!("last: 2, before: {}", page["pageInfo"]["startCursor"]);
        }
    }

    /// All rows, after every way to them was compared.
    async fn walk(&self) -> Value {
        let what = format!("{}{}", self.field, self.order);
        let all = self.page("first: 100").await;
        let whole = ids(&all);
        assert!(whole.len() >= NAMES.len(), "{what}: only {} rows", whole.len());
        assert_eq!(all["totalCount"], whole.len(), "{what}");
        assert_eq!(self.forward().await, whole, "{what} forward");
        assert_eq!(self.backward().await, whole, "{what} backward");
        all
    }
}

fn ids(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

fn keys(page: &Value) -> Vec<Value> {
    let edges = page["edges"].as_array().unwrap().iter();
    let keys = edges.map(|edge| &edge["node"]["key"]);
    // A list that is sorted by a thing is sorted by its name.
    keys.map(|key| key.get("name").unwrap_or(key).clone()).collect()
}

/// Texts by their lower case, as code points; numbers by size; nothing last, either way.
fn compare(left: &Value, right: &Value, descending: bool) -> Ordering {
    let known = match (left, right) {
        (Value::Null, Value::Null) => return Ordering::Equal,
        (Value::Null, _) => return Ordering::Greater,
        (_, Value::Null) => return Ordering::Less,
        (Value::String(left), Value::String(right)) => {
            left.to_lowercase().cmp(&right.to_lowercase())
        }
        (left, right) => left.as_i64().unwrap().cmp(&right.as_i64().unwrap()),
    };
    if descending { known.reverse() } else { known }
}

/// The selection of the field by which the rows of a list are sorted.
fn key(schema: &Schema, list: &Item<'_>, column: &str) -> String {
    let row = list.type_name().strip_suffix("Connection").unwrap();
    let field = camel(column);
    match schema.kind_of(schema.field(row, &field).type_name()) {
        "OBJECT" => format!("{field} {{ name }}"),
        _ => field,
    }
}

/// `LAST_MESSAGE_AT` is the field `lastMessageAt`.
fn camel(name: &str) -> String {
    let mut words = name.split('_').map(str::to_lowercase);
    let first = words.next().unwrap();
    words.fold(first, |joined, word| {
        let (initial, rest) = word.split_at(1);
        format!("{joined}{}{rest}", initial.to_uppercase())
    })
}

fn lists(schema: &Schema) -> Vec<Item<'_>> {
    let fields = schema.fields("Account").into_iter();
    fields.filter(|field| field.argument("first").is_some()).collect()
}

on_both! {
    async fn every_list_is_walked_in_every_order(app: &TestApp) {
        crowd(app).await;
        let schema = Schema::fetch(&app.owner).await;
        let lists = lists(&schema);
        assert!(lists.len() >= 13, "only {} lists", lists.len());
        for field in lists {
            let name = field.name();
            let period = match field.argument("period") {
                Some(_) => r#", period: { last: "P30D" }"#,
                None => "",
            };
            let order = period.to_owned();
            List { app, field: name, order, key: "id".to_owned() }.walk().await;
            let order = field.argument("orderBy").unwrap_or_else(|| panic!("{name} has no order"));
            let fields = schema.input_fields(order.type_name());
            let by = fields.iter().find(|each| each.name() == "field").unwrap();
            for column in schema.enum_values(by.type_name()) {
                let mut both = Vec::new();
                for direction in ["ASC", "DESC"] {
                    let order = format!(
                        "{period}, orderBy: {{ field: {column}, direction: {direction} }}"
                    );
                    let key = key(&schema, &field, column);
                    let all = List { app, field: name, order, key }.walk().await;
                    let keys = keys(&all);
                    let ordered =
                        |pair: &[Value]| compare(&pair[0], &pair[1], direction == "DESC").is_le();
                    assert!(
                        keys.windows(2).all(ordered),
                        "{name} by {column} {direction}: {keys:#?}"
                    );
                    both.push((ids(&all), keys.contains(&Value::Null)));
                }
                let (mut up, gaps) = both.remove(0);
                let (down, _) = both.remove(0);
                up.reverse();
                // Rows without a value come last either way.
                assert!(
                    gaps || up == down,
                    "{name} by {column}: one way is not the other reversed"
                );
            }
        }
    }
}

on_both! {
    async fn pages_stay_in_place_while_rows_are_added(app: &TestApp) {
        for name in ["b", "d", "f"] {
            label::create(&app.scope, None, LabelCreate { name: name.to_owned(), color: None })
                .await
                .unwrap();
        }
        let list = List { app, field: "labels", order: String::new(), key: "name".to_owned() };
        let page = list.page("first: 2").await;
        for name in ["a", "e"] {
            label::create(&app.scope, None, LabelCreate { name: name.to_owned(), color: None })
                .await
                .unwrap();
        }
        let next = list.page(&format!("first: 2, after: {}", page["pageInfo"]["endCursor"])).await;
        assert_eq!(keys(&next), ["e", "f"]);
        assert_eq!(next["totalCount"], 5);
    }
}

on_both! {
    async fn fifty_rows_are_a_page_unless_another_size_is_asked(app: &TestApp) {
        for number in 0..101 {
            let name = format!("label {number:03}");
            label::create(&app.scope, None, LabelCreate { name, color: None }).await.unwrap();
        }
        let list =
            List { app, field: "labels", order: ", filter: {}".to_owned(), key: "name".to_owned() };
        let usual = list.page("after: null").await;
        assert_eq!(ids(&usual).len(), 50);
        let largest = list.page("first: 100").await;
        assert_eq!((ids(&largest).len(), &largest["totalCount"]), (100, &json!(101)));
        let last = list.page("last: 1").await;
        assert_eq!(keys(&last), ["label 100"]);
        let cursor = &last["pageInfo"]["startCursor"];
        let before = list.page(&format!("before: {cursor}")).await;
        assert_eq!(keys(&before).last(), Some(&json!("label 099")));
        assert_eq!(ids(&before).len(), 50);
    }
}
