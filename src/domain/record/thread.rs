//! The state of a conversation as it follows from its messages and events in the order of
//! their times. Knows no database: the same function serves what comes in order, starting
//! from the stored state, and what comes late, starting from nothing.

use entity::id::{BotId, ConversationEventId, MessageId, UserId, Uuid};
use entity::kinds::{
    AuthorKind, ConversationActor, ConversationEventKind, ConversationStatus, Direction, OpenedBy,
};
use entity::{Timestamp, conversation};

#[derive(Clone, Debug)]
pub enum Entry {
    Message(Spoken),
    Event(Happened),
}

/// A message as far as its conversation cares.
#[derive(Clone, Debug)]
pub struct Spoken {
    pub id: MessageId,
    pub at: Timestamp,
    pub direction: Direction,
    /// Notes and system entries: they do not change where the conversation stands.
    pub silent: bool,
    pub author_kind: Option<AuthorKind>,
    pub author_user_id: Option<UserId>,
    pub author_bot_id: Option<BotId>,
}

#[derive(Clone, Debug)]
pub struct Happened {
    pub id: ConversationEventId,
    pub at: Timestamp,
    pub kind: ConversationEventKind,
    pub actor: ConversationActor,
    pub actor_user_id: Option<UserId>,
    pub user_id: Option<UserId>,
    pub bot_id: Option<BotId>,
}

impl Entry {
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Message(spoken) => spoken.at,
            Self::Event(happened) => happened.at,
        }
    }

    /// Total order: by time, at the same time messages before events, then by id.
    pub fn order(&self) -> (Timestamp, bool, Uuid) {
        match self {
            Self::Message(spoken) => (spoken.at, false, spoken.id.0),
            Self::Event(happened) => (happened.at, true, happened.id.0),
        }
    }
}

/// What applying an entry brings with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The conversation's assignee and bot at that time, as a message freezes them.
    pub assignee_id: Option<UserId>,
    pub bot_id: Option<BotId>,
    /// The message came into a closed conversation and so opened it again.
    pub reopens: Option<ConversationActor>,
    pub ends: Ends,
}

/// What an entry ends, each by the time since which it lasted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// A wait of the client's for a human.
    pub wait: Option<Timestamp>,
    /// The time before the first human answered.
    pub silence: Option<Timestamp>,
    /// The conversation, by closing it.
    pub conversation: Option<Timestamp>,
}

/// Clears what follows from messages and events, before all of them are applied anew.
pub fn reset(conversation: &mut conversation::Model) {
    conversation.status = ConversationStatus::Open;
    conversation.assignee_id = None;
    conversation.bot_id = None;
    conversation.has_client_messages = false;
    conversation.last_direction = None;
    conversation.last_author_kind = None;
    conversation.last_author_user_id = None;
    conversation.last_author_bot_id = None;
    conversation.closed_at = None;
    conversation.closed_by = None;
    conversation.closed_by_user_id = None;
    conversation.waiting_since = None;
    conversation.responded_at = None;
}

/// Applies the first message of a conversation, which says who opened it and when.
pub fn begin(conversation: &mut conversation::Model, first: &Spoken) {
    conversation.first_message_id = first.id;
    conversation.created_at = first.at;
    conversation.last_message_at = first.at;
    conversation.last_activity_at = first.at;
    conversation.opened_at = first.at;
    conversation.response_from = Some(first.at);
    conversation.opened_by = opener(first.direction);
    conversation.status = match conversation.opened_by {
        OpenedBy::Client => ConversationStatus::Open,
        OpenedBy::Business => ConversationStatus::Pending,
    };
}

fn opener(direction: Direction) -> OpenedBy {
    match direction {
        Direction::Inbound => OpenedBy::Client,
        Direction::Outbound => OpenedBy::Business,
    }
}

/// Applies one entry that is not older than those applied before.
pub fn apply(conversation: &mut conversation::Model, entry: &Entry) -> Applied {
    conversation.last_activity_at = conversation.last_activity_at.max(entry.at());
    let (reopens, ends) = match entry {
        Entry::Message(spoken) => {
            let reopens = speak(conversation, spoken);
            (reopens, wait(conversation, spoken))
        }
        Entry::Event(happened) => {
            let conversation = happen(conversation, happened);
            (None, Ends { conversation, ..Ends::default() })
        }
    };
    Applied { assignee_id: conversation.assignee_id, bot_id: conversation.bot_id, reopens, ends }
}

