//! The example queries, asked about a demo account of some days, with the answers written down.
//! What two screens show of the same thing is the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rapport::demo;
use rapport::graphql::id::NodeId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::on_both;
use crate::support::TestApp;
use crate::support::gql::Client;
use crate::support::socket::Socket;
use crate::support::world::fill;

const DAYS: i64 = 12;
/// Elements of a list that are written down.
const SHOWN: usize = 6;

/// Text and variables by name; those that change something are another test's.
fn examples() -> BTreeMap<String, (String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/queries");
    let mut examples = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "graphql") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let variables = std::fs::read_to_string(path.with_extension("variables.json")).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        examples.insert(name, (text, serde_json::from_str(&variables).unwrap()));
    }
    examples
}

/// The demo's owner, and ids of things of the demo.
struct Demo {
    owner: Client,
    ids: BTreeMap<&'static str, String>,
}

impl Demo {
    async fn of(app: &TestApp) -> Self {
        let made = demo::prepare(&app.engine, DAYS).await.unwrap();
        let owner = app.client(made.token);
        let account = NodeId::account(made.account).to_string();
        let query = "query($id: ID!) { account(id: $id) {
            inboxes(first: 1) { nodes { id } }
            conversations(first: 1, filter: { statuses: [CLOSED] }) { nodes { id } }
        } }";
        let data = owner.data(query, json!({ "id": account })).await;
        let first =
            |list: &str| data["account"][list]["nodes"][0]["id"].as_str().unwrap().to_owned();
        let (inbox, conversation) = (first("inboxes"), first("conversations"));
        let ids = [("account", account), ("inbox", inbox), ("conversation", conversation)];
        let mut demo = Self { owner, ids: ids.into() };
        // The campaign that examples speak of is the one that an example writes.
        let made = demo.ask(&examples()["campaign-create"]).await;
        let campaign = made["campaignCreate"]["campaign"]["id"].as_str().unwrap().to_owned();
        demo.ids.insert("campaign", campaign);
        demo
    }

    async fn ask(&self, (text, variables): &(String, Value)) -> Value {
        self.owner.data(text, self.filled(variables)).await
    }

    /// What a subscription brings first when the example records something.
    async fn heard(&self, socket: &mut Socket) -> Value {
        let (text, variables) = &examples()["record"];
        for round in 0..50 {
            let variables = variables.to_string().replace("example-", &format!("round-{round}-"));
            let variables = serde_json::from_str(&variables).unwrap();
            self.ask(&(text.clone(), variables)).await;
            if let Ok(heard) = tokio::time::timeout(Duration::from_millis(300), socket.data()).await
            {
                return heard;
            }
        }
        panic!("nothing is heard")
    }

    fn filled(&self, variables: &Value) -> Value {
        fill(variables, &|kind: &str| self.ids[kind].clone())
    }
}

/// The answer without what no two runs have in common: ids, cursors, and who asked when.
fn tame(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.parse::<NodeId>() {
            Ok(id) => json!(format!("<{}>", id.kind.type_name())),
            Err(_) => value.clone(),
        },
        Value::Array(items) => short(items.iter().map(tame).collect()),
        Value::Object(fields) => {
            let told = fields.iter().map(|(name, field)| match name.as_str() {
                "endCursor" | "startCursor" | "cursor" if field.is_string() => {
                    (name.clone(), json!("<cursor>"))
                }
                _ => (name.clone(), tame(field)),
            });
            told.collect()
        }
        other => other.clone(),
    }
}

/// Of a long list the beginning, and a digest of the rest.
fn short(mut items: Vec<Value>) -> Value {
    if items.len() > SHOWN {
        let rest = items.split_off(SHOWN - 2);
        let digest = Sha256::digest(serde_json::to_vec(&rest).unwrap());
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        items.push(json!(format!("and {} more, {digest}", rest.len())));
    }
    Value::Array(items)
}

