//! The items of `messagesRecord` as they are given. Their rules are in `domain`; here only
//! ids are read.

use async_graphql::{ID, InputObject, OneofObject};
use entity::id::AccountId;
use entity::kinds::{
    AuthorKind, ConversationActor, ConversationEventKind, Direction, Medium, SessionOrigin,
    StatusKind,
};

use super::Ids;
use crate::domain::record::{
    Attachment, Author, ContactRef, Item, NewConversationEvent, NewMessage, NewStatus, Traffic,
};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

/// Something that happened in another system: exactly one of these.
#[derive(OneofObject)]
pub enum RecordItem {
    /// A message was received, sent or written down as a note.
    Message(Box<RecordMessage>),
    /// Something was heard about an outbound message.
    Status(RecordStatus),
    /// Something was done with a conversation.
    ConversationEvent(RecordConversationEvent),
}

/// A message that was received, sent or written down as a note.
#[derive(InputObject)]
pub struct RecordMessage {
    /// The inbox on which it was said.
    inbox_id: ID,
    /// Its id at the provider or in the other system, up to 255 characters. Recorded again
    /// under the same id, it is a duplicate; without one it cannot be recognised.
    external_id: Option<String>,
    /// Who wrote it, or to whom it was written.
    contact: RecordContact,
    /// The other system's id of the conversation, up to 255 characters. Without it the
    /// message joins the contact's open conversation on the inbox.
    conversation_external_id: Option<String>,
    /// A conversation here, in place of the other system's id.
    conversation_id: Option<ID>,
    /// Which way it went.
    direction: Name<Direction>,
    /// Whether it belongs to a mailing or to a chat; CHAT where it is not given.
    medium: Option<Name<Medium>>,
    /// Who wrote it. Inbound messages have none.
    author: Option<RecordAuthor>,
    /// Whether it is a note that the contact never sees; false where it is not given.
    private: Option<bool>,
    /// The template that it was made from.
    template_id: Option<ID>,
    /// The text, up to 65,536 characters. It may be missing where something is attached.
    content: Option<String>,
    /// The external id of the message that it answers.
    quoted_external_id: Option<String>,
    /// When it was said: from 1970 to one day ahead; now where it is not given.
    occurred_at: Option<DateTime>,
    /// Where the visitor came from. The conversation keeps the first that is given.
    traffic_source: Option<RecordTrafficSource>,
    /// What a session that begins with it begins with; what follows from medium, author and
    /// traffic source where it is not given.
    origin: Option<Name<SessionOrigin>>,
    /// Files beside it: up to 20.
    attachments: Option<Vec<RecordAttachment>>,
}

/// Who a contact is, as far as the other system knows: by its id there, by phone number or by
/// e-mail address, at least one of them.
#[derive(InputObject)]
pub struct RecordContact {
    /// The contact's id on the platform; phone number or e-mail address stand in for it.
    external_id: Option<String>,
    /// A second id of the contact on the platform, where it has two and either may be missing
    /// next time.
    other_external_id: Option<String>,
    /// The phone number, in any spelling.
    phone: Option<String>,
    /// The e-mail address, in any case.
    email: Option<String>,
    /// The name.
    name: Option<String>,
    /// The name on a messenger.
    nickname: Option<String>,
}

/// Who wrote an outbound message.
#[derive(InputObject)]
pub struct RecordAuthor {
    /// What kind of author it is.
    kind: Name<AuthorKind>,
    /// Which user; goes with the kind USER.
    user_id: Option<ID>,
    /// Which bot; goes with the kind BOT.
    bot_id: Option<ID>,
}

/// Where a visitor came from.
#[derive(InputObject)]
pub struct RecordTrafficSource {
    /// The page that linked to the web site.
    referrer: Option<String>,
    /// The page of the web site that was visited first.
    landing_page: Option<String>,
    /// The parameter `utm_source`.
    utm_source: Option<String>,
    /// The parameter `utm_medium`.
    utm_medium: Option<String>,
    /// The parameter `utm_campaign`.
    utm_campaign: Option<String>,
    /// The parameter `utm_term`.
    utm_term: Option<String>,
    /// The parameter `utm_content`.
    utm_content: Option<String>,
    /// The advertisement or post that was followed.
    ad_id: Option<String>,
    /// The click that led there.
    click_id: Option<String>,
}

/// A file beside a message, by reference.
#[derive(InputObject)]
pub struct RecordAttachment {
    /// `image`, `audio`, `video`, `document`, `sticker`, `location`, `contacts` or `file`.
    kind: String,
    /// Where it can be fetched.
    url: Option<String>,
    /// Its media type, such as `image/jpeg`.
    mime_type: Option<String>,
    /// Its file name.
    name: Option<String>,
    /// The provider's id of it.
    external_id: Option<String>,
}

/// Something that was heard about an outbound message.
#[derive(InputObject)]
pub struct RecordStatus {
    /// The inbox on which it was sent.
    inbox_id: ID,
    /// The message's id at the provider. If it is not known yet, the status is parked until
    /// it is.
    external_id: String,
    /// What was heard.
    kind: Name<StatusKind>,
    /// The provider's time, where it gives one.
    occurred_at: Option<DateTime>,
    /// The provider's code of a failure, up to 64 characters.
    code: Option<String>,
    /// The provider's words, up to 4,096 characters.
    detail: Option<String>,
}

