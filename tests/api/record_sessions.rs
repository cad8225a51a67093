//! Which sessions follow from recorded messages: where they begin, with what, and whose
//! first they are.

use entity::id::InboxId;
use entity::kinds::{
    AuthorKind, Medium, Platform, Role, SessionOrigin, SessionRole, StatusKind, TemplateCategory,
    UserType,
};
use entity::{message, session};
use rapport::auth::AccountScope;
use rapport::domain::bot::{self, BotCreate};
use rapport::domain::record::{Author, ContactRef, Item, NewMessage, NewStatus, Traffic};
use rapport::domain::template::{self, TemplateCreate};

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, stored};

const ADA: &str = "+15550001111";

fn inbound(app: &TestApp, inbox: InboxId, hours_ago: i64) -> NewMessage {
    NewMessage {
        occurred_at: Some(app.hours_ago(hours_ago)),
        ..factory::message(inbox, ADA, "Hello")
    }
}

/// Sent under an id, so that statuses find it.
fn outbound(app: &TestApp, inbox: InboxId, hours_ago: i64, external_id: &str) -> NewMessage {
    NewMessage {
        external_id: Some(external_id.to_owned()),
        occurred_at: Some(app.hours_ago(hours_ago)),
        ..factory::answer(inbox, ADA, "Good day")
    }
}

async fn heard(app: &TestApp, inbox: InboxId, external_id: &str, kind: StatusKind, hours_ago: i64) {
    let at = Some(app.hours_ago(hours_ago));
    let status = NewStatus { occurred_at: at, ..factory::status(inbox, external_id, kind) };
    factory::record(&app.scope, vec![Item::Status(status)]).await;
}

/// The sessions of the account in order: begin and end as hours ago, origin, whose.
async fn sessions(app: &TestApp, scope: &AccountScope) -> Vec<(i64, i64, SessionOrigin, UserType)> {
    let mut rows = stored::<session::Entity>(scope).await;
    rows.sort_by_key(|row| row.started_at);
    let hours = |at: entity::Timestamp| (app.now.seconds() - at.seconds()) / 3_600;
    let told = |row: &session::Model| {
        (hours(row.started_at), hours(row.last_message_at), row.origin, row.user_type)
    };
    rows.iter().map(told).collect()
}

on_both! {
    async fn a_silence_longer_than_the_idle_time_ends_a_session(app: &TestApp) {
        use SessionOrigin::Contact;
        let scope = &app.scope;
        let inboxes = factory::two_inboxes(scope).await;
        let inbox = inboxes[0].id;
        for hours_ago in [100, 76, 51, 50] {
            factory::say(scope, inbound(app, inbox, hours_ago)).await;
        }
        assert_eq!(
            sessions(app, scope).await,
            [(100, 76, Contact, UserType::New), (51, 50, Contact, UserType::Returning)]
        );
        // Notes are no part of it; a late message in the gap joins the two.
        factory::say(scope, NewMessage { private: true, ..outbound(app, inbox, 10, "note") }).await;
        factory::say(scope, inbound(app, inbox, 60)).await;
        assert_eq!(sessions(app, scope).await, [(100, 50, Contact, UserType::New)]);
        // Whose first session it is counts over all inboxes, also when it comes late.
        factory::say(scope, inbound(app, inboxes[1].id, 200)).await;
        assert_eq!(
            sessions(app, scope).await,
            [(200, 200, Contact, UserType::New), (100, 50, Contact, UserType::Returning)]
        );
        let rows = stored::<message::Entity>(scope).await;
        assert!(rows.iter().all(|row| row.private != row.session_id.is_some()), "{rows:#?}");
        // Only what the business says can be counted as a start that it made.
        assert!(rows.iter().all(|row| row.session_role.is_none()), "{rows:#?}");
    }
}

