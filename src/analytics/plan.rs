//! From metrics to SQL: one statement for each time that facts are counted under, and for
//! what is told apart beside the groups, the same text on both databases. The bounds of
//! the buckets stand first, as a list of values, and are joined to the facts by account and
//! half-open range; repeating the range in `WHERE`, or letting the planner join the small
//! tables first, ruins the plan.

use std::collections::BTreeSet;

use entity::Timestamp;
use entity::id::{AccountId, Uuid};
use sea_orm::QueryResult;

use super::bucket::Segment;
use super::dimension::{Dimension, Grouping, Join};
use super::filter::ReportFilter;
use super::key::Key;
use super::measure::{Definition, Measure, Member};
use super::predicate::Predicate;
use super::query::Asked;
use super::source::{Source, Time, Wait};
use super::tally::{Found, Numbers, Shape, Slot};
use crate::db::Sql;
use crate::error::{Error, Result};

/// Groups that one statement may bring, of all buckets together.
const MOST_GROUPED: usize = 500_000;
/// Members that one statement may bring, counted anew in each group and bucket.
const MOST_MEMBERS: usize = 5_000_000;

/// All counts that a report needs, each taken once.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub statements: Vec<Statement>,
    /// How the metrics asked for are made of the counts, in their order.
    pub readings: Vec<Reading>,
    pub shape: Shape,
}

/// Which counts make a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Count {
        of: Slot,
    },
    Share {
        part: Slot,
        whole: Slot,
    },
    /// Microseconds, divided by the number of rows.
    Mean {
        micros: Slot,
        of: Slot,
    },
    Percentile {
        of: Slot,
        percent: u8,
    },
}

/// The counts that are taken under one time.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    time: Time,
    apart: Apart,
    counts: Vec<Count>,
}

/// What a statement tells apart beside the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apart {
    Nothing,
    Members(Member),
    /// The bins of this column.
    Bins(&'static str),
}

impl Apart {
    fn column(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Members(member) => Some(member.column()),
            Self::Bins(column) => Some(column),
        }
    }
}

#[derive(Clone, Debug)]
struct Count {
    slot: Slot,
    source: Source,
    condition: String,
    taken: Taken,
}

/// What is taken of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Number,
    /// The sum of a column of microseconds.
    Micros(&'static str),
}

/// What one row of a statement says.
pub(super) struct Grouped {
    /// Index of the bucket.
    pub bucket: usize,
    pub keys: Vec<Key>,
    pub found: Vec<Found>,
}

impl Plan {
    /// Replies belong to the send before them if they come within so many seconds.
    pub fn new(asked: &[Asked], reply_window: i64) -> Self {
        let mut plan = Self::default();
        for each in asked {
            let reading = plan.reading(each, reply_window);
            plan.readings.push(reading);
        }
        plan
    }

    fn reading(&mut self, asked: &Asked, window: i64) -> Reading {
        let Definition { source, measure, .. } = asked.metric.definition();
        let mut count = |apart, taken, of: String| {
            self.count(
                asked,
                window,
                Count { slot: Slot::Sum(0), source, condition: of, taken },
                apart,
            )
        };
        let all = || Predicate::Always.sql(window);
        match measure {
            Measure::Count { of, .. } => {
                Reading::Count { of: count(Apart::Nothing, Taken::Number, of.sql(window)) }
            }
            Measure::Share { part, whole, .. } => {
                let both = format!("{} AND {}", whole.sql(window), part.sql(window));
                Reading::Share {
                    part: count(Apart::Nothing, Taken::Number, both),
                    whole: count(Apart::Nothing, Taken::Number, whole.sql(window)),
                }
            }
            Measure::Distinct { of, member, .. } => {
                Reading::Count { of: count(Apart::Members(member), Taken::Number, of.sql(window)) }
            }
            Measure::Mean { wait, open, .. } => Reading::Mean {
                micros: count(Apart::Nothing, Taken::Micros(wait.micros(open)), all()),
                of: count(Apart::Nothing, Taken::Number, all()),
            },
            Measure::Percentile { wait, open, percent, .. } => {
                let of = count(Apart::Bins(Wait::bin(wait, open)), Taken::Number, all());
                Reading::Percentile { of, percent }
            }
        }
    }

