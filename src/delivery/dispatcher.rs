//! The dispatcher: one for each process, woken by whoever has something to send and looking for
//! itself every second. It claims what there is room for, hands it over, and settles what comes
//! back; what it does not finish is found again by the next one.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use entity::id::AccountId;
use futures_util::FutureExt as _;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::claim::{self, Claimed};
use super::provider::{self, Reason, Verdict, Ways};
use super::settle;
use crate::auth;
use crate::domain::campaign;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// How often it looks without being woken.
const PAUSE: Duration = Duration::from_secs(1);
/// How long it lets answers gather: many are settled for little more than one.
const GATHER: Duration = Duration::from_millis(5);
/// How long it waits after a turn that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// A handle to the dispatcher. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher(Arc<Shared>);

struct Shared {
    engine: Engine,
    ways: Ways,
    stopping: AtomicBool,
    desk: Mutex<Desk>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What came of one message.
type Answer = (Claimed, Verdict);

struct Desk {
    /// The account whose turn was first.
    first: Option<AccountId>,
    /// Messages under way, by account.
    flying: HashMap<AccountId, usize>,
    answers: mpsc::UnboundedReceiver<Answer>,
    reply_to: mpsc::UnboundedSender<Answer>,
    /// Came back and are not written down yet.
    unsettled: HashMap<AccountId, Vec<Answer>>,
}

/// Starts the dispatcher on the current runtime.
pub fn start(engine: Engine) -> Result<Dispatcher> {
    let ways = Ways::new(&engine.config.delivery)?;
    let (reply_to, answers) = mpsc::unbounded_channel();
    let desk =
        Desk { first: None, flying: HashMap::new(), answers, reply_to, unsettled: HashMap::new() };
    let shared = Arc::new(Shared {
        engine,
        ways,
        stopping: AtomicBool::new(false),
        desk: Mutex::new(desk),
        task: Mutex::const_new(None),
    });
    let task = tokio::spawn(run(shared.clone()));
    // Nobody else has the handle yet, so that the lock is free.
    if let Ok(mut slot) = shared.task.try_lock() {
        *slot = Some(task);
    }
    Ok(Dispatcher(shared))
}

impl Dispatcher {
    /// Sends what is due, and returns when all of it is settled.
    pub async fn drain(&self) -> Result<()> {
        let mut desk = self.0.desk.lock().await;
        loop {
            let busy = self.0.turn(&mut desk).await?;
            if desk.flying() > 0 {
                let answer = desk.answers.recv().await;
                desk.landed(answer);
            } else if !busy && desk.unsettled.is_empty() {
                return Ok(());
            }
        }
    }

    /// Sends nothing more, waits for what is under way, and ends.
    pub async fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.0.engine.outbox.notify_one();
        let task = self.0.task.lock().await.take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(?error, "the dispatcher did not end well");
        }
    }
}

async fn run(shared: Arc<Shared>) {
    loop {
        let mut desk = shared.desk.lock().await;
        let busy = match AssertUnwindSafe(shared.turn(&mut desk)).catch_unwind().await {
            Ok(Ok(busy)) => busy,
            Ok(Err(error)) => {
                tracing::error!(?error, "messages could not be sent or settled; trying again");
                tokio::time::sleep(AFTER_FAILURE).await;
                false
            }
            Err(_) => {
                tracing::error!("the dispatcher panicked; trying again");
                tokio::time::sleep(AFTER_FAILURE).await;
                false
            }
        };
        if shared.is_stopping() && desk.flying() == 0 && desk.unsettled.is_empty() {
            return;
        }
        if !busy {
            shared.wait(&mut desk).await;
        }
    }
}

impl Desk {
    fn flying(&self) -> usize {
        self.flying.values().sum()
    }

    /// Has another account be the first each time: the first finds the most room.
    fn take_turns(&mut self, accounts: &mut [AccountId]) {
        let after = |first: AccountId| accounts.iter().position(|account| *account > first);
        let next = self.first.and_then(after).unwrap_or(0);
        accounts.rotate_left(next);
        self.first = accounts.first().copied();
    }

