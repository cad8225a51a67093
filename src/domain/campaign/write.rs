//! What makes a campaign, until it starts.

use entity::id::{CampaignId, InboxId, TemplateId};
use entity::kinds::{CampaignStatus, Platform, UnknownPolicy};
use entity::{campaign, campaign_step, inbox, template};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde::Serialize;

use super::audience::Audience;
use super::steer::{expect, store};
use super::{MOST_STEPS, load, lock, quiet, steps};
use crate::auth::{AccountScope, Permission};
use crate::domain::filling::{self, Variable};
use crate::domain::idempotency::{self, Begun, Claim};
use crate::domain::record::LONGEST_CONTENT;
use crate::domain::template::variables;
use crate::domain::{LONGEST_NAME, attempt, event, reach, send, text};
use crate::error::{Checks, Result, ViolationCode};

/// A minute to a year.
const LIFE_SECONDS: std::ops::RangeInclusive<i64> = 60..=366 * 24 * 3_600;
const LONGEST_WAIT_SECONDS: i64 = 30 * 24 * 3_600;

/// All that may be said of a campaign before it starts.
#[derive(Clone, Debug, Serialize)]
pub struct CampaignDraft {
    pub name: String,
    pub audience: Audience,
    pub steps: Vec<NewStep>,
    pub variables: Vec<Variable>,
    pub on_unknown: UnknownPolicy,
    /// `HH:MM` in the account's zone.
    pub quiet_from: Option<String>,
    pub quiet_to: Option<String>,
    pub live_seconds: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct NewStep {
    pub inbox_id: InboxId,
    pub template_id: Option<TemplateId>,
    pub content: Option<String>,
    pub subject: Option<String>,
    /// How long the step before it has to deliver.
    pub wait_seconds: i64,
    pub required: bool,
}

pub async fn create(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: CampaignDraft,
) -> Result<campaign::Model> {
    scope.require(Permission::Manage)?;
    let id = match idempotency::begin(scope, idempotency_key, "campaignCreate", &input).await? {
        Begun::Again(id) => id,
        Begun::First(claim) => put(scope, claim, input).await?,
    };
    load(scope, scope.db().read(), id).await
}

/// A new draft of its own.
async fn put(scope: &AccountScope, claim: Claim, input: CampaignDraft) -> Result<CampaignId> {
    let tx = claim.tx();
    let id: CampaignId = scope.id();
    let blank = campaign::Model {
        account_id: scope.account_id(),
        id,
        name: String::new(),
        name_key: String::new(),
        status: CampaignStatus::Draft,
        status_reason: None,
        audience: serde_json::Value::Null,
        variables: serde_json::Value::Null,
        on_unknown: input.on_unknown,
        quiet_from: None,
        quiet_to: None,
        live_seconds: None,
        scheduled_at: None,
        started_at: None,
        ended_at: None,
        created_at: scope.now(),
        updated_at: scope.now(),
    };
    let (campaign, steps) = apply(scope, tx, blank, input).await?;
    campaign::ActiveModel::from(campaign).reset_all().insert(tx).await?;
    put_steps(tx, steps).await?;
    event::write(scope, tx, entity::kinds::EventKind::CampaignChanged, vec![id.0]).await?;
    claim.commit(scope, id).await
}

/// What to change; none leaves it as it is, an inner none clears it.
#[derive(Clone, Debug, Default)]
pub struct CampaignChange {
    pub name: Option<String>,
    pub audience: Option<Audience>,
    pub steps: Option<Vec<NewStep>>,
    pub variables: Option<Vec<Variable>>,
    pub on_unknown: Option<UnknownPolicy>,
    pub quiet: Option<Option<(String, String)>>,
    pub live_seconds: Option<Option<i64>>,
}

/// Changes a draft or a scheduled campaign.
pub async fn update(
    scope: &AccountScope,
    id: CampaignId,
    change: CampaignChange,
) -> Result<campaign::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    let campaign = lock(scope, &tx, id).await?;
    expect(&campaign, &[CampaignStatus::Draft, CampaignStatus::Scheduled])?;
    let mut draft = draft(&campaign, steps(scope, &tx, id).await?)?;
    draft.name = change.name.unwrap_or(draft.name);
    draft.audience = change.audience.unwrap_or(draft.audience);
    draft.steps = change.steps.unwrap_or(draft.steps);
    draft.variables = change.variables.unwrap_or(draft.variables);
    draft.on_unknown = change.on_unknown.unwrap_or(draft.on_unknown);
    draft.live_seconds = change.live_seconds.unwrap_or(draft.live_seconds);
    if let Some(quiet) = change.quiet {
        (draft.quiet_from, draft.quiet_to) = quiet.unzip();
    }
    let (campaign, steps) = apply(scope, &tx, campaign, draft).await?;
    let old = scope.delete_many::<campaign_step::Entity>();
    old.filter(campaign_step::Column::CampaignId.eq(id)).exec(&tx).await?;
    put_steps(&tx, steps).await?;
    let campaign = store(scope, &tx, campaign).await?;
    tx.commit().await?;
    Ok(campaign)
}