    /// Where a count stands, which is added under each of the metric's times unless it is there
    /// already.
    fn count(&mut self, asked: &Asked, window: i64, count: Count, apart: Apart) -> Slot {
        let counts: Vec<(Time, Count)> = asked
            .moments
            .iter()
            .map(|moment| {
                let condition = match moment.only {
                    Predicate::Always => count.condition.clone(),
                    only => format!("{} AND {}", only.sql(window), count.condition),
                };
                (moment.time, Count { condition, ..count.clone() })
            })
            .collect();
        let known = counts.first().and_then(|(time, count)| self.known(*time, apart, count));
        if let Some(slot) = known {
            return slot;
        }
        let (next, slot): (&mut usize, fn(usize) -> Slot) = match apart {
            Apart::Nothing => (&mut self.shape.sums, Slot::Sum),
            Apart::Members(_) => (&mut self.shape.sets, Slot::Set),
            Apart::Bins(_) => (&mut self.shape.bins, Slot::Bins),
        };
        let slot = slot(*next);
        *next += 1;
        for (time, count) in counts {
            self.statement(time, apart).counts.push(Count { slot, ..count });
        }
        slot
    }

    fn known(&self, time: Time, apart: Apart, count: &Count) -> Option<Slot> {
        let mut statements = self.statements.iter();
        let statement = statements.find(|each| each.time == time && each.apart == apart)?;
        let same = |each: &&Count| {
            each.source == count.source
                && each.condition == count.condition
                && each.taken == count.taken
        };
        statement.counts.iter().find(same).map(|count| count.slot)
    }

    fn statement(&mut self, time: Time, apart: Apart) -> &mut Statement {
        let same = |each: &Statement| each.time == time && each.apart == apart;
        let at = self.statements.iter().position(same).unwrap_or_else(|| {
            self.statements.push(Statement { time, apart, counts: Vec::new() });
            self.statements.len() - 1
        });
        &mut self.statements[at]
    }
}

impl Statement {
    /// `segments` must not be empty.
    pub fn sql(
        &self,
        account_id: AccountId,
        segments: &[Segment],
        breakdown: &[Dimension],
        filter: &ReportFilter,
    ) -> Sql {
        let tests = filter.tests(self.time);
        let groupings = self.groupings(breakdown);
        let joins: BTreeSet<Join> = groupings
            .iter()
            .filter_map(|grouping| grouping.join)
            .chain(tests.iter().flatten().filter_map(|test| test.join))
            .filter(|join| Some(*join) != self.time.joined())
            .collect();
        let keys: Vec<String> = ["CAST(seg.b AS BIGINT)".to_owned()]
            .into_iter()
            .chain(groupings.iter().flat_map(|grouping| grouping.columns()))
            .chain(self.apart.column().map(str::to_owned))
            .collect();
        let counts = self.counts.iter().flat_map(|count| self.columns(count));
        let columns: Vec<String> = keys.iter().cloned().chain(counts).collect();

        let mut sql = Sql::new("WITH seg(b, f, t, o) AS (VALUES ");
        sql.push(&rows(segments)).push(") SELECT ").push(&columns.join(", "));
        // CROSS keeps SQLite to this order.
        sql.push(" FROM seg CROSS JOIN ").push(self.time.table());
        for join in joins {
            sql.push(&join.sql(self.time));
        }
        let time = self.time.column();
        sql.push(&format!(" WHERE {} = ", self.time.account())).bind(account_id);
        sql.push(&format!(" AND {time} >= seg.f AND {time} < seg.t AND {}", self.facts()));
        for either in &tests {
            for (index, test) in either.iter().enumerate() {
                sql.push(if index == 0 { " AND (" } else { " OR " }).push(&test.expression);
                for (index, value) in test.values.iter().enumerate() {
                    sql.push(if index == 0 { " IN (" } else { ", " }).bind(value.clone());
                }
                sql.push(")").push(test.end);
            }
            sql.push(")");
        }
        let positions: Vec<String> =
            (1..=keys.len()).map(|position| position.to_string()).collect();
        sql.push(" GROUP BY ").push(&positions.join(", "));
        // One more than allowed tells that there are too many.
        sql.push(&format!(" LIMIT {}", self.most() + 1));
        sql
    }

    /// Rows that are read at most.
    fn most(&self) -> usize {
        match self.apart {
            Apart::Members(_) => MOST_MEMBERS,
            Apart::Nothing | Apart::Bins(_) => MOST_GROUPED,
        }
    }

    /// Refuses more rows than are read.
    pub fn check_size(&self, rows: usize) -> Result<()> {
        let most = self.most();
        if rows <= most {
            return Ok(());
        }
        let what = match self.apart {
            Apart::Nothing => "groups in all its buckets together",
            Apart::Members(_) => {
                "contacts and conversations, each counted anew in each group and bucket"
            }
            Apart::Bins(_) => "lengths of time, told apart by 1 % in each group and bucket",
        };
        Err(Error::Limit(format!(
            "a report has at most {most} {what}; take fewer dimensions, longer buckets or a \
             shorter period"
        )))
    }

