//! Erasing contacts: nothing of them is left in any table, what counts stays, and nothing brings
//! them back.

use std::collections::BTreeSet;

use entity::id::{ContactId, InboxId};
use entity::kinds::{
    AttemptState, Direction, MessageStatus, OptOutKind, Platform, RecipientState, SkipReason,
    StatusKind, TemplateCategory,
};
use entity::{
    attempt, contact, contact_identity, conversation, message, opt_out, parked_event, raw_event,
    recipient, session,
};
use rapport::auth::AccountScope;
use rapport::domain::campaign::{self, Audience, NewStep, When};
use rapport::domain::contact::{ContactUpsert, IdentityInput, upsert};
use rapport::domain::contact_erase::erase;
use rapport::domain::contact_merge::merge;
use rapport::domain::label::{self, LabelCreate};
use rapport::domain::opt_out::{self as opt_outs, OptOutInput};
use rapport::domain::record::{self, Attachment, Item, NewMessage, NewStatus, Outcome, Traffic};
use rapport::domain::send::{Destination, MessageSend, Said, send};
use rapport::domain::template::{self, TemplateCreate};
use rapport::domain::{attempt as attempts, erased};
use rapport::error::Error;
use rapport::graphql::id::{NodeId, NodeKind};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, say, stored, stored_message};
use crate::support::whatsapp::{self, deliver, fixture};

const ADA: &str = "+15550001111";
const MAIL: &str = "ada.zed@example.org";
/// What only Ada and those who wrote of her said, in lower case.
const PERSONAL: [&str; 11] = [
    "zedlitz",
    "zeddy",
    "15550001111",
    "ada.zed",
    "ada example",
    "in a quiet voice",
    "is my order on its way",
    "secret-letter",
    "wamid.in.text",
    "wamid.many.1",
    "thread-of",
];

const COLUMNS_SQLITE: &str = "SELECT m.name AS t, c.name AS c, c.type AS kind \
    FROM sqlite_master m JOIN pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
const COLUMNS_POSTGRES: &str = "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS kind \
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) \
    WHERE table_type = 'BASE TABLE' AND table_schema = 'public'";

