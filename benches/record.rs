//! How fast messages are recorded: 100,000 through the mutation `messagesRecord` in batches of
//! 250, and beside it a plain multi-row INSERT of the very rows that came of it into the same
//! tables of a second database, committed as often. Prints the rates and their ratio.
//!
//! `cargo bench --bench record [-- sqlite|postgres]`; PostgreSQL at `TEST_POSTGRES_URL` or on
//! this machine.

#[path = "../tests/api/support/db.rs"]
mod db;

use std::time::{Duration, Instant};

use async_graphql::{Request, Variables};
use db::{Kind, TestDb};
use entity::kinds::Platform;
use entity::{
    Tenant, Timestamp, account, account_counter, contact, contact_identity, conversation, event,
    inbox, message, session,
};
use rapport::auth::{self, AccountScope, Vault};
use rapport::clock::Clock;
use rapport::command::token;
use rapport::config::Config;
use rapport::db::Db;
use rapport::domain;
use rapport::engine::Engine;
use rapport::graphql::{self, id::NodeId};
use sea_orm::{
    ActiveModelTrait, EntityTrait, IntoActiveModel, Iterable, ModelTrait, QueryOrder, QuerySelect,
};
use serde_json::{Value, json};

const MESSAGES: usize = 100_000;
const BATCH: usize = 250;
const CONTACTS: usize = 5_000;
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
