//! How long the gate takes: for documents that it must refuse, and for one that it lets pass,
//! the first time and again. Prints milliseconds of the median and the slowest of many tries.
//!
//! `cargo bench --bench gate`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/api/support/killers.rs"]
mod killers;

use std::time::{Duration, Instant};

use rapport::config::Limits;
use rapport::graphql;
use rapport::graphql::gate::{Asked, Gate, Trusted};

const TRIES: usize = 100;
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
