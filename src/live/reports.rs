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
/// The report as it was made last; none as long as the first is being made.
type Made = Option<Arc<Report>>;

#[derive(Default)]
pub(super) struct Reports(Mutex<HashMap<Asked, watch::Sender<Made>>>);

impl Reports {
    fn lock(&self) -> MutexGuard<'_, HashMap<Asked, watch::Sender<Made>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One subscriber's view of a report.
pub struct LiveReport {
    made: watch::Receiver<Made>,
    /// Whether what is there was given.
    given: bool,
}

impl LiveReport {
    /// The report as it is at first, then each time that its numbers have changed. May be given
    /// up and called again.
    pub async fn next(&mut self) -> Result<Arc<Report>> {
        loop {
            if self.given {
                let gone = |_| Error::Unavailable("the report cannot be made now; ask again");
                self.made.changed().await.map_err(gone)?;
            }
            self.given = true;
            if let Some(made) = self.made.borrow_and_update().clone() {
                return Ok(made);
            }
        }
    }
}

impl Live {
    /// The report about the scope's account that `input` asks for.
    pub async fn report(&self, scope: &AccountScope, input: ReportInput) -> Result<LiveReport> {
        scope.require(Permission::Read)?;
        let mut report = LiveReport { made: self.shared(scope, &input), given: false };
        match report.next().await {
            Ok(_) => {
                report.given = false;
                Ok(report)
            }
            // Says what is wrong, where it is the input.
            Err(error) => Err(analytics::report(scope, input).await.err().unwrap_or(error)),
        }
    }

    /// What is made for all who ask alike.
    fn shared(&self, scope: &AccountScope, input: &ReportInput) -> watch::Receiver<Made> {
        let asked = (scope.account_id(), format!("{input:?}"));
        let mut reports = self.reports().lock();
        if let Some(sender) = reports.get(&asked) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        reports.insert(asked.clone(), sender.clone());
        let scope = auth::system_scope(scope.engine(), scope.account_id());
        let maker = Maker { live: self.clone(), scope, input: input.clone(), sender };
        tokio::spawn(async move {
            if let Err(error) = maker.run(&asked).await {
                tracing::debug!(error = ?error, "a report is not kept up to date any more");
                // Its subscribers hear of it; whoever asks from now on begins anew.
                maker.live.reports().lock().remove(&asked);
            }
        });
        receiver
    }
}

struct Maker {
    live: Live,
    scope: AccountScope,
    input: ReportInput,
    sender: watch::Sender<Made>,
}

impl Maker {
    /// Goes on until nobody listens, and is then forgotten; or until the report cannot be made.
    async fn run(&self, asked: &Asked) -> Result<()> {
        // Listening comes first, so that what happens while the first is made is heard of.
        let mut feed = self.live.feed(&self.scope, None).await?;
        let mut next = self.make().await?;
        loop {
            tokio::select! {
                heard = hear(&mut feed, next) => heard?,
                () = self.sender.closed() => if self.leave(asked) { return Ok(()) } else { continue },
            }
            next = match self.make().await {
                Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => {
                    tracing::error!(error = ?error, "a report was not made anew");
                    Instant::now() + PACE * REST
                }
                // Otherwise what it asks for is gone.
                made => made?,
            };
        }
    }

    /// Makes the report, and shows it if its numbers have changed. Gives when it may be made
    /// again.
    async fn make(&self) -> Result<Instant> {
        let began = Instant::now();
        let fresh = analytics::report(&self.scope, self.input.clone()).await?;
        self.sender.send_if_modified(|shown| {
            let same = shown
                .as_ref()
                .is_some_and(|shown| shown.totals == fresh.totals && shown.rows == fresh.rows);
            *shown = Some(Arc::new(fresh));
            !same
        });
        Ok(pace(began))
    }

    /// Whether nobody came back before it goes.
    fn leave(&self, asked: &Asked) -> bool {
        let mut reports = self.live.reports().lock();
        let alone = self.sender.receiver_count() == 0;
        if alone {
            reports.remove(asked);
        }
        alone
    }
}

/// When what was begun to be made then, and is made now, may be made again.
pub(super) fn pace(began: Instant) -> Instant {
    Instant::now() + PACE.max(began.elapsed() * REST)
}

/// Waits until `next`, and until something has happened or much time has passed.
pub(super) async fn hear(feed: &mut Feed, next: Instant) -> Result<()> {
    if let Ok(Err(error)) = tokio::time::timeout_at(next + AT_LEAST, feed.next()).await {
        return Err(error);
    }
    tokio::time::sleep_until(next).await;
    // One report tells of all that has happened.
    while let Some(Ok(_)) = feed.next().now_or_never() {}
    Ok(())
}
