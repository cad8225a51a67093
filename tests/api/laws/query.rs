//! Questions: made by chance, and said in the two ways in which the application takes them,
//! to `analytics` and over GraphQL.

use std::sync::LazyLock;

use entity::Timestamp;
use entity::id::{AccountId, BotId, CampaignId, InboxId, LabelId, TeamId, TemplateId, UserId};
use entity::vocabulary::Vocabulary;
use jiff::tz::TimeZone;
use rapport::analytics::{
    Author, Comparison, DateBasis, Dimension, Interval, Key, Metric, MetricDefinition, PeriodInput,
    ReportFilter, ReportInput, ReportOrder, Table, definitions,
};
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::fact::Fact;
use super::reference::{instant, keys as keys_of, zone};

/// Zones with all sorts of clocks.
pub const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
];

const MINUTE: i64 = 60 * Timestamp::SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

#[derive(Clone, Debug)]
pub struct Ask {
    pub metrics: Vec<Metric>,
    pub from: Timestamp,
    pub to: Timestamp,
    pub interval: Option<Interval>,
    pub breakdown: Vec<Dimension>,
    pub clauses: Vec<Clause>,
    pub basis: Option<DateBasis>,
    pub zone: &'static str,
    pub compare: Option<Comparison>,
    /// By which metric groups are sorted, and whether descending.
    pub order: Option<(Metric, bool)>,
    pub first: Option<i64>,
    /// The reply window in seconds.
    pub window: Option<i64>,
}

/// A part of a filter.
#[derive(Clone, Debug)]
pub enum Clause {
    /// Only facts with one of these keys.
    Keys(Dimension, Vec<Key>),
    /// Only in conversations in which the client wrote, or did not.
    ClientWrote(bool),
}

static DEFINITIONS: LazyLock<Vec<MetricDefinition>> = LazyLock::new(definitions);

/// The definition of a metric.
pub fn definition(metric: Metric) -> &'static MetricDefinition {
    DEFINITIONS.iter().find(|definition| definition.metric == metric).unwrap()
}

/// The metrics that exist on the basis and allow all of the dimensions.
pub fn metrics(basis: Option<DateBasis>, breakdown: &[Dimension]) -> Vec<Metric> {
    let fits = |definition: &MetricDefinition| {
        basis.is_none_or(|basis| definition.bases.contains(&basis))
            && breakdown.iter().all(|each| definition.dimensions.contains(each))
    };
    DEFINITIONS.iter().filter(|each| fits(each)).map(|each| each.metric).collect()
}

impl Ask {
    /// These metrics over a period, in UTC and without anything else.
    pub fn plain(metrics: Vec<Metric>, from: Timestamp, to: Timestamp) -> Self {
        Self {
            metrics,
            from,
            to,
            interval: None,
            breakdown: Vec::new(),
            clauses: Vec::new(),
            basis: None,
            zone: "UTC",
            compare: None,
            order: None,
            first: None,
            window: None,
        }
    }

    /// About `facts`, more often than not in the zone `home`; none where no metric allows the
    /// dimensions on the basis that came up.
    pub fn random(
        dice: &mut Dice,
        facts: &[Fact],
        home: &'static str,
        breakdown: Vec<Dimension>,
    ) -> Option<Self> {
        let basis = dice.pick(&[None, None, Some(DateBasis::Event), Some(DateBasis::Send)]);
        let mut metrics = metrics(basis, &breakdown);
        if metrics.is_empty() {
            return None;
        }
        dice.shuffle(&mut metrics);
        if dice.chance(40) {
            metrics.truncate(1 + dice.below(metrics.len()));
        }
        let interval = if dice.chance(60) { Some(dice.pick(Interval::ALL)) } else { None };
        let (from, to) = period(dice, facts, interval);
        let zone = if dice.chance(50) { home } else { dice.pick(&ZONES) };
        let mut clauses: Vec<Clause> = Vec::new();
        for _ in 0..dice.pick(&[0, 0, 1, 1, 2]) {
            let Some(clause) = Clause::random(dice, facts, zone) else { continue };
            if clauses.iter().all(|other| other.field() != clause.field()) {
                clauses.push(clause);
            }
        }
        metrics.retain(|metric| clauses.iter().all(|clause| clause.fits(*metric)));
        if metrics.is_empty() {
            return None;
        }
        let plain = Self::plain(metrics, from, to);
        let window = dice.pick(&[None, None, Some(0), Some(3_600), Some(100 * 3_600)]);
        Some(Self { interval, breakdown, clauses, basis, zone, window, ..plain })
    }

