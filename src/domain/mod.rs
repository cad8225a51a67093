//! What may be done with an account and the things in it: one file for each subject, whose
//! commands check the caller's permission and the input and own their transaction. Knows
//! SQL, and nothing of GraphQL or HTTP.

pub mod account;
pub mod attempt;
pub mod bot;
pub mod campaign;
pub mod contact;
pub mod contact_erase;
pub mod contact_merge;
pub mod conversation;
pub mod credits;
pub mod erased;
pub mod event;
pub mod failure;
pub mod filling;
pub mod idempotency;
pub mod idle;
pub mod inbox;
pub mod inbox_hours;
pub mod label;
pub mod opt_out;
pub mod page;
pub mod reach;
pub mod read;
pub mod record;
pub(crate) mod rows;
pub mod search;
mod segments;
pub mod send;
pub mod team;
pub mod template;
pub mod text;
pub mod token;
pub mod user;
pub use sea_orm::{DbErr, SqlErr};

use crate::error::{Error, ViolationCode};

/// Characters of the names of things.
pub const LONGEST_NAME: usize = 255;
/// Elements of a list in an input.
pub const LONGEST_LIST: usize = 250;

/// Turns the refusal of a unique index into a violation at `path`. Two callers may take the
/// same name at the same moment, so that only the database can tell.
pub fn taken(path: &str, message: &str) -> impl Fn(DbErr) -> Error {
    move |error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::invalid(path, ViolationCode::Taken, message)
        }
        _ => Error::from(error),
    }
}
