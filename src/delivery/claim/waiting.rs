//! Messages that exist and wait: those sent singly, those that a provider did not take before,
//! and those to be sent once more because nobody knows.

use std::collections::{HashMap, HashSet};

use entity::id::{InboxId, MessageId, TemplateId};
use entity::kinds::{AttemptState, CampaignStatus, MessageStatus, SkipReason, StatusKind};
use entity::vocabulary::Vocabulary;
use entity::{attempt, message};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter, QuerySelect};

use super::desk::Desk;
use crate::db::Sql;
use crate::domain::campaign::{self as campaigns, Quiet};
use crate::domain::reach::{self, Wish};
use crate::domain::rows;
use crate::error::Result;

/// What of a message is needed to send it.
#[derive(FromQueryResult)]
struct Text {
    id: MessageId,
    content: String,
    template_id: Option<TemplateId>,
    credits: Option<i64>,
}

async fn texts(desk: &Desk<'_>, attempts: &[attempt::Model]) -> Result<HashMap<MessageId, Text>> {
    use message::Column as C;
    let mut texts = HashMap::with_capacity(attempts.len());
    for chunk in attempts.chunks(rows::IDS) {
        let ids = chunk.iter().map(|attempt| attempt.message_id);
        let found = desk.scope.find::<message::Entity>().filter(C::Id.is_in(ids));
        let found = found.select_only().columns([C::Id, C::Content, C::TemplateId, C::Credits]);
        let found = found.into_model::<Text>().all(desk.tx).await?;
        texts.extend(found.into_iter().map(|text| (text.id, text)));
    }
    Ok(texts)
}

/// Takes what may leave of what waits.
pub(super) async fn take(desk: &mut Desk<'_>, waiting: Vec<attempt::Model>) -> Result<()> {
    let waiting = let_go(desk, waiting).await?;
    let waiting = paced(desk, waiting)?;
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
        let credits = text.credits.unwrap_or(0);
        let refusal = match refusal {
            None if !desk.purse.take(credits) => Some(SkipReason::NoCredits),
            refusal => refusal,
        };
        let broke = attempt.campaign_id.filter(|_| refusal == Some(SkipReason::NoCredits));
        if let Some(campaign) = broke {
            // It stops, and goes on when there are credits again.
            desk.broke.insert(campaign);
            desk.change(&attempt, AttemptState::Waiting, None);
        } else if let Some(reason) = refusal {
            desk.tell(&attempt, StatusKind::Skipped, reason.name(), reach::explain(reason));
            desk.change(&attempt, AttemptState::Done, None);
        } else {
            desk.tell(&attempt, StatusKind::Sending, "", "");
            let lease = desk.lease();
            desk.change(&attempt, AttemptState::Dispatching, Some(lease));
            desk.hand_out(&attempt, text.content, credits)?;
        }
    }
    Ok(())
}

fn no_inbox() -> crate::error::Error {
    crate::error::Error::bug("an attempt without an inbox")
}

/// Those whose time to live and whose campaign let them go now. The others wait, or are given up.
async fn let_go(desk: &mut Desk<'_>, waiting: Vec<attempt::Model>) -> Result<Vec<attempt::Model>> {
    desk.load_campaigns(&waiting).await?;
    let needless = needless(desk, &waiting).await?;
    let account = desk.scope.account(desk.tx).await?;
    let mut free = Vec::with_capacity(waiting.len());
    for attempt in waiting {
        let campaign = desk.campaign(&attempt);
        let status = campaign.map(|campaign| campaign.status);
        let quiet = campaign.and_then(Quiet::of).and_then(|quiet| quiet.until(&account, desk.now));
        let ended = if status == Some(CampaignStatus::Cancelled) {
            Some(StatusKind::Cancelled)
        } else if attempt.expires_at.is_some_and(|end| end <= desk.now) {
            Some(StatusKind::Expired)
        } else if needless.contains(&attempt.message_id) {
            Some(StatusKind::SkippedOptional)
        } else {
            None
        };
        if let Some(ended) = ended {
            desk.tell(&attempt, ended, "", "");
            desk.change(&attempt, AttemptState::Done, None);
        } else if status == Some(CampaignStatus::Paused) {
            // Going on with the campaign gives it a time again.
            desk.change(&attempt, AttemptState::Waiting, None);
        } else if quiet.is_some() {
            desk.change(&attempt, AttemptState::Waiting, quiet);
        } else {
            free.push(attempt);
        }
    }
    Ok(free)
}

