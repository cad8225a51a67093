//! What one claim knows and decides: the rows it reads are read once, and what it writes is
//! written together at the end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entity::id::{CampaignId, ContactId, InboxId, MessageId, TemplateId};
use entity::kinds::{AttemptState, SkipReason, StatusKind, UnknownPolicy};
use entity::{Timestamp, attempt, campaign, contact, inbox, template};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, QueryFilter, Value};

use super::{Claimed, deadline};
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::delivery::pace::Lines;
use crate::delivery::provider::{self, Parcel};
use crate::domain::attempt as attempts;
use crate::domain::campaign::stop;
use crate::domain::credits::{Purse, Tariff};
use crate::domain::reach;
use crate::domain::record::{self, Item, MOST_ITEMS, NewMessage, NewStatus, Outcome};
use crate::domain::rows;
use crate::error::{Error, Result};

pub(super) struct Desk<'a> {
    pub scope: &'a AccountScope,
    pub tx: &'a DatabaseTransaction,
    pub now: Timestamp,
    /// How many may still be taken.
    pub room: usize,
    pub inboxes: HashMap<InboxId, Arc<inbox::Model>>,
    pub lines: Lines,
    pub tariff: Tariff,
    pub purse: Purse,
    /// Campaigns for which there are no credits.
    pub broke: HashSet<CampaignId>,
    templates: HashMap<TemplateId, template::Model>,
    campaigns: HashMap<CampaignId, campaign::Model>,
    pub claimed: Vec<Claimed>,
    /// Whether something got on: there may be more to do.
    pub progressed: bool,
    pub outcomes: Vec<Outcome>,
    told: Vec<Item>,
    changes: Vec<Change>,
}

/// How an attempt is to stand, if its fence is still this.
pub(in crate::delivery) struct Change {
    pub message_id: MessageId,
    pub fence: i64,
    pub next_fence: i64,
    pub state: AttemptState,
    pub due_at: Option<Timestamp>,
    pub tries: i32,
}

/// Changes those attempts whose fences are still the same.
pub(in crate::delivery) async fn change_attempts(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    changes: Vec<Change>,
) -> Result<()> {
    for chunk in rows::chunks(tx, changes) {
        let rows = chunk.into_iter().map(|change| {
            [
                Value::from(change.message_id),
                Value::from(change.fence),
                Value::from(change.next_fence),
                Value::from(change.state),
                Value::from(change.due_at),
                Value::from(change.tries),
            ]
        });
        let mut sql = Sql::new("WITH v(message_id, fence, next_fence, state, due_at, tries) AS (");
        sql.table([false, false, false, false, true, false], rows);
        sql.push(
            ") UPDATE attempt SET fence = v.next_fence, state = v.state, due_at = v.due_at, \
             tries = v.tries FROM v WHERE attempt.message_id = v.message_id \
             AND attempt.fence = v.fence AND attempt.account_id = ",
        );
        sql.bind(scope.account_id());
        tx.execute_raw(sql.statement(scope.db().backend())).await?;
    }
    Ok(())
}

