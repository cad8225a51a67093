//! Accounts: their settings, and the lists of all that is in them.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use entity::account::Model;
use entity::id::AccountId;
use entity::kinds::{PlanEnd, Role};

use super::conversation_start::{self, ConversationStart};
use super::credits::{self, AccountCredits, CreditPrice};
use super::engagement::{Engagement, engagement};
use super::engagement_row::{self, EngagementRow};
use super::message_log::{self, MessageLog};
use super::{
    AccessToken, Bot, Campaign, Contact, Conversation, Inbox, Label, Message, OptOut, Session,
    Team, Template, User, WebhookEvent, bot, campaign, contact, conversation, inbox, label,
    message, opt_out, session, team, template, token, user, webhook_event,
};
use crate::analytics::Subject;
use crate::auth::AccountScope;
use crate::domain::credits::Tariff;
use crate::error;
use crate::graphql::connection::{Connection, PageArgs};
use crate::graphql::id::NodeId;
use crate::graphql::loader::{Key, Reader};
use crate::graphql::report::{self, PeriodInput, Report, ReportFilter, ReportInput};
use crate::graphql::scalar::{Count, DateTime, TimeZone};
use crate::graphql::vocabulary::Name;

pub struct Account {
    reader: Reader,
    model: Model,
}

impl Account {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A tenant, its settings and all that is in it.
#[Object]
impl Account {
    /// The account's id.
    pub async fn id(&self) -> ID {
        NodeId::account(self.model.id).into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// The zone of its days and hours, and of reports unless they ask for another.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.model.time_zone.clone())
    }

    /// What the contract allows.
    async fn plan(&self) -> Plan {
        Plan {
            credits: self.model.plan_credits.map(|credits| Count(credits.unsigned_abs())),
            chat_module: self.model.chat_module,
            at_end: Name(self.model.at_plan_end.unwrap_or(PlanEnd::Continue)),
        }
    }

    /// What segments cost; a credit each where no price is named.
    async fn prices(&self) -> Result<Vec<CreditPrice>> {
        let prices = Tariff::of(&self.model)?.prices();
        Ok(prices.into_iter().map(CreditPrice::from).collect())
    }

    /// What of the month's credits is used, and what is expected. Needs the role MANAGER.
    async fn credits(&self) -> Option<Result<AccountCredits>> {
        Some(credits::of_account(self.reader.scope()).await.map_err(Into::into))
    }

    /// How long after a send an inbound message counts as a reply to it.
    async fn reply_window_seconds(&self) -> i64 {
        self.model.reply_window_seconds
    }

    /// A session ends after a silence longer than this.
    async fn session_idle_seconds(&self) -> i64 {
        self.model.session_idle_seconds
    }

    /// The first day of a week in reports: 1 is Monday, 7 Sunday.
    async fn week_start(&self) -> i32 {
        self.model.week_start.into()
    }

    /// Messages that opt their sender out: whole texts, in lower case.
    async fn opt_out_words(&self) -> Vec<&str> {
        words(&self.model.opt_out_words)
    }

    /// Messages that opt their sender in again, likewise.
    async fn opt_in_words(&self) -> Vec<&str> {
        words(&self.model.opt_in_words)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When its settings were last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }

    /// What the viewer may do in it.
    async fn viewer_role(&self) -> Name<Role> {
        Name(self.reader.scope().role())
    }

    /// The users, by name if nothing else is said.
    async fn users(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<user::Filter>,
        order_by: Option<user::Order>,
    ) -> error::Result<Connection<User>> {
        user::list(&self.reader, filter, order_by, PageArgs { first, after, last, before }).await
    }

    /// The account's own tokens, the newest first if nothing else is said. Needs the role
    /// ADMIN.
    async fn tokens(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<token::Filter>,
        order_by: Option<token::Order>,
    ) -> Option<Result<Connection<AccessToken>>> {
        let args = PageArgs { first, after, last, before };
        Some(token::list(&self.reader, filter, order_by, args).await.map_err(Into::into))
    }