/// A new draft that says what another campaign says; its audience and name may be others.
pub async fn duplicate(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    id: CampaignId,
    name: Option<String>,
    audience: Option<Audience>,
) -> Result<campaign::Model> {
    scope.require(Permission::Manage)?;
    // The original may be another by the time that this is repeated.
    let input = (id, &name, &audience);
    let id = match idempotency::begin(scope, idempotency_key, "campaignDuplicate", &input).await? {
        Begun::Again(id) => id,
        Begun::First(claim) => {
            let model = load(scope, claim.tx(), id).await?;
            let mut draft = draft(&model, steps(scope, claim.tx(), id).await?)?;
            draft.name = name.unwrap_or(draft.name);
            draft.audience = audience.unwrap_or(draft.audience);
            put(scope, claim, draft).await?
        }
    };
    load(scope, scope.db().read(), id).await
}

/// What a campaign says.
fn draft(model: &campaign::Model, steps: Vec<campaign_step::Model>) -> Result<CampaignDraft> {
    let copy = |step: campaign_step::Model| NewStep {
        inbox_id: step.inbox_id,
        template_id: step.template_id,
        content: step.content,
        subject: step.subject,
        wait_seconds: step.wait_seconds,
        required: step.required,
    };
    Ok(CampaignDraft {
        name: model.name.clone(),
        audience: serde_json::from_value(model.audience.clone())?,
        steps: steps.into_iter().map(copy).collect(),
        variables: serde_json::from_value(model.variables.clone())?,
        on_unknown: model.on_unknown,
        quiet_from: model.quiet_from.clone(),
        quiet_to: model.quiet_to.clone(),
        live_seconds: model.live_seconds,
    })
}

async fn put_steps(tx: &DatabaseTransaction, steps: Vec<campaign_step::ActiveModel>) -> Result<()> {
    campaign_step::Entity::insert_many(steps).exec_without_returning(tx).await?;
    Ok(())
}

async fn apply(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    mut campaign: campaign::Model,
    input: CampaignDraft,
) -> Result<(campaign::Model, Vec<campaign_step::ActiveModel>)> {
    let mut checks = Checks::new();
    campaign.name = checks.text("name", &input.name, LONGEST_NAME);
    campaign.name_key = text::name_key(&campaign.name);
    input.audience.check(&mut checks);
    named(scope, tx, &mut checks, &input.audience).await?;
    filling::check(&mut checks, "variables", &input.variables);
    let (from, to) = (input.quiet_from.as_deref(), input.quiet_to.as_deref());
    (campaign.quiet_from, campaign.quiet_to) = quiet::check(&mut checks, from, to);
    let range = |seconds| checks.range("liveSeconds", seconds, LIFE_SECONDS);
    campaign.live_seconds = input.live_seconds.map(range);
    if input.steps.is_empty() || input.steps.len() > MOST_STEPS {
        let message = format!("has {} steps; 1 to {MOST_STEPS} are allowed", input.steps.len());
        checks.fail("steps", ViolationCode::OutOfRange, message);
    }
    let mut steps = Vec::with_capacity(input.steps.len());
    for (index, step) in input.steps.into_iter().take(MOST_STEPS).enumerate() {
        steps.push(self::step(scope, tx, &mut checks, campaign.id, index, step).await?);
    }
    checks.finish()?;
    campaign.audience = serde_json::to_value(&input.audience)?;
    campaign.variables = serde_json::to_value(&input.variables)?;
    campaign.on_unknown = input.on_unknown;
    Ok((campaign, steps))
}

