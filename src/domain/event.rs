//! The event log: one row for each change, written in the transaction of the change. The
//! rows get their numbers later, so that no writer waits for another.

use entity::event;
use entity::id::Uuid;
use entity::kinds::EventKind;
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseTransaction, EntityTrait};

use crate::auth::AccountScope;
use crate::error::Result;

/// Tells of a change to the things with these ids. Without ids there is nothing to tell.
pub async fn write(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    kind: EventKind,
    ids: Vec<Uuid>,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let row = event::ActiveModel {
        account_id: Set(scope.account_id()),
        id: Set(scope.id()),
        kind: Set(kind),
        ids: Set(serde_json::to_value(&ids)?),
        seq: Set(None),
        created_at: Set(scope.now()),
    };
    event::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
