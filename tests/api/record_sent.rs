//! Messages that were sent from here: they are known by our ids, and learn their ids at the
//! provider from the first status that tells both, whatever came before.

use entity::kinds::{MessageStatus, Platform, StatusKind};
use entity::message;
use entity::parked_event;
use rapport::auth::AccountScope;
use rapport::domain::record::{Item, NewMessage, NewStatus, Outcome};

use crate::on_both;
use crate::support::factory::{self, record, say, stored, stored_message};

const PHONE: &str = "+15550001111";
const WAMID: &str = "wamid.1";

/// A message that no provider has named yet.
async fn sent(scope: &AccountScope, inbox: &entity::inbox::Model) -> message::Model {
    let (id, _) = say(scope, factory::answer(inbox.id, PHONE, "your order is ready")).await;
    let message = stored_message(scope, id).await;
    assert_eq!(
        (message.status, message.external_id.as_deref()),
        (Some(MessageStatus::Created), None)
    );
    message
}

fn of(message: &message::Model, kind: StatusKind, external_id: Option<&str>) -> NewStatus {
    NewStatus {
        message_id: Some(message.id),
        external_id: external_id.map(str::to_owned),
        ..factory::status(message.inbox_id, WAMID, kind)
    }
}

/// Every order of the numbers below `n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(n - 1);
    let longer = shorter.iter().flat_map(|order| {
        (0..n).map(|at| {
            let mut order = order.clone();
            order.insert(at, n - 1);
            order
        })
    });
    longer.collect()
}

on_both! {
    async fn statuses_find_it_by_either_id_in_any_order(app: &TestApp) {
        for (case, order) in orders(4).into_iter().enumerate() {
            let scope = app.new_account(&format!("order {case}")).await;
            let inbox = factory::inbox(&scope, "WhatsApp", Platform::Whatsapp).await;
            let message = sent(&scope, &inbox).await;
            let told = [
                of(&message, StatusKind::Sending, None),
                of(&message, StatusKind::Accepted, Some(WAMID)),
                factory::status(inbox.id, WAMID, StatusKind::Delivered),
                of(&message, StatusKind::Read, Some(WAMID)),
            ];
            // The last again, which must change nothing.
            for index in order.iter().chain(order.last()) {
                record(&scope, vec![Item::Status(told[*index].clone())]).await;
            }
            let after = stored_message(&scope, message.id).await;
            assert_eq!(after.external_id.as_deref(), Some(WAMID), "{order:?}");
            assert_eq!(after.status, Some(MessageStatus::Read), "{order:?}");
            assert!(after.sent_at.is_some() && after.delivered_at.is_some(), "{order:?}");
            assert_eq!(stored::<parked_event::Entity>(&scope).await, [], "{order:?}");
            let ledger = stored::<entity::message_event::Entity>(&scope).await;
            assert_eq!(ledger.len(), 4, "{order:?}");
        }
    }
}

on_both! {
    async fn one_batch_does_what_several_do(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await;
        let message = sent(&app.scope, &inbox).await;
        record(&app.scope, vec![
            Item::Status(factory::status(inbox.id, WAMID, StatusKind::Delivered)),
            Item::Status(of(&message, StatusKind::Accepted, Some(WAMID))),
        ]).await;
        let after = stored_message(&app.scope, message.id).await;
        assert_eq!(after.external_id.as_deref(), Some(WAMID));
        assert_eq!(after.status, Some(MessageStatus::Delivered));
        assert_eq!(stored::<parked_event::Entity>(&app.scope).await, []);
    }
}

on_both! {
    async fn a_reply_that_came_first_quotes_it_afterwards(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await;
        let message = sent(&app.scope, &inbox).await;
        let (reply, _) = say(&app.scope, NewMessage {
            quoted_external_id: Some(WAMID.to_owned()),
            ..factory::message(inbox.id, PHONE, "thanks")
        }).await;
        assert_eq!(stored_message(&app.scope, reply).await.quoted_message_id, None);
        record(&app.scope, vec![Item::Status(of(&message, StatusKind::Accepted, Some(WAMID)))]).await;
        let reply = stored_message(&app.scope, reply).await;
        assert_eq!(reply.quoted_message_id, Some(message.id));
    }
}

on_both! {
    async fn an_id_at_the_provider_belongs_to_one_message(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "WhatsApp", Platform::Whatsapp).await;
        let (first, second) = (sent(&app.scope, &inbox).await, sent(&app.scope, &inbox).await);
        record(&app.scope, vec![
            Item::Status(of(&first, StatusKind::Accepted, Some(WAMID))),
            Item::Status(of(&second, StatusKind::Accepted, Some(WAMID))),
        ]).await;
        record(&app.scope, vec![Item::Status(of(&second, StatusKind::Delivered, Some(WAMID)))]).await;
        let [first, second] =
            [stored_message(&app.scope, first.id).await, stored_message(&app.scope, second.id).await];
        assert_eq!((first.external_id.as_deref(), first.status), (Some(WAMID), Some(MessageStatus::Sent)));
        // Our own id counts all the same.
        assert_eq!((second.external_id, second.status), (None, Some(MessageStatus::Delivered)));
    }
}

on_both! {
    async fn our_ids_reach_no_other_inbox_or_account(app: &TestApp) {
        let [whatsapp, sms] = factory::two_inboxes(&app.scope).await;
        let message = sent(&app.scope, &whatsapp).await;
        let stranger = app.new_account("stranger").await;
        let theirs = factory::inbox(&stranger, "WhatsApp", Platform::Whatsapp).await;
        for (scope, inbox_id) in [(&app.scope, sms.id), (&stranger, theirs.id)] {
            let status = NewStatus { inbox_id, ..of(&message, StatusKind::Delivered, None) };
            let outcomes = record(scope, vec![Item::Status(status)]).await;
            let [Outcome::Rejected(violations)] = &outcomes[..] else { panic!("{outcomes:?}") };
            assert_eq!(violations[0].path, "status.messageId");
            assert_eq!(violations[0].message, "no such message on this inbox");
        }
        assert_eq!(stored_message(&app.scope, message.id).await.status, Some(MessageStatus::Created));
    }
}
