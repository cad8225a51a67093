//! What follows from recorded messages and events: conversations, contacts and opt-outs.

use entity::id::{InboxId, MessageId};
use entity::kinds::{
    AuthorKind, ConversationActor, ConversationEventKind, ConversationStatus, OpenedBy, OptOutKind,
    OptOutSource, Platform, Role,
};
use entity::{contact, contact_identity, conversation_event, opt_out};
use rapport::domain::bot::{self, BotCreate};
use rapport::domain::contact::{ContactUpsert, upsert};
use rapport::domain::inbox::{self, InboxUpdate};
use rapport::domain::opt_out::current;
use rapport::domain::record::{
    Author, ContactRef, Item, NewConversationEvent, NewMessage, Outcome, Traffic,
};
use rapport::error::ViolationCode;

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, stored, stored_conversation, stored_message};

const ADA: &str = "+15550001111";
const GRACE: &str = "+15550002222";

/// Inbound, so many minutes before now.
fn inbound(app: &TestApp, inbox: InboxId, minutes_ago: i64) -> NewMessage {
    let at = app.now.plus_seconds(-60 * minutes_ago);
    NewMessage { occurred_at: Some(at), ..factory::message(inbox, ADA, "Hello") }
}

fn outbound(app: &TestApp, inbox: InboxId, minutes_ago: i64) -> NewMessage {
    let at = app.now.plus_seconds(-60 * minutes_ago);
    NewMessage { occurred_at: Some(at), ..factory::answer(inbox, ADA, "Good day") }
}

on_both! {
    async fn messages_join_the_conversation_that_is_not_closed(app: &TestApp) {
        let scope = &app.scope;
        let inboxes = factory::two_inboxes(scope).await;
        let inbox = inboxes[0].id;
        let (_, first) = factory::say(scope, inbound(app, inbox, 600)).await;
        let (_, same) = factory::say(scope, outbound(app, inbox, 500)).await;
        let (_, elsewhere) = factory::say(scope, inbound(app, inboxes[1].id, 500)).await;
        assert_eq!(same, first);
        assert_ne!(elsewhere, first);
        let row = stored_conversation(scope, first).await;
        assert_eq!((row.status, row.opened_by), (ConversationStatus::Open, OpenedBy::Client));
        assert_eq!((row.display_id, row.created_at), (1, app.now.plus_seconds(-60 * 600)));

        let closed_at = app.now.plus_seconds(-60 * 400);
        let close = factory::event(inbox, first, ConversationEventKind::Closed);
        factory::happen(scope, NewConversationEvent { occurred_at: Some(closed_at), ..close })
            .await;
        let row = stored_conversation(scope, first).await;
        assert_eq!((row.status, row.closed_at), (ConversationStatus::Closed, Some(closed_at)));
        assert_eq!(row.closed_by, Some(ConversationActor::System));

        // What was said before the close belongs before it, what comes after begins anew.
        let (_, late) = factory::say(scope, inbound(app, inbox, 450)).await;
        let (_, next) = factory::say(scope, inbound(app, inbox, 300)).await;
        assert_eq!(late, first);
        assert_ne!(next, first);
        assert_eq!(stored_conversation(scope, first).await.status, ConversationStatus::Closed);
        assert_eq!(stored_conversation(scope, next).await.display_id, 3);
    }
}

on_both! {
    async fn a_message_soon_after_the_close_reopens(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let within =
            InboxUpdate { reopen_within_seconds: Some(Some(3_600)), ..InboxUpdate::default() };
        inbox::update(scope, inbox, within).await.unwrap();
        let (_, first) = factory::say(scope, inbound(app, inbox, 600)).await;
        let close = |minutes_ago: i64| NewConversationEvent {
            occurred_at: Some(app.now.plus_seconds(-60 * minutes_ago)),
            ..factory::event(inbox, first, ConversationEventKind::Closed)
        };
        factory::happen(scope, close(500)).await;
        let (_, same) = factory::say(scope, inbound(app, inbox, 440)).await;
        assert_eq!(same, first);
        let row = stored_conversation(scope, first).await;
        assert_eq!(
            (row.status, row.closed_at, row.closed_by),
            (ConversationStatus::Open, None, None)
        );
        let events = stored::<conversation_event::Entity>(scope).await;
        let reopened =
            events.iter().find(|event| event.kind == ConversationEventKind::Reopened).unwrap();
        assert_eq!(reopened.actor, ConversationActor::Client);

        factory::happen(scope, close(400)).await;
        let (_, next) = factory::say(scope, inbound(app, inbox, 339)).await;
        assert_ne!(next, first);
    }
}