/// Every value in every column of every table, whatever its type, in lower case and with its place.
async fn dump(app: &TestApp) -> Vec<(String, String)> {
    let connection = app.engine.db.read();
    let backend = app.engine.db.backend();
    let rows = async |sql: String| {
        connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap()
    };
    let postgres = backend == DbBackend::Postgres;
    let columns = if postgres { COLUMNS_POSTGRES } else { COLUMNS_SQLITE };
    let columns = rows(columns.to_owned()).await;
    let mut found = Vec::new();
    for column in columns {
        let part = |name: &str| column.try_get::<String>("", name).unwrap();
        let (table, column) = (part("t"), part("c"));
        // As hexadecimal digits, since bytes need not be text.
        let value = match (postgres, part("kind").as_str()) {
            (true, "bytea") => format!("encode(\"{column}\", 'hex')"),
            (true, _) => format!("encode(convert_to(\"{column}\"::text, 'UTF8'), 'hex')"),
            (false, _) => format!("hex(\"{column}\")"),
        };
        let sql = format!("SELECT {value} AS v FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
        for row in rows(sql).await {
            let hex: String = row.try_get("", "v").unwrap();
            found.push((format!("{table}.{column}"), text(&hex).to_lowercase()));
        }
    }
    found
}

fn text(hex: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where each of the words stands.
async fn places(app: &TestApp, words: &[&str]) -> Vec<(String, BTreeSet<String>)> {
    let dump = dump(app).await;
    let places = |word: &&str| {
        let holding = dump.iter().filter(|(_, value)| value.contains(*word));
        ((*word).to_owned(), holding.map(|(place, _)| place.clone()).collect())
    };
    words.iter().map(places).collect()
}

async fn assert_nowhere(app: &TestApp, words: &[&str]) {
    let left: Vec<_> =
        places(app, words).await.into_iter().filter(|(_, places)| !places.is_empty()).collect();
    assert!(left.is_empty(), "{left:#?}");
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Has everything told of Ada that can be told of anybody.
async fn talk(app: &TestApp) -> ContactId {
    let scope = &app.scope;
    let shop = factory::sandbox(scope, Platform::Sms).await.id;
    let friend = LabelCreate { name: "friend".to_owned(), color: None };
    let friend = label::create(scope, None, friend).await.unwrap();
    let known = ContactUpsert {
        phone: some(ADA),
        email: some(MAIL),
        name: some("Ada Zedlitz"),
        nickname: some("zeddy"),
        label_ids: Some(vec![friend.id]),
        identities: vec![IdentityInput { inbox_id: shop, source_id: ADA.to_owned() }],
        ..ContactUpsert::default()
    };
    let ada = upsert(scope, Some("key of ada.zed@example.org"), known).await.unwrap().id;
    mailing(app, shop, ada).await;
    chat(scope, shop).await;
    let line = whatsapp::inbox(scope).await;
    for name in ["text", "many", "status_failed"] {
        deliver(app, &line, &fixture(name)).await;
    }
    say(scope, factory::message(shop, ADA, "STOP")).await;
    let by_hand = OptOutInput {
        platform: Some(Platform::Email),
        address: some(MAIL),
        reason: some("Ada Zedlitz asked for it"),
        ..OptOutInput::default()
    };
    opt_outs::opt_out(scope, None, by_hand, OptOutKind::OptOut).await.unwrap();
    ada
}

/// A campaign whose text names the contact.
async fn mailing(app: &TestApp, shop: InboxId, ada: ContactId) {
    let scope = &app.scope;
    let hello = TemplateCreate {
        name: "hello".to_owned(),
        language: "en".to_owned(),
        category: TemplateCategory::Utility,
        body: "Hello {{name}}".to_owned(),
        status: None,
        external_id: None,
    };
    let hello = template::create(scope, None, hello).await.unwrap();
    let step =
        NewStep { template_id: Some(hello.id), content: None, ..factory::step(shop, "unused") };
    let mut draft = factory::draft(shop, Audience::Contacts(vec![ada]));
    draft.steps = vec![step];
    let id = campaign::create(scope, None, draft).await.unwrap().id;
    campaign::schedule(scope, id, When::Now).await.unwrap();
    app.deliver().await;
}

async fn chat(scope: &AccountScope, shop: InboxId) {
    let file = Attachment {
        kind: "document".to_owned(),
        name: some("secret-letter.pdf"),
        ..Attachment::default()
    };
    let traffic = Traffic {
        landing_page: some("https://shop.example/?mail=ada.zed@example.org"),
        utm_source: some("spring"),
        ..Traffic::default()
    };
    let said = NewMessage {
        external_id: some("sms-of-15550001111"),
        conversation_external_id: some("thread-of-15550001111"),
        quoted_external_id: some("before-15550001111"),
        traffic: Some(traffic),
        attachments: vec![file],
        ..factory::message(shop, ADA, "In a quiet voice")
    };
    let note = NewMessage { private: true, ..factory::answer(shop, ADA, "Zedlitz called") };
    let sent =
        NewMessage { external_id: some("out-1"), ..factory::answer(shop, ADA, "Dear zeddy") };
    let failed = NewStatus {
        code: some("131026"),
        detail: some("+15550001111 cannot be reached"),
        ..factory::status(shop, "out-1", StatusKind::Failed)
    };
    let items = [said, note, sent].map(|message| Item::Message(Box::new(message)));
    let items = items.into_iter().chain([Item::Status(failed)]).collect();
    record::record(scope, Some("retry-for-15550001111"), items).await.unwrap();
}

/// How much there is, and what reports make of it.
async fn figures(app: &TestApp) -> (usize, usize, usize, Value) {
    let document = "query($id: ID!, $metrics: [Metric!]!) { account(id: $id) { report(input: {
        metrics: $metrics, period: { last: \"P2Y\" }
    }) { totals { metric value } } } }";
    let metrics = [
        "MESSAGES",
        "MESSAGES_RECEIVED",
        "SENT",
        "FAILED",
        "OPT_OUTS",
        "CONVERSATIONS_STARTED",
        "SESSIONS_STARTED",
        "CONTACTS_ACTIVE",
    ];
    let variables = json!({ "id": app.account_node, "metrics": metrics });
    let report = app.owner.data(document, variables).await;
    let messages = stored::<message::Entity>(&app.scope).await.len();
    let conversations = stored::<conversation::Entity>(&app.scope).await.len();
    (messages, conversations, stored::<session::Entity>(&app.scope).await.len(), report)
}