on_both! {
    async fn only_what_went_out_begins_a_session(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let (id, _) = factory::say(scope, outbound(app, inbox, 90, "m1")).await;
        assert!(sessions(app, scope).await.is_empty());
        heard(app, inbox, "m1", StatusKind::Sent, 90).await;
        assert_eq!(sessions(app, scope).await, [(90, 90, SessionOrigin::Agent, UserType::New)]);
        let role = async || factory::stored_message(scope, id).await.session_role;
        assert_eq!(role().await, Some(SessionRole::Starter));
        // The provider takes it back: a session would have begun.
        heard(app, inbox, "m1", StatusKind::Failed, 89).await;
        assert!(sessions(app, scope).await.is_empty());
        assert_eq!(role().await, Some(SessionRole::WouldBeStarter));
        heard(app, inbox, "m1", StatusKind::Delivered, 88).await;
        assert_eq!(sessions(app, scope).await, [(90, 90, SessionOrigin::Agent, UserType::New)]);
        // What fails while a session is open would have begun none.
        let (second, _) = factory::say(scope, outbound(app, inbox, 80, "m2")).await;
        heard(app, inbox, "m2", StatusKind::Failed, 79).await;
        assert_eq!(factory::stored_message(scope, second).await.session_role, None);
    }
}

on_both! {
    async fn a_session_has_the_origin_of_its_first_message(app: &TestApp) {
        let scope = &app.scope;
        let inbox = factory::inbox(scope, "WhatsApp", Platform::Whatsapp).await.id;
        let (user, _) = app.new_user(Role::Agent).await;
        let bot = bot::create(scope, None, BotCreate { name: "Bot".to_owned() }).await.unwrap();
        let template = TemplateCreate {
            name: "greeting".to_owned(),
            language: "en".to_owned(),
            category: TemplateCategory::Utility,
            body: "Good day".to_owned(),
            status: None,
            external_id: None,
        };
        let template = template::create(scope, None, template).await.unwrap();
        let by = |kind, user_id, bot_id| Some(Author { kind, user_id, bot_id });
        let chat = outbound(app, inbox, 50, "");
        let mailing = NewMessage { medium: Medium::Mailing, ..chat.clone() };
        let visit = |traffic| NewMessage { traffic: Some(traffic), ..inbound(app, inbox, 50) };
        let page =
            Traffic { referrer: Some("https://search.example/".to_owned()), ..Traffic::default() };
        let click = Traffic { click_id: Some("c1".to_owned()), ..Traffic::default() };
        let cases = [
            (SessionOrigin::Contact, inbound(app, inbox, 50)),
            (SessionOrigin::Contact, visit(Traffic::default())),
            (SessionOrigin::ReferredWebChat, visit(page)),
            (SessionOrigin::ReferredCampaign, visit(click)),
            (
                SessionOrigin::Template,
                NewMessage { template_id: Some(template.id), ..mailing.clone() },
            ),
            (SessionOrigin::BulkNotification, mailing.clone()),
            (
                SessionOrigin::BulkNotification,
                NewMessage {
                    template_id: Some(template.id),
                    author: by(AuthorKind::Campaign, None, None),
                    ..mailing.clone()
                },
            ),
            (
                SessionOrigin::Automation,
                NewMessage { author: by(AuthorKind::Automation, None, None), ..mailing },
            ),
            (
                SessionOrigin::Agent,
                NewMessage { author: by(AuthorKind::User, Some(user.id), None), ..chat.clone() },
            ),
            (
                SessionOrigin::Bot,
                NewMessage { author: by(AuthorKind::Bot, None, Some(bot.id)), ..chat.clone() },
            ),
            (SessionOrigin::Template, NewMessage { origin: Some(SessionOrigin::Template), ..chat }),
        ];
        for (number, (origin, message)) in cases.into_iter().enumerate() {
            let external_id = format!("m{number}");
            let phone = Some(format!("+1555000{number:04}"));
            let message = NewMessage {
                external_id: Some(external_id.clone()),
                contact: ContactRef { phone, ..ContactRef::default() },
                ..message
            };
            let (id, _) = factory::say(scope, message).await;
            heard(app, inbox, &external_id, StatusKind::Sent, 50).await;
            let session = factory::stored_message(scope, id).await.session_id;
            let found = stored::<session::Entity>(scope)
                .await
                .into_iter()
                .find(|row| Some(row.id) == session);
            assert_eq!(
                found.map(|row| (row.origin, row.user_type)),
                Some((origin, UserType::New)),
                "case {number}"
            );
        }
    }
}
