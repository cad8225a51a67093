//! What is done again and again in the background, whatever the clients do: conversations
//! whose visitors are gone are closed, and stored answers and events that nobody can ask for
//! any more are deleted.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::auth::{self, AccountScope, person};
use crate::domain::{idempotency, idle};
use crate::engine::Engine;
use crate::error::Result;
use crate::live;

const PERIOD: Duration = Duration::from_secs(30);

/// Goes on until it is aborted. A failure is logged, and the next turn tries again.
pub async fn run(engine: Engine) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = turn(&engine).await {
            tracing::error!(error = ?error, "the chores were not done");
        }
    }
}

async fn turn(engine: &Engine) -> Result<()> {
    for account in person::all_accounts(engine.db.read()).await? {
        let scope = auth::system_scope(engine, account);
        // What fails in one account keeps nobody else waiting.
        if let Err(error) = of_account(&scope).await {
            tracing::error!(account = %account.0, error = ?error, "the chores of an account were not done");
        }
    }
    Ok(())
}

async fn of_account(scope: &AccountScope) -> Result<()> {
    let closed = idle::close(scope).await?;
    if closed > 0 {
        tracing::info!(closed, "closed conversations by inactivity");
    }
    live::log::forget(scope).await?;
    idempotency::forget(scope).await
}
