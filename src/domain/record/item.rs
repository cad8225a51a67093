//! What can be recorded: messages, status events and conversation events, as any system
//! tells them. These are the inputs of [`super::record`]; ids of things of ours are typed,
//! ids of other systems are text.

use entity::Timestamp;
use entity::id::{
    AutomationId, BotId, CampaignId, ContactId, ConversationId, InboxId, LabelId, MessageId,
    TemplateId, UserId,
};
use entity::kinds::{
    AuthorKind, ConversationActor, ConversationEventKind, Direction, Medium, SessionOrigin,
    StatusKind,
};
use serde::{Deserialize, Serialize};

use crate::domain::credits::Cost;
use crate::error::Violation;

/// At most so many items in one batch.
pub const MOST_ITEMS: usize = 250;
/// Characters of a message's content.
pub const LONGEST_CONTENT: usize = 65_536;
/// Characters of ids of other systems.
pub const LONGEST_EXTERNAL_ID: usize = 255;
/// Characters of names and of the parts of a traffic source.
pub const LONGEST_NAME: usize = 255;

#[derive(Clone, Debug, Serialize)]
pub enum Item {
    Message(Box<NewMessage>),
    Status(NewStatus),
    ConversationEvent(NewConversationEvent),
}

#[derive(Clone, Debug, Serialize)]
pub struct NewMessage {
    pub inbox_id: InboxId,
    /// Its id at the provider or in the other system; a message recorded again under the
    /// same id is a duplicate. Without one nothing can be recognised again.
    pub external_id: Option<String>,
    pub contact: ContactRef,
    /// Follows the conversation that the other system names.
    pub conversation_external_id: Option<String>,
    /// Follows a conversation of ours; wins over the other system's id.
    pub conversation_id: Option<ConversationId>,
    pub direction: Direction,
    pub medium: Medium,
    /// None for inbound messages.
    pub author: Option<Author>,
    pub private: bool,
    pub template_id: Option<TemplateId>,
    pub campaign_id: Option<CampaignId>,
    pub automation_id: Option<AutomationId>,
    pub content: String,
    pub quoted_external_id: Option<String>,
    /// None means now.
    pub occurred_at: Option<Timestamp>,
    pub traffic: Option<Traffic>,
    /// None means: what follows from medium, author and traffic.
    pub origin: Option<SessionOrigin>,
    pub attachments: Vec<Attachment>,
    /// What is known of it from the start, where it is sent from here.
    #[serde(skip)]
    pub status: Option<StatusKind>,
    /// What it costs, likewise.
    #[serde(skip)]
    pub cost: Option<Cost>,
}

/// Who a contact is, as far as the other system knows. At least one of `external_id`,
/// `phone` and `email` is needed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ContactRef {
    /// The contact's id on the platform; the phone number or e-mail address stands in for it.
    pub external_id: Option<String>,
    /// A second id of the contact on the platform, where it has two: either may be missing
    /// next time.
    pub other_external_id: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub nickname: Option<String>,
    /// A contact of ours, who is meant whatever the rest says.
    #[serde(skip)]
    pub id: Option<ContactId>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Author {
    pub kind: AuthorKind,
    pub user_id: Option<UserId>,
    pub bot_id: Option<BotId>,
}

/// Where a visitor came from. Serialised as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Traffic {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landing_page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm_medium: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm_campaign: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm_term: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm_content: Option<String>,
    /// The advertisement or post that was followed, for example WhatsApp's `referral.source_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_id: Option<String>,
    /// The click, for example WhatsApp's `ctwa_clid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub click_id: Option<String>,
}

