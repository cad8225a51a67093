//! What is said with a contact on an inbox until it is closed. The state columns follow from its messages and events.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, BotId, ContactId, ConversationId, InboxId, MessageId, UserId};
use crate::kinds::{AuthorKind, ConversationActor, ConversationStatus, Direction, OpenedBy};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConversationId,
    /// Dense number within the account, from 0.
    pub ordinal: i64,
    /// Number shown to people, from 1.
    pub display_id: i64,
    pub inbox_id: InboxId,
    pub contact_id: ContactId,
    /// Its id in the system that records it.
    #[sea_orm(column_type = "Text", nullable)]
    pub external_id: Option<String>,
    /// The message that it began with.
    pub first_message_id: MessageId,
    pub status: ConversationStatus,
    pub opened_by: OpenedBy,
    pub assignee_id: Option<UserId>,
    /// The bot that wrote last or was named by an event.
    pub bot_id: Option<BotId>,
    pub has_client_messages: bool,
    /// One word for where the visitor came from: the campaign source, the advertisement, or the referrer's host.
    #[sea_orm(column_type = "Text", nullable)]
    pub traffic_source: Option<String>,
    /// `{ referrer, landingPage, utmSource, utmMedium, utmCampaign, utmTerm, utmContent, adId, clickId }`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub traffic: Option<Json>,
    /// Of messages that the contact can see; its creation where there is none.
    pub last_message_at: Timestamp,
    pub last_direction: Option<Direction>,
    pub last_author_kind: Option<AuthorKind>,
    pub last_author_user_id: Option<UserId>,
    pub last_author_bot_id: Option<BotId>,
    /// The latest time of any message or event: what is not older is applied without reading the history.
    pub last_activity_at: Timestamp,
    pub visitor_last_seen_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub closed_by: Option<ConversationActor>,
    pub closed_by_user_id: Option<UserId>,
    /// When it began or was last opened again.
    pub opened_at: Timestamp,
    /// The first inbound message that no human has answered since.
    pub waiting_since: Option<Timestamp>,
    /// From when the first response is measured: the latest of its beginning, hand-offs by the bot
    /// and reopenings by the client before it.
    pub response_from: Option<Timestamp>,
    /// The first human reply.
    pub responded_at: Option<Timestamp>,
    /// Time of its first message.
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
