//! Sending one message: it is recorded and waits to be handed over, in one transaction. Who
//! hands it over, and what comes of it, is decided in `delivery`.

use entity::id::{ContactId, ConversationId, InboxId, MessageId, TemplateId};
use entity::kinds::{AuthorKind, Direction, Medium, Platform, SkipReason, StatusKind};
use entity::{contact, conversation, inbox, message, template};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, QueryFilter};
use serde::Serialize;

use super::attempt::{self, Payload, TemplateCall};
use super::contact as contacts;
use super::credits::{Purse, Tariff};
use super::filling::{self, Missing, Variable};
use super::idempotency::{self, Begun};
use super::reach::{self, Wish};
use super::record::{self, Author, ContactRef, Item, LONGEST_CONTENT, NewMessage, Outcome};
use crate::auth::{AccountScope, Actor, Permission};
use crate::error::{Checks, Error, Result, ViolationCode};

/// Characters of the subject of an e-mail.
pub const LONGEST_SUBJECT: usize = 255;

#[derive(Clone, Debug, Serialize)]
pub struct MessageSend {
    pub to: Destination,
    pub said: Said,
    /// Of e-mail.
    pub subject: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub enum Destination {
    Conversation(ConversationId),
    Contact { contact_id: ContactId, inbox_id: InboxId },
}

#[derive(Clone, Debug, Serialize)]
pub enum Said {
    Text(String),
    Template { id: TemplateId, variables: Vec<Variable> },
}

/// Sends a message and answers with it as it stands before it has left. Refused with the reason
/// where the contact may not be written to.
pub async fn send(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: MessageSend,
) -> Result<message::Model> {
    scope.require(Permission::Converse)?;
    let id = match idempotency::begin(scope, idempotency_key, "messageSend", &input).await? {
        Begun::Again(id) => id,
        Begun::First(claim) => {
            let (id, outcomes) = write(scope, claim.tx(), &input).await?;
            let id = claim.commit(scope, id).await?;
            record::grew(scope, &outcomes);
            scope.engine().outbox.notify_one();
            id
        }
    };
    let sent = scope.find::<message::Entity>().filter(message::Column::Id.eq(id));
    sent.one(scope.db().read()).await?.ok_or(Error::NotFound("message"))
}

async fn write(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    input: &MessageSend,
) -> Result<(MessageId, Vec<Outcome>)> {
    // What forbids it must not change until it is written.
    scope.lock(tx).await?;
    let place = place(scope, tx, &input.to).await?;
    let address = reach::addresses(scope, tx, &place.inbox, &[&place.contact]).await?;
    let address = address.into_values().next();
    let address = address.ok_or_else(|| refused(place.path, SkipReason::NoAddress))?;
    let written = compose(scope, tx, &place, input).await?;
    let wish = Wish {
        inbox: &place.inbox,
        contact_id: place.contact.id,
        address: &address,
        template: written.template.as_ref(),
    };
    if let Some(Some(reason)) = reach::refusals(scope, tx, &[wish]).await?.pop() {
        let path = if reason == SkipReason::TemplateNotApproved {
            "said.template.templateId"
        } else {
            place.path
        };
        return Err(refused(path, reason));
    }
    let account = scope.account(tx).await?;
    let category = written.template.as_ref().map(|template| template.category);
    let cost = Tariff::of(&account)?.cost(place.inbox.platform, category, &written.text);
    // It is taken when the message leaves.
    if !Purse::open(scope, tx, &account).await?.take(cost.credits) {
        return Err(refused(place.path, SkipReason::NoCredits));
    }
    let message = NewMessage { cost: Some(cost), ..new_message(scope, &place, &address, &written) };
    let outcomes = record::apply(scope, tx, &[Item::Message(Box::new(message))]).await?;
    let id = match outcomes.first() {
        Some(Outcome::Recorded { message_id: Some(id), .. }) => *id,
        Some(Outcome::Rejected(violations)) => return Err(Error::Invalid(violations.clone())),
        other => return Err(Error::bug(format!("a message to send became {other:?}"))),
    };
    let payload = &written.payload;
    let row = attempt::waiting(scope, id, &place.inbox, place.contact.id, address, payload)?;
    attempt::insert(tx, vec![row]).await?;
    Ok((id, outcomes))
}

fn refused(path: &str, reason: SkipReason) -> Error {
    Error::invalid(path, ViolationCode::Conflict, reach::explain(reason))
}

/// Where the message goes, and which part of the input says so.
struct Place {
    inbox: inbox::Model,
    contact: contact::Model,
    conversation_id: Option<ConversationId>,
    path: &'static str,
}

async fn place(scope: &AccountScope, tx: &DatabaseTransaction, to: &Destination) -> Result<Place> {
    let (inbox_id, contact_id, conversation_id, path) = match to {
        Destination::Conversation(id) => {
            let row = scope.find::<conversation::Entity>();
            let row = row.filter(conversation::Column::Id.eq(*id)).one(tx).await?;
            let row = row.ok_or_else(|| absent("to.conversationId", "conversation"))?;
            (row.inbox_id, row.contact_id, Some(*id), "to.conversationId")
        }
        Destination::Contact { contact_id, inbox_id } => {
            (*inbox_id, *contact_id, None, "to.contact.contactId")
        }
    };
    let inbox = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(inbox_id));
    let inbox = inbox.one(tx).await?.ok_or_else(|| absent("to.contact.inboxId", "inbox"))?;
    let contact = contacts::resolve(scope, tx, contact_id).await?;
    let contact = contact.ok_or_else(|| absent("to.contact.contactId", "contact"))?;
    Ok(Place { inbox, contact, conversation_id, path })
}

