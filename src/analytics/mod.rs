//! How numbers are made. There is one way to make one, and every surface uses it: a metric
//! is declared once ([`metric`]), asked for by one validated value ([`query`]), turned into
//! SQL in one place ([`plan`]) and folded into rows in one place ([`fold`]). Knows nothing
//! of GraphQL, and calls nothing of `domain`.

mod bucket;
mod calendar;
mod comparison;
mod credits;
mod definition;
mod dimension;
mod filter;
mod fold;
mod glossary;
mod headline;
mod key;
mod label;
mod measure;
mod metric;
mod period;
mod plan;
mod predicate;
mod query;
mod recipient_status;
mod records;
mod report;
mod source;
mod statement;
mod status_group;
mod table;
mod tally;

pub use bucket::{Bucket, Interval, MOST_BUCKETS};
pub use comparison::Comparison;
pub use credits::{MonthCredits, credits_of_month};
pub use definition::{MetricDefinition, definitions};
pub use dimension::Dimension;
pub use filter::{Author, LONGEST_LIST, ReportFilter};
pub use fold::{MOST_CELLS, MetricValue, Row};
pub use glossary::glossary;
pub use headline::{Subject, headlines};
pub use key::{DimensionKey, Key, Table};
pub use measure::{DateBasis, MetricUnit};
pub use metric::Metric;
pub use period::{Period, PeriodInput, PeriodPreset};
pub use query::{
    LONGEST_REPLY_WINDOW_SECONDS, MOST_BREAKDOWNS, MOST_GROUPS, ReportInput, ReportOrder,
};
pub use recipient_status::{RecipientStatus, recipients_of};
pub use records::{Part, Records, ReportCell, records};
pub use report::{Report, ReportSource, report};
pub use status_group::StatusGroup;
pub use table::{
    TableInput, conversation_starts, engagements, first_opt_out_at, first_reply_at, is_answered,
    messages_in,
};