    /// The teams, by name if nothing else is said.
    async fn teams(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<team::Filter>,
        order_by: Option<team::Order>,
    ) -> error::Result<Connection<Team>> {
        team::list(&self.reader, filter, order_by, PageArgs { first, after, last, before }).await
    }

    /// The inboxes, by name if nothing else is said.
    async fn inboxes(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<inbox::Filter>,
        order_by: Option<inbox::Order>,
    ) -> error::Result<Connection<Inbox>> {
        inbox::list(&self.reader, filter, order_by, PageArgs { first, after, last, before }).await
    }

    /// The bots, by name if nothing else is said.
    async fn bots(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<bot::Filter>,
        order_by: Option<bot::Order>,
    ) -> error::Result<Connection<Bot>> {
        bot::list(&self.reader, filter, order_by, PageArgs { first, after, last, before }).await
    }

    /// The contacts, the newest first if nothing else is said.
    async fn contacts(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<contact::Filter>,
        order_by: Option<contact::Order>,
    ) -> error::Result<Connection<Contact>> {
        contact::list(&self.reader, filter, order_by, PageArgs { first, after, last, before }).await
    }

    /// The labels, by name if nothing else is said.
    async fn labels(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<label::Filter>,
        order_by: Option<label::Order>,
    ) -> error::Result<Connection<Label>> {
        label::list(&self.reader, filter, order_by, PageArgs { first, after, last, before }).await
    }

    /// The conversations, the latest first if nothing else is said.
    async fn conversations(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<conversation::Filter>,
        order_by: Option<conversation::Order>,
    ) -> error::Result<Connection<Conversation>> {
        let args = PageArgs { first, after, last, before };
        let of = conversation::Of::Account;
        conversation::list(&self.reader, of, filter, order_by, args).await
    }

    /// The messages and notes, the latest first if nothing else is said.
    async fn messages(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<message::Filter>,
        order_by: Option<message::Order>,
    ) -> error::Result<Connection<Message>> {
        message::list(&self.reader, filter, order_by, PageArgs { first, after, last, before }).await
    }

    /// The sessions, the latest first if nothing else is said.
    async fn sessions(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<session::Filter>,
        order_by: Option<session::Order>,
    ) -> error::Result<Connection<Session>> {
        session::list(&self.reader, filter, order_by, PageArgs { first, after, last, before }).await
    }

    /// The templates, by name if nothing else is said.
    async fn templates(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<template::Filter>,
        order_by: Option<template::Order>,
    ) -> error::Result<Connection<Template>> {
        let args = PageArgs { first, after, last, before };
        template::list(&self.reader, filter, order_by, args).await
    }

    /// The campaigns, the newest first if nothing else is said. Needs the role MANAGER.
    async fn campaigns(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<campaign::Filter>,
        order_by: Option<campaign::Order>,
    ) -> Option<Result<Connection<Campaign>>> {
        let args = PageArgs { first, after, last, before };
        Some(campaign::list(&self.reader, filter, order_by, args).await.map_err(Into::into))
    }

    /// The history of opt-outs and opt-ins, the latest first if nothing else is said.
    async fn opt_outs(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<opt_out::Filter>,
        order_by: Option<opt_out::Order>,
    ) -> error::Result<Connection<OptOut>> {
        let args = PageArgs { first, after, last, before };
        opt_out::list(&self.reader, None, filter, order_by, args).await
    }

    /// What providers delivered, the latest first if nothing else is said. Needs the role
    /// ADMIN.
    async fn webhook_events(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<webhook_event::Filter>,
        order_by: Option<webhook_event::Order>,
    ) -> Option<Result<Connection<WebhookEvent>>> {
        let args = PageArgs { first, after, last, before };
        Some(webhook_event::list(&self.reader, filter, order_by, args).await.map_err(Into::into))
    }

