//! The recipients of a campaign: the list of them, and sending to one once more.

use std::collections::HashMap;

use entity::id::{CampaignId, ContactId, MessageId};
use entity::kinds::{
    AttemptState, CampaignStatus, MessageStatus, RecipientState, SkipReason, StatusKind,
};
use entity::{attempt, message, recipient};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde::Serialize;

use super::audience::{RecipientOutcome, Whose};
use super::lock;
use super::steer::{expect, store};
use crate::auth::{AccountScope, Permission};
use crate::domain::credits::Cost;
use crate::domain::page::Order;
use crate::domain::record::{self, Item, MOST_ITEMS, NewMessage};
use crate::domain::{attempt as attempts, contact as contacts, send};
use crate::error::{Error, Result, ViolationCode};

/// Which recipients of a campaign to list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RecipientFilter {
    pub states: Option<Vec<RecipientState>>,
    pub skip_reasons: Option<Vec<SkipReason>>,
    /// One of these became of them.
    pub outcomes: Option<Vec<RecipientOutcome>>,
    /// A part of the contact's name, e-mail address or phone number.
    pub search: Option<String>,
}

/// The recipients that `filter` lets through.
pub fn select_recipients(
    scope: &AccountScope,
    campaign: CampaignId,
    filter: &RecipientFilter,
) -> Result<Select<recipient::Entity>> {
    use recipient::Column as C;
    scope.require(Permission::Oversee)?;
    let outcomes = filter.outcomes.as_ref().map(|outcomes| {
        let none = Condition::any().add(Expr::cust("1 = 0"));
        outcomes.iter().fold(none, |any, outcome| {
            any.add(outcome.condition(scope, campaign, Whose::Recipients))
        })
    });
    let wanted = Condition::all()
        .add(C::CampaignId.eq(campaign))
        .add_option(filter.states.as_ref().map(|any| C::State.is_in(any.iter().copied())))
        .add_option(
            filter.skip_reasons.as_ref().map(|any| C::SkipReason.is_in(any.iter().copied())),
        )
        .add_option(outcomes);
    let found = scope.find::<recipient::Entity>().filter(wanted);
    contacts::narrow(scope, found, C::ContactId, filter.search.as_deref())
}

/// Also of several campaigns.
pub fn recipients_by_contact() -> Order<recipient::Column> {
    use recipient::Column::{CampaignId, ContactId};
    Order { column: ContactId, id: CampaignId, descending: false, nullable: false }
}

/// Those without an address come last.
pub fn by_address() -> Order<recipient::Column> {
    use recipient::Column::{Address, ContactId};
    Order { column: Address, id: ContactId, descending: false, nullable: true }
}

/// What campaigns sent to recipients, in its order. The attempts know whom it was sent to, though
/// the contact may be another by now.
pub async fn sent(
    scope: &AccountScope,
    pairs: &[(CampaignId, ContactId)],
) -> Result<Vec<((CampaignId, ContactId), message::Model)>> {
    use attempt::Column as C;
    scope.require(Permission::Oversee)?;
    let campaigns = pairs.iter().map(|(campaign, _)| *campaign);
    let contacts = pairs.iter().map(|(_, contact)| *contact);
    let attempts = scope
        .find::<attempt::Entity>()
        .filter(C::CampaignId.is_in(campaigns))
        .filter(C::ContactId.is_in(contacts))
        .all(scope.db().read())
        .await?;
    let of = |attempt: attempt::Model| {
        Some((attempt.message_id, (attempt.campaign_id?, attempt.contact_id)))
    };
    let to: HashMap<MessageId, _> = attempts.into_iter().filter_map(of).collect();
    let messages = scope
        .find::<message::Entity>()
        .filter(message::Column::Id.is_in(to.keys().copied()))
        .order_by_asc(message::Column::OccurredAt)
        .order_by_asc(message::Column::Id)
        .all(scope.db().read())
        .await?;
    Ok(messages.into_iter().filter_map(|one| Some((*to.get(&one.id)?, one))).collect())
}

/// Sends to a recipient once more to whom nothing was delivered and nothing is on its way.
pub async fn retry(
    scope: &AccountScope,
    id: CampaignId,
    contact_id: ContactId,
) -> Result<recipient::Model> {
    use recipient::Column as C;
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    scope.lock(&tx).await?;
    let campaign = lock(scope, &tx, id).await?;
    expect(&campaign, &[CampaignStatus::Running, CampaignStatus::Finished])?;
    let found = scope.find::<recipient::Entity>().filter(C::CampaignId.eq(id));
    let found = found.filter(C::ContactId.eq(contact_id)).one(&tx).await?;
    let absent = "is no recipient of this campaign";
    let recipient =
        found.ok_or_else(|| Error::invalid("contactId", ViolationCode::NotFound, absent))?;
    let over = campaign.started_at.zip(campaign.live_seconds);
    if over.is_some_and(|(start, seconds)| start.plus_seconds(seconds) <= scope.now()) {
        let message = "the campaign's time to live is over";
        return Err(Error::invalid("campaignId", ViolationCode::Conflict, message));
    }
    let outcomes = match last(scope, &tx, id, contact_id).await? {
        Some(last) => again(scope, &tx, last).await?,
        None => {
            begin_again(scope, &tx, &recipient).await?;
            Vec::new()
        }
    };
    if campaign.status == CampaignStatus::Finished {
        let campaign =
            entity::campaign::Model { status: CampaignStatus::Running, ended_at: None, ..campaign };
        store(scope, &tx, campaign).await?;
    }
    tx.commit().await?;
    record::grew(scope, &outcomes);
    scope.engine().outbox.notify_one();
    let found = scope.find::<recipient::Entity>().filter(C::CampaignId.eq(id));
    let found = found.filter(C::ContactId.eq(contact_id)).one(scope.db().write()).await?;
    found.ok_or(Error::NotFound("recipient"))
}

