//! The dashboards for Grafana: the link of a report, and what their panels ask, sent as Grafana
//! would send it.

use std::collections::BTreeMap;
use std::path::Path;

use entity::vocabulary::Vocabulary;
use rapport::analytics::{Interval, Metric};
use rapport::demo;
use rapport::graphql::id::NodeId;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::gql::Client;

const DAYS: i64 = 6;

fn dashboard(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/grafana").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> Vec<(&str, &Value)> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.map(|panel| (panel["title"].as_str().unwrap(), &panel["targets"][0])).collect()
}

fn variable<'a>(dashboard: &'a Value, name: &str) -> &'a Value {
    let list = dashboard["templating"]["list"].as_array().unwrap();
    list.iter().find(|variable| variable["name"] == name).unwrap()
}

/// Puts values in place of `${name}` and `${name:format}`, as Grafana does.
fn interpolate(text: &str, values: &BTreeMap<String, Vec<String>>) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, behind) = after.split_once('}').unwrap();
        let (name, format) = inside.split_once(':').unwrap_or((inside, "raw"));
        let value = values.get(name).unwrap_or_else(|| panic!("there is no variable {name}"));
        made.push_str(before);
        match format {
            "json" => made.push_str(&json!(value).to_string()),
            "raw" | "date:iso" => made.push_str(&value.concat()),
            other => panic!("this test knows no format {other}"),
        }
        rest = behind;
    }
    made + rest
}

/// The parameters of a link, decoded: those of variables without their prefix.
fn parameters(link: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (_, query) = link.split_once('?').unwrap();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let name = name.strip_prefix("var-").unwrap_or(&name);
        found.entry(name.to_owned()).or_default().push(value.into_owned());
    }
    found
}

async fn made(app: &TestApp) -> (Client, String, String) {
    let demo = demo::prepare(&app.engine, DAYS).await.unwrap();
    let key = demo.account.0.to_string();
    (app.client(demo.token), NodeId::account(demo.account).to_string(), key)
}

const LINK: &str =
    "query($id: ID!, $input: ReportInput!) { account(id: $id) { report(input: $input) {
    period { from to } totals { metric value numerator denominator } grafanaUrl } } }";

fn instant(millis: &str) -> String {
    let millis: i64 = millis.parse().unwrap();
    jiff::Timestamp::from_millisecond(millis).unwrap().to_string()
}

/// Sends what the panels ask with the parameters of the link of a report.
async fn follow(client: &Client, account: &str, input: Value) {
    let asked = client.data(LINK, json!({ "id": account, "input": input })).await;
    let report = &asked["account"]["report"];
    let link = report["grafanaUrl"].as_str().unwrap();
    assert!(
        link.starts_with("https://grafana.example.org/d/rapport-reports/rapport-reports?from=")
    );
    let mut values = parameters(link);
    if let Some(zone) = input["timeZone"].as_str() {
        assert_eq!(values["timezone"], [zone]);
    }
    let dashboard = dashboard("rapport-reports.json");
    assert_eq!(dashboard["uid"], "rapport-reports");
    for name in values.keys().filter(|name| !["from", "to", "timezone"].contains(&name.as_str())) {
        variable(&dashboard, name);
    }
    for (end, name) in [("from", "__from"), ("to", "__to")] {
        let at = instant(&values[end][0]);
        assert_eq!(report["period"][end], at);
        values.insert(name.to_owned(), vec![at]);
    }
    // What a link does not say is as the dashboard has it.
    let interval = variable(&dashboard, "interval")["current"]["value"].as_str().unwrap();
    values.entry("interval".to_owned()).or_insert_with(|| vec![interval.to_owned()]);
    let panels = panels(&dashboard);
    assert_eq!(panels.len(), 5);
    for (title, target) in panels {
        let options = &target["url_options"];
        let variables = interpolate(options["body_graphql_variables"].as_str().unwrap(), &values);
        let variables: Value = serde_json::from_str(&variables).unwrap();
        if title == "Over time" {
            assert_eq!(variables["input"]["breakdown"], input["breakdown"]);
        }
        let answer = client.data(options["body_graphql_query"].as_str().unwrap(), variables).await;
        let shown = &answer["account"]["report"];
        match title {
            "Totals" => assert_eq!(shown["totals"], report["totals"]),
            _ => assert!(!shown["rows"].as_array().unwrap().is_empty(), "{title}"),
        }
    }
}

on_both! {
    async fn a_link_shows_the_same_numbers(app: &TestApp) {
        let (client, account, _) = made(app).await;
        follow(&client, &account, json!({
            "metrics": ["SENT", "RESPONSE_RATE", "RESPONSES"], "period": { "last": "P5D" },
            "breakdown": ["PLATFORM", "TEMPLATE"], "interval": "DAY", "replyWindow": "PT2H",
            "timeZone": "Asia/Kathmandu",
            "filter": { "platforms": ["WHATSAPP", "SMS"], "official": [true], "hasClientMessages": false },
        })).await;
        follow(&client, &account, json!({
            "metrics": ["MESSAGES"], "period": { "last": "P5D" }, "breakdown": [], "dateBasis": "EVENT",
        })).await;
    }
}

