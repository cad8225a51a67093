//! Sending single messages.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, SimpleObject};

use super::campaign_input::TextVariableInput;
use super::{Answer, Ids, UserError, payload};
use crate::domain::send::{self as commands, Destination, MessageSend, Said};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::Message;
use crate::graphql::viewer;

/// A message to send.
#[derive(InputObject)]
pub struct MessageSendInput {
    /// The account that sends it.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// To whom, and by which inbox.
    to: MessageDestinationInput,
    /// What is said.
    said: MessageSaidInput,
    /// The subject, which an e-mail needs and nothing else has: 1 to 255 characters.
    subject: Option<String>,
}

/// To whom a message goes.
#[derive(OneofObject)]
pub enum MessageDestinationInput {
    /// To the contact of this conversation, on its inbox.
    ConversationId(ID),
    /// To a contact on an inbox.
    Contact(MessageContactInput),
}

/// A contact, and the inbox by which it is written to.
#[derive(InputObject)]
pub struct MessageContactInput {
    /// The contact.
    contact_id: ID,
    /// The inbox.
    inbox_id: ID,
}

/// What a message says.
#[derive(OneofObject)]
pub enum MessageSaidInput {
    /// A text, up to 65,536 characters.
    Text(String),
    /// A template, filled in.
    Template(MessageTemplateInput),
}

/// A template, and what stands for its variables.
#[derive(InputObject)]
pub struct MessageTemplateInput {
    /// The template.
    template_id: ID,
    /// What stands for its variables, up to 50. One that is not named here, but called like a
    /// field of the contact (`name`, `first_name`, …), stands for that.
    variables: Option<Vec<TextVariableInput>>,
}

/// What became of `messageSend`.
#[derive(SimpleObject)]
pub struct MessageSendPayload {
    /// The message, which waits to be handed over.
    pub message: Option<Message>,
    /// What was wrong with the input, or why the contact may not be written to.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct MessageMutation;

#[Object]
impl MessageMutation {
    /// Sends a message. Refused with the reason where the contact has opted out, the channel's reply
    /// window is shut or nothing can be sent on the inbox. Needs the role AGENT.
    async fn message_send(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message.")] input: MessageSendInput,
    ) -> Answer<MessageSendPayload> {
        payload(send(ctx, input).await, |message, user_errors| MessageSendPayload {
            message,
            user_errors,
        })
    }
}

async fn send(ctx: &Context<'_>, input: MessageSendInput) -> Result<Message> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let mut ids = Ids::new(reader.account_id());
    let to = match &input.to {
        MessageDestinationInput::ConversationId(id) => {
            Destination::Conversation(ids.key("to.conversationId", id, NodeKind::Conversation))
        }
        MessageDestinationInput::Contact(MessageContactInput { contact_id, inbox_id }) => {
            Destination::Contact {
                contact_id: ids.key("to.contact.contactId", contact_id, NodeKind::Contact),
                inbox_id: ids.key("to.contact.inboxId", inbox_id, NodeKind::Inbox),
            }
        }
    };
    let said = match input.said {
        MessageSaidInput::Text(text) => Said::Text(text),
        MessageSaidInput::Template(MessageTemplateInput { template_id, variables }) => {
            Said::Template {
                id: ids.key("said.template.templateId", &template_id, NodeKind::Template),
                variables: variables.unwrap_or_default().into_iter().map(Into::into).collect(),
            }
        }
    };
    ids.finish()?;
    let new = MessageSend { to, said, subject: input.subject };
    let message = commands::send(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok(Message::new(reader, message))
}
