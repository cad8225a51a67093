//! What a report leaves out. Lists narrow one another, the members of a list add up, and an
//! empty list is none. A list tests the key of its dimension, so it keeps exactly the groups
//! it names; of TEAM and LABEL, of which a fact can have several keys, the facts that have one
//! of them.

use entity::id::{BotId, CampaignId, InboxId, LabelId, TeamId, TemplateId, UserId, Uuid};
use entity::kinds::{
    AuthorKind, Direction, FailureBucket, Medium, MessageStatus, Platform, SessionOrigin,
    SessionRole, SkipReason, UserType,
};
use sea_orm::Value;

use super::dimension::{Dimension, Join};
use super::key::Table;
use super::recipient_status::RecipientStatus;
use super::source::Time;
use super::status_group::StatusGroup;
use crate::error::{Checks, ViolationCode};

/// Elements of one list.
pub const LONGEST_LIST: usize = 250;
/// Characters of a text.
const LONGEST_TEXT: usize = 255;

/// What may be counted; none of it set counts everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportFilter {
    pub inboxes: Vec<InboxId>,
    pub platforms: Vec<Platform>,
    /// Mailings on these platforms; together with `messengers`, either.
    pub channels: Vec<Platform>,
    /// Chats on these platforms; together with `channels`, either.
    pub messengers: Vec<Platform>,
    pub media: Vec<Medium>,
    /// Leaves inbound messages out, which have no status; likewise `status_groups`.
    pub statuses: Vec<MessageStatus>,
    pub status_groups: Vec<StatusGroup>,
    pub directions: Vec<Direction>,
    pub bots: Vec<BotId>,
    pub assignees: Vec<UserId>,
    /// Assigned to a member of one of these.
    pub teams: Vec<TeamId>,
    /// In conversations that carry one of these.
    pub labels: Vec<LabelId>,
    pub authors: Vec<Author>,
    pub templates: Vec<TemplateId>,
    pub lines: Vec<String>,
    pub portfolios: Vec<String>,
    pub vendors: Vec<String>,
    pub official: Vec<bool>,
    pub campaigns: Vec<CampaignId>,
    pub recipient_statuses: Vec<RecipientStatus>,
    pub skip_reasons: Vec<SkipReason>,
    pub failure_codes: Vec<String>,
    pub failure_buckets: Vec<FailureBucket>,
    pub traffic_sources: Vec<String>,
    pub session_origins: Vec<SessionOrigin>,
    pub user_types: Vec<UserType>,
    pub session_roles: Vec<SessionRole>,
    /// 0 to 23.
    pub hours_of_day: Vec<i64>,
    /// 1 (Monday) to 7.
    pub days_of_week: Vec<i64>,
    /// Whether the contact has written in the conversation, at any time.
    pub has_client_messages: Option<bool>,
}

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    User(UserId),
    Bot(BotId),
    /// All authors of this kind.
    Kind(AuthorKind),
}

/// Holds where `expression` is one of `values`.
pub(super) struct Test {
    pub expression: String,
    /// What follows the values.
    pub end: &'static str,
    pub join: Option<Join>,
    pub values: Vec<Value>,
}

impl ReportFilter {
    /// Checks what needs no database. Paths begin with `filter.`.
    pub(super) fn check(&self, checks: &mut Checks) {
        let authors = ("authors", self.authors.len());
        let lengths = self.lists().into_iter().map(|(name, _, values)| (name, values.len()));
        for (name, length) in lengths.chain([authors]) {
            if length > LONGEST_LIST {
                let message = format!("has {length} elements; at most {LONGEST_LIST} are allowed");
                checks.fail(format!("filter.{name}"), ViolationCode::TooLong, message);
            }
        }
        for (name, texts) in self.texts() {
            for (index, text) in texts.iter().enumerate() {
                checks.length(&format!("filter.{name}[{index}]"), text, LONGEST_TEXT);
            }
        }
        for (name, numbers, range) in
            [("hoursOfDay", &self.hours_of_day, 0..=23), ("daysOfWeek", &self.days_of_week, 1..=7)]
        {
            for (index, number) in numbers.iter().enumerate() {
                checks.range(&format!("filter.{name}[{index}]"), *number, range.clone());
            }
        }
    }

