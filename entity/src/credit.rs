//! What messages of an account have taken of a month's credits: those handed over, and not
//! refused.

use sea_orm::entity::prelude::*;

use crate::id::AccountId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "credit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// `YYYY-MM` in the account's zone.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub month: String,
    pub taken: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
