//! Campaigns in a history, and what became of them for their recipients.

use std::collections::HashMap;

use entity::Timestamp;
use entity::id::{CampaignId, ContactId};
use entity::kinds::{Medium, MessageStatus, RecipientState, SkipReason};
use entity::message;
use entity::vocabulary::Vocabulary;
use rapport::analytics::RecipientStatus;
use rapport::auth::AccountScope;

use super::dice::Dice;
use super::fact::Fact;
use super::history::{CONTACTS, History, Said};
use super::stage::{Stage, external_id};
use crate::support::factory::stored;
use crate::support::mailing;

pub const CAMPAIGNS: usize = 2;

/// A recipient of a campaign.
#[derive(Clone, Debug)]
pub struct Targeted {
    pub campaign: usize,
    pub contact: usize,
    pub state: RecipientState,
    pub reason: Option<SkipReason>,
    /// What was sent, the last one last: places in the history.
    pub attempts: Vec<usize>,
}

impl Targeted {
    /// Recipients among those of whom there is something in `said`. No message is sent to two.
    pub fn random(dice: &mut Dice, said: &[Said]) -> Vec<Self> {
        let mut sends: Vec<usize> =
            (0..said.len()).filter(|index| is_send(&said[*index])).collect();
        let mut targeted = Vec::new();
        for campaign in 0..CAMPAIGNS {
            for contact in 0..CONTACTS {
                let known = said.iter().any(|said| said.contact == contact);
                if known && dice.chance(80) {
                    targeted.push(Self::one(dice, said, &mut sends, campaign, contact));
                }
            }
        }
        targeted
    }

    fn one(
        dice: &mut Dice,
        said: &[Said],
        sends: &mut Vec<usize>,
        campaign: usize,
        contact: usize,
    ) -> Self {
        let most = dice.below(3);
        let own = |index: &usize| said[*index].contact == contact;
        let mut attempts: Vec<usize> = sends.iter().copied().filter(own).take(most).collect();
        sends.retain(|index| !attempts.contains(index));
        dice.shuffle(&mut attempts);
        let state = match attempts.is_empty() {
            // Whoever is done was written to.
            false => {
                dice.pick(&[RecipientState::Done, RecipientState::Done, RecipientState::Waiting])
            }
            true => dice.pick(&[
                RecipientState::Skipped,
                RecipientState::Skipped,
                RecipientState::Waiting,
                RecipientState::Cancelled,
                RecipientState::Expired,
            ]),
        };
        let skipped = state == RecipientState::Skipped;
        let reason = skipped.then(|| dice.pick(SkipReason::ALL));
        Self { campaign, contact, state, reason, attempts }
    }
}

fn is_send(said: &Said) -> bool {
    said.medium == Medium::Mailing && !said.inbound() && !said.silent()
}

/// A recipient as a fact, which is no message.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub at: Timestamp,
    pub campaign: CampaignId,
    pub state: RecipientState,
    pub reason: Option<SkipReason>,
    pub attempts: Vec<Fact>,
}

impl Recipient {
    /// Delivered if any attempt is, else pending if any is or is to come, else what the last was.
    pub fn status(&self) -> RecipientStatus {
        let statuses: Vec<Outcome> = self.attempts.iter().map(Outcome::of).collect();
        if statuses.contains(&Outcome::Delivered) {
            return RecipientStatus::Delivered;
        }
        if self.state == RecipientState::Waiting || statuses.contains(&Outcome::Pending) {
            return RecipientStatus::Pending;
        }
        match (statuses.last(), self.state) {
            (Some(Outcome::Ended(status)), _) => *status,
            (_, RecipientState::Skipped) => RecipientStatus::Skipped,
            (_, RecipientState::Cancelled) => RecipientStatus::Cancelled,
            (_, RecipientState::Expired) => RecipientStatus::Expired,
            _ => RecipientStatus::Pending,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Pending,
    Ended(RecipientStatus),
    /// A step of a cascade that may never be taken says nothing.
    Open,
}

impl Outcome {
    fn of(fact: &Fact) -> Self {
        match fact.status().unwrap() {
            MessageStatus::Delivered | MessageStatus::Read => Self::Delivered,
            MessageStatus::Sent if !fact.inbox.gives_receipts => Self::Delivered,
            MessageStatus::Sent
            | MessageStatus::Created
            | MessageStatus::Deferred
            | MessageStatus::Sending
            | MessageStatus::Unknown => Self::Pending,
            MessageStatus::Failed | MessageStatus::Undelivered => {
                Self::Ended(RecipientStatus::Failed)
            }
            MessageStatus::Skipped | MessageStatus::SkippedOptional => {
                Self::Ended(RecipientStatus::Skipped)
            }
            MessageStatus::Cancelled => Self::Ended(RecipientStatus::Cancelled),
            MessageStatus::Expired => Self::Ended(RecipientStatus::Expired),
            MessageStatus::CreatedOptional => Self::Open,
        }
    }
}

/// The recipients of a history as facts. `facts` are its messages.
pub fn recipients(history: &History, stage: &Stage, facts: &[Fact]) -> Vec<Fact> {
    let fact = |targeted: &Targeted| {
        let base = facts.iter().find(|fact| fact.said.contact == targeted.contact).unwrap();
        let recipient = Recipient {
            at: history.started[targeted.campaign],
            campaign: stage.campaigns[targeted.campaign],
            state: targeted.state,
            reason: targeted.reason,
            attempts: targeted.attempts.iter().map(|index| facts[*index].clone()).collect(),
        };
        Fact { recipient: Some(Box::new(recipient)), ..base.clone() }
    };
    history.targeted.iter().map(fact).collect()
}

/// Stores the recipients of a history whose messages are recorded.
pub async fn store(scope: &AccountScope, stage: &Stage, history: &History) {
    let messages = stored::<message::Entity>(scope).await.into_iter();
    let messages: HashMap<String, message::Model> =
        messages.filter_map(|message| Some((message.external_id.clone()?, message))).collect();
    let contact = |number: usize| -> ContactId {
        let index = history.said.iter().position(|said| said.contact == number).unwrap();
        messages[&external_id(index)].contact_id
    };
    for (id, started) in stage.campaigns.iter().zip(&history.started) {
        mailing::campaign(scope, *id, "Campaign", *started).await;
    }
    for targeted in &history.targeted {
        let to = (stage.campaigns[targeted.campaign], contact(targeted.contact));
        mailing::recipient(scope, to.0, to.1, (targeted.state, targeted.reason)).await;
        for (step, index) in (0..).zip(&targeted.attempts) {
            mailing::attempt(scope, to, step, &messages[&external_id(*index)]).await;
        }
    }
}
