//! How fast each inbox sends, and when it pauses: a token bucket and a circuit breaker, kept in
//! the database so that all processes share them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use entity::id::InboxId;
use entity::{Timestamp, inbox, line};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait as _, DatabaseTransaction, EntityTrait, IntoActiveModel};

use super::provider::usual_rate;
use crate::auth::AccountScope;
use crate::error::Result;

/// What may be sent at once after a silence: as much as in so long at the even pace.
const BURST: i64 = Timestamp::SECOND;
/// Failures in a row that open the circuit.
const PATIENCE: i32 = 5;
/// The circuit stays open for so long first, then twice as long each time.
const FIRST_PAUSE_SECONDS: i64 = 10;
const LONGEST_PAUSE_SECONDS: i64 = 300;

/// The lines of an account.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: HashMap<InboxId, line::Model>,
    changed: HashSet<InboxId>,
}

impl Lines {
    pub async fn load(scope: &AccountScope, tx: &DatabaseTransaction) -> Result<Self> {
        let lines = scope.find::<line::Entity>().all(tx).await?;
        let lines = lines.into_iter().map(|line| (line.inbox_id, line)).collect();
        Ok(Self { lines, changed: HashSet::new() })
    }

    fn line(&mut self, inbox: &inbox::Model) -> &mut line::Model {
        self.lines.entry(inbox.id).or_insert_with(|| line::Model {
            account_id: inbox.account_id,
            inbox_id: inbox.id,
            free_at: Timestamp(0),
            failures: 0,
            held_until: None,
        })
    }

    /// How many of `wanted` messages the inbox may send now. They count as sent.
    pub fn take(&mut self, inbox: &inbox::Model, now: Timestamp, wanted: usize) -> usize {
        if self.line(inbox).held_until.is_some_and(|until| now < until) {
            return 0;
        }
        let rate = inbox.sends_per_second.or_else(|| usual_rate(inbox.provider));
        let Some(rate) = rate else { return wanted };
        let line = self.line(inbox);
        let granted = bucket(line, now, rate, wanted);
        if granted > 0 {
            self.changed.insert(inbox.id);
        }
        granted
    }

    /// So many of those that [`Lines::take`] granted were not sent.
    pub fn spare(&mut self, inbox: &inbox::Model, unused: usize) {
        let rate = inbox.sends_per_second.or_else(|| usual_rate(inbox.provider));
        let Some(rate) = rate.filter(|_| unused > 0) else { return };
        let interval = Timestamp::SECOND / i64::from(rate.max(1));
        self.line(inbox).free_at.0 -= i64::try_from(unused).unwrap_or(0) * interval;
        self.changed.insert(inbox.id);
    }

    /// When the inbox may send again, after [`Lines::take`] gave less than was wanted.
    pub fn next(&mut self, inbox: &inbox::Model, now: Timestamp) -> Timestamp {
        let line = self.line(inbox);
        let paced = Timestamp(line.free_at.0.saturating_sub(BURST));
        let held = line.held_until.unwrap_or(now);
        // A moment at least, so that nobody asks again and again.
        paced.max(held).max(Timestamp(now.0 + Timestamp::SECOND / 20))
    }

    /// The provider asked for patience.
    pub fn hold(&mut self, inbox: &inbox::Model, now: Timestamp, wait: Duration) {
        let until = now.plus_seconds(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
        let line = self.line(inbox);
        line.held_until = Some(line.held_until.map_or(until, |before| before.max(until)));
        tracing::info!(inbox = %inbox.id.0, seconds = wait.as_secs(), "the provider asked to wait");
        self.changed.insert(inbox.id);
    }

    /// The provider did not answer as it should.
    pub fn failed(&mut self, inbox: &inbox::Model, now: Timestamp) {
        let line = self.line(inbox);
        line.failures = line.failures.saturating_add(1);
        let beyond = line.failures - PATIENCE;
        if beyond >= 0 {
            let doubled = FIRST_PAUSE_SECONDS << beyond.min(5);
            let pause = doubled.min(LONGEST_PAUSE_SECONDS);
            line.held_until = Some(now.plus_seconds(pause));
            let failures = line.failures;
            tracing::warn!(inbox = %inbox.id.0, failures, seconds = pause, "an inbox pauses");
        }
        self.changed.insert(inbox.id);
    }

    /// The provider answered.
    pub fn answered(&mut self, inbox: &inbox::Model) {
        let line = self.line(inbox);
        if line.failures != 0 {
            line.failures = 0;
            self.changed.insert(inbox.id);
        }
    }

    pub async fn save(self, tx: &DatabaseTransaction) -> Result<()> {
        use line::Column as C;
        let rows: Vec<_> = self
            .lines
            .into_values()
            .filter(|line| self.changed.contains(&line.inbox_id))
            .map(|line| line.into_active_model().reset_all())
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut known = OnConflict::columns([C::AccountId, C::InboxId]);
        known.update_columns([C::FreeAt, C::Failures, C::HeldUntil]);
        line::Entity::insert_many(rows).on_conflict(known).exec_without_returning(tx).await?;
        Ok(())
    }
}

fn bucket(line: &mut line::Model, now: Timestamp, rate: i32, wanted: usize) -> usize {
    let interval = Timestamp::SECOND / i64::from(rate.max(1));
    let begin = line.free_at.0.max(now.0);
    let room = (now.0 + BURST - begin).max(0) / interval.max(1);
    let granted = usize::try_from(room).unwrap_or(usize::MAX).min(wanted);
    let taken = i64::try_from(granted).unwrap_or(0) * interval;
    if granted > 0 {
        line.free_at = Timestamp(begin + taken);
    }
    granted
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::{AccountId, Uuid};

    fn line() -> line::Model {
        line::Model {
            account_id: AccountId(Uuid::nil()),
            inbox_id: InboxId(Uuid::nil()),
            free_at: Timestamp(0),
            failures: 0,
            held_until: None,
        }
    }

    #[test]
    fn a_second_passes_what_the_rate_says() {
        let mut line = line();
        let at = |millis: i64| Timestamp(1_000_000_000 + millis * 1_000);
        assert_eq!(bucket(&mut line, at(0), 10, 4), 4);
        assert_eq!(bucket(&mut line, at(0), 10, 100), 6);
        assert_eq!(bucket(&mut line, at(50), 10, 100), 0);
        assert_eq!(bucket(&mut line, at(100), 10, 100), 1);
        assert_eq!(bucket(&mut line, at(10_000), 10, 100), 10);
        let mut sent = 0;
        for millis in 20_000..30_000 {
            sent += bucket(&mut line, at(millis), 10, 3);
        }
        // A burst of a second at the beginning, then the rate.
        assert_eq!(sent, 10 + 99);
    }
}
