//! Recipients of running campaigns whose next step is due: each becomes a message that leaves,
//! or is put aside with the reason.

use std::collections::{HashMap, HashSet};

use entity::id::ContactId;
use entity::kinds::{AttemptState, CampaignStatus, MessageStatus, RecipientState, SkipReason};
use entity::{attempt, campaign, campaign_step, contact, inbox, recipient};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Value};

use super::desk::Desk;
use crate::db::Sql;
use crate::domain::attempt::{Payload, TemplateCall};
use crate::domain::campaign::{self as campaigns, Quiet};
use crate::domain::filling::{self, Variable};
use crate::domain::reach::{self, Wish};
use crate::domain::record::NewMessage;
use crate::domain::{rows, send};
use crate::error::{Error, Result};

/// Takes what there is room for, in turn from each running campaign.
pub(super) async fn take(desk: &mut Desk<'_>) -> Result<()> {
    use campaign::Column as C;
    let running =
        desk.scope.find::<campaign::Entity>().filter(C::Status.eq(CampaignStatus::Running));
    let running = running.order_by_asc(C::Id).all(desk.tx).await?;
    if running.is_empty() {
        return Ok(());
    }
    let account = desk.scope.account(desk.tx).await?;
    let mut left = running.len();
    for campaign in running {
        let share = desk.room.div_ceil(left);
        left -= 1;
        if campaigns::expire(desk.scope, desk.tx, &campaign).await? {
            continue;
        }
        let quiet = Quiet::of(&campaign).is_some_and(|quiet| quiet.holds(&account, desk.now));
        if quiet || share == 0 {
            continue;
        }
        desk.know(&campaign);
        let steps = campaigns::steps(desk.scope, desk.tx, campaign.id).await?;
        let before = desk.claimed.len();
        for index in 0..steps.len() {
            let room = share.saturating_sub(desk.claimed.len() - before);
            Sender { campaign: &campaign, steps: &steps, index }.take(desk, room).await?;
        }
        if desk.claimed.len() == before {
            campaigns::finish(desk.scope, desk.tx, campaign.id).await?;
        }
    }
    Ok(())
}

/// One step of a campaign, and what it does to recipients.
struct Sender<'a> {
    campaign: &'a campaign::Model,
    steps: &'a [campaign_step::Model],
    index: usize,
}

/// Recipients to whom earlier steps wrote, and those of them whom they reached.
#[derive(Default)]
struct Before {
    written_to: HashSet<ContactId>,
    delivered: HashSet<ContactId>,
}

/// What an earlier step sent.
#[derive(FromQueryResult)]
struct Sent {
    contact_id: ContactId,
    status: Option<MessageStatus>,
    gives_receipts: bool,
}

/// How a recipient goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Onward {
    /// To the step with this index: when those before it had their time, or at once.
    Step {
        index: usize,
        wait: bool,
    },
    Done,
    Skipped(SkipReason),
}