    /// The lists that are not empty, each with its field and its dimension.
    pub(super) fn used(&self) -> Vec<(&'static str, Dimension)> {
        let lists = self.lists().into_iter();
        let lists = lists.map(|(name, dimension, values)| (name, dimension, values.is_empty()));
        let authors = ("authors", Dimension::Author, self.authors.is_empty());
        let used = lists.chain([authors]).filter(|(.., empty)| !empty);
        used.map(|(name, dimension, _)| (name, dimension)).collect()
    }

    /// The ids of rows that must exist in the account, each with its path. Users need not:
    /// their ids name no account, and those who have left keep their past.
    pub(super) fn ids(&self) -> Vec<(String, Table, Uuid)> {
        let path = |name: &str, index: usize| format!("filter.{name}[{index}]");
        let inboxes = self.inboxes.iter().enumerate();
        let inboxes = inboxes.map(|(index, id)| (path("inboxes", index), Table::Inbox, id.0));
        let bots = self.bots.iter().enumerate();
        let bots = bots.map(|(index, id)| (path("bots", index), Table::Bot, id.0));
        let templates = self.templates.iter().enumerate();
        let templates =
            templates.map(|(index, id)| (path("templates", index), Table::Template, id.0));
        let campaigns = self.campaigns.iter().enumerate();
        let campaigns =
            campaigns.map(|(index, id)| (path("campaigns", index), Table::Campaign, id.0));
        let teams = self.teams.iter().enumerate();
        let teams = teams.map(|(index, id)| (path("teams", index), Table::Team, id.0));
        let labels = self.labels.iter().enumerate();
        let labels = labels.map(|(index, id)| (path("labels", index), Table::Label, id.0));
        let authors = self.authors.iter().enumerate().filter_map(|(index, author)| match author {
            Author::Bot(id) => Some((path("authors", index), Table::Bot, id.0)),
            Author::User(_) | Author::Kind(_) => None,
        });
        inboxes
            .chain(bots)
            .chain(templates)
            .chain(campaigns)
            .chain(teams)
            .chain(labels)
            .chain(authors)
            .collect()
    }

    /// What a row must pass, for facts counted under `time`: of each inner list at least one.
    pub(super) fn tests(&self, time: Time) -> Vec<Vec<Test>> {
        let mut tests = Vec::new();
        let mut platforms = Vec::new();
        for (_, dimension, values) in self.lists() {
            if values.is_empty() {
                continue;
            }
            let test = match dimension.membership(time) {
                // A join would count a fact once for each key that it has.
                Some((rows, key)) => {
                    let expression = format!("EXISTS (SELECT 1 FROM {rows} AND {key}");
                    Test { expression, end: ")", join: None, values }
                }
                None => {
                    let grouping = dimension.grouping(time);
                    let (expression, join) = (grouping.expression, grouping.join);
                    Test { expression, end: "", join, values }
                }
            };
            match dimension {
                Dimension::Channel | Dimension::Messenger => platforms.push(test),
                _ => tests.push(vec![test]),
            }
        }
        tests.extend([platforms, self.author_tests(time)]);
        if let Some(wrote) = self.has_client_messages {
            let expression = "c.has_client_messages".to_owned();
            let join = Some(Join::Conversation);
            tests.push(vec![Test { expression, end: "", join, values: vec![wrote.into()] }]);
        }
        tests.retain(|either| !either.is_empty());
        tests
    }

    fn author_tests(&self, time: Time) -> Vec<Test> {
        let (mut kinds, mut ids): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        for author in &self.authors {
            match *author {
                Author::Kind(kind) => kinds.push(kind.into()),
                Author::User(id) => ids.push(id.into()),
                Author::Bot(id) => ids.push(id.into()),
            }
        }
        let columns = Dimension::Author.grouping(time).columns();
        columns
            .into_iter()
            .zip([kinds, ids])
            .filter(|(_, values)| !values.is_empty())
            .map(|(expression, values)| Test { expression, end: "", join: None, values })
            .collect()
    }

