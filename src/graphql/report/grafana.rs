//! The link that shows a report in Grafana, on the dashboard of `ops/grafana/`.

use async_graphql::{InputType, Value};
use entity::Timestamp;
use entity::vocabulary::Vocabulary;
use url::form_urlencoded::Serializer;

use super::input::ReportFilter;
use crate::analytics::{Period, ReportInput};
use crate::graphql::id::NodeId;

/// The dashboard's uid and its name in links.
const DASHBOARD: &str = "rapport-reports/rapport-reports";

/// The filter as the dashboard hands it on: the input object in JSON, without what is not given.
pub fn filter(filter: Option<&ReportFilter>) -> String {
    let mut given = match filter.map(InputType::to_value) {
        Some(Value::Object(fields)) => fields,
        _ => Default::default(),
    };
    given.retain(|_, value| *value != Value::Null);
    serde_json::json!(given).to_string()
}

/// Names of variables are those of the dashboard.
pub fn link(
    base: &str,
    account: NodeId,
    input: &ReportInput,
    period: &Period,
    filter: &str,
) -> String {
    let millis = |at: Timestamp| (at.0 / 1_000).to_string();
    let mut query = Serializer::new(String::new());
    query.append_pair("from", &millis(period.from));
    query.append_pair("to", &millis(period.to));
    query.append_pair("timezone", period.zone_name());
    query.append_pair("var-account", &account.to_string());
    query.append_pair("var-zone", period.zone_name());
    for metric in &input.metrics {
        query.append_pair("var-metrics", metric.name());
    }
    let breakdown: Vec<&str> = input.breakdown.iter().map(|dimension| dimension.name()).collect();
    query.append_pair("var-breakdown", &serde_json::json!(breakdown).to_string());
    if let Some(interval) = input.interval {
        query.append_pair("var-interval", interval.name());
    }
    // What is not given is null, which the dashboard puts into its queries as it is.
    let basis = input.date_basis.map(|basis| format!("\"{}\"", basis.name()));
    let window = input.reply_window.as_ref().map(|window| format!("\"{window}\""));
    query.append_pair("var-dateBasis", basis.as_deref().unwrap_or("null"));
    query.append_pair("var-replyWindow", window.as_deref().unwrap_or("null"));
    query.append_pair("var-filter", filter);
    format!("{base}/d/{DASHBOARD}?{}", query.finish())
}
