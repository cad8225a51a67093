//! What is stored as it came, whoever it tells of: providers' deliveries, statuses that wait for
//! their message, and answers that are given again.

use std::collections::BTreeSet;

use entity::id::{RawEventId, Uuid};
use entity::{idempotency_key, parked_event, raw_event};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

use super::marks::Marks;
use crate::auth::AccountScope;
use crate::domain::erased;
use crate::domain::rows::IDS;
use crate::error::Result;

/// Deliveries looked at by one statement: each may have 3 MiB.
const DELIVERIES: u64 = 100;
const ANSWERS: u64 = 500;

/// Empties the deliveries that tell of the contact, those too that tell of others beside it: all
/// of them took effect. What waits still to be applied is emptied when it was, if it tells of
/// somebody who is erased by then.
///
/// Nothing says of whom a delivery tells, so that all of the account are read, some at a time.
/// That takes as long as reading them takes, and an erasure is rare.
pub(super) async fn empty_deliveries(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    marks: &Marks,
) -> Result<()> {
    use raw_event::Column as C;
    let mut after = RawEventId(Uuid::nil());
    loop {
        let some = scope.find::<raw_event::Entity>().filter(C::Id.gt(after));
        let some = some.filter(C::AppliedAt.is_not_null()).order_by_asc(C::Id).limit(DELIVERIES);
        let some = some.select_only().columns([C::Id, C::Body]);
        let some: Vec<(RawEventId, Vec<u8>)> = some.into_tuple().all(tx).await?;
        let Some((last, _)) = some.last() else { return Ok(()) };
        after = *last;
        let told = some.iter().filter(|(_, body)| marks.in_body(body));
        let told: Vec<RawEventId> = told.map(|(id, _)| *id).collect();
        if told.is_empty() {
            continue;
        }
        let body = Set(erased::DELIVERY.to_vec());
        let emptied = raw_event::ActiveModel { body, ..Default::default() };
        let emptying = scope.update_many::<raw_event::Entity>().set(emptied);
        emptying.filter(C::Id.is_in(told)).exec(tx).await?;
    }
}

/// Drops the statuses that went to the contact and wait for a message that is not known: it would
/// be dropped if it came.
pub(super) async fn drop_parked(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    traces: &BTreeSet<String>,
) -> Result<()> {
    let traces: Vec<&str> = traces.iter().map(String::as_str).collect();
    for chunk in traces.chunks(IDS) {
        let theirs = parked_event::Column::Recipient.is_in(chunk.iter().copied());
        scope.delete_many::<parked_event::Entity>().filter(theirs).exec(tx).await?;
    }
    Ok(())
}

/// Forgets the answers, and the keys, in which the contact is named. Whoever repeats such a
/// request has it done once more.
pub(super) async fn forget_answers(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    marks: &Marks,
    names: &[String],
) -> Result<()> {
    use idempotency_key::Column as C;
    let marks = marks.with_names(names);
    let mut after = String::new();
    loop {
        let some = scope.find::<idempotency_key::Entity>().filter(C::Key.gt(after.as_str()));
        let some = some.order_by_asc(C::Key).limit(ANSWERS);
        let some = some.select_only().columns([C::Key, C::Answer]);
        let some: Vec<(String, Value)> = some.into_tuple().all(tx).await?;
        let Some((last, _)) = some.last() else { return Ok(()) };
        after.clone_from(last);
        let told = some.iter().filter(|(key, answer)| marks.in_text(key) || marks.in_value(answer));
        let told: Vec<&str> = told.map(|(key, _)| key.as_str()).collect();
        if told.is_empty() {
            continue;
        }
        let forgotten = scope.delete_many::<idempotency_key::Entity>();
        forgotten.filter(C::Key.is_in(told)).exec(tx).await?;
    }
}
