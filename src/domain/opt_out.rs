//! Opt-outs and opt-ins: the append-only history of each address within a family of
//! platforms (all SMS, all e-mail, each messenger), of which the last entry counts. Who
//! sends asks here whether an address is out; what follows from it is theirs.

mod by_hand;
mod link;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::id::{ContactId, InboxId, MessageId, OptOutId, UserId};
use entity::kinds::{EventKind, OptOutKind, OptOutSource, Platform};
use entity::{Timestamp, opt_out};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde::Serialize;

use super::page::Order;
use super::{LONGEST_NAME, erased, event, record, text};
use crate::auth::{AccountScope, Permission};
use crate::error::{Checks, Error, Result};

pub use by_hand::{OptOutInput, opt_out};
pub use link::{Link, Standing};

/// Addresses looked up, and rows written, by one statement.
const CHUNK: usize = 1_000;

/// A family of platforms and an address in it, as [`address`] gives it.
pub type Address = (Platform, String);

/// An entry of the history before it is stored.
#[derive(Clone, Debug)]
pub struct NewEntry {
    pub platform: Platform,
    /// As [`address`] gives it.
    pub address: String,
    pub kind: OptOutKind,
    pub source: OptOutSource,
    pub contact_id: Option<ContactId>,
    pub inbox_id: Option<InboxId>,
    /// The message that says so.
    pub message_id: Option<MessageId>,
    /// Who did it by hand.
    pub user_id: Option<UserId>,
    pub reason: Option<String>,
    pub occurred_at: Timestamp,
}

/// Which entries of the history to list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OptOutFilter {
    pub platforms: Option<Vec<Platform>>,
    pub kinds: Option<Vec<OptOutKind>>,
    pub sources: Option<Vec<OptOutSource>>,
    pub contact_ids: Option<Vec<ContactId>>,
    pub inbox_ids: Option<Vec<InboxId>>,
    /// The whole address, in any spelling of a phone number or an e-mail address.
    pub address: Option<String>,
    /// Whether it changed how the address stood.
    pub effective: Option<bool>,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
}

/// Whether contacts are known by their phone numbers on a platform.
pub fn has_numbers(platform: Platform) -> bool {
    matches!(platform, Platform::Sms | Platform::Whatsapp | Platform::Viber)
}

/// The address under which the opt-outs of a contact are kept on a platform: the phone
/// number or e-mail address where the platform has such addresses and the contact one, so
/// that it holds on every inbox of the family; else how the platform knows the contact.
pub fn address(
    platform: Platform,
    phone: Option<&str>,
    email: Option<&str>,
    source_id: Option<&str>,
) -> Option<String> {
    shared(platform, phone, email, source_id).or_else(|| source_id.map(str::to_owned))
}

/// Of the same, only a phone number or an e-mail address, which is the same on every inbox.
pub(super) fn shared(
    platform: Platform,
    phone: Option<&str>,
    email: Option<&str>,
    source_id: Option<&str>,
) -> Option<String> {
    match platform {
        _ if has_numbers(platform) => phone.map(str::to_owned).or_else(|| text::phone(source_id?)),
        Platform::Email => email.map(str::to_owned).or_else(|| text::email(source_id?)),
        _ => None,
    }
}

/// Whether a message is wholly one of the account's words, which are in lower case. White
/// space around it and the case do not matter.
pub fn word(content: &str, out_words: &[String], in_words: &[String]) -> Option<OptOutKind> {
    let said = content.trim().to_lowercase();
    if said.is_empty() {
        None
    } else if out_words.contains(&said) {
        Some(OptOutKind::OptOut)
    } else if in_words.contains(&said) {
        Some(OptOutKind::OptIn)
    } else {
        None
    }
}

/// Adds entries to the history and to the event log, and answers what was written. Every
/// entry is kept: whether it says something new at its time depends on those before it, of
/// which some may still come. The caller holds the account's lock.
pub async fn append(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    mut entries: Vec<NewEntry>,
) -> Result<Vec<OptOutId>> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    entries.sort_by_key(|entry| entry.occurred_at);
    let addresses = entries.iter().map(|entry| (entry.platform, entry.address.clone()));
    let mut histories = histories(scope, tx, addresses.collect()).await?;
    let mut ids: Vec<OptOutId> = Vec::new();
    for entry in &entries {
        let id = scope.id();
        ids.push(id);
        let history = histories.entry(lasting(scope, entry.platform, &entry.address)).or_default();
        history.add(Heard {
            id,
            kind: entry.kind,
            occurred_at: entry.occurred_at,
            effective: None,
        });
    }
    let mut effective: HashMap<OptOutId, bool> = HashMap::new();
    let mut turned: BTreeMap<bool, Vec<OptOutId>> = BTreeMap::new();
    for (heard, now) in histories.values().flat_map(History::judged) {
        match heard.effective {
            None => drop(effective.insert(heard.id, now)),
            Some(before) if before != now => turned.entry(now).or_default().push(heard.id),
            Some(_) => {}
        }
    }
    let known = |id| effective.get(&id).copied().unwrap_or(true);
    let rows: Vec<opt_out::ActiveModel> = entries
        .into_iter()
        .zip(&ids)
        .map(|(entry, id)| row(scope, *id, entry, known(*id)))
        .collect();
    let mut judged = ids.clone();
    for (now, ids) in turned {
        judged.extend(ids.iter().copied());
        let rows = scope.update_many::<opt_out::Entity>().filter(opt_out::Column::Id.is_in(ids));
        rows.col_expr(opt_out::Column::Effective, Expr::value(now)).exec(tx).await?;
    }
    for chunk in rows.chunks(CHUNK) {
        opt_out::Entity::insert_many(chunk.iter().cloned()).exec_without_returning(tx).await?;
    }
    record::attribute_opt_outs(scope, tx, &judged).await?;
    event::write(scope, tx, EventKind::OptOutChanged, ids.iter().map(|id| id.0).collect()).await?;
    Ok(ids)
}

