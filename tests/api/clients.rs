//! Lists as clients page through them: every list of an account, in every order, forward and
//! backward, gives each row once and in its place.

use std::cmp::Ordering;

use entity::Timestamp;
use entity::kinds::{ConversationEventKind, Platform, Role, TemplateCategory, TokenScope};
use rapport::domain::bot::{self, BotCreate};
use rapport::domain::contact::{ContactUpsert, upsert};
use rapport::domain::label::{self, LabelCreate};
use rapport::domain::record::NewMessage;
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
        app.new_user(Role::Agent).await;
        account_token(&app.engine, scope.account_id(), Role::Agent, &[TokenScope::Read]).await;
        team::create(scope, None, TeamCreate { name: name.to_owned(), user_ids: vec![] }).await.unwrap();
        bot::create(scope, None, BotCreate { name: name.to_owned() }).await.unwrap();
        label::create(scope, None, LabelCreate { name: name.to_owned(), color: None }).await.unwrap();
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
            factory::happen(scope, factory::event(inbox.id, conversation, ConversationEventKind::Closed)).await;
        }
        whatsapp::deliver(app, &line, &format!("{{\"number\":{number}}}")).await;
    }
}

/// A list of an account in one order.
struct List<'a> {
    app: &'a TestApp,
    field: &'a str,
    /// The argument, with its comma, or nothing for the usual order.
    order: String,
    /// What the list is sorted by, where that is known.
    key: Option<String>,
}

impl List<'_> {
    async fn page(&self, arguments: &str) -> Value {
        let key = self.key.as_deref().unwrap_or("__typename");
        let document = format!(
            "query($id: ID!) {{ account(id: $id) {{ {}({arguments}{}) {{
                totalCount nodes {{ id }} edges {{ cursor node {{ id key: {key} }} }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            }} }} }}",
            self.field, self.order
        );
        let data = self.app.owner.data(&document, json!({ "id": self.app.account_node })).await;
        data["account"][self.field].clone()
    }

    async fn check(&self, descending: bool) -> Vec<String> {
        let what = format!("{} {}", self.field, self.order);
        let all = self.page("first: 100").await;
        let whole = ids(&all);
        assert!(whole.len() >= NAMES.len(), "{what}: only {} rows", whole.len());
        assert_eq!(all["totalCount"], whole.len(), "{what}");
        if self.key.is_some() {
            check_sorted(&all, descending, &what);
        }
        assert_eq!(self.walk("first: 2", "after", "endCursor", "hasNextPage").await, whole, "{what}");
        let mut backward = self.walk("last: 2", "before", "startCursor", "hasPreviousPage").await;
        // Each page is in the list's order, the pages come from the end.
        backward.reverse();
        let mut reversed = Vec::new();
        for pair in backward.chunks(2) {
            reversed.extend(pair.iter().rev().cloned());
        }
        let mut expected: Vec<String> = whole.clone();
        expected.reverse();
        let mut paired = Vec::new();
        for pair in expected.chunks(2) {
            paired.extend(pair.iter().cloned());
        }
        let mut flat: Vec<String> = reversed;
        flat.reverse();
        assert_eq!(sorted(&flat), sorted(&paired), "{what} backward");
        whole
    }
}
