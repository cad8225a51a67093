//! What people do with conversations, and the presence of visitors.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{Answer, Ids, UserError, named, owner, payload};
use crate::domain::conversation::{self as commands, VisitorSeen};
use crate::error::{Error, Result};
use crate::graphql::id::NodeKind;
use crate::graphql::object::Conversation;
use crate::graphql::scalar::DateTime;

/// Who is to answer a conversation.
#[derive(InputObject)]
pub struct ConversationAssignInput {
    /// The conversation.
    id: ID,
    /// A user of the account; nobody where none is given.
    user_id: Option<ID>,
}

/// What became of `conversationAssign`.
#[derive(SimpleObject)]
pub struct ConversationAssignPayload {
    /// The conversation after the change.
    pub conversation: Option<Conversation>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which conversation to close.
#[derive(InputObject)]
pub struct ConversationCloseInput {
    /// The conversation.
    id: ID,
}

/// What became of `conversationClose`.
#[derive(SimpleObject)]
pub struct ConversationClosePayload {
    /// The conversation after the change.
    pub conversation: Option<Conversation>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which conversation to open again.
#[derive(InputObject)]
pub struct ConversationReopenInput {
    /// The conversation.
    id: ID,
}

/// What became of `conversationReopen`.
#[derive(SimpleObject)]
pub struct ConversationReopenPayload {
    /// The conversation after the change.
    pub conversation: Option<Conversation>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which conversation the bot hands over.
#[derive(InputObject)]
pub struct ConversationHandOffInput {
    /// The conversation.
    id: ID,
}

/// What became of `conversationHandOff`.
#[derive(SimpleObject)]
pub struct ConversationHandOffPayload {
    /// The conversation after the change.
    pub conversation: Option<Conversation>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// The labels of a conversation.
#[derive(InputObject)]
pub struct ConversationLabelInput {
    /// The conversation.
    id: ID,
    /// All its labels, in place of those it has: up to 250.
    label_ids: Vec<ID>,
}

/// What became of `conversationLabel`.
#[derive(SimpleObject)]
pub struct ConversationLabelPayload {
    /// The conversation after the change.
    pub conversation: Option<Conversation>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// That a visitor's page is open.
#[derive(InputObject)]
pub struct VisitorSeenInput {
    /// The inbox of the web site.
    inbox_id: ID,
    /// The visitor's id on the inbox.
    contact_external_id: String,
    /// When it was open; now where it is not given.
    at: Option<DateTime>,
}

/// What became of `visitorSeen`.
#[derive(SimpleObject)]
pub struct VisitorSeenPayload {
    /// How many of the visitor's conversations on the inbox are not closed and had not heard
    /// of the visitor since.
    pub conversation_count: Option<i32>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct ConversationMutation;

#[Object]
impl ConversationMutation {
    /// Gives a conversation to a user, or takes it from everybody. Needs the role AGENT.
    async fn conversation_assign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to answer.")] input: ConversationAssignInput,
    ) -> Answer<ConversationAssignPayload> {
        payload(assign(ctx, input).await, |conversation, user_errors| ConversationAssignPayload {
            conversation,
            user_errors,
        })
    }

    /// Closes a conversation. Closing it again changes nothing. Needs the role AGENT.
    async fn conversation_close(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversation.")] input: ConversationCloseInput,
    ) -> Answer<ConversationClosePayload> {
        payload(close(ctx, &input.id).await, |conversation, user_errors| ConversationClosePayload {
            conversation,
            user_errors,
        })
    }

    /// Opens a closed conversation again. Needs the role AGENT.
    async fn conversation_reopen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversation.")] input: ConversationReopenInput,
    ) -> Answer<ConversationReopenPayload> {
        payload(reopen(ctx, &input.id).await, |conversation, user_errors| {
            ConversationReopenPayload { conversation, user_errors }
        })
    }

