//! What a delivery says, in the words that recording takes, whichever provider sent it.
//! Decides nothing and knows no database.

use std::collections::{BTreeSet, HashMap};

use entity::Timestamp;
use entity::id::InboxId;
use entity::kinds::{OptOutKind, TemplateStatus};

use super::payload::fit;
use super::tally::Tally;
use crate::domain::record::{ContactRef, Item, LONGEST_EXTERNAL_ID};
use crate::domain::text;

/// Recording takes no longer texts than these.
pub(super) const LONGEST_URL: usize = 2_048;
pub(super) const LONGEST_CLICK_ID: usize = 1_024;
pub(super) const LONGEST_CODE: usize = 64;
pub(super) const LONGEST_DETAIL: usize = 4_096;
/// How far ahead of our clock the provider's may be, as in recording.
const LONGEST_AHEAD_SECONDS: i64 = 24 * 3_600;

/// A delivery that has the form of its provider.
pub trait Delivery: Send + Sync {
    /// The provider's ids of the lines it speaks of.
    fn lines(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// What it says, with the inbox of each line and the time of its reception, which stands in
    /// where the provider's time is missing or impossible.
    fn parse(&self, lines: &Lines, received_at: Timestamp) -> Parsed;
}

/// Which inbox serves which line of the account.
#[derive(Debug)]
pub struct Lines {
    /// The inbox whose address was called, and its line if it has one.
    pub called: (InboxId, Option<String>),
    pub others: HashMap<String, InboxId>,
}

impl Lines {
    /// The inbox of a line by any of its names, the first that is known. The called inbox serves
    /// its own line, deliveries that name none, and, while its line is not set, every line that
    /// no other inbox has.
    pub fn inbox(&self, names: &[&str]) -> Option<InboxId> {
        let (called, own) = &self.called;
        let known = |name: &&str| {
            let own = own.as_deref() == Some(*name);
            if own { Some(*called) } else { self.others.get(*name).copied() }
        };
        let free = names.is_empty() || own.is_none();
        names.iter().find_map(known).or_else(|| free.then_some(*called))
    }
}

/// A contact's word to the provider that messages are unwelcome, or welcome again.
#[derive(Debug, PartialEq)]
pub struct Consent {
    pub inbox_id: InboxId,
    /// How the provider knows the contact: a telephone number, or an id.
    pub source_id: String,
    pub kind: OptOutKind,
    pub occurred_at: Timestamp,
    /// The category of messages, or the code of the failure or the word that said it.
    pub reason: String,
    /// Whether it is an element of its own; otherwise its status or message is counted.
    pub counts: bool,
}

/// What the provider says of a template.
#[derive(Debug, PartialEq)]
pub struct TemplateUpdate {
    pub external_id: Option<String>,
    pub name: String,
    pub language: String,
    pub status: TemplateStatus,
    pub reason: Option<String>,
}

/// What a delivery says. The tally holds what is unknown or failed already; what is applied
/// is for the caller to count.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Messages and statuses in their order.
    pub items: Vec<Item>,
    pub consents: Vec<Consent>,
    pub templates: Vec<TemplateUpdate>,
    pub tally: Tally,
}

/// Whether a provider can have said something at this time.
pub(super) fn is_possible(at: Timestamp, received_at: Timestamp) -> bool {
    at >= Timestamp(0) && at <= received_at.plus_seconds(LONGEST_AHEAD_SECONDS)
}

/// The provider's time, or that of the reception where it is missing or impossible.
pub(super) fn or_received(
    at: Option<Timestamp>,
    received_at: Timestamp,
    what: &str,
    tally: &mut Tally,
) -> Timestamp {
    at.filter(|at| is_possible(*at, received_at)).unwrap_or_else(|| {
        tally.changed(what);
        received_at
    })
}

/// A contact by its address alone: a telephone number is known by its `+`, an e-mail address by
/// its form; anything else is an id on the platform.
pub(super) fn party(address: String, tally: &mut Tally) -> ContactRef {
    let phone = text::phone(&address).filter(|_| address.starts_with('+'));
    let email = text::email(&address);
    let is_id = phone.is_none() && email.is_none();
    let external_id =
        is_id.then(|| fit(address, LONGEST_EXTERNAL_ID, "message.contact.externalId", tally));
    ContactRef { external_id, phone, email, ..ContactRef::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::Uuid;

    fn inbox(number: u128) -> InboxId {
        InboxId(Uuid::from_u128(number))
    }

    #[test]
    fn a_line_has_the_first_name_that_is_known() {
        let others = HashMap::from([("whatsapp:+1".to_owned(), inbox(2))]);
        let lines = |own: Option<&str>| Lines {
            called: (inbox(1), own.map(str::to_owned)),
            others: others.clone(),
        };
        let own = lines(Some("+1"));
        assert_eq!(own.inbox(&["whatsapp:+1", "+1"]), Some(inbox(2)));
        assert_eq!(own.inbox(&["sms:+1", "+1"]), Some(inbox(1)));
        assert_eq!(own.inbox(&["+2"]), None);
        assert_eq!(own.inbox(&[]), Some(inbox(1)));
        assert_eq!(lines(None).inbox(&["+2"]), Some(inbox(1)));
        assert_eq!(lines(None).inbox(&["+2", "whatsapp:+1"]), Some(inbox(2)));
    }

    #[test]
    fn addresses_are_numbers_mail_or_ids() {
        let mut tally = Tally::default();
        let number = party("+1 555 000 1111".to_owned(), &mut tally);
        assert_eq!((number.phone.as_deref(), number.external_id), (Some("+15550001111"), None));
        let mail = party("Ada@Example.org".to_owned(), &mut tally);
        assert_eq!((mail.email.as_deref(), mail.external_id), (Some("ada@example.org"), None));
        for id in ["15550001111", "12345", "SHOP", "@ada"] {
            let contact = party(id.to_owned(), &mut tally);
            assert_eq!((contact.external_id.as_deref(), contact.phone), (Some(id), None));
            assert_eq!(contact.email, None);
        }
        assert_eq!(tally, Tally::default());
    }
}
