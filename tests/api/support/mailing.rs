//! Campaigns that have run, and what they sent, put where the application keeps them: for tests
//! of numbers, which need many outcomes and no sending.

use entity::id::{CampaignId, ContactId, MessageId};
use entity::kinds::{AttemptState, CampaignStatus, RecipientState, SkipReason, UnknownPolicy};
use entity::{Timestamp, attempt, campaign, message, recipient};
use rapport::auth::AccountScope;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::json;

pub async fn campaign(scope: &AccountScope, id: CampaignId, name: &str, started_at: Timestamp) {
    let row = campaign::Model {
        account_id: scope.account_id(),
        id,
        name: name.to_owned(),
        name_key: name.to_lowercase(),
        status: CampaignStatus::Finished,
        status_reason: None,
        audience: json!({ "contacts": [] }),
        variables: json!([]),
        on_unknown: UnknownPolicy::Hold,
        quiet_from: None,
        quiet_to: None,
        live_seconds: None,
        scheduled_at: Some(started_at),
        started_at: Some(started_at),
        ended_at: None,
        created_at: started_at,
        updated_at: started_at,
    };
    let insert = campaign::Entity::insert(row.into_active_model());
    insert.exec_without_returning(scope.db().write()).await.unwrap();
}

pub async fn recipient(
    scope: &AccountScope,
    campaign_id: CampaignId,
    contact_id: ContactId,
    (state, skip_reason): (RecipientState, Option<SkipReason>),
) {
    let row = recipient::Model {
        account_id: scope.account_id(),
        campaign_id,
        contact_id,
        address: None,
        state,
        skip_reason,
        step: 0,
        due_at: None,
        created_at: Timestamp(0),
    };
    let insert = recipient::Entity::insert(row.into_active_model());
    insert.exec_without_returning(scope.db().write()).await.unwrap();
}

/// The message is what a step of the campaign sent to the recipient.
pub async fn attempt(
    scope: &AccountScope,
    (campaign_id, contact_id): (CampaignId, ContactId),
    step: i16,
    message: &message::Model,
) {
    let row = attempt::Model {
        account_id: scope.account_id(),
        message_id: MessageId(message.id.0),
        inbox_id: message.inbox_id,
        contact_id,
        campaign_id: Some(campaign_id),
        step,
        try_number: 0,
        address: String::new(),
        payload: json!({}),
        state: AttemptState::Done,
        due_at: None,
        expires_at: None,
        tries: 0,
        fence: 0,
    };
    let insert = attempt::Entity::insert(row.into_active_model());
    insert.exec_without_returning(scope.db().write()).await.unwrap();
}
