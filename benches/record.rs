//! How fast messages are recorded: 100,000 through the mutation `messagesRecord` in batches of
//! 250, and beside it a plain multi-row INSERT of the very rows that came of it into the same
//! tables of a second database, committed as often. Prints the rates and their ratio.
//!
//! `cargo bench --bench record [-- sqlite|postgres]`; PostgreSQL at `TEST_POSTGRES_URL` or on
//! this machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench fails by a panic and prints its table"
)]

#[path = "../tests/api/support/db.rs"]
mod db;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_graphql::Variables;
use db::{Kind, TestDb};
use entity::id::Uuid;
use entity::kinds::{Platform, Role, TokenScope};
use entity::{
    Tenant, account, contact, contact_identity, conversation, event, inbox, message, session,
};
use rapport::auth::{self, AccountScope, Vault};
use rapport::clock::Clock;
use rapport::config::Config;
use rapport::db::Db;
use rapport::domain;
use rapport::engine::Engine;
use rapport::graphql::gate::{Asked, Trusted};
use rapport::graphql::id::{NodeId, NodeKind};
use rapport::graphql::{Api, ClientAddress, RequestId, Way, Who};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MESSAGES: usize = 100_000;
const BATCH: usize = 250;
const CONTACTS: usize = 5_000;
/// Of which the database makes statistics as they grow, for either side alike.
const TABLES: &str = "contact, contact_identity, conversation, session, message, event";
const START: i64 = 1_760_000_000;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("| database | messagesRecord, messages/s | plain INSERT, messages/s | share |");
    println!("|---|---|---|---|");
    for (name, kind) in [("sqlite", Kind::Sqlite), ("postgres", Kind::Postgres)] {
        if wanted.is_empty() || wanted.iter().any(|each| each == name) {
            runtime.block_on(compare(name, kind));
        }
    }
}

async fn compare(name: &str, kind: Kind) {
    let (Some(first), Some(second)) = (TestDb::new(kind).await, TestDb::new(kind).await) else {
        println!("| {name} | no server answers | | |");
        return;
    };
    let (recorder, scope) = open(&first.url).await;
    let recording = record(&recorder, &scope).await;
    let (plain, _) = open(&second.url).await;
    let inserting = insert(&recorder, &scope, &plain).await;
    let rate = |time: Duration| MESSAGES as f64 / time.as_secs_f64();
    println!(
        "| {name} | {:.0} | {:.0} | {:.2} |",
        rate(recording),
        rate(inserting),
        inserting.as_secs_f64() / recording.as_secs_f64()
    );
}

async fn open(url: &str) -> (Engine, AccountScope) {
    let db = Db::connect(url, 4).await.unwrap();
    let engine = Engine::new(db, Clock::System, Config::default(), Vault::new([1; 32]));
    let input = domain::account::AccountCreate {
        name: "Bench".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        ..Default::default()
    };
    let account = domain::account::create(&engine, None, input).await.unwrap().account;
    let scope = auth::system_scope(&engine, account.id);
    (engine, scope)
}

/// A mixture of chats and mailings of some thousand contacts, in the order of their times.
fn items(inbox: &str, batch: usize) -> Value {
    let items = (0..BATCH).map(|index| {
        let number = batch * BATCH + index;
        let contact = number * 7_919 % CONTACTS;
        let outbound = number % 5 < 3;
        let at = jiff::Timestamp::from_second(START + i64::try_from(number).unwrap() * 60).unwrap();
        json!({ "message": {
            "inboxId": inbox,
            "externalId": format!("wamid.{number:012}"),
            "contact": { "phone": format!("+4915{contact:08}"), "name": format!("Contact {contact}") },
            "direction": if outbound { "OUTBOUND" } else { "INBOUND" },
            "medium": if outbound && number.is_multiple_of(2) { "MAILING" } else { "CHAT" },
            "content": "Your order is on its way. Thank you for your patience!",
            "occurredAt": at.to_string(),
        }})
    });
    items.collect()
}

const MUTATION: &str = "mutation($account: ID!, $items: [RecordItem!]!) {
  messagesRecord(input: { accountId: $account, items: $items }) {
    results { outcome userErrors { message } } userErrors { message }
  }
}";

