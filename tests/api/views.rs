//! The views for tools that read SQL: the names are those of the vocabularies, on both databases
//! alike, and their rows those that reports count.

use entity::kinds::{
    AuthorKind, ConversationActor, ConversationStatus, Direction, FailureBucket, Medium,
    MessageStatus, OpenedBy, Platform, SessionOrigin, SessionRole, UserType,
};
use entity::vocabulary::Vocabulary;
use rapport::demo;
use rapport::graphql::id::NodeId;
use sea_orm::{ActiveEnum, ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;

#[test]
fn names_are_those_of_the_vocabularies() {
    fn check<T: Vocabulary + ActiveEnum<Value = i16> + Copy>(column: &str) {
        let names = migration::VIEW_NAMES.iter().find(|(name, _)| *name == column);
        let (_, names) = names.unwrap_or_else(|| panic!("no view has names of {column}"));
        let numbered: Vec<(i16, &str)> =
            T::ALL.iter().map(|member| (member.to_value(), member.name())).collect();
        let written: Vec<(i16, &str)> = (1..).zip(names.iter().copied()).collect();
        assert_eq!(written, numbered, "{column}: a new migration makes the views anew");
    }
    check::<Platform>("platform");
    check::<Medium>("medium");
    check::<Direction>("direction");
    check::<AuthorKind>("author_kind");
    check::<MessageStatus>("status of a message");
    check::<FailureBucket>("failure_bucket");
    check::<ConversationStatus>("status of a conversation");
    check::<OpenedBy>("opened_by");
    check::<ConversationActor>("actor");
    check::<SessionOrigin>("origin");
    check::<SessionRole>("session_role");
    check::<UserType>("user_type");
    assert_eq!(migration::VIEW_NAMES.len(), 12, "check the others as well");
}

/// What a statement counts in the account.
async fn count(app: &TestApp, account: &str, view: &str, condition: &str) -> f64 {
    let backend = app.engine.db.backend();
    let id = match backend {
        DbBackend::Postgres => format!("'{account}'"),
        _ => format!("'{}'", account.replace('-', "")),
    };
    let sql = format!("SELECT COUNT(*) FROM {view} v WHERE v.account_id = {id} AND {condition}");
    let row = app.engine.db.read().query_one_raw(Statement::from_string(backend, sql));
    let count: i64 = row.await.unwrap().unwrap().try_get_by_index(0).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "it is small")]
    let count = count as f64;
    count
}

on_both! {
    async fn views_have_the_rows_that_reports_count(app: &TestApp) {
        let demo = demo::prepare(&app.engine, 6).await.unwrap();
        let (client, key) = (app.client(demo.token), demo.account.0.to_string());
        let wanted = [
            ("MESSAGES", "bi_message", "is_message"),
            ("PRIVATE_NOTES", "bi_message", "private"),
            ("MESSAGES_RECEIVED", "bi_message", "is_message AND direction = 'INBOUND'"),
            ("SENT", "bi_message", "is_send AND sent_at IS NOT NULL"),
            ("DELIVERED", "bi_message", "is_send AND is_delivered"),
            ("READ", "bi_message", "is_send AND is_read"),
            ("FAILED", "bi_message", "is_send AND is_failed"),
            ("RESPONSES", "bi_message", "is_send AND first_reply_at IS NOT NULL"),
            ("OPT_OUTS", "bi_message", "is_send AND first_opt_out_at IS NOT NULL"),
            ("CONVERSATIONS_STARTED", "bi_conversation", "TRUE"),
            ("RESOLUTIONS", "bi_resolution", "TRUE"),
            ("SESSIONS_STARTED", "bi_session", "TRUE"),
        ];
        let metrics: Vec<&str> = wanted.iter().map(|(metric, ..)| *metric).collect();
        let query = "query($id: ID!, $metrics: [Metric!]!) { account(id: $id) { report(input: {
            metrics: $metrics, period: { last: \"P30D\" } }) { totals { value } } } }";
        let id = NodeId::account(demo.account).to_string();
        let asked = client.data(query, json!({ "id": id, "metrics": metrics })).await;
        let totals: Vec<Value> = asked["account"]["report"]["totals"].as_array().unwrap().clone();
        for ((metric, view, condition), total) in wanted.into_iter().zip(totals) {
            let counted = count(app, &key, view, condition).await;
            assert_eq!(Some(counted), total["value"].as_f64(), "{metric}");
            assert!(counted > 0.0, "{metric} shows nothing");
        }
        assert!(count(app, &key, "bi_contact", "name IS NOT NULL").await > 0.0);
        assert!(count(app, &key, "bi_account", "name = 'Aurora Coffee'").await == 1.0);
        times_are_those_of_the_microseconds(app).await;
    }
}

async fn times_are_those_of_the_microseconds(app: &TestApp) {
    let backend = app.engine.db.backend();
    for (view, column) in [
        ("bi_message", "occurred_at"),
        ("bi_message", "sent_at"),
        ("bi_conversation", "created_at"),
        ("bi_conversation", "closed_at"),
        ("bi_resolution", "occurred_at"),
        ("bi_session", "started_at"),
    ] {
        let text = match backend {
            DbBackend::Postgres => {
                format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
            }
            _ => column.to_owned(),
        };
        let sql = format!(
            "SELECT {text}, {column}_micros FROM {view} WHERE {column} IS NOT NULL LIMIT 5"
        );
        let rows =
            app.engine.db.read().query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        assert!(!rows.is_empty(), "{view}");
        for row in rows {
            let (text, micros): (String, i64) =
                (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
            let at: jiff::Timestamp = text.parse().unwrap();
            assert!(
                (at.as_microsecond() - micros).abs() <= 1_000,
                "{view}.{column}: {text} for {micros}"
            );
        }
    }
}
