//! `seed`: accounts of any size, for trying out and measuring.

use std::time::Instant;

use super::{bar, print};
use crate::demo::seed::{self, Seed};
use crate::engine::Engine;
use crate::error::Result;
use crate::graphql::id::NodeId;

/// Makes the accounts and prints `account:` of each, and how many messages were made in which
/// time. While it works a bar is drawn where standard error is a terminal.
pub async fn run(engine: &Engine, wanted: Seed) -> Result<()> {
    let began = Instant::now();
    let bar = bar(wanted.messages, "messages")?;
    let moving = bar.clone();
    let seeded = seed::seed(engine, wanted, move |messages| moving.inc(messages)).await;
    bar.finish_and_clear();
    let seeded = seeded?;
    let took = began.elapsed().as_secs_f64();
    let mut lines: Vec<_> = seeded
        .iter()
        .map(|made| ("account", format!("{} {}", NodeId::account(made.account), made.name)))
        .collect();
    let messages: u64 = seeded.iter().map(|made| made.messages).sum();
    lines.push(("messages", format!("{messages} in {took:.1} s")));
    print(&lines)
}