/// The last attempt to reach a recipient.
async fn last(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: CampaignId,
    contact_id: ContactId,
) -> Result<Option<attempt::Model>> {
    use attempt::Column as C;
    let attempts = scope
        .find::<attempt::Entity>()
        .filter(C::CampaignId.eq(id))
        .filter(C::ContactId.eq(contact_id))
        .order_by_desc(C::Step)
        .order_by_desc(C::TryNumber)
        .limit(1);
    Ok(attempts.one(tx).await?)
}

/// A new try of the same step, as a message of its own.
async fn again(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    last: attempt::Model,
) -> Result<Vec<record::Outcome>> {
    let found = scope.find::<message::Entity>().filter(message::Column::Id.eq(last.message_id));
    let sent = found.one(tx).await?.ok_or_else(|| Error::bug("an attempt without a message"))?;
    let over = [
        MessageStatus::Failed,
        MessageStatus::Undelivered,
        MessageStatus::Unknown,
        MessageStatus::Skipped,
        MessageStatus::Expired,
        MessageStatus::Cancelled,
    ];
    if !sent.status.is_some_and(|status| over.contains(&status)) {
        let message = "a message to this recipient is on its way or was delivered";
        return Err(Error::invalid("contactId", ViolationCode::Conflict, message));
    }
    let contact = contacts::resolve(scope, tx, last.contact_id).await?;
    if contact.is_some_and(|contact| contact.erased_at.is_some()) {
        return Err(Error::invalid("contactId", ViolationCode::Conflict, "was erased"));
    }
    send_again(scope, tx, vec![(last, sent)]).await
}

/// New tries of steps, each the latest of its recipient, with the messages that these sent. They
/// wait like everything else, so that all that may forbid them is looked at.
pub async fn send_again(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    latest: Vec<(attempt::Model, message::Model)>,
) -> Result<Vec<record::Outcome>> {
    let mut all = Vec::with_capacity(latest.len());
    for chunk in latest.chunks(MOST_ITEMS) {
        let mut items = Vec::with_capacity(chunk.len());
        for (attempt, sent) in chunk {
            let contact = contacts::resolve(scope, tx, attempt.contact_id).await?;
            let contact = contact.ok_or_else(|| Error::bug("a recipient without a contact"))?;
            let reference = send::reference(&contact, &attempt.address);
            items.push(Item::Message(Box::new(NewMessage {
                template_id: sent.template_id,
                campaign_id: sent.campaign_id,
                status: Some(StatusKind::Created),
                cost: sent
                    .segments
                    .zip(sent.credits)
                    .map(|(segments, credits)| Cost { segments, credits }),
                ..NewMessage::mailing(attempt.inbox_id, reference, sent.content.clone())
            })));
        }
        let outcomes = record::apply(scope, tx, &items).await?;
        let mut rows = Vec::with_capacity(chunk.len());
        for ((attempt, _), outcome) in chunk.iter().zip(&outcomes) {
            let record::Outcome::Recorded { message_id: Some(message_id), .. } = outcome else {
                return Err(Error::bug(format!("a message to send again became {outcome:?}")));
            };
            rows.push(attempt::Model {
                message_id: *message_id,
                try_number: attempt.try_number + 1,
                state: AttemptState::Waiting,
                due_at: Some(scope.now()),
                tries: 0,
                fence: 0,
                ..attempt.clone()
            });
        }
        attempts::insert(tx, rows).await?;
        all.extend(outcomes);
    }
    Ok(all)
}

/// A recipient to whom nothing was sent waits from the first step on.
async fn begin_again(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    recipient: &recipient::Model,
) -> Result<()> {
    use recipient::Column as C;
    if recipient.state == RecipientState::Waiting {
        let message = "the campaign has not come to this recipient yet";
        return Err(Error::invalid("contactId", ViolationCode::Conflict, message));
    }
    if recipient.address.is_none() {
        let message = "has no address, or another recipient has the same";
        return Err(Error::invalid("contactId", ViolationCode::Conflict, message));
    }
    scope
        .update_many::<recipient::Entity>()
        .filter(C::CampaignId.eq(recipient.campaign_id))
        .filter(C::ContactId.eq(recipient.contact_id))
        .col_expr(C::State, Expr::value(RecipientState::Waiting))
        .col_expr(C::SkipReason, Expr::value(None::<SkipReason>))
        .col_expr(C::Step, Expr::value(0i16))
        .col_expr(C::DueAt, Expr::value(scope.now()))
        .exec(tx)
        .await?;
    Ok(())
}
