//! How metrics are made: what is counted or measured of the rows of a source, and under which
//! of their times.

use entity::vocabulary;

use super::predicate::Predicate;
use super::source::{Response, Source, Time, Wait};

vocabulary! {
    /// What a metric's values are measured in.
    pub enum MetricUnit {
        /// A number of rows.
        Count => "COUNT",
        /// A share, from 0 to 1.
        Share => "SHARE",
        /// A length of time.
        Seconds => "SECONDS",
        /// What messages cost.
        Credits => "CREDITS",
    }
}

vocabulary! {
    /// Under which time facts are counted.
    pub enum DateBasis {
        /// Each fact under its own time.
        Event => "EVENT",
        /// What became of a send under the time of the send.
        Send => "SEND",
    }
}

/// How a metric is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Definition {
    pub source: Source,
    pub measure: Measure,
    pub times: Times,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Measure {
    /// The number of rows for which `of` holds, called `what`.
    Count { of: Predicate, what: &'static str },
    /// The number of different members of the rows for which `of` holds, called `what`.
    Distinct { of: Predicate, member: Member, what: &'static str },
    /// The rows for which `whole` and `part` hold, divided by those for which `whole` holds:
    /// between 0 and 1 whatever the predicates are.
    Share { part: Predicate, whole: Predicate, numerator: &'static str, denominator: &'static str },
    /// The sum of a column over the rows, called `what`, for which `of` holds.
    Total { of: Predicate, column: &'static str, what: &'static str },
    /// The mean of what the rows, called `what`, lasted; within business hours, where `open`.
    Mean { wait: Wait, open: bool, what: &'static str },
    /// The time within which so many of a hundred did.
    Percentile { wait: Wait, open: bool, percent: u8, what: &'static str },
}

/// Of what the rows of a source have one each, and several rows the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Contact,
    Conversation,
}

impl Member {
    pub fn column(self) -> &'static str {
        match self {
            Self::Contact => "m.contact_id",
            Self::Conversation => "m.conversation_id",
        }
    }
}

impl Measure {
    pub fn unit(self) -> MetricUnit {
        match self {
            Self::Count { .. } | Self::Distinct { .. } => MetricUnit::Count,
            Self::Share { .. } => MetricUnit::Share,
            Self::Total { .. } => MetricUnit::Credits,
            Self::Mean { .. } | Self::Percentile { .. } => MetricUnit::Seconds,
        }
    }
}

/// A time under which rows are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub time: Time,
    /// Only these rows: where a metric has two times, each row stands under one of them.
    pub only: Predicate,
}

const fn always(time: Time) -> Moment {
    Moment { time, only: Predicate::Always }
}

pub(super) const OCCURRED: &[Moment] = &[always(Time::OccurredAt)];
pub(super) const ACCEPTED: &[Moment] = &[always(Time::SentAt)];
pub(super) const ARRIVED: &[Moment] = &[always(Time::DeliveredAt)];
pub(super) const SEEN: &[Moment] = &[always(Time::ReadAt)];
pub(super) const GIVEN_UP: &[Moment] = &[always(Time::FailedAt)];
pub(super) const FIRST_REPLY: &[Moment] = &first(Response::Reply);
pub(super) const FIRST_OPT_OUT: &[Moment] = &first(Response::OptOut);

const fn first(response: Response) -> [Moment; 2] {
    [
        Moment { time: Time::QuotedAt(response), only: Predicate::QuotedFirst(response) },
        Moment { time: Time::NextAt(response), only: Predicate::NextFirst(response) },
    ]
}
pub(super) const BEGUN: &[Moment] = &[always(Time::CreatedAt)];
pub(super) const STARTED: &[Moment] = &[always(Time::StartedAt)];
pub(super) const CLOSED: &[Moment] = &[always(Time::ClosedAt)];
pub(super) const TARGETED: &[Moment] = &[always(Time::TargetedAt)];

/// Under which time a metric's rows are counted, by date basis.
#[derive(Clone, Copy, Debug)]
pub(super) enum Times {
    /// The fact's own time, which is no send's.
    Own(&'static [Moment]),
    /// The time of the send, or that of the event.
    SendOrEvent(&'static [Moment]),
    /// The time of the send alone, for the reason given.
    Send(&'static str),
}

impl Times {
    /// The bases that it exists on, the default first.
    pub fn bases(self) -> Vec<DateBasis> {
        match self {
            Self::Own(_) => vec![DateBasis::Event],
            Self::SendOrEvent(_) => vec![DateBasis::Send, DateBasis::Event],
            Self::Send(_) => vec![DateBasis::Send],
        }
    }

    /// The basis and the times to count under; the reason why not, where it does not exist on
    /// `basis`.
    pub fn under(
        self,
        basis: Option<DateBasis>,
    ) -> Result<(DateBasis, &'static [Moment]), &'static str> {
        match (self, basis) {
            (Self::Own(own), None | Some(DateBasis::Event)) => Ok((DateBasis::Event, own)),
            (Self::Own(_), Some(DateBasis::Send)) => Err("its facts have a time of their own"),
            (Self::SendOrEvent(event), Some(DateBasis::Event)) => Ok((DateBasis::Event, event)),
            (Self::Send(reason), Some(DateBasis::Event)) => Err(reason),
            (Self::SendOrEvent(_) | Self::Send(_), None | Some(DateBasis::Send)) => {
                Ok((DateBasis::Send, OCCURRED))
            }
        }
    }
}
