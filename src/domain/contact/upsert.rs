//! Finding a contact by what is known of it and changing it, or making it.

use std::collections::{BTreeSet, HashSet};

use entity::id::{ContactId, InboxId, LabelId};
use entity::kinds::EventKind;
use entity::{contact, contact_identity, contact_label, inbox, label};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QuerySelect,
};
use serde::Serialize;

use crate::auth::{AccountScope, Permission};
use crate::domain::idempotency::Begun;
use crate::domain::{LONGEST_LIST, LONGEST_NAME, event, idempotency, text};
use crate::error::{Checks, Error, Result, ViolationCode};

const OF_ANOTHER: &str = "belongs to another contact; merge the two first if they are one";

/// What is known of a contact. What is not said stays as it is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ContactUpsert {
    /// The contact to change, or one that was merged into it.
    pub id: Option<ContactId>,
    /// In any spelling.
    pub phone: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub nickname: Option<String>,
    /// Takes the place of the present labels.
    pub label_ids: Option<Vec<LabelId>>,
    /// Added to those that are known.
    pub identities: Vec<IdentityInput>,
}

#[derive(Clone, Debug, Serialize)]
pub struct IdentityInput {
    pub inbox_id: InboxId,
    /// The address or id that the platform uses.
    pub source_id: String,
}

/// What is known of a contact, after it passed the checks.
struct Known {
    phone: Option<String>,
    email: Option<String>,
    name: Option<String>,
    nickname: Option<String>,
    identities: Vec<(InboxId, String)>,
}

/// Changes the contact with this id, else the one with this phone number, else that with
/// this e-mail address, else one that an inbox knows so; or makes one. What points at
/// different contacts is refused: they have to be merged first.
pub async fn upsert(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: ContactUpsert,
) -> Result<contact::Model> {
    scope.require(Permission::Converse)?;
    let id = match idempotency::begin(scope, idempotency_key, "contactUpsert", &input).await? {
        Begun::Again(answer) => answer,
        Begun::First(claim) => {
            let tx = claim.tx();
            let answer = apply(scope, tx, &input).await?;
            claim.commit(scope, answer).await?
        }
    };
    super::find(scope, scope.db().read(), id).await?.ok_or(Error::NotFound("contact"))
}

async fn apply(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    input: &ContactUpsert,
) -> Result<ContactId> {
    let mut checks = Checks::new();
    let known = check(&mut checks, input);
    check_references(scope, tx, &mut checks, input).await?;
    // Looking up and writing must be one step, also against recording.
    let mut counter = scope.lock(tx).await?;
    let identities = stored_identities(scope, tx, &known).await?;
    let before = meant(scope, tx, &mut checks, input, &known, &identities).await?;
    checks.finish()?;

    let now = scope.now();
    let blank = || contact::Model {
        account_id: scope.account_id(),
        id: scope.id(),
        ordinal: counter.contacts,
        name: None,
        name_key: None,
        nickname: None,
        email: None,
        phone: None,
        merged_into_id: None,
        erased_at: None,
        created_at: now,
        updated_at: now,
    };
    let mut after = before.clone().unwrap_or_else(blank);
    let id = after.id;
    fill(&mut after, &known);
    let mut changed = before.as_ref() != Some(&after);
    match before {
        None => {
            after.into_active_model().insert(tx).await?;
            counter.contacts += 1;
            scope.save_counter(tx, &counter).await?;
        }
        Some(before) if changed => {
            after.updated_at = now;
            write(scope, tx, &before, after).await?;
        }
        Some(_) => {}
    }
    changed |= add_identities(scope, tx, id, known.identities, &identities).await?;
    if let Some(label_ids) = &input.label_ids {
        changed |= set_labels(scope, tx, id, label_ids.iter().copied().collect()).await?;
    }
    if changed {
        event::write(scope, tx, EventKind::ContactChanged, vec![id.0]).await?;
    }
    Ok(id)
}

fn fill(contact: &mut contact::Model, known: &Known) {
    if known.name.is_some() {
        contact.name_key = known.name.as_deref().map(text::name_key);
        contact.name.clone_from(&known.name);
    }
    for (field, value) in [
        (&mut contact.nickname, &known.nickname),
        (&mut contact.phone, &known.phone),
        (&mut contact.email, &known.email),
    ] {
        if value.is_some() {
            field.clone_from(value);
        }
    }
}

