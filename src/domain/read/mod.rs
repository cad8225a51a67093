//! Reading the facts of an account: conversations, messages, sessions and what is kept of
//! webhooks, with the filters and orders of their lists. Facts are written by `record`
//! and `ingest`; nothing here changes a row.

pub mod access;
pub mod conversation;
pub mod message;
pub mod message_log;
pub mod session;
pub mod webhook_event;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Value};

use crate::error::{Checks, Result, ViolationCode};

/// That a column holds one of these values.
fn any_of<C, V>(column: C, values: &Option<Vec<V>>) -> Option<Expr>
where
    C: ColumnTrait,
    V: Copy + Into<Value>,
{
    values.as_ref().map(|values| column.is_in(values.iter().copied()))
}

/// A range of time must not end before it begins.
fn check_range<T: PartialOrd>(path: &str, from: Option<T>, to: Option<T>) -> Result<()> {
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        let mut checks = Checks::new();
        checks.fail(
            path,
            ViolationCode::OutOfRange,
            "must not lie before the beginning of the range",
        );
        return checks.finish();
    }
    Ok(())
}
