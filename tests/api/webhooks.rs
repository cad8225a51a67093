//! Webhooks of the WhatsApp Business Cloud API: who may deliver, and what each delivery
//! changes, whatever its order and however often it comes.

use entity::kinds::{
    FailureBucket, MessageStatus, OptOutKind, OptOutSource, Provider, SessionOrigin,
    TemplateCategory, TemplateStatus,
};
use entity::{
    Timestamp, contact, conversation, inbox, message, message_event, opt_out, raw_event, session,
    template,
};
use rapport::auth::AccountScope;
use rapport::domain::inbox as inboxes;
use rapport::domain::record::NewMessage;
use rapport::domain::template::{self as templates, TemplateCreate};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, stored};
use crate::support::whatsapp::{self, APP_SECRET, VERIFY_TOKEN, deliver, fixture, post, signature};

const ADA: &str = "+15550001111";
const SENT: &str = "wamid.OUT.0001";

fn seconds(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp(seconds * Timestamp::SECOND))
}

/// An inbox from which the message of the fixtures was sent.
async fn line(scope: &AccountScope) -> inbox::Model {
    let inbox = whatsapp::inbox(scope).await;
    let message = NewMessage {
        external_id: Some(SENT.to_owned()),
        occurred_at: seconds(1_750_000_000),
        ..factory::answer(inbox.id, ADA, "Good day")
    };
    factory::say(scope, message).await;
    inbox
}

async fn message_of(scope: &AccountScope, external_id: &str) -> message::Model {
    let rows = stored::<message::Entity>(scope).await;
    rows.into_iter().find(|row| row.external_id.as_deref() == Some(external_id)).unwrap()
}

/// Applied, unknown and failed elements of the only delivery, and its remark.
async fn tally(scope: &AccountScope) -> (i32, i32, i32, Option<String>) {
    let rows = stored::<raw_event::Entity>(scope).await;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].applied_at.is_some());
    (rows[0].applied, rows[0].unknown, rows[0].failed, rows[0].remark.clone())
}

/// Numbers of the account by a report.
async fn count(app: &TestApp, metric: &str) -> Value {
    let document = "query($id: ID!, $metrics: [Metric!]!) { account(id: $id) { report(input: {
        metrics: $metrics, period: { last: \"P2Y\" }
    }) { totals { value } } } }";
    let variables = json!({ "id": app.account_node, "metrics": [metric] });
    let data = app.owner.data(document, variables).await;
    data["account"]["report"]["totals"][0]["value"].clone()
}

on_both! {
    async fn the_handshake_answers_the_challenge(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        let path = inboxes::webhook_path(&inbox);
        let ask = async |path: &str, query: &str| {
            let response =
                app.anonymous.http.get(format!("{}{path}?{query}", app.url)).send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        };
        let right =
            format!("hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=1158201444");
        assert_eq!(ask(&path, &right).await, (200, "1158201444".to_owned()));
        let other = path.replace("/whatsapp/", "/telegram/");
        let unknown = format!("/webhooks/whatsapp/{}", "A".repeat(43));
        let mut refused = Vec::new();
        for (path, query) in [
            (&path, right.replace(VERIFY_TOKEN, "guess")),
            (&path, right.replace(VERIFY_TOKEN, "")),
            (&path, right.replace("subscribe", "unsubscribe")),
            (&path, "hub.mode=subscribe".to_owned()),
            (&path, String::new()),
            (&other, right.clone()),
            (&unknown, right.clone()),
        ] {
            refused.push(ask(path, &query).await);
        }
        assert!(
            refused.iter().all(|answer| *answer == refused[0] && answer.0 == 403),
            "{refused:?}"
        );
    }
}