fn row(
    scope: &AccountScope,
    id: OptOutId,
    entry: NewEntry,
    effective: bool,
) -> opt_out::ActiveModel {
    opt_out::ActiveModel {
        account_id: Set(scope.account_id()),
        id: Set(id),
        platform: Set(entry.platform),
        address: Set(entry.address),
        kind: Set(entry.kind),
        effective: Set(effective),
        source: Set(entry.source),
        contact_id: Set(entry.contact_id),
        inbox_id: Set(entry.inbox_id),
        message_id: Set(entry.message_id),
        user_id: Set(entry.user_id),
        reason: Set(entry.reason.map(|reason| text::clean(&reason).into_owned())),
        occurred_at: Set(entry.occurred_at),
        created_at: Set(scope.now()),
    }
}

/// What is known of one address, by time, then by id.
#[derive(Debug, Default)]
struct History(Vec<Heard>);

#[derive(Clone, Copy, Debug)]
struct Heard {
    id: OptOutId,
    kind: OptOutKind,
    occurred_at: Timestamp,
    /// As it is stored; none where it is new.
    effective: Option<bool>,
}

impl History {
    fn add(&mut self, heard: Heard) {
        let order = |heard: &Heard| (heard.occurred_at, heard.id);
        let place = self.0.partition_point(|known| order(known) <= order(&heard));
        self.0.insert(place, heard);
    }

    /// Whether each entry changed how the address stood. A new address is not out.
    fn judged(&self) -> impl Iterator<Item = (&Heard, bool)> {
        let mut before = OptOutKind::OptIn;
        self.0.iter().map(move |heard| {
            let changes = heard.kind != before;
            before = heard.kind;
            (heard, changes)
        })
    }
}

#[derive(FromQueryResult)]
struct Stored {
    id: OptOutId,
    platform: Platform,
    address: String,
    kind: OptOutKind,
    effective: bool,
    occurred_at: Timestamp,
}

/// Under what the history of an address is kept here: what was said before its contact was
/// erased stands under a hash, and goes on counting.
fn lasting(scope: &AccountScope, platform: Platform, address: &str) -> Address {
    (platform, erased::address(scope, address))
}

/// The histories of addresses, by [`lasting`].
async fn histories(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    addresses: BTreeSet<Address>,
) -> Result<HashMap<Address, History>> {
    use opt_out::Column as C;
    let mut forms: BTreeMap<Address, BTreeSet<String>> = BTreeMap::new();
    for (platform, address) in addresses {
        let lasting = lasting(scope, platform, &address);
        forms.entry(lasting.clone()).or_default().extend([address, lasting.1]);
    }
    let forms: Vec<(Address, BTreeSet<String>)> = forms.into_iter().collect();
    let mut histories: HashMap<Address, History> = HashMap::new();
    for chunk in forms.chunks(CHUNK) {
        let mut families: BTreeMap<Platform, BTreeSet<&str>> = BTreeMap::new();
        for ((platform, _), forms) in chunk {
            families.entry(*platform).or_default().extend(forms.iter().map(String::as_str));
        }
        let wanted = families.into_iter().fold(Condition::any(), |any, (platform, addresses)| {
            any.add(Condition::all().add(C::Platform.eq(platform)).add(C::Address.is_in(addresses)))
        });
        let heard = scope
            .find::<opt_out::Entity>()
            .filter(wanted)
            .select_only()
            .columns([C::Id, C::Platform, C::Address, C::Kind, C::Effective, C::OccurredAt])
            .into_model::<Stored>()
            .all(connection)
            .await?;
        for Stored { id, platform, address, kind, effective, occurred_at } in heard {
            let effective = Some(effective);
            let history = histories.entry(lasting(scope, platform, &address)).or_default();
            history.add(Heard { id, kind, occurred_at, effective });
        }
    }
    Ok(histories)
}

