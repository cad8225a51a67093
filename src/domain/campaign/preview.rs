//! What a campaign would say to one contact, and trying it out on one.

use entity::id::{CampaignId, ContactId};
use entity::kinds::SkipReason;
use entity::{campaign_step, contact, inbox, template};
use sea_orm::{ColumnTrait, QueryFilter};

use super::{load, steps};
use crate::auth::{AccountScope, Permission};
use crate::domain::contact as contacts;
use crate::domain::filling::{self, Missing, Variable};
use crate::domain::reach::{self, Wish};
use crate::error::{Error, Result};

/// What a step would say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Of the step.
    pub step: i16,
    /// None where the contact has none.
    pub address: Option<String>,
    /// None where a variable has no value.
    pub text: Option<String>,
    pub missing_variable: Option<String>,
    /// Why it would not be sent now.
    pub refusal: Option<SkipReason>,
}

/// What each step of a campaign would say to a contact now.
pub async fn preview(
    scope: &AccountScope,
    id: CampaignId,
    contact_id: ContactId,
) -> Result<Vec<Preview>> {
    scope.require(Permission::Oversee)?;
    let read = scope.db().read();
    let campaign = load(scope, read, id).await?;
    let contact = contacts::resolve(scope, read, contact_id).await?;
    let contact = contact.ok_or(Error::NotFound("contact"))?;
    let variables: Vec<Variable> = serde_json::from_value(campaign.variables.clone())?;
    let mut previews = Vec::new();
    for step in steps(scope, read, id).await? {
        previews.push(of_step(scope, &step, &contact, &variables).await?);
    }
    Ok(previews)
}

async fn of_step(
    scope: &AccountScope,
    step: &campaign_step::Model,
    contact: &contact::Model,
    variables: &[Variable],
) -> Result<Preview> {
    let read = scope.db().read();
    let inbox = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(step.inbox_id));
    let inbox = inbox.one(read).await?.ok_or_else(|| Error::bug("a step without inbox"))?;
    let template = match step.template_id {
        Some(id) => {
            scope.find::<template::Entity>().filter(template::Column::Id.eq(id)).one(read).await?
        }
        None => None,
    };
    let address = reach::addresses(scope, read, &inbox, &[contact]).await?.remove(&contact.id);
    let body = template.as_ref().map(|template| template.body.as_str());
    let body = body.or(step.content.as_deref()).unwrap_or("");
    let filled = filling::fill(body, contact, variables);
    let refusal = match &address {
        None => Some(SkipReason::NoAddress),
        Some(address) => {
            let contact_id = contact.id;
            let wish = Wish { inbox: &inbox, contact_id, address, template: template.as_ref() };
            reach::refusals(scope, read, &[wish]).await?.pop().flatten()
        }
    };
    let (text, missing_variable) = match filled {
        Ok(filled) => (Some(filled.text), None),
        Err(Missing(name)) => (None, Some(name)),
    };
    let missing = missing_variable.as_ref().map(|_| SkipReason::MissingVariable);
    Ok(Preview { step: step.number, address, text, missing_variable, refusal: refusal.or(missing) })
}
