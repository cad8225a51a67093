//! What came back is written down, under the fence of the claim: whoever lost it to another has
//! no say any more, except that a message which the provider took was taken.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use entity::id::{CampaignId, ContactId, MessageId};
use entity::kinds::{AttemptState, Provider, StatusKind};
use entity::{Timestamp, attempt, recipient};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter};

use super::claim::{Change, Claimed, change_attempts};
use super::pace::Lines;
use super::provider::{Reason, Verdict, first_act};
use crate::auth::AccountScope;
use crate::domain::credits::Purse;
use crate::domain::record::{self, Item, MOST_ITEMS, NewStatus};
use crate::domain::{attempt as attempts, campaign, rows};
use crate::error::Result;

/// Times that a message is handed over which the provider does not take.
const MOST_TRIES: i32 = 8;
const FIRST_WAIT_SECONDS: f64 = 5.0;

/// Writes down what came of messages of one account.
pub(super) async fn settle(scope: &AccountScope, results: &[(Claimed, Verdict)]) -> Result<()> {
    let tx = scope.begin().await?;
    scope.lock(&tx).await?;
    let ids: Vec<MessageId> =
        results.iter().map(|(claimed, _)| claimed.parcel.message_id).collect();
    let known = attempts::find_many(scope, &tx, &ids).await?;
    let known: HashMap<MessageId, attempt::Model> =
        known.into_iter().map(|attempt| (attempt.message_id, attempt)).collect();
    let mut book = Book {
        scope,
        now: scope.now(),
        lines: Lines::load(scope, &tx).await?,
        purse: Purse::open(scope, &tx, &scope.account(&tx).await?).await?,
        told: Vec::new(),
        changes: Vec::new(),
        failed: HashMap::new(),
        barred: HashMap::new(),
        troubled: HashSet::new(),
    };
    for (claimed, verdict) in results {
        let fence = known.get(&claimed.parcel.message_id).map(|attempt| attempt.fence);
        book.write(claimed, verdict, fence == Some(claimed.fence));
    }
    let outcomes = book.finish(&tx).await?;
    tx.commit().await?;
    record::grew(scope, &outcomes);
    Ok(())
}

struct Book<'a> {
    scope: &'a AccountScope,
    now: Timestamp,
    lines: Lines,
    purse: Purse,
    told: Vec<Item>,
    changes: Vec<Change>,
    /// Recipients for whom the next step of their campaign may come at once.
    failed: HashMap<CampaignId, Vec<ContactId>>,
    /// Campaigns that the provider does not let in, with the reason.
    barred: HashMap<CampaignId, Reason>,
    /// Inboxes whose failure was counted: what is under way at one time fails for one cause.
    troubled: HashSet<entity::id::InboxId>,
}

