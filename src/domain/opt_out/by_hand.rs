//! Opt-outs and opt-ins by hand: which addresses are meant. What becomes of them is the
//! history's business.

use std::collections::BTreeSet;

use entity::id::{ContactId, InboxId, OptOutId};
use entity::kinds::{OptOutKind, OptOutSource, Platform};
use entity::{contact_identity, inbox};
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter};
use serde::Serialize;

use super::{Address, NewEntry, address, append, load};
use crate::auth::{AccountScope, Actor, Permission};
use crate::domain::idempotency::Begun;
use crate::domain::{LONGEST_NAME, contact, idempotency, text};
use crate::error::{Checks, Result, ViolationCode};

/// Characters of a reason.
const LONGEST_REASON: usize = 1_000;

/// Whom to opt out or in by hand: a contact, or a platform with an address.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OptOutInput {
    pub contact_id: Option<ContactId>,
    /// Of the contact's addresses only the one on this inbox.
    pub inbox_id: Option<InboxId>,
    /// Goes with an address; beside a contact it narrows to this family.
    pub platform: Option<Platform>,
    pub address: Option<String>,
    pub reason: Option<String>,
}

/// Opts out or in by hand: one address, a contact on one inbox, or a contact everywhere.
/// Answers the entries written: none for addresses that are out, or not out, already.
pub async fn opt_out(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: OptOutInput,
    kind: OptOutKind,
) -> Result<Vec<entity::opt_out::Model>> {
    scope.require(Permission::Manage)?;
    let mutation = match kind {
        OptOutKind::OptOut => "contactOptOut",
        OptOutKind::OptIn => "contactOptIn",
    };
    let ids = match idempotency::begin(scope, idempotency_key, mutation, &input).await? {
        Begun::Again(answer) => answer,
        Begun::First(claim) => {
            let tx = claim.tx();
            let answer = by_hand(scope, tx, &input, kind).await?;
            claim.commit(scope, answer).await?
        }
    };
    load(scope, &ids).await
}

async fn by_hand(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    input: &OptOutInput,
    kind: OptOutKind,
) -> Result<Vec<OptOutId>> {
    let mut checks = Checks::new();
    let reason = checks.optional_text("reason", input.reason.as_deref(), LONGEST_REASON);
    // What recording does to the same addresses must not come in between.
    scope.lock(tx).await?;
    let (contact_id, addresses) = match (input.contact_id, input.address.as_deref()) {
        (Some(id), None) => of_contact(scope, tx, &mut checks, id, input).await?,
        (None, Some(given)) => (None, of_text(&mut checks, input, given)),
        (Some(_), Some(_)) => {
            let message = "cannot be given together with contactId";
            checks.fail("address", ViolationCode::Conflict, message);
            (None, BTreeSet::new())
        }
        (None, None) => {
            let message = "is required where platform and address are not given";
            checks.fail("contactId", ViolationCode::Required, message);
            (None, BTreeSet::new())
        }
    };
    checks.finish()?;
    let source = match scope.actor() {
        Actor::User(_) => OptOutSource::User,
        Actor::Provider => OptOutSource::Provider,
        Actor::Token | Actor::System => OptOutSource::Api,
    };
    let now = scope.now();
    let entry = |(platform, address)| NewEntry {
        platform,
        address,
        kind,
        source,
        contact_id,
        inbox_id: input.inbox_id,
        message_id: None,
        user_id: scope.actor().user_id(),
        reason: reason.clone(),
        occurred_at: now,
    };
    append(scope, tx, addresses.into_iter().map(entry).collect()).await
}

fn of_text(checks: &mut Checks, input: &OptOutInput, given: &str) -> BTreeSet<Address> {
    if input.inbox_id.is_some() {
        checks.fail("inboxId", ViolationCode::Conflict, "goes with contactId, not with address");
    }
    let given = checks.text("address", given, LONGEST_NAME);
    let Some(platform) = checks.required("platform", input.platform) else {
        return BTreeSet::new();
    };
    if platform == Platform::Sms && text::phone(&given).is_none() {
        let message = "is no telephone number; expected 5 to 15 digits, with or without +";
        checks.fail("address", ViolationCode::Malformed, message);
    }
    if platform == Platform::Email && text::email(&given).is_none() {
        checks.fail("address", ViolationCode::Malformed, "is no e-mail address");
    }
    address(platform, None, None, Some(&given))
        .map(|address| (platform, address))
        .into_iter()
        .collect()
}

/// Where a contact can be written to: as the account's inboxes know it, and by its phone
/// number and e-mail address on inboxes that do not know it yet.
async fn of_contact(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    checks: &mut Checks,
    id: ContactId,
    input: &OptOutInput,
) -> Result<(Option<ContactId>, BTreeSet<Address>)> {
    let mut addresses = BTreeSet::new();
    let Some(contact) = contact::resolve(scope, tx, id).await? else {
        checks.fail("contactId", ViolationCode::NotFound, "no such contact");
        return Ok((None, addresses));
    };
    let identities = scope
        .find::<contact_identity::Entity>()
        .filter(contact_identity::Column::ContactId.eq(contact.id))
        .all(tx)
        .await?;
    let mut select = scope.find::<inbox::Entity>();
    if let Some(id) = input.inbox_id {
        select = select.filter(inbox::Column::Id.eq(id));
    }
    if let Some(platform) = input.platform {
        select = select.filter(inbox::Column::Platform.eq(platform));
    }
    let inboxes = select.all(tx).await?;
    if input.inbox_id.is_some() && inboxes.is_empty() {
        checks.fail("inboxId", ViolationCode::NotFound, "no such inbox, or not on this platform");
        return Ok((None, addresses));
    }
    let (phone, email) = (contact.phone.as_deref(), contact.email.as_deref());
    for inbox in inboxes {
        let known = identities.iter().filter(|identity| identity.inbox_id == inbox.id);
        // The contact may have another number than the one it writes from.
        let known = known.flat_map(|identity| {
            let own = Some(identity.source_id.as_str());
            let of_contact = address(inbox.platform, phone, email, own);
            of_contact.into_iter().chain(address(inbox.platform, None, None, own))
        });
        let reachable =
            address(inbox.platform, phone, email, None).filter(|_| inbox.archived_at.is_none());
        addresses.extend(known.chain(reachable).map(|address| (inbox.platform, address)));
    }
    if addresses.is_empty() {
        let message = "has no address there; give platform and address instead";
        checks.fail("contactId", ViolationCode::Conflict, message);
    }
    Ok((Some(contact.id), addresses))
}
