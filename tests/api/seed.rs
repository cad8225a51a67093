//! Seeded accounts: as many messages as asked for, the same facts each time, and facts that are
//! those of recording.

use rapport::demo::seed::{self, Seed};
use rapport::graphql::id::NodeId;
use serde_json::json;

use crate::on_both;

const WANTED: Seed = Seed { accounts: 2, messages: 1_501, days: 20, seed: 7 };

const NUMBERS: &str = "query($id: ID!) { account(id: $id) { report(input: {
    metrics: [MESSAGES, SENT, READ, FAILED, RESPONSES, OPT_OUTS, SESSIONS_STARTED, NEW_USERS,
        RESOLUTIONS, REPLY_SECONDS_MEAN, FIRST_RESPONSE_BUSINESS_SECONDS_P90]
    period: { last: \"P30D\" }
    breakdown: [PLATFORM]
}) { totals { metric value } rows { keys { label } values { value } } } } }";

on_both! {
    async fn the_same_seed_gives_the_same_facts(app: &TestApp) {
        let made = seed::seed(&app.engine, WANTED, |_| {}).await.unwrap();
        let counts: Vec<u64> = made.iter().map(|made| made.messages).collect();
        assert_eq!(counts, [751, 750]);
        let installation = rapport::auth::system_scope(&app.engine, made[0].account);
        let token = rapport::domain::token::TokenCreate {
            name: "reader".to_owned(),
            role: entity::kinds::Role::Manager,
            scopes: vec![entity::kinds::TokenScope::Read],
            expires_at: None,
        };
        let token = rapport::domain::token::create(&installation, None, token).await.unwrap();
        let id = NodeId::account(made[0].account).to_string();
        let numbers = app.client(token.text).data(NUMBERS, json!({ "id": id })).await;
        let messages = &numbers["account"]["report"]["totals"][0]["value"];
        // Notes are among the messages that were made.
        assert!((700.0..=751.0).contains(&messages.as_f64().unwrap()), "{messages}");
        insta::assert_snapshot!("seeded_numbers", format!("{numbers:#}"));

        let again = seed::seed(&app.engine, WANTED, |_| {}).await.err().unwrap();
        assert!(again.to_string().contains("accounts of 7 are there already"), "{again}");
    }
}
