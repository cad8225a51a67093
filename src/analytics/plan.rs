//! From metrics to statements: every count that a report needs is taken once, by one statement
//! for each time that facts are counted under and for what is told apart beside the groups.

use super::measure::{Definition, Measure};
use super::predicate::Predicate;
use super::query::Asked;
use super::source::{Time, Wait};
use super::statement::{Apart, Count, Statement, Taken};
use super::tally::{Shape, Slot};

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
            Measure::Total { of, column, .. } => {
                Reading::Count { of: count(Apart::Nothing, Taken::Sum(column), of.sql(window)) }
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

#[cfg(test)]
mod tests {
    use entity::id::{AccountId, Uuid};
    use entity::kinds::Platform;

    use super::super::bucket::Segment;
    use super::super::dimension::Dimension;
    use super::super::filter::ReportFilter;
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
             SELECT CAST(seg.b AS BIGINT), CAST(s.user_type AS BIGINT), s.contact_id, \
             CAST(MAX(CASE WHEN TRUE THEN 1 ELSE 0 END) AS BIGINT), \
             CAST(MAX(CASE WHEN s.user_type = 1 THEN 1 ELSE 0 END) AS BIGINT) \
             FROM seg CROSS JOIN session s \
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
             SELECT CAST(seg.b AS BIGINT), m.inbox_id, \
             CAST(CASE WHEN m.session_role = 2 THEN CASE WHEN EXISTS (SELECT 1 FROM session p \
             WHERE p.account_id = m.account_id AND p.contact_id = m.contact_id \
             AND p.started_at < m.occurred_at) THEN 2 ELSE 1 END ELSE s.user_type END AS BIGINT), \
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