    /// With whatever else can be asked, and not too long an answer.
    pub fn adorned(mut self, dice: &mut Dice) -> Self {
        self.metrics.truncate(4);
        if matches!(self.interval, Some(Interval::FifteenMinutes | Interval::Hour)) {
            self.breakdown.truncate(1);
            self.metrics.truncate(2);
        }
        if dice.chance(60) {
            self.compare = Some(dice.pick(Comparison::ALL));
        }
        if dice.chance(50) {
            self.order = Some((dice.pick(&self.metrics), dice.chance(50)));
        }
        if dice.chance(50) {
            self.first = Some(dice.between(1, 5));
        }
        self
    }

    /// Whether the filter keeps a fact that is counted at `at`.
    pub fn lets_pass(&self, fact: &Fact, zone: &TimeZone, at: Timestamp) -> bool {
        // Of these two lists, either.
        let mut platform = None;
        for clause in &self.clauses {
            match clause {
                Clause::ClientWrote(wrote) => {
                    if fact.client_wrote != *wrote {
                        return false;
                    }
                }
                Clause::Keys(dimension, keys) => {
                    let holds = keys.iter().any(|each| {
                        keys_of(fact, *dimension, zone, at).contains(each)
                            || *dimension == Dimension::Author && is_author_kind(fact, each)
                    });
                    if matches!(dimension, Dimension::Channel | Dimension::Messenger) {
                        platform = Some(platform == Some(true) || holds);
                    } else if !holds {
                        return false;
                    }
                }
            }
        }
        platform != Some(false)
    }

    /// As `analytics` takes it.
    pub fn input(&self) -> ReportInput {
        let mut filter = ReportFilter::default();
        for clause in &self.clauses {
            match clause {
                Clause::ClientWrote(wrote) => filter.has_client_messages = Some(*wrote),
                Clause::Keys(dimension, keys) => {
                    keys.iter().for_each(|key| narrow(&mut filter, *dimension, key));
                }
            }
        }
        ReportInput {
            metrics: self.metrics.clone(),
            period: PeriodInput::Range { from: self.from, to: self.to },
            interval: self.interval,
            breakdown: self.breakdown.clone(),
            filter,
            date_basis: self.basis,
            time_zone: Some(self.zone.to_owned()),
            compare_to: self.compare,
            order_by: self.order.map(|(metric, descending)| ReportOrder { metric, descending }),
            first: self.first,
            reply_window: self.window.map(|seconds| format!("PT{seconds}S")),
        }
    }

    /// As GraphQL takes it.
    pub fn json(&self, account: AccountId) -> Value {
        let mut filter = Map::new();
        for clause in &self.clauses {
            let value = match clause {
                Clause::ClientWrote(wrote) => json!(wrote),
                Clause::Keys(_, keys) => keys.iter().map(|key| json_key(key, account)).collect(),
            };
            filter.insert(clause.field().to_owned(), value);
        }
        let order = self.order.map(|(metric, descending)| {
            json!({ "metric": metric, "direction": if descending { "DESC" } else { "ASC" } })
        });
        let (from, to) = (instant(self.from).to_string(), instant(self.to).to_string());
        json!({
            "metrics": self.metrics,
            "period": { "range": { "from": from, "to": to } },
            "interval": self.interval,
            "breakdown": self.breakdown,
            "filter": filter,
            "dateBasis": self.basis,
            "timeZone": self.zone,
            "compareTo": self.compare,
            "orderBy": order,
            "first": self.first,
            "replyWindow": self.window.map(|seconds| format!("PT{seconds}S")),
        })
    }
}

