//! A program that answers contacts.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, BotId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "bot")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BotId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in lower case: what lists are sorted by.
    #[sea_orm(column_type = "Text")]
    pub name_key: String,
    pub archived_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
