//! `rebuild`: works out anew what follows from the ledgers, and says what differed.

use entity::id::AccountId;

use super::{account_id, print};
use crate::auth::{person, system_scope};
use crate::domain::record::rebuild;
use crate::engine::Engine;
use crate::error::Result;
use crate::graphql::id::NodeId;

/// Arguments of `rebuild`.
#[derive(Clone, Debug, clap::Args)]
pub struct RebuildArgs {
    /// The account; all of them unless given
    #[arg(long, value_parser = account_id)]
    account: Option<AccountId>,
    /// Only say what differs, and change nothing
    #[arg(long)]
    check: bool,
}

/// Prints for each account how many rows of each kind differed. Answers whether all are now as
/// they should be.
pub async fn run(engine: &Engine, args: RebuildArgs) -> Result<bool> {
    let accounts = match args.account {
        Some(account) => vec![account],
        None => person::all_accounts(engine.db.read()).await?,
    };
    let (mut alike, check) = (true, args.check);
    for account in accounts {
        let scope = system_scope(engine, account);
        // One that is not there is named.
        scope.account(scope.db().read()).await?;
        let bar = super::bar(rebuild::contacts(&scope).await?, "contacts")?;
        let found = rebuild::rebuild(&scope, !check, |contacts| bar.inc(contacts)).await;
        bar.finish_and_clear();
        let found = found?;
        alike &= found.total() == 0;
        let count = |number: u64| number.to_string();
        print(&[
            ("account", NodeId::account(account).to_string()),
            ("statuses", count(found.statuses)),
            ("conversations", count(found.conversations)),
            ("frozen", count(found.frozen)),
            ("replies", count(found.replies)),
            ("sessions", count(found.sessions)),
            ("responses", count(found.responses)),
        ])?;
    }
    Ok(alike || !check)
}
