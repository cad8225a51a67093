//! Tables as types: one file for each table, named after it in the singular. Nothing
//! here decides anything; rules live in the server's `domain`.

// The bare finders are forbidden to everybody else: rows are reached through an account's
// scope. The derives below define them, so this crate alone must name them.
#![allow(clippy::disallowed_methods, reason = "see above")]

pub mod access_token;
pub mod account;
pub mod account_counter;
pub mod attempt;
pub mod bot;
pub mod campaign;
pub mod campaign_step;
pub mod contact;
pub mod contact_identity;
pub mod contact_label;
pub mod conversation;
pub mod conversation_event;
pub mod conversation_label;
pub mod credit;
pub mod erased_address;
pub mod event;
pub mod event_log;
pub mod id;
pub mod idempotency_key;
pub mod inbox;
pub mod inbox_member;
pub mod kinds;
pub mod label;
pub mod line;
pub mod membership;
pub mod message;
pub mod message_event;
pub mod opt_out;
pub mod parked_event;
pub mod raw_event;
pub mod recipient;
pub mod session;
pub mod team;
pub mod team_member;
pub mod template;
pub mod timestamp;
pub mod user;
pub mod vocabulary;

pub use timestamp::Timestamp;

use sea_orm::EntityTrait;

/// A table whose rows belong to one account.
pub trait Tenant: EntityTrait {
    /// The column that says which.
    const ACCOUNT: Self::Column;
}
