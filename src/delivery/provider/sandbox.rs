//! Built in: takes everything and reaches nobody, so that a new account sees life without any
//! credentials. It plays the contact: what happens to a message follows from its id, so that
//! it is the same in every run.

use entity::id::MessageId;
use entity::kinds::StatusKind;
use entity::{Timestamp, attempt, inbox};
use sha2::{Digest as _, Sha256};

use super::{Parcel, Reason, Verdict};
use crate::domain::record::{ContactRef, Item, NewMessage, NewStatus};

/// Addresses that end so cannot be reached.
const UNREACHABLE: &str = "00";
const REPLIES: [&str; 4] = ["Thank you!", "When exactly?", "Please call me.", "👍"];

pub(super) fn send(parcel: &Parcel) -> Verdict {
    if parcel.address.ends_with(UNREACHABLE) {
        return Verdict::Rejected(Reason::new("131026", "the sandbox does not reach this address"));
    }
    Verdict::Accepted { external_id: None }
}

/// When something happens to a message that was taken now.
pub fn first_act(id: MessageId, now: Timestamp) -> Timestamp {
    now.plus_seconds(1 + i64::from(dice(id, 0) % 4))
}

/// What happens now to a message, and when the next thing does. The attempt counts the acts.
pub fn play(
    inbox: &inbox::Model,
    attempt: &attempt::Model,
    now: Timestamp,
) -> (Option<Item>, Option<Timestamp>) {
    let id = attempt.message_id;
    let after = |seconds: u8| Some(now.plus_seconds(i64::from(seconds)));
    let dice = |number: u8| dice(id, number) % 100;
    match attempt.tries {
        // Three of a hundred are taken and then not delivered.
        0 if dice(1) < 3 && inbox.gives_receipts => {
            (Some(status(attempt, StatusKind::Undelivered, Some("131026"))), None)
        }
        0 if inbox.gives_receipts => {
            (Some(status(attempt, StatusKind::Delivered, None)), after(2 + dice(2) % 10))
        }
        0 => (None, after(2 + dice(2) % 10)),
        1 if dice(3) >= 70 => (None, None),
        1 if inbox.gives_reads => {
            (Some(status(attempt, StatusKind::Read, None)), after(5 + dice(4) % 40))
        }
        1 => (None, after(5 + dice(4) % 40)),
        2 if inbox.send_only => (None, None),
        2 => match dice(5) {
            0..2 => (Some(said(attempt, "STOP")), None),
            2..30 => {
                let reply = REPLIES.get(usize::from(dice(6)) % REPLIES.len());
                (reply.map(|reply| said(attempt, reply)), None)
            }
            _ => (None, None),
        },
        _ => (None, None),
    }
}

fn status(attempt: &attempt::Model, kind: StatusKind, code: Option<&str>) -> Item {
    Item::Status(NewStatus {
        inbox_id: attempt.inbox_id,
        external_id: None,
        message_id: Some(attempt.message_id),
        kind,
        occurred_at: None,
        received_at: None,
        code: code.map(str::to_owned),
        detail: code.map(|_| "played by the sandbox".to_owned()),
        recipient: None,
    })
}

fn said(attempt: &attempt::Model, text: &str) -> Item {
    let contact = ContactRef {
        external_id: Some(attempt.address.clone()),
        id: Some(attempt.contact_id),
        ..ContactRef::default()
    };
    Item::Message(Box::new(NewMessage::new(attempt.inbox_id, contact, text)))
}

/// A number that follows from the message.
fn dice(id: MessageId, number: u8) -> u8 {
    let mut hash = Sha256::new();
    hash.update(id.0.as_bytes());
    hash.update([number]);
    hash.finalize().first().copied().unwrap_or(0)
}
