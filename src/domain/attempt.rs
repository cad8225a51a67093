//! The rows by which messages are handed over to providers. They are made in the transaction
//! that records the message; who sends them, and when, is decided in `delivery`.

use entity::attempt::{Column, Entity, Model};
use entity::id::{ContactId, MessageId};
use entity::kinds::{AttemptState, TemplateCategory};
use entity::{inbox, template};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, QueryFilter};
use serde::{Deserialize, Serialize};

use super::rows;
use crate::auth::AccountScope;
use crate::error::Result;

/// What a provider is told beside the text. Serialised as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Payload {
    /// Of e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateCall>,
}

/// A provider's template with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateCall {
    pub name: String,
    pub language: String,
    pub category: TemplateCategory,
    /// The variables and their values, in the order of their first use.
    pub values: Vec<(String, String)>,
}

impl TemplateCall {
    pub fn new(template: &template::Model, values: Vec<(String, String)>) -> Self {
        Self {
            name: template.name.clone(),
            language: template.language.clone(),
            category: template.category,
            values,
        }
    }
}

/// A message that waits to be sent, at once.
pub fn waiting(
    scope: &AccountScope,
    message_id: MessageId,
    inbox: &inbox::Model,
    contact_id: ContactId,
    address: String,
    payload: &Payload,
) -> Result<Model> {
    Ok(Model {
        account_id: scope.account_id(),
        message_id,
        inbox_id: inbox.id,
        contact_id,
        campaign_id: None,
        step: 0,
        try_number: 0,
        address,
        payload: serde_json::to_value(payload)?,
        state: AttemptState::Waiting,
        due_at: Some(scope.now()),
        expires_at: None,
        tries: 0,
        fence: 0,
    })
}

pub async fn insert(tx: &DatabaseTransaction, attempts: Vec<Model>) -> Result<()> {
    rows::insert::<Entity, _>(tx, attempts).await
}

/// The attempts of these messages.
pub async fn find_many(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    ids: &[MessageId],
) -> Result<Vec<Model>> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(rows::IDS) {
        let some = scope.find::<Entity>().filter(Column::MessageId.is_in(chunk.iter().copied()));
        found.extend(some.all(connection).await?);
    }
    Ok(found)
}

/// Whether the provider lets anything be sent from here on this inbox.
pub fn can_send(inbox: &inbox::Model) -> bool {
    use entity::kinds::Provider;
    let ready = match inbox.provider {
        Provider::External => false,
        Provider::Sandbox => true,
        _ => inbox.credentials.is_some(),
    };
    ready && inbox.archived_at.is_none()
}