on_both! {
    async fn nothing_is_left_but_what_counts(app: &TestApp) {
        let ada = talk(app).await;
        for (word, places) in places(app, &PERSONAL).await {
            assert!(!places.is_empty(), "{word} was nowhere before");
        }
        let before = figures(app).await;
        erase(&app.scope, None, ada).await.unwrap();
        assert_nowhere(app, &PERSONAL).await;
        assert_eq!(figures(app).await, before);
        assert!(stored::<parked_event::Entity>(&app.scope).await.is_empty());
        // Others stay, and what they said beside Ada.
        let messages = stored::<message::Entity>(&app.scope).await;
        let said = |text: &str| messages.iter().any(|message| message.content == text);
        assert!(said("Second, of somebody else") && said("Third, in another entry"));
        let contacts = stored::<contact::Entity>(&app.scope).await;
        assert_eq!(contacts.iter().filter(|contact| contact.phone.is_some()).count(), 2);
        let history = stored::<opt_out::Entity>(&app.scope).await;
        let erased = history.iter().filter(|entry| erased::is_erased(&entry.address));
        assert_eq!((history.len(), erased.count()), (3, 2));
    }
}

on_both! {
    async fn what_is_delivered_late_brings_nothing_back(app: &TestApp) {
        let scope = &app.scope;
        let inbox = whatsapp::inbox(scope).await;
        deliver(app, &inbox, &fixture("text")).await;
        let ada = stored::<contact::Entity>(scope).await[0].id;
        erase(scope, None, ada).await.unwrap();
        // A message that is here, one that is not, a status of one that is not, and a wish.
        for (name, remark) in [
            ("text", "erased: known (1)"),
            ("image", "erased: dropped (1)"),
            ("status_sent", "erased: dropped (1)"),
            ("user_preferences_stop", "erased: consent (1)"),
        ] {
            deliver(app, &inbox, &format!("{}\n", fixture(name))).await;
            let raw = stored::<raw_event::Entity>(scope).await;
            let last = raw.into_iter().max_by_key(|event| event.id).unwrap();
            assert_eq!(last.remark.as_deref(), Some(remark), "{name}");
            assert_eq!(last.body, erased::DELIVERY, "{name}");
        }
        assert_eq!(stored::<contact::Entity>(scope).await.len(), 1);
        assert_eq!(stored::<message::Entity>(scope).await.len(), 1);
        assert!(stored::<contact_identity::Entity>(scope).await.is_empty());
        assert!(stored::<parked_event::Entity>(scope).await.is_empty());
        assert_nowhere(app, &["15550001111", "ada example", "is my order", "broken part"]).await;
        // The wish holds all the same.
        app.set_clock(60);
        say(scope, factory::message(inbox.id, ADA, "Hello again")).await;
        let address = (Platform::Whatsapp, ADA.to_owned());
        let current = opt_outs::current(scope, scope.db().read(), std::slice::from_ref(&address));
        assert_eq!(current.await.unwrap().get(&address), Some(&OptOutKind::OptOut));
    }
}