/// A stretch around some fact, that begins or ends there or anywhere. Short where there would
/// be many buckets.
fn period(dice: &mut Dice, facts: &[Fact], interval: Option<Interval>) -> (Timestamp, Timestamp) {
    let most = match interval {
        Some(Interval::FifteenMinutes) => DAY,
        Some(Interval::Hour) => 3 * DAY,
        _ => 12 * DAY,
    };
    let pivot = moment(dice, facts).0;
    let length = dice.between(MINUTE, most);
    let from = match dice.below(4) {
        0 => pivot,
        1 => pivot - length,
        _ => pivot - dice.between(0, length),
    };
    (Timestamp(from), Timestamp(from + length))
}

/// When something was said or heard.
pub fn moment(dice: &mut Dice, facts: &[Fact]) -> Timestamp {
    let fact = &facts[dice.below(facts.len())];
    let heard = fact.said.heard.iter().map(|heard| heard.at);
    let moments: Vec<Timestamp> = heard.chain([fact.at()]).collect();
    dice.pick(&moments)
}

impl Clause {
    /// Of what facts have; none where they have nothing in the dimension that came up.
    fn random(dice: &mut Dice, facts: &[Fact], zone_name: &str) -> Option<Self> {
        if dice.chance(10) {
            return Some(Self::ClientWrote(dice.chance(50)));
        }
        let dimension = dice.pick(Dimension::ALL);
        let zone = zone(zone_name);
        let mut keys: Vec<Key> = Vec::new();
        for fact in facts {
            let own = keys_of(fact, dimension, &zone, fact.at());
            let kind = fact.author.filter(|_| dimension == Dimension::Author);
            let kind = kind.map(|kind| Key::Name(kind.name()));
            for key in kind.into_iter().chain(own) {
                if key != Key::Null && !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        dice.shuffle(&mut keys);
        keys.truncate(1 + dice.below(2));
        (!keys.is_empty()).then_some(Self::Keys(dimension, keys))
    }

    /// Whether the metric can be filtered so.
    pub fn fits(&self, metric: Metric) -> bool {
        match self {
            // What is about no inbox is about no conversation.
            Self::ClientWrote(_) => definition(metric).filters.contains(&Dimension::Inbox),
            Self::Keys(dimension, _) => definition(metric).filters.contains(dimension),
        }
    }

    /// The field of GraphQL's filter.
    fn field(&self) -> &'static str {
        let dimension = match self {
            Self::ClientWrote(_) => return "hasClientMessages",
            Self::Keys(dimension, _) => dimension,
        };
        match dimension {
            Dimension::Inbox => "inboxes",
            Dimension::Platform => "platforms",
            Dimension::Channel => "channels",
            Dimension::Messenger => "messengers",
            Dimension::Medium => "media",
            Dimension::Status => "statuses",
            Dimension::StatusGroup => "statusGroups",
            Dimension::Direction => "directions",
            Dimension::Bot => "bots",
            Dimension::Assignee => "assignees",
            Dimension::Team => "teams",
            Dimension::Label => "labels",
            Dimension::Author => "authors",
            Dimension::Template => "templates",
            Dimension::Line => "lines",
            Dimension::Portfolio => "portfolios",
            Dimension::Vendor => "vendors",
            Dimension::Official => "official",
            Dimension::Campaign => "campaigns",
            Dimension::RecipientStatus => "recipientStatuses",
            Dimension::SkipReason => "skipReasons",
            Dimension::FailureCode => "failureCodes",
            Dimension::FailureBucket => "failureBuckets",
            Dimension::TrafficSource => "trafficSources",
            Dimension::SessionOrigin => "sessionOrigins",
            Dimension::UserType => "userTypes",
            Dimension::SessionRole => "sessionRoles",
            Dimension::HourOfDay => "hoursOfDay",
            Dimension::DayOfWeek => "daysOfWeek",
        }
    }
}

/// A kind of author stands for all authors of the kind, known by name or not.
fn is_author_kind(fact: &Fact, key: &Key) -> bool {
    fact.author.is_some_and(|kind| *key == Key::Name(kind.name()))
}

fn narrow(filter: &mut ReportFilter, dimension: Dimension, key: &Key) {
    match (dimension, key) {
        (Dimension::Inbox, Key::Id(_, id)) => filter.inboxes.push(InboxId(*id)),
        (Dimension::Platform, Key::Name(name)) => filter.platforms.push(member(name)),
        (Dimension::Channel, Key::Name(name)) => filter.channels.push(member(name)),
        (Dimension::Messenger, Key::Name(name)) => filter.messengers.push(member(name)),
        (Dimension::Medium, Key::Name(name)) => filter.media.push(member(name)),
        (Dimension::Status, Key::Name(name)) => filter.statuses.push(member(name)),
        (Dimension::StatusGroup, Key::Name(name)) => filter.status_groups.push(member(name)),
        (Dimension::Direction, Key::Name(name)) => filter.directions.push(member(name)),
        (Dimension::Bot, Key::Id(_, id)) => filter.bots.push(BotId(*id)),
        (Dimension::Assignee, Key::Id(_, id)) => filter.assignees.push(UserId(*id)),
        (Dimension::Team, Key::Id(_, id)) => filter.teams.push(TeamId(*id)),
        (Dimension::Label, Key::Id(_, id)) => filter.labels.push(LabelId(*id)),
        (Dimension::Author, Key::Id(Table::User, id)) => {
            filter.authors.push(Author::User(UserId(*id)));
        }
        (Dimension::Author, Key::Id(_, id)) => filter.authors.push(Author::Bot(BotId(*id))),
        (Dimension::Author, Key::Name(name)) => filter.authors.push(Author::Kind(member(name))),
        (Dimension::Template, Key::Id(_, id)) => filter.templates.push(TemplateId(*id)),
        (Dimension::Line, Key::Text(text)) => filter.lines.push(text.clone()),
        (Dimension::Portfolio, Key::Text(text)) => filter.portfolios.push(text.clone()),
        (Dimension::Vendor, Key::Text(text)) => filter.vendors.push(text.clone()),
        (Dimension::Official, Key::Flag(flag)) => filter.official.push(*flag),
        (Dimension::Campaign, Key::Id(_, id)) => filter.campaigns.push(CampaignId(*id)),
        (Dimension::RecipientStatus, Key::Name(name)) => {
            filter.recipient_statuses.push(member(name));
        }
        (Dimension::SkipReason, Key::Name(name)) => filter.skip_reasons.push(member(name)),
        (Dimension::FailureCode, Key::Text(text)) => filter.failure_codes.push(text.clone()),
        (Dimension::FailureBucket, Key::Name(name)) => filter.failure_buckets.push(member(name)),
        (Dimension::TrafficSource, Key::Text(text)) => filter.traffic_sources.push(text.clone()),
        (Dimension::SessionOrigin, Key::Name(name)) => filter.session_origins.push(member(name)),
        (Dimension::UserType, Key::Name(name)) => filter.user_types.push(member(name)),
        (Dimension::SessionRole, Key::Name(name)) => filter.session_roles.push(member(name)),
        (Dimension::HourOfDay, Key::Number(number)) => filter.hours_of_day.push(*number),
        (Dimension::DayOfWeek, Key::Number(number)) => filter.days_of_week.push(*number),
        (dimension, key) => panic!("no filter of {dimension:?} takes {key:?}"),
    }
}

fn member<T: Vocabulary>(name: &str) -> T {
    T::from_name(name).unwrap()
}

fn json_key(key: &Key, account: AccountId) -> Value {
    match key {
        Key::Id(table, id) => {
            let node = match table {
                Table::Inbox => NodeId::tenant(NodeKind::Inbox, account, *id),
                Table::Bot => NodeId::tenant(NodeKind::Bot, account, *id),
                Table::Template => NodeId::tenant(NodeKind::Template, account, *id),
                Table::Team => NodeId::tenant(NodeKind::Team, account, *id),
                Table::Label => NodeId::tenant(NodeKind::Label, account, *id),
                Table::Campaign => NodeId::tenant(NodeKind::Campaign, account, *id),
                Table::User => NodeId::global(NodeKind::User, *id),
            };
            json!(node.to_string())
        }
        Key::Name(name) => json!(name),
        Key::Text(text) => json!(text),
        Key::Number(number) => json!(number),
        Key::Flag(flag) => json!(flag),
        Key::Null | Key::Other => panic!("no filter takes {key:?}"),
    }
}
