//! Campaigns that are interfered with: what waits to be sent once more, contacts that are merged,
//! quiet hours, and how far a campaign has got.

use std::time::Duration;

use entity::id::ContactId;
use entity::kinds::{
    AttemptState, CampaignStatus, MessageStatus, Platform, StatusKind, UnknownPolicy,
};
use entity::{attempt, message};
use rapport::auth::AccountScope;
use rapport::domain::campaign::{Audience, cancel, create, pause, resume, retry};
use rapport::domain::contact_merge;
use rapport::domain::record::{Item, NewStatus};
use rapport::live::Live;
use serde_json::json;

use crate::campaigns::{hook, one, people, phone, recipients, sent, start, taken};
use crate::on_both;
use crate::support::factory::{self, draft, everybody, record, sandbox, stored};
use crate::support::stub::{Reply, Stub};

/// Statuses of what campaigns sent, in its order.
async fn statuses(scope: &AccountScope) -> Vec<MessageStatus> {
    sent(scope).await.iter().map(|message| message.status.unwrap()).collect()
}

/// A provider that asks to come back in 30 seconds.
fn busy() -> Reply {
    let headers = vec![("retry-after", "30".to_owned())];
    Reply::Json { status: 429, headers, body: json!({}) }
}

async fn delivered(scope: &AccountScope, message: &message::Model) {
    let told = NewStatus {
        message_id: Some(message.id),
        external_id: None,
        ..factory::status(message.inbox_id, "", StatusKind::Delivered)
    };
    record(scope, vec![Item::Status(told)]).await;
}

on_both! {
    async fn whoever_opts_out_is_not_sent_it_once_more(app: &TestApp) {
        people(&app.scope, 2).await;
        let stub = Stub::start(|_| Reply::Cut).await;
        let inbox = hook(&app.scope, &stub).await;
        let mut draft = draft(inbox.id, everybody());
        draft.on_unknown = UnknownPolicy::ResendOnce;
        start(app, draft).await;
        app.deliver().await;
        factory::say(&app.scope, factory::message(inbox.id, &phone(0), "STOP")).await;
        stub.answer(|_| taken());
        app.set_clock(900);
        app.deliver().await;
        use MessageStatus::{Sent, Skipped, Unknown};
        let mut after = statuses(&app.scope).await;
        // Which of the two comes first is nobody's business.
        after.sort();
        assert_eq!(after, [Unknown, Unknown, Skipped, Sent]);
        assert_eq!(stub.asked().len(), 3);
    }
}

on_both! {
    async fn what_was_tried_by_hand_is_not_sent_a_third_time(app: &TestApp) {
        let ids = people(&app.scope, 1).await;
        let stub = Stub::start(|_| Reply::Cut).await;
        let inbox = hook(&app.scope, &stub).await;
        let mut draft = draft(inbox.id, everybody());
        draft.on_unknown = UnknownPolicy::ResendOnce;
        let id = start(app, draft).await;
        app.deliver().await;
        stub.answer(|_| taken());
        retry(&app.scope, id, ids[0]).await.unwrap();
        app.deliver().await;
        app.set_clock(900);
        app.deliver().await;
        assert_eq!(statuses(&app.scope).await, [MessageStatus::Unknown, MessageStatus::Sent]);
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
    }
}

on_both! {
    async fn evidence_calls_a_second_try_off(app: &TestApp) {
        people(&app.scope, 1).await;
        let stub = Stub::start(|_| Reply::Cut).await;
        let inbox = hook(&app.scope, &stub).await;
        let mut draft = draft(inbox.id, everybody());
        draft.on_unknown = UnknownPolicy::ResendOnce;
        start(app, draft).await;
        app.deliver().await;
        stub.answer(|_| busy());
        app.set_clock(900);
        app.deliver().await;
        let first = sent(&app.scope).await.remove(0);
        delivered(&app.scope, &first).await;
        stub.answer(|_| taken());
        app.set_clock(10_000);
        app.deliver().await;
        assert_eq!(stub.asked().len(), 2);
        use MessageStatus::{Delivered, SkippedOptional};
        assert_eq!(statuses(&app.scope).await, [Delivered, SkippedOptional]);
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
    }
}

on_both! {
    async fn a_paused_campaign_tries_nothing_again(app: &TestApp) {
        people(&app.scope, 2).await;
        let stub = Stub::start(|_| busy()).await;
        let inbox = hook(&app.scope, &stub).await;
        let id = start(app, draft(inbox.id, everybody())).await;
        app.deliver().await;
        pause(&app.scope, id).await.unwrap();
        stub.answer(|_| taken());
        app.set_clock(1_000);
        app.deliver().await;
        assert_eq!(stub.asked().len(), 2);
        resume(&app.scope, id).await.unwrap();
        app.deliver().await;
        assert_eq!(statuses(&app.scope).await, [MessageStatus::Sent; 2]);
    }
}

