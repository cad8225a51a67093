//! A webhook delivery as it came in, kept before anything is made of it, until somebody is erased
//! of whom it tells.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, InboxId, RawEventId};
use crate::kinds::Provider;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "raw_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RawEventId,
    pub inbox_id: InboxId,
    pub provider: Provider,
    /// SHA-256 of the provider's own id of the delivery, or of the body where it gives none: the
    /// same delivery again is the same event.
    pub digest: Vec<u8>,
    pub body: Vec<u8>,
    /// What stood behind the `?` of the address, where the provider signed it too.
    #[sea_orm(column_type = "Text", nullable)]
    pub query: Option<String>,
    pub received_at: Timestamp,
    /// When it was read; none while it waits.
    pub applied_at: Option<Timestamp>,
    /// Elements that took effect.
    pub applied: i32,
    /// Elements kept only here, because their kind is not known.
    pub unknown: i32,
    /// Elements that could not be applied.
    pub failed: i32,
    /// What was not known or failed.
    #[sea_orm(column_type = "Text", nullable)]
    pub remark: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
