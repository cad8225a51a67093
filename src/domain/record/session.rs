//! Sessions as a pure function of a contact's messages on an inbox: a session opens with
//! the first message after a silence longer than the idle time. Knows no database.

use entity::Timestamp;
use entity::id::{ConversationId, MessageId, SessionId};
use entity::kinds::{AuthorKind, Direction, MessageStatus, SessionOrigin};

use super::status;

/// What a message has to do with sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is said in a session, or begins one.
    Takes,
    /// It failed; had it gone out it might have begun one.
    Failed,
    /// Not heard by the contact: notes, system entries, messages that did not go out.
    None,
}

impl Part {
    pub fn of(
        direction: Direction,
        private: bool,
        author: Option<AuthorKind>,
        message_status: Option<MessageStatus>,
    ) -> Self {
        if private || author == Some(AuthorKind::System) {
            return Self::None;
        }
        match (direction, message_status) {
            (Direction::Inbound, _) => Self::Takes,
            (Direction::Outbound, Some(value)) if status::went_out(value) => Self::Takes,
            (Direction::Outbound, Some(value)) if status::failed(value) => Self::Failed,
            (Direction::Outbound, _) => Self::None,
        }
    }
}

/// A message as far as sessions care.
#[derive(Clone, Debug)]
pub struct Said {
    pub message: MessageId,
    pub conversation: ConversationId,
    pub at: Timestamp,
    pub direction: Direction,
    pub part: Part,
    pub origin: SessionOrigin,
    /// The session it stands in by what is stored; none for a new message.
    pub session: Option<SessionId>,
}

impl Said {
    /// Order within a session: some providers' clocks have whole seconds only, so within a
    /// second an answer comes after what it answers.
    fn order(&self) -> (i64, bool, MessageId) {
        (self.at.seconds(), self.direction == Direction::Inbound, self.message)
    }
}

/// A session before it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// Its first message; none where it continues the session before the given messages.
    pub first: Option<usize>,
    pub last_at: Timestamp,
    /// Indices of its messages, in order.
    pub members: Vec<usize>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Divided {
    pub stretches: Vec<Stretch>,
    /// Failed messages that would have begun a session.
    pub would_begin: Vec<usize>,
}

/// Divides `said` (sorted here) into sessions. `before` is the time of the last message of
/// a session that came earlier, if there is one.
pub fn divide(said: &mut [Said], before: Option<Timestamp>, idle_seconds: i64) -> Divided {
    said.sort_by_key(Said::order);
    let mut divided = Divided::default();
    let mut last = before;
    if let Some(at) = before {
        divided.stretches.push(Stretch { first: None, last_at: at, members: Vec::new() });
    }
    for (index, each) in said.iter().enumerate() {
        let opens = last.is_none_or(|last| each.at.seconds() - last.seconds() > idle_seconds);
        match each.part {
            Part::None => {}
            Part::Failed if opens => divided.would_begin.push(index),
            Part::Failed => {}
            Part::Takes => {
                match divided.stretches.last_mut() {
                    Some(stretch) if !opens => {
                        stretch.last_at = stretch.last_at.max(each.at);
                        stretch.members.push(index);
                    }
                    _ => divided.stretches.push(Stretch {
                        first: Some(index),
                        last_at: each.at,
                        members: vec![index],
                    }),
                }
                last = Some(last.map_or(each.at, |last| last.max(each.at)));
            }
        }
    }
    divided
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::Uuid;

    const HOUR: i64 = 3_600 * Timestamp::SECOND;
    const DAY: i64 = 24 * HOUR;

    fn said(number: u128, at: i64, direction: Direction, part: Part) -> Said {
        Said {
            message: MessageId(Uuid::from_u128(number)),
            conversation: ConversationId(Uuid::nil()),
            at: Timestamp(at),
            direction,
            part,
            origin: SessionOrigin::Contact,
            session: None,
        }
    }

    fn firsts(divided: &Divided) -> Vec<Option<usize>> {
        divided.stretches.iter().map(|stretch| stretch.first).collect()
    }

    #[test]
    fn a_session_ends_after_a_silence_longer_than_the_idle_time() {
        let mut messages = [
            said(1, 0, Direction::Inbound, Part::Takes),
            said(2, DAY, Direction::Outbound, Part::Takes),
            said(3, 2 * DAY + Timestamp::SECOND, Direction::Inbound, Part::Takes),
        ];
        let divided = divide(&mut messages, None, 86_400);
        assert_eq!(firsts(&divided), [Some(0), Some(2)]);
        assert_eq!(divided.stretches[0].members, [0, 1]);
    }

    #[test]
    fn a_failed_send_begins_nothing_but_is_marked() {
        let mut messages = [
            said(1, 0, Direction::Outbound, Part::Failed),
            said(2, HOUR, Direction::Inbound, Part::Takes),
            said(3, 2 * HOUR, Direction::Outbound, Part::Failed),
        ];
        let divided = divide(&mut messages, None, 86_400);
        assert_eq!(firsts(&divided), [Some(1)]);
        assert_eq!(divided.would_begin, [0]);
    }

    #[test]
    fn within_a_second_the_outbound_message_comes_first() {
        let mut messages = [
            said(1, 100, Direction::Inbound, Part::Takes),
            said(2, 900, Direction::Outbound, Part::Takes),
        ];
        let divided = divide(&mut messages, None, 86_400);
        assert_eq!(divided.stretches[0].first, Some(0));
        assert_eq!(messages[0].direction, Direction::Outbound);
    }

    #[test]
    fn what_came_before_is_continued() {
        let mut messages = [said(1, HOUR, Direction::Inbound, Part::Takes)];
        let divided = divide(&mut messages, Some(Timestamp(0)), 86_400);
        assert_eq!(firsts(&divided), [None]);
        let divided = divide(&mut messages, Some(Timestamp(-2 * DAY)), 86_400);
        assert_eq!(firsts(&divided), [None, Some(0)]);
    }
}
