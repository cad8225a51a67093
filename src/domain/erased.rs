//! How what was erased is known again without being kept: in the place of an address, or of a
//! message's id at its provider, stands a keyed hash. By these late news of somebody are told
//! apart from those of a new contact, repetitions and statuses still find their message, and
//! opt-outs go on holding.

use std::collections::{BTreeSet, HashMap};

use entity::id::{InboxId, MessageId};
use entity::kinds::Platform;
use entity::{Timestamp, erased_address, message};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};

use super::rows::IDS;
use super::{opt_out, page};
use crate::auth::AccountScope;
use crate::error::Result;

/// How a hash begins, so that nobody takes it for the thing itself.
const MARK: &str = "erased:";

/// What is left of a provider's delivery that told of somebody who was erased.
pub const DELIVERY: &[u8] = br#"{"erased":true}"#;

/// Whether a text stands for something that was erased.
pub fn is_erased(text: &str) -> bool {
    text.starts_with(MARK)
}

/// What stands for an address, as [`opt_out::address`] gives it. The same for what stands so
/// already.
pub fn address(scope: &AccountScope, address: &str) -> String {
    if is_erased(address) { address.to_owned() } else { hash(scope, "address", address) }
}

/// What stands for a message's id at the provider of its inbox.
pub fn external_id(scope: &AccountScope, inbox: InboxId, id: &str) -> String {
    hash(scope, "message", &format!("{}|{id}", inbox.0.simple()))
}

/// Under which hashes somebody is remembered who is known so on an inbox: first by the phone
/// number or e-mail address in it, which is the same on all inboxes, if there is one, then by the
/// id there.
pub fn traces(
    scope: &AccountScope,
    platform: Platform,
    inbox: InboxId,
    source_id: &str,
) -> Vec<String> {
    let shared = opt_out::shared(platform, None, None, Some(source_id));
    let own = hash(scope, "id", &format!("{}|{source_id}", inbox.0.simple()));
    shared.map(|shared| address(scope, &shared)).into_iter().chain([own]).collect()
}

fn hash(scope: &AccountScope, kind: &str, text: &str) -> String {
    let text = format!("{}|{text}", scope.account_id().0.simple());
    format!("{MARK}{}", scope.engine().vault.fingerprint(&format!("erased {kind}"), &text))
}

/// Of somebody, by all their traces, and a time: whether they were erased after it.
pub async fn erased_after(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    asked: &[(Vec<String>, Timestamp)],
) -> Result<Vec<bool>> {
    use erased_address::Column::Hash;
    let hashes: BTreeSet<&str> =
        asked.iter().flat_map(|(traces, _)| traces).map(String::as_str).collect();
    let hashes: Vec<&str> = hashes.into_iter().collect();
    let mut erased: HashMap<String, Timestamp> = HashMap::new();
    for chunk in hashes.chunks(IDS) {
        let found = scope.find::<erased_address::Entity>();
        let found = found.filter(Hash.is_in(chunk.iter().copied())).all(connection).await?;
        erased.extend(found.into_iter().map(|row| (row.hash, row.erased_at)));
    }
    let after = |(traces, at): &(Vec<String>, Timestamp)| {
        traces.iter().filter_map(|trace| erased.get(trace)).any(|erased_at| at < erased_at)
    };
    Ok(asked.iter().map(after).collect())
}

/// How many of these messages are of contacts who were erased.
pub async fn messages(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    ids: &[MessageId],
) -> Result<u64> {
    use message::Column::{ExternalId, Id};
    let mut count = 0;
    for chunk in ids.chunks(IDS) {
        let erased = scope.find::<message::Entity>().filter(Id.is_in(chunk.iter().copied()));
        count += page::count(connection, erased.filter(ExternalId.starts_with(MARK))).await?;
    }
    Ok(count)
}
