//! One statement of a report, the same text on both databases. The bounds of the buckets stand
//! first, as a list of values, and are joined to the facts by account and half-open range;
//! repeating the range in `WHERE`, or letting the planner join the small tables first, ruins
//! the plan.

use std::collections::BTreeSet;

use entity::Timestamp;
use entity::id::{AccountId, Uuid};
use sea_orm::QueryResult;

use super::bucket::Segment;
use super::dimension::{Dimension, Grouping, Join};
use super::filter::ReportFilter;
use super::key::Key;
use super::measure::Member;
use super::source::{Source, Time};
use super::tally::{Found, Numbers, Slot};
use crate::db::Sql;
use crate::error::{Error, Result};

/// Groups that one statement may bring, of all buckets together.
const MOST_GROUPED: usize = 500_000;
/// Members that one statement may bring, counted anew in each group and bucket.
const MOST_MEMBERS: usize = 5_000_000;

/// The counts that are taken under one time.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub time: Time,
    pub apart: Apart,
    pub counts: Vec<Count>,
}

/// What a statement tells apart beside the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Apart {
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
pub(super) struct Count {
    pub slot: Slot,
    pub source: Source,
    pub condition: String,
    pub taken: Taken,
}

/// What is taken of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Number,
    /// The sum of a column.
    Sum(&'static str),
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

impl Statement {
    /// `segments` must not be empty.
    pub fn sql(
        &self,
        account_id: AccountId,
        segments: &[Segment],
        breakdown: &[Dimension],
        filter: &ReportFilter,
    ) -> Sql {
        let groupings = self.groupings(breakdown);
        let keys: Vec<String> = ["CAST(seg.b AS BIGINT)".to_owned()]
            .into_iter()
            .chain(groupings.iter().flat_map(|grouping| grouping.columns()))
            .chain(self.apart.column().map(str::to_owned))
            .collect();
        let counts = self.counts.iter().flat_map(|count| self.columns(count));
        let columns: Vec<String> = keys.iter().cloned().chain(counts).collect();

        let mut sql = self.select(&columns, account_id, &groupings, filter);
        let positions: Vec<String> =
            (1..=keys.len()).map(|position| position.to_string()).collect();
        sql.push(" GROUP BY ").push(&positions.join(", "));
        // One more than allowed tells that there are too many.
        sql.push(&format!(" LIMIT {}", self.most() + 1));
        self.whole(segments, sql)
    }

    /// The rows of its first count, by this column, in the groups for which all of `tests` hold.
    pub fn rows(
        &self,
        column: &str,
        account_id: AccountId,
        segments: &[Segment],
        breakdown: &[Dimension],
        filter: &ReportFilter,
        tests: &[Matches],
    ) -> Sql {
        let columns = [column.to_owned()];
        let mut sql = self.select(&columns, account_id, &self.groupings(breakdown), filter);
        for count in self.counts.iter().take(1) {
            sql.push(" AND ").push(&count.condition);
        }
        for test in tests {
            sql.push(" AND ");
            test.push(&mut sql, self.time);
        }
        self.whole(segments, sql)
    }

    /// The columns, and the conditions for all of them; between them stands [`FROM`].
    fn select(
        &self,
        columns: &[String],
        account_id: AccountId,
        groupings: &[Grouping],
        filter: &ReportFilter,
    ) -> Sql {
        let tests = filter.tests(self.time);
        let joins: BTreeSet<Join> = groupings
            .iter()
            .filter_map(|grouping| grouping.join)
            .chain(tests.iter().flatten().filter_map(|test| test.join))
            .filter(|join| Some(*join) != self.time.joined())
            .collect();
        let mut sql = Sql::default();
        sql.push(&columns.join(", ")).push(FROM);
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
        sql
    }

    /// The statement around what was selected, with the tables that it cannot do without: what
    /// stands nearer is not read from the message, which costs a look-up for each fact.
    fn whole(&self, segments: &[Segment], mut selected: Sql) -> Sql {
        for (far, near) in self.time.nearer() {
            selected.replace(far, near);
        }
        let way = self.time.way();
        let needed = way.iter().rposition(|(alias, _)| selected.mentions(alias));
        let needed = needed.map_or(0, |last| last + 1);
        let way: String = way.iter().take(needed).map(|(_, join)| *join).collect();
        // CROSS keeps SQLite to this order.
        let from = format!(" FROM seg CROSS JOIN {}{way}", self.time.table());
        selected.replace(FROM, &from);
        let mut sql = Sql::new("WITH seg(b, f, t, o) AS (VALUES ");
        sql.push(&bounds(segments)).push(") SELECT ").append(selected);
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
            (_, Taken::Sum(column)) => vec![format!(
                "CAST(COALESCE(SUM({column}) FILTER (WHERE {condition}), 0) AS BIGINT)"
            )],
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

/// Which groups' rows are meant: those of one, or those of all but some.
pub(super) enum Matches {
    Group(Vec<(Dimension, Key)>),
    Beyond(Vec<Vec<(Dimension, Key)>>),
}

impl Matches {
    /// Never null, so that it can be turned round.
    fn push(&self, sql: &mut Sql, time: Time) {
        match self {
            Self::Group(keys) => group(sql, keys, time),
            Self::Beyond(groups) => {
                sql.push("NOT (FALSE");
                for keys in groups {
                    sql.push(" OR ");
                    group(sql, keys, time);
                }
                sql.push(")");
            }
        }
    }
}

fn group(sql: &mut Sql, keys: &[(Dimension, Key)], time: Time) {
    sql.push("(TRUE");
    for (dimension, key) in keys {
        for (expression, value) in dimension.grouping(time).conditions(key) {
            match value {
                None => sql.push(&format!(" AND {expression} IS NULL")),
                Some(value) => {
                    sql.push(&format!(" AND {expression} IS NOT NULL AND {expression} = "));
                    sql.bind(value)
                }
            };
        }
    }
    sql.push(")");
}

const SECOND: i64 = Timestamp::SECOND;
/// Where the tables come in.
const FROM: &str = " FROM …";

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
                Taken::Number | Taken::Sum(_) => i128::from(number),
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
fn bounds(segments: &[Segment]) -> String {
    segments
        .iter()
        .map(|Segment { bucket, from, to, local }| format!("({bucket}, {from}, {to}, {local})"))
        .collect::<Vec<_>>()
        .join(", ")
}