/// What a message does to the client's waiting. Bots, automations and campaigns end none.
fn wait(conversation: &mut conversation::Model, spoken: &Spoken) -> Ends {
    let mut ends = Ends::default();
    if spoken.silent {
        return ends;
    }
    if spoken.direction == Direction::Inbound {
        conversation.waiting_since.get_or_insert(spoken.at);
    } else if spoken.author_kind == Some(AuthorKind::User) {
        ends.wait = conversation.waiting_since.take();
        if conversation.responded_at.is_none() {
            conversation.responded_at = Some(spoken.at);
            // Where the business wrote first, nobody waited for a response.
            ends.silence = conversation.response_from.filter(|_| conversation.has_client_messages);
        }
    }
    ends
}

fn speak(conversation: &mut conversation::Model, spoken: &Spoken) -> Option<ConversationActor> {
    if let Some(bot) = spoken.author_bot_id {
        conversation.bot_id = Some(bot);
    }
    if spoken.silent {
        return None;
    }
    // Notes and system entries before it began nothing that the client saw.
    if conversation.last_direction.is_none() {
        conversation.opened_by = opener(spoken.direction);
    }
    conversation.last_message_at = spoken.at;
    conversation.last_direction = Some(spoken.direction);
    conversation.last_author_kind = spoken.author_kind;
    conversation.last_author_user_id = spoken.author_user_id;
    conversation.last_author_bot_id = spoken.author_bot_id;
    let inbound = spoken.direction == Direction::Inbound;
    let closed = conversation.status == ConversationStatus::Closed;
    if inbound {
        conversation.has_client_messages = true;
        conversation.status = ConversationStatus::Open;
    } else if closed {
        let answered = conversation.has_client_messages;
        conversation.status =
            if answered { ConversationStatus::Open } else { ConversationStatus::Pending };
    }
    if !closed {
        return None;
    }
    let actor = match (inbound, spoken.author_kind) {
        (true, _) => ConversationActor::Client,
        (false, Some(AuthorKind::User)) => ConversationActor::Agent,
        (false, Some(AuthorKind::Bot)) => ConversationActor::Bot,
        (false, _) => ConversationActor::System,
    };
    reopen(conversation, spoken.at, actor);
    Some(actor)
}

/// Says since when the conversation was open, where it is closed now.
fn happen(conversation: &mut conversation::Model, happened: &Happened) -> Option<Timestamp> {
    if let Some(bot) = happened.bot_id {
        conversation.bot_id = Some(bot);
    }
    if happened.kind == ConversationEventKind::Assigned {
        conversation.assignee_id = happened.user_id;
    }
    // What is said to have happened before it began can neither close nor measure it.
    if happened.at < conversation.created_at {
        return None;
    }
    match happened.kind {
        ConversationEventKind::Closed => {
            if conversation.status != ConversationStatus::Closed {
                conversation.status = ConversationStatus::Closed;
                conversation.closed_at = Some(happened.at);
                conversation.closed_by = Some(happened.actor);
                conversation.closed_by_user_id = happened.actor_user_id;
                conversation.waiting_since = None;
                return Some(conversation.opened_at);
            }
        }
        ConversationEventKind::Reopened => {
            if conversation.status == ConversationStatus::Closed {
                conversation.status = ConversationStatus::Open;
                reopen(conversation, happened.at, happened.actor);
            }
        }
        ConversationEventKind::Snoozed => {
            if conversation.status != ConversationStatus::Closed {
                conversation.status = ConversationStatus::Snoozed;
            }
        }
        ConversationEventKind::HandedOff => measure_from(conversation, happened.at),
        ConversationEventKind::Assigned
        | ConversationEventKind::Labelled
        | ConversationEventKind::Unlabelled => {}
    }
    None
}

/// Before the first response, it is measured from here.
fn measure_from(conversation: &mut conversation::Model, at: Timestamp) {
    if conversation.responded_at.is_none() {
        conversation.response_from = Some(at);
    }
}

fn reopen(conversation: &mut conversation::Model, at: Timestamp, actor: ConversationActor) {
    if actor == ConversationActor::Client {
        measure_from(conversation, at);
    }
    conversation.opened_at = at;
    conversation.closed_at = None;
    conversation.closed_by = None;
    conversation.closed_by_user_id = None;
}
