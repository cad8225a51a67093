//! Inboxes. Credentials are never shown; whether there are any is.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object, SimpleObject};
use entity::id::{InboxId, UserId};
use entity::inbox::Model;
use entity::kinds::{Platform, Provider};

use super::engagement::{Engagement, engagement};
use super::{Conversation, User, conversation};
use crate::analytics::Subject;
use crate::auth::{AccountScope, Permission};
use crate::domain::{inbox as rules, inbox_hours};
use crate::error::Result;
use crate::graphql::connection::{Connection, PageArgs};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_group, by_key};
use crate::graphql::report::PeriodInput;
use crate::graphql::scalar::{DateTime, TimeZone};
use crate::graphql::vocabulary::Name;

mod list;

pub use list::{Filter, Order, list};

pub struct Inbox {
    reader: Reader,
    model: Model,
}

impl Inbox {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A line, address or widget on which an account talks to contacts.
#[Object]
impl Inbox {
    /// The inbox's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Inbox, self.model.account_id, self.model.id).into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// The network on which it talks to contacts.
    async fn platform(&self) -> Name<Platform> {
        Name(self.model.platform)
    }

    /// Whether the platform's owner has approved the line.
    async fn official(&self) -> bool {
        self.model.official
    }

    /// Who supplies the line.
    async fn vendor(&self) -> Option<&str> {
        self.model.vendor.as_deref()
    }

    /// The part of the business that it belongs to.
    async fn portfolio(&self) -> Option<&str> {
        self.model.portfolio.as_deref()
    }

    /// The sending number or address.
    async fn line(&self) -> Option<&str> {
        self.model.line.as_deref()
    }

    /// Whether it only sends.
    async fn send_only(&self) -> bool {
        self.model.send_only
    }

    /// What is shown instead of a number where the inbox only sends.
    async fn label(&self) -> Option<&str> {
        self.model.label.as_deref()
    }

    /// A conversation whose visitor has been gone for so long is closed; none means never.
    async fn idle_close_seconds(&self) -> Option<i64> {
        self.model.idle_close_seconds
    }

    /// A message so soon after a close reopens the conversation; none means never.
    async fn reopen_within_seconds(&self) -> Option<i64> {
        self.model.reopen_within_seconds
    }

    /// The hours in which it is answered; none means always.
    async fn business_hours(&self) -> Option<BusinessHours> {
        inbox_hours::of(&self.model).map(BusinessHours::from)
    }

    /// The service that carries its messages.
    async fn provider(&self) -> Name<Provider> {
        Name(self.model.provider)
    }

    /// The provider's own id of the line, for example WhatsApp's `phone_number_id`.
    async fn provider_line_id(&self) -> Option<&str> {
        self.model.provider_line_id.as_deref()
    }

    /// Whether credentials for the provider are stored. They are never shown.
    async fn has_credentials(&self) -> bool {
        self.model.credentials.is_some()
    }

    /// Where the provider delivers what happens: the whole address, or the path alone where
    /// the server's public address is not set. Shown to administrators only.
    async fn webhook_url(&self) -> Option<String> {
        let scope = self.reader.scope();
        scope.require(Permission::Inspect).ok()?;
        let origin = scope.engine().config.public_url.as_deref().unwrap_or_default();
        Some(format!("{origin}{}", rules::webhook_path(&self.model)))
    }

    /// Whether delivery is reported; if not, acceptance counts as delivery.
    async fn gives_receipts(&self) -> bool {
        self.model.gives_receipts
    }

    /// Whether reading is reported.
    async fn gives_reads(&self) -> bool {
        self.model.gives_reads
    }

    /// How many messages may be handed over in a second; none means: as the provider usually
    /// allows.
    async fn sends_per_second(&self) -> Option<i32> {
        self.model.sends_per_second
    }

    /// Who answers on it, in the order of their joining.
    async fn members(&self) -> async_graphql::Result<Vec<User>> {
        let ids = self.reader.find(MembersOf(self.model.id)).await?.unwrap_or_default();
        let users = self.reader.find_many(ids).await?.into_iter();
        Ok(users.map(|user| User::of(self.reader.clone(), user)).collect())
    }

    /// Its conversations, the latest first if nothing else is said.
    async fn conversations(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<conversation::Filter>,
        order_by: Option<conversation::Order>,
    ) -> Result<Connection<Conversation>> {
        let args = PageArgs { first, after, last, before };
        let of = conversation::Of::Inbox(self.model.id);
        conversation::list(&self.reader, of, filter, order_by, args).await
    }

    /// When it was put away; none while it is in use.
    async fn archived_at(&self) -> Option<DateTime> {
        self.model.archived_at.map(DateTime)
    }

    /// When it was made here.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When its settings were last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }

    /// Numbers about what was said on it, over a period. In the account's zone, unless another is given.
    async fn engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From when to when.")] period: PeriodInput,
        #[graphql(desc = "The zone of presets.")] time_zone: Option<TimeZone>,
    ) -> Option<async_graphql::Result<Engagement>> {
        let subject = Subject::Inbox(self.model.id);
        Some(engagement(ctx, &self.reader, subject, period, time_zone).await)
    }
}

/// The hours in which an inbox is answered.
#[derive(SimpleObject)]
pub struct BusinessHours {
    /// In which zone the hours are meant.
    pub zone: TimeZone,
    /// The hours of a week; a day may have several, and is free if it has none.
    pub week: Vec<OfficeHours>,
    /// Free dates, `YYYY-MM-DD`.
    pub holidays: Vec<String>,
}

/// A stretch of one day of the week.
#[derive(SimpleObject)]
pub struct OfficeHours {
    /// 1 is Monday, 7 Sunday.
    pub day: i64,
    /// From when, `HH:MM`.
    pub from: String,
    /// Until when, `HH:MM`, at most `24:00`.
    pub to: String,
}

impl From<inbox_hours::BusinessHours> for BusinessHours {
    fn from(hours: inbox_hours::BusinessHours) -> Self {
        let inbox_hours::BusinessHours { zone, week, holidays } = hours;
        let week = week.into_iter();
        let week = week.map(|span| OfficeHours { day: span.day, from: span.from, to: span.to });
        Self { zone: TimeZone(zone), week: week.collect(), holidays }
    }
}

impl Key for InboxId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}

/// Who answers on an inbox.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct MembersOf(InboxId);

impl Key for MembersOf {
    type Row = Vec<UserId>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Vec<UserId>>> {
        let ids: Vec<InboxId> = keys.iter().map(|key| key.0).collect();
        let members = rules::members(scope, &ids).await?.into_iter();
        Ok(by_group(keys, members.map(|row| (MembersOf(row.inbox_id), row.user_id))))
    }
}
