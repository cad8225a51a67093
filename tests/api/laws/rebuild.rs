//! What follows from the ledgers is what a rebuild makes of them: recording leaves nothing to
//! mend, in whatever order it heard of things, and what was spoilt is as it was afterwards.

use entity::{conversation, conversation_event, message, session};
use rapport::auth::AccountScope;
use rapport::domain::record::rebuild::{Differences, rebuild};
use sea_orm::ConnectionTrait;

use super::Scene;
use super::dice::{Dice, cases};
use crate::on_both;
use crate::support::factory::stored;

/// Every fact that follows from others is lost or wrong.
const SPOILT: [&str; 6] = [
    "UPDATE message SET reply_micros = 7, reply_bin = NULL, reply_open_micros = NULL, \
     reply_open_bin = NULL, first_response_micros = NULL, first_response_bin = NULL, \
     first_response_open_micros = NULL, first_response_open_bin = NULL, is_reply = NOT is_reply, \
     session_id = NULL, session_role = NULL, assignee_id = NULL, bot_id = NULL",
    "UPDATE message SET status = 1, sent_at = NULL, delivered_at = NULL, read_at = 5, \
     failed_at = NULL, failure_code = 'none', failure_bucket = NULL, failure_detail = NULL, \
     failed_after_delivery = NOT failed_after_delivery WHERE status IS NOT NULL",
    "UPDATE message SET quoted_reply_at = NULL, next_reply_at = 5, quoted_opt_out_at = 5, \
     next_opt_out_at = NULL WHERE status IS NOT NULL AND medium = 1",
    "UPDATE conversation SET status = 1, opened_by = 1, assignee_id = NULL, bot_id = NULL, \
     has_client_messages = NOT has_client_messages, last_message_at = 5, last_direction = NULL, \
     last_author_kind = NULL, closed_at = NULL, closed_by = NULL, closed_by_user_id = NULL, \
     opened_at = 5, waiting_since = NULL, response_from = NULL, responded_at = NULL",
    "UPDATE conversation_event SET conversation_assignee_id = NULL, conversation_bot_id = NULL, \
     resolution_micros = NULL, resolution_bin = NULL, resolution_open_micros = NULL, \
     resolution_open_bin = NULL",
    "UPDATE session SET user_type = 2, origin = 1, last_message_at = started_at",
];

#[derive(Debug, PartialEq)]
struct Facts {
    messages: Vec<message::Model>,
    conversations: Vec<conversation::Model>,
    events: Vec<conversation_event::Model>,
    sessions: Vec<session::Model>,
}

/// Row by row: all of them would be too long to read.
fn check<M: std::fmt::Debug + PartialEq>(now: &[M], before: &[M]) {
    assert_eq!(now.len(), before.len());
    now.iter().zip(before).for_each(|(now, before)| assert_eq!(now, before));
}

impl Facts {
    fn check(&self, before: &Self) {
        check(&self.messages, &before.messages);
        check(&self.conversations, &before.conversations);
        check(&self.events, &before.events);
        check(&self.sessions, &before.sessions);
    }

    async fn of(scope: &AccountScope) -> Self {
        let mut facts = Self {
            messages: stored::<message::Entity>(scope).await,
            conversations: stored::<conversation::Entity>(scope).await,
            events: stored::<conversation_event::Entity>(scope).await,
            sessions: stored::<session::Entity>(scope).await,
        };
        facts.messages.sort_by_key(|message| message.id);
        facts.conversations.sort_by_key(|conversation| conversation.id);
        facts.events.sort_by_key(|event| event.id);
        facts.sessions.sort_by_key(|session| session.id);
        facts
    }
}

on_both! {
    async fn nothing_is_left_to_rebuild(app: &TestApp) {
        for case in 0..cases(8) {
            let mut dice = Dice::of(11, case);
            let scene = Scene::random(app, &mut dice, &format!("rebuilt-{case}"), case).await;
            let found = rebuild(&scene.scope, false, |_| {}).await.unwrap();
            assert_eq!(found, Differences::default(), "case {case}");
        }
    }
}

on_both! {
    async fn what_is_spoilt_is_mended(app: &TestApp) {
        let mut dice = Dice::of(12, 0);
        let scene = Scene::random(app, &mut dice, "spoilt", 0).await;
        let before = Facts::of(&scene.scope).await;
        for spoil in SPOILT {
            app.engine.db.write().execute_unprepared(spoil).await.unwrap();
        }
        let spoilt = Facts::of(&scene.scope).await;
        assert_ne!(spoilt, before);
        let found = rebuild(&scene.scope, false, |_| {}).await.unwrap();
        assert!([
            found.statuses, found.conversations, found.frozen, found.replies, found.sessions,
            found.responses,
        ].iter().all(|number| *number > 0), "{found:?}");
        assert_eq!(Facts::of(&scene.scope).await, spoilt, "a check changes nothing");
        rebuild(&scene.scope, true, |_| {}).await.unwrap();
        Facts::of(&scene.scope).await.check(&before);
        let found = rebuild(&scene.scope, true, |_| {}).await.unwrap();
        assert_eq!(found, Differences::default());
    }
}