on_both! {
    async fn what_the_business_opens_is_pending_until_the_client_answers(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let (_, id) = factory::say(scope, outbound(app, inbox, 60)).await;
        factory::say(scope, outbound(app, inbox, 50)).await;
        let row = stored_conversation(scope, id).await;
        assert_eq!((row.status, row.opened_by), (ConversationStatus::Pending, OpenedBy::Business));
        assert!(!row.has_client_messages);
        let (_, same) = factory::say(scope, inbound(app, inbox, 40)).await;
        assert_eq!(same, id);
        let row = stored_conversation(scope, id).await;
        assert_eq!((row.status, row.opened_by), (ConversationStatus::Open, OpenedBy::Business));
        assert!(row.has_client_messages);
    }
}

on_both! {
    async fn a_named_conversation_is_followed(app: &TestApp) {
        let scope = &app.scope;
        let inboxes = factory::two_inboxes(scope).await;
        let inbox = inboxes[0].id;
        let named = |name: &str, minutes_ago| NewMessage {
            conversation_external_id: Some(name.to_owned()),
            ..inbound(app, inbox, minutes_ago)
        };
        let (_, one) = factory::say(scope, named("one", 90)).await;
        let (_, two) = factory::say(scope, named("two", 80)).await;
        let (_, again) = factory::say(scope, named("one", 70)).await;
        assert_ne!(two, one);
        assert_eq!(again, one);
        assert_eq!(stored_conversation(scope, one).await.external_id.as_deref(), Some("one"));

        // Followed even when it was closed; that opens it again.
        let close = NewConversationEvent {
            conversation_external_id: Some("one".to_owned()),
            conversation_id: None,
            occurred_at: Some(app.now.plus_seconds(-60 * 60)),
            ..factory::event(inbox, one, ConversationEventKind::Closed)
        };
        factory::happen(scope, close).await;
        let (_, reopened) = factory::say(scope, named("one", 50)).await;
        assert_eq!(reopened, one);
        assert_eq!(stored_conversation(scope, one).await.status, ConversationStatus::Open);

        let of_grace = NewMessage {
            contact: ContactRef { phone: Some(GRACE.to_owned()), ..ContactRef::default() },
            ..named("one", 40)
        };
        let on_another_inbox = NewMessage {
            inbox_id: inboxes[1].id,
            conversation_id: Some(one),
            ..inbound(app, inbox, 40)
        };
        let items = [of_grace, on_another_inbox].map(|message| Item::Message(Box::new(message)));
        let outcomes = factory::record(scope, items.into()).await;
        let code = |outcome: &Outcome| match outcome {
            Outcome::Rejected(violations) => violations[0].code,
            other => panic!("not rejected: {other:?}"),
        };
        assert_eq!(code(&outcomes[0]), ViolationCode::Conflict);
        assert_eq!(code(&outcomes[1]), ViolationCode::NotFound);
        assert_eq!(
            stored::<contact::Entity>(scope).await.len(),
            1,
            "what is rejected has no effect"
        );
    }
}

