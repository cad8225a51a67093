//! Campaigns: what is said to whom, in which steps, and how far it is. Recipients are frozen
//! when a campaign starts; handing their messages over is `delivery`'s business.

mod audience;
mod estimate;
mod preview;
mod quiet;
mod recipients;
mod steer;
mod write;

use std::collections::HashMap;

use entity::id::{CampaignId, InboxId, TemplateId};
use entity::kinds::CampaignStatus;
use entity::{Timestamp, campaign, campaign_step};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};
use serde::Serialize;

use super::page::Order;
use super::search;
use crate::auth::{AccountScope, Permission};
use crate::error::{Error, Result};

pub use audience::{Audience, RecipientOutcome};
pub use estimate::{Estimate, estimate, outstanding};
pub use preview::{Preview, preview};
pub use quiet::Quiet;
pub use recipients::{
    RecipientFilter, by_address, recipients_by_contact, retry, select_recipients, send_again, sent,
};
pub use steer::{When, cancel, expire, finish, pause, resume, schedule, start_due, stop};
pub use write::{CampaignChange, CampaignDraft, NewStep, create, duplicate, update};

/// Steps of one campaign.
pub const MOST_STEPS: usize = 10;

/// Which campaigns to list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CampaignFilter {
    pub statuses: Option<Vec<CampaignStatus>>,
    /// With a step on one of these inboxes.
    pub inbox_ids: Option<Vec<InboxId>>,
    /// With a step of one of these templates.
    pub template_ids: Option<Vec<TemplateId>>,
    /// A part of the name.
    pub search: Option<String>,
    /// Scheduled or started from this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
}

/// The campaigns that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &CampaignFilter) -> Result<Select<campaign::Entity>> {
    use campaign::Column as C;
    use campaign_step::Column as S;
    scope.require(Permission::Oversee)?;
    let search = search::key("filter.search", filter.search.as_deref())?;
    let step = |wanted: Condition| {
        let steps = scope.find::<campaign_step::Entity>().filter(wanted);
        C::Id.in_subquery(steps.select_only().column(S::CampaignId).into_query())
    };
    let within = |wanted: fn(C, Timestamp) -> sea_orm::sea_query::SimpleExpr, at: Timestamp| {
        let scheduled =
            Condition::all().add(C::StartedAt.is_null()).add(wanted(C::ScheduledAt, at));
        Condition::any().add(wanted(C::StartedAt, at)).add(scheduled)
    };
    let wanted = Condition::all()
        .add_option(filter.statuses.as_ref().map(|any| C::Status.is_in(any.iter().copied())))
        .add_option(
            filter
                .inbox_ids
                .as_ref()
                .map(|any| step(Condition::all().add(S::InboxId.is_in(any.iter().copied())))),
        )
        .add_option(
            filter
                .template_ids
                .as_ref()
                .map(|any| step(Condition::all().add(S::TemplateId.is_in(any.iter().copied())))),
        )
        .add_option(search.map(|text| search::holds(C::NameKey, &text)))
        .add_option(filter.from.map(|from| within(|column, at| column.gte(at), from)))
        .add_option(filter.to.map(|to| within(|column, at| column.lt(at), to)));
    Ok(scope.find::<campaign::Entity>().filter(wanted))
}

pub fn by_name() -> Order<campaign::Column> {
    use campaign::Column::{Id, NameKey};
    Order { column: NameKey, id: Id, descending: false, nullable: false }
}

pub fn by_creation() -> Order<campaign::Column> {
    use campaign::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

/// Those that have not started come last.
pub fn by_start() -> Order<campaign::Column> {
    use campaign::Column::{Id, StartedAt};
    Order { column: StartedAt, id: Id, descending: false, nullable: true }
}

/// Those without a schedule come last.
pub fn by_schedule() -> Order<campaign::Column> {
    use campaign::Column::{Id, ScheduledAt};
    Order { column: ScheduledAt, id: Id, descending: false, nullable: true }
}

/// Campaigns by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[CampaignId]) -> Result<Vec<campaign::Model>> {
    scope.require(Permission::Oversee)?;
    let found = scope.find::<campaign::Entity>();
    let found = found.filter(campaign::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}

async fn load(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: CampaignId,
) -> Result<campaign::Model> {
    let found = scope.find::<campaign::Entity>().filter(campaign::Column::Id.eq(id));
    found.one(connection).await?.ok_or(Error::NotFound("campaign"))
}

/// Keeps others from changing it until `tx` ends.
async fn lock(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: CampaignId,
) -> Result<campaign::Model> {
    let found = scope.find::<campaign::Entity>().filter(campaign::Column::Id.eq(id));
    found.lock_exclusive().one(tx).await?.ok_or(Error::NotFound("campaign"))
}

/// The steps of a campaign, in their order.
pub async fn steps(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: CampaignId,
) -> Result<Vec<campaign_step::Model>> {
    use campaign_step::Column as C;
    let steps = scope.find::<campaign_step::Entity>().filter(C::CampaignId.eq(id));
    Ok(steps.order_by_asc(C::Number).all(connection).await?)
}

/// The steps of several campaigns, each in their order.
pub async fn steps_of_many(
    scope: &AccountScope,
    ids: &[CampaignId],
) -> Result<HashMap<CampaignId, Vec<campaign_step::Model>>> {
    use campaign_step::Column as C;
    scope.require(Permission::Oversee)?;
    let steps = scope.find::<campaign_step::Entity>();
    let steps = steps.filter(C::CampaignId.is_in(ids.iter().copied())).order_by_asc(C::Number);
    let mut of: HashMap<CampaignId, Vec<campaign_step::Model>> = HashMap::new();
    for step in steps.all(scope.db().read()).await? {
        of.entry(step.campaign_id).or_default().push(step);
    }
    Ok(of)
}
