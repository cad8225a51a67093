//! Requests whose connection is reset at any moment: each mutation is wholly there or wholly
//! absent, and no connection of the pool is left inside a transaction.

use std::collections::HashSet;
use std::time::Duration;

use entity::kinds::Platform;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::on_both;
use crate::support::{TestApp, factory};

const CUT: usize = 2_000;
const AFTERWARDS: usize = 1_000;
const AT_ONCE: usize = 8;

const RECORD: &str = "mutation($input: MessagesRecordInput!) {
    messagesRecord(input: $input) { results { outcome } userErrors { message } } }";

/// Two messages, so that half of them could be there.
fn pair(account: &str, inbox: &str, name: &str) -> Value {
    let item = |half: &str| {
        json!({ "message": {
            "inboxId": inbox, "externalId": format!("{name}-{half}"), "direction": "INBOUND",
            "contact": { "phone": "+15550001" }, "content": name,
        } })
    };
    json!({ "input": { "accountId": account, "items": [item("a"), item("b")] } })
}

/// Sends a request and resets the connection after so many of its bytes, or a moment after all
/// of them.
async fn cut(address: &str, request: &[u8], bytes: usize, moment: Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_zero_linger().unwrap();
    stream.write_all(&request[..bytes.min(request.len())]).await.unwrap();
    if bytes >= request.len() {
        tokio::time::sleep(moment).await;
    }
}

on_both! {
    async fn cut_requests_are_whole_or_absent(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "cut", Platform::Sms).await;
        let inbox = NodeId::tenant(NodeKind::Inbox, app.scope.account_id(), inbox.id).to_string();
        let address = app.url.strip_prefix("http://").unwrap().to_owned();
        let token = app.owner.token.clone().unwrap();
        let mut dice = ChaCha8Rng::seed_from_u64(1);
        let mut cuts = tokio::task::JoinSet::new();
        for number in 0..CUT {
            let variables = pair(&app.account_node, &inbox, &format!("cut{number}"));
            let body = json!({ "query": RECORD, "variables": variables }).to_string();
            let request = format!(
                "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            // Half of them are cut while they are sent, half while they are done.
            let bytes = dice.random_range(1..request.len() * 2);
            let moment = Duration::from_micros(dice.random_range(0..20_000));
            if cuts.len() == AT_ONCE {
                cuts.join_next().await.unwrap().unwrap();
            }
            let address = address.clone();
            cuts.spawn(async move { cut(&address, request.as_bytes(), bytes, moment).await });
        }
        while let Some(done) = cuts.join_next().await {
            done.unwrap();
        }

        let mut wanted = HashSet::new();
        for batch in 0..AFTERWARDS / 2 {
            let name = format!("after{batch}");
            let variables = pair(&app.account_node, &inbox, &name);
            let payload = app.owner.mutate(RECORD, variables).await;
            assert_eq!(payload["results"][1]["outcome"], "RECORDED", "{payload}");
            wanted.insert(format!("{name}-a"));
            wanted.insert(format!("{name}-b"));
        }
        let found = external_ids(app).await;
        assert!(wanted.is_subset(&found), "{} of {} are there", found.len(), wanted.len());
        let cut: HashSet<_> = found.difference(&wanted).cloned().collect();
        for name in &cut {
            let other = match name.strip_suffix("-a") {
                Some(name) => format!("{name}-b"),
                None => format!("{}-a", name.strip_suffix("-b").unwrap()),
            };
            assert!(cut.contains(&other), "{name} is there without {other}");
        }
        assert!(!cut.is_empty(), "no request got through");
    }
}

async fn external_ids(app: &TestApp) -> HashSet<String> {
    let query = "query($id: ID!, $after: String) { account(id: $id) {
        messages(first: 100, after: $after) {
            nodes { externalId } pageInfo { hasNextPage endCursor } } } }";
    let (mut found, mut after) = (HashSet::new(), Value::Null);
    loop {
        let data = app.owner.data(query, json!({ "id": app.account_node, "after": after })).await;
        let page = &data["account"]["messages"];
        for node in page["nodes"].as_array().unwrap() {
            let id = node["externalId"].as_str().unwrap().to_owned();
            assert!(found.insert(id), "twice: {node}");
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return found;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}
