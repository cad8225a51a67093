//! Webhooks of Twilio, Telegram and systems of the account's own: who may deliver, and what
//! each delivery changes, however often it comes.

use entity::id::MessageId;
use entity::kinds::{
    Direction, FailureBucket, MessageStatus, OptOutKind, OptOutSource, Platform, SessionOrigin,
    StatusKind,
};
use entity::{
    Timestamp, contact, conversation, inbox, message, message_event, opt_out, raw_event, session,
};
use rapport::auth::AccountScope;
use rapport::config::Config;
use rapport::domain::inbox::webhook_path;
use rapport::domain::record::{ContactRef, NewMessage};
use rapport::domain::send::{Destination, MessageSend, Said, send};
use rapport::error::Error;
use rapport::ingest;
use serde_json::json;

use crate::on_both;
use crate::support::factory::{self, say, stored, stored_message};
use crate::support::providers::{
    AUTH_TOKEN, BOT_SECRET, HOOK_SECRET, address, call, fixture, from_telegram, from_twilio,
    from_webhook, telegram, twilio, twilio_signature, webhook, webhook_headers,
};
use crate::support::stub::{Reply, Stub};

/// To whom Twilio's fixtures go, and who writes in them.
const PHONE: &str = "+15558675310";
/// Twilio's id of what was sent to them.
const SENT: &str = "SM00000000000000000000000000000099";
/// Stands in fixtures where our id of a message stands.
const OURS: &str = "01890000-0000-7000-8000-000000000000";
/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

fn form(name: &str) -> String {
    fixture(&format!("twilio/{name}.form"))
}

fn update(name: &str) -> String {
    fixture(&format!("telegram/{name}.json"))
}

fn event(name: &str) -> String {
    fixture(&format!("webhook/{name}.json"))
}

/// A message that is leaving and has no id at the provider yet.
async fn leaving(scope: &AccountScope, inbox: &inbox::Model, phone: &str) -> MessageId {
    let message = NewMessage {
        status: Some(StatusKind::Sending),
        ..factory::answer(inbox.id, phone, "Good day")
    };
    say(scope, message).await.0
}

async fn heard(scope: &AccountScope) -> Vec<message::Model> {
    let mut heard = stored::<message::Entity>(scope).await;
    heard.retain(|message| message.direction == Direction::Inbound);
    heard.sort_by_key(|message| message.id);
    heard
}

/// How many deliveries there are, and their applied, unknown and failed elements.
async fn tally(scope: &AccountScope) -> (usize, i32, i32, i32) {
    let rows = stored::<raw_event::Entity>(scope).await;
    assert!(rows.iter().all(|row| row.applied_at.is_some()), "{rows:?}");
    let sum = |count: fn(&raw_event::Model) -> i32| rows.iter().map(count).sum::<i32>();
    (rows.len(), sum(|row| row.applied), sum(|row| row.unknown), sum(|row| row.failed))
}

/// Kind, address and reason of each opt-out and opt-in, by time; all are the provider's.
async fn opt_outs(scope: &AccountScope) -> Vec<(OptOutKind, String, String)> {
    let mut rows = stored::<opt_out::Entity>(scope).await;
    rows.sort_by_key(|row| (row.occurred_at, row.id));
    assert!(rows.iter().all(|row| row.source == OptOutSource::Provider), "{rows:?}");
    assert!(rows.iter().all(|row| row.effective && row.contact_id.is_some()), "{rows:?}");
    rows.into_iter().map(|row| (row.kind, row.address, row.reason.unwrap_or_default())).collect()
}

fn told(kind: OptOutKind, address: &str, reason: &str) -> (OptOutKind, String, String) {
    (kind, address.to_owned(), reason.to_owned())
}

