//! What is asked of a report. Names and ids are read here; what goes together is checked in
//! `analytics`.

use async_graphql::{ID, InputObject, OneofObject};
use entity::kinds::{
    AuthorKind, Direction, FailureBucket, Medium, MessageStatus, Platform, SessionOrigin,
    SessionRole, SkipReason, UserType,
};
use entity::vocabulary::Vocabulary;

use crate::analytics::{
    self, Author, Comparison, DateBasis, Dimension, Interval, Metric, PeriodPreset,
    RecipientStatus, StatusGroup,
};
use crate::error::{Checks, Error, Result, ViolationCode};
use crate::graphql::connection::OrderDirection;
use crate::graphql::filter::Reading;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::scalar::{DateTime, Duration, TimeZone};
use crate::graphql::vocabulary::{Name, members};

/// What a report is to say.
#[derive(InputObject)]
pub struct ReportInput {
    /// The numbers, each once.
    metrics: Vec<Name<Metric>>,
    /// From when to when.
    period: PeriodInput,
    /// Divides the period into a series; at most 10,000 buckets.
    interval: Option<Name<Interval>>,
    /// Divides the facts into groups, by up to three dimensions.
    breakdown: Option<Vec<Name<Dimension>>>,
    /// Leaves facts out.
    pub(super) filter: Option<ReportFilter>,
    /// Under which time facts are counted; each metric's own if not given.
    date_basis: Option<Name<DateBasis>>,
    /// The zone of buckets, presets and hours; the account's if not given.
    time_zone: Option<TimeZone>,
    /// Adds the values of an earlier period.
    compare_to: Option<Name<Comparison>>,
    /// How long after a send a reply or opt-out that quotes nothing still belongs to it, at most a
    /// year (P366D); the account's if not given. Months and years are not allowed here.
    reply_window: Option<Duration>,
    /// How groups are sorted; by the first metric, the largest first, if not given.
    order_by: Option<ReportOrder>,
    /// Shows so many groups, 1 to 1,000, and the rest as one; all of them if not given.
    first: Option<i32>,
}

/// From when to when a report reaches.
#[derive(OneofObject)]
pub enum PeriodInput {
    /// Between two instants.
    Range(DateTimeRange),
    /// Up to now, and back to the same local time so long ago. Months and years are allowed here.
    Last(Duration),
    /// By name.
    Preset(Name<PeriodPreset>),
}

/// A stretch of time.
#[derive(InputObject)]
pub struct DateTimeRange {
    /// The first instant of it.
    from: DateTime,
    /// The first instant behind it.
    to: DateTime,
}

/// By which metric the groups of a report are sorted, over the whole period.
#[derive(InputObject)]
pub struct ReportOrder {
    /// One of the metrics asked for.
    metric: Name<Metric>,
    /// Which way; the largest first if not given.
    direction: Option<OrderDirection>,
}

/// What a report counts. The lists narrow one another, the elements of one add up; an empty
/// list is the same as none. At most 250 elements each.
#[derive(Default, InputObject)]
pub struct ReportFilter {
    /// On these inboxes.
    inboxes: Option<Vec<ID>>,
    /// On inboxes of these platforms.
    platforms: Option<Vec<Name<Platform>>>,
    /// Mailings on these platforms; with `messengers` given too, either.
    channels: Option<Vec<Name<Platform>>>,
    /// Chats on these platforms; with `channels` given too, either.
    messengers: Option<Vec<Name<Platform>>>,
    /// Mailings or chats.
    media: Option<Vec<Name<Medium>>>,
    /// Outbound messages in these states. Inbound messages have none and are left out.
    statuses: Option<Vec<Name<MessageStatus>>>,
    /// Outbound messages in these groups of states. Inbound messages have none and are left out.
    status_groups: Option<Vec<Name<StatusGroup>>>,
    /// Inbound or outbound.
    directions: Option<Vec<Name<Direction>>>,
    /// With these bots at the time.
    bots: Option<Vec<ID>>,
    /// Assigned to these users at the time.
    assignees: Option<Vec<ID>>,
    /// Assigned at the time to users who are members of these teams now.
    teams: Option<Vec<ID>>,
    /// In conversations that carry one of these labels now.
    labels: Option<Vec<ID>>,
    /// Written by these users or bots, by their ids, or by these kinds of authors, by their names.
    authors: Option<Vec<ID>>,
    /// Of these templates.
    templates: Option<Vec<ID>>,
    /// From these sending numbers or addresses.
    lines: Option<Vec<String>>,
    /// In these portfolios at the time.
    portfolios: Option<Vec<String>>,
    /// On inboxes of these vendors.
    vendors: Option<Vec<String>>,
    /// On inboxes that the platform's owner has approved, or has not.
    official: Option<Vec<bool>>,
    /// Failed with these codes of the provider.
    failure_codes: Option<Vec<String>>,
    /// Of these campaigns.
    campaigns: Option<Vec<ID>>,
    /// Recipients for whom these became of the campaign.
    recipient_statuses: Option<Vec<Name<RecipientStatus>>>,
    /// Recipients to whom nothing was sent, for these reasons.
    skip_reasons: Option<Vec<Name<SkipReason>>>,
    /// Failed for these reasons.
    failure_buckets: Option<Vec<Name<FailureBucket>>>,
    /// In conversations that came from these sources.
    traffic_sources: Option<Vec<String>>,
    /// In sessions that began with these.
    session_origins: Option<Vec<Name<SessionOrigin>>>,
    /// In sessions that were the contact's first, or were not.
    user_types: Option<Vec<Name<UserType>>>,
    /// Outbound messages with which a session began, or would have, had they not failed. The
    /// sends that started something are those of the role STARTER.
    session_roles: Option<Vec<Name<SessionRole>>>,
    /// In these local hours of the day, 0 to 23.
    hours_of_day: Option<Vec<i32>>,
    /// On these local days of the week, 1 (Monday) to 7.
    days_of_week: Option<Vec<i32>>,
    /// In conversations in which the contact has written at any time, or never has.
    has_client_messages: Option<bool>,
}

