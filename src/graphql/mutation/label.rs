//! Making labels and changing them. Putting them on things is those things' business.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::{Answer, UserError, named, owner, payload};
use crate::domain::label::{self as commands, LabelCreate, LabelUpdate};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::Label;
use crate::graphql::viewer;

/// A new label.
#[derive(InputObject)]
pub struct LabelCreateInput {
    /// The account that uses it.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What it is called, 1 to 255 characters, like no other label of the account.
    name: String,
    /// Its colour, as `#rrggbb`.
    color: Option<String>,
}

/// What became of `labelCreate`.
#[derive(SimpleObject)]
pub struct LabelCreatePayload {
    /// The new label.
    pub label: Option<Label>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// What to change of a label. What is not given stays as it is.
#[derive(InputObject)]
pub struct LabelUpdateInput {
    /// The label.
    id: ID,
    /// What it is called, 1 to 255 characters, like no other label of the account.
    name: Option<String>,
    /// Its colour, as `#rrggbb`; null takes it away.
    color: MaybeUndefined<String>,
}

/// What became of `labelUpdate`.
#[derive(SimpleObject)]
pub struct LabelUpdatePayload {
    /// The label after the change.
    pub label: Option<Label>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct LabelMutation;

#[Object]
impl LabelMutation {
    /// Makes a label. Needs the role MANAGER.
    async fn label_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new label.")] input: LabelCreateInput,
    ) -> Answer<LabelCreatePayload> {
        payload(create(ctx, input).await, |label, user_errors| LabelCreatePayload {
            label,
            user_errors,
        })
    }

    /// Changes a label. Needs the role MANAGER.
    async fn label_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: LabelUpdateInput,
    ) -> Answer<LabelUpdatePayload> {
        payload(update(ctx, input).await, |label, user_errors| LabelUpdatePayload {
            label,
            user_errors,
        })
    }
}

async fn create(ctx: &Context<'_>, input: LabelCreateInput) -> Result<Label> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let new = LabelCreate { name: input.name, color: input.color };
    let label = commands::create(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok(Label::new(reader, label))
}

async fn update(ctx: &Context<'_>, input: LabelUpdateInput) -> Result<Label> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Label)?;
    let change = LabelUpdate { name: input.name, color: input.color.into() };
    let label = named("id", NodeKind::Label, commands::update(reader.scope(), id, change).await)?;
    Ok(Label::new(reader, label))
}
