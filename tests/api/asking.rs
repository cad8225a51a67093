//! How tests ask for reports over GraphQL, and read the answers.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::gql::Answer;

const REPORT: &str = "query($account: ID!, $input: ReportInput!) {
    account(id: $account) { report(input: $input) {
        period { from to timeZone }
        comparedTo { from to }
        totals { ...all }
        rows {
            bucket { start end partial }
            other
            keys { dimension value label }
            values { ...all }
        }
    } }
}
fragment all on MetricValue { metric value numerator denominator dateBasis previous change }";

/// What the owner of "Acme" is answered, whatever it is.
pub async fn answer(app: &TestApp, input: &Value) -> Answer {
    app.owner.send(REPORT, json!({ "account": app.account_node, "input": input })).await
}

/// The report, which must not be refused.
pub async fn report(app: &TestApp, input: &Value) -> Value {
    let answer = answer(app, input).await;
    let report = &answer.body["data"]["account"]["report"];
    assert!(report.is_object(), "{input:#}: {:#}", answer.body);
    report.clone()
}

/// `input` with other fields, or with other values in them.
pub fn with(input: &Value, changes: Value) -> Value {
    let mut input = input.clone();
    let Value::Object(changes) = changes else { panic!("no object: {changes}") };
    for (field, value) in changes {
        input[field] = value;
    }
    input
}

/// The labels of the rows' keys, joined by slashes.
pub fn labels(report: &Value) -> Vec<String> {
    let label = |row: &Value| {
        let keys = row["keys"].as_array().unwrap().iter();
        keys.map(|key| key["label"].as_str().unwrap()).collect::<Vec<_>>().join("/")
    };
    rows(report).iter().map(label).collect()
}

/// The values of a metric, by its index, in the rows.
pub fn values(report: &Value, metric: usize) -> Vec<Option<f64>> {
    rows(report).iter().map(|row| row["values"][metric]["value"].as_f64()).collect()
}

/// The value of a metric in the totals.
pub fn total(report: &Value, metric: usize) -> Option<f64> {
    report["totals"][metric]["value"].as_f64()
}

pub fn rows(report: &Value) -> &[Value] {
    report["rows"].as_array().unwrap()
}
