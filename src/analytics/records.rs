//! The rows behind a number: those of one cell of a report, by the same definitions, filter and
//! times that made it, so that there are exactly as many of them.

use entity::id::AccountId;
use entity::vocabulary;
use entity::vocabulary::Vocabulary;
use entity::{contact, conversation, conversation_event, message, recipient, session};
use sea_orm::sea_query::Expr;
use sea_orm::{QueryFilter, Select};

use super::key::Key;
use super::measure::{Definition, Measure, Member};
use super::metric::Metric;
use super::period::PeriodInput;
use super::predicate::Predicate;
use super::query::{Asked, ReportInput, ReportQuery};
use super::source::{Source, Time};
use super::statement::{Apart, Count, Matches, Statement, Taken};
use super::tally::Slot;
use crate::auth::{AccountScope, Permission};
use crate::db::Sql;
use crate::error::{Checks, Error, Result, ViolationCode};

vocabulary! {
    /// A part of a value.
    pub enum Part {
        /// What is counted, or divided.
        Numerator => "NUMERATOR",
        /// What is divided by.
        Denominator => "DENOMINATOR",
    }
}

/// One cell of a report.
#[derive(Clone, Debug)]
pub struct ReportCell {
    /// The bucket; the whole period where there is none.
    pub period: PeriodInput,
    /// One key for each dimension of the breakdown.
    pub keys: Vec<Key>,
    /// The groups that have rows of their own: all others are behind [`Key::Other`].
    pub shown: Vec<Vec<Key>>,
}

/// The rows behind a value, of the kind that its metric counts.
pub enum Records {
    Messages(Select<message::Entity>),
    Sessions(Select<session::Entity>),
    Conversations(Select<conversation::Entity>),
    /// Closings of conversations.
    Events(Select<conversation_event::Entity>),
    Contacts(Select<contact::Entity>),
    /// Recipients of campaigns.
    Recipients(Select<recipient::Entity>),
}

/// The rows of `part` of the value that `metric` has in `cell` of the report that `input` asks
/// for.
pub async fn records(
    scope: &AccountScope,
    input: &ReportInput,
    cell: &ReportCell,
    metric: Metric,
    part: Part,
) -> Result<Records> {
    scope.require(Permission::Read)?;
    let mut checks = Checks::new();
    if !input.metrics.contains(&metric) {
        let names: Vec<&str> = input.metrics.iter().map(|metric| metric.name()).collect();
        let message = format!("must be one of the metrics asked for: {}", names.join(", "));
        checks.fail("metric", ViolationCode::Conflict, message);
    }
    let several = input.breakdown.iter().any(|dimension| dimension.is_multiple());
    if several && cell.keys.contains(&Key::Other) {
        let message = "the groups beyond the first ones share facts here; ask for more groups \
                       (first) and open them one by one";
        checks.fail("metric", ViolationCode::Unsupported, message);
    }
    let condition = condition(metric, part, &mut checks);
    let input = ReportInput {
        metrics: vec![metric],
        period: cell.period.clone(),
        interval: None,
        compare_to: None,
        order_by: None,
        first: None,
        ..input.clone()
    };
    let account = scope.account(scope.db().read()).await?;
    let query = ReportQuery::new(&input, &account, scope.now(), &mut checks)?;
    checks.finish()?;
    let query = query.ok_or_else(|| Error::bug("records were refused without a reason"))?;
    let [asked] = &query.asked[..] else { return Err(Error::bug("one metric was asked for")) };
    let condition = condition.sql(query.reply_window);
    Ok(select(scope, &query, asked, &condition, &matches(&query, cell)))
}

/// What the rows of the part pass.
fn condition(metric: Metric, part: Part, checks: &mut Checks) -> Parts {
    let denominator = part == Part::Denominator;
    let parts = match metric.definition().measure {
        Measure::Count { of, .. } | Measure::Distinct { of, .. } if !denominator => Some([of, of]),
        Measure::Count { .. } | Measure::Distinct { .. } => None,
        Measure::Share { whole, .. } if denominator => Some([whole, whole]),
        Measure::Share { part, whole, .. } => Some([whole, part]),
        Measure::Total { of, .. } => (!denominator).then_some([of, of]),
        Measure::Mean { .. } => Some([Predicate::Always; 2]),
        Measure::Percentile { .. } => denominator.then_some([Predicate::Always; 2]),
    };
    if parts.is_none() {
        let message = format!("{} has no {}", metric.name(), part.name().to_lowercase());
        checks.fail("part", ViolationCode::Unsupported, message);
    }
    Parts(parts.unwrap_or([Predicate::Always; 2]))
}