/// Through the whole schema, as a client's request runs; only HTTP is left out.
async fn record(engine: &Engine, scope: &AccountScope) -> Duration {
    let new = domain::inbox::InboxCreate::new("WhatsApp", Platform::Whatsapp);
    let inbox = domain::inbox::create(scope, None, new).await.unwrap();
    let inbox = NodeId::tenant(NodeKind::Inbox, scope.account_id(), inbox.id).to_string();
    let account = NodeId::account(scope.account_id()).to_string();
    let new = domain::token::TokenCreate {
        name: "bench".to_owned(),
        role: Role::Agent,
        scopes: vec![TokenScope::Record],
        expires_at: None,
    };
    let token = domain::token::create(scope, None, new).await.unwrap();
    let api = Api::new(engine.clone(), Trusted::none()).unwrap();
    let batches: Vec<Value> = (0..MESSAGES / BATCH).map(|batch| items(&inbox, batch)).collect();
    let began = Instant::now();
    for items in batches {
        let variables = Variables::from_json(json!({ "account": account, "items": items }));
        let viewer = auth::authenticate(engine, &token.text).await.unwrap();
        let asked = Asked { query: Some(MUTATION.to_owned()), variables, ..Asked::default() };
        let (request_id, address) = (RequestId("bench".to_owned()), ClientAddress(None));
        let who = Who { viewer: Some(viewer), address, request_id };
        let admitted = api.admit(asked, &who, Way::Post).map_err(|refused| refused.errors).unwrap();
        let response = api.execute(admitted, who).await;
        let text = serde_json::to_string(&response).unwrap();
        assert!(!text.contains("REJECTED") && response.errors.is_empty(), "{text}");
    }
    began.elapsed()
}

/// The rows that recording made, into another database: as many transactions, each with the
/// rows that one batch brought, by one INSERT for each table.
async fn insert(from: &Engine, scope: &AccountScope, to: &Engine) -> Duration {
    prepare(from, scope, to).await;
    let mut messages = all::<message::Entity>(scope).await;
    messages.sort_by_key(|message| message.id);
    let mut first: HashMap<Uuid, usize> = HashMap::new();
    for (index, message) in messages.iter().enumerate() {
        let ids = [message.contact_id.0, message.conversation_id.0];
        for id in ids.into_iter().chain(message.session_id.map(|id| id.0)) {
            first.entry(id).or_insert(index / BATCH);
        }
    }
    let batches = messages.len().div_ceil(BATCH);
    let events = all::<event::Entity>(scope).await;
    let share = events.len().div_ceil(batches);
    let contacts = shares(batches, all::<contact::Entity>(scope).await, |row, _| first[&row.id.0]);
    let identities = shares(batches, all::<contact_identity::Entity>(scope).await, |row, _| {
        first[&row.contact_id.0]
    });
    let conversations =
        shares(batches, all::<conversation::Entity>(scope).await, |row, _| first[&row.id.0]);
    let sessions = shares(batches, all::<session::Entity>(scope).await, |row, _| first[&row.id.0]);
    let messages = shares(batches, messages, |_, index| index / BATCH);
    let events = shares(batches, events, |_, index| index / share);
    let rows = contacts
        .into_iter()
        .zip(identities)
        .zip(conversations)
        .zip(sessions)
        .zip(messages)
        .zip(events);

    let began = Instant::now();
    for (((((contacts, identities), conversations), sessions), messages), events) in rows {
        let tx = to.db.begin().await.unwrap();
        into::<contact::Entity>(&tx, contacts).await;
        into::<contact_identity::Entity>(&tx, identities).await;
        into::<conversation::Entity>(&tx, conversations).await;
        into::<session::Entity>(&tx, sessions).await;
        into::<message::Entity>(&tx, messages).await;
        into::<event::Entity>(&tx, events).await;
        tx.commit().await.unwrap();
        to.db.grew(scope.account_id(), BATCH, TABLES);
    }
    began.elapsed()
}

/// What the rows refer to and recording did not make.
async fn prepare(from: &Engine, scope: &AccountScope, to: &Engine) {
    let account = scope.account(from.db.read()).await.unwrap();
    let tx = to.db.begin().await.unwrap();
    into::<account::Entity>(&tx, vec![account.into_active_model()]).await;
    let inboxes = all::<inbox::Entity>(scope).await;
    into::<inbox::Entity>(
        &tx,
        inboxes.into_iter().map(IntoActiveModel::into_active_model).collect(),
    )
    .await;
    tx.commit().await.unwrap();
}

async fn all<E: Tenant>(scope: &AccountScope) -> Vec<E::Model> {
    scope.find::<E>().all(scope.db().read()).await.unwrap()
}

/// The rows by the batch that brought them.
fn shares<M, A>(batches: usize, rows: Vec<M>, batch: impl Fn(&M, usize) -> usize) -> Vec<Vec<A>>
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait,
{
    let mut shares: Vec<Vec<A>> = (0..batches).map(|_| Vec::new()).collect();
    for (index, row) in rows.into_iter().enumerate() {
        shares[batch(&row, index)].push(row.into_active_model());
    }
    shares
}

async fn into<E: EntityTrait>(tx: &DatabaseTransaction, rows: Vec<E::ActiveModel>)
where
    E::ActiveModel: Send,
{
    if !rows.is_empty() {
        E::insert_many(rows).exec_without_returning(tx).await.unwrap();
    }
}