    /// The lists with the names of their fields and the dimensions whose keys they hold.
    fn lists(&self) -> [(&'static str, Dimension, Vec<Value>); 28] {
        [
            ("inboxes", Dimension::Inbox, values(&self.inboxes)),
            ("platforms", Dimension::Platform, values(&self.platforms)),
            ("channels", Dimension::Channel, values(&self.channels)),
            ("messengers", Dimension::Messenger, values(&self.messengers)),
            ("media", Dimension::Medium, values(&self.media)),
            ("statuses", Dimension::Status, values(&self.statuses)),
            ("statusGroups", Dimension::StatusGroup, values(&self.status_groups)),
            ("directions", Dimension::Direction, values(&self.directions)),
            ("bots", Dimension::Bot, values(&self.bots)),
            ("assignees", Dimension::Assignee, values(&self.assignees)),
            ("teams", Dimension::Team, values(&self.teams)),
            ("labels", Dimension::Label, values(&self.labels)),
            ("templates", Dimension::Template, values(&self.templates)),
            ("lines", Dimension::Line, values(&self.lines)),
            ("portfolios", Dimension::Portfolio, values(&self.portfolios)),
            ("vendors", Dimension::Vendor, values(&self.vendors)),
            ("official", Dimension::Official, values(&self.official)),
            ("campaigns", Dimension::Campaign, values(&self.campaigns)),
            ("recipientStatuses", Dimension::RecipientStatus, values(&self.recipient_statuses)),
            ("skipReasons", Dimension::SkipReason, values(&self.skip_reasons)),
            ("failureCodes", Dimension::FailureCode, values(&self.failure_codes)),
            ("failureBuckets", Dimension::FailureBucket, values(&self.failure_buckets)),
            ("trafficSources", Dimension::TrafficSource, values(&self.traffic_sources)),
            ("sessionOrigins", Dimension::SessionOrigin, values(&self.session_origins)),
            ("userTypes", Dimension::UserType, values(&self.user_types)),
            ("sessionRoles", Dimension::SessionRole, values(&self.session_roles)),
            ("hoursOfDay", Dimension::HourOfDay, values(&self.hours_of_day)),
            ("daysOfWeek", Dimension::DayOfWeek, values(&self.days_of_week)),
        ]
    }

    fn texts(&self) -> [(&'static str, &Vec<String>); 5] {
        [
            ("lines", &self.lines),
            ("portfolios", &self.portfolios),
            ("vendors", &self.vendors),
            ("failureCodes", &self.failure_codes),
            ("trafficSources", &self.traffic_sources),
        ]
    }
}

fn values<T: Clone + Into<Value>>(list: &[T]) -> Vec<Value> {
    list.iter().cloned().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(filter: &ReportFilter) -> Vec<Vec<String>> {
        let tests = filter.tests(Time::OccurredAt);
        tests
            .into_iter()
            .map(|either| either.into_iter().map(|test| test.expression).collect())
            .collect()
    }

    #[test]
    fn nothing_set_tests_nothing() {
        assert!(conditions(&ReportFilter::default()).is_empty());
        assert!(ReportFilter::default().ids().is_empty());
    }

    #[test]
    fn channels_and_messengers_add_up_and_the_rest_narrows() {
        let filter = ReportFilter {
            channels: vec![Platform::Sms],
            messengers: vec![Platform::Telegram],
            directions: vec![Direction::Outbound],
            authors: vec![Author::Kind(AuthorKind::Bot), Author::User(UserId(Uuid::from_u128(1)))],
            has_client_messages: Some(false),
            ..ReportFilter::default()
        };
        let sizes: Vec<usize> = conditions(&filter).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 2, 2, 1]);
    }

    #[test]
    fn every_wrong_element_is_named() {
        let filter = ReportFilter {
            hours_of_day: vec![0, 24],
            days_of_week: vec![0],
            lines: vec!["\0".to_owned()],
            platforms: vec![Platform::Sms; LONGEST_LIST + 1],
            ..ReportFilter::default()
        };
        let mut checks = Checks::new();
        filter.check(&mut checks);
        let paths: Vec<String> =
            checks.into_violations().into_iter().map(|each| each.path).collect();
        assert_eq!(
            paths,
            ["filter.platforms", "filter.lines[0]", "filter.hoursOfDay[1]", "filter.daysOfWeek[0]"]
        );
    }
}
