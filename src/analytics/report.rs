//! Making a report: the rules, the statements and the labels, all in one snapshot of the
//! database, so that no two numbers of a report can disagree.

use entity::vocabulary;
use futures_util::TryStreamExt;
use sea_orm::{DatabaseTransaction, StreamTrait};

use super::dimension::Dimension;
use super::fold::{self, Facts, MetricValue, Row};
use super::label::{self, Labels};
use super::period::Period;
use super::plan::Plan;
use super::query::{ReportInput, ReportQuery, Stretch};
use super::tally::Numbers;
use crate::auth::{AccountScope, Permission};
use crate::error::{Checks, Error, Result};

vocabulary! {
    /// What a report's numbers were read from. The numbers are the same.
    pub enum ReportSource {
        /// The rows of fact themselves.
        Raw => "RAW",
        /// Sums of them that are kept ready.
        Summed => "SUMMED",
        /// Both.
        Mixed => "MIXED",
    }
}

/// Numbers, each with what it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub period: Period,
    /// The period that `previous` and `change` refer to.
    pub compared_to: Option<Period>,
    pub source: ReportSource,
    /// One value for each metric, over the whole period and all groups.
    pub totals: Vec<MetricValue>,
    /// By bucket, then by the order asked for. One row, equal to the totals, without interval
    /// and breakdown.
    pub rows: Vec<Row>,
}

/// Makes a report about the scope's account.
pub async fn report(scope: &AccountScope, input: ReportInput) -> Result<Report> {
    scope.require(Permission::Read)?;
    let tx = scope.db().snapshot().await?;
    let account = scope.account(&tx).await?;
    let mut checks = Checks::new();
    let query = ReportQuery::new(&input, &account, scope.now(), &mut checks)?;
    label::check(scope, &tx, &input.filter, &mut checks).await?;
    checks.finish()?;
    let query = query.ok_or_else(|| Error::bug("a report was refused without a reason"))?;

    let plan = Plan::new(&query.asked, query.reply_window);
    let (now, before) = both(scope, &tx, &query, &plan, &query.breakdown).await?;
    // A fact with several keys stands in several groups, and once in the totals.
    let totals = if query.breakdown.iter().any(|dimension| dimension.is_multiple()) {
        let (now, before) = both(scope, &tx, &query, &plan, &[]).await?;
        fold::totals(&query, &plan, &now, before.as_ref())
    } else {
        fold::totals(&query, &plan, &now, before.as_ref())
    };
    let labels = Labels::load(scope, &tx, now.keys()).await?;
    tx.commit().await?;

    Ok(Report {
        totals,
        rows: fold::rows(&query, &plan, &labels, &now, before.as_ref())?,
        source: ReportSource::Raw,
        period: query.stretch.period,
        compared_to: query.compared.map(|stretch| stretch.period),
    })
}

/// The counts of the period, and of the one compared with.
async fn both(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    query: &ReportQuery,
    plan: &Plan,
    breakdown: &[Dimension],
) -> Result<(Facts, Option<Facts>)> {
    let now = facts(scope, tx, query, plan, breakdown, &query.stretch).await?;
    let before = match &query.compared {
        Some(stretch) => Some(facts(scope, tx, query, plan, breakdown, stretch).await?),
        None => None,
    };
    Ok((now, before))
}

/// The counts of a stretch by group and bucket.
async fn facts(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    query: &ReportQuery,
    plan: &Plan,
    breakdown: &[Dimension],
    stretch: &Stretch,
) -> Result<Facts> {
    let mut facts = Facts::new(plan.shape, stretch.buckets.len());
    if stretch.segments.is_empty() {
        return Ok(facts);
    }
    let mut numbers = Numbers::default();
    for statement in &plan.statements {
        let sql = statement.sql(scope.account_id(), &stretch.segments, breakdown, &query.filter);
        let reader = statement.reader(breakdown);
        // There may be too many to hold all of them at once.
        let mut rows = tx.stream_raw(sql.statement(scope.db().backend())).await?;
        let mut read = 0;
        while let Some(row) = rows.try_next().await? {
            read += 1;
            statement.check_size(read)?;
            if let Some(grouped) = reader.read(&row, &mut numbers)? {
                facts.add(grouped);
            }
        }
    }
    Ok(facts)
}
