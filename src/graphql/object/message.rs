//! Messages, notes and system entries.

use std::collections::HashMap;

use async_graphql::{ID, Object, Result, SimpleObject};
use entity::id::MessageId;
use entity::kinds::{Direction, FailureBucket, Medium, MessageStatus, SessionOrigin, SessionRole};
use entity::message::Model;

use super::author::Author;
use super::message_event::EventsOf;
use super::{Bot, Contact, Conversation, Inbox, MessageEvent, Session, Template, User};
use crate::analytics::{StatusGroup, first_opt_out_at, first_reply_at};
use crate::auth::AccountScope;
use crate::domain::{erased, read, record};
use crate::error;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

mod list;

pub use list::{Filter, Order, list, list_of};

pub struct Message {
    reader: Reader,
    model: Model,
}

impl Message {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// One message, note or system entry.
#[Object]
impl Message {
    /// The message's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Message, self.model.account_id, self.model.id).into()
    }

    /// Its id at the provider or in the system that records it; none once the contact was erased.
    async fn external_id(&self) -> Option<&str> {
        self.model.external_id.as_deref().filter(|id| !erased::is_erased(id))
    }

    /// The inbox on which it came in or went out.
    async fn inbox(&self) -> Result<Inbox> {
        self.reader.object(self.model.inbox_id, Inbox::new).await
    }

    /// The contact from whom or to whom it is.
    async fn contact(&self) -> Result<Contact> {
        self.reader.object(self.model.contact_id, Contact::new).await
    }

    /// The conversation that it belongs to.
    async fn conversation(&self) -> Result<Conversation> {
        self.reader.object(self.model.conversation_id, Conversation::new).await
    }

    /// The session that it belongs to; none for notes and for what never went out.
    async fn session(&self) -> Option<Result<Session>> {
        self.reader.optional(self.model.session_id, Session::new).await
    }

    /// What it has to do with the beginning of a session.
    async fn session_role(&self) -> Option<Name<SessionRole>> {
        self.model.session_role.map(Name)
    }

    /// Whether it belongs to a mailing or to a chat.
    async fn medium(&self) -> Name<Medium> {
        Name(self.model.medium)
    }

    /// Which way it went.
    async fn direction(&self) -> Name<Direction> {
        Name(self.model.direction)
    }

    /// Who wrote it; none for inbound messages.
    async fn author(&self) -> Option<Author> {
        let Model { author_kind, author_user_id, author_bot_id, .. } = &self.model;
        Some(Author::new(&self.reader, (*author_kind)?, *author_user_id, *author_bot_id))
    }

    /// Whether it is a note that the contact never sees.
    async fn private(&self) -> bool {
        self.model.private
    }

    /// The template from which it was made.
    async fn template(&self) -> Option<Result<Template>> {
        self.reader.optional(self.model.template_id, Template::new).await
    }

    /// What a session begins with that begins with it.
    async fn origin(&self) -> Name<SessionOrigin> {
        Name(self.model.origin)
    }

    /// In how many parts a network charges for it; none where it was not sent from here.
    async fn segments(&self) -> Option<i32> {
        self.model.segments.map(Into::into)
    }

    /// What it costs, spent when the provider takes it; none where it was not sent from here.
    async fn credits(&self) -> Option<i64> {
        self.model.credits
    }

    /// The text; none for callers who may not see personal data, and empty once the contact was
    /// erased.
    async fn content(&self) -> Option<&str> {
        let seen = self.reader.scope().sees_personal_data();
        seen.then_some(self.model.content.as_str())
    }

    /// The files beside it; none for callers who may not see personal data.
    async fn attachments(&self) -> Vec<Attachment> {
        let seen = self.reader.scope().sees_personal_data();
        let stored = self.model.attachments.clone().filter(|_| seen).map(serde_json::from_value);
        let stored: Vec<record::Attachment> = stored.and_then(|list| list.ok()).unwrap_or_default();
        stored.into_iter().map(Attachment::from).collect()
    }

    /// The message that it answers; none also while that one is not known here.
    async fn quoted(&self) -> Option<Result<Message>> {
        self.reader.optional(self.model.quoted_message_id, Message::new).await
    }

    /// The id, at the provider, of the message that it answers.
    async fn quoted_external_id(&self) -> Option<&str> {
        self.model.quoted_external_id.as_deref()
    }

