//! How fast campaigns go out, against a provider's stub in the same process: messages a second
//! and memory on the way, the time from scheduling a campaign to the first byte at the provider,
//! and the freezing of a million recipients.
//!
//! `cargo bench --bench dispatch [-- sqlite|postgres]`; `RAPPORT_BENCH_RECIPIENTS` and
//! `RAPPORT_BENCH_FROZEN` change the sizes. PostgreSQL at `TEST_POSTGRES_URL` or on this machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench fails by a panic and prints its table"
)]

#[path = "../tests/api/support/db.rs"]
mod db;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use db::{Kind, TestDb};
use entity::id::InboxId;
use entity::kinds::{Platform, Provider, UnknownPolicy};
use entity::{contact, recipient};
use rapport::auth::{self, AccountScope, Vault};
use rapport::clock::Clock;
use rapport::config::{Config, Delivery};
use rapport::db::Db;
use rapport::delivery;
use rapport::domain;
use rapport::domain::campaign::{Audience, CampaignDraft, NewStep, When, schedule, start_due};
use rapport::domain::inbox::{Credentials, InboxCreate};
use rapport::engine::Engine;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CHUNK: usize = 2_000;
/// Campaigns of one recipient whose first byte is waited for.
const STARTS: usize = 20;

fn size(name: &str, usual: usize) -> usize {
    let size = std::env::var(format!("RAPPORT_BENCH_{name}"));
    size.map_or(usual, |text| text.parse().unwrap())
}

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for (name, kind) in [("postgres", Kind::Postgres), ("sqlite", Kind::Sqlite)] {
        if wanted.is_empty() || wanted.iter().any(|each| each == name) {
            runtime.block_on(all(name, kind));
        }
    }
}

async fn all(name: &str, kind: Kind) {
    let (Some(sending), Some(freezing)) = (TestDb::new(kind).await, TestDb::new(kind).await) else {
        println!("{name}: no server answers");
        return;
    };
    send(name, &sending.url).await;
    freeze(name, &freezing.url).await;
}

/// A provider that takes everything, at once, and counts it.
#[derive(Clone)]
struct Stub {
    url: String,
    taken: Arc<AtomicUsize>,
}