on_both! {
    async fn only_what_the_provider_signed_comes_in(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        let body = fixture("text");
        let right = signature(APP_SECRET, body.as_bytes());
        for wrong in [
            None,
            Some(String::new()),
            Some(right.replace("sha256=", "")),
            Some(right.replace("sha256=", "sha1=")),
            Some(signature("another-secret", body.as_bytes())),
            Some(signature("", body.as_bytes())),
            Some(signature(APP_SECRET, format!("{body} ").as_bytes())),
            Some(format!("{right}00")),
            Some("sha256=zz".repeat(20)),
        ] {
            assert_eq!(post(app, &inbox, &body, wrong.as_deref()).await, 401, "{wrong:?}");
        }
        // A line without secrets, one that was put away, and the address of another provider.
        let bare =
            inboxes::InboxUpdate { credentials: Some(None), ..inboxes::InboxUpdate::default() };
        inboxes::update(&app.scope, inbox.id, bare).await.unwrap();
        assert_eq!(post(app, &inbox, &body, Some(&right)).await, 401);
        assert!(stored::<raw_event::Entity>(&app.scope).await.is_empty());

        let elsewhere = app.new_account("Elsewhere").await;
        let inbox = whatsapp::inbox(&elsewhere).await;
        let sandbox = inbox::Model { provider: Provider::Sandbox, ..inbox.clone() };
        assert_eq!(post(app, &sandbox, &body, Some(&right)).await, 401);
        inboxes::archive(&elsewhere, inbox.id).await.unwrap();
        assert_eq!(post(app, &inbox, &body, Some(&right)).await, 401);
        assert!(stored::<raw_event::Entity>(&elsewhere).await.is_empty());
    }
}

on_both! {
    async fn what_a_contact_says_is_recorded(app: &TestApp) {
        for (name, id, content, quoted) in [
            ("text", "wamid.IN.TEXT", "Is my order on its way?", None),
            ("image", "wamid.IN.IMAGE", "The broken part", None),
            ("button", "wamid.IN.BUTTON", "Tell me more", Some(SENT)),
            ("interactive_button_reply", "wamid.IN.BUTTON-REPLY", "Cancel", Some(SENT)),
            ("interactive_list_reply", "wamid.IN.LIST-REPLY", "Express parcel", Some(SENT)),
            (
                "location",
                "wamid.IN.LOCATION",
                "Example Square\n1 Example Street, Springfield",
                None,
            ),
            ("reaction", "wamid.IN.REACTION", "👍", None),
            ("unsupported", "wamid.IN.UNSUPPORTED", "[unsupported]", None),
        ] {
            let scope = app.new_account(name).await;
            let inbox = line(&scope).await;
            deliver(app, &inbox, &fixture(name)).await;
            let row = message_of(&scope, id).await;
            assert_eq!(row.content, content, "{name}");
            assert_eq!(row.quoted_external_id.as_deref(), quoted, "{name}");
            let sent = message_of(&scope, SENT).await;
            assert_eq!(row.quoted_message_id, quoted.map(|_| sent.id), "{name}");
            assert_eq!(
                (row.occurred_at, row.contact_id),
                (sent.occurred_at, sent.contact_id),
                "{name}"
            );
            assert_eq!(tally(&scope).await, (1, 0, 0, None), "{name}");
            let contacts = stored::<contact::Entity>(&scope).await;
            assert_eq!(contacts[0].name.as_deref(), Some("Ada Example"), "{name}");
            // The title of a button counts like a text of the same words.
            let opt_outs = stored::<opt_out::Entity>(&scope).await.len();
            assert_eq!(opt_outs, usize::from(content == "Cancel"), "{name}");
        }
        let inbox = line(&app.scope).await;
        deliver(app, &inbox, &fixture("text")).await;
        assert_eq!(count(app, "MESSAGES_RECEIVED").await, 1.0);
    }
}

on_both! {
    async fn a_referral_tells_where_the_contact_came_from(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        deliver(app, &inbox, &fixture("referral")).await;
        let conversations = stored::<conversation::Entity>(&app.scope).await;
        assert_eq!(conversations[0].traffic_source.as_deref(), Some("ad:120000000000000001"));
        let sessions = stored::<session::Entity>(&app.scope).await;
        assert_eq!(sessions[0].origin, SessionOrigin::ReferredCampaign);
    }
}

