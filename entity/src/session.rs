//! A stretch of talk of a contact on an inbox without a long silence: a function of its messages.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, ContactId, ConversationId, InboxId, MessageId, SessionId};
use crate::kinds::{SessionOrigin, UserType};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub contact_id: ContactId,
    pub inbox_id: InboxId,
    /// That of its first message.
    pub conversation_id: ConversationId,
    /// Not a foreign key: messages point at sessions.
    pub first_message_id: MessageId,
    pub origin: SessionOrigin,
    pub user_type: UserType,
    pub started_at: Timestamp,
    pub last_message_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