impl<'a> Desk<'a> {
    pub async fn new(
        scope: &'a AccountScope,
        tx: &'a DatabaseTransaction,
        room: usize,
    ) -> Result<Self> {
        let inboxes = scope.find::<inbox::Entity>().all(tx).await?;
        let account = scope.account(tx).await?;
        Ok(Self {
            scope,
            tx,
            now: scope.now(),
            room,
            inboxes: inboxes.into_iter().map(|inbox| (inbox.id, Arc::new(inbox))).collect(),
            lines: Lines::load(scope, tx).await?,
            tariff: Tariff::of(&account)?,
            purse: Purse::open(scope, tx, &account).await?,
            broke: HashSet::new(),
            templates: HashMap::new(),
            campaigns: HashMap::new(),
            claimed: Vec::new(),
            progressed: false,
            outcomes: Vec::new(),
            told: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// The inbox, which is never deleted.
    pub fn inbox(&self, id: InboxId) -> Result<Arc<inbox::Model>> {
        self.inboxes.get(&id).cloned().ok_or_else(|| Error::bug("an attempt without an inbox"))
    }

    /// Templates by id, each read once.
    pub async fn load_templates(
        &mut self,
        ids: impl IntoIterator<Item = TemplateId>,
    ) -> Result<()> {
        let missing: Vec<_> =
            ids.into_iter().filter(|id| !self.templates.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.scope.find::<template::Entity>();
        let found = found.filter(template::Column::Id.is_in(missing)).all(self.tx).await?;
        self.templates.extend(found.into_iter().map(|template| (template.id, template)));
        Ok(())
    }

    pub fn template(&self, id: TemplateId) -> Option<&template::Model> {
        self.templates.get(&id)
    }

    /// The campaigns of these attempts, each read once.
    pub async fn load_campaigns(&mut self, attempts: &[attempt::Model]) -> Result<()> {
        let named: HashSet<CampaignId> =
            attempts.iter().filter_map(|attempt| attempt.campaign_id).collect();
        let missing: Vec<_> =
            named.into_iter().filter(|id| !self.campaigns.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.scope.find::<campaign::Entity>();
        let found = found.filter(campaign::Column::Id.is_in(missing)).all(self.tx).await?;
        self.campaigns.extend(found.into_iter().map(|campaign| (campaign.id, campaign)));
        Ok(())
    }

    pub fn know(&mut self, campaign: &campaign::Model) {
        self.campaigns.insert(campaign.id, campaign.clone());
    }

    pub fn campaign(&self, attempt: &attempt::Model) -> Option<&campaign::Model> {
        self.campaigns.get(&attempt.campaign_id?)
    }

    /// How long an attempt that nobody knows of is left alone before it is sent once more; none
    /// where it is held.
    pub fn resend_after(&self, attempt: &attempt::Model) -> Option<i64> {
        let policy = self.campaign(attempt).map(|campaign| campaign.on_unknown);
        let wait = self.scope.engine().config.delivery.unknown_wait_seconds;
        let again = policy == Some(UnknownPolicy::ResendOnce) && attempt.try_number == 0;
        again.then(|| i64::try_from(wait).unwrap_or(i64::MAX))
    }

    /// Contacts by id; the ones that took the places of others under the ids of those.
    pub async fn contacts(&self, ids: &[ContactId]) -> Result<HashMap<ContactId, contact::Model>> {
        let mut known: HashMap<ContactId, contact::Model> = HashMap::new();
        let mut asked = ids.to_vec();
        // Twice: who was merged stands for whom it was merged into.
        for _ in 0..2 {
            for chunk in asked.chunks(rows::IDS) {
                let some = contact::Column::Id.is_in(chunk.iter().copied());
                let some = self.scope.find::<contact::Entity>().filter(some).all(self.tx).await?;
                known.extend(some.into_iter().map(|contact| (contact.id, contact)));
            }
            let into = known.values().filter_map(|contact| contact.merged_into_id);
            asked = into.filter(|id| !known.contains_key(id)).collect();
        }
        let standing = |id: &ContactId| {
            let contact = known.get(id)?;
            let into = contact.merged_into_id.and_then(|into| known.get(&into));
            Some((*id, into.unwrap_or(contact).clone()))
        };
        Ok(ids.iter().filter_map(standing).collect())
    }

    /// Notes what is now known of a message.
    pub fn tell(&mut self, attempt: &attempt::Model, kind: StatusKind, code: &str, detail: &str) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.told.push(Item::Status(NewStatus {
            inbox_id: attempt.inbox_id,
            external_id: None,
            message_id: Some(attempt.message_id),
            kind,
            occurred_at: None,
            received_at: None,
            code: some(code),
            detail: some(detail),
            recipient: None,
        }));
    }

    /// Has the attempt stand so. Whoever claimed it before has no say any more.
    pub fn change(
        &mut self,
        attempt: &attempt::Model,
        state: AttemptState,
        due_at: Option<Timestamp>,
    ) {
        self.progressed = true;
        self.changes.push(Change {
            message_id: attempt.message_id,
            fence: attempt.fence,
            next_fence: attempt.fence + 1,
            state,
            due_at,
            tries: attempt.tries,
        });
    }

    /// When others take a message that leaves now for lost.
    pub fn lease(&self) -> Timestamp {
        let seconds = self.scope.engine().config.delivery.send_lease_seconds;
        self.now.plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    /// Hands out a message that is marked as leaving.
    pub fn hand_out(&mut self, attempt: &attempt::Model, text: String, credits: i64) -> Result<()> {
        let parcel = Parcel {
            account_id: self.scope.account_id(),
            message_id: attempt.message_id,
            contact_id: attempt.contact_id,
            campaign_id: attempt.campaign_id,
            inbox: self.inbox(attempt.inbox_id)?,
            address: attempt.address.clone(),
            text,
            credits,
            payload: serde_json::from_value(attempt.payload.clone())?,
        };
        self.claimed.push(Claimed {
            parcel,
            fence: attempt.fence + 1,
            tries: attempt.tries,
            expires_at: attempt.expires_at,
            resend_after: self.resend_after(attempt),
            deadline: deadline(self.scope.engine()),
        });
        self.room = self.room.saturating_sub(1);
        Ok(())
    }

    /// Records messages that begin to leave at once, hands them out, and says which of them
    /// could not be recorded. The attempts' message ids are those that they get here.
    pub async fn send_new(
        &mut self,
        drafts: Vec<(NewMessage, attempt::Model)>,
    ) -> Result<Vec<ContactId>> {
        let mut refused = Vec::new();
        let mut made = Vec::with_capacity(drafts.len());
        let mut drafts = drafts.into_iter().peekable();
        while drafts.peek().is_some() {
            let chunk: Vec<_> = drafts.by_ref().take(MOST_ITEMS).collect();
            let (messages, rows): (Vec<NewMessage>, Vec<_>) = chunk.into_iter().unzip();
            let items: Vec<Item> =
                messages.into_iter().map(|message| Item::Message(Box::new(message))).collect();
            let outcomes = record::apply(self.scope, self.tx, &items).await?;
            for ((item, mut row), outcome) in items.into_iter().zip(rows).zip(&outcomes) {
                let cost = match &item {
                    Item::Message(message) => message.cost,
                    _ => None,
                };
                let credits = cost.map_or(0, |cost| cost.credits);
                let (Outcome::Recorded { message_id: Some(id), .. }, Item::Message(message)) =
                    (outcome, item)
                else {
                    tracing::error!(?outcome, "a recipient's message was not recorded");
                    self.purse.give_back(credits);
                    refused.push(row.contact_id);
                    continue;
                };
                row.message_id = *id;
                self.hand_out(&row, message.content, credits)?;
                // As if it had waited and were taken.
                row.fence += 1;
                made.push(row);
            }
            self.outcomes.extend(outcomes);
        }
        attempts::insert(self.tx, made).await?;
        Ok(refused)
    }

    /// The sandbox plays the contacts of what it took.
    pub async fn play(&mut self, playing: Vec<attempt::Model>) -> Result<()> {
        for attempt in playing {
            let inbox = self.inbox(attempt.inbox_id)?;
            let (item, next) = provider::play(&inbox, &attempt, self.now);
            self.told.extend(item);
            let state = if next.is_some() { AttemptState::Playing } else { AttemptState::Done };
            self.change(&attempt, state, next);
            if let Some(change) = self.changes.last_mut() {
                change.tries += 1;
            }
        }
        Ok(())
    }

    /// Writes what was decided, and gives what is to leave, and whether something got on.
    pub async fn finish(mut self) -> Result<(Vec<Claimed>, bool, Vec<Outcome>)> {
        for chunk in self.told.chunks(MOST_ITEMS) {
            let outcomes = record::apply(self.scope, self.tx, chunk).await?;
            for outcome in &outcomes {
                if let Outcome::Rejected(violations) = outcome {
                    tracing::error!(?violations, "what became of a message was not recorded");
                }
            }
            self.outcomes.extend(outcomes);
        }
        change_attempts(self.scope, self.tx, self.changes).await?;
        self.lines.save(self.tx).await?;
        self.purse.save(self.scope, self.tx).await?;
        for campaign in self.broke {
            tracing::warn!(campaign = %campaign.0, "a campaign was stopped: no credits are left");
            let why = reach::explain(SkipReason::NoCredits);
            stop(self.scope, self.tx, campaign, &format!("NO_CREDITS {why}")).await?;
        }
        Ok((self.claimed, self.progressed, self.outcomes))
    }
}
