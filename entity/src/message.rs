//! One message, note or system entry. Its status columns follow from the ledger `message_event`.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{
    AccountId, AutomationId, BotId, CampaignId, ContactId, ConversationId, InboxId, MessageId,
    SessionId, TemplateId, UserId,
};
use crate::kinds::{
    AuthorKind, Direction, FailureBucket, Medium, MessageStatus, SessionOrigin, SessionRole,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageId,
    pub inbox_id: InboxId,
    pub contact_id: ContactId,
    pub conversation_id: ConversationId,
    pub session_id: Option<SessionId>,
    pub session_role: Option<SessionRole>,
    /// Its id at the provider or in the system that records it; a hash once the contact was erased.
    #[sea_orm(column_type = "Text", nullable)]
    pub external_id: Option<String>,
    pub medium: Medium,
    pub direction: Direction,
    pub author_kind: Option<AuthorKind>,
    pub author_user_id: Option<UserId>,
    pub author_bot_id: Option<BotId>,
    /// A note that the contact never sees.
    pub private: bool,
    pub template_id: Option<TemplateId>,
    pub campaign_id: Option<CampaignId>,
    /// Parts for which a network charges, of what is sent from here.
    pub segments: Option<i16>,
    /// What it costs, likewise; it is spent when the provider takes the message.
    pub credits: Option<i64>,
    pub automation_id: Option<AutomationId>,
    /// What a session that begins with it begins with.
    pub origin: SessionOrigin,
    #[sea_orm(column_type = "Text", nullable)]
    pub quoted_external_id: Option<String>,
    /// Not a foreign key: the quoted message may arrive later.
    pub quoted_message_id: Option<MessageId>,
    #[sea_orm(column_type = "Text")]
    pub content: String,
    /// Array of `{ kind, url, mimeType, name, externalId }`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub attachments: Option<Json>,
    /// The time of the message: the provider's, or when it was handed over.
    pub occurred_at: Timestamp,
    /// The conversation's assignee at that time.
    pub assignee_id: Option<UserId>,
    /// The conversation's bot at that time.
    pub bot_id: Option<BotId>,
    /// The inbox's portfolio at that time.
    #[sea_orm(column_type = "Text", nullable)]
    pub portfolio: Option<String>,
    pub gives_receipts: bool,
    pub gives_reads: bool,
    /// None for inbound messages, notes and system entries.
    pub status: Option<MessageStatus>,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    #[sea_orm(column_type = "Text", nullable)]
    pub failure_code: Option<String>,
    pub failure_bucket: Option<FailureBucket>,
    #[sea_orm(column_type = "Text", nullable)]
    pub failure_detail: Option<String>,
    pub failed_after_delivery: bool,
    /// Of a human reply: since the first inbound message that waited for it, in microseconds.
    pub reply_micros: Option<i64>,
    pub reply_bin: Option<i16>,
    /// The same within the inbox's business hours.
    pub reply_open_micros: Option<i64>,
    pub reply_open_bin: Option<i16>,
    /// Of the first human reply of the conversation, where the client wrote before it: since the
    /// conversation began, was handed off by the bot or opened again by the client.
    pub first_response_micros: Option<i64>,
    pub first_response_bin: Option<i16>,
    /// The same within the inbox's business hours.
    pub first_response_open_micros: Option<i64>,
    pub first_response_open_bin: Option<i16>,
    /// Inbound, and neither wholly an opt-out word nor an opt-in word that opted in.
    pub is_reply: bool,
    /// Of a send: the first reply that quotes it.
    pub quoted_reply_at: Option<Timestamp>,
    /// Of a send that went out: the first reply between it and the next such send to the contact
    /// on the inbox, of those that quote no send. Whether it lies within the reply window is for
    /// the reader to say.
    pub next_reply_at: Option<Timestamp>,
    /// Of a send: likewise, the first opt-out.
    pub quoted_opt_out_at: Option<Timestamp>,
    pub next_opt_out_at: Option<Timestamp>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