/// Both must hold.
struct Parts([Predicate; 2]);

impl Parts {
    fn sql(&self, reply_window: i64) -> String {
        let [one, two] = self.0.map(|predicate| predicate.sql(reply_window));
        format!("({one} AND {two})")
    }
}

fn matches(query: &ReportQuery, cell: &ReportCell) -> Vec<Matches> {
    let keyed = |keys: &Vec<Key>| query.breakdown.iter().copied().zip(keys.clone()).collect();
    if query.breakdown.is_empty() {
        Vec::new()
    } else if cell.keys.contains(&Key::Other) {
        vec![Matches::Beyond(cell.shown.iter().map(keyed).collect())]
    } else {
        vec![Matches::Group(keyed(&cell.keys))]
    }
}

fn select(
    scope: &AccountScope,
    query: &ReportQuery,
    asked: &Asked,
    condition: &str,
    matches: &[Matches],
) -> Records {
    let Definition { source, measure, .. } = asked.metric.definition();
    let chosen = |known_as: &str, column: &str| {
        let rows = asked.moments.iter().map(|moment| {
            let only = moment.only.sql(query.reply_window);
            let condition = format!("{only} AND {condition}");
            Rows { source, time: moment.time, condition, column }
        });
        among(&rows.collect::<Vec<_>>(), scope, query, known_as, matches)
    };
    match (measure, source) {
        (Measure::Distinct { member: Member::Contact, .. }, _) => {
            Records::Contacts(scope.find().filter(chosen("contact.id", Member::Contact.column())))
        }
        (Measure::Distinct { member: Member::Conversation, .. }, _) => {
            let column = Member::Conversation.column();
            Records::Conversations(scope.find().filter(chosen("conversation.id", column)))
        }
        (_, Source::Messages | Source::Sends | Source::Replies | Source::FirstResponses) => {
            Records::Messages(scope.find().filter(chosen("message.id", "m.id")))
        }
        (_, Source::Sessions) => {
            Records::Sessions(scope.find().filter(chosen("session.id", "s.id")))
        }
        (_, Source::Conversations) => {
            Records::Conversations(scope.find().filter(chosen("conversation.id", "c.id")))
        }
        (_, Source::Recipients) => Records::Recipients(scope.find().filter(chosen(
            "(recipient.campaign_id, recipient.contact_id)",
            "r.campaign_id, r.contact_id",
        ))),
        (_, Source::Resolutions) => {
            Records::Events(scope.find().filter(chosen("conversation_event.id", "e.id")))
        }
    }
}

/// Rows of a source.
pub(super) struct Rows<'a> {
    pub source: Source,
    pub time: Time,
    pub condition: String,
    /// What they are known by, a column or several.
    pub column: &'a str,
}

impl Rows<'_> {
    fn sql(&self, account: AccountId, query: &ReportQuery, matches: &[Matches]) -> Sql {
        let (source, condition) = (self.source, self.condition.clone());
        let count = Count { slot: Slot::Sum(0), source, condition, taken: Taken::Number };
        let (time, apart) = (self.time, Apart::Nothing);
        let statement = Statement { time, apart, counts: vec![count] };
        let segments = &query.stretch.segments;
        statement.rows(self.column, account, segments, &query.breakdown, &query.filter, matches)
    }
}

/// That what a row is `known_as` is one of `rows` that the query lets through.
pub(super) fn among(
    rows: &[Rows<'_>],
    scope: &AccountScope,
    query: &ReportQuery,
    known_as: &str,
    matches: &[Matches],
) -> Expr {
    if query.stretch.segments.is_empty() {
        return Expr::value(false);
    }
    // One list of all: for several lists, PostgreSQL would test each row of the table.
    let mut union = Sql::default();
    for (index, rows) in rows.iter().enumerate() {
        union.push(if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        union.append(rows.sql(scope.account_id(), query, matches)).push(&format!(") r{index}"));
    }
    let (text, values) = union.parts(scope.db().backend());
    Expr::cust_with_values(format!("{known_as} IN ({text})"), values)
}
