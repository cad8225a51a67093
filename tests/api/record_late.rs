//! What arrives late, or before what it belongs to, ends as if it had come in time.

use entity::id::{ConversationId, InboxId};
use entity::kinds::{
    AuthorKind, ConversationEventKind, ConversationStatus, OpenedBy, OptOutKind, Platform,
    StatusKind,
};
use entity::{Timestamp, conversation_event, conversation_label, message_event, opt_out};
use rapport::auth::AccountScope;
use rapport::domain::inbox::{self, InboxUpdate};
use rapport::domain::label::{self, LabelCreate};
use rapport::domain::record::{
    self, Author, ContactRef, Item, NewConversationEvent, NewMessage, NewStatus, Outcome,
};

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, stored, stored_conversation};

const ADA: &str = "+15550001111";

fn at(app: &TestApp, minutes_ago: i64) -> Option<Timestamp> {
    Some(app.now.plus_seconds(-60 * minutes_ago))
}

fn inbound(app: &TestApp, inbox: InboxId, minutes_ago: i64) -> NewMessage {
    NewMessage { occurred_at: at(app, minutes_ago), ..factory::message(inbox, ADA, "Hello") }
}

fn event(
    app: &TestApp,
    inbox: InboxId,
    conversation: ConversationId,
    kind: ConversationEventKind,
    minutes_ago: i64,
) -> NewConversationEvent {
    NewConversationEvent {
        occurred_at: at(app, minutes_ago),
        ..factory::event(inbox, conversation, kind)
    }
}

async fn reopenings(scope: &AccountScope) -> Vec<Timestamp> {
    let mut times: Vec<_> = stored::<conversation_event::Entity>(scope)
        .await
        .into_iter()
        .filter(|event| event.kind == ConversationEventKind::Reopened)
        .map(|event| event.occurred_at)
        .collect();
    times.sort();
    times
}

on_both! {
    async fn a_conversation_begins_with_its_first_message(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let (_, id) = factory::say(&app.scope, inbound(app, inbox, 60)).await;
        let (user, _) = app.new_user(entity::kinds::Role::Agent).await;
        let assigned = event(app, inbox, id, ConversationEventKind::Assigned, 61);
        let assigned = NewConversationEvent { user_id: Some(user.id), ..assigned };
        factory::happen(&app.scope, assigned).await;
        let row = stored_conversation(&app.scope, id).await;
        assert_eq!(Some(row.created_at), at(app, 60));
        assert_eq!((row.opened_by, row.status), (OpenedBy::Client, ConversationStatus::Open));
        assert_eq!(row.assignee_id, Some(user.id));
    }
}

on_both! {
    async fn one_close_is_reopened_once(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let update = InboxUpdate { reopen_within_seconds: Some(Some(3_600)), ..Default::default() };
        inbox::update(scope, inbox, update).await.unwrap();
        let (_, id) = factory::say(scope, inbound(app, inbox, 100)).await;
        factory::happen(scope, event(app, inbox, id, ConversationEventKind::Closed, 90)).await;
        let (_, same) = factory::say(scope, inbound(app, inbox, 80)).await;
        assert_eq!(same, id);
        assert_eq!(reopenings(scope).await, [at(app, 80).unwrap()]);
        // An earlier message turns up: that one reopened it.
        let (_, same) = factory::say(scope, inbound(app, inbox, 85)).await;
        assert_eq!(same, id);
        assert_eq!(reopenings(scope).await, [at(app, 85).unwrap()]);
        assert_eq!(stored_conversation(scope, id).await.status, ConversationStatus::Open);
    }
}

on_both! {
    async fn the_last_word_about_a_label_counts(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let (_, id) = factory::say(scope, inbound(app, inbox, 60)).await;
        let vip = LabelCreate { name: "vip".to_owned(), color: None };
        let vip = Some(label::create(scope, None, vip).await.unwrap().id);
        for (kind, minutes_ago, carries) in [
            (ConversationEventKind::Unlabelled, 10, 0),
            (ConversationEventKind::Labelled, 20, 0),
            (ConversationEventKind::Labelled, 5, 1),
        ] {
            let event = event(app, inbox, id, kind, minutes_ago);
            factory::happen(scope, NewConversationEvent { label_id: vip, ..event }).await;
            assert_eq!(stored::<conversation_label::Entity>(scope).await.len(), carries);
        }
    }
}

on_both! {
    async fn an_event_may_stand_beside_the_message_it_belongs_to(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let name = Some("X".to_owned());
        let message = NewMessage { conversation_external_id: name.clone(), ..inbound(app, inbox, 60) };
        let snoozed = NewConversationEvent {
            conversation_external_id: name,
            conversation_id: None,
            ..event(app, inbox, ConversationId(entity::id::Uuid::nil()), ConversationEventKind::HandedOff, 61)
        };
        let items = vec![Item::ConversationEvent(snoozed), Item::Message(Box::new(message))];
        let outcomes = record::record(&app.scope, None, items).await.unwrap();
        let recorded = |outcome: &Outcome| matches!(outcome, Outcome::Recorded { .. });
        assert!(outcomes.iter().all(recorded), "{outcomes:?}");
    }
}

on_both! {
    async fn an_older_conversation_that_is_open_goes_on(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let named = |name: &str, minutes_ago| NewMessage {
            conversation_external_id: Some(name.to_owned()),
            ..inbound(app, inbox, minutes_ago)
        };
        let (_, open) = factory::say(scope, named("older", 100)).await;
        let (_, closed) = factory::say(scope, named("newer", 90)).await;
        factory::happen(scope, event(app, inbox, closed, ConversationEventKind::Closed, 80)).await;
        let (_, joined) = factory::say(scope, inbound(app, inbox, 70)).await;
        assert_eq!(joined, open);
    }
}

