//! The bus within the process: one watcher looks whether the logs of the accounts that somebody
//! listens to have grown, and tells all their listeners at once. Another process that writes to
//! the same database is heard in the same way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::id::AccountId;
use tokio::sync::broadcast;
use tokio::time::MissedTickBehavior;

use super::feed::Feed;
use super::log::{self, Page, Position, Standing};
use super::reports::Reports;
use crate::auth::{self, AccountScope, Permission};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// How often the logs are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Pages that a listener may be behind before it reads the log by itself.
const AHEAD: usize = 32;

#[derive(Clone)]
pub struct Live(Arc<Parts>);

struct Parts {
    engine: Engine,
    listened: Mutex<Listened>,
    pub(super) reports: Reports,
}

#[derive(Default)]
struct Listened {
    channels: HashMap<AccountId, Channel>,
    /// Whether somebody looks at the logs.
    watched: bool,
}

struct Channel {
    pages: broadcast::Sender<Arc<Page>>,
    /// The last number told of; none as long as the first listener reads the log.
    told: Option<i64>,
}

impl Live {
    pub fn new(engine: Engine) -> Self {
        let reports = Reports::default();
        Self(Arc::new(Parts { engine, listened: Mutex::default(), reports }))
    }

    pub(super) fn reports(&self) -> &Reports {
        &self.0.reports
    }

    fn listened(&self) -> MutexGuard<'_, Listened> {
        self.0.listened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens in the scope's account, from `after` on or else from now on.
    /// [`Error::Resync`] where the log does not reach back so far.
    pub async fn feed(&self, scope: &AccountScope, after: Option<Position>) -> Result<Feed> {
        scope.require(Permission::Read)?;
        // Listening comes first, so that nothing falls between what is read and what is heard.
        let pages = self.listen(scope.account_id());
        let system = auth::system_scope(&self.0.engine, scope.account_id());
        let standing = log::settled(&system).await?;
        let position = after.unwrap_or(Position::behind(standing.last_seq));
        if standing.has_forgotten(position) || position.seq > standing.last_seq {
            return Err(Error::Resync);
        }
        self.begin(standing);
        Ok(Feed::new(system, pages, position))
    }

    /// Has the watcher tell whatever comes after this.
    fn begin(&self, standing: Standing) {
        if let Some(channel) = self.listened().channels.get_mut(&standing.account_id) {
            channel.told.get_or_insert(standing.last_seq);
        }
    }

    fn listen(&self, account_id: AccountId) -> broadcast::Receiver<Arc<Page>> {
        let mut listened = self.listened();
        if !listened.watched {
            listened.watched = true;
            tokio::spawn(self.clone().watch());
        }
        let channel = listened
            .channels
            .entry(account_id)
            .or_insert_with(|| Channel { pages: broadcast::Sender::new(AHEAD), told: None });
        channel.pages.subscribe()
    }

    /// Goes on as long as anybody listens.
    async fn watch(self) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(accounts) = self.accounts() else { return };
            if let Err(error) = self.look(&accounts).await {
                tracing::error!(error = ?error, "the event log was not read");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Those that are listened to; none where the watcher may go.
    fn accounts(&self) -> Option<Vec<AccountId>> {
        let mut listened = self.listened();
        listened.channels.retain(|_, channel| channel.pages.receiver_count() > 0);
        listened.watched = !listened.channels.is_empty();
        listened.watched.then(|| listened.channels.keys().copied().collect())
    }

    async fn look(&self, accounts: &[AccountId]) -> Result<()> {
        for standing in log::standings(&self.0.engine.db, accounts).await? {
            let scope = auth::system_scope(&self.0.engine, standing.account_id);
            let standing = match standing.waits {
                true => log::settled(&scope).await?,
                false => standing,
            };
            self.tell(&scope, standing).await?;
        }
        Ok(())
    }

    /// Tells what is new in an account.
    async fn tell(&self, scope: &AccountScope, standing: Standing) -> Result<()> {
        let told = self.listened().channels.get(&standing.account_id).and_then(|it| it.told);
        let Some(mut told) = told else { return Ok(()) };
        while told < standing.last_seq {
            let page = Arc::new(log::page(scope, told).await?);
            if page.through == page.after {
                return Ok(());
            }
            told = page.through;
            let mut listened = self.listened();
            let Some(channel) = listened.channels.get_mut(&standing.account_id) else {
                return Ok(());
            };
            channel.told = Some(told);
            // Fails where nobody listens any more.
            channel.pages.send(page).ok();
        }
        Ok(())
    }
}