    fn landed(&mut self, answer: Option<Answer>) {
        let Some((claimed, verdict)) = answer else { return };
        let account = claimed.parcel.account_id;
        if let Some(count) = self.flying.get_mut(&account) {
            *count -= 1;
            if *count == 0 {
                self.flying.remove(&account);
            }
        }
        self.unsettled.entry(account).or_default().push((claimed, verdict));
    }
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Until something may be done: an answer, a wish to send, or a while.
    async fn wait(&self, desk: &mut Desk) {
        tokio::select! {
            answer = desk.answers.recv() => {
                desk.landed(answer);
                tokio::time::sleep(GATHER).await;
            }
            () = self.engine.outbox.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }

    /// Settles what came back and sends what is due. Says whether anything got on and there is
    /// room for more. What fails in one account keeps nobody else waiting.
    async fn turn(&self, desk: &mut Desk) -> Result<bool> {
        while let Ok(answer) = desk.answers.try_recv() {
            desk.landed(Some(answer));
        }
        let settled = self.settle(desk).await;
        if self.is_stopping() || self.room(desk) == 0 {
            return settled.map(|()| false);
        }
        let mut progressed = false;
        let mut accounts = claim::accounts(&self.engine).await?;
        desk.take_turns(&mut accounts);
        for account in accounts {
            let room = self.room_of(desk, account);
            if room == 0 {
                continue;
            }
            match self.claim(account, room).await {
                Ok((claimed, more)) => {
                    progressed |= more || !claimed.is_empty();
                    self.send(desk, account, claimed);
                }
                Err(error) => {
                    tracing::error!(?error, account = %account.0, "nothing could be claimed");
                }
            }
        }
        settled.map(|()| progressed && self.room(desk) > 0)
    }

    fn room(&self, desk: &Desk) -> usize {
        self.engine.config.delivery.sends_at_once.saturating_sub(desk.flying())
    }

    /// Half of the room that is left, so that there is always some for the next account.
    fn room_of(&self, desk: &Desk, account: AccountId) -> usize {
        let most = self.engine.config.delivery.sends_at_once;
        let flying = desk.flying.get(&account).copied().unwrap_or(0);
        let own = (most * 3).div_ceil(4).saturating_sub(flying);
        self.room(desk).div_ceil(2).min(own)
    }

    async fn claim(&self, account: AccountId, room: usize) -> Result<(Vec<Claimed>, bool)> {
        let scope = auth::system_scope(&self.engine, account);
        // In a task of its own: a panic must not end the dispatcher.
        let claimed = tokio::spawn(async move {
            // A campaign that cannot start holds nothing else up.
            if let Err(error) = campaign::start_due(&scope).await {
                tracing::error!(?error, account = %account.0, "a campaign could not be started");
            }
            claim::claim(&scope, room).await
        });
        claimed.await.unwrap_or_else(|error| Err(Error::Internal(error.into())))
    }

    fn send(&self, desk: &mut Desk, account: AccountId, claimed: Vec<Claimed>) {
        if claimed.is_empty() {
            return;
        }
        *desk.flying.entry(account).or_default() += claimed.len();
        for claimed in claimed {
            let (engine, ways) = (self.engine.clone(), self.ways.clone());
            let reply_to = desk.reply_to.clone();
            tokio::spawn(async move {
                let verdict = AssertUnwindSafe(hand_over(&engine, &ways, &claimed));
                let verdict = verdict.catch_unwind().await.unwrap_or_else(|_| {
                    tracing::error!(message = %claimed.parcel.message_id.0, "sending panicked");
                    Verdict::Unknown(Reason::new("PANIC", "the sender failed"))
                });
                // Nobody listens only when the process ends.
                reply_to.send((claimed, verdict)).ok();
            });
        }
    }

    /// What cannot be written down now is kept for the next turn.
    async fn settle(&self, desk: &mut Desk) -> Result<()> {
        let mut done = Ok(());
        let accounts: Vec<AccountId> = desk.unsettled.keys().copied().collect();
        for account in accounts {
            let Some(answers) = desk.unsettled.get(&account) else { continue };
            let scope = auth::system_scope(&self.engine, account);
            match settle::settle(&scope, answers).await {
                Ok(()) => drop(desk.unsettled.remove(&account)),
                Err(error) => done = Err(error),
            }
        }
        done
    }
}

/// Hands a message over, unless it is so late that others may take it for lost.
async fn hand_over(engine: &Engine, ways: &Ways, claimed: &Claimed) -> Verdict {
    if Instant::now() > claimed.deadline {
        let reason = Reason::new("LATE", "the sender was held up before it began");
        return Verdict::Again { reason, after: None };
    }
    provider::send(engine, ways, &claimed.parcel).await
}
