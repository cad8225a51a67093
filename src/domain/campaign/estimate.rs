//! What campaigns are still to cost, as things are now.

use entity::id::CampaignId;
use entity::kinds::{CampaignStatus, RecipientState};
use entity::{Timestamp, campaign, campaign_step, contact, inbox, recipient, template};
use sea_orm::{ColumnTrait, Condition, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{audience, load, steps};
use crate::auth::{AccountScope, Permission};
use crate::domain::credits::Tariff;
use crate::domain::filling::{self, Variable};
use crate::error::Result;

/// Contacts whose texts are written to see how long they are.
const SAMPLE: u64 = 100;

/// The first step to everybody who could be sent it, or who still waits for it. Later steps, which
/// follow where that does not reach, are not foreseen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    pub recipients: i64,
    pub segments: i64,
    pub credits: i64,
}

/// Estimates by the texts of some of the recipients.
pub async fn estimate(scope: &AccountScope, id: CampaignId) -> Result<Estimate> {
    scope.require(Permission::Oversee)?;
    let read = scope.db().read();
    let campaign = load(scope, read, id).await?;
    of(scope, &campaign).await
}

/// The campaigns that have not ended and start before `until`, in the order of their start, with
/// what they are still to cost.
pub async fn outstanding(
    scope: &AccountScope,
    until: Timestamp,
) -> Result<Vec<(CampaignId, Estimate)>> {
    use campaign::Column as C;
    scope.require(Permission::Oversee)?;
    let scheduled =
        Condition::all().add(C::Status.eq(CampaignStatus::Scheduled)).add(C::ScheduledAt.lt(until));
    let under_way = C::Status.is_in([CampaignStatus::Running, CampaignStatus::Paused]);
    let open = scope.find::<campaign::Entity>();
    let open = open.filter(Condition::any().add(scheduled).add(under_way));
    let mut open = open.all(scope.db().read()).await?;
    open.sort_by_key(|campaign| (campaign.started_at.or(campaign.scheduled_at), campaign.id));
    let mut estimates = Vec::with_capacity(open.len());
    for campaign in open {
        estimates.push((campaign.id, of(scope, &campaign).await?));
    }
    Ok(estimates)
}

async fn of(scope: &AccountScope, campaign: &campaign::Model) -> Result<Estimate> {
    let read = scope.db().read();
    let Some(first) = steps(scope, read, campaign.id).await?.into_iter().next() else {
        return Ok(Estimate::default());
    };
    let found = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(first.inbox_id));
    let Some(inbox) = found.one(read).await? else { return Ok(Estimate::default()) };
    let (body, template) = text(scope, &first).await?;
    let recipients = if campaign.started_at.is_some() {
        waiting(scope, campaign.id, first.number).await?
    } else {
        audience::reachable(scope, read, campaign, &inbox).await?
    };
    let some = audience::of(campaign)?.select(scope)?;
    let some = some.order_by_asc(contact::Column::Id).limit(SAMPLE).all(read).await?;
    let variables: Vec<Variable> = serde_json::from_value(campaign.variables.clone())?;
    let tariff = Tariff::of(&scope.account(read).await?)?;
    let category = template.map(|template| template.category);
    let costs = some.iter().filter_map(|contact| {
        let filled = filling::fill(&body, contact, &variables).ok()?;
        Some(tariff.cost(inbox.platform, category, &filled.text))
    });
    let (mut count, mut segments, mut credits) = (0, 0, 0);
    for cost in costs {
        count += 1;
        segments += i64::from(cost.segments);
        credits += cost.credits;
    }
    let all = |sum: i64| if count == 0 { 0 } else { (sum * recipients + count - 1) / count };
    Ok(Estimate { recipients, segments: all(segments), credits: all(credits) })
}

/// Recipients to whom the first step is still to go.
async fn waiting(scope: &AccountScope, id: CampaignId, step: i16) -> Result<i64> {
    use recipient::Column as C;
    let waiting = scope
        .find::<recipient::Entity>()
        .filter(C::CampaignId.eq(id))
        .filter(C::State.eq(RecipientState::Waiting))
        .filter(C::Step.eq(step))
        .count(scope.db().read());
    Ok(i64::try_from(waiting.await?).unwrap_or(i64::MAX))
}

async fn text(
    scope: &AccountScope,
    step: &campaign_step::Model,
) -> Result<(String, Option<template::Model>)> {
    let template = match step.template_id {
        Some(id) => {
            let found = scope.find::<template::Entity>().filter(template::Column::Id.eq(id));
            found.one(scope.db().read()).await?
        }
        None => None,
    };
    let body = template.as_ref().map(|template| template.body.clone());
    Ok((body.or_else(|| step.content.clone()).unwrap_or_default(), template))
}
