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

#[path = "../tests/api/support/socket.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod socket;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
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

/// A server, which ends with this.
struct Server {
    process: Child,
    url: String,
    token: String,
    account: String,
    inbox: String,
    http: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn rapport(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapport"));
    command
        .current_dir(folder)
        .env("DATABASE_URL", format!("sqlite://{}/rapport.db?mode=rwc", folder.display()))
        .env("RAPPORT_LISTEN", "127.0.0.1:0")
        .env("RAPPORT_LOG_FORMAT", "json")
        .env("RAPPORT_SECRET_KEY", "01".repeat(32))
        .env("RAPPORT_CALLER_SOCKETS", "100000")
        .env("RAPPORT_CALLER_SUBSCRIPTIONS", "100000")
        .env("RAPPORT_ACCOUNT_SUBSCRIPTIONS", "100000")
        .env("RAPPORT_CALLER_COST", "100000000")
        .env("RAPPORT_CALLER_COST_PER_SECOND", "100000000")
        .env("RAPPORT_ACCOUNT_COST", "100000000")
        .env("RAPPORT_ACCOUNT_COST_PER_SECOND", "100000000");
    command
}

/// What a command prints behind a key.
fn printed(folder: &Path, key: &str, arguments: &[&str]) -> String {
    let output = rapport(folder).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let key = format!("{key}: ");
    text.lines().find_map(|line| line.strip_prefix(&key)).unwrap().to_owned()
}

impl Server {
    async fn start(folder: &Path) -> Self {
        let create = "account create --name Bench --zone UTC --owner-email bench@example.org";
        let account = printed(folder, "account", &create.split(' ').collect::<Vec<_>>());
        let create = ["token", "create", "--account", &account, "--role", "ADMIN"];
        let token = printed(folder, "token", &create);
        let mut process = rapport(folder).arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = log
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains("\"listening\""))
            .and_then(|line| Some(json_of(&line)["address"].as_str()?.to_owned()))
            .unwrap();
        // Read on, lest the server waits for a reader.
        std::thread::spawn(move || log.for_each(drop));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{address}");
        let mut server = Self { process, url, token, account, inbox: String::new(), http };
        let create = "mutation($input: InboxCreateInput!) { inboxCreate(input: $input) {
            inbox { id } userErrors { message } } }";
        let input = json!({ "accountId": server.account, "name": "Bench", "platform": "SMS" });
        let created = server.ask(create, json!({ "input": input })).await;
        server.inbox = created["inboxCreate"]["inbox"]["id"].as_str().unwrap().to_owned();
        server
    }

    async fn ask(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        let answer = request.header("content-type", "application/json").body(body).send();
        let answer: Value = answer.await.unwrap().json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// Records a message and gives its id.
    async fn record(&self, content: &str) -> String {
        let message = json!({ "message": {
            "inboxId": self.inbox, "direction": "INBOUND", "content": content,
            "contact": { "phone": "+15550001" },
        } });
        let input = json!({ "accountId": self.account, "items": [message] });
        let data = self.ask(RECORD, json!({ "input": input })).await;
        let id = data["messagesRecord"]["results"][0]["message"]["id"].as_str();
        id.unwrap_or_else(|| panic!("{data}")).to_owned()
    }

    /// Resident memory in KiB.
    fn memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

fn json_of(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
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
    server: &Server,
    heard: &mut mpsc::UnboundedReceiver<(String, Instant)>,
    subscribers: usize,
    events: usize,
    content: &str,
) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..events {
        let began = Instant::now();
        let id = server.record(content).await;
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
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.record("warm").await;
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
    let took = tell(&server, &mut heard, subscribers, events, "hello").await;
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
    let took = tell(&server, &mut heard, subscribers, events, &long).await;
    print("the same beside one that does not read, 8 KB each", &took);
    drop(stalled);
}

fn print(what: &str, took: &[Duration]) {
    let ms = |at: usize| took[at].as_secs_f64() * 1_000.0;
    let (median, slowest) = (ms(took.len() / 2), ms(took.len() - 1));
    println!("| {what} | median {median:.0} ms, slowest {slowest:.0} ms |");
}
