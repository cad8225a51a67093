//! An account with one of every kind of thing in it, and ids of all sorts to ask for.

use std::collections::BTreeMap;

use entity::id::{AccountId, Uuid};
use entity::kinds::{ConversationEventKind, Role, StatusKind, TemplateCategory, TokenScope};
use entity::{access_token, conversation_event, message_event, opt_out, raw_event, session};
use rapport::auth::AccountScope;
use rapport::domain::bot::{self, BotCreate};
use rapport::domain::campaign::{self, Audience};
use rapport::domain::label::{self, LabelCreate};
use rapport::domain::record::{Item, NewMessage};
use rapport::domain::team::{self, TeamCreate};
use rapport::domain::template::{self, TemplateCreate};
use rapport::domain::user::{UserInvite, invite};
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::Value;

use super::app::{TestApp, account_token};
use super::factory::{self, stored};
use super::whatsapp;

const PHONE: &str = "+15550009999";

pub struct World {
    pub account: AccountId,
    /// By the beginning of the id.
    ids: BTreeMap<&'static str, NodeId>,
}

/// Which id of a kind is given.
#[derive(Clone, Copy)]
pub enum Whose<'a> {
    /// That of a thing in this world.
    Of(&'a World),
    /// The key of a thing in the second world under the account of the first.
    Mixed(&'a World, &'a World),
    /// Of nothing, in no account.
    Missing,
    /// Of nothing, in the account of this world.
    MissingIn(&'a World),
}

impl World {
    pub async fn build(app: &TestApp, scope: &AccountScope, name: &str) -> Self {
        let mut world = Self { account: scope.account_id(), ids: BTreeMap::new() };
        world.global(NodeKind::Account, scope.account_id().0);
        let input = UserInvite {
            email: format!("member@{name}.test"),
            name: format!("Member of {name}"),
            role: Role::Agent,
            password: None,
        };
        let user = invite(scope, None, input).await.unwrap();
        world.global(NodeKind::User, user.id.0);
        account_token(&app.engine, scope.account_id(), Role::Agent, &[TokenScope::Read]).await;
        world.global(NodeKind::AccessToken, stored::<access_token::Entity>(scope).await[0].id.0);

        let team = TeamCreate { name: "Team".to_owned(), user_ids: vec![user.id] };
        world.add(NodeKind::Team, team::create(scope, None, team).await.unwrap().id.0);
        let bot = bot::create(scope, None, BotCreate { name: "Bot".to_owned() }).await.unwrap();
        world.add(NodeKind::Bot, bot.id.0);
        let label = LabelCreate { name: "label".to_owned(), color: None };
        world.add(NodeKind::Label, label::create(scope, None, label).await.unwrap().id.0);
        let template = TemplateCreate {
            name: "greeting".to_owned(),
            language: "en".to_owned(),
            category: TemplateCategory::Utility,
            body: "Good day".to_owned(),
            status: None,
            external_id: None,
        };
        world.add(NodeKind::Template, template::create(scope, None, template).await.unwrap().id.0);
        world.talk(app, scope).await;
        world
    }

    /// What is said on an inbox, and all that follows from it.
    async fn talk(&mut self, app: &TestApp, scope: &AccountScope) {
        let inbox = whatsapp::inbox(scope).await;
        self.add(NodeKind::Inbox, inbox.id.0);
        let (_, conversation) =
            factory::say(scope, factory::message(inbox.id, PHONE, "Hello")).await;
        factory::say(scope, factory::message(inbox.id, PHONE, "STOP")).await;
        let answer = NewMessage {
            external_id: Some("wamid.OUT.0001".to_owned()),
            ..factory::answer(inbox.id, PHONE, "Good day")
        };
        let (message, _) = factory::say(scope, answer).await;
        let sent = factory::status(inbox.id, "wamid.OUT.0001", StatusKind::Sent);
        factory::record(scope, vec![Item::Status(sent)]).await;
        let handed_off = factory::event(inbox.id, conversation, ConversationEventKind::HandedOff);
        factory::happen(scope, handed_off).await;
        whatsapp::deliver(app, &inbox, &whatsapp::fixture("text")).await;
        self.add(NodeKind::Conversation, conversation.0);
        self.add(NodeKind::Message, message.0);
        let row = factory::stored_message(scope, message).await;
        self.add(NodeKind::Contact, row.contact_id.0);
        let draft = factory::draft(inbox.id, Audience::Contacts(vec![row.contact_id]));
        let campaign = campaign::create(scope, None, draft).await.unwrap();
        self.add(NodeKind::Campaign, campaign.id.0);
        self.add(NodeKind::MessageEvent, stored::<message_event::Entity>(scope).await[0].id.0);
        self.add(
            NodeKind::ConversationEvent,
            stored::<conversation_event::Entity>(scope).await[0].id.0,
        );
        self.add(NodeKind::Session, stored::<session::Entity>(scope).await[0].id.0);
        self.add(NodeKind::OptOut, stored::<opt_out::Entity>(scope).await[0].id.0);
        self.add(NodeKind::RawEvent, stored::<raw_event::Entity>(scope).await[0].id.0);
    }

    fn global(&mut self, kind: NodeKind, id: Uuid) {
        self.ids.insert(kind.prefix(), NodeId { kind, account: None, id });
    }

    fn add(&mut self, kind: NodeKind, id: Uuid) {
        self.ids.insert(kind.prefix(), NodeId { kind, account: Some(self.account), id });
    }

    /// The kinds of ids there are, by their beginnings.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.ids.keys().copied().collect()
    }

    /// The id of the thing of a kind.
    pub fn id(&self, kind: &str) -> String {
        self.node(kind).to_string()
    }

    /// What follows a `#` tells places apart where an id of the same kind stands.
    fn node(&self, kind: &str) -> NodeId {
        let kind = kind.split('#').next().unwrap_or(kind);
        *self.ids.get(kind).unwrap_or_else(|| panic!("the world has no {kind}; add one"))
    }

    /// An id of a kind of this world.
    pub fn id_of(&self, kind: &str, whose: Whose<'_>) -> String {
        let own = self.node(kind);
        let nothing = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_dead_beef);
        let in_account = |account: AccountId| own.account.map(|_| account);
        let id = match whose {
            Whose::Of(world) => world.node(kind),
            Whose::Mixed(first, second) => {
                NodeId { account: in_account(first.account), ..second.node(kind) }
            }
            Whose::Missing => {
                NodeId { account: in_account(AccountId(nothing)), id: nothing, ..own }
            }
            Whose::MissingIn(world) => {
                NodeId { account: in_account(world.account), id: nothing, ..own }
            }
        };
        id.to_string()
    }
}

/// The value with each text `$kind` replaced by what `id` gives for the kind.
pub fn fill(value: &Value, id: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(kind) => Value::String(id(kind)),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, id)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), fill(field, id))).collect()
        }
        other => other.clone(),
    }
}

/// The kinds that are named by `$kind` in a value, each once.
pub fn placeholders(value: &Value) -> Vec<String> {
    let found = std::cell::RefCell::new(Vec::new());
    fill(value, &|kind: &str| {
        found.borrow_mut().push(kind.to_owned());
        String::new()
    });
    let mut found = found.into_inner();
    found.sort();
    found.dedup();
    found
}