on_both! {
    async fn who_writes_later_is_new_and_still_opted_out(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::sandbox(scope, Platform::Sms).await.id;
        let (said, _) = say(scope, factory::message(inbox, ADA, "Stop")).await;
        let old = stored_message(scope, said).await.contact_id;
        erase(scope, None, old).await.unwrap();
        app.set_clock(60);
        let (said, _) = say(scope, factory::message(inbox, ADA, "Hello again")).await;
        let contact_id = stored_message(scope, said).await.contact_id;
        assert_ne!(contact_id, old);
        let write = async || {
            let to = Destination::Contact { contact_id, inbox_id: inbox };
            let new = MessageSend { to, said: Said::Text("Good day".to_owned()), subject: None };
            send(scope, None, new).await
        };
        let Err(Error::Invalid(violations)) = write().await else { panic!("it was sent") };
        assert!(violations[0].message.contains("opted out"), "{violations:?}");
        let mut draft = factory::draft(inbox, Audience::Contacts(vec![old, contact_id]));
        draft.steps = vec![factory::step(inbox, "An offer")];
        let id = campaign::create(scope, None, draft).await.unwrap().id;
        campaign::schedule(scope, id, When::Now).await.unwrap();
        app.deliver().await;
        let recipients = stored::<recipient::Entity>(scope).await;
        let told: Vec<_> = recipients
            .iter()
            .map(|each| (each.contact_id, each.state, each.skip_reason))
            .collect();
        let skipped = (contact_id, RecipientState::Skipped, Some(SkipReason::OptedOut));
        assert_eq!(told, [skipped]);
        say(scope, factory::message(inbox, ADA, "START")).await;
        write().await.unwrap();
    }
}

on_both! {
    async fn what_is_recorded_late_is_dropped_and_answered(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "SMS", Platform::Sms).await.id;
        let (said, _) = say(scope, factory::message(inbox, ADA, "Hello")).await;
        erase(scope, None, stored_message(scope, said).await.contact_id).await.unwrap();
        let late = |id: &str, phone: &str, direction, content: &str| {
            Item::Message(Box::new(NewMessage {
                external_id: some(id),
                occurred_at: Some(app.hours_ago(1)),
                direction,
                ..factory::message(inbox, phone, content)
            }))
        };
        let sent = Item::Status(factory::status(inbox, "late-2", StatusKind::Sent));
        let outcomes = factory::record(scope, vec![
            late("late-1", ADA, Direction::Inbound, "STOP"),
            late("late-2", ADA, Direction::Outbound, "Good day"),
            sent,
            late("late-3", "+15550002222", Direction::Inbound, "I am another"),
        ])
        .await;
        let dropped = outcomes.iter().filter(|outcome| **outcome == Outcome::Erased).count();
        assert_eq!(dropped, 3, "{outcomes:?}");
        assert!(matches!(outcomes[3], Outcome::Recorded { .. }), "{outcomes:?}");
        assert_eq!(stored::<message::Entity>(scope).await.len(), 2);
        assert!(stored::<parked_event::Entity>(scope).await.is_empty());
        assert_nowhere(app, &["15550001111"]).await;
        let history = stored::<opt_out::Entity>(scope).await;
        assert_eq!((history.len(), history[0].contact_id), (1, None));
        assert!(erased::is_erased(&history[0].address) && history[0].effective);
    }
}