    /// Its time: the provider's, or when it was handed over.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.model.occurred_at)
    }

    /// Who was responsible for the conversation at that time.
    async fn assignee(&self) -> Option<Result<User>> {
        self.reader.optional(self.model.assignee_id, User::of).await
    }

    /// The conversation's bot at that time.
    async fn bot(&self) -> Option<Result<Bot>> {
        self.reader.optional(self.model.bot_id, Bot::new).await
    }

    /// The inbox's portfolio at that time.
    async fn portfolio(&self) -> Option<&str> {
        self.model.portfolio.as_deref()
    }

    /// Its state, a function of all that was heard about it; none for inbound messages, notes
    /// and system entries.
    async fn status(&self) -> Option<Name<MessageStatus>> {
        self.model.status.map(Name)
    }

    /// Its state in the words of a send report.
    async fn status_group(&self) -> Option<Name<StatusGroup>> {
        Some(Name(StatusGroup::of(self.model.status?, self.model.gives_receipts)))
    }

    /// When a provider accepted it.
    async fn sent_at(&self) -> Option<DateTime> {
        self.model.sent_at.map(DateTime)
    }

    /// When it reached the contact's device.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.model.delivered_at.map(DateTime)
    }

    /// When the contact read it.
    async fn read_at(&self) -> Option<DateTime> {
        self.model.read_at.map(DateTime)
    }

    /// Why and when it failed, if it did.
    async fn failure(&self) -> Option<Failure> {
        Some(Failure {
            at: DateTime(self.model.failed_at?),
            code: self.model.failure_code.clone(),
            bucket: self.model.failure_bucket.map(Name),
            detail: self.model.failure_detail.clone(),
        })
    }

    /// Whether a failure was reported although it had been delivered.
    async fn failed_after_delivery(&self) -> bool {
        self.model.failed_after_delivery
    }

    /// Of a send, when it was first replied to, by the account's reply window.
    async fn first_reply_at(&self) -> Option<Result<DateTime>> {
        let window = match self.reader.get(self.reader.account_id()).await {
            Ok(account) => account.reply_window_seconds,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(DateTime(first_reply_at(&self.model, window)?)))
    }

    /// Of a send, when the contact first opted out upon it, by the account's reply window.
    async fn first_opt_out_at(&self) -> Option<Result<DateTime>> {
        let window = match self.reader.get(self.reader.account_id()).await {
            Ok(account) => account.reply_window_seconds,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(DateTime(first_opt_out_at(&self.model, window)?)))
    }

    /// Of a human reply, for how many seconds the client had waited for it.
    async fn reply_seconds(&self) -> Option<f64> {
        self.model.reply_micros.map(seconds)
    }

    /// Of a conversation's first response, after how many seconds it came.
    async fn first_response_seconds(&self) -> Option<f64> {
        self.model.first_response_micros.map(seconds)
    }

    /// All that was ever heard about it, in the order of its happening.
    async fn events(&self) -> Result<Vec<MessageEvent>> {
        let events = self.reader.find(EventsOf(self.model.id)).await?.unwrap_or_default();
        Ok(events.into_iter().map(|row| MessageEvent::new(self.reader.clone(), row)).collect())
    }

    /// When it was recorded here.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }
}

/// Seconds, to the microsecond.
pub(super) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1_000_000.0
}

/// That a message failed.
#[derive(SimpleObject)]
#[graphql(name = "MessageFailure")]
pub struct Failure {
    /// When.
    pub at: DateTime,
    /// The provider's code.
    pub code: Option<String>,
    /// The reason in words that are the same for every provider.
    pub bucket: Option<Name<FailureBucket>>,
    /// What the provider said about it.
    pub detail: Option<String>,
}

/// A file beside a message, as a reference.
#[derive(SimpleObject)]
pub struct Attachment {
    /// `image`, `audio`, `video`, `document`, `sticker`, `location`, `contacts` or `file`.
    pub kind: String,
    /// Where it lies.
    pub url: Option<String>,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The provider's id of it.
    pub external_id: Option<String>,
}

impl From<record::Attachment> for Attachment {
    fn from(attachment: record::Attachment) -> Self {
        let record::Attachment { kind, url, mime_type, name, external_id } = attachment;
        Self { kind, url, mime_type, name, external_id }
    }
}

impl Key for MessageId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(read::message::find_many(scope, keys).await?, |row| row.id))
    }
}