/// How each address stands: the last entry of its history, by time, then by id. Addresses
/// without any are not in the answer; they are not out.
pub async fn current(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    addresses: &[Address],
) -> Result<HashMap<Address, OptOutKind>> {
    let histories = histories(scope, connection, addresses.iter().cloned().collect()).await?;
    let last = |address: &Address| {
        let History(entries) = histories.get(&lasting(scope, address.0, &address.1))?;
        Some((address.clone(), entries.last()?.kind))
    };
    Ok(addresses.iter().filter_map(last).collect())
}

/// The entries that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &OptOutFilter) -> Result<Select<opt_out::Entity>> {
    use opt_out::Column as C;
    scope.require(Permission::Read)?;
    if filter.address.is_some() {
        scope.require_personal_data("looking for an address")?;
    }
    let mut checks = Checks::new();
    let address = checks.optional_text("filter.address", filter.address.as_deref(), LONGEST_NAME);
    checks.finish()?;
    let spellings =
        address.map(|address| [text::phone(&address), text::email(&address), Some(address)]);
    let wanted = Condition::all()
        .add_option(filter.platforms.as_ref().map(|any| C::Platform.is_in(any.iter().copied())))
        .add_option(filter.kinds.as_ref().map(|any| C::Kind.is_in(any.iter().copied())))
        .add_option(filter.sources.as_ref().map(|any| C::Source.is_in(any.iter().copied())))
        .add_option(filter.contact_ids.as_ref().map(|any| C::ContactId.is_in(any.iter().copied())))
        .add_option(filter.inbox_ids.as_ref().map(|any| C::InboxId.is_in(any.iter().copied())))
        .add_option(spellings.map(|any| C::Address.is_in(any.into_iter().flatten())))
        .add_option(filter.effective.map(|effective| C::Effective.eq(effective)))
        .add_option(filter.from.map(|from| C::OccurredAt.gte(from)))
        .add_option(filter.to.map(|to| C::OccurredAt.lt(to)));
    Ok(scope.find::<opt_out::Entity>().filter(wanted))
}

pub fn by_time() -> Order<opt_out::Column> {
    use opt_out::Column::{Id, OccurredAt};
    Order { column: OccurredAt, id: Id, descending: false, nullable: false }
}

pub async fn get(scope: &AccountScope, id: OptOutId) -> Result<opt_out::Model> {
    find_many(scope, &[id]).await?.pop().ok_or(Error::NotFound("opt-out"))
}

/// Entries by id, oldest first; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[OptOutId]) -> Result<Vec<opt_out::Model>> {
    scope.require(Permission::Read)?;
    load(scope, ids).await
}

async fn load(scope: &AccountScope, ids: &[OptOutId]) -> Result<Vec<opt_out::Model>> {
    let select = scope
        .find::<opt_out::Entity>()
        .filter(opt_out::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(opt_out::Column::Id);
    Ok(select.all(scope.db().read()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_for_the_whole_family() {
        let phone = Some("+4930901820");
        let at = |platform, phone, email, source| address(platform, phone, email, source);
        assert_eq!(at(Platform::Whatsapp, phone, None, Some("US.42")).as_deref(), phone);
        assert_eq!(at(Platform::Whatsapp, None, None, Some("4930901820")).as_deref(), phone);
        assert_eq!(at(Platform::Whatsapp, None, None, Some("US.42")).as_deref(), Some("US.42"));
        assert_eq!(at(Platform::Sms, phone, None, None).as_deref(), phone);
        assert_eq!(
            at(Platform::Email, phone, None, Some("Ada@Example.org")).as_deref(),
            Some("ada@example.org")
        );
        assert_eq!(at(Platform::Telegram, phone, None, Some("77")).as_deref(), Some("77"));
        assert_eq!(at(Platform::Telegram, phone, None, None), None);
    }

    #[test]
    fn words_are_the_whole_text() {
        let (out_words, in_words) = (["stop".to_owned()], ["start".to_owned()]);
        let word = |content| word(content, &out_words, &in_words);
        assert_eq!(word(" Stop\n"), Some(OptOutKind::OptOut));
        assert_eq!(word("START"), Some(OptOutKind::OptIn));
        for other in ["", " ", "stop it", "please stop", "stopp"] {
            assert_eq!(word(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_changes_something_follows_from_all_that_is_known() {
        use OptOutKind::{OptIn, OptOut};
        let judged = |entries: &[(i64, OptOutKind)]| -> Vec<bool> {
            let mut history = History::default();
            for (number, (at, kind)) in entries.iter().enumerate() {
                let id = OptOutId(entity::id::Uuid::from_u128(number as u128));
                let occurred_at = Timestamp(*at);
                history.add(Heard { id, kind: *kind, occurred_at, effective: None });
            }
            history.judged().map(|(_, changes)| changes).collect()
        };
        assert_eq!(judged(&[(1, OptIn), (10, OptOut), (20, OptOut)]), [false, true, false]);
        assert_eq!(judged(&[(10, OptOut), (30, OptOut), (20, OptIn)]), [true, true, true]);
        assert_eq!(judged(&[(15, OptIn), (10, OptOut)]), [true, true]);
        assert_eq!(judged(&[(10, OptOut), (10, OptIn), (10, OptOut)]), [true, true, true]);
    }
}