/// A file beside a message, as a reference. Serialised as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    /// `image`, `audio`, `video`, `document`, `sticker`, `location`, `contacts` or `file`.
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The provider's id of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct NewStatus {
    pub inbox_id: InboxId,
    /// The message's id at the provider. It or `message_id` is needed.
    pub external_id: Option<String>,
    /// Our id of the message, where it is known: it wins, and the message takes the provider's
    /// id if it has none yet.
    pub message_id: Option<MessageId>,
    pub kind: StatusKind,
    /// The provider's time; none where it gives none.
    pub occurred_at: Option<Timestamp>,
    /// When it reached us; none means now. Webhooks give the time of their reception.
    pub received_at: Option<Timestamp>,
    pub code: Option<String>,
    pub detail: Option<String>,
    /// The address or id on the platform to which the message went, where the provider tells it.
    #[serde(skip)]
    pub recipient: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct NewConversationEvent {
    pub inbox_id: InboxId,
    /// One of the two names the conversation.
    pub conversation_external_id: Option<String>,
    pub conversation_id: Option<ConversationId>,
    pub kind: ConversationEventKind,
    /// For `ASSIGNED`: to whom; none takes it from everybody.
    pub user_id: Option<UserId>,
    pub bot_id: Option<BotId>,
    pub label_id: Option<LabelId>,
    /// None means `SYSTEM`.
    pub by: Option<ConversationActor>,
    /// The user who did it, where one did.
    pub by_user_id: Option<UserId>,
    /// None means now.
    pub occurred_at: Option<Timestamp>,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// It took effect. For a message its id, for a status that of its message.
    Recorded { message_id: Option<MessageId>, conversation_id: Option<ConversationId> },
    /// The same was recorded before; nothing changed.
    Duplicate { message_id: Option<MessageId>, conversation_id: Option<ConversationId> },
    /// A status of a message that is not known yet; it takes effect when the message appears.
    Parked,
    /// It happened before its contact was erased; only an opt-out or opt-in in it is kept.
    Erased,
    /// It breaks rules and had no effect. Paths are relative to the item.
    Rejected(Vec<Violation>),
}

impl Traffic {
    /// One word for the source: the campaign's, else the advertisement, else the host of the
    /// referring page.
    pub fn source(&self) -> Option<String> {
        let ad = || self.ad_id.as_ref().map(|id| format!("ad:{id}"));
        let host = || {
            let rest = self.referrer.as_deref()?.split_once("://")?.1;
            let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
            (!host.is_empty()).then(|| host.to_lowercase())
        };
        self.utm_source.clone().filter(|source| !source.is_empty()).or_else(ad).or_else(host)
    }
}

impl NewMessage {
    /// An inbound chat message that came now, with nothing but a text.
    pub fn new(inbox_id: InboxId, contact: ContactRef, content: impl Into<String>) -> Self {
        Self {
            inbox_id,
            external_id: None,
            contact,
            conversation_external_id: None,
            conversation_id: None,
            direction: Direction::Inbound,
            medium: Medium::Chat,
            author: None,
            private: false,
            template_id: None,
            campaign_id: None,
            automation_id: None,
            content: content.into(),
            quoted_external_id: None,
            occurred_at: None,
            traffic: None,
            origin: None,
            attachments: Vec::new(),
            status: None,
            cost: None,
        }
    }

    /// A message of a campaign that is leaving.
    pub fn mailing(inbox_id: InboxId, contact: ContactRef, content: impl Into<String>) -> Self {
        let author = Author { kind: AuthorKind::Campaign, user_id: None, bot_id: None };
        Self {
            direction: Direction::Outbound,
            medium: Medium::Mailing,
            author: Some(author),
            status: Some(StatusKind::Sending),
            ..Self::new(inbox_id, contact, content)
        }
    }

    /// What a session that begins with this message begins with.
    pub fn session_origin(&self) -> SessionOrigin {
        if let Some(origin) = self.origin {
            return origin;
        }
        let author = self.author.map(|author| author.kind);
        match (self.direction, self.medium) {
            (Direction::Inbound, _) => match &self.traffic {
                Some(traffic) if traffic.ad_id.is_some() || traffic.click_id.is_some() => {
                    SessionOrigin::ReferredCampaign
                }
                Some(traffic) if traffic.source().is_some() => SessionOrigin::ReferredWebChat,
                _ => SessionOrigin::Contact,
            },
            (Direction::Outbound, Medium::Mailing) => {
                if self.automation_id.is_some() || author == Some(AuthorKind::Automation) {
                    SessionOrigin::Automation
                } else if self.campaign_id.is_some()
                    || author == Some(AuthorKind::Campaign)
                    || self.template_id.is_none()
                {
                    SessionOrigin::BulkNotification
                } else {
                    SessionOrigin::Template
                }
            }
            (Direction::Outbound, Medium::Chat) => match author {
                Some(AuthorKind::Bot) => SessionOrigin::Bot,
                Some(AuthorKind::Automation) => SessionOrigin::Automation,
                _ => SessionOrigin::Agent,
            },
        }
    }
}
