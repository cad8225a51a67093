//! The append-only ledger of what happened to a conversation.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, BotId, ConversationEventId, ConversationId, LabelId, UserId};
use crate::kinds::{ConversationActor, ConversationEventKind};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConversationEventId,
    pub conversation_id: ConversationId,
    /// What makes two reports the same event.
    #[sea_orm(column_type = "Text")]
    pub identity: String,
    pub kind: ConversationEventKind,
    pub actor: ConversationActor,
    /// The user by whom.
    pub actor_user_id: Option<UserId>,
    /// The user to whom it was assigned.
    pub user_id: Option<UserId>,
    pub bot_id: Option<BotId>,
    pub label_id: Option<LabelId>,
    pub occurred_at: Timestamp,
    /// The conversation's assignee then; of closings alone.
    pub conversation_assignee_id: Option<UserId>,
    /// The conversation's bot then; of closings alone.
    pub conversation_bot_id: Option<BotId>,
    /// The inbox's portfolio then; of closings alone.
    #[sea_orm(column_type = "Text", nullable)]
    pub portfolio: Option<String>,
    /// Since the conversation began or was last opened again, in microseconds; none for what closes
    /// nothing.
    pub resolution_micros: Option<i64>,
    pub resolution_bin: Option<i16>,
    /// The same within the inbox's business hours.
    pub resolution_open_micros: Option<i64>,
    pub resolution_open_bin: Option<i16>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
