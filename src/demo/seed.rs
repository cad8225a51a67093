//! Accounts of any size for trying out and measuring: the demo's cast in each of them, and
//! customers by the hundred, each with a whole history, so that a transaction touches only what
//! it brings. The same numbers on the same day give the same facts; ids differ.

use std::sync::Arc;
use std::thread::available_parallelism;

use entity::Timestamp;
use entity::id::AccountId;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use sea_orm::DbBackend;

use super::recorder::Recorder;
use super::story::{Cast, Crowd, Story};
use super::{ZONE, cast, local};
use crate::auth::{self, AccountScope, person};
use crate::domain::account::{self, AccountCreate};
use crate::domain::record::Item;
use crate::engine::Engine;
use crate::error::{Error, Result, ViolationCode};

/// Messages of a crowd, which with what becomes of them make about one transaction.
const CROWD: u64 = 3_500;
/// A crowd of fewer has days on which nobody says anything.
const SMALLEST_CROWD: u64 = 50;
/// As in the demo.
const MESSAGES_OF_A_PERSON: u64 = 17;
const MESSAGES_OF_A_DAY: f64 = 285.0;

/// What is wanted.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Seed {
    /// Accounts to make, of the same size
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub accounts: u32,
    /// Messages in all of them together
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub messages: u64,
    /// Days up to today over which they are spread
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
    /// Which of many alike; the same once more is refused, since its accounts are there
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// An account that was made.
pub struct Seeded {
    pub account: AccountId,
    pub name: String,
    pub messages: u64,
}

/// Makes the accounts and fills them. `progress` is told how many messages were added.
pub async fn seed(
    engine: &Engine,
    wanted: Seed,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Vec<Seeded>> {
    refuse_repetition(engine, wanted).await?;
    let days = Days::up_to(engine.clock.now(), wanted.days)?;
    let mut waiting = Vec::new();
    for number in 0..u64::from(wanted.accounts) {
        let messages = share(wanted.messages, u64::from(wanted.accounts), number);
        let name = format!("Seed {} account {}", wanted.seed, number + 1);
        waiting.push(Filling { name, number, messages, seed: wanted.seed, days: days.clone() });
    }
    let (waiting, progress) = (Arc::new(tokio::sync::Mutex::new(waiting)), Arc::new(progress));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers(engine) {
        let (engine, waiting, progress) = (engine.clone(), waiting.clone(), progress.clone());
        tasks.spawn(async move {
            let mut filled = Vec::new();
            loop {
                let Some(filling) = waiting.lock().await.pop() else { return Ok(filled) };
                let name = filling.name.clone();
                match filling.fill(&engine, progress.as_ref()).await {
                    Ok(done) => filled.push(done),
                    Err(error) => {
                        tracing::warn!(account = name, "was not filled to its end");
                        return Err(error);
                    }
                }
            }
        });
    }
    let mut seeded: Vec<(u64, Seeded)> = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let filled: Result<Vec<_>> = ended.map_err(|error| Error::Internal(error.into()))?;
        seeded.extend(filled?);
    }
    seeded.sort_by_key(|(number, _)| *number);
    Ok(seeded.into_iter().map(|(_, seeded)| seeded).collect())
}

/// SQLite has one writer; of PostgreSQL's each account takes one, and statistics another.
fn writers(engine: &Engine) -> usize {
    let connections = usize::try_from(engine.config.connections).unwrap_or(usize::MAX);
    match engine.db.backend() {
        DbBackend::Sqlite => 1,
        _ => {
            available_parallelism().map_or(1, usize::from).min(connections.saturating_sub(1)).max(1)
        }
    }
}

/// The part that falls to one of `parts`, so that all together are the whole.
fn share(whole: u64, parts: u64, number: u64) -> u64 {
    whole / parts + u64::from(number < whole % parts)
}

/// Where the mail of an account's people arrives.
fn domain(seed: u64, number: u64) -> String {
    format!("{seed}-{}.seed.example", number + 1)
}

/// Before anything is made.
async fn refuse_repetition(engine: &Engine, wanted: Seed) -> Result<()> {
    for number in 0..u64::from(wanted.accounts) {
        let agent = cast::first_address(&domain(wanted.seed, number));
        if person::find_by_email(engine.db.read(), &agent).await?.is_some() {
            let message = format!("accounts of {} are there already; take another", wanted.seed);
            return Err(Error::invalid("--seed", ViolationCode::Conflict, message));
        }
    }
    Ok(())
}

