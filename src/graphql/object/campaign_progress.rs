//! How far campaigns have got.

use std::collections::HashMap;

use async_graphql::SimpleObject;
use entity::id::CampaignId;

use crate::analytics::{RecipientStatus, recipients_of};
use crate::auth::AccountScope;
use crate::error::Result;
use crate::graphql::loader::Key;

/// How many recipients a campaign has, and for how many of them it has come to what: `targeted`
/// is the sum of the others. A recipient counts once, however many messages were sent.
#[derive(Clone, Copy, Debug, Default, SimpleObject)]
pub struct CampaignProgress {
    /// All recipients; none before the campaign starts.
    targeted: i64,
    /// A message was delivered, or read.
    delivered: i64,
    /// Something is still to be sent, is on its way, or nobody knows what became of it.
    pending: i64,
    /// The last message failed.
    failed: i64,
    /// Not attempted, for a reason.
    skipped: i64,
    /// Cancelled before anything left.
    cancelled: i64,
    /// The campaign's time to live passed first.
    expired: i64,
}

impl From<HashMap<RecipientStatus, i64>> for CampaignProgress {
    fn from(counts: HashMap<RecipientStatus, i64>) -> Self {
        let of = |status| counts.get(&status).copied().unwrap_or(0);
        Self {
            targeted: counts.values().sum(),
            delivered: of(RecipientStatus::Delivered),
            pending: of(RecipientStatus::Pending),
            failed: of(RecipientStatus::Failed),
            skipped: of(RecipientStatus::Skipped),
            cancelled: of(RecipientStatus::Cancelled),
            expired: of(RecipientStatus::Expired),
        }
    }
}

/// The progress of a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProgressOf(pub CampaignId);

impl Key for ProgressOf {
    type Row = CampaignProgress;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Self::Row>> {
        let ids: Vec<CampaignId> = keys.iter().map(|key| key.0).collect();
        let counts = recipients_of(scope, &ids).await?;
        Ok(counts.into_iter().map(|(id, counts)| (Self(id), counts.into())).collect())
    }
}
