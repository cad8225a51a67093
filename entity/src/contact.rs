//! A customer. The same normalised phone number or e-mail address is the same contact.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, ContactId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactId,
    /// Dense number within the account, from 0.
    pub ordinal: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub name: Option<String>,
    /// The name in lower case: what lists are sorted by.
    #[sea_orm(column_type = "Text", nullable)]
    pub name_key: Option<String>,
    /// Name on a messenger.
    #[sea_orm(column_type = "Text", nullable)]
    pub nickname: Option<String>,
    /// Lower case.
    #[sea_orm(column_type = "Text", nullable)]
    pub email: Option<String>,
    /// E.164 with a leading `+`.
    #[sea_orm(column_type = "Text", nullable)]
    pub phone: Option<String>,
    /// The contact that took this one's place.
    pub merged_into_id: Option<ContactId>,
    /// When its personal data were removed: nothing but its ids and times is left since.
    pub erased_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
