//! Campaigns: whom they are sent to, in which steps, and how they are steered.

use entity::id::{CampaignId, ContactId};
use entity::kinds::{
    CampaignStatus, MessageStatus, Platform, Provider, RecipientState, SkipReason, StatusKind,
    UnknownPolicy,
};
use entity::{attempt, campaign, inbox, message, recipient};
use rapport::auth::AccountScope;
use rapport::domain::campaign::{
    Audience, CampaignChange, CampaignDraft, When, cancel, create, pause, resume, retry, schedule,
    update,
};
use rapport::domain::inbox::{Credentials, InboxCreate, InboxUpdate};
use rapport::domain::record::{Item, NewStatus};
use serde_json::json;

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, draft, everybody, record, sandbox, say, stored};
use crate::support::stub::{Reply, Stub};

pub fn phone(number: usize) -> String {
    // The sandbox does not reach numbers that end in two zeros.
    format!("+1555{number:05}1")
}

/// So many contacts with names and numbers.
pub async fn people(scope: &AccountScope, count: usize) -> Vec<ContactId> {
    let inbox = factory::inbox(scope, "Shop", Platform::Sms).await;
    let mut ids = Vec::new();
    for number in 0..count {
        let mut message = factory::message(inbox.id, &phone(number), "Hello");
        message.contact.name = Some(format!("Person {number}"));
        let (id, _) = say(scope, message).await;
        ids.push(factory::stored_message(scope, id).await.contact_id);
    }
    ids
}

pub async fn hook(scope: &AccountScope, stub: &Stub) -> inbox::Model {
    let credentials = Credentials::Webhook { url: stub.url.clone(), secret: "hush".to_owned() };
    let input = InboxCreate {
        provider: Some(Provider::Webhook),
        credentials: Some(credentials),
        ..InboxCreate::new("Hook", Platform::Sms)
    };
    rapport::domain::inbox::create(scope, None, input).await.unwrap()
}

pub async fn start(app: &TestApp, draft: CampaignDraft) -> CampaignId {
    let id = create(&app.scope, None, draft).await.unwrap().id;
    schedule(&app.scope, id, When::Now).await.unwrap();
    id
}

pub async fn one(scope: &AccountScope) -> campaign::Model {
    stored::<campaign::Entity>(scope).await.remove(0)
}

pub async fn recipients(scope: &AccountScope) -> Vec<recipient::Model> {
    let mut all = stored::<recipient::Entity>(scope).await;
    all.sort_by_key(|recipient| recipient.contact_id);
    all
}

/// What campaigns sent, by contact and step.
pub async fn sent(scope: &AccountScope) -> Vec<message::Model> {
    let mut all = stored::<message::Entity>(scope).await;
    all.retain(|message| message.campaign_id.is_some());
    all.sort_by_key(|message| message.id);
    all
}

pub fn taken() -> Reply {
    Reply::json(200, json!({}))
}

on_both! {
    async fn everybody_gets_one_message_or_a_reason(app: &TestApp) {
        let ids = people(&app.scope, 6).await;
        let shop = stored::<inbox::Entity>(&app.scope).await[0].id;
        say(&app.scope, factory::message(shop, &phone(1), "STOP")).await;
        // Without a name, and without a number.
        say(&app.scope, factory::message(shop, "+15559999991", "Hi")).await;
        let mut mail = factory::message(shop, &phone(0), "Hi");
        (mail.contact.phone, mail.contact.email) = (None, Some("ada@example.org".to_owned()));
        mail.contact.external_id = Some("mail".to_owned());
        say(&app.scope, mail).await;
        let inbox = sandbox(&app.scope, Platform::Sms).await;
        let id = start(app, draft(inbox.id, everybody())).await;
        app.deliver().await;
        let all = recipients(&app.scope).await;
        assert_eq!(all.len(), 8);
        let skipped: Vec<Option<SkipReason>> = all.iter().map(|one| one.skip_reason).collect();
        let reasons = [Some(SkipReason::MissingVariable), Some(SkipReason::NoAddress)];
        assert_eq!(skipped[..2], [None, Some(SkipReason::OptedOut)]);
        assert_eq!(skipped[2..6], [None; 4]);
        assert_eq!(skipped[6..], reasons);
        let messages = sent(&app.scope).await;
        assert_eq!(messages.len(), 5);
        assert!(messages.iter().all(|message| message.campaign_id == Some(id)));
        assert!(messages.iter().all(|message| message.content.starts_with("Good day, Person ")));
        assert!(!messages.iter().any(|message| message.contact_id == ids[1]));
        // Who comes later is no recipient.
        people_later(app, shop).await;
        app.deliver().await;
        assert_eq!(recipients(&app.scope).await.len(), 8);
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
        let change = CampaignChange { name: Some("x".to_owned()), ..CampaignChange::default() };
        assert!(update(&app.scope, id, change).await.is_err());
    }
}

