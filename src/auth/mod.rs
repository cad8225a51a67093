//! Who is calling, and what they may touch: passwords, tokens, secrets at rest, and the
//! [`AccountScope`] through which alone the rows of an account are reached. What may be
//! done with those rows is decided in `domain`.

// Passes are made here, before any account is known, so that the bare finders are named in
// this module and nowhere else.
#![allow(clippy::disallowed_methods, reason = "see above")]

pub mod password;
pub mod person;
mod scope;
mod sign_in;
pub mod token;
mod vault;
pub mod viewer;
mod vigil;

use entity::id::AccountId;
use entity::kinds::{Role, TokenScope};
use entity::vocabulary::Vocabulary;

use crate::engine::Engine;

pub use password::Passwords;
pub use scope::{AccountScope, Actor, Permission};
pub use sign_in::{sign_in, sign_out};
pub use token::IssuedToken;
pub use vault::Vault;
pub use viewer::{Viewer, authenticate};
pub use vigil::{Vigil, Watched};

/// For a webhook, after its signature was verified. It may record, and nothing else.
pub fn provider_scope(engine: &Engine, account_id: AccountId) -> AccountScope {
    let scopes = vec![TokenScope::Read, TokenScope::Record];
    AccountScope::new(engine.clone(), account_id, Actor::Provider, Role::Agent, scopes)
}

/// For whoever follows a link that this server signed, after the signature was verified. It may
/// read and record, and nothing else.
pub fn link_scope(engine: &Engine, account_id: AccountId) -> AccountScope {
    let scopes = vec![TokenScope::Read, TokenScope::Record];
    AccountScope::new(engine.clone(), account_id, Actor::System, Role::Agent, scopes)
}

/// For the command line, the demo and background work: everything within the account.
pub fn system_scope(engine: &Engine, account_id: AccountId) -> AccountScope {
    let scopes = TokenScope::ALL.to_vec();
    AccountScope::new(engine.clone(), account_id, Actor::System, Role::Owner, scopes)
}