on_both! {
    async fn messages_freeze_who_was_responsible_then(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let (user, _) = app.new_user(Role::Agent).await;
        let bot = bot::create(scope, None, BotCreate { name: "Bot".to_owned() }).await.unwrap();
        let by_bot = |minutes_ago| NewMessage {
            author: Some(Author { kind: AuthorKind::Bot, user_id: None, bot_id: Some(bot.id) }),
            ..outbound(app, inbox, minutes_ago)
        };
        let (early, conversation) = factory::say(scope, inbound(app, inbox, 90)).await;
        let (middle, _) = factory::say(scope, inbound(app, inbox, 60)).await;
        let (late, _) = factory::say(scope, inbound(app, inbox, 30)).await;
        let frozen = async |id: MessageId| {
            let row = stored_message(scope, id).await;
            (row.assignee_id, row.bot_id)
        };
        let assign = |minutes_ago: i64, user_id| NewConversationEvent {
            user_id,
            occurred_at: Some(app.now.plus_seconds(-60 * minutes_ago)),
            ..factory::event(inbox, conversation, ConversationEventKind::Assigned)
        };
        // All of these come late, and each changes only what was said after it.
        factory::happen(scope, assign(75, Some(user.id))).await;
        factory::say(scope, by_bot(70)).await;
        assert_eq!(frozen(early).await, (None, None));
        assert_eq!(frozen(middle).await, (Some(user.id), Some(bot.id)));
        assert_eq!(frozen(late).await, (Some(user.id), Some(bot.id)));
        factory::happen(scope, assign(45, None)).await;
        assert_eq!(frozen(middle).await, (Some(user.id), Some(bot.id)));
        assert_eq!(frozen(late).await, (None, Some(bot.id)));
        // A reassignment now moves no history; a hand-off does not clear the bot.
        factory::happen(scope, assign(0, Some(user.id))).await;
        factory::happen(
            scope,
            factory::event(inbox, conversation, ConversationEventKind::HandedOff),
        )
        .await;
        assert_eq!(frozen(late).await, (None, Some(bot.id)));
        let row = stored_conversation(scope, conversation).await;
        assert_eq!((row.assignee_id, row.bot_id), (Some(user.id), Some(bot.id)));
        // The same event again is none.
        let again = Item::ConversationEvent(assign(75, Some(user.id)));
        let outcomes = factory::record(scope, vec![again]).await;
        assert!(matches!(outcomes[..], [Outcome::Duplicate { .. }]), "{outcomes:?}");
    }
}

on_both! {
    async fn one_phone_or_address_is_one_contact(app: &TestApp) {
        let scope = &app.scope;
        let inboxes = factory::two_inboxes(scope).await;
        let say = async |inbox: usize, contact: ContactRef| {
            let message =
                NewMessage { contact, ..factory::message(inboxes[inbox].id, ADA, "Hello") };
            let (id, _) = factory::say(scope, message).await;
            stored_message(scope, id).await.contact_id
        };
        let text = |text: &str| Some(text.to_owned());
        let ada =
            say(0, ContactRef { phone: text("+1 (555) 000-1111"), ..ContactRef::default() }).await;
        let spelt =
            ContactRef { phone: text("0015550001111"), name: text("Ada"), ..ContactRef::default() };
        assert_eq!(say(1, spelt).await, ada);
        let mail = ContactRef {
            phone: text(ADA),
            email: text("Ada@Example.org"),
            ..ContactRef::default()
        };
        assert_eq!(say(0, mail).await, ada);
        let by_mail = ContactRef {
            external_id: text("x1"),
            email: text(" ada@example.ORG"),
            ..ContactRef::default()
        };
        assert_eq!(say(0, by_mail).await, ada);
        // From now on the id alone is enough, on this inbox.
        let by_id = || ContactRef { external_id: text("x1"), ..ContactRef::default() };
        assert_eq!(say(0, by_id()).await, ada);
        let other = say(1, by_id()).await;
        assert_ne!(other, ada);
        // A known name stays, and an address of somebody else is not taken over.
        let renamed = ContactRef { phone: text(ADA), name: text("Augusta"), ..by_id() };
        assert_eq!(say(1, renamed).await, other);
        let row = |id| async move {
            stored::<contact::Entity>(scope).await.into_iter().find(|row| row.id == id).unwrap()
        };
        let ada = row(ada).await;
        assert_eq!(
            (ada.name.as_deref(), ada.email.as_deref()),
            (Some("Ada"), Some("ada@example.org"))
        );
        let other = row(other).await;
        assert_eq!((other.name.as_deref(), other.phone), (Some("Augusta"), None));
        assert_eq!(stored::<contact::Entity>(scope).await.len(), 2);
        assert_eq!(stored::<contact_identity::Entity>(scope).await.len(), 4);
    }
}

