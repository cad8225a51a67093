//! How many requests for 20 conversations with 5 messages, inbox and contact each are answered a
//! second, through the gate and the whole schema, and where the time of one goes. Beside it, what
//! the statements of one request reach alone, with as many workers.
//!
//! `cargo bench --bench requests -- [--seconds N] [--workers N] [sqlite|postgres …]`: each kind of
//! database is seeded with 20,000 messages and dropped afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench fails by a panic and prints its table"
)]

#[path = "../tests/api/support/db.rs"]
mod db;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_graphql::Variables;
use db::{Kind, TestDb};
use entity::kinds::{Role, TokenScope};
use entity::vocabulary::Vocabulary;
use rapport::auth::{self, person};
use rapport::clock::Clock;
use rapport::config::{Config, Limits};
use rapport::db::Db;
use rapport::demo::seed::{self, Seed};
use rapport::domain::token::{self, TokenCreate};
use rapport::engine::Engine;
use rapport::graphql::gate::{Asked, Trusted};
use rapport::graphql::id::NodeId;
use rapport::graphql::{Api, ClientAddress, RequestId, Way, Who};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const QUERY: &str = "query($account: ID!) { account(id: $account) {
    conversations(first: 20) { nodes {
        id displayId status
        inbox { id name }
        contact { id name }
        messages(first: 5) { nodes { id content direction occurredAt } }
    } } } }";
const ALONE: usize = 500;

fn main() {
    let (mut seconds, mut workers, mut kinds) = (5, 16, Vec::new());
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => seconds = arguments.next().unwrap().parse().unwrap(),
            "--workers" => workers = arguments.next().unwrap().parse().unwrap(),
            "sqlite" => kinds.push(Kind::Sqlite),
            "postgres" => kinds.push(Kind::Postgres),
            other => panic!("no such argument: {other}"),
        }
    }
    if kinds.is_empty() {
        kinds = vec![Kind::Sqlite, Kind::Postgres];
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("| database | what | figure |\n|---|---|---|");
    for kind in kinds {
        runtime.block_on(measure(kind, Duration::from_secs(seconds), workers));
    }
}

/// What was run, and how long all of it took.
#[derive(Clone, Default)]
struct Watch {
    micros: Arc<AtomicU64>,
    keeps: Arc<AtomicBool>,
    kept: Arc<Mutex<Vec<Statement>>>,
}

impl Watch {
    fn see(&self, statement: &Statement, took: Duration) {
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap(), Relaxed);
        if self.keeps.load(Relaxed) {
            self.kept.lock().unwrap().push(statement.clone());
        }
    }
}

#[derive(Clone)]
struct Stage {
    api: Api,
    engine: Engine,
    token: String,
    account: String,
}

/// How long the parts of a request took.
#[derive(Clone, Copy, Default)]
struct Took {
    token: Duration,
    gate: Duration,
    run: Duration,
    written: Duration,
}

impl Stage {
    async fn ask(&self) -> Took {
        let began = Instant::now();
        let viewer = auth::authenticate(&self.engine, &self.token).await.unwrap();
        let token = began.elapsed();
        let variables = Variables::from_json(json!({ "account": self.account }));
        let asked = Asked { query: Some(QUERY.to_owned()), variables, ..Asked::default() };
        let (request_id, address) = (RequestId("bench".to_owned()), ClientAddress(None));
        let who = Who { viewer: Some(viewer), address, request_id };
        let began = Instant::now();
        let admitted = self.api.admit(asked, &who, Way::Post).unwrap_or_else(|_| panic!("refused"));
        let gate = began.elapsed();
        let began = Instant::now();
        let response = self.api.execute(admitted, who).await;
        let run = began.elapsed();
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        let began = Instant::now();
        std::hint::black_box(serde_json::to_vec(&response).unwrap());
        Took { token, gate, run, written: began.elapsed() }
    }
}