fn check(checks: &mut Checks, input: &ContactUpsert) -> Known {
    let phone = checks.optional_text("phone", input.phone.as_deref(), LONGEST_NAME);
    let phone = phone.and_then(|given| {
        let phone = text::phone(&given);
        if phone.is_none() {
            let message = "is no telephone number; expected 5 to 15 digits, with or without +";
            checks.fail("phone", ViolationCode::Malformed, message);
        }
        phone
    });
    let email = checks.optional_text("email", input.email.as_deref(), LONGEST_NAME);
    let email = email.and_then(|given| {
        let email = text::email(&given);
        if email.is_none() {
            checks.fail("email", ViolationCode::Malformed, "is no e-mail address");
        }
        email
    });
    let mut identities = Vec::new();
    for (index, identity) in input.identities.iter().take(LONGEST_LIST).enumerate() {
        let path = format!("identities[{index}].sourceId");
        identities.push((identity.inbox_id, checks.text(&path, &identity.source_id, LONGEST_NAME)));
    }
    let blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    if input.id.is_none() && identities.is_empty() && blank(&input.phone) && blank(&input.email) {
        let message = "is required where neither phone nor email nor identities are given";
        checks.fail("id", ViolationCode::Required, message);
    }
    let lists = [
        ("identities", input.identities.len()),
        ("labelIds", input.label_ids.as_ref().map_or(0, Vec::len)),
    ];
    for (path, length) in lists {
        if length > LONGEST_LIST {
            let message = format!("has {length} entries; at most {LONGEST_LIST} are allowed");
            checks.fail(path, ViolationCode::TooLong, message);
        }
    }
    Known {
        phone,
        email,
        name: checks.optional_text("name", input.name.as_deref(), LONGEST_NAME),
        nickname: checks.optional_text("nickname", input.nickname.as_deref(), LONGEST_NAME),
        identities,
    }
}

/// The inboxes and labels must exist.
async fn check_references(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    checks: &mut Checks,
    input: &ContactUpsert,
) -> Result<()> {
    let identities = input.identities.get(..LONGEST_LIST).unwrap_or(&input.identities);
    if !identities.is_empty() {
        let wanted = inbox::Column::Id.is_in(identities.iter().map(|identity| identity.inbox_id));
        let inboxes = scope.find::<inbox::Entity>().filter(wanted).select_only();
        let inboxes: HashSet<InboxId> = inboxes
            .column(inbox::Column::Id)
            .into_tuple::<InboxId>()
            .all(tx)
            .await?
            .into_iter()
            .collect();
        for (index, identity) in identities.iter().enumerate() {
            if !inboxes.contains(&identity.inbox_id) {
                let path = format!("identities[{index}].inboxId");
                checks.fail(path, ViolationCode::NotFound, "no such inbox");
            }
        }
    }
    let label_ids = input.label_ids.as_deref().unwrap_or_default();
    let label_ids = label_ids.get(..LONGEST_LIST).unwrap_or(label_ids);
    if !label_ids.is_empty() {
        let wanted = label::Column::Id.is_in(label_ids.iter().copied());
        let labels = scope.find::<label::Entity>().filter(wanted).select_only();
        let labels: HashSet<LabelId> = labels
            .column(label::Column::Id)
            .into_tuple::<LabelId>()
            .all(tx)
            .await?
            .into_iter()
            .collect();
        for (index, id) in label_ids.iter().enumerate() {
            if !labels.contains(id) {
                checks.fail(format!("labelIds[{index}]"), ViolationCode::NotFound, "no such label");
            }
        }
    }
    Ok(())
}

async fn stored_identities(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    known: &Known,
) -> Result<Vec<contact_identity::Model>> {
    use contact_identity::Column::{InboxId, SourceId};
    if known.identities.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = known.identities.iter().fold(Condition::any(), |any, (inbox_id, source_id)| {
        any.add(Condition::all().add(InboxId.eq(*inbox_id)).add(SourceId.eq(source_id.as_str())))
    });
    Ok(scope.find::<contact_identity::Entity>().filter(wanted).all(tx).await?)
}

/// The contact that is meant; none if there is none yet.
async fn meant(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    checks: &mut Checks,
    input: &ContactUpsert,
    known: &Known,
    identities: &[contact_identity::Model],
) -> Result<Option<contact::Model>> {
    let by_id = match input.id {
        Some(id) => super::resolve(scope, tx, id).await?,
        None => None,
    };
    if input.id.is_some() && by_id.is_none() {
        checks.fail("id", ViolationCode::NotFound, "no such contact");
        return Ok(None);
    }
    if by_id.as_ref().is_some_and(|contact| contact.erased_at.is_some()) {
        let message = "was erased; without the id a new contact is made";
        checks.fail("id", ViolationCode::Conflict, message);
        return Ok(None);
    }
    let wanted = Condition::any()
        .add(contact::Column::Id.is_in(identities.iter().map(|identity| identity.contact_id)))
        .add_option(known.phone.as_deref().map(|phone| contact::Column::Phone.eq(phone)))
        .add_option(known.email.as_deref().map(|email| contact::Column::Email.eq(email)));
    let candidates = scope.find::<contact::Entity>().filter(wanted).all(tx).await?;
    let by_phone = candidates.iter().find(|each| each.phone.is_some() && each.phone == known.phone);
    let by_email = candidates.iter().find(|each| each.email.is_some() && each.email == known.email);
    let by_identity = candidates
        .iter()
        .find(|each| identities.iter().any(|identity| identity.contact_id == each.id));
    // An address of a contact that was merged is one of whom it was merged into.
    let by_phone = stands(scope, tx, by_phone).await?;
    let by_email = stands(scope, tx, by_email).await?;
    let meant = by_id.as_ref().or(by_phone.as_ref()).or(by_email.as_ref()).or(by_identity);
    let Some(meant) = meant else { return Ok(None) };
    for (path, owner) in [("phone", &by_phone), ("email", &by_email)] {
        if owner.as_ref().is_some_and(|owner| owner.id != meant.id) {
            checks.fail(path, ViolationCode::Conflict, OF_ANOTHER);
        }
    }
    for (index, (inbox_id, source_id)) in known.identities.iter().enumerate() {
        let stored = identities
            .iter()
            .find(|stored| stored.inbox_id == *inbox_id && stored.source_id == *source_id);
        if stored.is_some_and(|stored| stored.contact_id != meant.id) {
            checks.fail(format!("identities[{index}]"), ViolationCode::Conflict, OF_ANOTHER);
        }
    }
    Ok(Some(meant.clone()))
}