/// Something that was done with a conversation. One of the two ids must name it.
#[derive(InputObject)]
pub struct RecordConversationEvent {
    /// The conversation's inbox.
    inbox_id: ID,
    /// The other system's id of the conversation.
    conversation_external_id: Option<String>,
    /// The conversation here.
    conversation_id: Option<ID>,
    /// What was done.
    kind: Name<ConversationEventKind>,
    /// To whom it was assigned; nobody where none is given. Goes with ASSIGNED.
    user_id: Option<ID>,
    /// Which bot handed it over, or has it.
    bot_id: Option<ID>,
    /// The id of the label that was put on or taken off. Goes with LABELLED and UNLABELLED.
    label: Option<ID>,
    /// By whom or what; SYSTEM where it is not given.
    by: Option<Name<ConversationActor>>,
    /// The user who did it.
    by_user_id: Option<ID>,
    /// When: from 1970 to one day ahead; now where it is not given.
    occurred_at: Option<DateTime>,
}

impl RecordItem {
    /// The item as `domain` takes it, or what is wrong with its ids. Paths begin in the item.
    pub(super) fn read(self, account_id: AccountId) -> Result<Item> {
        let mut ids = Ids::new(account_id);
        let item = match self {
            Self::Message(message) => Item::Message(Box::new(message.read(&mut ids))),
            Self::Status(status) => Item::Status(status.read(&mut ids)),
            Self::ConversationEvent(event) => Item::ConversationEvent(event.read(&mut ids)),
        };
        ids.finish()?;
        Ok(item)
    }
}

impl RecordMessage {
    fn read(self, ids: &mut Ids) -> NewMessage {
        let conversation = self.conversation_id.as_ref();
        let template = self.template_id.as_ref();
        NewMessage {
            inbox_id: ids.key("message.inboxId", &self.inbox_id, NodeKind::Inbox),
            conversation_id: ids.optional(
                "message.conversationId",
                conversation,
                NodeKind::Conversation,
            ),
            template_id: ids.optional("message.templateId", template, NodeKind::Template),
            author: self.author.map(|author| author.read(ids)),
            external_id: self.external_id,
            contact: self.contact.into(),
            conversation_external_id: self.conversation_external_id,
            direction: self.direction.0,
            medium: self.medium.map_or(Medium::Chat, |medium| medium.0),
            private: self.private.unwrap_or(false),
            campaign_id: None,
            automation_id: None,
            content: self.content.unwrap_or_default(),
            quoted_external_id: self.quoted_external_id,
            occurred_at: self.occurred_at.map(|instant| instant.0),
            traffic: self.traffic_source.map(Traffic::from),
            origin: self.origin.map(|origin| origin.0),
            attachments: self
                .attachments
                .unwrap_or_default()
                .into_iter()
                .map(Attachment::from)
                .collect(),
            status: None,
            cost: None,
        }
    }
}

impl RecordAuthor {
    fn read(self, ids: &mut Ids) -> Author {
        Author {
            kind: self.kind.0,
            user_id: ids.optional("message.author.userId", self.user_id.as_ref(), NodeKind::User),
            bot_id: ids.optional("message.author.botId", self.bot_id.as_ref(), NodeKind::Bot),
        }
    }
}

impl From<RecordContact> for ContactRef {
    fn from(contact: RecordContact) -> Self {
        Self {
            external_id: contact.external_id,
            other_external_id: contact.other_external_id,
            phone: contact.phone,
            email: contact.email,
            name: contact.name,
            nickname: contact.nickname,
            id: None,
        }
    }
}

impl From<RecordTrafficSource> for Traffic {
    fn from(source: RecordTrafficSource) -> Self {
        Self {
            referrer: source.referrer,
            landing_page: source.landing_page,
            utm_source: source.utm_source,
            utm_medium: source.utm_medium,
            utm_campaign: source.utm_campaign,
            utm_term: source.utm_term,
            utm_content: source.utm_content,
            ad_id: source.ad_id,
            click_id: source.click_id,
        }
    }
}

impl From<RecordAttachment> for Attachment {
    fn from(attachment: RecordAttachment) -> Self {
        Self {
            kind: attachment.kind,
            url: attachment.url,
            mime_type: attachment.mime_type,
            name: attachment.name,
            external_id: attachment.external_id,
        }
    }
}

impl RecordStatus {
    fn read(self, ids: &mut Ids) -> NewStatus {
        NewStatus {
            inbox_id: ids.key("status.inboxId", &self.inbox_id, NodeKind::Inbox),
            external_id: Some(self.external_id),
            message_id: None,
            kind: self.kind.0,
            occurred_at: self.occurred_at.map(|instant| instant.0),
            received_at: None,
            code: self.code,
            detail: self.detail,
            recipient: None,
        }
    }
}

impl RecordConversationEvent {
    fn read(self, ids: &mut Ids) -> NewConversationEvent {
        let conversation = self.conversation_id.as_ref();
        let (user, by_user) = (self.user_id.as_ref(), self.by_user_id.as_ref());
        let (bot, label) = (self.bot_id.as_ref(), self.label.as_ref());
        NewConversationEvent {
            inbox_id: ids.key("conversationEvent.inboxId", &self.inbox_id, NodeKind::Inbox),
            conversation_id: ids.optional(
                "conversationEvent.conversationId",
                conversation,
                NodeKind::Conversation,
            ),
            user_id: ids.optional("conversationEvent.userId", user, NodeKind::User),
            bot_id: ids.optional("conversationEvent.botId", bot, NodeKind::Bot),
            label_id: ids.optional("conversationEvent.label", label, NodeKind::Label),
            by_user_id: ids.optional("conversationEvent.byUserId", by_user, NodeKind::User),
            conversation_external_id: self.conversation_external_id,
            kind: self.kind.0,
            by: self.by.map(|by| by.0),
            occurred_at: self.occurred_at.map(|instant| instant.0),
        }
    }
}
