//! Erasing a contact: its personal data go from every table, and the rows that count stay, so
//! that no report changes. What is left of its addresses are keyed hashes, by which late news are
//! recognised and opt-outs go on holding; what comes of them is `erased`'s and `record`'s
//! business.

mod marks;
mod messages;
mod stored;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::id::{ContactId, InboxId, OptOutId, Uuid};
use entity::kinds::{EventKind, Platform};
use entity::vocabulary::Vocabulary as _;
use entity::{
    Timestamp, account_counter, contact, contact_identity, contact_label, erased_address, inbox,
    opt_out, recipient,
};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, FromQueryResult, QueryFilter, QuerySelect, Value,
};

use super::idempotency::{self, Begun};
use super::rows::{IDS, insert_or, update};
use super::{contact as contacts, erased, event, opt_out as opt_outs};
use crate::auth::{AccountScope, Permission};
use crate::error::{Error, Result};
use marks::Marks;

/// Removes the personal data of a contact, and of those that were merged into it, and answers
/// with what is left of it. Erased before, it is answered as it is. All of it is one transaction
/// under the account's lock: what is recorded meanwhile comes wholly before it or wholly after.
pub async fn erase(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    id: ContactId,
) -> Result<contact::Model> {
    scope.require(Permission::Administer)?;
    let id = match idempotency::begin(scope, idempotency_key, "contactErase", &id).await? {
        Begun::Again(answer) => answer,
        Begun::First(claim) => {
            let answer = apply(scope, claim.tx(), id).await?;
            claim.commit(scope, answer).await?
        }
    };
    contacts::find(scope, scope.db().read(), id).await?.ok_or(Error::NotFound("contact"))
}

async fn apply(scope: &AccountScope, tx: &DatabaseTransaction, id: ContactId) -> Result<ContactId> {
    let counter = scope.lock(tx).await?;
    let contact = contacts::resolve(scope, tx, id).await?.ok_or(Error::NotFound("contact"))?;
    if contact.erased_at.is_some() {
        return Ok(contact.id);
    }
    let mut person = Person::load(scope, tx, &contact).await?;
    let at_providers = messages::erase(scope, tx, &person.ids).await?;
    person.marks.ids(at_providers);
    hash_opt_outs(scope, tx, &person.opt_outs).await?;
    stored::empty_deliveries(scope, tx, &person.marks).await?;
    stored::drop_parked(scope, tx, &person.traces).await?;
    stored::forget_answers(scope, tx, &person.marks, &person.names).await?;
    strip(scope, tx, &person.ids).await?;
    remember(scope, tx, &counter, &person.traces).await?;
    let ids: Vec<Uuid> = person.ids.iter().map(|id| id.0).collect();
    event::write(scope, tx, EventKind::ContactChanged, ids).await?;
    Ok(contact.id)
}

/// What is known of a contact before it is erased.
#[derive(Default)]
struct Person {
    /// It, and those that were merged into it.
    ids: Vec<ContactId>,
    names: Vec<String>,
    /// By which it is recognised in what others stored of it.
    marks: Marks,
    /// By which it is recognised afterwards.
    traces: BTreeSet<String>,
    opt_outs: Vec<Entry>,
}

/// An entry of the history of opt-outs.
#[derive(FromQueryResult)]
struct Entry {
    id: OptOutId,
    platform: Platform,
    address: String,
    inbox_id: Option<InboxId>,
}

impl Person {
    async fn load(
        scope: &AccountScope,
        tx: &DatabaseTransaction,
        contact: &contact::Model,
    ) -> Result<Self> {
        use contact::Column::{Id, MergedIntoId};
        let all = Condition::any().add(Id.eq(contact.id)).add(MergedIntoId.eq(contact.id));
        let people = scope.find::<contact::Entity>().filter(all).all(tx).await?;
        let mut person = Self::default();
        let mut families: BTreeSet<opt_outs::Address> = BTreeSet::new();
        for each in people {
            for address in each.phone.iter().chain(&each.email) {
                person.marks.address(address);
                person.traces.insert(erased::address(scope, address));
            }
            let (phone, email) = (each.phone.as_deref(), each.email.as_deref());
            let shared = |platform: &Platform| {
                Some((*platform, opt_outs::shared(*platform, phone, email, None)?))
            };
            families.extend(Platform::ALL.iter().filter_map(shared));
            person.ids.push(each.id);
            person.names.extend(each.name.into_iter().chain(each.nickname));
        }
        let platforms = platforms(scope, tx).await?;
        for identity in identities(scope, tx, &person.ids).await? {
            let (inbox, id) = (identity.inbox_id, identity.source_id.as_str());
            let Some(platform) = platforms.get(&inbox).copied() else { continue };
            families
                .extend(opt_outs::address(platform, None, None, Some(id)).map(|a| (platform, a)));
            person.know(scope, platform, Some(inbox), id);
        }
        for entry in entries(scope, tx, &person.ids, families).await? {
            person.know(scope, entry.platform, entry.inbox_id, &entry.address);
            person.opt_outs.push(entry);
        }
        Ok(person)
    }

