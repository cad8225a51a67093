//! What messages cost: prices, the end of a plan, and what is still to come.

use entity::kinds::{CampaignStatus, MessageStatus, PlanEnd, Platform, TemplateCategory};
use rapport::auth::AccountScope;
use rapport::domain::account::{AccountUpdate, update};
use rapport::domain::campaign::{When, create, resume, schedule};
use rapport::domain::credits::Price;
use rapport::domain::send::{Destination, MessageSend, Said, send};
use serde_json::{Value, json};

use crate::campaigns::{hook, one, people, phone, sent, start, taken};
use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, draft, everybody, say, stored};
use crate::support::stub::{Reply, Stub};

/// So many credits a month, and three for each segment of an SMS.
async fn plan(scope: &AccountScope, credits: i64, end: PlanEnd) {
    let price = |category, credits| Price { platform: Platform::Sms, category, credits };
    let change = AccountUpdate {
        plan_credits: Some(Some(credits)),
        prices: Some(vec![price(None, 3), price(Some(TemplateCategory::Marketing), 5)]),
        at_plan_end: Some(end),
        ..AccountUpdate::default()
    };
    update(scope, change).await.unwrap();
}

const CREDITS: &str = "query($account: ID!) { account(id: $account) {
    credits { used left estimatedOverage }
    campaigns(first: 1) { nodes { estimate { recipients segments credits overage } } }
} }";

async fn told(app: &TestApp) -> Value {
    app.owner.data(CREDITS, json!({ "account": app.account_node })).await["account"].clone()
}

on_both! {
    async fn a_campaign_stops_where_the_plan_ends_and_goes_on_with_more(app: &TestApp) {
        people(&app.scope, 5).await;
        plan(&app.scope, 10, PlanEnd::Stop).await;
        let stub = Stub::start(|_| taken()).await;
        let inbox = hook(&app.scope, &stub).await;
        let id = start(app, draft(inbox.id, everybody())).await;
        app.deliver().await;
        let stopped = one(&app.scope).await;
        assert_eq!(stopped.status, CampaignStatus::Paused);
        assert!(stopped.status_reason.unwrap().starts_with("NO_CREDITS"));
        let messages = sent(&app.scope).await;
        assert_eq!(messages.len(), 3);
        assert!(messages.iter().all(|one| (one.segments, one.credits) == (Some(1), Some(3))));
        assert_eq!(told(app).await["credits"]["used"], 9);
        // A single message is refused at once.
        let (heard, _) = say(&app.scope, factory::message(inbox.id, &phone(0), "Hello")).await;
        let conversation = factory::stored_message(&app.scope, heard).await.conversation_id;
        let new = MessageSend {
            to: Destination::Conversation(conversation),
            said: Said::Text("Hi".to_owned()),
            subject: None,
        };
        let refused = send(&app.scope, None, new).await.unwrap_err();
        assert!(format!("{refused:?}").contains("credits"), "{refused:?}");
        plan(&app.scope, 15, PlanEnd::Stop).await;
        resume(&app.scope, id).await.unwrap();
        app.deliver().await;
        assert_eq!(sent(&app.scope).await.len(), 5);
        assert_eq!(one(&app.scope).await.status, CampaignStatus::Finished);
        let told = told(app).await;
        assert_eq!(told["credits"], json!({ "used": 15, "left": 0, "estimatedOverage": 0 }));
    }
}

on_both! {
    async fn what_is_not_taken_is_given_back(app: &TestApp) {
        people(&app.scope, 4).await;
        plan(&app.scope, 6, PlanEnd::Stop).await;
        let refused = [phone(0), phone(1)];
        let stub = Stub::start(move |asked| {
            let to = asked.json()["data"]["to"].as_str().unwrap().to_owned();
            if refused.contains(&to) { Reply::json(400, json!({})) } else { taken() }
        }).await;
        let inbox = hook(&app.scope, &stub).await;
        let id = start(app, draft(inbox.id, everybody())).await;
        app.deliver().await;
        if one(&app.scope).await.status == CampaignStatus::Paused {
            resume(&app.scope, id).await.unwrap();
            app.deliver().await;
        }
        let statuses = sent(&app.scope).await;
        let taken = statuses.iter().filter(|one| one.status == Some(MessageStatus::Sent));
        assert_eq!(taken.count(), 2);
        assert_eq!(told(app).await["credits"]["used"], 6);
        let purses = stored::<entity::credit::Entity>(&app.scope).await;
        assert_eq!(purses.iter().map(|purse| purse.taken).collect::<Vec<_>>(), [6]);
    }
}

on_both! {
    async fn what_is_to_come_is_told_before_it_does(app: &TestApp) {
        people(&app.scope, 4).await;
        plan(&app.scope, 20, PlanEnd::Continue).await;
        let stub = Stub::start(|_| taken()).await;
        let inbox = hook(&app.scope, &stub).await;
        let mut long = draft(inbox.id, everybody());
        long.steps[0].content = Some("x".repeat(170));
        let id = create(&app.scope, None, long).await.unwrap().id;
        let estimate = json!({ "recipients": 4, "segments": 8, "credits": 24, "overage": 4 });
        let before = told(app).await;
        assert_eq!(before["campaigns"]["nodes"][0]["estimate"], estimate);
        // A draft is nobody's debt; what is scheduled is.
        assert_eq!(before["credits"]["estimatedOverage"], 0);
        let later = app.now.plus_seconds(3_600);
        schedule(&app.scope, id, When::At(later)).await.unwrap();
        assert_eq!(told(app).await["credits"]["estimatedOverage"], 4);
        app.set_clock(3_600);
        app.deliver().await;
        let after = told(app).await;
        assert_eq!(after["credits"], json!({ "used": 24, "left": 0, "estimatedOverage": 4 }));
        assert_eq!(sent(&app.scope).await.len(), 4);
        assert_eq!(after["campaigns"]["nodes"][0]["estimate"]["credits"], 0);
    }
}

on_both! {
    async fn prices_are_checked(app: &TestApp) {
        let price = |credits| Price { platform: Platform::Sms, category: None, credits };
        let change = AccountUpdate {
            prices: Some(vec![price(1), price(-1)]),
            ..AccountUpdate::default()
        };
        let error = format!("{:?}", update(&app.scope, change).await.unwrap_err());
        assert!(error.contains("prices[1].credits") && error.contains("prices[1]\""), "{error}");
    }
}