impl From<PeriodInput> for analytics::PeriodInput {
    fn from(period: PeriodInput) -> Self {
        match period {
            PeriodInput::Range(DateTimeRange { from, to }) => {
                Self::Range { from: from.0, to: to.0 }
            }
            PeriodInput::Last(length) => Self::Last(length.0),
            PeriodInput::Preset(preset) => Self::Preset(preset.0),
        }
    }
}

impl ReportInput {
    pub(super) fn read(self) -> Result<analytics::ReportInput> {
        Ok(analytics::ReportInput {
            metrics: members(self.metrics),
            period: self.period.into(),
            interval: self.interval.map(|interval| interval.0),
            breakdown: members(self.breakdown.unwrap_or_default()),
            filter: self.filter.unwrap_or_default().read()?,
            date_basis: self.date_basis.map(|basis| basis.0),
            time_zone: self.time_zone.map(|zone| zone.0),
            reply_window: self.reply_window.map(|window| window.0),
            compare_to: self.compare_to.map(|comparison| comparison.0),
            order_by: self.order_by.map(|order| analytics::ReportOrder {
                metric: order.metric.0,
                descending: order.direction != Some(OrderDirection::Asc),
            }),
            first: self.first.map(i64::from),
        })
    }
}

/// Which rows of a table are meant.
pub fn table(
    period: PeriodInput,
    filter: Option<ReportFilter>,
    time_zone: Option<TimeZone>,
) -> Result<analytics::TableInput> {
    let filter = filter.unwrap_or_default().read()?;
    let time_zone = time_zone.map(|zone| zone.0);
    Ok(analytics::TableInput { period: period.into(), filter, time_zone })
}

impl ReportFilter {
    fn read(self) -> Result<analytics::ReportFilter> {
        let mut reading = Reading::new();
        let mut checks = Checks::new();
        let authors = reading.list("authors", self.authors).unwrap_or_default();
        let authors = authors.iter().enumerate();
        let authors =
            authors.filter_map(|(index, text)| author(index, text, &mut checks)).collect();
        let numbers = |list: Option<Vec<i32>>| list.unwrap_or_default().into_iter().map(i64::from);
        let names = |list: Option<Vec<String>>| list.unwrap_or_default();
        let filter = analytics::ReportFilter {
            inboxes: reading.ids("inboxes", self.inboxes, NodeKind::Inbox).unwrap_or_default(),
            platforms: listed(self.platforms),
            channels: listed(self.channels),
            messengers: listed(self.messengers),
            media: listed(self.media),
            statuses: listed(self.statuses),
            status_groups: listed(self.status_groups),
            directions: listed(self.directions),
            bots: reading.ids("bots", self.bots, NodeKind::Bot).unwrap_or_default(),
            assignees: reading.ids("assignees", self.assignees, NodeKind::User).unwrap_or_default(),
            teams: reading.ids("teams", self.teams, NodeKind::Team).unwrap_or_default(),
            labels: reading.ids("labels", self.labels, NodeKind::Label).unwrap_or_default(),
            authors,
            templates: reading
                .ids("templates", self.templates, NodeKind::Template)
                .unwrap_or_default(),
            campaigns: reading
                .ids("campaigns", self.campaigns, NodeKind::Campaign)
                .unwrap_or_default(),
            recipient_statuses: listed(self.recipient_statuses),
            skip_reasons: listed(self.skip_reasons),
            lines: names(self.lines),
            portfolios: names(self.portfolios),
            vendors: names(self.vendors),
            official: self.official.unwrap_or_default(),
            failure_codes: names(self.failure_codes),
            failure_buckets: listed(self.failure_buckets),
            traffic_sources: names(self.traffic_sources),
            session_origins: listed(self.session_origins),
            user_types: listed(self.user_types),
            session_roles: listed(self.session_roles),
            hours_of_day: numbers(self.hours_of_day).collect(),
            days_of_week: numbers(self.days_of_week).collect(),
            has_client_messages: self.has_client_messages,
        };
        let mut broken = checks.into_violations();
        match reading.finish() {
            Ok(()) => {}
            Err(Error::Invalid(violations)) => broken.extend(violations),
            Err(error) => return Err(error),
        }
        if broken.is_empty() { Ok(filter) } else { Err(Error::Invalid(broken)) }
    }
}

fn listed<T>(names: Option<Vec<Name<T>>>) -> Vec<T> {
    members(names.unwrap_or_default())
}

/// The id of a user or bot, or the name of a kind of author.
fn author(index: usize, text: &ID, checks: &mut Checks) -> Option<Author> {
    if let Some(kind) = AuthorKind::from_name(text) {
        return Some(Author::Kind(kind));
    }
    match text.parse::<NodeId>() {
        Ok(NodeId { kind: NodeKind::User, id, .. }) => Some(Author::User(id.into())),
        Ok(NodeId { kind: NodeKind::Bot, id, .. }) => Some(Author::Bot(id.into())),
        _ => {
            let kinds = AuthorKind::names();
            let message = format!("is no id of a User or Bot, and none of {kinds}");
            checks.fail(format!("filter.authors[{index}]"), ViolationCode::Malformed, message);
            None
        }
    }
}