async fn measure(kind: Kind, lasting: Duration, workers: usize) {
    let name = if kind == Kind::Sqlite { "sqlite" } else { "postgres" };
    let Some(test) = TestDb::new(kind).await else {
        println!("| {name} | no server answers | |");
        return;
    };
    let mut db = Db::connect(&test.url, 10).await.unwrap();
    let watch = Watch::default();
    let watching = watch.clone();
    db.watch(move |statement, took| watching.see(statement, took));
    let unlimited = 1 << 40;
    let limits = Limits {
        caller_cost: unlimited,
        caller_cost_per_second: unlimited,
        account_cost: unlimited,
        account_cost_per_second: unlimited,
        ..Limits::default()
    };
    let config = Config { limits, ..Config::default() };
    let engine = Engine::new(db, Clock::System, config, auth::Vault::new([1; 32]));
    let seed = Seed { accounts: 1, messages: 20_000, days: 30, seed: 1 };
    seed::seed(&engine, seed, |_| {}).await.unwrap();
    engine.db.write().execute_unprepared("ANALYZE").await.unwrap();
    let stage = stage(engine).await;
    let row = |what: &str, figure: String| println!("| {name} | {what} | {figure} |");

    let first = stage.ask().await;
    row("gate, the first time", format!("{} µs", first.gate.as_micros()));
    alone(&stage, &watch, &row).await;

    let reached = at_once(
        workers,
        lasting,
        |stage: Stage| async move {
            let _ = stage.ask().await;
        },
        &stage,
    )
    .await;
    row(&format!("requests a second, {workers} at once"), format!("{reached:.0}"));

    watch.keeps.store(true, Relaxed);
    stage.ask().await;
    watch.keeps.store(false, Relaxed);
    let statements = Arc::new(std::mem::take(&mut *watch.kept.lock().unwrap()));
    let bare = move |stage: Stage| {
        let statements = statements.clone();
        async move {
            for statement in statements.iter() {
                stage.engine.db.read().query_all_raw(statement.clone()).await.unwrap();
            }
        }
    };
    let bare = at_once(workers, lasting, bare, &stage).await;
    row("the same statements alone, one after the other", format!("{bare:.0}"));
    row("share", format!("{:.2}", reached / bare));
    stage.engine.db.clone().close().await.unwrap();
}

/// One request after the other: where the time goes.
async fn alone(stage: &Stage, watch: &Watch, row: &impl Fn(&str, String)) {
    let mut sums = Took::default();
    watch.micros.store(0, Relaxed);
    for _ in 0..ALONE {
        let took = stage.ask().await;
        sums.token += took.token;
        sums.gate += took.gate;
        sums.run += took.run;
        sums.written += took.written;
    }
    let database = watch.micros.load(Relaxed) as f64 / ALONE as f64;
    let micros = |sum: Duration| sum.as_secs_f64() * 1e6 / ALONE as f64;
    row("one alone: token", format!("{:.0} µs", micros(sums.token)));
    row("gate", format!("{:.0} µs", micros(sums.gate)));
    row("execution with its statements", format!("{:.0} µs", micros(sums.run)));
    row("of these, statements and the token's", format!("{database:.0} µs"));
    row("writing the answer", format!("{:.0} µs", micros(sums.written)));
}

/// How often `work` is done a second by so many workers.
async fn at_once<W, F>(workers: usize, lasting: Duration, work: W, stage: &Stage) -> f64
where
    W: Fn(Stage) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let tasks = (0..workers).map(|_| {
        let (stage, work) = (stage.clone(), work.clone());
        tokio::spawn(async move {
            let mut done = 0_u64;
            while began.elapsed() < lasting {
                work(stage.clone()).await;
                done += 1;
            }
            done
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    done as f64 / began.elapsed().as_secs_f64()
}

async fn stage(engine: Engine) -> Stage {
    let account = person::all_accounts(engine.db.read()).await.unwrap()[0];
    let input = TokenCreate {
        name: "bench".to_owned(),
        role: Role::Owner,
        scopes: TokenScope::ALL.to_vec(),
        expires_at: None,
    };
    let scope = auth::system_scope(&engine, account);
    let token = token::create(&scope, None, input).await.unwrap().text;
    let api = Api::new(engine.clone(), Trusted::none()).unwrap();
    Stage { api, engine, token, account: NodeId::account(account).to_string() }
}
