//! What a batch costs does not grow with what the account has: no statement of recording walks
//! through all of it, or through all that came after some time.

use entity::id::InboxId;
use entity::kinds::{AuthorKind, ConversationEventKind, Medium, Platform, StatusKind};
use rapport::domain::record::{Author, Item, NewMessage, NewStatus};
use sea_orm::{ConnectionTrait, Statement};

use crate::support::TestApp;
use crate::support::app::run;
use crate::support::db::Kind;
use crate::support::factory;

const ADA: &str = "+15550001111";

/// Everything that makes something be looked for: sends, quotes, replies, words, statuses and
/// events, in order and late.
async fn talk(app: &TestApp, inbox: InboxId) {
    let scope = &app.scope;
    for hours_ago in [50, 90, 10] {
        let id = format!("send-{hours_ago}");
        let sent = NewMessage {
            external_id: Some(id.clone()),
            medium: Medium::Mailing,
            occurred_at: Some(app.hours_ago(hours_ago)),
            ..factory::answer(inbox, ADA, "An offer")
        };
        let heard = |kind| {
            let occurred_at = Some(app.hours_ago(hours_ago - 1));
            Item::Status(NewStatus { occurred_at, ..factory::status(inbox, &id, kind) })
        };
        let said = |content: &str, quoted: Option<&str>, later: i64| {
            Item::Message(Box::new(NewMessage {
                occurred_at: Some(app.hours_ago(hours_ago - later)),
                quoted_external_id: quoted.map(str::to_owned),
                ..factory::message(inbox, ADA, content)
            }))
        };
        let reply = NewMessage {
            author: Some(Author { kind: AuthorKind::User, user_id: None, bot_id: None }),
            occurred_at: Some(app.hours_ago(hours_ago - 5)),
            ..factory::answer(inbox, ADA, "Good day")
        };
        for items in [
            vec![said("Hello", Some("send-10"), 2), said("STOP", None, 3)],
            vec![Item::Message(Box::new(sent)), said("START", Some(&id), 4)],
            vec![heard(StatusKind::Delivered), Item::Message(Box::new(reply))],
            vec![heard(StatusKind::Failed), heard(StatusKind::Read)],
        ] {
            factory::record(scope, items).await;
        }
        let (_, conversation) =
            factory::say(scope, factory::message(inbox, ADA, "And then?")).await;
        factory::happen(scope, factory::event(inbox, conversation, ConversationEventKind::Closed))
            .await;
    }
}

/// How SQLite goes about a statement.
async fn steps(app: &TestApp, statement: &Statement) -> Vec<String> {
    let mut explained = statement.clone();
    explained.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = app.engine.db.write().query_all_raw(explained).await.unwrap();
    rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_of_recording_walks_through_an_account() {
    run(Kind::Sqlite, async |app: &TestApp| {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let ((), statements) = app.watch.during(talk(app, inbox)).await;
        assert!(statements.len() > 100);
        let facts = [
            "message ",
            "m ",
            "n ",
            "r ",
            "q ",
            "s ",
            "e ",
            "c ",
            "o ",
            "conversation ",
            "session ",
            "opt_out ",
        ];
        for statement in &statements {
            for step in steps(app, statement).await {
                let Some(searched) = step.strip_prefix("SEARCH ") else {
                    // Lists of values, and tables of settings.
                    let scans = step.strip_prefix("SCAN ").is_some_and(|table| {
                        facts.iter().any(|fact| format!("{table} ").starts_with(fact))
                    });
                    assert!(!scans, "{step}\n{}", statement.sql);
                    continue;
                };
                let walks = ["(account_id=?)", "(account_id=? AND occurred_at"];
                let whole = facts.iter().any(|fact| searched.starts_with(fact))
                    && walks.iter().any(|walk| searched.contains(walk));
                assert!(!whole, "{step}\n{}", statement.sql);
            }
        }
    })
    .await;
}
