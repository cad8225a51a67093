//! How a contact is known on an inbox.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, ContactId, ContactIdentityId, InboxId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_identity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactIdentityId,
    pub inbox_id: InboxId,
    pub contact_id: ContactId,
    /// The address or id that the platform uses.
    #[sea_orm(column_type = "Text")]
    pub source_id: String,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
