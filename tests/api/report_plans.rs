//! How the statements of reports are written, and that PostgreSQL finds the facts of each by
//! an index on the account and the time.

use std::collections::BTreeMap;

use entity::Timestamp;
use entity::kinds::{
    AuthorKind, ConversationEventKind, Medium, Platform, RecipientState, StatusKind,
};
use entity::message;
use entity::vocabulary::Vocabulary;
use rapport::analytics::{self, DateBasis, Metric, PeriodInput, ReportFilter, ReportInput};
use rapport::domain::record::{
    Author, Item, MOST_ITEMS, NewConversationEvent, NewMessage, NewStatus,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::TestApp;
use crate::support::app::run;
use crate::support::db::Kind;
use crate::support::{factory, mailing};

/// People, each with a send, an answer, a reply to it and an end to the talk every few days.
const PEOPLE: usize = 120;
const TALKS: i64 = 12;

/// Enough of everything for the planner to prefer an index to reading whole tables.
async fn talk(app: &TestApp) {
    let scope = &app.scope;
    let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
    let mut items = Vec::new();
    for person in 0..PEOPLE {
        let phone = format!("+1555{person:07}");
        for talk in 0..TALKS {
            let at = |hours: i64| Some(app.hours_ago(talk * 100 + 99 - hours));
            let (id, thread) = (format!("{person}-{talk}"), Some(format!("{person} {talk}")));
            let said = |hours, message: NewMessage| {
                let conversation_external_id = thread.clone();
                let occurred_at = at(hours);
                Item::Message(Box::new(NewMessage {
                    conversation_external_id,
                    occurred_at,
                    ..message
                }))
            };
            let heard = |hours, kind| {
                let status = factory::status(inbox, &id, kind);
                Item::Status(NewStatus { occurred_at: at(hours), ..status })
            };
            let word = if talk % 4 == 0 { "STOP" } else { "START" };
            let author = Author { kind: AuthorKind::User, user_id: None, bot_id: None };
            items.push(said(
                0,
                NewMessage {
                    external_id: Some(id.clone()),
                    medium: Medium::Mailing,
                    ..factory::answer(inbox, &phone, "Good day")
                },
            ));
            if talk % 5 == 0 {
                items.push(heard(1, StatusKind::Failed));
            } else {
                items.extend([heard(1, StatusKind::Delivered), heard(2, StatusKind::Read)]);
            }
            let quoted = (talk % 3 == 0).then(|| id.clone());
            items.push(said(
                3,
                NewMessage {
                    quoted_external_id: quoted.clone(),
                    ..factory::message(inbox, &phone, "Hello")
                },
            ));
            items.push(said(
                4,
                NewMessage { quoted_external_id: quoted, ..factory::message(inbox, &phone, word) },
            ));
            items.push(said(
                5,
                NewMessage { author: Some(author), ..factory::answer(inbox, &phone, "Hello") },
            ));
            items.push(Item::ConversationEvent(NewConversationEvent {
                inbox_id: inbox,
                conversation_external_id: thread,
                conversation_id: None,
                kind: ConversationEventKind::Closed,
                user_id: None,
                bot_id: None,
                label_id: None,
                by: None,
                by_user_id: None,
                occurred_at: at(6),
            }));
        }
    }
    while !items.is_empty() {
        let batch = items.drain(..items.len().min(MOST_ITEMS)).collect();
        factory::record(scope, batch).await;
    }
}

fn input(metric: Metric, basis: DateBasis, from: Timestamp, to: Timestamp) -> ReportInput {
    ReportInput {
        metrics: vec![metric],
        period: PeriodInput::Range { from, to },
        interval: None,
        breakdown: Vec::new(),
        filter: ReportFilter::default(),
        date_basis: Some(basis),
        time_zone: Some("UTC".to_owned()),
        compare_to: None,
        order_by: None,
        reply_window: None,
        first: None,
    }
}

/// The statements that read facts, by metric and basis.
async fn statements(
    app: &TestApp,
    from: Timestamp,
    to: Timestamp,
) -> BTreeMap<String, Vec<Statement>> {
    let mut statements = BTreeMap::new();
    for definition in analytics::definitions() {
        for basis in definition.bases {
            let asked = input(definition.metric, basis, from, to);
            let (report, run) = app.watch.during(analytics::report(&app.scope, asked)).await;
            report.unwrap();
            let facts = run.into_iter().filter(|each| each.sql.starts_with("WITH seg"));
            let name = format!("{} on {}", definition.metric.name(), basis.name());
            statements.insert(name, facts.collect());
        }
    }
    statements
}

/// The conditions by which an index is searched.
async fn conditions(app: &TestApp, statement: &Statement) -> Vec<String> {
    let tx = app.engine.db.snapshot().await.unwrap();
    let mut explained = statement.clone();
    explained.sql = format!("EXPLAIN {}", statement.sql);
    let rows = tx.query_all_raw(explained).await.unwrap();
    let lines = rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap());
    lines.filter(|line| line.contains("Index Cond")).collect()
}

/// One each hour, to one and the same contact.
async fn campaigns(app: &TestApp) {
    let messages = factory::stored::<message::Entity>(&app.scope).await;
    for hours in 0..600 {
        let id = app.engine.clock.id();
        mailing::campaign(&app.scope, id, "Spring", app.hours_ago(hours)).await;
        let outcome = (RecipientState::Done, None);
        mailing::recipient(&app.scope, id, messages[0].contact_id, outcome).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_are_found_by_account_and_time() {
    run(Kind::Postgres, async |app: &TestApp| {
        talk(app).await;
        campaigns(app).await;
        app.engine.db.write().execute_unprepared("ANALYZE").await.unwrap();
        let (from, to) = (app.hours_ago(340), app.hours_ago(300));
        for (name, statements) in statements(app, from, to).await {
            assert!(!statements.is_empty(), "{name}");
            for statement in statements {
                let found = conditions(app, &statement).await;
                let by_time = |line: &String| {
                    ["account_id = ", "_at >= ", "_at < "].iter().all(|part| line.contains(part))
                };
                let text = format!("{name}: {}\n{}", statement.sql, found.join("\n"));
                assert!(found.iter().any(by_time), "{text}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_are_written_so() {
    run(Kind::Sqlite, async |app: &TestApp| {
        assert_eq!(app.engine.db.backend(), DbBackend::Sqlite);
        let texts: Vec<String> = statements(app, Timestamp(10), Timestamp(20))
            .await
            .into_iter()
            .map(|(name, statements)| {
                let texts: Vec<String> =
                    statements.into_iter().map(|statement| statement.sql).collect();
                format!("-- {name}\n{}\n", texts.join("\n"))
            })
            .collect();
        insta::assert_snapshot!("report_statements", texts.join("\n"));
    })
    .await;
}
