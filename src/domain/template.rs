//! Templates: prepared texts, kept here or approved by a provider. Filling and sending them
//! is done elsewhere.

mod body;

use entity::id::TemplateId;
use entity::kinds::{EventKind, TemplateCategory, TemplateStatus};
use entity::template;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction,
    IntoActiveModel, QueryFilter, QuerySelect, Select,
};
use serde::Serialize;

use super::idempotency::Begun;
use super::page::Order;
use super::{LONGEST_NAME, event, idempotency, search, taken, text};
use crate::auth::{AccountScope, Permission};
use crate::error::{Checks, Error, Result, ViolationCode};

pub use body::variables;

/// Characters of a body.
pub const LONGEST_BODY: usize = 4_096;
/// Characters of a provider's reason.
const LONGEST_REASON: usize = 1_000;

const NAME_TAKEN: &str = "is the name of another template in this language";

#[derive(Clone, Debug, Serialize)]
pub struct TemplateCreate {
    /// Unique together with the language.
    pub name: String,
    /// BCP 47 tag, or the provider's code.
    pub language: String,
    pub category: TemplateCategory,
    /// With variables such as `{{1}}` or `{{name}}`.
    pub body: String,
    /// None means `LOCAL`.
    pub status: Option<TemplateStatus>,
    /// The provider's id.
    pub external_id: Option<String>,
}

/// What to change; none leaves it as it is, an inner none clears it.
#[derive(Clone, Debug, Default)]
pub struct TemplateUpdate {
    pub name: Option<String>,
    pub language: Option<String>,
    pub category: Option<TemplateCategory>,
    pub body: Option<String>,
    pub status: Option<TemplateStatus>,
    pub external_id: Option<Option<String>>,
}

/// Which templates to list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TemplateFilter {
    pub categories: Option<Vec<TemplateCategory>>,
    pub statuses: Option<Vec<TemplateStatus>>,
    pub languages: Option<Vec<String>>,
    pub archived: Option<bool>,
    /// A part of the name.
    pub search: Option<String>,
}

/// The templates that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &TemplateFilter) -> Result<Select<template::Entity>> {
    use template::Column as C;
    scope.require(Permission::Read)?;
    let mut checks = Checks::new();
    for (index, language) in filter.languages.iter().flatten().enumerate() {
        checks.length(&format!("filter.languages[{index}]"), language, LONGEST_NAME);
    }
    checks.finish()?;
    let search = search::key("filter.search", filter.search.as_deref())?;
    let wanted = Condition::all()
        .add_option(filter.categories.as_ref().map(|any| C::Category.is_in(any.iter().copied())))
        .add_option(filter.statuses.as_ref().map(|any| C::Status.is_in(any.iter().copied())))
        .add_option(filter.languages.as_ref().map(|any| C::Language.is_in(any.iter().cloned())))
        .add_option(filter.archived.map(|archived| {
            if archived { C::ArchivedAt.is_not_null() } else { C::ArchivedAt.is_null() }
        }))
        .add_option(search.map(|text| search::holds(C::NameKey, &text)));
    Ok(scope.find::<template::Entity>().filter(wanted))
}

pub fn by_name() -> Order<template::Column> {
    use template::Column::{Id, NameKey};
    Order { column: NameKey, id: Id, descending: false, nullable: false }
}

pub fn by_creation() -> Order<template::Column> {
    use template::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

pub async fn get(scope: &AccountScope, id: TemplateId) -> Result<template::Model> {
    scope.require(Permission::Read)?;
    load(scope, scope.db().read(), id).await
}

/// Templates by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[TemplateId]) -> Result<Vec<template::Model>> {
    scope.require(Permission::Read)?;
    let ids = ids.iter().copied();
    let found = scope.find::<template::Entity>().filter(template::Column::Id.is_in(ids));
    Ok(found.all(scope.db().read()).await?)
}

/// The template with exactly this name and language.
pub async fn find_by_name(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    name: &str,
    language: &str,
) -> Result<Option<template::Model>> {
    let select = scope
        .find::<template::Entity>()
        .filter(template::Column::Name.eq(name))
        .filter(template::Column::Language.eq(language));
    Ok(select.one(connection).await?)
}

pub async fn create(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: TemplateCreate,
) -> Result<template::Model> {
    scope.require(Permission::Manage)?;
    let id = match idempotency::begin(scope, idempotency_key, "templateCreate", &input).await? {
        Begun::Again(answer) => answer,
        Begun::First(claim) => {
            let tx = claim.tx();
            let answer = insert(scope, tx, &input).await?;
            claim.commit(scope, answer).await?
        }
    };
    load(scope, scope.db().read(), id).await
}

