//! Recording: each item is answered on its own, once, whatever comes beside it and however
//! often it comes.

use entity::id::{ConversationId, InboxId, Uuid};
use entity::kinds::{ConversationEventKind, MessageStatus, Platform, StatusKind};
use entity::{contact, conversation, message, message_event, parked_event};
use rapport::domain::idempotency::LIFETIME_SECONDS;
use rapport::domain::record::{self, ContactRef, Item, MOST_ITEMS, NewMessage, Outcome};
use rapport::error::{Error, ViolationCode};
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::json;

use crate::on_both;
use crate::support::factory::{self, stored};

const ADA: &str = "+15550001111";

fn named(inbox: InboxId, external_id: &str, content: &str) -> NewMessage {
    NewMessage {
        external_id: Some(external_id.to_owned()),
        ..factory::message(inbox, ADA, content)
    }
}

fn sent(inbox: InboxId, external_id: &str) -> NewMessage {
    NewMessage { external_id: Some(external_id.to_owned()), ..factory::answer(inbox, ADA, "Hello") }
}

fn items(messages: impl IntoIterator<Item = NewMessage>) -> Vec<Item> {
    messages.into_iter().map(|message| Item::Message(Box::new(message))).collect()
}

/// Paths and codes of a rejected item.
fn broken(outcome: &Outcome) -> Vec<(&str, ViolationCode)> {
    match outcome {
        Outcome::Rejected(violations) => {
            violations.iter().map(|violation| (violation.path.as_str(), violation.code)).collect()
        }
        other => panic!("not rejected: {other:?}"),
    }
}

on_both! {
    async fn each_item_is_answered_on_its_own(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let nowhere = InboxId(Uuid::from_u128(7));
        let wrong =
            NewMessage { contact: ContactRef::default(), ..factory::message(nowhere, ADA, " ") };
        let event = factory::event(
            inbox,
            ConversationId(Uuid::from_u128(7)),
            ConversationEventKind::Closed,
        );
        let batch = vec![
            Item::Message(Box::new(named(inbox, "m1", "Hello"))),
            Item::Message(Box::new(wrong)),
            Item::Status(factory::status(inbox, "unheard-of", StatusKind::Sent)),
            Item::ConversationEvent(event),
            Item::Status(factory::status(nowhere, "", StatusKind::Sent)),
            Item::Message(Box::new(named(inbox, "m2", "Anybody there?"))),
        ];
        let outcomes = factory::record(&app.scope, batch).await;
        assert!(matches!(
            outcomes[0],
            Outcome::Recorded { message_id: Some(_), conversation_id: Some(_) }
        ));
        assert_eq!(
            broken(&outcomes[1]),
            [
                ("message.inboxId", ViolationCode::NotFound),
                ("message.content", ViolationCode::Required),
                ("message.contact", ViolationCode::Required),
            ]
        );
        assert_eq!(outcomes[2], Outcome::Parked);
        assert_eq!(
            broken(&outcomes[3]),
            [("conversationEvent.conversationExternalId", ViolationCode::NotFound)]
        );
        assert_eq!(
            broken(&outcomes[4]),
            [
                ("status.inboxId", ViolationCode::NotFound),
                ("status.externalId", ViolationCode::Required)
            ]
        );
        assert!(matches!(outcomes[5], Outcome::Recorded { .. }));
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 2);
        assert_eq!(stored::<conversation::Entity>(&app.scope).await.len(), 1);
    }
}