fn absent(path: &str, what: &str) -> Error {
    Error::invalid(path, ViolationCode::NotFound, format!("no such {what}"))
}

/// What is to be said.
struct Written {
    text: String,
    payload: Payload,
    template: Option<template::Model>,
}

async fn compose(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    place: &Place,
    input: &MessageSend,
) -> Result<Written> {
    let mut checks = Checks::new();
    let subject = subject(&mut checks, place.inbox.platform, input.subject.as_deref());
    let written = match &input.said {
        Said::Text(text) => {
            let text = checks.text("said.text", text, LONGEST_CONTENT);
            Written { text, payload: Payload { subject, template: None }, template: None }
        }
        Said::Template { id, variables } => {
            filling::check(&mut checks, "said.template.variables", variables);
            let found = scope.find::<template::Entity>().filter(template::Column::Id.eq(*id));
            let found = found.one(connection).await?;
            let template = found.ok_or_else(|| absent("said.template.templateId", "template"))?;
            let filled = filling::fill(&template.body, &place.contact, variables);
            let filled = filled.map_err(|Missing(name)| {
                let message = format!("the variable {name} has no value for this contact");
                Error::invalid("said.template.variables", ViolationCode::Required, message)
            })?;
            let call = TemplateCall::new(&template, filled.values);
            let payload = Payload { subject, template: Some(call) };
            Written { text: filled.text, payload, template: Some(template) }
        }
    };
    checks.finish()?;
    Ok(written)
}

/// The subject, which e-mail needs and nothing else has.
pub(super) fn subject(
    checks: &mut Checks,
    platform: Platform,
    given: Option<&str>,
) -> Option<String> {
    let subject = checks.optional_text("subject", given, LONGEST_SUBJECT);
    match (&subject, platform) {
        (None, Platform::Email) => {
            checks.fail("subject", ViolationCode::Required, "is needed for an e-mail");
        }
        (Some(subject), Platform::Email) if subject.chars().any(char::is_control) => {
            let message = "must be one line without control characters";
            checks.fail("subject", ViolationCode::Malformed, message);
        }
        (Some(_), platform) if platform != Platform::Email => {
            checks.fail("subject", ViolationCode::Unsupported, "goes with e-mail only");
        }
        _ => {}
    }
    subject
}

fn new_message(
    scope: &AccountScope,
    place: &Place,
    address: &str,
    written: &Written,
) -> NewMessage {
    let author = match scope.actor() {
        Actor::User(id) => Some(Author { kind: AuthorKind::User, user_id: Some(id), bot_id: None }),
        _ => None,
    };
    let templated = written.template.is_some();
    NewMessage {
        direction: Direction::Outbound,
        medium: if templated { Medium::Mailing } else { Medium::Chat },
        conversation_id: place.conversation_id,
        author,
        template_id: written.template.as_ref().map(|template| template.id),
        status: Some(StatusKind::Created),
        ..NewMessage::new(place.inbox.id, reference(&place.contact, address), written.text.clone())
    }
}

/// The contact as a message names it that goes to `address`.
pub fn reference(contact: &contact::Model, address: &str) -> ContactRef {
    ContactRef {
        external_id: Some(address.to_owned()),
        id: Some(contact.id),
        ..ContactRef::default()
    }
}
