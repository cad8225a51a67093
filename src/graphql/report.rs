//! Reports: how one is asked for, and how it is shown. What the numbers are is decided in
//! `analytics`; nothing is computed here.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};

use super::connection::{Connection, PageArgs};
use super::id::{NodeId, NodeKind};
use super::loader::Reader;
use super::node::{self, Node};
use super::scalar::{DateTime, TimeZone};
use super::vocabulary::Name;
use crate::analytics::{
    self, DateBasis, Dimension, Key, Metric, MetricUnit, Part, ReportSource, Table,
};
use crate::error::Result;

mod grafana;
mod input;
mod records;

pub use input::{PeriodInput, ReportFilter, ReportInput, table};
use records::{Cell, Record};

/// Makes a report about the reader's account.
pub async fn report(reader: &Reader, input: ReportInput) -> Result<Report> {
    reader.caller().count()?;
    let asked = Asked::read(reader, input)?;
    let made = analytics::report(reader.scope(), asked.input.clone()).await?;
    Ok(asked.show(reader, made))
}

/// A report that was asked for.
pub struct Asked {
    pub input: analytics::ReportInput,
    /// The address of a Grafana, and the filter as it takes it.
    grafana: Option<(String, String)>,
}

impl Asked {
    pub fn read(reader: &Reader, input: ReportInput) -> Result<Self> {
        let base = reader.scope().engine().config.grafana_url.clone();
        let grafana = base.map(|base| (base, grafana::filter(input.filter.as_ref())));
        Ok(Self { input: input.read()?, grafana })
    }

    /// The report as it is shown to the reader.
    pub fn show(&self, reader: &Reader, made: analytics::Report) -> Report {
        let account = NodeId::account(reader.account_id());
        let grafana_url = self
            .grafana
            .as_ref()
            .map(|(base, filter)| grafana::link(base, account, &self.input, &made.period, filter));
        let cells = records::cells(reader, self.input.clone(), &made);
        let rows = made.rows.into_iter().zip(cells).map(|(row, cell)| ReportRow {
            cell,
            bucket: row.bucket.map(|bucket| Bucket { bucket, period: made.period.clone() }),
            other: row.keys.iter().any(|key| key.key == Key::Other),
            keys: row
                .keys
                .into_iter()
                .map(|key| DimensionKey { reader: reader.clone(), key })
                .collect(),
            values: values(&row.values),
        });
        Report {
            rows: rows.collect(),
            totals: values(&made.totals),
            source: Name(made.source),
            compared_to: made.compared_to.as_ref().map(Into::into),
            period: (&made.period).into(),
            grafana_url,
        }
    }
}

fn values(values: &[analytics::MetricValue]) -> Vec<MetricValue> {
    values.iter().map(MetricValue::from).collect()
}

/// Numbers about an account, all from one state of the database.
#[derive(SimpleObject)]
pub struct Report {
    /// From when to when it reaches.
    period: Period,
    /// The earlier period, where one was asked for.
    compared_to: Option<Period>,
    /// What the numbers were read from.
    source: Name<ReportSource>,
    /// One value for each metric, over the whole period and all groups.
    totals: Vec<MetricValue>,
    /// By bucket, then in the order asked for. Empty buckets are present; every group that has
    /// any fact in the period has every bucket. Without interval and breakdown, one row equal
    /// to the totals.
    rows: Vec<ReportRow>,
    /// Where Grafana shows the same metrics over the same period, with the same filter; none where
    /// the server knows of no Grafana.
    grafana_url: Option<String>,
}

/// A stretch of time, with the zone in which it is divided.
#[derive(SimpleObject)]
pub struct Period {
    /// The first instant of it.
    from: DateTime,
    /// The first instant behind it.
    to: DateTime,
    /// In which zone its days and hours are meant.
    time_zone: TimeZone,
}

impl From<&analytics::Period> for Period {
    fn from(period: &analytics::Period) -> Self {
        let time_zone = TimeZone(period.zone_name().to_owned());
        Self { from: DateTime(period.from), to: DateTime(period.to), time_zone }
    }
}

/// The values of one group in one bucket.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ReportRow {
    #[graphql(skip)]
    cell: Cell,
    /// The part of the period; none without an interval.
    bucket: Option<Bucket>,
    /// The group: one key for each dimension of the breakdown.
    keys: Vec<DimensionKey>,
    /// Whether it is all groups beyond the `first` ones. By TEAM or LABEL a fact counts here once
    /// for each of its groups.
    other: bool,
    /// One value for each metric, in the order in which they were asked for.
    values: Vec<MetricValue>,
}

