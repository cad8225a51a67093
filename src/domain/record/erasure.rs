//! What happened before its contact was erased is not recorded any more: neither the contact nor
//! the text would be meant to be here. Only that somebody opted out or in is kept, under the hash
//! of the address. Repetitions and statuses of messages that are here find them as ever.

use std::collections::HashSet;

use entity::Timestamp;
use entity::id::InboxId;

use super::load::KnownMessages;
use super::{Batch, MessageDraft, Outcome, write};
use crate::domain::erased;
use crate::domain::opt_out::NewEntry;
use crate::error::Result;

/// Drops new messages of contacts who were erased after them, and notes which statuses went to
/// such. Costs nothing where nobody was erased since.
pub(super) async fn drop_erased(batch: &mut Batch<'_>, known: &KnownMessages) -> Result<()> {
    let Some(last) = batch.counter.last_erased_at else { return Ok(()) };
    let (scope, tx) = (batch.scope, batch.tx);
    let mut asked: Vec<(Vec<String>, Timestamp)> = Vec::new();
    let mut messages = Vec::new();
    for (index, message) in batch.messages.iter().enumerate() {
        if message.at < last && is_new(message, known) {
            messages.push(index);
            asked.push((traces(batch, message), message.at));
        }
    }
    let mut statuses = Vec::new();
    for (index, status) in batch.statuses.iter().enumerate() {
        let Some(recipient) = &status.input.recipient else { continue };
        let at = status.heard.time();
        if at < last {
            statuses.push(index);
            asked.push((known_as(batch, status.input.inbox_id, recipient), at));
        }
    }
    let mut erased = erased::erased_after(scope, tx, &asked).await?.into_iter();
    let messages = messages.into_iter().zip(erased.by_ref());
    let gone: HashSet<usize> =
        messages.filter(|(_, erased)| *erased).map(|(index, _)| index).collect();
    for (index, erased) in statuses.into_iter().zip(erased) {
        batch.statuses[index].erased = erased;
    }
    drop_messages(batch, &gone);
    Ok(())
}

/// Not what is recorded again, nor what leaves from here, whose contact is named by our id.
fn is_new(message: &MessageDraft<'_>, known: &KnownMessages) -> bool {
    let stored = |id: &String| known.named(message.input.inbox_id, id).is_some();
    message.input.contact.id.is_none() && !message.input.external_id.as_ref().is_some_and(stored)
}

fn drop_messages(batch: &mut Batch<'_>, gone: &HashSet<usize>) {
    for (index, message) in std::mem::take(&mut batch.messages).into_iter().enumerate() {
        if !gone.contains(&index) {
            batch.messages.push(message);
            continue;
        }
        batch.outcomes[message.item] = Some(Outcome::Erased);
        let external_id = message.input.external_id.clone();
        batch.writes.dropped.extend(external_id.map(|id| (message.input.inbox_id, id)));
        let word = write::word(batch, &message).filter(|_| message.is_inbound());
        let word = word.map(|entry| NewEntry {
            address: erased::address(batch.scope, &entry.address),
            contact_id: None,
            message_id: None,
            ..entry
        });
        batch.writes.words_of_erased.extend(word);
    }
}

fn traces(batch: &Batch<'_>, message: &MessageDraft<'_>) -> Vec<String> {
    let inbox = message.input.inbox_id;
    let ids = message.source_ids().flat_map(|id| known_as(batch, inbox, id));
    let addresses = [message.phone.as_deref(), message.email.as_deref()].into_iter().flatten();
    ids.chain(addresses.map(|address| erased::address(batch.scope, address))).collect()
}

fn known_as(batch: &Batch<'_>, inbox_id: InboxId, source_id: &str) -> Vec<String> {
    let inbox = batch.references.inboxes.get(&inbox_id);
    let traces =
        inbox.map(|inbox| erased::traces(batch.scope, inbox.platform, inbox_id, source_id));
    traces.unwrap_or_default()
}

/// By what it is known later to whom a status went that waits for its message.
pub(super) fn recipient(batch: &Batch<'_>, inbox_id: InboxId, source_id: &str) -> Option<String> {
    known_as(batch, inbox_id, source_id).into_iter().next()
}
