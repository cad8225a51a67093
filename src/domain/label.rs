//! Labels: the words that people put on contacts and conversations.

use entity::id::LabelId;
use entity::kinds::EventKind;
use entity::label;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction,
    IntoActiveModel, QueryFilter, Select,
};
use serde::Serialize;

use super::idempotency::Begun;
use super::page::Order;
use super::{LONGEST_NAME, event, idempotency, search, taken, text};
use crate::auth::{AccountScope, Permission};
use crate::error::{Checks, Error, Result, ViolationCode};

const NAME_TAKEN: &str = "is the name of another label";

#[derive(Clone, Debug, Serialize)]
pub struct LabelCreate {
    pub name: String,
    /// `#rrggbb`
    pub color: Option<String>,
}

/// What to change; none leaves it as it is, an inner none clears it.
#[derive(Clone, Debug, Default)]
pub struct LabelUpdate {
    pub name: Option<String>,
    /// `#rrggbb`
    pub color: Option<Option<String>>,
}

/// Which labels to list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LabelFilter {
    /// A part of the name.
    pub search: Option<String>,
}

/// The labels that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &LabelFilter) -> Result<Select<label::Entity>> {
    scope.require(Permission::Read)?;
    let search = search::key("filter.search", filter.search.as_deref())?;
    let named = search.map(|text| search::holds(label::Column::NameKey, &text));
    Ok(scope.find::<label::Entity>().filter(Condition::all().add_option(named)))
}

pub fn by_name() -> Order<label::Column> {
    use label::Column::{Id, NameKey};
    Order { column: NameKey, id: Id, descending: false, nullable: false }
}

pub fn by_creation() -> Order<label::Column> {
    use label::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

pub async fn get(scope: &AccountScope, id: LabelId) -> Result<label::Model> {
    scope.require(Permission::Read)?;
    load(scope, scope.db().read(), id).await
}

/// Labels by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[LabelId]) -> Result<Vec<label::Model>> {
    scope.require(Permission::Read)?;
    let found = scope.find::<label::Entity>().filter(label::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}

pub async fn create(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: LabelCreate,
) -> Result<label::Model> {
    scope.require(Permission::Manage)?;
    let id = match idempotency::begin(scope, idempotency_key, "labelCreate", &input).await? {
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
    input: &LabelCreate,
) -> Result<LabelId> {
    let mut checks = Checks::new();
    let name = checks.text("name", &input.name, LONGEST_NAME);
    let color = color(&mut checks, input.color.as_deref());
    checks.finish()?;
    let (id, now): (LabelId, _) = (scope.id(), scope.now());
    let row = label::ActiveModel {
        account_id: Set(scope.account_id()),
        id: Set(id),
        name_key: Set(text::name_key(&name)),
        name: Set(name),
        color: Set(color),
        created_at: Set(now),
        updated_at: Set(now),
    };
    row.insert(tx).await.map_err(taken("name", NAME_TAKEN))?;
    event::write(scope, tx, EventKind::SettingsChanged, vec![id.0]).await?;
    Ok(id)
}

pub async fn update(scope: &AccountScope, id: LabelId, input: LabelUpdate) -> Result<label::Model> {
    scope.require(Permission::Manage)?;
    let mut checks = Checks::new();
    let name = input.name.as_deref().map(|name| checks.text("name", name, LONGEST_NAME));
    let color = input.color.map(|given| color(&mut checks, given.as_deref()));
    checks.finish()?;
    let tx = scope.begin().await?;
    let mut row = load(scope, &tx, id).await?.into_active_model();
    if let Some(name) = name {
        row.name_key = Set(text::name_key(&name));
        row.name = Set(name);
    }
    if let Some(color) = color {
        row.color = Set(color);
    }
    row.updated_at = Set(scope.now());
    let label = row.update(&tx).await.map_err(taken("name", NAME_TAKEN))?;
    event::write(scope, &tx, EventKind::SettingsChanged, vec![label.id.0]).await?;
    tx.commit().await?;
    Ok(label)
}

async fn load(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: LabelId,
) -> Result<label::Model> {
    let label = scope.find::<label::Entity>().filter(label::Column::Id.eq(id));
    label.one(connection).await?.ok_or(Error::NotFound("label"))
}

/// The colour in lower case.
fn color(checks: &mut Checks, given: Option<&str>) -> Option<String> {
    let color = given.map(|given| given.trim().to_lowercase()).filter(|color| !color.is_empty())?;
    let digits = color.strip_prefix('#').unwrap_or_default();
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        checks.fail("color", ViolationCode::Malformed, "must be # and six hexadecimal digits");
    }
    Some(color)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_one_form() {
        let mut checks = Checks::new();
        assert_eq!(color(&mut checks, Some(" #00AAff ")).as_deref(), Some("#00aaff"));
        assert_eq!(color(&mut checks, Some(" ")), None);
        assert_eq!(color(&mut checks, None), None);
        assert!(checks.is_clean());
        let wrong = ["00aaff", "#0af", "#00aafg", "#00aaff0", "red", "#ä0000"];
        for given in wrong {
            color(&mut checks, Some(given));
        }
        assert_eq!(checks.into_violations().len(), wrong.len());
    }
}