on_both! {
    async fn the_same_message_is_recorded_once(app: &TestApp) {
        let inboxes = factory::two_inboxes(&app.scope).await;
        let (message_id, conversation_id) =
            factory::say(&app.scope, named(inboxes[0].id, "m1", "Hello")).await;
        let first = (Some(message_id), Some(conversation_id));
        let again = [
            // Known before, with another text; new; new, twice more; the same id elsewhere.
            named(inboxes[0].id, "m1", "Hello again"),
            named(inboxes[0].id, "m2", "One"),
            named(inboxes[0].id, "m2", "Two"),
            named(inboxes[0].id, "m2", "Three"),
            named(inboxes[1].id, "m1", "Hello"),
        ];
        let outcomes = factory::record(&app.scope, items(again)).await;
        assert_eq!(
            outcomes[0],
            Outcome::Duplicate { message_id: first.0, conversation_id: first.1 }
        );
        let Outcome::Recorded { message_id, conversation_id } = outcomes[1].clone() else {
            panic!("{outcomes:?}")
        };
        assert_eq!(outcomes[2], Outcome::Duplicate { message_id, conversation_id });
        assert_eq!(outcomes[3], Outcome::Duplicate { message_id, conversation_id });
        assert!(matches!(outcomes[4], Outcome::Recorded { .. }), "{outcomes:?}");
        let mut texts: Vec<String> = stored::<message::Entity>(&app.scope)
            .await
            .into_iter()
            .map(|row| row.content)
            .collect();
        texts.sort();
        assert_eq!(texts, ["Hello", "Hello", "One"]);
    }
}

on_both! {
    async fn statuses_wait_for_their_message(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let at = app.hours_ago(2);
        let heard = |kind, seconds| {
            let status = factory::status(inbox, "m1", kind);
            Item::Status(record::NewStatus {
                occurred_at: Some(at.plus_seconds(seconds)),
                ..status
            })
        };
        let early = vec![
            heard(StatusKind::Read, 30),
            heard(StatusKind::Sent, 10),
            heard(StatusKind::Read, 30),
        ];
        let outcomes = factory::record(&app.scope, early).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Parked), "{outcomes:?}");
        assert_eq!(
            factory::record(&app.scope, vec![heard(StatusKind::Sent, 10)]).await,
            [Outcome::Parked]
        );
        assert_eq!(stored::<parked_event::Entity>(&app.scope).await.len(), 2);

        let message = NewMessage { occurred_at: Some(at), ..sent(inbox, "m1") };
        let (id, _) = factory::say(&app.scope, message).await;
        let row = factory::stored_message(&app.scope, id).await;
        assert_eq!(row.status, Some(MessageStatus::Read));
        let after = |seconds| Some(at.plus_seconds(seconds));
        assert_eq!((row.sent_at, row.delivered_at, row.read_at), (after(10), after(30), after(30)));
        assert_eq!(stored::<parked_event::Entity>(&app.scope).await.len(), 0);
        assert_eq!(stored::<message_event::Entity>(&app.scope).await.len(), 2);

        let late = vec![heard(StatusKind::Delivered, 20), heard(StatusKind::Read, 30)];
        let outcomes = factory::record(&app.scope, late).await;
        assert!(
            matches!(outcomes[..], [Outcome::Recorded { .. }, Outcome::Duplicate { .. }]),
            "{outcomes:?}"
        );
        let row = factory::stored_message(&app.scope, id).await;
        assert_eq!((row.status, row.delivered_at), (Some(MessageStatus::Read), after(20)));
    }
}

on_both! {
    async fn only_what_was_sent_has_a_status(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let note = NewMessage { private: true, ..sent(inbox, "note") };
        let batch = items([named(inbox, "inbound", "Hello"), note]);
        factory::record(&app.scope, batch).await;
        for external_id in ["inbound", "note"] {
            let status = Item::Status(factory::status(inbox, external_id, StatusKind::Delivered));
            let outcomes = factory::record(&app.scope, vec![status]).await;
            assert_eq!(broken(&outcomes[0]), [("status.externalId", ViolationCode::Unsupported)]);
        }
        assert_eq!(stored::<message_event::Entity>(&app.scope).await.len(), 0);
    }
}