on_both! {
    async fn words_opt_out_and_in_once(app: &TestApp) {
        let scope = &app.scope;
        let inboxes = factory::two_inboxes(scope).await;
        let sms = factory::inbox(scope, "Another SMS", Platform::Sms).await.id;
        let mut minutes_ago = 100;
        let mut say = |inbox: InboxId, content: &str| {
            minutes_ago -= 1;
            NewMessage { content: content.to_owned(), ..inbound(app, inbox, minutes_ago) }
        };
        let quoting =
            NewMessage { content: "STOP".to_owned(), ..outbound(app, inboxes[0].id, 200) };
        let history = [
            quoting,
            say(inboxes[0].id, "please stop"),
            say(inboxes[0].id, "START"),
            say(inboxes[0].id, " Stop\n"),
            say(inboxes[0].id, "UNSUBSCRIBE"),
            // Another family, where two inboxes share the addresses.
            say(inboxes[1].id, "quit"),
            say(sms, "STOP"),
            say(inboxes[0].id, "start"),
            say(inboxes[0].id, "Yes"),
        ];
        for message in history {
            factory::say(scope, message).await;
        }
        let mut rows = stored::<opt_out::Entity>(scope).await;
        rows.sort_by_key(|row| row.occurred_at);
        // All of them are kept; those change something that say something new.
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.platform, row.address.as_str(), row.kind, row.effective))
            .collect();
        assert_eq!(
            told,
            [
                (Platform::Whatsapp, ADA, OptOutKind::OptIn, false),
                (Platform::Whatsapp, ADA, OptOutKind::OptOut, true),
                (Platform::Whatsapp, ADA, OptOutKind::OptOut, false),
                (Platform::Sms, ADA, OptOutKind::OptOut, true),
                (Platform::Sms, ADA, OptOutKind::OptOut, false),
                (Platform::Whatsapp, ADA, OptOutKind::OptIn, true),
                (Platform::Whatsapp, ADA, OptOutKind::OptIn, false),
            ]
        );
        assert!(
            rows.iter().all(|row| row.source == OptOutSource::Word && row.message_id.is_some())
        );
    }
}

on_both! {
    async fn a_late_opt_in_between_two_opt_outs_leaves_the_address_out(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::two_inboxes(scope).await[0].id;
        for (content, minutes_ago) in [("STOP", 60), ("STOP", 30), ("START", 40)] {
            let message = inbound(app, inbox, minutes_ago);
            factory::say(scope, NewMessage { content: content.to_owned(), ..message }).await;
        }
        let mut rows = stored::<opt_out::Entity>(scope).await;
        rows.sort_by_key(|row| row.occurred_at);
        assert!(rows.iter().all(|row| row.effective), "{rows:#?}");
        let address = (Platform::Whatsapp, ADA.to_owned());
        let addresses = std::slice::from_ref(&address);
        let now = current(scope, scope.db().read(), addresses).await.unwrap();
        assert_eq!(now.get(&address), Some(&OptOutKind::OptOut));
    }
}

on_both! {
    async fn a_stop_holds_for_the_number_that_said_it(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::two_inboxes(scope).await[0].id;
        let (said, _) = factory::say(scope, inbound(app, inbox, 60)).await;
        let contact_id = stored_message(scope, said).await.contact_id;
        // The contact has another number by now; it still writes from the old one.
        let new = ContactUpsert {
            id: Some(contact_id),
            phone: Some(GRACE.to_owned()),
            email: None,
            name: None,
            nickname: None,
            label_ids: None,
            identities: Vec::new(),
        };
        upsert(scope, None, new).await.unwrap();
        let stop = NewMessage { content: "STOP".to_owned(), ..inbound(app, inbox, 30) };
        factory::say(scope, stop).await;
        let rows = stored::<opt_out::Entity>(scope).await;
        let told: Vec<_> = rows.iter().map(|row| (row.address.as_str(), row.contact_id)).collect();
        assert_eq!(told, [(ADA, Some(contact_id))]);
    }
}

on_both! {
    async fn the_first_traffic_source_stays(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "Site", Platform::Web).await.id;
        let from = |traffic, minutes_ago| NewMessage {
            traffic: Some(traffic),
            ..inbound(app, inbox, minutes_ago)
        };
        let page = Traffic {
            referrer: Some("https://Search.example/?q=x".to_owned()),
            ..Traffic::default()
        };
        let campaign = Traffic { utm_source: Some("news".to_owned()), ..Traffic::default() };
        let (_, id) = factory::say(scope, inbound(app, inbox, 30)).await;
        factory::say(scope, from(Traffic::default(), 25)).await;
        factory::say(scope, from(page, 20)).await;
        factory::say(scope, from(campaign, 10)).await;
        let row = stored_conversation(scope, id).await;
        assert_eq!(row.traffic_source.as_deref(), Some("search.example"));
    }
}
