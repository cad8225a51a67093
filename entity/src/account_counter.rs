//! The dense numbers given out in an account, and when something was erased in it last. Its row is the lock under which facts of the account are recorded, one transaction after the other.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::AccountId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account_counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// Contacts numbered so far.
    pub contacts: i64,
    /// Conversations numbered so far.
    pub conversations: i64,
    /// The last display id given out.
    pub display_ids: i64,
    /// When a contact was erased last: nothing that happened later needs to be compared.
    pub last_erased_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
