//! The statuses as people tell them apart. What belongs to which group is said once, in
//! [`StatusGroup::of`]; the SQL of predicates, of the dimension and of the filter follows
//! from it.

use entity::kinds::MessageStatus;
use entity::vocabulary;
use entity::vocabulary::Vocabulary;
use sea_orm::ActiveEnum;

vocabulary! {
    /// The statuses of outbound messages as people tell them apart.
    pub enum StatusGroup {
        /// Not sent yet: CREATED.
        Created = 1 => "CREATED",
        /// On its way: SENDING, UNKNOWN, and SENT where a receipt is still to come.
        Sending = 2 => "SENDING",
        /// Arrived: DELIVERED, READ, and SENT where the inbox gives no receipts.
        Delivered = 3 => "DELIVERED",
        /// Accepted by the carrier, then failed: UNDELIVERED.
        NotDelivered = 4 => "NOT_DELIVERED",
        /// Will not be sent: CANCELLED, EXPIRED, SKIPPED.
        Cancelled = 5 => "CANCELLED",
        /// Failed while sending: FAILED.
        Error = 6 => "ERROR",
        /// Waits for the time set for it: DEFERRED.
        Deferred = 7 => "DEFERRED",
        /// A fallback step that still waits: CREATED_OPTIONAL.
        CreatedOptional = 8 => "CREATED_OPTIONAL",
        /// A fallback step that was not needed: SKIPPED_OPTIONAL.
        SkippedOptional = 9 => "SKIPPED_OPTIONAL",
    }
}

impl StatusGroup {
    /// The group of a message whose inbox did or did not give receipts when it was sent.
    pub fn of(status: MessageStatus, gives_receipts: bool) -> Self {
        match status {
            MessageStatus::Created => Self::Created,
            MessageStatus::Sending | MessageStatus::Unknown => Self::Sending,
            MessageStatus::Sent if gives_receipts => Self::Sending,
            MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read => Self::Delivered,
            MessageStatus::Undelivered => Self::NotDelivered,
            MessageStatus::Cancelled | MessageStatus::Expired | MessageStatus::Skipped => {
                Self::Cancelled
            }
            MessageStatus::Failed => Self::Error,
            MessageStatus::Deferred => Self::Deferred,
            MessageStatus::CreatedOptional => Self::CreatedOptional,
            MessageStatus::SkippedOptional => Self::SkippedOptional,
        }
    }
}

/// The number of a message's group, null where it has no status.
pub(super) fn expression() -> String {
    let arms: Vec<String> = MessageStatus::ALL
        .iter()
        .map(|status| {
            let with = StatusGroup::of(*status, true).to_value();
            let without = StatusGroup::of(*status, false).to_value();
            let group = if with == without {
                with.to_string()
            } else {
                format!("CASE WHEN m.gives_receipts THEN {with} ELSE {without} END")
            };
            format!("WHEN {} THEN {group}", status.to_value())
        })
        .collect();
    format!("CASE m.status {} END", arms.join(" "))
}

/// Whether a message is in one of `groups`, in a form that the databases test quickly.
pub(super) fn condition(groups: &[StatusGroup]) -> String {
    let (mut either, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for status in MessageStatus::ALL {
        let belongs = |gives_receipts| groups.contains(&StatusGroup::of(*status, gives_receipts));
        let number = status.to_value().to_string();
        match (belongs(true), belongs(false)) {
            (true, true) => either.push(number),
            (true, false) => with.push(number),
            (false, true) => without.push(number),
            (false, false) => {}
        }
    }
    let parts: Vec<String> =
        [(either, ""), (with, " AND m.gives_receipts"), (without, " AND NOT m.gives_receipts")]
            .into_iter()
            .filter(|(numbers, _)| !numbers.is_empty())
            .map(|(numbers, receipts)| format!("m.status IN ({}){receipts}", numbers.join(", ")))
            .collect();
    format!("({})", parts.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_decide_where_sent_belongs() {
        assert_eq!(StatusGroup::of(MessageStatus::Sent, true), StatusGroup::Sending);
        assert_eq!(StatusGroup::of(MessageStatus::Sent, false), StatusGroup::Delivered);
        for status in MessageStatus::ALL.iter().filter(|status| **status != MessageStatus::Sent) {
            assert_eq!(StatusGroup::of(*status, true), StatusGroup::of(*status, false));
        }
    }

    #[test]
    fn every_group_holds_a_status() {
        for group in StatusGroup::ALL {
            let held =
                MessageStatus::ALL.iter().any(|status| StatusGroup::of(*status, true) == *group);
            assert!(held, "{group:?}");
        }
    }

    #[test]
    fn conditions_follow_from_the_groups() {
        assert_eq!(
            condition(&[StatusGroup::Delivered]),
            "(m.status IN (13, 14) OR m.status IN (10) AND NOT m.gives_receipts)"
        );
        assert_eq!(
            condition(&[StatusGroup::NotDelivered, StatusGroup::Error]),
            "(m.status IN (11, 12))"
        );
        assert_eq!(
            condition(&[StatusGroup::Sending, StatusGroup::Delivered]),
            "(m.status IN (4, 5, 10, 13, 14))"
        );
        assert!(expression().contains("WHEN 10 THEN CASE WHEN m.gives_receipts THEN 2 ELSE 3 END"));
    }
}
