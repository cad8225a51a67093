//! The background worker that applies stored deliveries: one for each process, woken by each
//! delivery and looking for itself every few seconds. What it does not finish waits in the
//! database for the next start, here or in another process.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entity::id::RawEventId;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{apply, store};
use crate::auth::{self, AccountScope};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// How often it looks without being woken.
const PAUSE: Duration = Duration::from_secs(5);
/// Events of one account in a row, so that none waits for the backlog of another.
const TURN: usize = 100;
/// An event that could not be applied waits a second, then twice as long each time.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(600);

/// A handle to the worker. Cheap to clone.
#[derive(Clone)]
pub struct Worker(Arc<Shared>);

struct Shared {
    engine: Engine,
    woken: Notify,
    stopping: AtomicBool,
    /// Held through a round: there is one at a time.
    delays: Mutex<Delays>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Starts the worker on the current runtime.
pub fn start(engine: Engine) -> Worker {
    let shared = Arc::new(Shared {
        engine,
        woken: Notify::new(),
        stopping: AtomicBool::new(false),
        delays: Mutex::default(),
        task: Mutex::const_new(None),
    });
    let task = tokio::spawn(run(shared.clone()));
    // Nobody else has the handle yet, so that the lock is free.
    if let Ok(mut slot) = shared.task.try_lock() {
        *slot = Some(task);
    }
    Worker(shared)
}

impl Worker {
    /// Tells the worker that something waits.
    pub fn notify(&self) {
        self.0.woken.notify_one();
    }

    /// Applies what waits and returns when nothing is left but what cannot be applied.
    /// Pays no heed to delays.
    pub async fn drain(&self) {
        loop {
            match self.0.round(Pace::Now).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    return tracing::error!(?error, "stored deliveries could not be listed");
                }
            }
        }
    }

    /// Finishes the delivery at hand and ends.
    pub async fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.0.woken.notify_one();
        let task = self.0.task.lock().await.take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(?error, "the worker of deliveries did not end well");
        }
    }
}

async fn run(shared: Arc<Shared>) {
    while !shared.is_stopping() {
        match shared.round(Pace::Patient).await {
            // What was applied made way for more.
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(?error, "stored deliveries could not be listed"),
        }
        tokio::select! {
            () = shared.woken.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Respects delays and the wish to stop.
    Patient,
    Now,
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// A turn for each account in which something waits. Says whether anything was applied.
    async fn round(&self, pace: Pace) -> Result<bool> {
        let mut delays = self.delays.lock().await;
        delays.forget_old(Instant::now());
        let mut applied = false;
        for account_id in store::accounts(&self.engine).await? {
            let scope = auth::system_scope(&self.engine, account_id);
            match self.turn(&scope, &mut delays, pace).await {
                Ok(any) => applied |= any,
                Err(error) => {
                    tracing::error!(?error, account = %account_id.0, "deliveries could not be read")
                }
            }
        }
        Ok(applied)
    }

    async fn turn(&self, scope: &AccountScope, delays: &mut Delays, pace: Pace) -> Result<bool> {
        let (mut tried, mut applied, mut after) = (0, false, None);
        loop {
            let places = store::waiting(scope, after).await?;
            let Some(last) = places.last().copied() else { return Ok(applied) };
            after = Some(last);
            for (_, id) in places {
                if pace == Pace::Patient {
                    if self.is_stopping() || tried == TURN {
                        return Ok(applied);
                    }
                    if delays.hold(id, Instant::now()) {
                        continue;
                    }
                }
                tried += 1;
                match one(scope, id).await {
                    Ok(here) => {
                        delays.0.remove(&id);
                        applied |= here;
                    }
                    Err(error) => {
                        let seconds = delays.lengthen(id, Instant::now()).as_secs();
                        tracing::error!(?error, event = %id.0, seconds, "a delivery waits for another try");
                    }
                }
            }
        }
    }
}

/// Applies one event in a task of its own: a panic over one delivery must not end the worker.
/// False if another process applies it.
async fn one(scope: &AccountScope, id: RawEventId) -> Result<bool> {
    let scope = scope.clone();
    let applied = tokio::spawn(async move { apply::apply(&scope, id).await }).await;
    applied.unwrap_or_else(|error| Err(Error::Internal(error.into())))
}

/// Until when events that failed are left alone. Measured by the machine, not by our clock:
/// one that stands still must not hold them for ever. Forgotten on a restart.
#[derive(Default)]
struct Delays(HashMap<RawEventId, Delay>);

struct Delay {
    length: Duration,
    until: Instant,
}

impl Delays {
    fn hold(&self, id: RawEventId, now: Instant) -> bool {
        self.0.get(&id).is_some_and(|delay| now < delay.until)
    }

    fn lengthen(&mut self, id: RawEventId, now: Instant) -> Duration {
        let length = match self.0.get(&id) {
            Some(delay) => delay.length.saturating_mul(2).min(LONGEST_DELAY),
            None => FIRST_DELAY,
        };
        self.0.insert(id, Delay { length, until: now + length });
        length
    }

    /// Drops what was applied elsewhere meanwhile: what still waits is tried soon after its
    /// delay.
    fn forget_old(&mut self, now: Instant) {
        self.0.retain(|_, delay| now < delay.until + LONGEST_DELAY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::Uuid;

    #[test]
    fn delays_double_up_to_a_limit() {
        let mut delays = Delays::default();
        let id = RawEventId(Uuid::from_u128(1));
        let now = Instant::now();
        assert!(!delays.hold(id, now));
        assert_eq!(delays.lengthen(id, now), FIRST_DELAY);
        assert!(delays.hold(id, now));
        assert!(!delays.hold(id, now + FIRST_DELAY));
        assert_eq!(delays.lengthen(id, now), 2 * FIRST_DELAY);
        for _ in 0..20 {
            delays.lengthen(id, now);
        }
        assert_eq!(delays.lengthen(id, now), LONGEST_DELAY);
        delays.forget_old(now + LONGEST_DELAY);
        assert!(delays.hold(id, now));
        delays.forget_old(now + 2 * LONGEST_DELAY);
        assert_eq!(delays.lengthen(id, now), FIRST_DELAY);
    }
}