on_both! {
    async fn only_twilio_speaks_for_twilio(app: &TestApp) {
        let inbox = twilio(&app.scope, Platform::Sms).await;
        let (body, here) = (form("text"), address(&inbox, ""));
        let sign = |token: &str, url: &str| twilio_signature(token, url, &body);
        let there = format!("{}{}", app.url, webhook_path(&inbox));
        let digest = "bodySHA256=00";
        for (query, signature) in [
            ("", None),
            ("", Some(String::new())),
            ("", Some(sign("another-token", &here))),
            ("", Some(sign("", &here))),
            // What a forwarding header might make of the address.
            ("", Some(sign(AUTH_TOKEN, &there))),
            ("message=1", Some(sign(AUTH_TOKEN, &here))),
            ("", Some(twilio_signature(AUTH_TOKEN, &here, &form("opt_out")))),
            // The address alone is signed, which is enough for no form, and of JSON only with the
            // digest of the body.
            ("", Some(twilio_signature(AUTH_TOKEN, &here, ""))),
            (digest, Some(twilio_signature(AUTH_TOKEN, &address(&inbox, digest), ""))),
        ] {
            let mut headers = vec![("x-forwarded-host", "rapport.example.org".to_owned())];
            headers.extend(signature.map(|signature| ("x-twilio-signature", signature)));
            assert_eq!(call(app, &inbox, query, &headers, &body).await, 401, "{query} {headers:?}");
        }
        assert!(stored::<raw_event::Entity>(&app.scope).await.is_empty());

        // Without its own address the server cannot know what was signed.
        let headers = [("X-Twilio-Signature", sign(AUTH_TOKEN, &here))];
        let right = ingest::Call { headers: &headers, query: "", body: body.as_bytes() };
        let path = webhook_path(&inbox);
        let key = path.rsplit('/').next().unwrap();
        let lost = app.engine_with(Config { public_url: None, ..app.engine.config.clone() });
        let refused = ingest::receive(&lost, "twilio", key, &right).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{refused:?}");
        ingest::receive(&app.engine, "twilio", key, &right).await.unwrap();
        app.drain().await;
        assert_eq!(tally(&app.scope).await, (1, 1, 0, 0));
    }
}

on_both! {
    async fn what_comes_by_twilio_is_recorded(app: &TestApp) {
        let scope = &app.scope;
        let inbox = twilio(scope, Platform::Sms).await;
        for name in ["text", "media", "help"] {
            from_twilio(app, &inbox, "", &form(name)).await;
        }
        let contents: Vec<_> = heard(scope).await.into_iter().map(|row| row.content).collect();
        assert_eq!(contents, ["Is my order on its way?", "The broken part", "HELP"]);
        let contacts = stored::<contact::Entity>(scope).await;
        assert_eq!((contacts.len(), contacts[0].phone.as_deref()), (1, Some(PHONE)));
        assert_eq!(stored::<conversation::Entity>(scope).await.len(), 1);
        assert_eq!(tally(scope).await, (3, 3, 0, 0));

        let scope = app.new_account("WhatsApp").await;
        let inbox = twilio(&scope, Platform::Whatsapp).await;
        let sent = NewMessage {
            external_id: Some(SENT.to_owned()),
            ..factory::answer(inbox.id, PHONE, "Good day")
        };
        let (sent, _) = say(&scope, sent).await;
        for name in
            ["whatsapp_button", "whatsapp_location", "whatsapp_referral", "whatsapp_unsupported"]
        {
            from_twilio(app, &inbox, "", &form(name)).await;
        }
        let heard = heard(&scope).await;
        assert_eq!(heard.len(), 4);
        let first = (heard[0].content.as_str(), heard[0].quoted_message_id);
        assert_eq!(first, ("Tell me more", Some(sent)));
        assert_eq!(heard[3].content, "[unsupported]");
        let contacts = stored::<contact::Entity>(&scope).await;
        assert_eq!((contacts.len(), contacts[0].name.as_deref()), (1, Some("Ada Example")));
        assert_eq!(tally(&scope).await, (4, 4, 0, 0));

        let scope = app.new_account("Referred").await;
        let inbox = twilio(&scope, Platform::Whatsapp).await;
        from_twilio(app, &inbox, "", &form("whatsapp_referral")).await;
        let sessions = stored::<session::Entity>(&scope).await;
        assert_eq!(sessions[0].origin, SessionOrigin::ReferredCampaign);
    }
}