#[ComplexObject]
impl ReportRow {
    /// The rows behind a number, the latest first: as many as the numerator or the denominator
    /// says; of a mean or percentile, what it is the mean of. Of the totals, ask for a report
    /// without interval and breakdown.
    async fn records(
        &self,
        #[graphql(desc = "One of the metrics asked for.")] metric: Name<Metric>,
        #[graphql(desc = "Which part of its value; the numerator if nothing is said.")]
        part: Option<Name<Part>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Option<async_graphql::Result<Connection<Record>>> {
        let args = PageArgs { first, after, last, before };
        let part = part.map_or(Part::Numerator, |part| part.0);
        Some(self.cell.records(metric.0, part, args).await)
    }
}

/// The value of a metric, with what it is made of.
#[derive(Clone, Copy, SimpleObject)]
pub struct MetricValue {
    /// What it is the value of.
    pub(super) metric: Name<Metric>,
    /// The value; none for 0/0.
    value: Option<f64>,
    /// What is divided: for a count, the count.
    numerator: Option<f64>,
    /// By what it is divided; none for metrics that are no ratio.
    denominator: Option<f64>,
    /// Under which time its facts are counted.
    date_basis: Name<DateBasis>,
    /// The value in the earlier period; none without one, or without a value there.
    previous: Option<f64>,
    /// How much more than before, as a share of it: 0.1 is a tenth more. None where there was
    /// nothing before.
    change: Option<f64>,
}

impl From<&analytics::MetricValue> for MetricValue {
    fn from(value: &analytics::MetricValue) -> Self {
        Self {
            metric: Name(value.metric),
            value: value.value,
            numerator: value.numerator,
            denominator: value.denominator,
            date_basis: Name(value.date_basis),
            previous: value.previous,
            change: value.change,
        }
    }
}

pub struct Bucket {
    bucket: analytics::Bucket,
    period: analytics::Period,
}

/// A part of a period.
#[Object]
impl Bucket {
    /// The first instant of it.
    async fn start(&self) -> DateTime {
        DateTime(self.bucket.start)
    }

    /// The first instant behind it.
    async fn end(&self) -> DateTime {
        DateTime(self.bucket.end)
    }

    /// The start by the clocks of the report's zone, with their offset (RFC 3339).
    async fn local_start(&self) -> String {
        self.period.local(self.bucket.start)
    }

    /// The end by the clocks of the report's zone, with their offset (RFC 3339).
    async fn local_end(&self) -> String {
        self.period.local(self.bucket.end)
    }

    /// Whether the period begins or ends inside it, so that it is shorter than its like.
    async fn partial(&self) -> bool {
        self.bucket.clipped
    }
}

pub struct DimensionKey {
    reader: Reader,
    key: analytics::DimensionKey,
}

impl DimensionKey {
    fn id(&self) -> Option<NodeId> {
        let Key::Id(table, id) = self.key.key else { return None };
        let account_id = self.reader.account_id();
        Some(match table {
            Table::Inbox => NodeId::tenant(NodeKind::Inbox, account_id, id),
            Table::Bot => NodeId::tenant(NodeKind::Bot, account_id, id),
            Table::Template => NodeId::tenant(NodeKind::Template, account_id, id),
            Table::Team => NodeId::tenant(NodeKind::Team, account_id, id),
            Table::Label => NodeId::tenant(NodeKind::Label, account_id, id),
            Table::Campaign => NodeId::tenant(NodeKind::Campaign, account_id, id),
            Table::User => NodeId::global(NodeKind::User, id),
        })
    }
}

/// What a group is called in one dimension.
#[Object]
impl DimensionKey {
    /// The dimension.
    async fn dimension(&self) -> Name<Dimension> {
        Name(self.key.dimension)
    }

    /// An id, the name of an enum's member, a text, a number, or `true` or `false`; none where
    /// the facts have none, and for the groups beyond the `first` ones.
    async fn value(&self) -> Option<String> {
        match &self.key.key {
            Key::Null | Key::Other => None,
            Key::Id(..) => self.id().map(|id| id.to_string()),
            Key::Name(_) | Key::Text(_) | Key::Number(_) | Key::Flag(_) => {
                Some(self.key.label.clone())
            }
        }
    }

    /// The name of the thing behind an id; else the value; `none` and `other` where there is no
    /// value.
    async fn label(&self) -> &str {
        &self.key.label
    }

    /// The thing behind an id.
    async fn node(&self, ctx: &Context<'_>) -> Option<async_graphql::Result<Node>> {
        node::find(ctx, &ID::from(self.id()?)).await.transpose()
    }
}

/// How a number is made.
#[derive(SimpleObject)]
pub struct MetricDefinition {
    /// The name by which reports ask for it.
    key: Name<Metric>,
    /// The name in words.
    title: String,
    /// What it is.
    definition: &'static str,
    /// What its values are measured in.
    unit: Name<MetricUnit>,
    /// What the numerator counts or adds up; none for percentiles.
    numerator: Option<String>,
    /// What the denominator counts; none for metrics that are no ratio.
    denominator: Option<&'static str>,
    /// When there is no value; none where there always is one.
    null_when: Option<&'static str>,
    /// The dimensions by which it can be broken down.
    dimensions: Vec<Name<Dimension>>,
    /// The dimensions by which it can be filtered. `hasClientMessages` filters every metric.
    filters: Vec<Name<Dimension>>,
    /// The date bases on which it exists, its own first.
    date_bases: Vec<Name<DateBasis>>,
    /// Whether the values of parts add up to that of the whole.
    additive: bool,
}

/// Every metric there is.
pub fn definitions() -> Vec<MetricDefinition> {
    let definitions = analytics::definitions().into_iter();
    definitions
        .map(|definition| MetricDefinition {
            key: Name(definition.metric),
            title: definition.title,
            definition: definition.definition,
            unit: Name(definition.unit),
            numerator: definition.numerator,
            denominator: definition.denominator,
            null_when: definition.null_when,
            dimensions: definition.dimensions.into_iter().map(Name).collect(),
            filters: definition.filters.into_iter().map(Name).collect(),
            date_bases: definition.bases.into_iter().map(Name).collect(),
            additive: definition.additive,
        })
        .collect()
}