on_both! {
    async fn a_batch_under_a_key_takes_effect_once(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        // Without ids of their own, so that only the key can tell.
        let batch = || items(["One", "Two"].map(|text| factory::message(inbox, ADA, text)));
        let record = async |key, items| record::record(&app.scope, Some(key), items).await;
        let first = record("key", batch()).await.unwrap();
        assert_eq!(record("key", batch()).await.unwrap(), first);
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 2);

        let conflict = |result: Result<Vec<Outcome>, Error>| match result {
            Err(Error::Invalid(violations)) => {
                violations.iter().map(|each| (each.path.clone(), each.code)).collect::<Vec<_>>()
            }
            other => panic!("not refused: {other:?}"),
        };
        let path = |path: &str, code| vec![(path.to_owned(), code)];
        let other = items([factory::message(inbox, ADA, "Three")]);
        assert_eq!(
            conflict(record("key", other).await),
            path("idempotencyKey", ViolationCode::Conflict)
        );
        assert_eq!(
            conflict(record(" ", batch()).await),
            path("idempotencyKey", ViolationCode::Required)
        );
        let long = "k".repeat(256);
        assert_eq!(
            conflict(record(&long, batch()).await),
            path("idempotencyKey", ViolationCode::TooLong)
        );
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 2);

        // A key belongs to its account, and is free again after its time.
        let elsewhere = app.new_account("Elsewhere").await;
        let there = factory::inbox(&elsewhere, "WhatsApp", Platform::Whatsapp).await.id;
        let batch_there = items([factory::message(there, ADA, "One")]);
        record::record(&elsewhere, Some("key"), batch_there).await.unwrap();
        app.set_clock(LIFETIME_SECONDS - 1);
        assert_eq!(record("key", batch()).await.unwrap(), first);
        app.set_clock(LIFETIME_SECONDS);
        assert_ne!(record("key", batch()).await.unwrap(), first);
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 4);
    }
}

on_both! {
    async fn a_batch_has_its_limit(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let batch = |count: usize| {
            items((0..count).map(|number| {
                let phone = format!("+1555000{:04}", number % 40);
                NewMessage {
                    external_id: Some(format!("m{number}")),
                    ..factory::message(inbox, &phone, "Hello")
                }
            }))
        };
        let refused = record::record(&app.scope, None, batch(MOST_ITEMS + 1)).await;
        let Err(Error::Invalid(violations)) = refused else { panic!("{refused:?}") };
        assert_eq!(violations[0].path, "items");
        assert!(factory::record(&app.scope, Vec::new()).await.is_empty());
        let outcomes = factory::record(&app.scope, batch(MOST_ITEMS)).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Recorded { .. })));
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), MOST_ITEMS);
        assert_eq!(stored::<contact::Entity>(&app.scope).await.len(), 40);
    }
}

on_both! {
    async fn times_that_cannot_be_are_refused(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let at = |at| NewMessage { occurred_at: Some(at), ..factory::message(inbox, ADA, "Hello") };
        let day = 24 * 3_600;
        let batch = items([
            at(entity::Timestamp(-1)),
            at(entity::Timestamp(0)),
            at(app.now.plus_seconds(day)),
            at(app.now.plus_seconds(day + 1)),
            at(entity::Timestamp(i64::MAX)),
            at(entity::Timestamp(i64::MIN)),
        ]);
        let outcomes = factory::record(&app.scope, batch).await;
        for (index, outcome) in outcomes.iter().enumerate() {
            match index {
                1 | 2 => {
                    assert!(matches!(outcome, Outcome::Recorded { .. }), "{index}: {outcome:?}")
                }
                _ => {
                    assert_eq!(broken(outcome), [("message.occurredAt", ViolationCode::OutOfRange)])
                }
            }
        }
    }
}