async fn insert(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    input: &TemplateCreate,
) -> Result<TemplateId> {
    let mut checks = Checks::new();
    let name = checks.text("name", &input.name, LONGEST_NAME);
    let language = language(&mut checks, &input.language);
    let body = body::check(&mut checks, "body", &input.body);
    let external_id = external_id(&mut checks, input.external_id.as_deref());
    checks.finish()?;
    let (id, now): (TemplateId, _) = (scope.id(), scope.now());
    let row = template::ActiveModel {
        account_id: Set(scope.account_id()),
        id: Set(id),
        name_key: Set(text::name_key(&name)),
        name: Set(name),
        language: Set(language),
        category: Set(input.category),
        body: Set(body),
        status: Set(input.status.unwrap_or(TemplateStatus::Local)),
        status_reason: Set(None),
        external_id: Set(external_id),
        archived_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    row.insert(tx).await.map_err(taken("name", NAME_TAKEN))?;
    event::write(scope, tx, EventKind::SettingsChanged, vec![id.0]).await?;
    Ok(id)
}

pub async fn update(
    scope: &AccountScope,
    id: TemplateId,
    input: TemplateUpdate,
) -> Result<template::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    let mut template = lock(scope, &tx, id).await?;
    let mut checks = Checks::new();
    if let Some(name) = input.name {
        template.name = checks.text("name", &name, LONGEST_NAME);
        template.name_key = text::name_key(&template.name);
    }
    if let Some(given) = input.language {
        template.language = language(&mut checks, &given);
    }
    if let Some(given) = input.body {
        template.body = body::check(&mut checks, "body", &given);
    }
    if let Some(given) = input.external_id {
        template.external_id = external_id(&mut checks, given.as_deref());
    }
    if let Some(status) = input.status.filter(|status| *status != template.status) {
        template.status = status;
        // It was the reason of the status before.
        template.status_reason = None;
    }
    template.category = input.category.unwrap_or(template.category);
    checks.finish()?;
    save(scope, tx, template).await
}

/// Puts the template away; messages made from it stay. Archiving again changes nothing.
pub async fn archive(scope: &AccountScope, id: TemplateId) -> Result<template::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    let mut template = lock(scope, &tx, id).await?;
    if template.archived_at.is_some() {
        return Ok(template);
    }
    template.archived_at = Some(scope.now());
    save(scope, tx, template).await
}

pub async fn unarchive(scope: &AccountScope, id: TemplateId) -> Result<template::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    let mut template = lock(scope, &tx, id).await?;
    if template.archived_at.is_none() {
        return Ok(template);
    }
    template.archived_at = None;
    save(scope, tx, template).await
}

/// What a provider says of a template, which it names by its own id or, before that is
/// known here, by name and language. Answers the template; none where there is none. The
/// caller has verified the provider's signature.
pub async fn provider_status(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    external_id: Option<&str>,
    name: &str,
    language: &str,
    status: TemplateStatus,
    reason: Option<&str>,
) -> Result<Option<TemplateId>> {
    let (name, language) = (text::clean(name), text::clean(language));
    let external_id = external_id.map(text::clean).filter(|id| !id.is_empty());
    let found = match &external_id {
        Some(id) => {
            let known = template::Column::ExternalId.eq(&**id);
            scope.find::<template::Entity>().filter(known).lock_exclusive().one(tx).await?
        }
        None => None,
    };
    let found = match found {
        Some(found) => Some(found),
        None => find_by_name(scope, tx, &name, &language).await?,
    };
    let Some(before) = found else { return Ok(None) };
    let mut after = before.clone();
    after.status = status;
    after.status_reason =
        reason.map(|reason| text::clean(reason).chars().take(LONGEST_REASON).collect());
    after.external_id = after.external_id.or(external_id.map(std::borrow::Cow::into_owned));
    if after != before {
        store(scope, tx, after).await?;
    }
    Ok(Some(before.id))
}

/// Keeps others from changing it until `tx` ends: all columns are written back.
async fn lock(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: TemplateId,
) -> Result<template::Model> {
    let row = scope.find::<template::Entity>().filter(template::Column::Id.eq(id)).lock_exclusive();
    row.one(tx).await?.ok_or(Error::NotFound("template"))
}

async fn load(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: TemplateId,
) -> Result<template::Model> {
    let template = scope.find::<template::Entity>().filter(template::Column::Id.eq(id));
    template.one(connection).await?.ok_or(Error::NotFound("template"))
}

async fn save(
    scope: &AccountScope,
    tx: DatabaseTransaction,
    template: template::Model,
) -> Result<template::Model> {
    let template = store(scope, &tx, template).await?;
    tx.commit().await?;
    Ok(template)
}

async fn store(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    mut template: template::Model,
) -> Result<template::Model> {
    template.updated_at = scope.now();
    let row = template.into_active_model().reset_all();
    let template = row.update(tx).await.map_err(taken("name", NAME_TAKEN))?;
    event::write(scope, tx, EventKind::SettingsChanged, vec![template.id.0]).await?;
    Ok(template)
}

/// A tag such as `es-419`, or a provider's code such as `pt_BR`, as it is written.
fn language(checks: &mut Checks, given: &str) -> String {
    let language = checks.text("language", given, 35);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let well_formed = language.len() >= 2 && language.bytes().all(plain);
    if !language.is_empty() && !well_formed {
        let message = "is no language tag; for example en, es-419 or pt_BR";
        checks.fail("language", ViolationCode::Malformed, message);
    }
    language
}

fn external_id(checks: &mut Checks, given: Option<&str>) -> Option<String> {
    checks.optional_text("externalId", given, LONGEST_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_tags_or_codes() {
        let mut checks = Checks::new();
        for given in ["en", "pt_BR", "es-419", "zh-Hant-TW", "fil"] {
            assert_eq!(language(&mut checks, given), given);
        }
        assert!(checks.is_clean());
        let wrong = ["e", "en US", "русский", "en/US"];
        for given in wrong {
            language(&mut checks, given);
        }
        assert_eq!(checks.into_violations().len(), wrong.len());
    }
}