on_both! {
    async fn reports_of_twilio_change_what_was_sent(app: &TestApp) {
        let inbox = twilio(&app.scope, Platform::Sms).await;
        let id = leaving(&app.scope, &inbox, PHONE).await;
        let ours = format!("message={}", id.0);
        for (name, query, status) in [
            ("status_queued", ours.as_str(), MessageStatus::Sent),
            ("status_sent", ours.as_str(), MessageStatus::Sent),
            // By now Twilio's own id is known.
            ("status_delivered", "", MessageStatus::Delivered),
            ("status_read", "", MessageStatus::Read),
        ] {
            from_twilio(app, &inbox, query, &form(name)).await;
            let row = stored_message(&app.scope, id).await;
            let now = (row.status, row.external_id.as_deref());
            assert_eq!(now, (Some(status), Some(SENT)), "{name}");
        }
        assert_eq!(stored::<message_event::Entity>(&app.scope).await.len(), 5);
        assert_eq!(tally(&app.scope).await, (4, 4, 0, 0));
        let rows = stored::<raw_event::Entity>(&app.scope).await;
        assert_eq!(rows.iter().filter(|row| row.query.as_ref() == Some(&ours)).count(), 2);

        // The id of a message of another account names nothing here.
        let elsewhere = app.new_account("Elsewhere").await;
        let inbox = twilio(&elsewhere, Platform::Sms).await;
        let mine = stored_message(&app.scope, id).await;
        from_twilio(app, &inbox, &ours, &form("status_failed")).await;
        assert_eq!(stored_message(&app.scope, id).await, mine);
    }
}

on_both! {
    async fn failures_at_twilio_have_a_reason_and_may_opt_out(app: &TestApp) {
        for (name, code, status, bucket) in [
            ("status_undelivered", "30003", MessageStatus::Undelivered, FailureBucket::Other),
            ("status_failed", "30007", MessageStatus::Failed, FailureBucket::Other),
            ("status_unsubscribed", "21610", MessageStatus::Failed, FailureBucket::OptedOut),
        ] {
            let scope = app.new_account(name).await;
            let inbox = twilio(&scope, Platform::Sms).await;
            let id = leaving(&scope, &inbox, PHONE).await;
            from_twilio(app, &inbox, &format!("message={}", id.0), &form(name)).await;
            let row = stored_message(&scope, id).await;
            assert_eq!((row.status, row.failure_bucket), (Some(status), Some(bucket)), "{name}");
            assert_eq!(row.failure_code.as_deref(), Some(code), "{name}");
            assert!(row.failure_detail.is_some(), "{name}");
            let out = (code == "21610").then(|| told(OptOutKind::OptOut, PHONE, code));
            assert_eq!(opt_outs(&scope).await, Vec::from_iter(out), "{name}");
            assert_eq!(tally(&scope).await, (1, 1, 0, 0), "{name}");
        }
    }
}

on_both! {
    async fn opt_outs_that_twilio_keeps_are_known_here(app: &TestApp) {
        let inbox = twilio(&app.scope, Platform::Sms).await;
        from_twilio(app, &inbox, "", &form("opt_out")).await;
        app.set_clock(60);
        from_twilio(app, &inbox, "", &form("opt_in")).await;
        let expected = [
            told(OptOutKind::OptOut, PHONE, "STOP"),
            told(OptOutKind::OptIn, PHONE, "START"),
        ];
        assert_eq!(opt_outs(&app.scope).await, expected);
        assert_eq!(heard(&app.scope).await.len(), 2);
        assert_eq!(tally(&app.scope).await, (2, 2, 0, 0));
    }
}

on_both! {
    async fn only_telegram_knows_the_secret(app: &TestApp) {
        let inbox = telegram(&app.scope).await;
        let body = update("text");
        for wrong in [None, Some(""), Some("guess"), BOT_SECRET.get(1..)] {
            let header = wrong.map(|wrong| ("x-telegram-bot-api-secret-token", wrong.to_owned()));
            let headers = Vec::from_iter(header);
            assert_eq!(call(app, &inbox, "", &headers, &body).await, 401, "{wrong:?}");
        }
        assert!(stored::<raw_event::Entity>(&app.scope).await.is_empty());
    }
}