on_both! {
    async fn every_example_is_answered(app: &TestApp) {
        let demo = Demo::of(app).await;
        let is = |text: &str, kind: &str| {
            text.starts_with(&format!("{kind} ")) || text.contains(&format!("\n{kind} "))
        };
        let (changing, asking): (BTreeMap<_, _>, BTreeMap<_, _>) =
            examples().into_iter().partition(|(_, (text, _))| is(text, "mutation"));
        let (listening, asking): (BTreeMap<_, _>, BTreeMap<_, _>) =
            asking.into_iter().partition(|(_, (text, _))| is(text, "subscription"));
        assert!(asking.len() >= 15 && !changing.is_empty());
        let mut answers = BTreeMap::new();
        for (name, example) in &asking {
            answers.insert(name, tame(&demo.ask(example).await));
        }
        for (name, answer) in answers {
            let text = serde_json::to_string_pretty(&answer).unwrap();
            insta::assert_snapshot!(format!("example_{name}"), text);
        }
        let mut socket = Socket::init(&app.url, demo.owner.token.as_deref()).await;
        // The report comes first: to be heard of, messages are added.
        for (name, (text, variables)) in listening.iter().rev() {
            socket.subscribe(name, text, demo.filled(variables)).await;
            let heard = match name.as_str() {
                // Comes at once.
                "live-report" => socket.data().await,
                _ => demo.heard(&mut socket).await,
            };
            socket.send(&json!({ "id": name, "type": "complete" })).await;
            match name.as_str() {
                "live-report" => {
                    let text = serde_json::to_string_pretty(&tame(&heard)).unwrap();
                    insta::assert_snapshot!(format!("example_{name}"), text);
                }
                "live-messages" => {
                    assert_eq!(heard["messageAdded"]["message"]["contact"]["name"], "Ada Example");
                }
                other => panic!("{other} is not looked at"),
            }
        }
        for (name, example) in &changing {
            let answer = demo.ask(example).await;
            let text = answer.to_string();
            assert!(!text.contains("userErrors\":[{"), "{name}: {answer:#}");
        }
    }
}

/// The sum of a metric's values in the rows of a report.
fn sum(report: &Value, metric: &str) -> f64 {
    let rows = report["rows"].as_array().unwrap().iter();
    let values = rows.flat_map(|row| row["values"].as_array().unwrap());
    values
        .filter(|value| value["metric"] == metric)
        .filter_map(|value| value["value"].as_f64())
        .sum()
}

on_both! {
    async fn screens_agree(app: &TestApp) {
        let demo = Demo::of(app).await;
        let examples = examples();
        let starts = &demo.ask(&examples["conversation-starts"]).await["account"];
        let whole = starts["whole"]["totals"].as_array().unwrap();
        let sessions = whole.iter().find(|value| value["metric"] == "SESSIONS_STARTED").unwrap();
        let sessions = sessions["value"].as_f64().unwrap();
        assert!(sessions > 100.0, "{sessions}");
        for part in ["byOrigin", "byLine"] {
            assert_eq!(sum(&starts[part], "SESSIONS_STARTED"), sessions, "{part}");
        }
        // The table has a row for each session and for each send that would have begun one.
        let (text, variables) = &examples["conversation-start-details"];
        let mut variables = variables.clone();
        variables["filter"] = json!({});
        variables["period"] = json!({ "last": "P30D" });
        let table = demo.ask(&(text.clone(), variables)).await;
        let rows = table["account"]["conversationStarts"]["totalCount"].as_f64().unwrap();
        let failed = starts["notifications"]["rows"].as_array().unwrap().iter();
        let failed: f64 = failed
            .filter(|row| row["keys"][0]["value"] == "WOULD_BE_STARTER")
            .flat_map(|row| row["values"].as_array().unwrap())
            .filter(|value| value["metric"] == "FAILED")
            .filter_map(|value| value["value"].as_f64())
            .sum();
        // Chat messages that failed would have begun sessions too.
        assert!(rows >= sessions + failed, "{rows} rows, {sessions} sessions, {failed} failed");

        let inboxes = &demo.ask(&examples["inboxes"]).await["account"];
        let of = |node: &Value| node["engagement"]["messages"]["value"].as_f64().unwrap();
        let listed: f64 = inboxes["inboxes"]["nodes"].as_array().unwrap().iter().map(of).sum();
        assert_eq!(listed, of(inboxes));
        assert!(listed > 1_000.0, "{listed}");

        let behind = demo.ask(&examples["behind-a-number"]).await;
        for row in behind["account"]["report"]["rows"].as_array().unwrap() {
            let counted = row["values"][0]["value"].as_f64();
            assert_eq!(row["records"]["totalCount"].as_f64(), counted, "{row}");
        }
    }
}
