//! How long reports take from raw rows: every example query once, then the ten that took longest
//! again and again, through the whole schema. Prints the median and the 95th percentile of each.
//!
//! `cargo bench --bench reports -- [--messages N] [--runs N] [sqlite|postgres|URL …]`: a kind of
//! database is seeded with so many messages (a million unless said otherwise) in four accounts
//! over a year, and dropped afterwards; a URL names one that was seeded before. PostgreSQL at
//! `TEST_POSTGRES_URL` or on this machine. The first account is asked, which has a quarter.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench fails by a panic and prints its table"
)]

#[path = "../tests/api/support/db.rs"]
mod db;

use std::path::Path;
use std::time::{Duration, Instant};

use async_graphql::Variables;
use db::{Kind, TestDb};
use entity::id::AccountId;
use entity::kinds::{Role, TokenScope};
use entity::vocabulary::Vocabulary;
use rapport::auth::{self, Vault, person};
use rapport::clock::Clock;
use rapport::config::{Config, Limits};
use rapport::db::Db;
use rapport::demo::seed::{self, Seed};
use rapport::domain::token::{self, TokenCreate};
use rapport::engine::Engine;
use rapport::graphql::gate::{Asked, Trusted};
use rapport::graphql::id::NodeId;
use rapport::graphql::{Api, ClientAddress, RequestId, Way, Who};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HEAVIEST: usize = 10;

struct Wanted {
    messages: u64,
    runs: usize,
    databases: Vec<String>,
}

fn main() {
    let wanted = wanted();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("| database | messages | query | median, ms | p95, ms |");
    println!("|---|---|---|---|---|");
    for database in &wanted.databases {
        runtime.block_on(measure(database, &wanted));
    }
}

fn wanted() -> Wanted {
    let mut wanted = Wanted { messages: 1_000_000, runs: 11, databases: Vec::new() };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().unwrap().parse().unwrap();
        match argument.as_str() {
            "--messages" => wanted.messages = number(),
            "--runs" => wanted.runs = usize::try_from(number()).unwrap(),
            _ => wanted.databases.push(argument),
        }
    }
    if wanted.databases.is_empty() {
        wanted.databases = vec!["sqlite".to_owned(), "postgres".to_owned()];
    }
    wanted
}

async fn measure(database: &str, wanted: &Wanted) {
    let kind = match database {
        "sqlite" => Some(Kind::Sqlite),
        "postgres" => Some(Kind::Postgres),
        _ => None,
    };
    let Some(kind) = kind else { return ask(database, wanted).await };
    let Some(test) = TestDb::new(kind).await else {
        println!("| {database} | no server answers | | | |");
        return;
    };
    let engine = open(&test.url).await;
    let seed = Seed { accounts: 4, messages: wanted.messages, days: 365, seed: 1 };
    seed::seed(&engine, seed, |_| {}).await.unwrap();
    engine.db.clone().close().await.unwrap();
    ask(&test.url, wanted).await;
}

async fn open(url: &str) -> Engine {
    let db = Db::connect(url, 4).await.unwrap();
    // Nobody else asks, and nothing is to be waited for.
    let limits = Limits {
        caller_cost: 1 << 40,
        account_cost: 1 << 40,
        deadline_seconds: 3_600,
        ..Limits::default()
    };
    let config = Config { limits, ..Config::default() };
    Engine::new(db, Clock::System, config, Vault::new([1; 32]))
}