on_both! {
    async fn what_comes_by_telegram_is_recorded(app: &TestApp) {
        let inbox = telegram(&app.scope).await;
        let ada = Some("1111111".to_owned());
        let sent = NewMessage {
            external_id: Some("1111111:99".to_owned()),
            contact: ContactRef { external_id: ada, ..ContactRef::default() },
            occurred_at: Some(Timestamp(1_749_999_900 * Timestamp::SECOND)),
            ..factory::answer(inbox.id, PHONE, "Good day")
        };
        let (sent, _) = say(&app.scope, sent).await;
        for name in ["text", "reply", "photo", "location", "callback_query", "edited"] {
            from_telegram(app, &inbox, &update(name)).await;
        }
        let rows = heard(&app.scope).await;
        let said: Vec<_> =
            rows.iter().map(|row| (row.content.as_str(), row.quoted_message_id)).collect();
        let expected = [
            // As it was written first.
            ("Is my order on its way?", None),
            ("Tell me more", Some(sent)),
            ("The broken part", None),
            ("Example Square\n1 Example Street, Springfield", None),
            ("more-1", Some(sent)),
        ];
        assert_eq!(said, expected);
        let contacts = stored::<contact::Entity>(&app.scope).await;
        assert_eq!((contacts.len(), contacts[0].phone.as_deref()), (1, None));
        let names = (contacts[0].name.as_deref(), contacts[0].nickname.as_deref());
        assert_eq!(names, (Some("Ada Example"), Some("ada_example")));
        assert_eq!(tally(&app.scope).await, (6, 6, 0, 0));

        from_telegram(app, &inbox, &update("blocked")).await;
        from_telegram(app, &inbox, &update("unblocked")).await;
        let expected = [
            told(OptOutKind::OptOut, "1111111", "kicked"),
            told(OptOutKind::OptIn, "1111111", "member"),
        ];
        assert_eq!(opt_outs(&app.scope).await, expected);
        assert_eq!(tally(&app.scope).await, (8, 8, 0, 0));
    }
}

on_both! {
    async fn only_a_signed_call_of_now_comes_in(app: &TestApp) {
        let inbox = webhook(&app.scope, NOWHERE).await;
        let (body, now) = (event("received"), app.now.seconds());
        let right = webhook_headers(HOOK_SECRET, "c1", now, &body);
        let mut wrong = vec![
            webhook_headers("another-secret", "c1", now, &body).to_vec(),
            webhook_headers(HOOK_SECRET, "c1", now, &event("status")).to_vec(),
            webhook_headers(HOOK_SECRET, "c1", now - 301, &body).to_vec(),
            webhook_headers(HOOK_SECRET, "c1", now + 301, &body).to_vec(),
            Vec::new(),
        ];
        for index in 0..right.len() {
            let mut headers = right.to_vec();
            headers.remove(index);
            wrong.push(headers.clone());
            headers.push((right[index].0, "c2".to_owned()));
            wrong.push(headers);
        }
        for headers in &wrong {
            assert_eq!(call(app, &inbox, "", headers, &body).await, 401, "{headers:?}");
        }
        assert!(stored::<raw_event::Entity>(&app.scope).await.is_empty());
        from_webhook(app, &inbox, "c1", &body).await;
        assert_eq!(tally(&app.scope).await, (1, 1, 0, 0));
    }
}

on_both! {
    async fn a_system_of_ones_own_hears_and_is_heard(app: &TestApp) {
        let stub = Stub::start(|_| Reply::json(200, json!({ "id": "P1" }))).await;
        let inbox = webhook(&app.scope, &stub.url).await;
        from_webhook(app, &inbox, "c1", &event("received")).await;
        let written = heard(&app.scope).await.remove(0);
        assert_eq!(written.content, "Is my order on its way?");
        assert_eq!(written.occurred_at, app.now.plus_seconds(-60));
        let to = Destination::Conversation(written.conversation_id);
        let new = MessageSend { to, said: Said::Text("Good day".to_owned()), subject: None };
        let sent = send(&app.scope, None, new).await.unwrap();
        app.deliver().await;
        assert_eq!(stub.asked()[0].json()["data"]["messageId"], sent.id.0.to_string());

        // By our id and by the one it answered, with what is broken beside.
        let body = event("statuses").replace(OURS, &sent.id.0.to_string());
        from_webhook(app, &inbox, "c2", &body).await;
        let row = stored_message(&app.scope, sent.id).await;
        let now = (row.status, row.external_id.as_deref());
        assert_eq!(now, (Some(MessageStatus::Read), Some("P1")));
        assert_eq!(row.read_at, Some(app.now.plus_seconds(-30)));
        assert_eq!(tally(&app.scope).await, (2, 3, 1, 2));
    }
}