on_both! {
    async fn a_link_is_there_where_grafana_is(app: &TestApp) {
        let input = json!({ "metrics": ["SENT"], "period": { "preset": "TODAY" } });
        let asked = app.owner.data(LINK, json!({ "id": app.account_node, "input": input })).await;
        let link = asked["account"]["report"]["grafanaUrl"].as_str().unwrap();
        let values = parameters(link);
        assert_eq!((&values["filter"][..], &values["dateBasis"][..]), (&["{}".to_owned()][..], &["null".to_owned()][..]));
        assert_eq!(values["breakdown"], ["[]"]);
        assert!(!values.contains_key("interval"));
    }
}

/// The dashboard offers what there is.
#[test]
fn choices_are_those_of_the_schema() {
    fn names<T: Vocabulary>() -> Vec<String> {
        T::ALL.iter().map(|member| member.name().to_owned()).collect()
    }
    let dashboard = dashboard("rapport-reports.json");
    for (name, members) in [("metrics", names::<Metric>()), ("interval", names::<Interval>())] {
        let variable = variable(&dashboard, name);
        assert_eq!(variable["query"].as_str().unwrap(), members.join(","), "{name}");
        let options = variable["options"].as_array().unwrap().iter();
        let options: Vec<&str> = options.map(|option| option["value"].as_str().unwrap()).collect();
        assert_eq!(options, members, "{name}");
    }
}

const TOTALS: &str = "query($id: ID!, $input: ReportInput!) {
    account(id: $id) { report(input: $input) { totals { metric value } } } }";

/// The sum of a column over the rows of a panel.
fn sum(rows: &[Value], column: &str) -> f64 {
    rows.iter().filter_map(|row| row[column].as_f64()).sum()
}

on_both! {
    async fn panels_of_sql_show_the_numbers_of_reports(app: &TestApp) {
        if app.engine.db.backend() != DbBackend::Postgres {
            return;
        }
        let (client, account, key) = made(app).await;
        let to = app.now.seconds();
        let from = to - 5 * 86_400;
        let values = BTreeMap::from([("account".to_owned(), vec![key])]);
        let mut shown: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let dashboard = dashboard("rapport-sql.json");
        for (title, target) in panels(&dashboard) {
            let sql = interpolate(target["rawSql"].as_str().unwrap(), &values)
                .replace("$__unixEpochFrom()", &from.to_string())
                .replace("$__unixEpochTo()", &to.to_string());
            let sql = format!("SELECT to_jsonb(panel)::text FROM ({sql}) panel");
            let rows = app.engine.db.read().query_all_raw(Statement::from_string(DbBackend::Postgres, sql));
            let rows = rows.await.unwrap_or_else(|error| panic!("{title}: {error}"));
            let rows = rows.iter().map(|row| {
                let text: String = row.try_get_by_index(0).unwrap();
                serde_json::from_str(&text).unwrap()
            });
            shown.insert(title.to_owned(), rows.collect());
        }
        let metrics = ["MESSAGES", "CONVERSATIONS_STARTED", "SENT", "DELIVERED", "READ", "FAILED", "RESPONSES", "OPT_OUTS",
            "RESOLUTIONS", "SESSIONS_STARTED"];
        let range = json!({ "range": { "from": instant(&(from * 1000).to_string()), "to": instant(&(to * 1000).to_string()) } });
        let input = json!({ "metrics": metrics, "period": range });
        let asked = client.data(TOTALS, json!({ "id": account, "input": input })).await;
        let totals = asked["account"]["report"]["totals"].as_array().unwrap();
        let total = |metric: &str| totals.iter().find(|value| value["metric"] == metric).unwrap()["value"].as_f64().unwrap();
        for (title, column, metric) in [
            ("Messages by platform", "value", "MESSAGES"),
            ("Conversations", "value", "CONVERSATIONS_STARTED"),
            ("Sends by template", "sent", "SENT"),
            ("Sends by template", "delivered", "DELIVERED"),
            ("Sends by template", "read", "READ"),
            ("Sends by template", "failed", "FAILED"),
            ("Sends by template", "responses", "RESPONSES"),
            ("Sends by template", "opt_outs", "OPT_OUTS"),
            ("Resolutions", "resolutions", "RESOLUTIONS"),
            ("Sessions", "sessions", "SESSIONS_STARTED"),
            ("Failures", "failed", "FAILED"),
        ] {
            let number = sum(&shown[title], column);
            assert!(number > 0.0 || metric == "OPT_OUTS", "{title} shows no {column}");
            assert_eq!(number, total(metric), "{title}: {column} is {metric}");
        }
        assert!(!shown["Response times by assignee"].is_empty());
        let rates = ["RESPONSE_RATE"];
        let input = json!({ "metrics": rates, "period": range });
        let query = TOTALS.replace("metric value", "denominator");
        let asked = client.data(&query, json!({ "id": account, "input": input })).await;
        let reached = asked["account"]["report"]["totals"][0]["denominator"].as_f64().unwrap();
        assert_eq!(sum(&shown["Sends by template"], "reached"), reached);
    }
}
