//! Keeping templates.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::kinds::{TemplateCategory, TemplateStatus};

use super::{Answer, UserError, named, owner, payload};
use crate::domain::template::{self as commands, TemplateCreate, TemplateUpdate};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::Template;
use crate::graphql::viewer;
use crate::graphql::vocabulary::Name;

/// A new template.
#[derive(InputObject)]
pub struct TemplateCreateInput {
    /// The account that sends it.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What it is called, 1 to 255 characters, like no other template in this language.
    name: String,
    /// A BCP 47 tag such as `es-419`, or the provider's code such as `pt_BR`.
    language: String,
    /// Under what the provider approves and prices it.
    category: Name<TemplateCategory>,
    /// The text, up to 4,096 characters, with variables such as `{{1}}` or `{{name}}`.
    body: String,
    /// What the provider says of it; LOCAL where it is not given.
    status: Option<Name<TemplateStatus>>,
    /// The provider's id.
    external_id: Option<String>,
}

/// What became of `templateCreate`.
#[derive(SimpleObject)]
pub struct TemplateCreatePayload {
    /// The new template.
    pub template: Option<Template>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// What to change of a template. What is not given stays as it is.
#[derive(InputObject)]
pub struct TemplateUpdateInput {
    /// The template.
    id: ID,
    /// What it is called, 1 to 255 characters, like no other template in this language.
    name: Option<String>,
    /// A BCP 47 tag such as `es-419`, or the provider's code such as `pt_BR`.
    language: Option<String>,
    /// Under what the provider approves and prices it.
    category: Option<Name<TemplateCategory>>,
    /// The text, up to 4,096 characters, with variables such as `{{1}}` or `{{name}}`.
    body: Option<String>,
    /// What the provider says of it.
    status: Option<Name<TemplateStatus>>,
    /// The provider's id; null takes it away.
    external_id: MaybeUndefined<String>,
}

/// What became of `templateUpdate`.
#[derive(SimpleObject)]
pub struct TemplateUpdatePayload {
    /// The template after the change.
    pub template: Option<Template>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which template to put away.
#[derive(InputObject)]
pub struct TemplateArchiveInput {
    /// The template.
    id: ID,
    /// False takes it back into use; true where it is not given.
    archived: Option<bool>,
}

/// What became of `templateArchive`.
#[derive(SimpleObject)]
pub struct TemplateArchivePayload {
    /// The template after the change.
    pub template: Option<Template>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct TemplateMutation;

#[Object]
impl TemplateMutation {
    /// Makes a template. Needs the role MANAGER.
    async fn template_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new template.")] input: TemplateCreateInput,
    ) -> Answer<TemplateCreatePayload> {
        payload(create(ctx, input).await, |template, user_errors| TemplateCreatePayload {
            template,
            user_errors,
        })
    }

    /// Changes a template. Messages sent from it stay as they were. Needs the role MANAGER.
    async fn template_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: TemplateUpdateInput,
    ) -> Answer<TemplateUpdatePayload> {
        payload(update(ctx, input).await, |template, user_errors| TemplateUpdatePayload {
            template,
            user_errors,
        })
    }

    /// Puts a template away, or takes it back into use. Needs the role MANAGER.
    async fn template_archive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which template.")] input: TemplateArchiveInput,
    ) -> Answer<TemplateArchivePayload> {
        payload(archive(ctx, input).await, |template, user_errors| TemplateArchivePayload {
            template,
            user_errors,
        })
    }
}

async fn create(ctx: &Context<'_>, input: TemplateCreateInput) -> Result<Template> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let new = TemplateCreate {
        name: input.name,
        language: input.language,
        category: input.category.0,
        body: input.body,
        status: input.status.map(|status| status.0),
        external_id: input.external_id,
    };
    let template = commands::create(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok(Template::new(reader, template))
}

async fn update(ctx: &Context<'_>, input: TemplateUpdateInput) -> Result<Template> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Template)?;
    let change = TemplateUpdate {
        name: input.name,
        language: input.language,
        category: input.category.map(|category| category.0),
        body: input.body,
        status: input.status.map(|status| status.0),
        external_id: input.external_id.into(),
    };
    let updated = commands::update(reader.scope(), id, change).await;
    Ok(Template::new(reader, named("id", NodeKind::Template, updated)?))
}

async fn archive(ctx: &Context<'_>, input: TemplateArchiveInput) -> Result<Template> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Template)?;
    let archived = if input.archived.unwrap_or(true) {
        commands::archive(reader.scope(), id).await
    } else {
        commands::unarchive(reader.scope(), id).await
    };
    Ok(Template::new(reader, named("id", NodeKind::Template, archived)?))
}