on_both! {
    async fn a_system_of_ones_own_tells_of_each_element(app: &TestApp) {
        for (name, status, code, external_id) in [
            ("status", MessageStatus::Delivered, None, Some("P1")),
            ("failed", MessageStatus::Failed, Some("131026"), None),
        ] {
            let scope = app.new_account(name).await;
            let inbox = webhook(&scope, NOWHERE).await;
            let id = leaving(&scope, &inbox, PHONE).await;
            let body = event(name).replace(OURS, &id.0.to_string());
            from_webhook(app, &inbox, "c1", &body).await;
            let row = stored_message(&scope, id).await;
            assert_eq!((row.status, row.failure_code.as_deref()), (Some(status), code), "{name}");
            assert_eq!(row.external_id.as_deref(), external_id, "{name}");
        }
        let inbox = webhook(&app.scope, NOWHERE).await;
        from_webhook(app, &inbox, "c1", &event("many")).await;
        let said: Vec<_> = heard(&app.scope).await.into_iter().map(|row| row.content).collect();
        assert_eq!(said, ["One", "Two", "Three"]);
        assert_eq!(stored::<contact::Entity>(&app.scope).await.len(), 3);
        assert_eq!(tally(&app.scope).await, (1, 3, 1, 2));
    }
}

on_both! {
    async fn a_delivery_that_comes_again_changes_nothing(app: &TestApp) {
        let scope = &app.scope;
        let by_twilio = twilio(scope, Platform::Sms).await;
        let id = leaving(scope, &by_twilio, PHONE).await;
        let (ours, sent, text) = (format!("message={}", id.0), form("status_sent"), form("text"));
        for _ in 0..3 {
            from_twilio(app, &by_twilio, &ours, &sent).await;
            from_twilio(app, &by_twilio, "", &text).await;
        }
        // Twilio may say more than it did the first time.
        from_twilio(app, &by_twilio, &ours, &format!("{sent}&New=1")).await;
        let by_telegram = telegram(scope).await;
        for body in [update("text"), update("text"), update("text") + "\n", update("blocked")] {
            from_telegram(app, &by_telegram, &body).await;
            from_telegram(app, &by_telegram, &body).await;
        }
        let by_webhook = webhook(scope, NOWHERE).await;
        for seconds in [0, 60, 120] {
            // Signed anew each time.
            app.set_clock(seconds);
            from_webhook(app, &by_webhook, "c1", &event("received")).await;
        }
        assert_eq!(tally(scope).await, (5, 5, 0, 0));
        from_webhook(app, &by_webhook, "c2", &event("received")).await;
        assert_eq!(tally(scope).await, (6, 6, 0, 0));
        assert_eq!(heard(scope).await.len(), 3);
        assert_eq!(stored::<message_event::Entity>(scope).await.len(), 2);
        assert_eq!(opt_outs(scope).await.len(), 1);
    }
}

on_both! {
    async fn what_these_providers_add_stays_raw(app: &TestApp) {
        let scope = &app.scope;
        let inbox = twilio(scope, Platform::Sms).await;
        for name in ["status_unknown", "other_product"] {
            from_twilio(app, &inbox, "", &form(name)).await;
        }
        let inbox = telegram(scope).await;
        for name in ["group", "service", "reaction"] {
            from_telegram(app, &inbox, &update(name)).await;
        }
        let inbox = webhook(scope, NOWHERE).await;
        let body = event("unknown_type");
        from_webhook(app, &inbox, "c1", &body).await;
        assert_eq!(tally(scope).await, (6, 0, 7, 0));
        let rows = stored::<raw_event::Entity>(scope).await;
        assert!(rows.iter().any(|row| row.body == body.as_bytes()));
        for (number, body) in ["{", "null", "[]", "{}", "\u{0}"].into_iter().enumerate() {
            let scope = app.new_account(&format!("nothing {number}")).await;
            from_telegram(app, &telegram(&scope).await, body).await;
            from_webhook(app, &webhook(&scope, NOWHERE).await, "c1", body).await;
            assert_eq!(tally(&scope).await, (2, 0, 0, 2), "{body:?}");
        }
        assert!(stored::<message::Entity>(scope).await.is_empty());
    }
}

#[test]
fn every_fixture_of_these_providers_is_delivered() {
    let tests = include_str!("webhooks_providers.rs");
    for folder in ["twilio", "telegram", "webhook"] {
        let path = format!("{}/tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"));
        for file in std::fs::read_dir(path).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let name = name.split('.').next().unwrap();
            assert!(tests.contains(&format!("\"{name}\"")), "{name} is delivered by no test");
        }
    }
}