    /// Hands a conversation over from its bot to people: from now on they are waited for.
    /// Needs the role AGENT.
    async fn conversation_hand_off(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversation.")] input: ConversationHandOffInput,
    ) -> Answer<ConversationHandOffPayload> {
        payload(hand_off(ctx, &input.id).await, |conversation, user_errors| {
            ConversationHandOffPayload { conversation, user_errors }
        })
    }

    /// Puts labels on a conversation and takes all others off. Needs the role AGENT.
    async fn conversation_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which labels.")] input: ConversationLabelInput,
    ) -> Answer<ConversationLabelPayload> {
        payload(label(ctx, input).await, |conversation, user_errors| ConversationLabelPayload {
            conversation,
            user_errors,
        })
    }

    /// Notes that a visitor of a web site is there, so that absence can be known. Needs a
    /// token with the scope RECORD.
    async fn visitor_seen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who was seen.")] input: VisitorSeenInput,
    ) -> Answer<VisitorSeenPayload> {
        payload(seen(ctx, input).await, |conversation_count, user_errors| VisitorSeenPayload {
            conversation_count,
            user_errors,
        })
    }
}

async fn assign(ctx: &Context<'_>, input: ConversationAssignInput) -> Result<Conversation> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Conversation)?;
    let mut ids = Ids::new(reader.account_id());
    let user_id = ids.optional("userId", input.user_id.as_ref(), NodeKind::User);
    ids.finish()?;
    let assigned = commands::assign(reader.scope(), id, user_id).await;
    Ok(Conversation::new(reader, named("id", NodeKind::Conversation, assigned)?))
}

async fn close(ctx: &Context<'_>, id: &ID) -> Result<Conversation> {
    let (reader, id) = owner(ctx, "id", id, NodeKind::Conversation)?;
    let closed = commands::close(reader.scope(), id).await;
    Ok(Conversation::new(reader, named("id", NodeKind::Conversation, closed)?))
}

async fn reopen(ctx: &Context<'_>, id: &ID) -> Result<Conversation> {
    let (reader, id) = owner(ctx, "id", id, NodeKind::Conversation)?;
    let reopened = commands::reopen(reader.scope(), id).await;
    Ok(Conversation::new(reader, named("id", NodeKind::Conversation, reopened)?))
}

async fn hand_off(ctx: &Context<'_>, id: &ID) -> Result<Conversation> {
    let (reader, id) = owner(ctx, "id", id, NodeKind::Conversation)?;
    let handed_off = commands::hand_off(reader.scope(), id).await;
    Ok(Conversation::new(reader, named("id", NodeKind::Conversation, handed_off)?))
}

async fn label(ctx: &Context<'_>, input: ConversationLabelInput) -> Result<Conversation> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Conversation)?;
    let mut ids = Ids::new(reader.account_id());
    let label_ids = ids.list("labelIds", &input.label_ids, NodeKind::Label);
    ids.finish()?;
    let labelled = commands::label(reader.scope(), id, label_ids).await.map_err(of_labels);
    Ok(Conversation::new(reader, named("id", NodeKind::Conversation, labelled)?))
}

/// Each label is an event of its own to the command, but the input has one list of them.
fn of_labels(error: Error) -> Error {
    match error {
        Error::Invalid(mut violations) => {
            for violation in &mut violations {
                if violation.path == "label" {
                    violation.path = "labelIds".to_owned();
                }
            }
            Error::Invalid(violations)
        }
        error => error,
    }
}

async fn seen(ctx: &Context<'_>, input: VisitorSeenInput) -> Result<i32> {
    let (reader, inbox_id) = owner(ctx, "inboxId", &input.inbox_id, NodeKind::Inbox)?;
    let visitor = VisitorSeen {
        inbox_id,
        contact_external_id: input.contact_external_id,
        at: input.at.map(|instant| instant.0),
    };
    let count = commands::visitor_seen(reader.scope(), visitor).await;
    let count = named("inboxId", NodeKind::Inbox, count)?;
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}
