//! Contacts: the people an account talks with, how they are known on its inboxes, and their
//! labels. The same normalised phone number or e-mail address is the same contact; that two
//! contacts are one is decided by people, in `contact_merge`, and that one is to be forgotten in
//! `contact_erase`.

mod upsert;

use std::collections::HashMap;

use entity::id::{ContactId, InboxId, LabelId};
use entity::{contact, contact_identity, contact_label, label};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};
use serde::Serialize;

use super::page::Order;
use super::search;
use crate::auth::{AccountScope, Permission};
use crate::error::{Error, Result};

pub use upsert::{ContactUpsert, IdentityInput, upsert};

/// Which contacts to list. Contacts that were merged into another or erased are never listed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ContactFilter {
    /// With one of these labels.
    pub label_ids: Option<Vec<LabelId>>,
    /// Known on one of these inboxes.
    pub inbox_ids: Option<Vec<InboxId>>,
    pub has_phone: Option<bool>,
    pub has_email: Option<bool>,
    /// A part of the name, the e-mail address or the phone number.
    pub search: Option<String>,
}

/// The contacts that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &ContactFilter) -> Result<Select<contact::Entity>> {
    use contact::Column as C;
    scope.require(Permission::Read)?;
    if filter.search.is_some() {
        scope.require_personal_data("searching contacts")?;
    }
    let search = search::key("filter.search", filter.search.as_deref())?;
    let labelled = filter.label_ids.as_ref().map(|ids| {
        let labelled = scope.find::<contact_label::Entity>();
        let labelled = labelled.filter(contact_label::Column::LabelId.is_in(ids.iter().copied()));
        C::Id.in_subquery(
            labelled.select_only().column(contact_label::Column::ContactId).into_query(),
        )
    });
    let known = filter.inbox_ids.as_ref().map(|ids| {
        let known = scope.find::<contact_identity::Entity>();
        let known = known.filter(contact_identity::Column::InboxId.is_in(ids.iter().copied()));
        C::Id.in_subquery(
            known.select_only().column(contact_identity::Column::ContactId).into_query(),
        )
    });
    let present = |column: C, wanted: bool| {
        if wanted { column.is_not_null() } else { column.is_null() }
    };
    let wanted = Condition::all()
        .add(C::MergedIntoId.is_null())
        .add(C::ErasedAt.is_null())
        .add_option(labelled)
        .add_option(known)
        .add_option(filter.has_phone.map(|wanted| present(C::Phone, wanted)))
        .add_option(filter.has_email.map(|wanted| present(C::Email, wanted)))
        .add_option(search.map(|text| called(scope, &text)));
    Ok(scope.find::<contact::Entity>().filter(wanted))
}

/// Of rows that belong to contacts those whose contact is called like `search`, or can be reached
/// by something like it. All of them where nothing is searched.
pub fn narrow<E: EntityTrait>(
    scope: &AccountScope,
    select: Select<E>,
    contact_id: E::Column,
    search: Option<&str>,
) -> Result<Select<E>> {
    let Some(text) = search::key("search", search)? else { return Ok(select) };
    scope.require_personal_data("searching contacts")?;
    let found = scope.find::<contact::Entity>().filter(called(scope, &text));
    let found = found.select_only().column(contact::Column::Id).into_query();
    Ok(select.filter(contact_id.in_subquery(found)))
}

/// Those that are called so or can be reached so, also by an address of one that was merged into
/// them.
fn called(scope: &AccountScope, text: &str) -> Condition {
    use contact::Column::{Id, MergedIntoId};
    let merged = scope.find::<contact::Entity>();
    let merged = merged.filter(MergedIntoId.is_not_null()).filter(named(text));
    let into = merged.select_only().column(MergedIntoId).into_query();
    Condition::any().add(named(text)).add(Id.in_subquery(into))
}

fn named(text: &str) -> Condition {
    use contact::Column::{Email, NameKey, Phone};
    Condition::any()
        .add(search::holds(NameKey, text))
        .add(search::holds(Email, text))
        .add_option(digits(text).map(|digits| search::holds(Phone, &digits)))
}

