//! Who is asking: what resolvers need to know of the request, and the `Viewer` type.

use async_graphql::{Context, ID, Object};

use super::id::{self, NodeKind};
use super::loader::{Caller, Reader};
use super::object::{AccessToken, Account, User};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// The caller, if the request carries a valid token.
pub fn caller<'a>(ctx: &Context<'a>) -> Result<&'a Caller> {
    ctx.data_opt::<Caller>().ok_or(Error::Unauthenticated)
}

/// The caller within the account that an input names. Foreign and missing accounts look the
/// same.
pub fn reader(ctx: &Context<'_>, path: &str, account_id: &ID) -> Result<Reader> {
    let caller = caller(ctx)?;
    caller.reader(id::parse_key(path, account_id, NodeKind::Account)?)
}

/// The server's parts, for what needs no account.
pub fn engine<'a>(ctx: &Context<'a>) -> Result<&'a Engine> {
    ctx.data_opt::<Engine>().ok_or_else(|| Error::bug("the schema was built without an engine"))
}

pub struct Viewer {
    caller: Caller,
}

impl Viewer {
    pub fn new(caller: Caller) -> Self {
        Self { caller }
    }
}

/// Who is asking: a user who signed in, or a program with a token.
#[Object]
impl Viewer {
    /// The user who signed in; none for a program.
    async fn user(&self) -> Option<User> {
        let user = self.caller.viewer().user()?;
        Some(User::new(self.caller.clone(), user.clone()))
    }

    /// The token that the request carries.
    async fn token(&self) -> AccessToken {
        AccessToken::new(self.caller.clone(), self.caller.viewer().token().clone())
    }

    /// The accounts that are open to the viewer, in the order of their making. Each says as
    /// what by `viewerRole`.
    async fn accounts(&self) -> Result<Vec<Account>> {
        let accounts = self.caller.viewer().load_accounts().await?;
        accounts
            .into_iter()
            .map(|account| Ok(Account::new(self.caller.reader(account.id)?, account)))
            .collect()
    }

    /// Whether the token is the installation's, which makes accounts and opens none.
    async fn is_installation(&self) -> bool {
        self.caller.viewer().is_installation()
    }
}