impl Book<'_> {
    /// `ours` says whether the claim still holds.
    fn write(&mut self, claimed: &Claimed, verdict: &Verdict, ours: bool) {
        let inbox = claimed.parcel.inbox.clone();
        match verdict {
            Verdict::Accepted { external_id } => {
                self.lines.answered(&inbox);
                self.tell(claimed, StatusKind::Accepted, None, external_id.clone());
                if ours {
                    let act = (inbox.provider == Provider::Sandbox)
                        .then(|| first_act(claimed.parcel.message_id, self.now));
                    let state =
                        if act.is_some() { AttemptState::Playing } else { AttemptState::Done };
                    self.change(claimed, state, act, 0);
                }
            }
            _ if !ours => {
                tracing::warn!(message = %claimed.parcel.message_id.0, "an answer came too late");
            }
            Verdict::Rejected(reason) => {
                self.purse.give_back(claimed.parcel.credits);
                self.lines.answered(&inbox);
                self.fail(claimed, reason);
            }
            Verdict::Again { reason, after } => {
                self.purse.give_back(claimed.parcel.credits);
                match after {
                    Some(wait) => self.lines.hold(&inbox, self.now, *wait),
                    None if reason.code == "NO_CONNECTION" => self.trouble(claimed),
                    None => {}
                }
                self.again(claimed, reason, after.unwrap_or_default());
            }
            Verdict::Barred(reason) => {
                self.purse.give_back(claimed.parcel.credits);
                self.bar(claimed, reason);
            }
            Verdict::Unknown(reason) => {
                let message = claimed.parcel.message_id.0;
                tracing::info!(%message, code = reason.code, "a message is unknown");
                self.trouble(claimed);
                self.tell(claimed, StatusKind::Unknown, Some(reason), None);
                let again = claimed.resend_after.map(|seconds| self.now.plus_seconds(seconds));
                self.change(claimed, AttemptState::Unknown, again, claimed.tries);
            }
        }
    }

    fn trouble(&mut self, claimed: &Claimed) {
        if self.troubled.insert(claimed.parcel.inbox.id) {
            self.lines.failed(&claimed.parcel.inbox, self.now);
        }
    }

    fn fail(&mut self, claimed: &Claimed, reason: &Reason) {
        self.tell(claimed, StatusKind::Failed, Some(reason), None);
        self.change(claimed, AttemptState::Done, None, claimed.tries);
        if let Some(campaign) = claimed.parcel.campaign_id {
            self.failed.entry(campaign).or_default().push(claimed.parcel.contact_id);
        }
    }

    fn again(&mut self, claimed: &Claimed, reason: &Reason, least: Duration) {
        let tries = claimed.tries + 1;
        let due_at = self.now.plus_seconds(wait_seconds(claimed.tries, least));
        if tries >= MOST_TRIES || claimed.expires_at.is_some_and(|end| end <= due_at) {
            return self.fail(claimed, reason);
        }
        self.tell(claimed, StatusKind::TryFailed, Some(reason), None);
        self.change(claimed, AttemptState::Waiting, Some(due_at), tries);
    }

    /// What is wrong with the credentials is no fault of the recipients: a campaign stops, and its
    /// messages wait for it to go on.
    fn bar(&mut self, claimed: &Claimed, reason: &Reason) {
        let Some(campaign) = claimed.parcel.campaign_id else {
            let inbox = claimed.parcel.inbox.id.0;
            tracing::warn!(%inbox, code = reason.code, "the provider does not let an inbox in");
            return self.fail(claimed, reason);
        };
        self.barred.entry(campaign).or_insert_with(|| reason.clone());
        self.tell(claimed, StatusKind::TryFailed, Some(reason), None);
        self.change(claimed, AttemptState::Waiting, Some(self.now), claimed.tries);
    }

    fn tell(
        &mut self,
        claimed: &Claimed,
        kind: StatusKind,
        reason: Option<&Reason>,
        external_id: Option<String>,
    ) {
        let cut = |text: &str, longest: usize| -> Option<String> {
            let text = crate::domain::text::clean(text);
            (!text.is_empty()).then(|| text.chars().take(longest).collect())
        };
        self.told.push(Item::Status(NewStatus {
            inbox_id: claimed.parcel.inbox.id,
            external_id,
            message_id: Some(claimed.parcel.message_id),
            kind,
            occurred_at: None,
            received_at: None,
            code: reason.and_then(|reason| cut(&reason.code, 64)),
            detail: reason.and_then(|reason| cut(&reason.detail, 4_096)),
            recipient: None,
        }));
    }

    fn change(
        &mut self,
        claimed: &Claimed,
        state: AttemptState,
        due_at: Option<Timestamp>,
        tries: i32,
    ) {
        self.changes.push(Change {
            message_id: claimed.parcel.message_id,
            fence: claimed.fence,
            next_fence: claimed.fence,
            state,
            due_at,
            tries,
        });
    }

    async fn finish(self, tx: &DatabaseTransaction) -> Result<Vec<record::Outcome>> {
        let mut outcomes = Vec::with_capacity(self.told.len());
        for chunk in self.told.chunks(MOST_ITEMS) {
            outcomes.extend(record::apply(self.scope, tx, chunk).await?);
        }
        for outcome in &outcomes {
            if let record::Outcome::Rejected(violations) = outcome {
                tracing::error!(?violations, "what came of a message was not recorded");
            }
        }
        change_attempts(self.scope, tx, self.changes).await?;
        self.lines.save(tx).await?;
        self.purse.save(self.scope, tx).await?;
        for (campaign, contacts) in self.failed {
            hasten(self.scope, tx, campaign, &contacts).await?;
        }
        for (campaign, reason) in self.barred {
            // The words may hold what is nobody's business.
            tracing::warn!(campaign = %campaign.0, code = reason.code, "a campaign was stopped");
            let words = format!("{} {}", reason.code, reason.detail);
            campaign::stop(self.scope, tx, campaign, words.trim()).await?;
        }
        Ok(outcomes)
    }
}

/// The next step need not wait for one that failed.
async fn hasten(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    campaign: CampaignId,
    contacts: &[ContactId],
) -> Result<()> {
    use recipient::Column as C;
    for chunk in contacts.chunks(rows::IDS) {
        scope
            .update_many::<recipient::Entity>()
            .filter(C::CampaignId.eq(campaign))
            .filter(C::ContactId.is_in(chunk.iter().copied()))
            .filter(C::DueAt.gt(scope.now()))
            .col_expr(C::DueAt, Expr::value(scope.now()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// 5 s · 3ⁿ with full jitter, and no less than the provider asked for.
fn wait_seconds(tries: i32, least: Duration) -> i64 {
    let most = FIRST_WAIT_SECONDS * 3f64.powi(tries.clamp(0, 12));
    let seconds = most * rand::random::<f64>();
    #[expect(clippy::cast_possible_truncation, reason = "at most a few million")]
    let seconds = seconds.ceil() as i64;
    seconds.max(i64::try_from(least.as_secs()).unwrap_or(i64::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_heed_the_provider() {
        for tries in 0..MOST_TRIES {
            for _ in 0..50 {
                let wait = wait_seconds(tries, Duration::ZERO);
                let most = 5 * 3i64.pow(u32::try_from(tries).unwrap());
                assert!((1..=most).contains(&wait), "{tries}: {wait}");
                assert!(wait_seconds(tries, Duration::from_secs(100_000)) >= 100_000);
            }
        }
    }
}