/// The digits of a text that can be a part of a phone number in any spelling.
fn digits(text: &str) -> Option<String> {
    let spelling = |character: char| character.is_whitespace() || "+-./()".contains(character);
    let digits: String = text.chars().filter(|character| !spelling(*character)).collect();
    // What is dialled for + in many countries is not stored.
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    let plausible = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plausible.then(|| digits.to_owned())
}

/// Contacts without a name come last.
pub fn by_name() -> Order<contact::Column> {
    use contact::Column::{Id, NameKey};
    Order { column: NameKey, id: Id, descending: false, nullable: true }
}

pub fn by_creation() -> Order<contact::Column> {
    use contact::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

/// The contact itself, even if it was merged into another.
pub async fn get(scope: &AccountScope, id: ContactId) -> Result<contact::Model> {
    scope.require(Permission::Read)?;
    find(scope, scope.db().read(), id).await?.ok_or(Error::NotFound("contact"))
}

/// Contacts by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[ContactId]) -> Result<Vec<contact::Model>> {
    scope.require(Permission::Read)?;
    let found =
        scope.find::<contact::Entity>().filter(contact::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}

/// How these contacts are known on inboxes, oldest first.
pub async fn identities(
    scope: &AccountScope,
    ids: &[ContactId],
) -> Result<Vec<contact_identity::Model>> {
    scope.require(Permission::Read)?;
    let identities = scope
        .find::<contact_identity::Entity>()
        .filter(contact_identity::Column::ContactId.is_in(ids.iter().copied()))
        .order_by_asc(contact_identity::Column::CreatedAt)
        .order_by_asc(contact_identity::Column::Id);
    Ok(identities.all(scope.db().read()).await?)
}

/// The labels of these contacts, by name.
pub async fn labels(
    scope: &AccountScope,
    ids: &[ContactId],
) -> Result<Vec<(ContactId, label::Model)>> {
    scope.require(Permission::Read)?;
    let carried = scope
        .find::<contact_label::Entity>()
        .filter(contact_label::Column::ContactId.is_in(ids.iter().copied()))
        .all(scope.db().read())
        .await?;
    let label_ids: Vec<LabelId> = carried.iter().map(|row| row.label_id).collect();
    let labels = super::label::find_many(scope, &label_ids).await?;
    let labels: HashMap<LabelId, label::Model> =
        labels.into_iter().map(|label| (label.id, label)).collect();
    let mut found: Vec<(ContactId, label::Model)> = carried
        .iter()
        .filter_map(|row| Some((row.contact_id, labels.get(&row.label_id)?.clone())))
        .collect();
    found.sort_by(|(_, a), (_, b)| (&a.name_key, a.id).cmp(&(&b.name_key, b.id)));
    Ok(found)
}

pub(super) async fn find(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: ContactId,
) -> Result<Option<contact::Model>> {
    let contact = scope.find::<contact::Entity>().filter(contact::Column::Id.eq(id));
    Ok(contact.one(connection).await?)
}

/// The contact, or the one that took its place.
pub async fn resolve(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: ContactId,
) -> Result<Option<contact::Model>> {
    match find(scope, connection, id).await? {
        Some(contact) => standing(scope, connection, contact).await,
        None => Ok(None),
    }
}

/// The contact, or the one that took its place.
async fn standing(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    contact: contact::Model,
) -> Result<Option<contact::Model>> {
    match contact.merged_into_id {
        Some(into) => find(scope, connection, into).await,
        None => Ok(Some(contact)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_phone_numbers_are_found_in_any_spelling() {
        assert_eq!(digits("+49 (30) 90-18").as_deref(), Some("49309018"));
        assert_eq!(digits("0049 30").as_deref(), Some("4930"));
        assert_eq!(digits("1820").as_deref(), Some("1820"));
        for other in ["", "+", "ada", "ada 30", "٣٠"] {
            assert_eq!(digits(other), None, "{other}");
        }
    }
}