    /// Notes an address or an id on an inbox.
    fn know(&mut self, scope: &AccountScope, platform: Platform, inbox: Option<InboxId>, id: &str) {
        self.marks.address(id);
        let shared = opt_outs::shared(platform, None, None, Some(id));
        self.traces.extend(shared.map(|shared| erased::address(scope, &shared)));
        let traces = inbox.map(|inbox| erased::traces(scope, platform, inbox, id));
        self.traces.extend(traces.into_iter().flatten());
    }
}

async fn platforms(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
) -> Result<HashMap<InboxId, Platform>> {
    use inbox::Column::{Id, Platform as Of};
    let inboxes = scope.find::<inbox::Entity>().select_only().columns([Id, Of]);
    let inboxes: Vec<(InboxId, Platform)> = inboxes.into_tuple().all(tx).await?;
    Ok(inboxes.into_iter().collect())
}

async fn identities(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    people: &[ContactId],
) -> Result<Vec<contact_identity::Model>> {
    let of = contact_identity::Column::ContactId.is_in(people.iter().copied());
    Ok(scope.find::<contact_identity::Entity>().filter(of).all(tx).await?)
}

/// What was said by or for these contacts, and of these addresses without naming any contact.
async fn entries(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    people: &[ContactId],
    families: BTreeSet<opt_outs::Address>,
) -> Result<Vec<Entry>> {
    use opt_out::Column as C;
    let mut by_platform: BTreeMap<Platform, Vec<String>> = BTreeMap::new();
    for (platform, address) in families {
        by_platform.entry(platform).or_default().push(address);
    }
    // No condition at all would hold for all.
    let nameless = (!by_platform.is_empty()).then(|| {
        let addressed = by_platform.into_iter().map(|(platform, addresses)| {
            Condition::all().add(C::Platform.eq(platform)).add(C::Address.is_in(addresses))
        });
        let addressed = addressed.fold(Condition::any(), Condition::add);
        Condition::all().add(C::ContactId.is_null()).add(addressed)
    });
    let said = C::ContactId.is_in(people.iter().copied());
    let wanted = Condition::any().add(said).add_option(nameless);
    let entries = scope.find::<opt_out::Entity>().filter(wanted).select_only();
    let entries = entries.columns([C::Id, C::Platform, C::Address, C::InboxId]);
    let entries = entries.into_model::<Entry>().all(tx).await?;
    Ok(entries.into_iter().filter(|entry| !erased::is_erased(&entry.address)).collect())
}

/// The history goes on saying what it said, of a hash.
async fn hash_opt_outs(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    entries: &[Entry],
) -> Result<()> {
    use opt_out::Column as C;
    let row = |entry: &Entry| {
        [Value::from(entry.id), Value::from(erased::address(scope, &entry.address))]
    };
    let rows = entries.iter().map(row).collect();
    update::<opt_out::Entity, _>(scope, tx, [C::Id, C::Address], rows).await?;
    for chunk in entries.chunks(IDS) {
        // People write what they like into reasons.
        let reasons = scope.update_many::<opt_out::Entity>();
        let reasons = reasons.col_expr(C::Reason, Expr::value(None::<String>));
        reasons.filter(C::Id.is_in(chunk.iter().map(|entry| entry.id))).exec(tx).await?;
    }
    Ok(())
}

/// Leaves of the contacts themselves nothing but that they were there.
async fn strip(scope: &AccountScope, tx: &DatabaseTransaction, people: &[ContactId]) -> Result<()> {
    let all = || people.iter().copied();
    let identities = contact_identity::Column::ContactId.is_in(all());
    scope.delete_many::<contact_identity::Entity>().filter(identities).exec(tx).await?;
    let labels = contact_label::Column::ContactId.is_in(all());
    scope.delete_many::<contact_label::Entity>().filter(labels).exec(tx).await?;
    let addressless = recipient::ActiveModel { address: Set(None), ..Default::default() };
    let recipients = scope.update_many::<recipient::Entity>().set(addressless);
    recipients.filter(recipient::Column::ContactId.is_in(all())).exec(tx).await?;
    let stripped = contact::ActiveModel {
        name: Set(None),
        name_key: Set(None),
        nickname: Set(None),
        email: Set(None),
        phone: Set(None),
        erased_at: Set(Some(scope.now())),
        updated_at: Set(scope.now()),
        ..Default::default()
    };
    let contacts = scope.update_many::<contact::Entity>().set(stripped);
    contacts.filter(contact::Column::Id.is_in(all())).exec(tx).await?;
    Ok(())
}

/// Keeps the hashes by which late news are known, and that there is something to compare with.
async fn remember(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    counter: &account_counter::Model,
    traces: &BTreeSet<String>,
) -> Result<()> {
    let now: Timestamp = scope.now();
    let rows = traces.iter().map(|hash| erased_address::Model {
        account_id: scope.account_id(),
        hash: hash.clone(),
        erased_at: now,
    });
    let again = " ON CONFLICT (account_id, hash) DO UPDATE SET erased_at = excluded.erased_at";
    insert_or::<erased_address::Entity, _>(tx, rows, again).await?;
    let last = counter.last_erased_at.max(Some(now));
    let counter = scope.update_many::<account_counter::Entity>();
    let counter = counter.col_expr(account_counter::Column::LastErasedAt, Expr::value(last));
    counter.exec(tx).await?;
    Ok(())
}
