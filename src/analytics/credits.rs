//! What of a month's plan is used, by the definition of CREDITS_USED.

use entity::Timestamp;

use super::ReportFilter;
use super::metric::Metric;
use super::period::{PeriodInput, PeriodPreset};
use super::query::ReportInput;
use super::report::report;
use crate::auth::AccountScope;
use crate::error::Result;

/// The credits of the account in the present calendar month, in its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthCredits {
    pub from: Timestamp,
    /// Now.
    pub to: Timestamp,
    pub used: i64,
}

pub async fn credits_of_month(scope: &AccountScope) -> Result<MonthCredits> {
    let input = ReportInput {
        metrics: vec![Metric::CreditsUsed],
        period: PeriodInput::Preset(PeriodPreset::ThisMonth),
        interval: None,
        breakdown: Vec::new(),
        filter: ReportFilter::default(),
        date_basis: None,
        time_zone: None,
        compare_to: None,
        order_by: None,
        reply_window: None,
        first: None,
    };
    let report = report(scope, input).await?;
    let used = report.totals.first().and_then(|value| value.value).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "a sum of whole numbers")]
    let used = used as i64;
    Ok(MonthCredits { from: report.period.from, to: report.period.to, used })
}