/// The contact, or the one into which it was merged.
async fn stands(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    contact: Option<&contact::Model>,
) -> Result<Option<contact::Model>> {
    match contact {
        Some(contact) => super::standing(scope, tx, contact.clone()).await,
        None => Ok(None),
    }
}

/// Writes a changed contact. An address that it is given and one that was merged into it
/// holds is exchanged with that one's, so that who is heard from either stays known.
async fn write(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    before: &contact::Model,
    after: contact::Model,
) -> Result<()> {
    use contact::Column as C;
    let given = [
        (C::Phone, before.phone.as_ref(), after.phone.clone()),
        (C::Email, before.email.as_ref(), after.email.clone()),
    ];
    let mut exchanged = Vec::new();
    for (column, had, gets) in given {
        let Some(gets) = gets.filter(|gets| had != Some(gets)) else { continue };
        let held = Condition::all().add(C::MergedIntoId.eq(after.id)).add(column.eq(gets));
        let holder = scope.find::<contact::Entity>().filter(held).one(tx).await?;
        let Some(holder) = holder else { continue };
        // The addresses are unique: one is free before the other is given.
        give(scope, tx, holder.id, column, None).await?;
        exchanged.push((holder.id, column, had));
    }
    after.into_active_model().reset_all().update(tx).await?;
    for (holder, column, address) in exchanged {
        give(scope, tx, holder, column, address).await?;
    }
    Ok(())
}

async fn give(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: ContactId,
    column: contact::Column,
    address: Option<&String>,
) -> Result<()> {
    scope
        .update_many::<contact::Entity>()
        .col_expr(column, Expr::value(address.cloned()))
        .filter(contact::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Adds identities that are not stored yet. Says whether there were any.
async fn add_identities(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    contact_id: ContactId,
    identities: Vec<(InboxId, String)>,
    stored: &[contact_identity::Model],
) -> Result<bool> {
    let mut new: BTreeSet<(InboxId, String)> = identities.into_iter().collect();
    for stored in stored {
        new.remove(&(stored.inbox_id, stored.source_id.clone()));
    }
    let added = !new.is_empty();
    let rows = new.into_iter().map(|(inbox_id, source_id)| contact_identity::ActiveModel {
        account_id: Set(scope.account_id()),
        id: Set(scope.id()),
        inbox_id: Set(inbox_id),
        contact_id: Set(contact_id),
        source_id: Set(source_id),
        created_at: Set(scope.now()),
    });
    contact_identity::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(added)
}

/// Makes `label_ids` the contact's labels. Says whether they were others before.
async fn set_labels(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    contact_id: ContactId,
    label_ids: BTreeSet<LabelId>,
) -> Result<bool> {
    let before: BTreeSet<LabelId> = scope
        .find::<contact_label::Entity>()
        .filter(contact_label::Column::ContactId.eq(contact_id))
        .select_only()
        .column(contact_label::Column::LabelId)
        .into_tuple::<LabelId>()
        .all(tx)
        .await?
        .into_iter()
        .collect();
    if before == label_ids {
        return Ok(false);
    }
    let gone = contact_label::Column::LabelId.is_in(before.difference(&label_ids).copied());
    scope
        .delete_many::<contact_label::Entity>()
        .filter(contact_label::Column::ContactId.eq(contact_id))
        .filter(gone)
        .exec(tx)
        .await?;
    let rows = label_ids.difference(&before).map(|label_id| contact_label::ActiveModel {
        account_id: Set(scope.account_id()),
        contact_id: Set(contact_id),
        label_id: Set(*label_id),
        created_at: Set(scope.now()),
    });
    contact_label::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(true)
}