on_both! {
    async fn a_stop_holds_for_the_address_the_contact_has(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await.id;
        let known_as = |phone: Option<&str>| ContactRef {
            external_id: Some("US.42".to_owned()),
            phone: phone.map(str::to_owned),
            ..ContactRef::default()
        };
        let hello = NewMessage { contact: known_as(Some(ADA)), ..inbound(app, inbox, 60) };
        factory::say(&app.scope, hello).await;
        let stop = NewMessage {
            contact: known_as(None),
            content: "STOP".to_owned(),
            ..inbound(app, inbox, 50)
        };
        factory::say(&app.scope, stop).await;
        let history = stored::<opt_out::Entity>(&app.scope).await;
        let entries: Vec<_> = history.iter().map(|entry| (entry.kind, entry.address.as_str())).collect();
        assert_eq!(entries, [(OptOutKind::OptOut, ADA)]);
    }
}

on_both! {
    async fn of_repeated_events_without_a_time_the_first_reception_counts(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "SMS", Platform::Sms).await.id;
        let sent = |minutes_ago| Item::Status(NewStatus {
            received_at: at(app, minutes_ago),
            ..factory::status(inbox, "SM1", entity::kinds::StatusKind::Sent)
        });
        // Twice while the message is unknown, and once more afterwards.
        factory::record(scope, vec![sent(30), sent(40)]).await;
        factory::record(scope, vec![sent(35)]).await;
        let message = NewMessage {
            external_id: Some("SM1".to_owned()),
            occurred_at: at(app, 60),
            ..factory::answer(inbox, ADA, "Good day")
        };
        let (id, _) = factory::say(scope, message).await;
        assert_eq!(factory::stored_message(scope, id).await.sent_at, at(app, 40));
        factory::record(scope, vec![sent(50)]).await;
        assert_eq!(factory::stored_message(scope, id).await.sent_at, at(app, 50));
        assert_eq!(stored::<message_event::Entity>(scope).await.len(), 1);
    }
}

on_both! {
    async fn of_what_is_heard_twice_at_once_the_first_reception_stays(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let sent = NewMessage {
            external_id: Some("m1".to_owned()),
            occurred_at: at(app, 60),
            ..factory::answer(inbox, ADA, "Hello")
        };
        let (id, _) = factory::say(scope, sent).await;
        let read = |minutes_ago| {
            let status = factory::status(inbox, "m1", StatusKind::Read);
            Item::Status(NewStatus { received_at: at(app, minutes_ago), ..status })
        };
        factory::record(scope, vec![read(10), read(20)]).await;
        // What is heard next is judged with what was written down.
        let failed = factory::status(inbox, "m1", StatusKind::Failed);
        factory::record(scope, vec![Item::Status(failed)]).await;
        assert_eq!(factory::stored_message(scope, id).await.read_at, at(app, 20));
    }
}

on_both! {
    async fn what_happened_before_a_conversation_began_measures_nothing(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let (_, id) = factory::say(scope, inbound(app, inbox, 60)).await;
        for (kind, minutes_ago) in [
            (ConversationEventKind::HandedOff, 63),
            (ConversationEventKind::Closed, 62),
            (ConversationEventKind::Reopened, 61),
        ] {
            factory::happen(scope, event(app, inbox, id, kind, minutes_ago)).await;
        }
        let row = stored_conversation(scope, id).await;
        assert_eq!(row.status, ConversationStatus::Open);
        assert_eq!((Some(row.opened_at), row.response_from), (at(app, 60), at(app, 60)));
        let events = stored::<conversation_event::Entity>(scope).await;
        assert_eq!(events.len(), 3);
        assert!(events.iter().all(|event| event.resolution_micros.is_none()));
    }
}

on_both! {
    async fn a_message_stands_before_an_event_of_the_same_instant(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let (_, id) = factory::say(scope, inbound(app, inbox, 60)).await;
        factory::happen(scope, event(app, inbox, id, ConversationEventKind::Closed, 30)).await;
        let bye = NewMessage {
            conversation_id: Some(id),
            occurred_at: at(app, 30),
            author: Some(Author { kind: AuthorKind::User, user_id: None, bot_id: None }),
            ..factory::answer(inbox, ADA, "Bye")
        };
        let (bye, _) = factory::say(scope, bye).await;
        let row = stored_conversation(scope, id).await;
        assert_eq!((row.status, row.closed_at), (ConversationStatus::Closed, at(app, 30)));
        assert!(reopenings(scope).await.is_empty());
        let bye = factory::stored_message(scope, bye).await;
        assert_eq!(bye.reply_micros, Some(30 * 60 * Timestamp::SECOND));
    }
}

on_both! {
    async fn a_note_begins_nothing_that_the_client_saw(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let note = NewMessage {
            occurred_at: at(app, 60),
            private: true,
            ..factory::answer(inbox, ADA, "A lead")
        };
        let (_, id) = factory::say(scope, note).await;
        assert_eq!(stored_conversation(scope, id).await.opened_by, OpenedBy::Business);
        factory::say(scope, inbound(app, inbox, 30)).await;
        assert_eq!(stored_conversation(scope, id).await.opened_by, OpenedBy::Client);
    }
}
