//! What subscribers leave out. Lists narrow one another; an empty one is the same as none.

use async_graphql::{ID, InputObject};
use entity::id::{ConversationId, InboxId, UserId};
use entity::kinds::{ConversationStatus, Direction};
use entity::{conversation, message};

use crate::error::Result;
use crate::graphql::filter::Reading;
use crate::graphql::id::NodeKind;
use crate::graphql::vocabulary::Name;

/// Which messages to hear of.
#[derive(Default, InputObject)]
pub struct MessageSubscriptionFilter {
    /// On one of these inboxes.
    inbox_ids: Option<Vec<ID>>,
    /// In one of these conversations.
    conversation_ids: Option<Vec<ID>>,
    /// That went this way.
    direction: Option<Name<Direction>>,
}

/// Which conversations to hear of.
#[derive(Default, InputObject)]
pub struct ConversationSubscriptionFilter {
    /// On one of these inboxes.
    inbox_ids: Option<Vec<ID>>,
    /// One of these.
    conversation_ids: Option<Vec<ID>>,
    /// Assigned to one of these users after the change.
    assignee_ids: Option<Vec<ID>>,
    /// With one of these statuses after the change.
    statuses: Option<Vec<Name<ConversationStatus>>>,
}

pub(super) struct Messages {
    inboxes: Option<Vec<InboxId>>,
    conversations: Option<Vec<ConversationId>>,
    direction: Option<Direction>,
}

pub(super) struct Conversations {
    inboxes: Option<Vec<InboxId>>,
    conversations: Option<Vec<ConversationId>>,
    assignees: Option<Vec<UserId>>,
    statuses: Option<Vec<ConversationStatus>>,
}

impl MessageSubscriptionFilter {
    pub(super) fn read(self) -> Result<Messages> {
        let mut reading = Reading::new();
        let conversations = self.conversation_ids;
        let messages = Messages {
            inboxes: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            conversations: reading.ids("conversationIds", conversations, NodeKind::Conversation),
            direction: self.direction.map(|name| name.0),
        };
        reading.finish()?;
        Ok(messages)
    }
}

impl ConversationSubscriptionFilter {
    pub(super) fn read(self) -> Result<Conversations> {
        let mut reading = Reading::new();
        let conversations = self.conversation_ids;
        let conversations = Conversations {
            inboxes: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            conversations: reading.ids("conversationIds", conversations, NodeKind::Conversation),
            assignees: reading.ids("assigneeIds", self.assignee_ids, NodeKind::User),
            statuses: reading.names("statuses", self.statuses),
        };
        reading.finish()?;
        Ok(conversations)
    }
}

impl Messages {
    pub(super) fn lets_through(&self, row: &message::Model) -> bool {
        among(&self.inboxes, &row.inbox_id)
            && among(&self.conversations, &row.conversation_id)
            && self.direction.is_none_or(|direction| direction == row.direction)
    }
}

impl Conversations {
    pub(super) fn lets_through(&self, row: &conversation::Model) -> bool {
        let assigned = |wanted: &Vec<UserId>| {
            row.assignee_id.is_some_and(|assignee| wanted.contains(&assignee))
        };
        among(&self.inboxes, &row.inbox_id)
            && among(&self.conversations, &row.id)
            && among(&self.statuses, &row.status)
            && self.assignees.as_ref().is_none_or(assigned)
    }
}

fn among<T: PartialEq>(wanted: &Option<Vec<T>>, value: &T) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted.contains(value))
}