    /// What reads the rows of [`Statement::sql`] with the same breakdown.
    pub fn reader(&self, breakdown: &[Dimension]) -> Reader<'_> {
        Reader { statement: self, groupings: self.groupings(breakdown) }
    }

    fn groupings(&self, breakdown: &[Dimension]) -> Vec<Grouping> {
        breakdown.iter().map(|dimension| dimension.grouping(self.time)).collect()
    }

    /// The sources of its counts, each once.
    fn sources(&self) -> Vec<Source> {
        let mut sources = Vec::new();
        for count in &self.counts {
            if !sources.contains(&count.source) {
                sources.push(count.source);
            }
        }
        sources
    }

    /// The rows that are facts of any of its sources: a group without any is no group.
    fn facts(&self) -> String {
        let sources: Vec<String> = self.sources().iter().map(|source| source.sql()).collect();
        format!("({})", sources.join(" OR "))
    }

    fn columns(&self, count: &Count) -> Vec<String> {
        // With one source, every row is one of its facts already.
        let condition = if self.sources().len() == 1 {
            count.condition.clone()
        } else {
            format!("{} AND {}", count.source.sql(), count.condition)
        };
        match (self.apart, count.taken) {
            (Apart::Members(_), _) => {
                vec![format!("CAST(MAX(CASE WHEN {condition} THEN 1 ELSE 0 END) AS BIGINT)")]
            }
            (_, Taken::Number) => vec![format!("COUNT(*) FILTER (WHERE {condition})")],
            // Seconds and what is left of them apart: the sum of microseconds may not fit.
            (_, Taken::Micros(column)) => ["/", "%"]
                .map(|part| {
                    format!(
                        "CAST(COALESCE(SUM({column} {part} {SECOND}) \
                         FILTER (WHERE {condition}), 0) AS BIGINT)"
                    )
                })
                .to_vec(),
        }
    }
}

const SECOND: i64 = Timestamp::SECOND;

/// Reads rows of a statement.
pub(super) struct Reader<'a> {
    statement: &'a Statement,
    groupings: Vec<Grouping>,
}

impl Reader<'_> {
    /// What a row says; none where nothing was counted.
    pub fn read(&self, row: &QueryResult, numbers: &mut Numbers) -> Result<Option<Grouped>> {
        let bucket = row.try_get_by_index::<i64>(0)?;
        let bucket = usize::try_from(bucket).map_err(|_| Error::bug("a bucket has no index"))?;
        let mut at = 1;
        let mut keys = Vec::with_capacity(self.groupings.len());
        for grouping in &self.groupings {
            keys.push(grouping.read(row, &mut at)?);
        }
        let apart = match self.statement.apart {
            Apart::Nothing => Told::Nothing,
            Apart::Members(_) => Told::Member(numbers.of(row.try_get_by_index::<Uuid>(at)?)?),
            Apart::Bins(_) => Told::Bin(row.try_get_by_index::<i16>(at)?),
        };
        at += usize::from(self.statement.apart.column().is_some());
        let mut found = Vec::with_capacity(self.statement.counts.len());
        for count in &self.statement.counts {
            let number = row.try_get_by_index::<i64>(at)?;
            at += 1;
            let sum = match count.taken {
                Taken::Number => i128::from(number),
                Taken::Micros(_) => {
                    at += 1;
                    let rest = row.try_get_by_index::<i64>(at - 1)?;
                    i128::from(number) * i128::from(SECOND) + i128::from(rest)
                }
            };
            found.extend((sum != 0).then_some(match (count.slot, &apart) {
                (Slot::Set(slot), Told::Member(member)) => Found::Member(slot, *member),
                (Slot::Bins(slot), Told::Bin(bin)) => Found::Lasted(slot, *bin, number),
                (Slot::Sum(slot) | Slot::Set(slot) | Slot::Bins(slot), _) => Found::Sum(slot, sum),
            }));
        }
        Ok((!found.is_empty()).then_some(Grouped { bucket, keys, found }))
    }
}

/// What a row tells apart beside its group.
enum Told {
    Nothing,
    Member(u32),
    Bin(i16),
}

