//! A line, address or widget on which an account talks to contacts.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, InboxId};
use crate::kinds::{Platform, Provider};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InboxId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in lower case: what lists are sorted by.
    #[sea_orm(column_type = "Text")]
    pub name_key: String,
    pub platform: Platform,
    /// Whether the platform's owner has approved the line.
    pub official: bool,
    /// Who supplies the line.
    #[sea_orm(column_type = "Text", nullable)]
    pub vendor: Option<String>,
    /// The part of the business it belongs to.
    #[sea_orm(column_type = "Text", nullable)]
    pub portfolio: Option<String>,
    /// Sending number or address.
    #[sea_orm(column_type = "Text", nullable)]
    pub line: Option<String>,
    pub send_only: bool,
    /// Shown instead of a number where the inbox only sends.
    #[sea_orm(column_type = "Text", nullable)]
    pub label: Option<String>,
    /// An open conversation whose visitor has been gone for so long is closed.
    pub idle_close_seconds: Option<i64>,
    /// A message so soon after a close reopens the conversation.
    pub reopen_within_seconds: Option<i64>,
    /// `{ zone, week: [{ day, from, to }], holidays: [date] }`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub business_hours: Option<Json>,
    pub provider: Provider,
    /// The provider's own id of the line, for example WhatsApp's `phone_number_id`.
    #[sea_orm(column_type = "Text", nullable)]
    pub provider_line_id: Option<String>,
    /// Encrypted; never read back by clients.
    pub credentials: Option<Vec<u8>>,
    /// The random part of the webhook address.
    pub key: Vec<u8>,
    /// Whether delivery is reported.
    pub gives_receipts: bool,
    /// Whether reading is reported.
    pub gives_reads: bool,
    /// At most so many messages are handed over in a second; none means: as the provider usually
    /// allows.
    pub sends_per_second: Option<i32>,
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
