//! Campaigns: writing them, and steering them.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, OneofObject, SimpleObject};
use entity::campaign::Model;
use entity::id::{CampaignId, ContactId};
use entity::kinds::UnknownPolicy;

use super::campaign_input::{
    CampaignAudienceInput, CampaignQuietHoursInput, CampaignStepInput, TextVariableInput, steps,
};
use super::{Answer, Ids, UserError, named, owner, payload};
use crate::auth::AccountScope;
use crate::domain::campaign::{self as commands, CampaignChange, CampaignDraft, When};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::{Campaign, CampaignRecipient};
use crate::graphql::scalar::DateTime;
use crate::graphql::viewer;
use crate::graphql::vocabulary::Name;

/// A new campaign.
#[derive(InputObject)]
pub struct CampaignCreateInput {
    /// The account that sends it.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What it is called, 1 to 255 characters.
    name: String,
    /// Whom it is for.
    audience: CampaignAudienceInput,
    /// What is said, 1 to 10 steps; later ones are tried where the earlier ones did not deliver.
    steps: Vec<CampaignStepInput>,
    /// What stands for the variables of its texts, up to 50. One that is not named here, but called
    /// like a field of the contact (`name`, `first_name`, …), stands for that.
    variables: Option<Vec<TextVariableInput>>,
    /// What becomes of messages of which it cannot be known whether the provider has them; HOLD
    /// where it is not given.
    on_unknown: Option<Name<UnknownPolicy>>,
    /// When nothing is sent.
    quiet_hours: Option<CampaignQuietHoursInput>,
    /// So many seconds after its start, what was not sent is given up: a minute to a year.
    live_seconds: Option<i64>,
}

/// What became of `campaignCreate`.
#[derive(SimpleObject)]
pub struct CampaignCreatePayload {
    /// The new campaign, a draft.
    pub campaign: Option<Campaign>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// What to change of a campaign that has not started. What is not given stays as it is.
#[derive(InputObject)]
pub struct CampaignUpdateInput {
    /// The campaign.
    id: ID,
    /// What it is called, 1 to 255 characters.
    name: Option<String>,
    /// Whom it is for.
    audience: Option<CampaignAudienceInput>,
    /// What is said, 1 to 10 steps, in place of those there are.
    steps: Option<Vec<CampaignStepInput>>,
    /// What stands for the variables of its texts, in place of what does.
    variables: Option<Vec<TextVariableInput>>,
    /// What becomes of messages of which it cannot be known whether the provider has them.
    on_unknown: Option<Name<UnknownPolicy>>,
    /// When nothing is sent; null takes it away.
    quiet_hours: MaybeUndefined<CampaignQuietHoursInput>,
    /// So many seconds after its start, what was not sent is given up; null means never.
    live_seconds: MaybeUndefined<i64>,
}

/// What became of `campaignUpdate`.
#[derive(SimpleObject)]
pub struct CampaignUpdatePayload {
    /// The campaign after the change.
    pub campaign: Option<Campaign>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// When a campaign is to start.
#[derive(InputObject)]
pub struct CampaignScheduleInput {
    /// The campaign.
    id: ID,
    /// When; now where it is not given.
    start: Option<CampaignStartInput>,
}

/// An instant, or a time in the account's zone.
#[derive(OneofObject)]
pub enum CampaignStartInput {
    /// At this instant.
    At(DateTime),
    /// At this date and time in the account's zone, such as `2026-03-29T09:00`. Of a time that comes
    /// twice the first; of one that does not exist, the next that does.
    LocalTime(String),
}

/// What became of `campaignSchedule`.
#[derive(SimpleObject)]
pub struct CampaignSchedulePayload {
    /// The campaign after the change.
    pub campaign: Option<Campaign>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which campaign to stop for a while.
#[derive(InputObject)]
pub struct CampaignPauseInput {
    /// The campaign.
    id: ID,
}

/// What became of `campaignPause`.
#[derive(SimpleObject)]
pub struct CampaignPausePayload {
    /// The campaign after the change.
    pub campaign: Option<Campaign>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which campaign to go on with.
#[derive(InputObject)]
pub struct CampaignResumeInput {
    /// The campaign.
    id: ID,
}

/// What became of `campaignResume`.
#[derive(SimpleObject)]
pub struct CampaignResumePayload {
    /// The campaign after the change.
    pub campaign: Option<Campaign>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which campaign to call off.
#[derive(InputObject)]
pub struct CampaignCancelInput {
    /// The campaign.
    id: ID,
}

/// What became of `campaignCancel`.
#[derive(SimpleObject)]
pub struct CampaignCancelPayload {
    /// The campaign after the change.
    pub campaign: Option<Campaign>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which campaign to copy.
#[derive(InputObject)]
pub struct CampaignDuplicateInput {
    /// The campaign.
    id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What the copy is called; like the other where it is not given.
    name: Option<String>,
    /// Whom the copy is for, for example selected recipients; like the other where it is not given.
    audience: Option<CampaignAudienceInput>,
}

/// What became of `campaignDuplicate`.
#[derive(SimpleObject)]
pub struct CampaignDuplicatePayload {
    /// The copy, a draft.
    pub campaign: Option<Campaign>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// To which recipient to send once more.
#[derive(InputObject)]
pub struct CampaignRecipientRetryInput {
    /// The campaign.
    id: ID,
    /// The recipient's contact.
    contact_id: ID,
}

/// What became of `campaignRecipientRetry`.
#[derive(SimpleObject)]
pub struct CampaignRecipientRetryPayload {
    /// The recipient.
    pub recipient: Option<CampaignRecipient>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct CampaignMutation;

#[Object]
impl CampaignMutation {
    /// Writes a campaign, which is a draft until it is scheduled. Needs the role MANAGER.
    async fn campaign_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new campaign.")] input: CampaignCreateInput,
    ) -> Answer<CampaignCreatePayload> {
        payload(create(ctx, input).await, |campaign, user_errors| CampaignCreatePayload {
            campaign,
            user_errors,
        })
    }

