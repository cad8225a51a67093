//! From metrics to SQL: one statement for each time that facts are counted under, the same
//! text on both databases. The bounds of the buckets stand first, as a list of values, and
//! are joined to the facts by account and half-open range; repeating the range in `WHERE`,
//! or letting the planner join the small tables first, ruins the plan.

use std::collections::BTreeSet;

use entity::id::AccountId;
use sea_orm::QueryResult;

use super::bucket::Segment;
use super::dimension::{Dimension, Grouping, Join};
use super::filter::ReportFilter;
use super::key::Key;
use super::metric::Measure;
use super::query::Asked;
use super::source::{Source, Time};
use crate::db::Sql;
use crate::error::{Error, Result};

/// Groups that one statement may bring, of all buckets together.
pub(super) const MOST_GROUPED: usize = 500_000;

/// All counts that a report needs, each taken once.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub statements: Vec<Statement>,
    /// How the metrics asked for are made of the counts, in their order.
    pub readings: Vec<Reading>,
    /// The number of counts.
    pub counts: usize,
}

/// Which counts make a value, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Count { of: usize },
    Share { part: usize, whole: usize },
}

/// The counts that are taken under one time.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    time: Time,
    counts: Vec<Count>,
}

#[derive(Clone, Debug)]
struct Count {
    index: usize,
    source: Source,
    condition: String,
}

/// What one row of a statement says.
pub(super) struct Grouped {
    /// Index of the bucket.
    pub bucket: usize,
    pub keys: Vec<Key>,
    /// Counts with their indices.
    pub counts: Vec<(usize, i64)>,
}

impl Plan {
    pub fn new(asked: &[Asked]) -> Self {
        let mut plan = Self::default();
        for Asked { metric, time, .. } in asked.iter().copied() {
            let definition = metric.definition();
            let mut count = |condition| plan.count(time, definition.source, condition);
            let reading = match definition.measure {
                Measure::Count { of, .. } => Reading::Count { of: count(of.sql()) },
                Measure::Share { part, whole, .. } => Reading::Share {
                    part: count(format!("{} AND {}", whole.sql(), part.sql())),
                    whole: count(whole.sql()),
                },
            };
            plan.readings.push(reading);
        }
        plan
    }

    /// The index of a count, which is added unless it is there already.
    fn count(&mut self, time: Time, source: Source, condition: String) -> usize {
        let known = self.statements.iter().position(|statement| statement.time == time);
        let at = known.unwrap_or_else(|| {
            self.statements.push(Statement { time, counts: Vec::new() });
            self.statements.len() - 1
        });
        let counts = &mut self.statements[at].counts;
        let same = |count: &&Count| count.source == source && count.condition == condition;
        if let Some(count) = counts.iter().find(same) {
            return count.index;
        }
        let index = self.counts;
        self.counts += 1;
        counts.push(Count { index, source, condition });
        index
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
            .collect();
        let keys: Vec<String> = ["CAST(seg.b AS BIGINT)".to_owned()]
            .into_iter()
            .chain(groupings.iter().flat_map(|grouping| grouping.columns()))
            .collect();
        let counts = self.counts.iter().map(|count| self.column(count));
        let columns: Vec<String> = keys.iter().cloned().chain(counts).collect();

        let mut sql = Sql::new("WITH seg(b, f, t, o) AS (VALUES ");
        sql.push(&rows(segments)).push(") SELECT ").push(&columns.join(", "));
        // CROSS keeps SQLite to this order.
        sql.push(" FROM seg CROSS JOIN message m");
        for join in joins {
            sql.push(join.sql());
        }
        let time = self.time.column();
        sql.push(" WHERE m.account_id = ").bind(account_id);
        sql.push(&format!(" AND {time} >= seg.f AND {time} < seg.t AND {}", self.facts()));
        for either in &tests {
            for (index, test) in either.iter().enumerate() {
                sql.push(if index == 0 { " AND (" } else { " OR " }).push(&test.expression);
                for (index, value) in test.values.iter().enumerate() {
                    sql.push(if index == 0 { " IN (" } else { ", " }).bind(value.clone());
                }
                sql.push(")");
            }
            sql.push(")");
        }
        let positions: Vec<String> =
            (1..=keys.len()).map(|position| position.to_string()).collect();
        sql.push(" GROUP BY ").push(&positions.join(", "));
        // One more than allowed tells that there are too many.
        sql.push(&format!(" LIMIT {}", MOST_GROUPED + 1));
        sql
    }

    /// Reads the rows of [`Statement::sql`] with the same breakdown. Groups in which nothing
    /// was counted are left out.
    pub fn read(
        &self,
        rows: &[QueryResult],
        breakdown: &[Dimension],
    ) -> impl Iterator<Item = Result<Grouped>> {
        let groupings = self.groupings(breakdown);
        let counted = |group: &Grouped| group.counts.iter().any(|(_, count)| *count > 0);
        let grouped = rows.iter().map(move |row| self.group(row, &groupings));
        grouped.filter(move |group| group.as_ref().map_or(true, counted))
    }

    fn group(&self, row: &QueryResult, groupings: &[Grouping]) -> Result<Grouped> {
        let bucket = row.try_get_by_index::<i64>(0)?;
        let bucket = usize::try_from(bucket).map_err(|_| Error::bug("a bucket has no index"))?;
        let mut at = 1;
        let mut keys = Vec::with_capacity(groupings.len());
        for grouping in groupings {
            keys.push(grouping.read(row, &mut at)?);
        }
        let mut counts = Vec::with_capacity(self.counts.len());
        for (offset, count) in self.counts.iter().enumerate() {
            counts.push((count.index, row.try_get_by_index::<i64>(at + offset)?));
        }
        Ok(Grouped { bucket, keys, counts })
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
        let sources: Vec<String> =
            self.sources().iter().map(|source| source.rows().sql()).collect();
        format!("({})", sources.join(" OR "))
    }

    fn column(&self, count: &Count) -> String {
        let condition = &count.condition;
        // With one source, every row is one of its facts already.
        if self.sources().len() == 1 {
            format!("COUNT(*) FILTER (WHERE {condition})")
        } else {
            let rows = count.source.rows().sql();
            format!("COUNT(*) FILTER (WHERE {rows} AND {condition})")
        }
    }
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
                let (basis, time) = metric.definition().times.under(None).unwrap();
                Asked { metric: *metric, basis, time }
            })
            .collect();
        Plan::new(&asked)
    }

    #[test]
    fn each_count_is_taken_once() {
        let plan = plan(&[Metric::DeliveryRate, Metric::Sent, Metric::Delivered]);
        assert_eq!(plan.statements.len(), 1);
        assert_eq!(plan.counts, 3);
        assert_eq!(
            plan.readings,
            [
                Reading::Share { part: 0, whole: 1 },
                Reading::Count { of: 1 },
                Reading::Count { of: 2 }
            ]
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