    /// The message log: the conversations that are closed, those closed last first if nothing else
    /// is said.
    #[expect(clippy::too_many_arguments, reason = "they are the field's")]
    async fn message_log(
        &self,
        filter: Option<message_log::Filter>,
        #[graphql(desc = "A part of the contact's name, e-mail address or phone number.")]
        search: Option<String>,
        order_by: Option<message_log::Order>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Option<Result<Connection<MessageLog>>> {
        let args = PageArgs { first, after, last, before };
        let listed = message_log::list(&self.reader, filter, search, order_by, args).await;
        Some(listed.map_err(Into::into))
    }

    /// The messages with which sessions began in a period, and the sends with which one would have
    /// begun, had they not failed; the latest first if nothing else is said.
    #[expect(clippy::too_many_arguments, reason = "they are the field's")]
    async fn conversation_starts(
        &self,
        #[graphql(desc = "From when to when they were.")] period: PeriodInput,
        filter: Option<ReportFilter>,
        #[graphql(desc = "A part of the contact's name, e-mail address or phone number.")]
        search: Option<String>,
        #[graphql(desc = "The zone of presets and hours; the account's if not given.")]
        time_zone: Option<TimeZone>,
        order_by: Option<conversation_start::Order>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Option<Result<Connection<ConversationStart>>> {
        let args = PageArgs { first, after, last, before };
        let listed = async {
            let input = report::table(period, filter, time_zone)?;
            conversation_start::list(&self.reader, input, search, order_by, args).await
        };
        Some(listed.await.map_err(Into::into))
    }

    /// The conversations that the business began in a period; the latest first if nothing else is
    /// said.
    #[expect(clippy::too_many_arguments, reason = "they are the field's")]
    async fn engagement_rows(
        &self,
        #[graphql(desc = "From when to when they began.")] period: PeriodInput,
        filter: Option<ReportFilter>,
        #[graphql(desc = "A part of the contact's name, e-mail address or phone number.")]
        search: Option<String>,
        #[graphql(desc = "The zone of presets and hours; the account's if not given.")]
        time_zone: Option<TimeZone>,
        order_by: Option<engagement_row::Order>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Option<Result<Connection<EngagementRow>>> {
        let args = PageArgs { first, after, last, before };
        let listed = async {
            let input = report::table(period, filter, time_zone)?;
            engagement_row::list(&self.reader, input, search, order_by, args).await
        };
        Some(listed.await.map_err(Into::into))
    }

    /// Numbers: totals, series and breakdowns of the metrics asked for.
    async fn report(
        &self,
        #[graphql(desc = "What is asked.")] input: ReportInput,
    ) -> Option<Result<Report>> {
        Some(report::report(&self.reader, input).await.map_err(Into::into))
    }

    /// Numbers about the whole account, over a period. In the account's zone, unless another is given.
    async fn engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From when to when.")] period: PeriodInput,
        #[graphql(desc = "The zone of presets.")] time_zone: Option<TimeZone>,
    ) -> Option<async_graphql::Result<Engagement>> {
        let subject = Subject::Account;
        Some(engagement(ctx, &self.reader, subject, period, time_zone).await)
    }
}

/// What an account's contract allows.
#[derive(SimpleObject)]
#[graphql(name = "AccountPlan")]
pub struct Plan {
    /// Credits of a calendar month; none means unlimited.
    pub credits: Option<Count>,
    /// Whether the chat exports are part of it.
    pub chat_module: bool,
    /// What happens when the credits are used up.
    pub at_end: Name<PlanEnd>,
}

fn words(stored: &serde_json::Value) -> Vec<&str> {
    let words = stored.as_array().map(Vec::as_slice).unwrap_or_default();
    words.iter().filter_map(|word| word.as_str()).collect()
}

impl Key for AccountId {
    type Row = Model;

    /// The scope's own account; there is no other in it.
    async fn load(scope: &AccountScope, _: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(HashMap::from([(scope.account_id(), scope.account(scope.db().read()).await?)]))
    }
}
