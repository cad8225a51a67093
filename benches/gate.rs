//! How long the gate takes: for documents that it must refuse, and for one that it lets pass,
//! the first time and again. Prints milliseconds of the median and the slowest of many tries.
//! Then sends the same documents to a server, by every way in, and prints what became of its
//! memory.
//!
//! `cargo bench --bench gate`

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by a panic and prints its table"
)]

#[path = "../tests/api/support/killers.rs"]
mod killers;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "shared with other benches")]
mod server;
#[path = "../tests/api/support/socket.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod socket;

use std::time::{Duration, Instant};

use rapport::config::Limits;
use rapport::graphql;
use rapport::graphql::gate::{Asked, Gate, Trusted};
use serde_json::json;
use server::Server;
use socket::Socket;

const TRIES: usize = 100;
const ROUNDS: usize = 5;
const INTROSPECTION: &str = include_str!("../tests/fixtures/introspection.graphql");

fn new() -> Gate {
    Gate::new(&graphql::sdl(), Limits::default(), true, Trusted::none()).unwrap()
}

fn asked(document: &str) -> Asked {
    Asked { query: Some(document.to_owned()), ..Asked::default() }
}

/// The median and the slowest, in milliseconds.
fn times(mut once: impl FnMut() -> Duration) -> (f64, f64) {
    let mut times: Vec<_> = (0..TRIES).map(|_| once().as_secs_f64() * 1_000.0).collect();
    times.sort_by(f64::total_cmp);
    (times[TRIES / 2], times[TRIES - 1])
}

fn row(name: &str, (median, slowest): (f64, f64)) {
    println!("| {name} | {median:.3} | {slowest:.3} |");
}

fn main() {
    alone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(served());
}

/// A refusal pays nothing, so that only the documents are bounded, and not how many there are.
async fn served() {
    let server = Server::start(&[]);
    server.ask("{ metrics { key } }", json!({})).await;
    let began = server.memory();
    println!("\n| round | way | documents | slowest, ms | memory after, KiB |");
    println!("|---|---|---|---|---|");
    for round in 1..=ROUNDS {
        for way in ["HTTP", "SSE", "WebSocket"] {
            let (mut count, mut slowest) = (0, Duration::ZERO);
            for (name, document, _) in killers::killers() {
                let sent = Instant::now();
                match way {
                    "WebSocket" => over_socket(&server, &name, &document).await,
                    way => over_http(&server, &name, &document, way == "SSE").await,
                }
                // How long 50 MB take to be sent is another matter.
                if document.len() < 1 << 20 {
                    slowest = slowest.max(sent.elapsed());
                }
                count += 1;
            }
            let (slowest, memory) = (slowest.as_secs_f64() * 1_000.0, server.memory());
            println!("| {round} | {way} | {count} | {slowest:.1} | {memory} |");
        }
    }
    server.ask("{ metrics { key } }", json!({})).await;
    let (after, peak) = (server.memory(), server.peak());
    println!("the server is alive; memory {began} KiB before, {after} after, {peak} at most");
}

/// A refusal, or a connection that is cut for the length of what it brings.
async fn over_http(server: &Server, name: &str, document: &str, events: bool) {
    let accepted = if events { "text/event-stream" } else { "application/json" };
    let request = server.post(document, json!({})).header("accept", accepted);
    match request.send().await {
        Ok(answer) => {
            let text = String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap();
            assert!(text.contains("\"errors\""), "{name}: {text}");
        }
        Err(error) => assert!(document.len() >= 1 << 20, "{name}: {error}"),
    }
}

async fn over_socket(server: &Server, name: &str, document: &str) {
    let mut socket = Socket::init(&server.url, Some(&server.token)).await;
    socket.subscribe("a", document, json!({})).await;
    if let Ok(message) = socket.receive().await {
        assert_eq!(message["type"], "error", "{name}: {message}");
    }
}

fn alone() {
    let gate = new();
    println!("| document | median, ms | slowest, ms |");
    println!("|---|---|---|");
    let mut worst: f64 = 0.0;
    for (name, document, _) in killers::killers() {
        let spent = times(|| {
            let asked = asked(&document);
            let began = Instant::now();
            assert!(gate.admit(asked, 100_000).is_err(), "{name}");
            began.elapsed()
        });
        worst = worst.max(spent.1);
        row(&name, spent);
    }
    let first = times(|| {
        let (fresh, asked) = (new(), asked(INTROSPECTION));
        let began = Instant::now();
        assert!(fresh.admit(asked, 100_000).is_ok());
        began.elapsed()
    });
    row("introspection, the first time", first);
    let again = times(|| {
        let asked = asked(INTROSPECTION);
        let began = Instant::now();
        assert!(gate.admit(asked, 100_000).is_ok());
        began.elapsed()
    });
    row("introspection, again", again);
    println!("the slowest refusal took {worst:.3} ms");
}
