//! The state of an outbound message as a pure function of the set of events heard about
//! it, so that order and repetition cannot matter. Knows no database.

use entity::Timestamp;
use entity::kinds::{MessageStatus, StatusKind};
use entity::vocabulary::Vocabulary;

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub kind: StatusKind,
    /// None where the provider gives no time.
    pub provider_time: Option<Timestamp>,
    pub received_at: Timestamp,
    pub code: Option<String>,
    pub detail: Option<String>,
}

impl Heard {
    /// An event without a provider's time has the time at which it was received.
    pub fn time(&self) -> Timestamp {
        self.provider_time.unwrap_or(self.received_at)
    }

    /// What makes two reports the same event: kind, provider's time and code. Never null,
    /// since providers leave out times and codes and nulls do not collide in an index.
    pub fn identity(&self) -> String {
        let time = self.provider_time.map_or_else(|| "-".to_owned(), |time| time.0.to_string());
        format!("{}|{time}|{}", self.kind.name(), self.code.as_deref().unwrap_or("-"))
    }

    fn is_failure(&self) -> bool {
        matches!(self.kind, StatusKind::Failed | StatusKind::Undelivered)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub status: MessageStatus,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    /// Of the first failure, where the message failed.
    pub failed_at: Option<Timestamp>,
    pub failure_code: Option<String>,
    pub failure_detail: Option<String>,
    /// A failure was reported of a message that was delivered: kept, but not believed.
    pub failed_after_delivery: bool,
}

impl Standing {
    /// Whether the message is taken to have gone out.
    pub fn went_out(&self) -> bool {
        went_out(self.status)
    }
}

pub fn went_out(status: MessageStatus) -> bool {
    matches!(status, MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read)
}

pub fn failed(status: MessageStatus) -> bool {
    matches!(status, MessageStatus::Failed | MessageStatus::Undelivered)
}

/// The state that follows from `heard`. Where the inbox gives no receipts, acceptance
/// counts as delivery.
pub fn standing(heard: &[Heard], gives_receipts: bool) -> Standing {
    use StatusKind::{Accepted, Delivered, Read, Sent, Undelivered};
    let first = |kinds: &[StatusKind]| {
        heard.iter().filter(|event| kinds.contains(&event.kind)).map(Heard::time).min()
    };
    let read_at = first(&[Read]);
    let delivered_at = first(&[Delivered, Read]);
    let sent_at = first(&[Accepted, Sent, Delivered, Read]).or_else(|| first(&[Undelivered]));
    // The earliest by (time, code), a failure without a code after those with one.
    let failure = heard
        .iter()
        .filter(|event| event.is_failure())
        .min_by_key(|event| (event.time(), event.code.is_none(), &event.code, &event.detail));

    let status = match (read_at, delivered_at, failure, sent_at) {
        (Some(_), ..) => MessageStatus::Read,
        (None, Some(_), ..) => MessageStatus::Delivered,
        (None, None, Some(_), Some(_)) => MessageStatus::Undelivered,
        (None, None, Some(_), None) => MessageStatus::Failed,
        (None, None, None, Some(_)) => MessageStatus::Sent,
        (None, None, None, None) => furthest_local(heard),
    };
    let shown = failure.filter(|_| failed(status));
    Standing {
        status,
        sent_at,
        delivered_at: match status {
            MessageStatus::Sent if !gives_receipts => sent_at,
            _ => delivered_at,
        },
        read_at,
        failed_at: shown.map(Heard::time),
        failure_code: shown.and_then(|event| event.code.clone()),
        failure_detail: shown.and_then(|event| event.detail.clone()),
        failed_after_delivery: failure.is_some() && delivered_at.is_some(),
    }
}

/// The states before a provider has the message follow one another in the order of their
/// declaration.
fn furthest_local(heard: &[Heard]) -> MessageStatus {
    heard.iter().filter_map(|event| local(event.kind)).max().unwrap_or(MessageStatus::Created)
}

fn local(kind: StatusKind) -> Option<MessageStatus> {
    Some(match kind {
        StatusKind::Created => MessageStatus::Created,
        StatusKind::CreatedOptional => MessageStatus::CreatedOptional,
        StatusKind::Deferred => MessageStatus::Deferred,
        StatusKind::Sending => MessageStatus::Sending,
        StatusKind::Unknown => MessageStatus::Unknown,
        StatusKind::SkippedOptional => MessageStatus::SkippedOptional,
        StatusKind::Skipped => MessageStatus::Skipped,
        StatusKind::Expired => MessageStatus::Expired,
        StatusKind::Cancelled => MessageStatus::Cancelled,
        // Whether it will be tried again is for the attempt to say, not for the message.
        StatusKind::TryFailed
        | StatusKind::Accepted
        | StatusKind::Sent
        | StatusKind::Undelivered
        | StatusKind::Failed
        | StatusKind::Delivered
        | StatusKind::Read => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(kind: StatusKind, at: Option<i64>, code: Option<&str>) -> Heard {
        Heard {
            kind,
            provider_time: at.map(Timestamp),
            received_at: Timestamp(1_000),
            code: code.map(str::to_owned),
            detail: None,
        }
    }

    fn any_event() -> impl Strategy<Value = Heard> {
        let kinds = prop::sample::select(StatusKind::ALL);
        let code = prop::option::of(prop::sample::select(vec!["131026", "131049"]));
        (kinds, prop::option::of(0i64..6), 90i64..95, code).prop_map(
            |(kind, at, received, code)| Heard {
                received_at: Timestamp(received),
                ..event(kind, at, code)
            },
        )
    }

    /// What a ledger keeps of a history: each identity once, with the smallest reception.
    fn ledger(history: &[Heard]) -> Vec<Heard> {
        let mut kept: Vec<Heard> = Vec::new();
        for heard in history {
            match kept.iter_mut().find(|other| other.identity() == heard.identity()) {
                Some(other) => other.received_at = other.received_at.min(heard.received_at),
                None => kept.push(heard.clone()),
            }
        }
        kept
    }

    proptest! {
        #[test]
        fn order_and_repetition_change_nothing(
            history in prop::collection::vec(any_event(), 0..8),
            repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
            order in any::<u64>(),
            receipts in any::<bool>(),
        ) {
            let expected = standing(&ledger(&history), receipts);
            let mut shuffled = history.clone();
            if !history.is_empty() {
                shuffled.extend(repeats.iter().map(|index| index.get(&history).clone()));
            }
            let mut seed = order;
            for index in (1..shuffled.len()).rev() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(index, usize::try_from(seed >> 33).unwrap() % (index + 1));
            }
            prop_assert_eq!(standing(&ledger(&shuffled), receipts), expected);
        }

        #[test]
        fn read_contains_delivered_contains_sent(history in prop::collection::vec(any_event(), 0..8)) {
            let state = standing(&history, true);
            prop_assert!(state.read_at.is_none() || state.delivered_at.is_some());
            prop_assert!(state.delivered_at.is_none() || state.sent_at <= state.delivered_at);
            prop_assert!(state.delivered_at.is_none() || state.sent_at.is_some());
            prop_assert_eq!(state.failed_at.is_some(), failed(state.status));
        }
    }

    #[test]
    fn all_orders_of_a_whole_life_give_one_result() {
        let life = [
            event(StatusKind::Sent, Some(10), None),
            event(StatusKind::Delivered, Some(20), None),
            event(StatusKind::Read, Some(30), None),
            event(StatusKind::Failed, Some(25), Some("131000")),
        ];
        let expected = standing(&life, true);
        assert_eq!(expected.status, MessageStatus::Read);
        assert!(expected.failed_after_delivery);
        assert_eq!(expected.failure_code, None);
        for a in 0..4 {
            for b in (0..4).filter(|b| *b != a) {
                for c in (0..4).filter(|c| ![a, b].contains(c)) {
                    let d = 6 - a - b - c;
                    let order = [a, b, c, d, a, d].map(|index: usize| life[index].clone());
                    assert_eq!(standing(&ledger(&order), true), expected);
                }
            }
        }
    }

    #[test]
    fn a_late_sent_turns_failed_into_undelivered() {
        let mut heard = vec![event(StatusKind::Failed, Some(5), Some("131026"))];
        assert_eq!(standing(&heard, true).status, MessageStatus::Failed);
        heard.push(event(StatusKind::Sent, Some(9), None));
        let state = standing(&heard, true);
        assert_eq!(state.status, MessageStatus::Undelivered);
        assert_eq!(state.failure_code.as_deref(), Some("131026"));
    }

    #[test]
    fn without_receipts_acceptance_is_delivery_until_it_bounces() {
        let mut heard = vec![event(StatusKind::Accepted, Some(5), None)];
        let state = standing(&heard, false);
        assert_eq!((state.status, state.delivered_at), (MessageStatus::Sent, Some(Timestamp(5))));
        heard.push(event(StatusKind::Undelivered, Some(50), Some("5.1.1")));
        let state = standing(&heard, false);
        assert_eq!((state.status, state.delivered_at), (MessageStatus::Undelivered, None));
    }

    #[test]
    fn nothing_heard_is_created() {
        assert_eq!(standing(&[], true).status, MessageStatus::Created);
        let tries = [event(StatusKind::TryFailed, Some(1), Some("130429"))];
        assert_eq!(standing(&tries, true).status, MessageStatus::Created);
    }
}