on_both! {
    async fn a_user_may_have_no_number(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        deliver(app, &inbox, &fixture("user_id_without_phone")).await;
        let contacts = stored::<contact::Entity>(&app.scope).await;
        assert_eq!((contacts.len(), contacts[0].phone.as_deref()), (1, None));
        assert_eq!(contacts[0].nickname.as_deref(), Some("@grace.example"));
        assert_eq!(message_of(&app.scope, "wamid.IN.USER-ID").await.contact_id, contacts[0].id);
    }
}

on_both! {
    async fn statuses_change_what_was_sent(app: &TestApp) {
        let inbox = line(&app.scope).await;
        let steps = [
            ("status_sent", MessageStatus::Sent),
            ("status_read", MessageStatus::Read),
            ("status_delivered", MessageStatus::Read),
            ("status_without_conversation", MessageStatus::Read),
            ("status_failed", MessageStatus::Read),
        ];
        for (name, status) in steps {
            deliver(app, &inbox, &fixture(name)).await;
            assert_eq!(message_of(&app.scope, SENT).await.status, Some(status), "{name}");
        }
        let row = message_of(&app.scope, SENT).await;
        let times = (row.sent_at, row.delivered_at, row.read_at);
        assert_eq!(times, (seconds(1_750_000_010), seconds(1_750_000_020), seconds(1_750_000_030)));
        assert!(row.failed_after_delivery && row.failure_code.is_none());
        // Two of the five told the same.
        assert_eq!(stored::<message_event::Entity>(&app.scope).await.len(), 4);
        assert_eq!(count(app, "MESSAGES_SENT").await, 1.0);
    }
}

on_both! {
    async fn failures_have_a_reason_and_may_opt_out(app: &TestApp) {
        for (name, code, bucket, opts_out) in [
            ("status_failed", "131049", FailureBucket::MarketingCap, false),
            ("status_stopped", "131050", FailureBucket::OptedOut, true),
        ] {
            let scope = app.new_account(name).await;
            let inbox = line(&scope).await;
            deliver(app, &inbox, &fixture(name)).await;
            let row = message_of(&scope, SENT).await;
            assert_eq!(row.status, Some(MessageStatus::Failed), "{name}");
            assert_eq!(
                (row.failure_code.as_deref(), row.failure_bucket),
                (Some(code), Some(bucket))
            );
            assert!(row.failure_detail.is_some_and(|detail| detail.contains(": ")), "{name}");
            assert_eq!(
                stored::<opt_out::Entity>(&scope).await.len(),
                usize::from(opts_out),
                "{name}"
            );
            assert_eq!(tally(&scope).await, (1, 0, 0, None), "{name}");
        }
    }
}

on_both! {
    async fn who_has_an_id_and_a_number_is_one_contact(app: &TestApp) {
        let inbox = line(&app.scope).await;
        deliver(app, &inbox, &fixture("user_id_with_phone")).await;
        deliver(app, &inbox, &fixture("user_id_without_phone")).await;
        let with = message_of(&app.scope, "wamid.IN.USER-ID-AND-PHONE").await;
        let without = message_of(&app.scope, "wamid.IN.USER-ID").await;
        assert_eq!(with.contact_id, without.contact_id);
        assert_eq!(with.conversation_id, without.conversation_id);
    }
}

on_both! {
    async fn preferences_opt_out_and_in(app: &TestApp) {
        let inbox = line(&app.scope).await;
        deliver(app, &inbox, &fixture("user_preferences_resume")).await;
        let rows = stored::<opt_out::Entity>(&app.scope).await;
        let told: Vec<_> = rows.iter().map(|row| (row.kind, row.effective)).collect();
        assert_eq!(told, [(OptOutKind::OptIn, false)], "was never out");
        deliver(app, &inbox, &fixture("user_preferences_stop")).await;
        let mut rows = stored::<opt_out::Entity>(&app.scope).await;
        // The stop is of an earlier time, and so the other did opt in again.
        rows.sort_by_key(|row| row.occurred_at);
        assert!(rows.len() == 2 && rows.iter().all(|row| row.effective), "{rows:#?}");
        assert_eq!(rows[1].kind, OptOutKind::OptIn);
        assert_eq!((rows[0].kind, rows[0].source), (OptOutKind::OptOut, OptOutSource::Provider));
        assert_eq!(
            (rows[0].address.as_str(), rows[0].occurred_at),
            (ADA, seconds(1_750_000_050).unwrap())
        );
        assert_eq!(rows[0].contact_id, Some(message_of(&app.scope, SENT).await.contact_id));
    }
}

