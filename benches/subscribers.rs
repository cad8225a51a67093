//! Many subscribers of one process: what a connection takes, how soon an event reaches all of
//! them, and whether one that does not read harms the others.
//!
//! `cargo bench --bench subscribers -- [--subscribers N] [--events N]`: starts the server on a
//! SQLite file of its own and talks to it over the loopback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench fails by a panic and prints its table"
)]

#[path = "support/server.rs"]
#[allow(dead_code, reason = "shared with other benches")]
mod server;
#[path = "../tests/api/support/socket.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod socket;

use std::time::{Duration, Instant};

use serde_json::json;
use server::{Server, Settings};
use socket::Socket;
use tokio::sync::mpsc;

const ADDED: &str = "subscription($id: ID!) {
    messageAdded(accountId: $id) { cursor message { id content direction occurredAt } } }";
const RECORD: &str = "mutation($input: MessagesRecordInput!) {
    messagesRecord(input: $input) { results { outcome message { id } } userErrors { message } } }";

fn main() {
    let (mut subscribers, mut events) = (2_000, 20);
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let number = arguments.next().unwrap().parse().unwrap();
        match argument.as_str() {
            "--subscribers" => subscribers = number,
            "--events" => events = number,
            other => panic!("no such argument: {other}"),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(subscribers, events));
}

/// Limits are not what is looked at.
const SETTINGS: Settings<'_> = &[
    ("RAPPORT_CALLER_SOCKETS", "100000"),
    ("RAPPORT_CALLER_SUBSCRIPTIONS", "100000"),
    ("RAPPORT_ACCOUNT_SUBSCRIPTIONS", "100000"),
    ("RAPPORT_CALLER_COST", "100000000"),
    ("RAPPORT_CALLER_COST_PER_SECOND", "100000000"),
    ("RAPPORT_ACCOUNT_COST", "100000000"),
    ("RAPPORT_ACCOUNT_COST_PER_SECOND", "100000000"),
];

/// A server with an inbox.
struct Stage {
    server: Server,
    inbox: String,
}

impl Stage {
    async fn start() -> Self {
        let server = Server::start(SETTINGS);
        let create = "mutation($input: InboxCreateInput!) { inboxCreate(input: $input) {
            inbox { id } userErrors { message } } }";
        let input = json!({ "accountId": server.account, "name": "Bench", "platform": "SMS" });
        let created = server.ask(create, json!({ "input": input })).await;
        let inbox = created["inboxCreate"]["inbox"]["id"].as_str().unwrap().to_owned();
        Self { server, inbox }
    }

    /// Records a message and gives its id.
    async fn record(&self, content: &str) -> String {
        let message = json!({ "message": {
            "inboxId": self.inbox, "direction": "INBOUND", "content": content,
            "contact": { "phone": "+15550001" },
        } });
        let input = json!({ "accountId": self.server.account, "items": [message] });
        let data = self.server.ask(RECORD, json!({ "input": input })).await;
        let id = data["messagesRecord"]["results"][0]["message"]["id"].as_str();
        id.unwrap_or_else(|| panic!("{data}")).to_owned()
    }
}

/// Tells of each message that it hears, until it is closed.
async fn listen(mut socket: Socket, told: mpsc::UnboundedSender<(String, Instant)>) {
    while let Ok(heard) = socket.receive().await {
        let id = heard["payload"]["data"]["messageAdded"]["message"]["id"].as_str();
        let id = id.unwrap_or_else(|| panic!("{heard}")).to_owned();
        if told.send((id, Instant::now())).is_err() {
            return;
        }
    }
}

/// Records messages and waits until all have heard each; how long that took, of each.
async fn tell(
    stage: &Stage,
    heard: &mut mpsc::UnboundedReceiver<(String, Instant)>,
    subscribers: usize,
    events: usize,
    content: &str,
) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..events {
        let began = Instant::now();
        let id = stage.record(content).await;
        let mut last = began;
        let mut count = 0;
        while count < subscribers {
            let next = tokio::time::timeout(Duration::from_secs(60), heard.recv()).await;
            let (heard, at) = next.unwrap_or_else(|_| panic!("{count} of {subscribers}")).unwrap();
            if heard == id {
                (count, last) = (count + 1, last.max(at));
            }
        }
        took.push(last.duration_since(began));
    }
    took.sort();
    took
}

async fn measure(subscribers: usize, events: usize) {
    let stage = Stage::start().await;
    let server = &stage.server;
    stage.record("warm").await;
    let before = server.memory();
    let (told, mut heard) = mpsc::unbounded_channel();
    let variables = json!({ "id": server.account });
    for _ in 0..subscribers {
        let mut socket = Socket::init(&server.url, Some(&server.token)).await;
        socket.subscribe("a", ADDED, variables.clone()).await;
        // Has it begun before the next one comes.
        socket.settle().await;
        tokio::spawn(listen(socket, told.clone()));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let connected = server.memory();
    let took = tell(&stage, &mut heard, subscribers, events, "hello").await;
    let after = server.memory();
    println!("| what | figure |\n|---|---|");
    println!("| subscribers | {subscribers} |");
    let each = |memory: u64| (memory - before) as f64 / subscribers as f64;
    println!("| memory of a connection, open | {:.1} KiB |", each(connected));
    println!("| the same after {events} events | {:.1} KiB |", each(after));
    print("until all have an event", &took);

    // One that subscribes and never reads again.
    let mut stalled = Socket::init(&server.url, Some(&server.token)).await;
    stalled.subscribe("a", ADDED, variables).await;
    stalled.settle().await;
    let long = "x".repeat(8_000);
    let took = tell(&stage, &mut heard, subscribers, events, &long).await;
    print("the same beside one that does not read, 8 KB each", &took);
    drop(stalled);
}

fn print(what: &str, took: &[Duration]) {
    let ms = |at: usize| took[at].as_secs_f64() * 1_000.0;
    let (median, slowest) = (ms(took.len() / 2), ms(took.len() - 1));
    println!("| {what} | median {median:.0} ms, slowest {slowest:.0} ms |");
}
