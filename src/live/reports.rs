//! Reports that are kept up to date. Who asks for the same one shares it: it is made anew when
//! something has happened in the account, at most once a second, and once a minute in any case,
//! since time goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::id::AccountId;
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::feed::Feed;
use super::hub::Live;
use crate::analytics::{self, Report, ReportInput};
use crate::auth::{self, AccountScope, Permission};
use crate::error::{Error, Result};

/// Between two makings, at least.
const PACE: Duration = Duration::from_secs(1);
/// A report that takes long waits so many times as long, so that it never takes all the time.
const REST: u32 = 4;
/// Without any event.
const AT_LEAST: Duration = Duration::from_secs(60);

/// A report with its account, as it is asked for.
type Asked = (AccountId, String);

#[derive(Default)]
pub(super) struct Reports(Mutex<HashMap<Asked, watch::Sender<Arc<Report>>>>);

impl Reports {
    fn lock(&self) -> MutexGuard<'_, HashMap<Asked, watch::Sender<Arc<Report>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One subscriber's view of a report.
pub struct LiveReport {
    made: watch::Receiver<Arc<Report>>,
    /// Whether the first was given.
    begun: bool,
}

impl LiveReport {
    fn new(made: watch::Receiver<Arc<Report>>) -> Self {
        Self { made, begun: false }
    }

    /// The report as it is at first, then each time that its numbers have changed. May be given
    /// up and called again.
    pub async fn next(&mut self) -> Result<Arc<Report>> {
        if self.begun {
            let gone = |_| Error::Unavailable("the report cannot be made any more; ask again");
            self.made.changed().await.map_err(gone)?;
        }
        self.begun = true;
        Ok(self.made.borrow_and_update().clone())
    }
}

impl Live {
    /// The report about the scope's account that `input` asks for.
    pub async fn report(&self, scope: &AccountScope, input: ReportInput) -> Result<LiveReport> {
        scope.require(Permission::Read)?;
        let asked = (scope.account_id(), format!("{input:?}"));
        if let Some(sender) = self.reports().lock().get(&asked) {
            return Ok(LiveReport::new(sender.subscribe()));
        }
        // Listening comes first, so that what happens while the first is made is heard of.
        let feed = self.feed(scope, None).await?;
        let began = Instant::now();
        let made = Arc::new(analytics::report(scope, input.clone()).await?);
        let maker = Maker {
            live: self.clone(),
            scope: auth::system_scope(scope.engine(), scope.account_id()),
            input,
            asked: asked.clone(),
            feed,
            next: Instant::now() + rest(began),
        };
        let mut reports = self.reports().lock();
        // Another one may have been faster.
        let receiver = match reports.get(&asked) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = watch::channel(made);
                reports.insert(asked, sender.clone());
                tokio::spawn(maker.run(sender));
                receiver
            }
        };
        Ok(LiveReport::new(receiver))
    }
}

/// How long to wait after what began then.
fn rest(began: Instant) -> Duration {
    PACE.max(began.elapsed() * REST)
}

struct Maker {
    live: Live,
    scope: AccountScope,
    input: ReportInput,
    asked: Asked,
    feed: Feed,
    /// When it may be made again.
    next: Instant,
}

impl Maker {
    /// Goes on until nobody listens, or the report cannot be made any more.
    async fn run(mut self, sender: watch::Sender<Arc<Report>>) {
        loop {
            tokio::select! {
                heard = self.hear() => if heard.is_err() { break },
                () = sender.closed() => if self.leave(&sender) { return } else { continue },
            }
            let began = Instant::now();
            match analytics::report(&self.scope, self.input.clone()).await {
                Ok(made) => {
                    let fresh = Arc::new(made);
                    sender.send_if_modified(|shown| {
                        let same = shown.totals == fresh.totals && shown.rows == fresh.rows;
                        *shown = fresh;
                        !same
                    });
                }
                Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => {
                    tracing::error!(error = ?error, "a report was not made anew");
                }
                // What it asks for is gone.
                Err(_) => break,
            }
            self.next = Instant::now() + rest(began);
        }
        self.live.reports().lock().remove(&self.asked);
    }

    /// Waits until it is time, and something has happened.
    async fn hear(&mut self) -> Result<()> {
        let latest = self.next + AT_LEAST;
        if let Ok(Err(error)) = tokio::time::timeout_at(latest, self.feed.next()).await {
            tracing::error!(error = ?error, "a report hears of no events any more");
            return Err(error);
        }
        tokio::time::sleep_until(self.next).await;
        // One report tells of all that has happened.
        while let Some(Ok(_)) = self.feed.next().now_or_never() {}
        Ok(())
    }

    /// Whether nobody came back before it goes.
    fn leave(&self, sender: &watch::Sender<Arc<Report>>) -> bool {
        let mut reports = self.live.reports().lock();
        let alone = sender.receiver_count() == 0;
        if alone {
            reports.remove(&self.asked);
        }
        alone
    }
}