/// Those tries of a step of which an earlier one turned out to have been taken.
async fn needless(desk: &Desk<'_>, waiting: &[attempt::Model]) -> Result<HashSet<MessageId>> {
    let again = waiting.iter().filter(|attempt| attempt.try_number > 0);
    let again: Vec<MessageId> = again.map(|attempt| attempt.message_id).collect();
    if again.is_empty() {
        return Ok(HashSet::new());
    }
    let mut sql = Sql::new("SELECT t.message_id AS id FROM attempt t WHERE t.account_id = ");
    sql.bind(desk.scope.account_id());
    for (index, id) in again.iter().enumerate() {
        sql.push(if index == 0 { " AND t.message_id IN (" } else { ", " }).bind(*id);
    }
    sql.push(
        ") AND EXISTS (SELECT 1 FROM attempt e \
         JOIN message m ON m.account_id = e.account_id AND m.id = e.message_id \
         WHERE e.account_id = t.account_id AND e.campaign_id = t.campaign_id \
         AND e.contact_id = t.contact_id AND e.step = t.step AND e.try_number < t.try_number \
         AND m.status IN (",
    );
    sql.bind(MessageStatus::Sent).push(", ").bind(MessageStatus::Delivered).push(", ");
    sql.bind(MessageStatus::Read).push("))");
    let found = Named::find_by_statement(sql.statement(desk.scope.db().backend()));
    Ok(found.all(desk.tx).await?.into_iter().map(|named| named.id).collect())
}

#[derive(FromQueryResult)]
struct Named {
    id: MessageId,
}

/// Those for which there is room and whose inboxes may send now. The others wait for longer.
fn paced(desk: &mut Desk<'_>, waiting: Vec<attempt::Model>) -> Result<Vec<attempt::Model>> {
    let mut by_inbox: HashMap<InboxId, Vec<attempt::Model>> = HashMap::new();
    for attempt in waiting.into_iter().take(desk.room) {
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

/// How long a resend waits for a paused campaign to go on, before it is looked at again.
const PAUSED_SECONDS: i64 = 60;

/// Has those sent once more that are still unknown: as messages of their own, which wait like all
/// others.
pub(super) async fn resend(desk: &mut Desk<'_>, unknown: Vec<attempt::Model>) -> Result<()> {
    desk.load_campaigns(&unknown).await?;
    let tried = tried(desk, &unknown).await?;
    let mut still = Vec::new();
    for attempt in unknown {
        let status = desk.campaign(&attempt).map(|campaign| campaign.status);
        if status == Some(CampaignStatus::Paused) {
            let later = desk.now.plus_seconds(PAUSED_SECONDS);
            desk.change(&attempt, AttemptState::Unknown, Some(later));
            continue;
        }
        desk.change(&attempt, AttemptState::Unknown, None);
        if status == Some(CampaignStatus::Running) && !tried.contains(&attempt.message_id) {
            still.push(attempt);
        }
    }
    let ids: Vec<_> = still.iter().map(|attempt| attempt.contact_id).collect();
    let contacts = desk.contacts(&ids).await?;
    // Whoever was erased is sent nothing more.
    still.retain(|attempt| {
        let contact = contacts.get(&attempt.contact_id);
        contact.is_some_and(|contact| contact.erased_at.is_none())
    });
    let mut messages = Vec::with_capacity(still.len());
    for attempt in still {
        let sent = desk.scope.find::<message::Entity>();
        let sent = sent.filter(message::Column::Id.eq(attempt.message_id)).one(desk.tx).await?;
        // Evidence may have come meanwhile.
        let sent = sent.filter(|sent| sent.status == Some(MessageStatus::Unknown));
        messages.extend(sent.map(|sent| (attempt, sent)));
    }
    let outcomes = campaigns::send_again(desk.scope, desk.tx, messages).await?;
    desk.outcomes.extend(outcomes);
    Ok(())
}

/// Those after which the step was tried again already, by hand.
async fn tried(desk: &Desk<'_>, unknown: &[attempt::Model]) -> Result<HashSet<MessageId>> {
    let mut tried = HashSet::new();
    for chunk in unknown.chunks(rows::IDS) {
        let mut sql = Sql::new(
            "SELECT t.message_id AS id FROM attempt t JOIN attempt l \
             ON l.account_id = t.account_id AND l.campaign_id = t.campaign_id \
             AND l.contact_id = t.contact_id AND l.step = t.step AND l.try_number > t.try_number \
             WHERE t.account_id = ",
        );
        sql.bind(desk.scope.account_id());
        for (index, attempt) in chunk.iter().enumerate() {
            sql.push(if index == 0 { " AND t.message_id IN (" } else { ", " });
            sql.bind(attempt.message_id);
        }
        sql.push(")");
        let found = Named::find_by_statement(sql.statement(desk.scope.db().backend()));
        tried.extend(found.all(desk.tx).await?.into_iter().map(|named| named.id));
    }
    Ok(tried)
}