on_both! {
    async fn templates_take_the_status_of_the_provider(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        let new = TemplateCreate {
            name: "order_confirmation".to_owned(),
            language: "en_US".to_owned(),
            category: TemplateCategory::Utility,
            body: "Thank you".to_owned(),
            status: Some(TemplateStatus::Approved),
            external_id: None,
        };
        templates::create(&app.scope, None, new).await.unwrap();
        deliver(app, &inbox, &fixture("template_status_update")).await;
        let rows = stored::<template::Entity>(&app.scope).await;
        assert_eq!(rows[0].status, TemplateStatus::Rejected);
        assert_eq!(rows[0].status_reason.as_deref(), Some("INVALID_FORMAT"));
        // One that nobody knows here is only noted.
        let elsewhere = app.new_account("Elsewhere").await;
        let inbox = whatsapp::inbox(&elsewhere).await;
        deliver(app, &inbox, &fixture("template_status_update")).await;
        let (applied, unknown, failed, _) = tally(&elsewhere).await;
        assert_eq!((applied, unknown, failed), (0, 1, 0));
    }
}

on_both! {
    async fn one_broken_element_costs_itself_only(app: &TestApp) {
        let inbox = line(&app.scope).await;
        deliver(app, &inbox, &fixture("many")).await;
        let (applied, unknown, failed, remark) = tally(&app.scope).await;
        // Four messages, three statuses and a preference; a text for a message, and a status
        // of nothing.
        assert_eq!((applied, unknown, failed), (8, 0, 2), "{remark:?}");
        let remark = remark.unwrap();
        assert!(remark.contains("messages: no object (1)"), "{remark}");
        assert!(remark.contains("status without id or status (1)"), "{remark}");
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 5);
        assert_eq!(stored::<contact::Entity>(&app.scope).await.len(), 3);
        assert_eq!(message_of(&app.scope, SENT).await.status, Some(MessageStatus::Read));
        assert_eq!(stored::<opt_out::Entity>(&app.scope).await.len(), 1);
        assert_eq!(count(app, "MESSAGES_RECEIVED").await, 4.0);
    }
}

on_both! {
    async fn what_is_unknown_stays_raw(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        let body = fixture("unknown_field");
        deliver(app, &inbox, &body).await;
        let (applied, unknown, failed, remark) = tally(&app.scope).await;
        assert_eq!((applied, failed), (1, 0));
        assert_eq!(unknown, 3, "two holograms and a message of a kind to come: {remark:?}");
        assert_eq!(stored::<raw_event::Entity>(&app.scope).await[0].body, body.into_bytes());
        let row = message_of(&app.scope, "wamid.IN.BESIDE-HOLOGRAM").await;
        assert_eq!(row.content, "Can you see it?");
        for (number, body) in
            ["{", "null", "[]", "{}", "\"\\ud800\"", "\u{0}"].into_iter().enumerate()
        {
            let scope = app.new_account(&format!("nothing {number}")).await;
            let inbox = whatsapp::inbox(&scope).await;
            deliver(app, &inbox, body).await;
            let (applied, _, failed, remark) = tally(&scope).await;
            assert_eq!((applied, failed), (0, 1), "{body:?}: {remark:?}");
        }
    }
}

#[test]
fn every_fixture_is_delivered() {
    let tests = [include_str!("webhooks.rs"), include_str!("webhooks_again.rs")].concat();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/whatsapp");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = format!("\"{}\"", name.trim_end_matches(".json"));
        assert!(tests.contains(&name), "{name} is delivered by no test");
    }
}
