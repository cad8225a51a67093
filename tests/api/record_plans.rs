//! What a batch costs does not grow with what the account has: no statement of recording walks
//! through all of it, or through all that came after some time.

use entity::id::InboxId;
use entity::kinds::{AuthorKind, ConversationEventKind, Medium, Platform, StatusKind};
use rapport::domain::record::{Author, Item, MOST_ITEMS, NewMessage, NewStatus};
use sea_orm::{ConnectionTrait, Statement};

use crate::support::TestApp;
use crate::support::app::run;
use crate::support::db::Kind;
use crate::support::factory;

/// As many as stand in one statement: what SQLite does depends on how many rows drive it.
const PEOPLE: usize = 110;

/// Everything that makes something be looked for: sends, quotes, replies, words, statuses and
/// events, in order and late.
async fn talk(app: &TestApp, inbox: InboxId) {
    let scope = &app.scope;
    for hours_ago in [50, 90, 10] {
        let mut batches: [Vec<Item>; 4] = Default::default();
        for person in 0..PEOPLE {
            for (batch, items) in batches.iter_mut().zip(of(app, inbox, person, hours_ago)) {
                batch.extend(items);
            }
        }
        for batch in batches {
            let (first, second) = batch.split_at(batch.len().min(MOST_ITEMS));
            factory::record(scope, first.to_vec()).await;
            factory::record(scope, second.to_vec()).await;
        }
        let (_, conversation) =
            factory::say(scope, factory::message(inbox, "+15550000000", "And then?")).await;
        factory::happen(scope, factory::event(inbox, conversation, ConversationEventKind::Closed))
            .await;
    }
}

/// What is said with a person around an hour, in the order in which it is recorded.
fn of(app: &TestApp, inbox: InboxId, person: usize, hours_ago: i64) -> [Vec<Item>; 4] {
    let phone = format!("+1555{person:07}");
    let id = format!("send-{person}-{hours_ago}");
    let sent = NewMessage {
        external_id: Some(id.clone()),
        medium: Medium::Mailing,
        occurred_at: Some(app.hours_ago(hours_ago)),
        ..factory::answer(inbox, &phone, "An offer")
    };
    let heard = |kind| {
        let occurred_at = Some(app.hours_ago(hours_ago - 1));
        Item::Status(NewStatus { occurred_at, ..factory::status(inbox, &id, kind) })
    };
    let said = |content: &str, quoted: Option<String>, later: i64| {
        Item::Message(Box::new(NewMessage {
            occurred_at: Some(app.hours_ago(hours_ago - later)),
            quoted_external_id: quoted,
            ..factory::message(inbox, &phone, content)
        }))
    };
    let reply = NewMessage {
        author: Some(Author { kind: AuthorKind::User, user_id: None, bot_id: None }),
        occurred_at: Some(app.hours_ago(hours_ago - 5)),
        ..factory::answer(inbox, &phone, "Good day")
    };
    let next = format!("send-{person}-10");
    [
        vec![said("Hello", Some(next), 2), said("STOP", None, 3)],
        vec![Item::Message(Box::new(sent)), said("START", Some(id.clone()), 4)],
        vec![heard(StatusKind::Delivered), Item::Message(Box::new(reply))],
        vec![heard(StatusKind::Failed), heard(StatusKind::Read)],
    ]
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
        // Of an insert SQLite shows how it would mend references that wait for it; none ever do.
        for statement in statements.iter().filter(|each| !each.sql.starts_with("INSERT")) {
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