async fn people_later(app: &TestApp, shop: entity::id::InboxId) {
    say(&app.scope, factory::message(shop, "+15551110001", "Hello")).await;
}

on_both! {
    async fn a_rate_is_kept_and_a_pause_holds(app: &TestApp) {
        people(&app.scope, 5).await;
        let inbox = sandbox(&app.scope, Platform::Sms).await;
        let rate = InboxUpdate { sends_per_second: Some(Some(2)), ..InboxUpdate::default() };
        rapport::domain::inbox::update(&app.scope, inbox.id, rate).await.unwrap();
        let id = start(app, draft(inbox.id, everybody())).await;
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 2);
        pause(&app.scope, id).await.unwrap();
        app.set_clock(60);
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 2);
        resume(&app.scope, id).await.unwrap();
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 4);
        cancel(&app.scope, id).await.unwrap();
        app.set_clock(120);
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 4);
        let mut states: Vec<_> =
            recipients(&app.scope).await.iter().map(|recipient| recipient.state).collect();
        states.sort();
        let done = RecipientState::Done;
        assert_eq!(states, [done, done, done, done, RecipientState::Cancelled]);
    }
}

on_both! {
    async fn a_later_step_comes_where_the_first_did_not_deliver(app: &TestApp) {
        let ids = people(&app.scope, 3).await;
        let stub = Stub::start(|_| taken()).await;
        let (first, second) = (hook(&app.scope, &stub).await, sandbox(&app.scope, Platform::Viber).await);
        let mut draft = draft(first.id, everybody());
        let mut step = factory::step(second.id, "Once more, {{name}}");
        step.wait_seconds = 3_600;
        draft.steps.push(step);
        // One is refused at once, one delivered, and of one nothing is heard.
        let refused = phone(0);
        stub.answer(move |asked| {
            let body = asked.json();
            if body["data"]["to"] == refused { Reply::json(400, json!({})) } else { taken() }
        });
        start(app, draft).await;
        app.deliver().await;
        let by_second = async || {
            let sent = sent(&app.scope).await;
            let sent = sent.iter().filter(|message| message.inbox_id == second.id);
            sent.map(|message| message.contact_id).collect::<Vec<_>>()
        };
        assert_eq!(by_second().await, [ids[0]]);
        let delivered = sent(&app.scope).await.into_iter().find(|one| one.contact_id == ids[1]);
        let told = NewStatus {
            message_id: delivered.map(|message| message.id),
            external_id: None,
            ..factory::status(first.id, "", StatusKind::Delivered)
        };
        record(&app.scope, vec![Item::Status(told)]).await;
        app.set_clock(3_599);
        app.deliver().await;
        assert_eq!(by_second().await, [ids[0]]);
        app.set_clock(3_600);
        app.deliver().await;
        assert_eq!(by_second().await, [ids[0], ids[2]]);
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
    }
}

on_both! {
    async fn wrong_credentials_stop_the_campaign_and_burn_nobody(app: &TestApp) {
        people(&app.scope, 4).await;
        let stub = Stub::start(|_| Reply::json(401, json!({}))).await;
        let inbox = hook(&app.scope, &stub).await;
        let id = start(app, draft(inbox.id, everybody())).await;
        app.deliver().await;
        let stopped = one(&app.scope).await;
        assert_eq!(stopped.status, CampaignStatus::Paused);
        assert_eq!(stopped.status_reason.as_deref(), Some("HTTP_401"));
        stub.answer(|_| taken());
        resume(&app.scope, id).await.unwrap();
        app.set_clock(60);
        app.deliver().await;
        let messages = sent(&app.scope).await;
        assert_eq!(messages.len(), 4);
        assert!(messages.iter().all(|message| message.status == Some(MessageStatus::Sent)));
    }
}