on_both! {
    async fn statuses_of_erased_messages_still_count(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "SMS", Platform::Sms).await.id;
        let sent = NewMessage { external_id: some("out-1"), ..factory::answer(inbox, ADA, "Hi") };
        let (id, _) = say(scope, sent).await;
        erase(scope, None, stored_message(scope, id).await.contact_id).await.unwrap();
        let failed = NewStatus {
            occurred_at: Some(app.hours_ago(1)),
            code: some("131026"),
            detail: some("nobody answers at 15550001111"),
            ..factory::status(inbox, "out-1", StatusKind::Failed)
        };
        let outcomes = factory::record(scope, vec![Item::Status(failed)]).await;
        let [Outcome::Recorded { message_id, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!(*message_id, Some(id));
        let row = stored_message(scope, id).await;
        assert_eq!((row.status, row.failure_code), (Some(MessageStatus::Failed), some("131026")));
        assert_nowhere(app, &["15550001111"]).await;
    }
}

on_both! {
    async fn what_waits_to_be_sent_is_cancelled(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::sandbox(scope, Platform::Sms).await;
        let new = NewMessage {
            status: Some(StatusKind::Created),
            ..factory::answer(inbox.id, ADA, "Later")
        };
        let (id, _) = say(scope, new).await;
        let ada = stored_message(scope, id).await.contact_id;
        let payload = attempts::Payload::default();
        let row = attempts::waiting(scope, id, &inbox, ada, ADA.to_owned(), &payload).unwrap();
        let due_at = Some(app.now.plus_seconds(3_600));
        let tx = scope.begin().await.unwrap();
        attempts::insert(&tx, vec![attempt::Model { due_at, ..row }]).await.unwrap();
        tx.commit().await.unwrap();
        erase(scope, None, ada).await.unwrap();
        app.set_clock(7_200);
        app.deliver().await;
        let row = stored_message(scope, id).await;
        assert_eq!((row.status, row.content), (Some(MessageStatus::Cancelled), String::new()));
        let left = &stored::<attempt::Entity>(scope).await[0];
        assert_eq!((left.state, left.address.as_str()), (AttemptState::Done, ""));
    }
}

on_both! {
    async fn who_was_merged_goes_with_the_one_that_stays(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "SMS", Platform::Sms).await.id;
        let mut both = Vec::new();
        for phone in [ADA, "+15550002222"] {
            let (said, _) = say(scope, factory::message(inbox, phone, "Hello")).await;
            both.push(stored_message(scope, said).await.contact_id);
        }
        merge(scope, both[1], both[0]).await.unwrap();
        // Whichever is named.
        assert_eq!(erase(scope, None, both[1]).await.unwrap().id, both[0]);
        let contacts = stored::<contact::Entity>(scope).await;
        assert!(contacts.iter().all(|contact| contact.erased_at.is_some()), "{contacts:?}");
        assert_nowhere(app, &["15550001111", "15550002222", "hello"]).await;
        for phone in [ADA, "+15550002222"] {
            let occurred_at = Some(app.hours_ago(1));
            let late = NewMessage { occurred_at, ..factory::message(inbox, phone, "Late") };
            let outcomes = factory::record(scope, vec![Item::Message(Box::new(late))]).await;
            assert_eq!(outcomes, [Outcome::Erased]);
        }
        assert!(merge(scope, both[0], both[1]).await.is_err());
    }
}

on_both! {
    async fn erasing_twice_is_erasing_once(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "SMS", Platform::Sms).await.id;
        let (said, _) = say(scope, factory::message(inbox, ADA, "Hello")).await;
        let ada = stored_message(scope, said).await.contact_id;
        let id = NodeId::tenant(NodeKind::Contact, scope.account_id(), ada).to_string();
        let document = "mutation($input: ContactEraseInput!) { contactErase(input: $input) {
            contact { id name phone erasedAt updatedAt identities { sourceId } }
            userErrors { path code message }
        } }";
        let first = json!({ "input": { "id": id, "idempotencyKey": "once" } });
        let answer = app.owner.mutate(document, first.clone()).await;
        let contact = &answer["contact"];
        assert_eq!((&contact["id"], &contact["name"]), (&json!(id), &Value::Null));
        assert_eq!((&contact["phone"], &contact["identities"]), (&Value::Null, &json!([])));
        assert!(contact["erasedAt"].is_string(), "{answer:#}");
        app.set_clock(60);
        for input in [first, json!({ "input": { "id": id } })] {
            assert_eq!(app.owner.mutate(document, input).await, answer);
        }
        let list = "query($id: ID!) { account(id: $id) { contacts { totalCount } } }";
        let list = app.owner.data(list, json!({ "id": app.account_node })).await;
        assert_eq!(list["account"]["contacts"]["totalCount"], 0);
        // Nobody writes anything into it any more.
        let again = ContactUpsert { id: Some(ada), name: some("Ada"), ..ContactUpsert::default() };
        let Err(Error::Invalid(violations)) = upsert(scope, None, again).await else {
            panic!("it was changed")
        };
        assert_eq!(violations[0].path, "id");
    }
}
