//! A campaign that is watched while it gets on.

use std::collections::HashMap;

use entity::campaign;
use entity::id::CampaignId;
use tokio::time::Instant;

use super::feed::Feed;
use super::hub::Live;
use super::reports::{hear, pace};
use crate::analytics::{RecipientStatus, recipients_of};
use crate::auth::AccountScope;
use crate::domain::campaign::find_many;
use crate::error::{Error, Result};

/// One subscriber's view of a campaign.
pub struct LiveCampaign {
    scope: AccountScope,
    id: CampaignId,
    feed: Feed,
    shown: Option<Standing>,
    /// Not to be looked at before.
    next: Instant,
}

type Standing = (campaign::Model, HashMap<RecipientStatus, i64>);

impl Live {
    /// A campaign of the scope's account; `NotFound` where it has none with the id.
    pub async fn campaign(&self, scope: &AccountScope, id: CampaignId) -> Result<LiveCampaign> {
        // Listening comes first, so that what happens until it is shown is heard of.
        let feed = self.feed(scope, None).await?;
        let (scope, next) = (scope.clone(), Instant::now());
        let campaign = LiveCampaign { scope, id, feed, shown: None, next };
        campaign.load().await?;
        Ok(campaign)
    }
}

impl LiveCampaign {
    /// The campaign as it is at first, then each time that it or what became of its recipients has
    /// changed.
    pub async fn next(&mut self) -> Result<campaign::Model> {
        loop {
            if self.shown.is_some() {
                hear(&mut self.feed, self.next).await?;
            }
            let began = Instant::now();
            let standing = self.load().await?;
            self.next = pace(began);
            if self.shown.as_ref() != Some(&standing) {
                return Ok(self.shown.insert(standing).0.clone());
            }
        }
    }

    async fn load(&self) -> Result<Standing> {
        let found = find_many(&self.scope, &[self.id]).await?.pop();
        let campaign = found.ok_or(Error::NotFound("campaign"))?;
        let mut recipients = recipients_of(&self.scope, &[self.id]).await?;
        Ok((campaign, recipients.remove(&self.id).unwrap_or_default()))
    }
}