on_both! {
    async fn what_is_unknown_is_sent_once_more_where_the_owner_says_so(app: &TestApp) {
        people(&app.scope, 2).await;
        let stub = Stub::start(|_| Reply::Cut).await;
        let inbox = hook(&app.scope, &stub).await;
        let mut draft = draft(inbox.id, everybody());
        draft.on_unknown = UnknownPolicy::ResendOnce;
        start(app, draft).await;
        app.deliver().await;
        let messages = sent(&app.scope).await;
        assert!(messages.iter().all(|message| message.status == Some(MessageStatus::Unknown)));
        // Of one the provider tells meanwhile.
        let told = NewStatus {
            message_id: Some(messages[0].id),
            external_id: None,
            ..factory::status(inbox.id, "", StatusKind::Delivered)
        };
        record(&app.scope, vec![Item::Status(told)]).await;
        app.set_clock(899);
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 2);
        app.set_clock(900);
        app.deliver().await;
        let again = sent(&app.scope).await;
        assert_eq!(again.len(), 3);
        assert_eq!(again[2].contact_id, messages[1].contact_id);
        app.set_clock(90_000);
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 3);
        let tries: Vec<i16> =
            stored::<attempt::Entity>(&app.scope).await.iter().map(|one| one.try_number).collect();
        assert_eq!(tries.iter().filter(|number| **number == 1).count(), 1);
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
    }
}

on_both! {
    async fn one_recipient_may_be_tried_again(app: &TestApp) {
        let ids = people(&app.scope, 2).await;
        let stub = Stub::start(|_| Reply::json(400, json!({}))).await;
        let inbox = hook(&app.scope, &stub).await;
        let id = start(app, draft(inbox.id, Audience::Contacts(ids.clone()))).await;
        app.deliver().await;
        stub.answer(|_| taken());
        retry(&app.scope, id, ids[0]).await.unwrap();
        app.deliver().await;
        let messages = sent(&app.scope).await;
        let to = |id: ContactId| messages.iter().filter(move |message| message.contact_id == id);
        let statuses = |id| to(id).map(|message| message.status.unwrap()).collect::<Vec<_>>();
        assert_eq!(statuses(ids[0]), [MessageStatus::Failed, MessageStatus::Sent]);
        assert_eq!(statuses(ids[1]), [MessageStatus::Failed]);
        assert!(retry(&app.scope, id, ids[0]).await.is_err(), "it is on its way");
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
    }
}

on_both! {
    async fn a_time_that_does_not_exist_is_the_next_that_does(app: &TestApp) {
        people(&app.scope, 1).await;
        let change = rapport::domain::account::AccountUpdate {
            time_zone: Some("Europe/Berlin".to_owned()),
            ..Default::default()
        };
        rapport::domain::account::update(&app.scope, change).await.unwrap();
        let inbox = sandbox(&app.scope, Platform::Sms).await;
        let id = create(&app.scope, None, draft(inbox.id, everybody())).await.unwrap().id;
        for (local, instant) in [
            ("2026-03-29T02:30", "2026-03-29T01:00:00Z"),
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
            ("2026-03-28T02:30", "2026-03-28T01:30:00Z"),
        ] {
            let scheduled = schedule(&app.scope, id, When::Local(local.to_owned())).await.unwrap();
            let at: jiff::Timestamp = instant.parse().unwrap();
            assert_eq!(scheduled.scheduled_at.unwrap().0, at.as_microsecond(), "{local}");
        }
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 0);
        // The clock jumps over it, back, and over it again.
        for seconds in [20 * 24 * 3_600, 0, 20 * 24 * 3_600] {
            app.set_clock(seconds);
            app.deliver().await;
        }
        assert_eq!(sent(&app.scope).await.len(), 1);
        assert_eq!(recipients(&app.scope).await.len(), 1);
    }
}

on_both! {
    async fn a_campaign_keeps_no_other_account_waiting(app: &TestApp) {
        people(&app.scope, 60).await;
        let inbox = sandbox(&app.scope, Platform::Sms).await;
        start(app, draft(inbox.id, everybody())).await;
        let other = app.new_account("Other").await;
        let theirs = sandbox(&other, Platform::Sms).await;
        let (heard, _) = say(&other, factory::message(theirs.id, &phone(1), "Hello")).await;
        let conversation = factory::stored_message(&other, heard).await.conversation_id;
        let new = rapport::domain::send::MessageSend {
            to: rapport::domain::send::Destination::Conversation(conversation),
            said: rapport::domain::send::Said::Text("Hi".to_owned()),
            subject: None,
        };
        let sent_there = rapport::domain::send::send(&other, None, new).await.unwrap();
        app.deliver().await;
        let after = factory::stored_message(&other, sent_there.id).await;
        assert_eq!(after.status, Some(MessageStatus::Sent));
        assert_eq!(sent(&app.scope).await.len(), 60);
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
    }
}