on_both! {
    async fn batches_at_the_same_time_follow_one_another(app: &TestApp) {
        let inboxes = factory::two_inboxes(&app.scope).await;
        let mut running = Vec::new();
        for number in 0..24 {
            let (scope, inbox) = (app.scope.clone(), inboxes[number % 2].id);
            // Everybody writes for the first time, and each message comes twice.
            let message = NewMessage {
                external_id: Some(format!("m{}", number / 4)),
                ..factory::message(inbox, &format!("+1555000{:04}", number / 8), "Hello")
            };
            running
                .push(tokio::spawn(async move { factory::record(&scope, items([message])).await }));
        }
        let mut recorded = 0;
        for task in running {
            let outcomes = task.await.unwrap();
            recorded += usize::from(matches!(outcomes[..], [Outcome::Recorded { .. }]));
        }
        assert_eq!(recorded, 12);
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 12);
        assert_eq!(stored::<contact::Entity>(&app.scope).await.len(), 3);
        let conversations = stored::<conversation::Entity>(&app.scope).await;
        let mut numbers: Vec<i64> = conversations.iter().map(|row| row.display_id).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    }
}

on_both! {
    async fn the_mutation_points_into_its_input(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let inbox = NodeId::tenant(NodeKind::Inbox, app.scope.account_id(), inbox).to_string();
        let document = "mutation($input: MessagesRecordInput!) { messagesRecord(input: $input) {
            results {
                index outcome userErrors { path code }
                message { content status author { kind } } conversation { displayId status }
            }
            userErrors { path }
        } }";
        let message = |inbox: &str, content: &str| {
            json!({ "message": {
            "inboxId": inbox, "externalId": "m1", "contact": { "phone": "+1 (555) 000-1111" },
            "direction": "OUTBOUND", "author": { "kind": "USER" }, "content": content,
        } })
        };
        let status = |kind: &str| json!({ "status": { "inboxId": inbox, "externalId": "m2", "kind": kind } });
        let event = json!({ "conversationEvent": { "inboxId": "inbox:x", "kind": "LABELLED", "label": "red" } });
        let input = json!({ "input": {
            "accountId": app.account_node, "idempotencyKey": "key",
            "items": [message("nowhere", ""), message(&inbox, "Hello"), message(&inbox, "Again"), status("SENT"), event],
        } });
        let answer = app.owner.mutate(document, input.clone()).await;
        let outcomes: Vec<&str> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["outcome"].as_str().unwrap())
            .collect();
        assert_eq!(outcomes, ["REJECTED", "RECORDED", "DUPLICATE", "PARKED", "REJECTED"]);
        let places: Vec<i64> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["index"].as_i64().unwrap())
            .collect();
        assert_eq!(places, [0, 1, 2, 3, 4]);
        let recorded = json!({
            "index": 1, "outcome": "RECORDED", "userErrors": [],
            "message": { "content": "Hello", "status": "CREATED", "author": { "kind": "USER" } },
            "conversation": { "displayId": 1, "status": "PENDING" },
        });
        assert_eq!(answer["results"][1], recorded);
        assert_eq!(answer["results"][2]["message"], recorded["message"]);
        let error = |item: &str, rest: &[&str]| {
            let path: Vec<&str> = ["items", item].into_iter().chain(rest.iter().copied()).collect();
            json!({ "path": path, "code": "MALFORMED" })
        };
        assert_eq!(
            answer["results"][0]["userErrors"],
            json!([error("0", &["message", "inboxId"])])
        );
        assert_eq!(
            answer["results"][4]["userErrors"],
            json!([
                error("4", &["conversationEvent", "inboxId"]),
                error("4", &["conversationEvent", "label"])
            ])
        );
        // The same again is the same answer; under its key other items are refused.
        assert_eq!(app.owner.mutate(document, input.clone()).await, answer);
        let mut other = input;
        other["input"]["items"][1] = message(&inbox, "Other");
        let data = app.owner.data(document, other).await;
        assert_eq!(data["messagesRecord"]["userErrors"], json!([{ "path": ["idempotencyKey"] }]));
        assert_eq!(data["messagesRecord"]["results"], json!([]));
    }
}