impl Sender<'_> {
    fn step(&self) -> Result<&campaign_step::Model> {
        self.steps.get(self.index).ok_or_else(|| Error::bug("a campaign without steps"))
    }

    async fn take(&self, desk: &mut Desk<'_>, room: usize) -> Result<()> {
        let inbox = desk.inbox(self.step()?.inbox_id)?;
        if room == 0 {
            return Ok(());
        }
        let recipients = self.due(desk, room).await?;
        let granted = desk.lines.take(&inbox, desk.now, recipients.len());
        let mut recipients = recipients;
        recipients.truncate(granted);
        if recipients.is_empty() {
            return Ok(());
        }
        let before = self.before(desk, &recipients).await?;
        let (past, due): (Vec<_>, Vec<_>) = recipients.into_iter().partition(|recipient| {
            before.delivered.contains(&recipient.contact_id) && !self.required()
        });
        let mut onward: HashMap<ContactId, Onward> =
            past.iter().map(|recipient| (recipient.contact_id, self.after_delivery())).collect();
        let ids: Vec<ContactId> = due.iter().map(|recipient| recipient.contact_id).collect();
        let contacts = desk.contacts(&ids).await?;
        let drafts = self.drafts(desk, &inbox, due, &contacts, &before, &mut onward).await?;
        let sent: Vec<ContactId> = drafts.iter().map(|(_, row)| row.contact_id).collect();
        let unused = ids.len() + past.len() - drafts.len();
        desk.lines.spare(&inbox, unused);
        let refused = desk.send_new(drafts).await?;
        onward.extend(sent.into_iter().map(|id| (id, self.after_sending())));
        let shut =
            |id| (id, self.after_refusal(before.written_to.contains(&id), SkipReason::Unsendable));
        onward.extend(refused.into_iter().map(shut));
        desk.progressed = true;
        self.move_on(desk, onward).await
    }

    async fn due(&self, desk: &Desk<'_>, room: usize) -> Result<Vec<recipient::Model>> {
        use recipient::Column as C;
        let due = desk
            .scope
            .find::<recipient::Entity>()
            .filter(C::CampaignId.eq(self.campaign.id))
            .filter(C::Step.eq(self.step()?.number))
            .filter(C::DueAt.lte(desk.now))
            .order_by_asc(C::DueAt)
            .limit(u64::try_from(room).unwrap_or(u64::MAX));
        Ok(due.all(desk.tx).await?)
    }

    fn required(&self) -> bool {
        self.steps.get(self.index).is_some_and(|step| step.required)
    }

    /// What came of the steps before this one.
    async fn before(&self, desk: &Desk<'_>, recipients: &[recipient::Model]) -> Result<Before> {
        let mut before = Before::default();
        if self.index == 0 || recipients.is_empty() {
            return Ok(before);
        }
        // By the attempts: the messages of a contact that was merged are another's by now.
        let mut sql = Sql::new(
            "SELECT t.contact_id, m.status, m.gives_receipts FROM attempt t \
             JOIN message m ON m.account_id = t.account_id AND m.id = t.message_id \
             WHERE t.account_id = ",
        );
        sql.bind(desk.scope.account_id()).push(" AND t.campaign_id = ").bind(self.campaign.id);
        for (index, recipient) in recipients.iter().enumerate() {
            sql.push(if index == 0 { " AND t.contact_id IN (" } else { ", " });
            sql.bind(recipient.contact_id);
        }
        sql.push(")");
        let sent = Sent::find_by_statement(sql.statement(desk.scope.db().backend()));
        for Sent { contact_id, status, gives_receipts } in sent.all(desk.tx).await? {
            before.written_to.insert(contact_id);
            let delivered = match status {
                Some(MessageStatus::Delivered | MessageStatus::Read) => true,
                Some(MessageStatus::Sent) => !gives_receipts,
                _ => false,
            };
            if delivered {
                before.delivered.insert(contact_id);
            }
        }
        Ok(before)
    }

    /// Messages for those who may be written to, and what becomes of the others.
    async fn drafts(
        &self,
        desk: &mut Desk<'_>,
        inbox: &inbox::Model,
        due: Vec<recipient::Model>,
        contacts: &HashMap<ContactId, contact::Model>,
        before: &Before,
        onward: &mut HashMap<ContactId, Onward>,
    ) -> Result<Vec<(NewMessage, attempt::Model)>> {
        let step = self.step()?;
        let shut = |id: ContactId, reason: SkipReason| {
            self.after_refusal(before.written_to.contains(&id), reason)
        };
        desk.load_templates(step.template_id).await?;
        let addresses = self.addresses(desk, inbox, &due, contacts).await?;
        let template = step.template_id.and_then(|id| desk.template(id)).cloned();
        let mut found = Vec::with_capacity(due.len());
        for recipient in &due {
            let id = recipient.contact_id;
            match (contacts.get(&id), addresses.get(&id)) {
                (Some(contact), Some(address)) => found.push((id, contact, address)),
                _ => drop(onward.insert(id, shut(id, SkipReason::NoAddress))),
            }
        }
        let wishes: Vec<Wish<'_>> = found
            .iter()
            .map(|(_, contact, address)| Wish {
                inbox,
                contact_id: contact.id,
                address,
                template: template.as_ref(),
            })
            .collect();
        let refusals = reach::refusals(desk.scope, desk.tx, &wishes).await?;
        let variables: Vec<Variable> = serde_json::from_value(self.campaign.variables.clone())?;
        let body = template.as_ref().map(|template| template.body.as_str());
        let body = body.or(step.content.as_deref()).unwrap_or("");
        let mut drafts = Vec::with_capacity(found.len());
        for ((id, contact, address), refusal) in found.into_iter().zip(refusals) {
            let filled = match (refusal, filling::fill(body, contact, &variables)) {
                (Some(reason), _) => {
                    onward.insert(id, shut(id, reason));
                    continue;
                }
                (None, Err(_)) => {
                    onward.insert(id, shut(id, SkipReason::MissingVariable));
                    continue;
                }
                (None, Ok(filled)) => filled,
            };
            let category = template.as_ref().map(|template| template.category);
            let cost = desk.tariff.cost(inbox.platform, category, &filled.text);
            if !desk.purse.take(cost.credits) {
                // Whoever is left waits, as they are, for the campaign to go on.
                desk.broke.insert(self.campaign.id);
                break;
            }
            let reference = send::reference(contact, address);
            let mut message = NewMessage::mailing(inbox.id, reference, filled.text);
            message.cost = Some(cost);
            message.template_id = step.template_id;
            message.campaign_id = Some(self.campaign.id);
            let call = template.as_ref().map(|template| TemplateCall::new(template, filled.values));
            let payload = Payload { subject: step.subject.clone(), template: call };
            drafts.push((message, self.attempt(desk, inbox, id, address, &payload)?));
        }
        Ok(drafts)
    }

    /// Frozen for the first step; as they are now for the others.
    async fn addresses(
        &self,
        desk: &Desk<'_>,
        inbox: &inbox::Model,
        due: &[recipient::Model],
        contacts: &HashMap<ContactId, contact::Model>,
    ) -> Result<HashMap<ContactId, String>> {
        if self.index == 0 {
            let frozen = |recipient: &recipient::Model| {
                Some((recipient.contact_id, recipient.address.clone()?))
            };
            return Ok(due.iter().filter_map(frozen).collect());
        }
        let known: Vec<&contact::Model> = contacts.values().collect();
        let addresses = reach::addresses(desk.scope, desk.tx, inbox, &known).await?;
        let address = |recipient: &recipient::Model| {
            let contact = contacts.get(&recipient.contact_id)?;
            Some((recipient.contact_id, addresses.get(&contact.id)?.clone()))
        };
        Ok(due.iter().filter_map(address).collect())
    }

    fn attempt(
        &self,
        desk: &Desk<'_>,
        inbox: &inbox::Model,
        contact_id: ContactId,
        address: &str,
        payload: &Payload,
    ) -> Result<attempt::Model> {
        let ends = self.campaign.live_seconds.zip(self.campaign.started_at);
        Ok(attempt::Model {
            account_id: desk.scope.account_id(),
            message_id: entity::id::Uuid::nil().into(),
            inbox_id: inbox.id,
            contact_id,
            campaign_id: Some(self.campaign.id),
            step: self.step()?.number,
            try_number: 0,
            address: address.to_owned(),
            payload: serde_json::to_value(payload)?,
            state: AttemptState::Dispatching,
            due_at: Some(desk.lease()),
            expires_at: ends.map(|(seconds, started)| started.plus_seconds(seconds)),
            tries: 0,
            fence: 0,
        })
    }

    fn after_sending(&self) -> Onward {
        let next = self.index + 1;
        if next < self.steps.len() {
            Onward::Step { index: next, wait: true }
        } else {
            Onward::Done
        }
    }

    /// Only what is sent in any case is still to do.
    fn after_delivery(&self) -> Onward {
        let required = self.steps.iter().enumerate().skip(self.index + 1);
        let next = required.filter(|(_, step)| step.required).map(|(index, _)| index).next();
        next.map_or(Onward::Done, |index| Onward::Step { index, wait: false })
    }

    /// A channel that is shut to a recipient leaves the next one open.
    fn after_refusal(&self, written_to: bool, reason: SkipReason) -> Onward {
        match self.after_sending() {
            Onward::Step { index, .. } => Onward::Step { index, wait: false },
            Onward::Done if !written_to => Onward::Skipped(reason),
            onward => onward,
        }
    }

    async fn move_on(&self, desk: &Desk<'_>, onward: HashMap<ContactId, Onward>) -> Result<()> {
        use recipient::Column as C;
        let mut groups: HashMap<OnwardKey, Vec<ContactId>> = HashMap::new();
        for (id, onward) in onward {
            groups.entry(key(onward)).or_default().push(id);
        }
        for ((state, reason, step), ids) in groups {
            let step = step.and_then(|(index, wait)| Some((self.steps.get(index)?, wait)));
            let due_at = step.map(|(step, wait)| {
                desk.now.plus_seconds(if wait { step.wait_seconds } else { 0 })
            });
            let number = step.map(|(step, _)| step.number);
            for chunk in ids.chunks(rows::IDS) {
                let mut update = desk
                    .scope
                    .update_many::<recipient::Entity>()
                    .filter(C::CampaignId.eq(self.campaign.id))
                    .filter(C::ContactId.is_in(chunk.iter().copied()))
                    .col_expr(C::State, Expr::value(state))
                    .col_expr(C::SkipReason, Expr::value(Value::from(reason)))
                    .col_expr(C::DueAt, Expr::value(due_at));
                if let Some(number) = number {
                    update = update.col_expr(C::Step, Expr::value(number));
                }
                update.exec(desk.tx).await?;
            }
        }
        Ok(())
    }
}

type OnwardKey = (RecipientState, Option<SkipReason>, Option<(usize, bool)>);

fn key(onward: Onward) -> OnwardKey {
    match onward {
        Onward::Step { index, wait } => (RecipientState::Waiting, None, Some((index, wait))),
        Onward::Done => (RecipientState::Done, None, None),
        Onward::Skipped(reason) => (RecipientState::Skipped, Some(reason), None),
    }
}