/// What the ids of the example queries stand for.
struct Stage {
    api: Api,
    engine: Engine,
    token: String,
    ids: [(&'static str, String); 3],
}

async fn ask(url: &str, wanted: &Wanted) {
    let engine = open(url).await;
    // As the server's own statistics are made in time.
    engine.db.write().execute_unprepared("ANALYZE").await.unwrap();
    let account = person::all_accounts(engine.db.read()).await.unwrap()[0];
    let mut stage = Stage::of(engine, account).await;
    let messages = stage.messages().await;
    let mut all = Vec::new();
    for (name, text, variables) in examples() {
        let took = stage.ask(&text, &variables).await;
        all.push((took, name, text, variables));
    }
    all.sort_by_key(|(took, ..)| std::cmp::Reverse(*took));
    let database = url.split(':').next().unwrap();
    for (_, name, text, variables) in all.into_iter().take(HEAVIEST) {
        let mut times = Vec::new();
        for _ in 0..wanted.runs {
            times.push(stage.ask(&text, &variables).await);
        }
        times.sort();
        let (median, p95) = (nearest(&times, 50), nearest(&times, 95));
        println!("| {database} | {messages} | {name} | {median:.1} | {p95:.1} |");
    }
    stage.engine.db.clone().close().await.unwrap();
}

/// The nearest rank, in milliseconds.
fn nearest(times: &[Duration], percent: usize) -> f64 {
    let rank = (times.len() * percent).div_ceil(100).max(1);
    times[rank - 1].as_secs_f64() * 1_000.0
}

/// Names, texts and variables of the queries that change nothing.
fn examples() -> Vec<(String, String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/queries");
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|ending| ending == "graphql") && text.contains("query ") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let variables = std::fs::read_to_string(path.with_extension("variables.json")).unwrap();
            examples.push((name, text, serde_json::from_str(&variables).unwrap()));
        }
    }
    examples.sort_by(|a, b| a.0.cmp(&b.0));
    examples
}

impl Stage {
    async fn of(engine: Engine, account: AccountId) -> Self {
        let scope = auth::system_scope(&engine, account);
        let input = TokenCreate {
            name: "bench".to_owned(),
            role: Role::Owner,
            scopes: TokenScope::ALL.to_vec(),
            expires_at: None,
        };
        let token = token::create(&scope, None, input).await.unwrap().text;
        let api = Api::new(engine.clone(), Trusted::none()).unwrap();
        let account = NodeId::account(account).to_string();
        let ids =
            [("$account", account), ("$inbox", String::new()), ("$conversation", String::new())];
        let mut stage = Self { api, engine, token, ids };
        let query = "query($account: ID!) { account(id: $account) {
            inboxes(first: 1) { nodes { id } } conversations(first: 1) { nodes { id } } } }";
        let first = stage.answer(query, &json!({ "account": "$account" })).await;
        for (index, list) in [(1, "inboxes"), (2, "conversations")] {
            let id = first["account"][list]["nodes"][0]["id"].as_str().unwrap();
            stage.ids[index].1 = id.to_owned();
        }
        stage
    }

    async fn messages(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM message";
        let statement = sea_orm::Statement::from_string(self.engine.db.backend(), sql);
        let row = self.engine.db.read().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    async fn ask(&mut self, text: &str, variables: &Value) -> Duration {
        let began = Instant::now();
        self.answer(text, variables).await;
        began.elapsed()
    }

    async fn answer(&self, text: &str, variables: &Value) -> Value {
        let mut filled = variables.to_string();
        for (place, id) in &self.ids {
            filled = filled.replace(&format!("\"{place}\""), &format!("\"{id}\""));
        }
        let variables = Variables::from_json(serde_json::from_str(&filled).unwrap());
        let viewer = auth::authenticate(&self.engine, &self.token).await.unwrap();
        let asked = Asked { query: Some(text.to_owned()), variables, ..Asked::default() };
        let (request_id, address) = (RequestId("bench".to_owned()), ClientAddress(None));
        let who = Who { viewer: Some(viewer), address, request_id };
        let admitted =
            self.api.admit(asked, &who, Way::Post).map_err(|refused| refused.errors).unwrap();
        let response = self.api.execute(admitted, who).await;
        assert!(response.errors.is_empty(), "{:?} of {text}", response.errors);
        serde_json::to_value(response.data).unwrap()
    }
}
