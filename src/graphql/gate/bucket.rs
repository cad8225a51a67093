//! What callers and accounts have spent. A bucket holds what was spent and leaks at a steady
//! rate; who asks for more than fits into it is told when it will. Kept by each process for
//! itself, in memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use entity::id::{AccessTokenId, AccountId, UserId};
use moka::sync::Cache;

use crate::auth::Viewer;
use crate::config::Limits;

/// More callers than this at a time share no memory; those who were quiet are forgotten.
const MOST_BUCKETS: u64 = 100_000;
/// By then every bucket of the usual settings is empty.
const QUIET: Duration = Duration::from_secs(600);

/// Who spends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spender {
    User(UserId),
    Token(AccessTokenId),
    /// Somebody without a token, by address.
    Stranger(Option<String>),
    Account(AccountId),
}

impl Spender {
    pub fn caller(viewer: Option<&Viewer>, address: Option<&str>) -> Self {
        match viewer {
            Some(viewer) => match viewer.user() {
                Some(user) => Self::User(user.id),
                None => Self::Token(viewer.token().id),
            },
            None => Self::Stranger(address.map(str::to_owned)),
        }
    }
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub limit: u64,
    pub remaining: u64,
    pub restore_rate: u64,
}

/// Whole seconds until what was asked for fits, one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub u64);

struct Bucket {
    spent: f64,
    at: Instant,
}

/// Size and leak of a bucket.
#[derive(Clone, Copy)]
struct Rate {
    limit: u64,
    per_second: u64,
}

#[allow(clippy::cast_precision_loss, reason = "costs are far below 2^52")]
fn float(cost: u64) -> f64 {
    cost as f64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and far below 2^63"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

impl Bucket {
    fn leak(&mut self, rate: Rate, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        self.spent = (self.spent - seconds * float(rate.per_second)).max(0.0);
        self.at = now;
    }

    fn standing(&self, rate: Rate) -> Standing {
        let remaining = whole(float(rate.limit) - self.spent.ceil());
        Standing { limit: rate.limit, remaining, restore_rate: rate.per_second }
    }

    fn take(&mut self, cost: u64, rate: Rate, now: Instant) -> Result<Standing, Wait> {
        self.leak(rate, now);
        let over = self.spent + float(cost) - float(rate.limit);
        if over > 0.0 {
            return Err(Wait(whole((over / float(rate.per_second)).ceil()).max(1)));
        }
        self.spent += float(cost);
        Ok(self.standing(rate))
    }

    fn give_back(&mut self, cost: u64, rate: Rate, now: Instant) -> Standing {
        self.leak(rate, now);
        self.spent = (self.spent - float(cost)).max(0.0);
        self.standing(rate)
    }
}

pub struct Buckets {
    buckets: Cache<Spender, Arc<Mutex<Bucket>>>,
    caller: Rate,
    account: Rate,
}

impl Buckets {
    pub fn new(limits: &Limits) -> Self {
        Self {
            buckets: Cache::builder().max_capacity(MOST_BUCKETS).time_to_idle(QUIET).build(),
            caller: Rate { limit: limits.caller_cost, per_second: limits.caller_cost_per_second },
            account: Rate {
                limit: limits.account_cost,
                per_second: limits.account_cost_per_second,
            },
        }
    }

    /// The largest cost that every bucket can hold.
    pub fn most(&self) -> u64 {
        self.caller.limit.min(self.account.limit)
    }

    fn with<T>(&self, spender: Spender, act: impl FnOnce(&mut Bucket, Rate) -> T) -> T {
        let rate = match spender {
            Spender::Account(_) => self.account,
            _ => self.caller,
        };
        let fresh = || Arc::new(Mutex::new(Bucket { spent: 0.0, at: Instant::now() }));
        let bucket = self.buckets.get_with(spender, fresh);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut bucket, rate)
    }

    pub fn take(&self, spender: Spender, cost: u64) -> Result<Standing, Wait> {
        self.with(spender, |bucket, rate| bucket.take(cost, rate, Instant::now()))
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, spender: Spender, cost: u64) -> Standing {
        self.with(spender, |bucket, rate| bucket.give_back(cost, rate, Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { limit: 100, per_second: 10 };

    #[test]
    fn buckets_leak_and_say_when_there_is_room() {
        let start = Instant::now();
        let mut bucket = Bucket { spent: 0.0, at: start };
        let standing = bucket.take(90, RATE, start).unwrap();
        assert_eq!(standing, Standing { limit: 100, remaining: 10, restore_rate: 10 });
        assert_eq!(bucket.take(45, RATE, start), Err(Wait(4)));
        assert_eq!(bucket.take(11, RATE, start), Err(Wait(1)));
        // What was refused cost nothing.
        let later = start + Duration::from_secs(4);
        assert_eq!(bucket.take(45, RATE, later).unwrap().remaining, 5);
        assert_eq!(bucket.give_back(40, RATE, later).remaining, 45);
        assert_eq!(bucket.give_back(1_000, RATE, later).remaining, 100);
        let rested = bucket.take(0, RATE, later + Duration::from_secs(3_600)).unwrap();
        assert_eq!(rested.remaining, 100);
    }

    #[test]
    fn callers_and_accounts_have_buckets_of_their_own() {
        let limits = Limits { caller_cost: 10, account_cost: 15, ..Limits::default() };
        let buckets = Buckets::new(&limits);
        let stranger = |name: &str| Spender::Stranger(Some(name.to_owned()));
        assert!(buckets.take(stranger("a"), 10).is_ok());
        assert!(buckets.take(stranger("a"), 10).is_err());
        assert!(buckets.take(stranger("b"), 10).is_ok());
        assert_eq!(buckets.most(), 10);
    }
}