struct Made {
    scope: AccountScope,
    cast: Cast,
}

async fn make(engine: &Engine, name: &str, seed: u64, number: u64) -> Result<Made> {
    let input = AccountCreate {
        name: name.to_owned(),
        time_zone: ZONE.to_owned(),
        chat_module: true,
        ..AccountCreate::default()
    };
    let account = account::create(engine, None, input).await?.account;
    let scope = auth::system_scope(engine, account.id);
    let cast = cast::gather(&scope, &domain(seed, number)).await?;
    Ok(Made { scope, cast })
}

#[derive(Clone)]
struct Days {
    first: Date,
    /// Not included.
    end: Zoned,
}

impl Days {
    fn up_to(now: Timestamp, days: u32) -> Result<Self> {
        let wrong = |error: jiff::Error| Error::Internal(error.into());
        let end = local(now)?.start_of_day().map_err(wrong)?;
        let first = end.date().checked_sub(i64::from(days).days()).map_err(wrong)?;
        Ok(Self { first, end })
    }

    fn zone(&self) -> TimeZone {
        self.end.time_zone().clone()
    }

    fn end(&self) -> Timestamp {
        Timestamp(self.end.timestamp().as_microsecond())
    }

    fn dates(&self) -> impl Iterator<Item = Date> {
        self.first.series(1.day()).take_while(|date| *date < self.end.date())
    }
}

struct Filling {
    name: String,
    number: u64,
    messages: u64,
    seed: u64,
    days: Days,
}

impl Filling {
    async fn fill(self, engine: &Engine, progress: &impl Fn(u64)) -> Result<(u64, Seeded)> {
        let Made { scope, cast } = make(engine, &self.name, self.seed, self.number).await?;
        let mut left = self.messages;
        let (mut person, mut stream) = (0, 0);
        while left > 0 {
            let size = left.clamp(SMALLEST_CROWD, CROWD);
            let people = u32::try_from(size.div_ceil(MESSAGES_OF_A_PERSON)).unwrap_or(u32::MAX);
            let crowd = Crowd {
                people: person..person + people,
                share: self.share(size),
                seed: self.seed,
                stream: self.number << 32 | stream,
                mark: format!("{stream:x}-"),
            };
            let (items, messages) = self.history(&cast, crowd, left);
            let mut recorder = Recorder::new(&scope);
            recorder.add(items).await?;
            recorder.flush().await?;
            progress(messages);
            left -= messages;
            person += people;
            stream += 1;
        }
        let seeded =
            Seeded { account: scope.account_id(), name: self.name, messages: self.messages };
        Ok((self.number, seeded))
    }

    /// Of the cast's own traffic, what makes about so many messages.
    fn share(&self, messages: u64) -> f64 {
        let days = self.days.dates().count();
        #[expect(clippy::cast_precision_loss, reason = "both are small")]
        let share = messages as f64 / (MESSAGES_OF_A_DAY * days as f64);
        share
    }

    /// All that is heard of a crowd, in order, up to so many messages; and how many those are.
    fn history(&self, cast: &Cast, crowd: Crowd, most: u64) -> (Vec<Item>, u64) {
        let end = self.days.end();
        let mut story = Story::new(cast, crowd, self.days.zone(), end);
        self.days.dates().for_each(|date| story.day(date));
        let mut items = story.take_until(end);
        let mut messages = 0;
        let mut kept = items.len();
        for (index, item) in items.iter().enumerate() {
            if matches!(item, Item::Message(_)) {
                if messages == most {
                    kept = index;
                    break;
                }
                messages += 1;
            }
        }
        items.truncate(kept);
        (items, messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_the_whole() {
        assert_eq!((0..4).map(|number| share(10, 4, number)).sum::<u64>(), 10);
        assert_eq!((0..3).map(|number| share(2, 3, number)).collect::<Vec<_>>(), [1, 1, 0]);
    }

    #[test]
    fn the_days_before_today_are_filled() {
        // 2026-03-01, 03:00 in Brazil.
        let days = Days::up_to(Timestamp(1_772_344_800_000_000), 2).unwrap();
        let dates: Vec<String> = days.dates().map(|date| date.to_string()).collect();
        assert_eq!(dates, ["2026-02-27", "2026-02-28"]);
        assert_eq!(days.end().0, 1_772_334_000_000_000);
    }
}