/// Numbers of ours as literals: too many for parameters, and nobody's input.
fn rows(segments: &[Segment]) -> String {
    segments
        .iter()
        .map(|Segment { bucket, from, to, local }| format!("({bucket}, {from}, {to}, {local})"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use entity::id::Uuid;
    use entity::kinds::Platform;

    use super::super::metric::Metric;
    use super::*;

    fn plan(metrics: &[Metric]) -> Plan {
        let asked: Vec<Asked> = metrics
            .iter()
            .map(|metric| {
                let (basis, moments) = metric.definition().times.under(None).unwrap();
                Asked { metric: *metric, basis, moments }
            })
            .collect();
        Plan::new(&asked, 60)
    }

    #[test]
    fn each_count_is_taken_once() {
        let plan = plan(&[Metric::DeliveryRate, Metric::Sent, Metric::Delivered]);
        assert_eq!(plan.statements.len(), 1);
        assert_eq!(plan.shape, Shape { sums: 3, ..Shape::default() });
        let [one, two, three] = [0, 1, 2].map(Slot::Sum);
        assert_eq!(
            plan.readings,
            [
                Reading::Share { part: one, whole: two },
                Reading::Count { of: two },
                Reading::Count { of: three }
            ]
        );
    }

    #[test]
    fn members_are_told_apart_in_a_statement_of_their_own() {
        let plan = plan(&[Metric::Messages, Metric::SessionUsers, Metric::NewUsers]);
        assert_eq!(plan.statements.len(), 2);
        assert_eq!(plan.shape, Shape { sums: 1, sets: 2, bins: 0 });
        let segment = Segment { bucket: 0, from: 10, to: 20, local: 5 };
        let account_id = AccountId(Uuid::nil());
        let filter = ReportFilter::default();
        let sql = plan.statements[1].sql(account_id, &[segment], &[Dimension::UserType], &filter);
        assert_eq!(
            sql.statement(sea_orm::DbBackend::Postgres).sql,
            "WITH seg(b, f, t, o) AS (VALUES (0, 10, 20, 5)) \
             SELECT CAST(seg.b AS BIGINT), CAST(s.user_type AS BIGINT), m.contact_id, \
             CAST(MAX(CASE WHEN TRUE THEN 1 ELSE 0 END) AS BIGINT), \
             CAST(MAX(CASE WHEN s.user_type = 1 THEN 1 ELSE 0 END) AS BIGINT) \
             FROM seg CROSS JOIN session s \
             JOIN message m ON m.account_id = s.account_id AND m.id = s.first_message_id \
             WHERE s.account_id = $1 AND s.started_at >= seg.f AND s.started_at < seg.t AND (TRUE) \
             GROUP BY 1, 2, 3 LIMIT 5000001"
        );
    }

    #[test]
    fn the_statement_says_what_is_asked() {
        let plan = plan(&[Metric::Messages, Metric::Sent]);
        let segment = Segment { bucket: 0, from: 10, to: 20, local: 5 };
        let filter = ReportFilter {
            channels: vec![Platform::Sms, Platform::Email],
            messengers: vec![Platform::Web],
            has_client_messages: Some(true),
            ..ReportFilter::default()
        };
        let breakdown = [Dimension::Inbox, Dimension::UserType];
        let account_id = AccountId(Uuid::nil());
        let sql = plan.statements[0].sql(account_id, &[segment], &breakdown, &filter);
        assert_eq!(
            sql.statement(sea_orm::DbBackend::Postgres).sql,
            "WITH seg(b, f, t, o) AS (VALUES (0, 10, 20, 5)) \
             SELECT CAST(seg.b AS BIGINT), m.inbox_id, CAST(s.user_type AS BIGINT), \
             COUNT(*) FILTER (WHERE m.author_kind IS DISTINCT FROM 5 AND NOT m.private), \
             COUNT(*) FILTER (WHERE (m.medium = 1 AND m.direction = 2 AND NOT m.private \
             AND m.author_kind IS DISTINCT FROM 5) AND m.sent_at IS NOT NULL) \
             FROM seg CROSS JOIN message m \
             JOIN inbox i ON i.account_id = m.account_id AND i.id = m.inbox_id \
             JOIN conversation c ON c.account_id = m.account_id AND c.id = m.conversation_id \
             LEFT JOIN session s ON s.account_id = m.account_id AND s.id = m.session_id \
             WHERE m.account_id = $1 AND m.occurred_at >= seg.f AND m.occurred_at < seg.t \
             AND (m.author_kind IS DISTINCT FROM 5 OR (m.medium = 1 AND m.direction = 2 \
             AND NOT m.private AND m.author_kind IS DISTINCT FROM 5)) \
             AND (CASE WHEN m.medium = 1 THEN i.platform END IN ($2, $3) \
             OR CASE WHEN m.medium = 2 THEN i.platform END IN ($4)) \
             AND (c.has_client_messages IN ($5)) \
             GROUP BY 1, 2, 3 LIMIT 500001"
        );
    }
}
