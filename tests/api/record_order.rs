//! Whatever order facts arrive in, and however they are cut into batches, the sessions, the
//! statuses and the opt-outs that follow from them are the same.

use std::collections::BTreeMap;

use entity::kinds::{Direction, Medium, StatusKind};
use entity::{message, opt_out, session};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rapport::auth::AccountScope;
use rapport::domain::record::{self, Item, NewMessage, NewStatus, Outcome};

use crate::on_both;
use crate::support::TestApp;
use crate::support::factory::{self, AllRows};

const CASES: u32 = 24;

/// A message of one of two contacts on one of two inboxes, at an hour of ten days.
#[derive(Clone, Debug)]
struct Said {
    contact: u8,
    inbox: u8,
    hour: i64,
    inbound: bool,
    private: bool,
    /// Inbound words that opt out or in say so.
    word: &'static str,
    /// Statuses by kind, with hours after the message.
    heard: Vec<(StatusKind, i64)>,
}

fn history() -> impl Strategy<Value = Vec<Said>> {
    let kinds = [StatusKind::Sent, StatusKind::Delivered, StatusKind::Read, StatusKind::Failed];
    let heard = prop::collection::vec((prop::sample::select(kinds.to_vec()), 0i64..3), 0..3);
    let word = prop::sample::select(vec!["hello", "hello", "STOP", "START"]);
    let said = (0u8..2, 0u8..2, 0i64..240, any::<bool>(), prop::bool::weighted(0.1), heard, word);
    let said = said.prop_map(|(contact, inbox, hour, inbound, private, heard, word)| Said {
        word,
        contact,
        inbox,
        hour,
        inbound,
        private,
        heard: if inbound || private { Vec::new() } else { heard },
    });
    prop::collection::vec(said, 1..14)
}

fn items(app: &TestApp, inboxes: &[entity::inbox::Model; 2], history: &[Said]) -> Vec<Item> {
    let mut items = Vec::new();
    for (index, said) in history.iter().enumerate() {
        let inbox_id = inboxes[usize::from(said.inbox)].id;
        let external = format!("m{index}");
        // Minutes keep messages of the same hour apart, since ids differ between the runs.
        let at =
            app.hours_ago(300).plus_seconds(said.hour * 3_600 + i64::try_from(index).unwrap() * 60);
        items.push(Item::Message(Box::new(NewMessage {
            external_id: Some(external.clone()),
            direction: if said.inbound { Direction::Inbound } else { Direction::Outbound },
            medium: Medium::Chat,
            private: said.private,
            occurred_at: Some(at),
            ..factory::message(inbox_id, &format!("+1555000{:04}", said.contact), said.word)
        })));
        for (kind, after) in &said.heard {
            items.push(Item::Status(NewStatus {
                inbox_id,
                external_id: Some(external.clone()),
                message_id: None,
                kind: *kind,
                occurred_at: Some(at.plus_seconds(after * 3_600)),
                received_at: None,
                code: (*kind == StatusKind::Failed).then(|| "131026".to_owned()),
                detail: None,
                recipient: None,
            }));
        }
    }
    items
}

/// What must not depend on the order: sessions by the external ids of their messages, the
/// standing of each message, and the history of each address.
async fn outcome(
    scope: &AccountScope,
) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, String>, BTreeMap<String, String>) {
    let read = scope.db().read();
    let messages: Vec<message::Model> = scope.find::<message::Entity>().all_rows(read).await;
    let sessions: Vec<session::Model> = scope.find::<session::Entity>().all_rows(read).await;
    let name =
        |id| messages.iter().find(|message| message.id == id).unwrap().external_id.clone().unwrap();
    let members = |session: &session::Model| {
        let mut members: Vec<String> = messages
            .iter()
            .filter(|message| message.session_id == Some(session.id))
            .map(|message| message.external_id.clone().unwrap())
            .collect();
        members.sort();
        members
    };
    let of_sessions = sessions.iter().map(|session| {
        let key = format!(
            "{} {:?} {:?} {} {}",
            name(session.first_message_id),
            session.user_type,
            session.origin,
            session.started_at.0,
            session.last_message_at.0
        );
        (key, members(session))
    });
    let of_messages = messages.iter().map(|message| {
        let standing = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {}",
            message.status,
            message.sent_at,
            message.delivered_at,
            message.read_at,
            message.failed_at,
            message.failure_code,
            message.session_role,
            message.failed_after_delivery
        );
        (message.external_id.clone().unwrap(), standing)
    });
    let opt_outs: Vec<opt_out::Model> = scope.find::<opt_out::Entity>().all_rows(read).await;
    let of_addresses = opt_outs.iter().map(|entry| {
        let key = format!("{} {}", entry.address, entry.occurred_at.0);
        (key, format!("{:?} {}", entry.kind, entry.effective))
    });
    (of_sessions.collect(), of_messages.collect(), of_addresses.collect())
}

on_both! {
    async fn any_order_and_any_batches_give_one_result(app: &TestApp) {
        let mut runner = TestRunner::new_with_rng(
            Config::default(),
            TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]),
        );
        for case in 0..CASES {
            let history = history().new_tree(&mut runner).unwrap().current();
            let shuffle =
                prop::collection::vec(any::<u32>(), 64).new_tree(&mut runner).unwrap().current();
            let sizes =
                prop::collection::vec(1usize..6, 64).new_tree(&mut runner).unwrap().current();

            let straight = app.new_account(&format!("straight {case}")).await;
            let inboxes = factory::two_inboxes(&straight).await;
            let outcomes =
                record::record(&straight, None, items(app, &inboxes, &history)).await.unwrap();
            assert!(
                !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Rejected(_))),
                "{outcomes:?}"
            );

            let crooked = app.new_account(&format!("crooked {case}")).await;
            let inboxes = factory::two_inboxes(&crooked).await;
            let mut keyed: Vec<(u32, Item)> =
                shuffle.into_iter().cycle().zip(items(app, &inboxes, &history)).collect();
            keyed.sort_by_key(|(key, _)| *key);
            let mut left: Vec<Item> = keyed.into_iter().map(|(_, item)| item).collect();
            // The first items come again at the end, which must change nothing.
            left.extend(left.iter().take(3).cloned().collect::<Vec<_>>());
            for size in sizes.into_iter().cycle() {
                if left.is_empty() {
                    break;
                }
                let rest = left.split_off(size.min(left.len()));
                record::record(&crooked, None, left).await.unwrap();
                left = rest;
            }
            assert_eq!(
                outcome(&crooked).await,
                outcome(&straight).await,
                "case {case}: {history:#?}"
            );
        }
    }
}
