//! The append-only history of opt-outs and opt-ins; the last entry of an address counts.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, ContactId, InboxId, MessageId, OptOutId, UserId};
use crate::kinds::{OptOutKind, OptOutSource, Platform};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "opt_out")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OptOutId,
    /// The family of platforms on which it holds.
    pub platform: Platform,
    /// Normalised phone number, e-mail address or messenger id; a keyed hash once the contact was
    /// erased.
    #[sea_orm(column_type = "Text")]
    pub address: String,
    pub kind: OptOutKind,
    /// Whether it changed how the address stood: a second opt-out does not. Follows from the entries before it.
    pub effective: bool,
    pub source: OptOutSource,
    pub contact_id: Option<ContactId>,
    pub inbox_id: Option<InboxId>,
    /// The message that says so. Not a foreign key: the entry outlives the message.
    pub message_id: Option<MessageId>,
    /// Who did it by hand.
    pub user_id: Option<UserId>,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    pub occurred_at: Timestamp,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