    /// Changes a campaign that has not started. Needs the role MANAGER.
    async fn campaign_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: CampaignUpdateInput,
    ) -> Answer<CampaignUpdatePayload> {
        payload(update(ctx, input).await, |campaign, user_errors| CampaignUpdatePayload {
            campaign,
            user_errors,
        })
    }

    /// Has a campaign start by itself, now or later. Its recipients are frozen then. Needs the role MANAGER.
    async fn campaign_schedule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which campaign, and when.")] input: CampaignScheduleInput,
    ) -> Answer<CampaignSchedulePayload> {
        payload(schedule(ctx, input).await, |campaign, user_errors| CampaignSchedulePayload {
            campaign,
            user_errors,
        })
    }

    /// Stops a running campaign for a while. What is leaving at this moment still leaves. Needs the role MANAGER.
    async fn campaign_pause(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which campaign.")] input: CampaignPauseInput,
    ) -> Answer<CampaignPausePayload> {
        payload(steer(ctx, &input.id, commands::pause).await, |campaign, user_errors| {
            CampaignPausePayload { campaign, user_errors }
        })
    }

    /// Goes on with a paused campaign. Needs the role MANAGER.
    async fn campaign_resume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which campaign.")] input: CampaignResumeInput,
    ) -> Answer<CampaignResumePayload> {
        payload(steer(ctx, &input.id, commands::resume).await, |campaign, user_errors| {
            CampaignResumePayload { campaign, user_errors }
        })
    }

    /// Calls a campaign off. What was sent stays; what was not will not be. Needs the role MANAGER.
    async fn campaign_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which campaign.")] input: CampaignCancelInput,
    ) -> Answer<CampaignCancelPayload> {
        payload(steer(ctx, &input.id, commands::cancel).await, |campaign, user_errors| {
            CampaignCancelPayload { campaign, user_errors }
        })
    }

    /// Makes a draft that says what another campaign says. Needs the role MANAGER.
    async fn campaign_duplicate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which campaign.")] input: CampaignDuplicateInput,
    ) -> Answer<CampaignDuplicatePayload> {
        payload(duplicate(ctx, input).await, |campaign, user_errors| CampaignDuplicatePayload {
            campaign,
            user_errors,
        })
    }

