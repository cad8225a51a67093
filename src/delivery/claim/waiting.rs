//! Messages that exist and wait: those sent singly, those that a provider did not take before,
//! and those to be sent once more because nobody knows.

use std::collections::HashMap;

use entity::id::{InboxId, MessageId, TemplateId};
use entity::kinds::{AttemptState, MessageStatus, StatusKind};
use entity::vocabulary::Vocabulary;
use entity::{attempt, message};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter, QuerySelect};

use super::desk::Desk;
use crate::domain::reach::{self, Wish};
use crate::domain::record::NewMessage;
use crate::domain::{rows, send};
use crate::error::Result;

/// What of a message is needed to send it.
#[derive(FromQueryResult)]
struct Text {
    id: MessageId,
    content: String,
    template_id: Option<TemplateId>,
    status: Option<MessageStatus>,
}

async fn texts(desk: &Desk<'_>, attempts: &[attempt::Model]) -> Result<HashMap<MessageId, Text>> {
    use message::Column as C;
    let mut texts = HashMap::with_capacity(attempts.len());
    for chunk in attempts.chunks(rows::IDS) {
        let ids = chunk.iter().map(|attempt| attempt.message_id);
        let found = desk.scope.find::<message::Entity>().filter(C::Id.is_in(ids));
        let found = found.select_only().columns([C::Id, C::Content, C::TemplateId, C::Status]);
        let found = found.into_model::<Text>().all(desk.tx).await?;
        texts.extend(found.into_iter().map(|text| (text.id, text)));
    }
    Ok(texts)
}

/// Takes what may leave of what waits.
pub(super) async fn take(desk: &mut Desk<'_>, waiting: Vec<attempt::Model>) -> Result<()> {
    let waiting = paced(desk, waiting)?;
    desk.load_campaigns(&waiting).await?;
    let mut texts = texts(desk, &waiting).await?;
    desk.load_templates(texts.values().filter_map(|text| text.template_id)).await?;
    let refusals = {
        let wishes = waiting.iter().map(|attempt| {
            let template = texts.get(&attempt.message_id).and_then(|text| text.template_id);
            Ok(Wish {
                inbox: desk.inboxes.get(&attempt.inbox_id).ok_or_else(no_inbox)?,
                contact_id: attempt.contact_id,
                address: &attempt.address,
                template: template.and_then(|id| desk.template(id)),
            })
        });
        let wishes: Result<Vec<Wish<'_>>> = wishes.collect();
        reach::refusals(desk.scope, desk.tx, &wishes?).await?
    };
    for (attempt, refusal) in waiting.into_iter().zip(refusals) {
        let Some(text) = texts.remove(&attempt.message_id) else { continue };
        if let Some(reason) = refusal {
            desk.tell(&attempt, StatusKind::Skipped, reason.name(), reach::explain(reason));
            desk.change(&attempt, AttemptState::Done, None);
        } else {
            desk.tell(&attempt, StatusKind::Sending, "", "");
            let lease = desk.lease();
            desk.change(&attempt, AttemptState::Dispatching, Some(lease));
            desk.hand_out(&attempt, text.content)?;
        }
    }
    Ok(())
}

fn no_inbox() -> crate::error::Error {
    crate::error::Error::bug("an attempt without an inbox")
}

/// Those for which there is room and whose inboxes may send now. The others wait for longer, and
/// what has become too old is given up.
fn paced(desk: &mut Desk<'_>, waiting: Vec<attempt::Model>) -> Result<Vec<attempt::Model>> {
    let mut by_inbox: HashMap<InboxId, Vec<attempt::Model>> = HashMap::new();
    let mut fresh = Vec::new();
    for attempt in waiting {
        if attempt.expires_at.is_some_and(|end| end <= desk.now) {
            desk.tell(&attempt, StatusKind::Expired, "", "");
            desk.change(&attempt, AttemptState::Done, None);
        } else if fresh.len() < desk.room {
            fresh.push(attempt);
        }
    }
    for attempt in fresh {
        by_inbox.entry(attempt.inbox_id).or_default().push(attempt);
    }
    let mut taken = Vec::new();
    for (id, attempts) in by_inbox {
        let inbox = desk.inbox(id)?;
        let granted = desk.lines.take(&inbox, desk.now, attempts.len());
        let later = desk.lines.next(&inbox, desk.now);
        for (index, attempt) in attempts.into_iter().enumerate() {
            if index < granted {
                taken.push(attempt);
            } else {
                desk.change(&attempt, AttemptState::Waiting, Some(later));
            }
        }
    }
    Ok(taken)
}

/// Sends messages once more that are still unknown, as messages of their own.
pub(super) async fn resend(desk: &mut Desk<'_>, unknown: Vec<attempt::Model>) -> Result<()> {
    let mut texts = texts(desk, &unknown).await?;
    let mut again = Vec::new();
    for attempt in unknown {
        let text = texts.remove(&attempt.message_id);
        desk.change(&attempt, AttemptState::Unknown, None);
        // Evidence may have come meanwhile.
        let still = |text: &Text| text.status == Some(MessageStatus::Unknown);
        let text = text.filter(|text| still(text) && attempt.try_number == 0);
        again.extend(text.map(|text| (attempt, text)));
    }
    let ids: Vec<_> = again.iter().map(|(attempt, _)| attempt.contact_id).collect();
    let contacts = desk.contacts(&ids).await?;
    let mut drafts = Vec::with_capacity(again.len());
    for (attempt, text) in again {
        let Some(contact) = contacts.get(&attempt.contact_id) else { continue };
        let mut message = NewMessage::mailing(
            attempt.inbox_id,
            send::reference(contact, &attempt.address),
            text.content,
        );
        (message.template_id, message.campaign_id) = (text.template_id, attempt.campaign_id);
        let row = attempt::Model {
            try_number: attempt.try_number + 1,
            state: AttemptState::Dispatching,
            due_at: Some(desk.lease()),
            tries: 0,
            fence: 0,
            ..attempt
        };
        drafts.push((message, row));
    }
    desk.send_new(drafts).await.map(drop)
}
