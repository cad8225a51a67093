//! The customers, and the messages that they and the business write.

use entity::Timestamp;
use entity::id::InboxId;
use entity::kinds::Direction;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::words;
use crate::domain::record::{ContactRef, NewMessage, Traffic};

#[derive(Clone, Copy)]
pub enum Address {
    Phone,
    Email,
    Id,
}

pub fn contact(person: u32, address: Address) -> ContactRef {
    let name = words::name(person);
    let phone = format!("+55119{:08}", 10_000_000 + u64::from(person) * 7_919 % 80_000_000);
    let (external_id, phone, email) = match address {
        Address::Phone => (None, Some(phone), None),
        Address::Email => (None, None, Some(words::email(&name, person))),
        Address::Id => (
            Some(format!("{}", 400_000_000 + u64::from(person) * 104_729 % 500_000_000)),
            None,
            None,
        ),
    };
    let nickname = matches!(address, Address::Id).then(|| words::nickname(&name, person));
    ContactRef { external_id, phone, email, name: Some(name), nickname, ..ContactRef::default() }
}

pub fn inbound(inbox: InboxId, contact: ContactRef, content: &str, at: Timestamp) -> NewMessage {
    NewMessage { occurred_at: Some(at), ..NewMessage::new(inbox, contact, content) }
}

pub fn outbound(inbox: InboxId, contact: ContactRef, content: &str, at: Timestamp) -> NewMessage {
    NewMessage { direction: Direction::Outbound, ..inbound(inbox, contact, content, at) }
}

pub fn visit(rng: &mut ChaCha8Rng) -> Traffic {
    let (source, medium, referrer) = words::VISITS.choose(rng).copied().unwrap_or(words::VISITS[0]);
    Traffic {
        referrer: Some(referrer.to_owned()),
        landing_page: Some("https://aurora-coffee.example/".to_owned()),
        utm_source: source.map(str::to_owned),
        utm_medium: medium.map(str::to_owned),
        ..Traffic::default()
    }
}

pub fn advertisement(rng: &mut ChaCha8Rng) -> Option<Traffic> {
    rng.random_bool(0.06).then(|| Traffic {
        referrer: Some("https://fb.me/aurora-coffee".to_owned()),
        ad_id: Some(["120210001", "120210002"].choose(rng).copied().unwrap_or_default().to_owned()),
        ..Traffic::default()
    })
}
