//! What became of a campaign for each of its recipients, in one word. A recipient is delivered if
//! any attempt is, else pending if any is or is still to come, else what the last attempt is; so
//! that the recipients of a campaign are the sum of these.

use std::collections::HashMap;

use entity::id::{CampaignId, Uuid};
use entity::kinds::{MessageStatus, RecipientState};
use entity::vocabulary;
use entity::vocabulary::Vocabulary;
use sea_orm::{ActiveEnum, ConnectionTrait};

use super::status_group::{self, StatusGroup};
use crate::auth::{AccountScope, Permission};
use crate::db::Sql;
use crate::error::Result;

vocabulary! {
    /// What became of a campaign for a recipient.
    pub enum RecipientStatus {
        /// A message was delivered, or read.
        Delivered = 1 => "DELIVERED",
        /// Something is still to be sent, is on its way, or nobody knows what became of it.
        Pending = 2 => "PENDING",
        /// The last message failed.
        Failed = 3 => "FAILED",
        /// Not attempted, for a reason.
        Skipped = 4 => "SKIPPED",
        /// Cancelled before it left.
        Cancelled = 5 => "CANCELLED",
        /// The campaign's time to live passed first.
        Expired = 6 => "EXPIRED",
    }
}

/// Groups in which a message has no final status.
pub(super) const PENDING: &[StatusGroup] =
    &[StatusGroup::Created, StatusGroup::Sending, StatusGroup::Deferred];

/// The messages to a recipient, alias `r`. The attempts know them, also when the contact has been
/// merged into another.
const ATTEMPTED: &str = "FROM attempt t JOIN message m ON m.account_id = t.account_id \
                         AND m.id = t.message_id WHERE t.account_id = r.account_id \
                         AND t.campaign_id = r.campaign_id AND t.contact_id = r.contact_id";

/// That a message to the recipient passes.
pub(super) fn attempted(condition: &str) -> String {
    format!("EXISTS (SELECT 1 {ATTEMPTED} AND {condition})")
}

/// The number of a recipient's status.
pub(super) fn expression() -> String {
    use RecipientStatus::{Cancelled, Delivered, Expired, Failed, Pending, Skipped};
    let arm = |(status, is): (MessageStatus, RecipientStatus)| {
        format!(" WHEN {} THEN {}", status.to_value(), is.to_value())
    };
    let last: String = [
        (MessageStatus::Failed, Failed),
        (MessageStatus::Undelivered, Failed),
        (MessageStatus::Skipped, Skipped),
        (MessageStatus::SkippedOptional, Skipped),
        (MessageStatus::Cancelled, Cancelled),
        (MessageStatus::Expired, Expired),
    ]
    .map(arm)
    .concat();
    let state = |(state, is): (RecipientState, RecipientStatus)| {
        format!(" WHEN {} THEN {}", state.to_value(), is.to_value())
    };
    let unsent: String = [
        (RecipientState::Skipped, Skipped),
        (RecipientState::Cancelled, Cancelled),
        (RecipientState::Expired, Expired),
    ]
    .map(state)
    .concat();
    format!(
        "CASE WHEN {delivered} THEN {} WHEN r.state = {} OR {pending} THEN {} ELSE COALESCE(\
         (SELECT CASE m.status{last} END {ATTEMPTED} \
         ORDER BY t.step DESC, t.try_number DESC LIMIT 1), \
         CASE r.state{unsent} ELSE {} END) END",
        Delivered.to_value(),
        RecipientState::Waiting.to_value(),
        Pending.to_value(),
        Pending.to_value(),
        delivered = attempted(&status_group::condition(&[StatusGroup::Delivered])),
        pending = attempted(&status_group::condition(PENDING)),
    )
}

/// How many recipients of these campaigns have which status, by one statement for all of them.
pub async fn recipients_of(
    scope: &AccountScope,
    campaigns: &[CampaignId],
) -> Result<HashMap<CampaignId, HashMap<RecipientStatus, i64>>> {
    scope.require(Permission::Oversee)?;
    let mut found: HashMap<CampaignId, HashMap<RecipientStatus, i64>> = HashMap::new();
    if campaigns.is_empty() {
        return Ok(found);
    }
    let mut sql = Sql::new(format!(
        "SELECT r.campaign_id, CAST({} AS BIGINT), COUNT(*) FROM recipient r \
         WHERE r.account_id = ",
        expression()
    ));
    sql.bind(scope.account_id());
    for (index, id) in campaigns.iter().enumerate() {
        sql.push(if index == 0 { " AND r.campaign_id IN (" } else { ", " }).bind(*id);
    }
    sql.push(") GROUP BY 1, 2");
    let rows = scope.db().read().query_all_raw(sql.statement(scope.db().backend())).await?;
    for row in rows {
        let (id, number): (Uuid, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let status = RecipientStatus::ALL.iter().find(|each| i64::from(each.to_value()) == number);
        if let Some(status) = status {
            let counts = found.entry(CampaignId(id)).or_default();
            counts.insert(*status, row.try_get_by_index(2)?);
        }
    }
    Ok(found)
}