    /// Sends to a recipient once more to whom nothing was delivered and nothing is on its way. Needs the role MANAGER.
    async fn campaign_recipient_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which recipient.")] input: CampaignRecipientRetryInput,
    ) -> Answer<CampaignRecipientRetryPayload> {
        payload(retry(ctx, input).await, |recipient, user_errors| CampaignRecipientRetryPayload {
            recipient,
            user_errors,
        })
    }
}

async fn create(ctx: &Context<'_>, input: CampaignCreateInput) -> Result<Campaign> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let mut ids = Ids::new(reader.account_id());
    let (quiet_from, quiet_to) = input.quiet_hours.map(|quiet| (quiet.from, quiet.to)).unzip();
    let new = CampaignDraft {
        name: input.name,
        audience: input.audience.read(&mut ids),
        steps: steps(&mut ids, input.steps),
        variables: input.variables.unwrap_or_default().into_iter().map(Into::into).collect(),
        on_unknown: input.on_unknown.map_or(UnknownPolicy::Hold, |policy| policy.0),
        quiet_from,
        quiet_to,
        live_seconds: input.live_seconds,
    };
    ids.finish()?;
    let campaign = commands::create(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok(Campaign::new(reader, campaign))
}

async fn update(ctx: &Context<'_>, input: CampaignUpdateInput) -> Result<Campaign> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Campaign)?;
    let mut ids = Ids::new(reader.account_id());
    let variables = |list: Vec<TextVariableInput>| list.into_iter().map(Into::into).collect();
    let change = CampaignChange {
        name: input.name,
        audience: input.audience.map(|audience| audience.read(&mut ids)),
        steps: input.steps.map(|given| steps(&mut ids, given)),
        variables: input.variables.map(variables),
        on_unknown: input.on_unknown.map(|policy| policy.0),
        quiet: input.quiet_hours.map_value(|quiet| (quiet.from, quiet.to)).into(),
        live_seconds: input.live_seconds.into(),
    };
    ids.finish()?;
    let updated = commands::update(reader.scope(), id, change).await;
    Ok(Campaign::new(reader, named("id", NodeKind::Campaign, updated)?))
}

async fn schedule(ctx: &Context<'_>, input: CampaignScheduleInput) -> Result<Campaign> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Campaign)?;
    let when = match input.start {
        None => When::Now,
        Some(CampaignStartInput::At(at)) => When::At(at.0),
        Some(CampaignStartInput::LocalTime(text)) => When::Local(text),
    };
    let scheduled = commands::schedule(reader.scope(), id, when).await;
    Ok(Campaign::new(reader, named("id", NodeKind::Campaign, scheduled)?))
}

async fn steer(
    ctx: &Context<'_>,
    id: &ID,
    command: impl AsyncFn(&AccountScope, CampaignId) -> Result<Model>,
) -> Result<Campaign> {
    let (reader, id) = owner(ctx, "id", id, NodeKind::Campaign)?;
    let steered = command(reader.scope(), id).await;
    Ok(Campaign::new(reader, named("id", NodeKind::Campaign, steered)?))
}

async fn duplicate(ctx: &Context<'_>, input: CampaignDuplicateInput) -> Result<Campaign> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Campaign)?;
    let mut ids = Ids::new(reader.account_id());
    let audience = input.audience.map(|audience| audience.read(&mut ids));
    ids.finish()?;
    let key = input.idempotency_key.as_deref();
    let copied = commands::duplicate(reader.scope(), key, id, input.name, audience).await;
    Ok(Campaign::new(reader, named("id", NodeKind::Campaign, copied)?))
}

async fn retry(ctx: &Context<'_>, input: CampaignRecipientRetryInput) -> Result<CampaignRecipient> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Campaign)?;
    let mut ids = Ids::new(reader.account_id());
    let contact: ContactId = ids.key("contactId", &input.contact_id, NodeKind::Contact);
    ids.finish()?;
    let recipient = commands::retry(reader.scope(), id, contact).await;
    Ok(CampaignRecipient::new(reader, named("id", NodeKind::Campaign, recipient)?))
}
