//! SQLite and PostgreSQL give the same report, to the byte, as clients get it. The clock
//! stands still, so that even the ids are the same on both.

use std::cell::RefCell;

use entity::kinds::{Role, TokenScope};
use rapport::graphql::id::NodeId;
use serde_json::json;

use super::dice::{Dice, cases};
use super::{Scene, asks};
use crate::support::app::{account_token, run};
use crate::support::gql::Client;
use crate::support::{Kind, TestApp};

const REPORT: &str = "query($account: ID!, $input: ReportInput!) {
    account(id: $account) { report(input: $input) {
        period { from to timeZone }
        comparedTo { from to timeZone }
        source
        totals { ...all }
        rows {
            bucket { start end localStart localEnd partial }
            other
            keys { dimension value label }
            values { ...all }
        }
    } }
}
fragment all on MetricValue { metric value numerator denominator dateBasis previous change }";

/// The bytes of an answer.
async fn bytes(client: &Client, body: String) -> String {
    let request = client.http.post(format!("{}/graphql", client.url));
    let request = request.header("content-type", "application/json").body(body);
    let response = request.bearer_auth(client.token.as_ref().unwrap()).send().await.unwrap();
    response.text().await.unwrap()
}

/// Questions with their answers.
async fn answers(app: &TestApp) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for case in 0..cases(3) {
        let mut dice = Dice::of(9, case);
        let scene = Scene::random(app, &mut dice, &format!("same-{case}"), case).await;
        let account = scene.scope.account_id();
        let token = account_token(&app.engine, account, Role::Agent, &[TokenScope::Read]).await;
        let client = app.client(token);
        for ask in asks(&mut dice, &scene) {
            let ask = ask.adorned(&mut dice);
            let node = NodeId::account(account).to_string();
            let variables = json!({ "account": node, "input": ask.json(account) });
            let body = json!({ "query": REPORT, "variables": variables }).to_string();
            let answer = bytes(&client, body).await;
            assert!(answer.starts_with("{\"data\""), "{ask:#?}: {answer}");
            // How the caller's bucket stands goes by the clock.
            let (answer, _) = answer.split_once(",\"extensions\":").unwrap();
            answers.push((format!("{ask:#?}"), answer.to_owned()));
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_give_the_same_reports() {
    let (sqlite, postgres) = (RefCell::new(None), RefCell::new(None));
    for (kind, told) in [(Kind::Sqlite, &sqlite), (Kind::Postgres, &postgres)] {
        run(kind, async |app: &TestApp| {
            let answers = answers(app).await;
            *told.borrow_mut() = Some(answers);
        })
        .await;
    }
    // Not everybody has PostgreSQL; where it must be there, the rig says so.
    let (Some(sqlite), Some(postgres)) = (sqlite.take(), postgres.take()) else { return };
    assert_eq!(sqlite.len(), postgres.len());
    for ((ask, sqlite), (_, postgres)) in sqlite.into_iter().zip(postgres) {
        assert_eq!(sqlite, postgres, "{ask}");
    }
}