on_both! {
    async fn what_waits_is_cancelled_with_its_campaign(app: &TestApp) {
        people(&app.scope, 2).await;
        let stub = Stub::start(|_| busy()).await;
        let inbox = hook(&app.scope, &stub).await;
        let id = start(app, draft(inbox.id, everybody())).await;
        app.deliver().await;
        cancel(&app.scope, id).await.unwrap();
        stub.answer(|_| taken());
        app.set_clock(1_000);
        app.deliver().await;
        assert_eq!(stub.asked().len(), 2);
        assert_eq!(statuses(&app.scope).await, [MessageStatus::Cancelled; 2]);
        let open: Vec<_> = stored::<attempt::Entity>(&app.scope).await;
        assert!(open.iter().all(|attempt| attempt.state == AttemptState::Done));
    }
}

on_both! {
    async fn nothing_is_tried_again_in_quiet_hours(app: &TestApp) {
        people(&app.scope, 1).await;
        let stub = Stub::start(|_| busy()).await;
        let inbox = hook(&app.scope, &stub).await;
        let mut draft = draft(inbox.id, everybody());
        // It is noon.
        (draft.quiet_from, draft.quiet_to) = (Some("12:01".to_owned()), Some("13:30".to_owned()));
        start(app, draft).await;
        app.deliver().await;
        stub.answer(|_| taken());
        for seconds in [61, 3_600, 5_399] {
            app.set_clock(seconds);
            app.deliver().await;
            assert_eq!(stub.asked().len(), 1, "{seconds}");
        }
        app.set_clock(5_400);
        app.deliver().await;
        assert_eq!(statuses(&app.scope).await, [MessageStatus::Sent]);
    }
}

on_both! {
    async fn a_merged_contact_is_reached_once(app: &TestApp) {
        let ids = people(&app.scope, 3).await;
        let stub = Stub::start(|_| taken()).await;
        let (first, second) = (hook(&app.scope, &stub).await, sandbox(&app.scope, Platform::Viber).await);
        let mut draft = draft(first.id, Audience::Contacts(ids[..2].to_vec()));
        let mut step = factory::step(second.id, "Once more, {{name}}");
        step.wait_seconds = 3_600;
        draft.steps.push(step);
        let id = start(app, draft).await;
        app.deliver().await;
        for message in sent(&app.scope).await {
            delivered(&app.scope, &message).await;
        }
        contact_merge::merge(&app.scope, ids[0], ids[2]).await.unwrap();
        app.set_clock(3_600);
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 2);
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
        // And is known as who is there now.
        let all = Audience::Campaign { campaign_id: id, outcomes: None };
        let next = start(app, factory::draft(first.id, all)).await;
        app.deliver().await;
        let next: Vec<ContactId> = recipients(&app.scope)
            .await
            .iter()
            .filter(|recipient| recipient.campaign_id == next)
            .map(|recipient| recipient.contact_id)
            .collect();
        assert_eq!(next, ids[1..]);
    }
}

on_both! {
    async fn a_search_that_is_too_long_is_refused_at_once(app: &TestApp) {
        let inbox = sandbox(&app.scope, Platform::Sms).await;
        let mut draft = draft(inbox.id, everybody());
        if let Audience::Filter { search, .. } = &mut draft.audience {
            *search = Some("x".repeat(256));
        }
        let error = create(&app.scope, None, draft).await.unwrap_err();
        assert!(format!("{error:?}").contains("audience.filter.search"), "{error:?}");
    }
}

const PROGRESS: &str =
    "query($account: ID!) { account(id: $account) { campaigns(first: 9) { nodes {
    progress { targeted delivered pending failed skipped cancelled expired }
} } } }";

on_both! {
    async fn progress_is_told_of_all_campaigns_by_one_query(app: &TestApp) {
        people(&app.scope, 4).await;
        let stub = Stub::start(|_| taken()).await;
        let inbox = hook(&app.scope, &stub).await;
        let live = Live::new(app.engine.clone());
        let (refused, lost) = (phone(0), phone(1));
        stub.answer(move |asked| {
            let to = asked.json()["data"]["to"].clone();
            if to == refused { Reply::json(400, json!({})) }
            else if to == lost { Reply::Cut } else { taken() }
        });
        let id = start(app, draft(inbox.id, everybody())).await;
        let mut watched = live.campaign(&app.scope, id).await.unwrap();
        watched.next().await.unwrap();
        app.deliver().await;
        let mut all = sent(&app.scope).await.into_iter();
        let arrived = all.find(|one| one.status == Some(MessageStatus::Sent)).unwrap();
        delivered(&app.scope, &arrived).await;
        let finished = async {
            while watched.next().await.unwrap().status != CampaignStatus::Finished {}
        };
        tokio::time::timeout(Duration::from_secs(20), finished).await.unwrap();
        start(app, draft(inbox.id, Audience::Campaign { campaign_id: id, outcomes: None })).await;
        app.deliver().await;
        let variables = json!({ "account": app.account_node });
        let (data, statements) = app.watch.during(app.owner.data(PROGRESS, variables)).await;
        let nodes = &data["account"]["campaigns"]["nodes"];
        let counts = json!({
            "targeted": 4, "delivered": 1, "pending": 2, "failed": 1,
            "skipped": 0, "cancelled": 0, "expired": 0
        });
        assert_eq!(nodes.as_array().unwrap().len(), 2);
        assert!(nodes.as_array().unwrap().contains(&json!({ "progress": counts })), "{nodes}");
        let counting = statements.iter().filter(|one| one.sql.contains("FROM recipient r"));
        assert_eq!(counting.count(), 1);
    }
}