impl Stub {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stub = Self { url, taken: Arc::default() };
        let server = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, server.taken.clone()));
            }
        });
        stub
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    async fn until(&self, taken: usize) {
        while self.taken() < taken {
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
}

async fn serve(mut stream: TcpStream, taken: Arc<AtomicUsize>) {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        while let Some(length) = request(&buffer) {
            buffer.drain(..length);
            taken.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
        if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// The length of the request at the beginning, if it is whole.
fn request(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).unwrap();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let whole = head + body.parse::<usize>().unwrap();
    (buffer.len() >= whole).then_some(whole)
}

async fn open(url: &str) -> AccountScope {
    let delivery = Delivery {
        allow_private_targets: vec!["127.0.0.0/8".parse().unwrap()],
        ..Delivery::default()
    };
    let config = Config { delivery, ..Config::default() };
    let db = Db::connect(url, 4).await.unwrap();
    let engine = Engine::new(db, Clock::System, config, Vault::new([1; 32]));
    let input = domain::account::AccountCreate {
        name: "Bench".to_owned(),
        time_zone: "UTC".to_owned(),
        ..Default::default()
    };
    let account = domain::account::create(&engine, None, input).await.unwrap().account;
    auth::system_scope(&engine, account.id)
}

async fn people(scope: &AccountScope, count: usize) {
    let now = scope.now();
    for from in (0..count).step_by(CHUNK) {
        let rows = (from..count.min(from + CHUNK)).map(|number| {
            contact::Model {
                account_id: scope.account_id(),
                id: scope.id(),
                ordinal: i64::try_from(number).unwrap(),
                name: Some(format!("Person {number}")),
                name_key: Some(format!("person {number}")),
                nickname: None,
                email: None,
                phone: Some(format!("+1{number:010}")),
                merged_into_id: None,
                erased_at: None,
                created_at: now,
                updated_at: now,
            }
            .into_active_model()
        });
        let insert = contact::Entity::insert_many(rows);
        insert.exec_without_returning(scope.db().write()).await.unwrap();
    }
    scope.db().write().execute_unprepared("ANALYZE").await.unwrap();
}

async fn hook(scope: &AccountScope, url: &str) -> InboxId {
    let credentials = Credentials::Webhook { url: url.to_owned(), secret: "secret".to_owned() };
    let input = InboxCreate {
        provider: Some(Provider::Webhook),
        credentials: Some(credentials),
        sends_per_second: Some(10_000),
        ..InboxCreate::new("Hook", Platform::Sms)
    };
    domain::inbox::create(scope, None, input).await.unwrap().id
}

async fn campaign(scope: &AccountScope, inbox_id: InboxId, audience: Audience) {
    let step = NewStep {
        inbox_id,
        template_id: None,
        content: Some("Good day, {{name}}. Your order is on its way!".to_owned()),
        subject: None,
        wait_seconds: 0,
        required: false,
    };
    let draft = CampaignDraft {
        name: "Bench".to_owned(),
        audience,
        steps: vec![step],
        variables: Vec::new(),
        on_unknown: UnknownPolicy::Hold,
        quiet_from: None,
        quiet_to: None,
        live_seconds: None,
    };
    let id = domain::campaign::create(scope, None, draft).await.unwrap().id;
    schedule(scope, id, When::Now).await.unwrap();
}

fn everybody() -> Audience {
    Audience::Filter {
        label_ids: None,
        inbox_ids: None,
        has_phone: None,
        has_email: None,
        search: None,
    }
}

/// Resident memory of this process, in MiB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

async fn send(name: &str, url: &str) {
    let count = size("RECIPIENTS", 100_000);
    let scope = open(url).await;
    let stub = Stub::start().await;
    people(&scope, count).await;
    let inbox = hook(&scope, &stub.url).await;
    let dispatcher = delivery::start(scope.engine().clone()).unwrap();
    starts(name, &scope, inbox, &stub).await;
    let before = stub.taken();
    campaign(&scope, inbox, everybody()).await;
    stub.until(before + 1).await;
    let began = Instant::now();
    let mut told = Vec::new();
    for quarter in 1..=4 {
        stub.until(before + count * quarter / 4).await;
        told.push(format!("{:.0}", memory()));
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!(
        "{name}: {count} recipients, {rate:.0} messages a second, stub included; memory after each \
         quarter {} MiB",
        told.join(", ")
    );
    dispatcher.stop().await;
}

/// From the call that schedules a campaign to its first message at the provider.
async fn starts(name: &str, scope: &AccountScope, inbox: InboxId, stub: &Stub) {
    let one = scope.find::<contact::Entity>().one(scope.db().read()).await.unwrap().unwrap().id;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let before = stub.taken();
        let began = Instant::now();
        campaign(scope, inbox, Audience::Contacts(vec![one])).await;
        stub.until(before + 1).await;
        times.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    times.sort();
    println!(
        "{name}: {:.1} ms from scheduling to the first byte (median of {STARTS}; slowest {:.1} ms)",
        times[STARTS / 2].as_secs_f64() * 1e3,
        times[STARTS - 1].as_secs_f64() * 1e3
    );
}

async fn freeze(name: &str, url: &str) {
    let count = size("FROZEN", 1_000_000);
    let scope = open(url).await;
    people(&scope, count).await;
    let inbox = hook(&scope, "http://127.0.0.1:9").await;
    campaign(&scope, inbox, everybody()).await;
    let before = memory();
    let began = Instant::now();
    start_due(&scope).await.unwrap();
    let took = began.elapsed().as_secs_f64();
    let grown = memory() - before;
    let frozen = scope.find::<recipient::Entity>().count(scope.db().read()).await.unwrap();
    println!(
        "{name}: {frozen} recipients frozen by one statement in {took:.1} s, {:.0} a second; \
         memory {grown:+.0} MiB",
        frozen as f64 / took
    );
}