/// Another campaign whose recipients are meant must be one of the account's.
async fn named(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    checks: &mut Checks,
    audience: &Audience,
) -> Result<()> {
    if let Audience::Campaign { campaign_id, .. } = audience {
        let found = scope.find::<campaign::Entity>().filter(campaign::Column::Id.eq(*campaign_id));
        if found.one(tx).await?.is_none() {
            let path = "audience.campaign.campaignId";
            checks.fail(path, ViolationCode::NotFound, "no such campaign");
        }
    }
    Ok(())
}

async fn step(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    checks: &mut Checks,
    campaign_id: CampaignId,
    index: usize,
    step: NewStep,
) -> Result<campaign_step::ActiveModel> {
    let at = |field: &str| format!("steps[{index}].{field}");
    let inbox = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(step.inbox_id));
    let inbox = inbox.one(tx).await?;
    match &inbox {
        None => checks.fail(at("inboxId"), ViolationCode::NotFound, "no such inbox"),
        Some(inbox) if !attempt::can_send(inbox) => {
            let message = reach::explain(entity::kinds::SkipReason::InboxUnusable);
            checks.fail(at("inboxId"), ViolationCode::Conflict, message);
        }
        Some(_) => {}
    }
    let content = said(scope, tx, checks, index, &step, inbox.as_ref()).await?;
    let mut own = Checks::new();
    let platform = inbox.as_ref().map_or(Platform::Api, |inbox| inbox.platform);
    let subject = send::subject(&mut own, platform, step.subject.as_deref());
    for violation in own.into_violations().into_iter().filter(|_| inbox.is_some()) {
        checks.fail(at(&violation.path), violation.code, violation.message);
    }
    Ok(campaign_step::ActiveModel {
        account_id: Set(scope.account_id()),
        campaign_id: Set(campaign_id),
        number: Set(i16::try_from(index).unwrap_or(i16::MAX)),
        inbox_id: Set(step.inbox_id),
        template_id: Set(step.template_id),
        content: Set(content),
        subject: Set(subject),
        wait_seconds: Set(checks.range(
            &at("waitSeconds"),
            step.wait_seconds,
            0..=LONGEST_WAIT_SECONDS,
        )),
        required: Set(step.required),
    })
}

/// What a step says: a template or a text.
async fn said(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    checks: &mut Checks,
    index: usize,
    step: &NewStep,
    inbox: Option<&inbox::Model>,
) -> Result<Option<String>> {
    let at = |field: &str| format!("steps[{index}].{field}");
    match (step.template_id, &step.content) {
        (Some(id), None) => {
            let found = scope.find::<template::Entity>().filter(template::Column::Id.eq(id));
            match found.one(tx).await? {
                None => checks.fail(at("templateId"), ViolationCode::NotFound, "no such template"),
                Some(template) => {
                    let refused =
                        inbox.filter(|inbox| !reach::is_sendable(&template, inbox.provider));
                    if refused.is_some() {
                        let message = "is not approved by the inbox's provider, or archived";
                        checks.fail(at("templateId"), ViolationCode::Conflict, message);
                    }
                }
            }
            Ok(None)
        }
        (None, Some(content)) => {
            let content = checks.text(&at("content"), content, LONGEST_CONTENT);
            if variables(&content).is_none() {
                let message = "has unbalanced {{ or }}, or a name of a variable that is none";
                checks.fail(at("content"), ViolationCode::Malformed, message);
            }
            Ok(Some(content))
        }
        _ => {
            let message = "needs one of templateId and content";
            checks.fail(format!("steps[{index}]"), ViolationCode::Required, message);
            Ok(None)
        }
    }
}
