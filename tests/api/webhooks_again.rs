//! Deliveries that come again, too early, all at once, or before a restart: each takes
//! effect once.

use entity::kinds::MessageStatus;
use entity::{message, message_event, parked_event, raw_event};
use rapport::domain::inbox::webhook_path;
use rapport::domain::record::NewMessage;
use rapport::ingest;

use crate::on_both;
use crate::support::factory::{self, stored};
use crate::support::whatsapp::{self, APP_SECRET, deliver, fixture, post, signature};

const SENT: &str = "wamid.OUT.0001";

on_both! {
    async fn a_hundred_repetitions_are_one(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        let body = fixture("text");
        let signature = signature(APP_SECRET, body.as_bytes());
        let mut running = Vec::new();
        for _ in 0..100 {
            let request = app.anonymous.http.post(format!("{}{}", app.url, webhook_path(&inbox)));
            let request = request.header("x-hub-signature-256", &signature).body(body.clone());
            running
                .push(tokio::spawn(async move { request.send().await.unwrap().status().as_u16() }));
        }
        for task in running {
            assert_eq!(task.await.unwrap(), 200);
        }
        app.drain().await;
        assert_eq!(stored::<raw_event::Entity>(&app.scope).await.len(), 1);
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 1);
        // The same message in another envelope is another delivery, and still the same message.
        deliver(app, &inbox, &format!("{body}\n")).await;
        assert_eq!(stored::<raw_event::Entity>(&app.scope).await.len(), 2);
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 1);
    }
}

on_both! {
    async fn statuses_may_come_before_their_message(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        for name in ["status_read", "status_sent"] {
            deliver(app, &inbox, &fixture(name)).await;
        }
        assert_eq!(stored::<parked_event::Entity>(&app.scope).await.len(), 2);
        let message = NewMessage {
            external_id: Some(SENT.to_owned()),
            ..factory::answer(inbox.id, "+15550001111", "Good day")
        };
        let (id, _) = factory::say(&app.scope, message).await;
        let row = factory::stored_message(&app.scope, id).await;
        assert_eq!(row.status, Some(MessageStatus::Read));
        assert_eq!(stored::<parked_event::Entity>(&app.scope).await.len(), 0);
        assert_eq!(stored::<message_event::Entity>(&app.scope).await.len(), 2);
    }
}

on_both! {
    async fn what_waits_is_applied_after_a_restart(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        let path = webhook_path(&inbox);
        let key = path.rsplit('/').next().unwrap();
        for name in ["text", "image", "button"] {
            let body = fixture(name);
            let signature = signature(APP_SECRET, body.as_bytes());
            let headers = [("X-Hub-Signature-256", signature)];
            let call = ingest::Call { headers: &headers, query: "", body: body.as_bytes() };
            // Stored, and nobody is told.
            ingest::receive(&app.engine, "whatsapp", key, &call).await.unwrap();
        }
        app.drain_elsewhere().await;
        let rows = stored::<raw_event::Entity>(&app.scope).await;
        assert!(
            rows.len() == 3 && rows.iter().all(|row| row.applied_at.is_some() && row.applied == 1),
            "{rows:?}"
        );
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 3);
    }
}

on_both! {
    async fn two_processes_apply_each_delivery_once(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        let text = fixture("text");
        for number in 0..20 {
            let body = text.replace("wamid.IN.TEXT", &format!("wamid.IN.{number}"));
            let signature = signature(APP_SECRET, body.as_bytes());
            assert_eq!(post(app, &inbox, &body, Some(&signature)).await, 200);
        }
        tokio::join!(app.drain_elsewhere(), app.drain());
        // What one leaves to the other is done when both are.
        app.drain().await;
        let rows = stored::<raw_event::Entity>(&app.scope).await;
        assert_eq!(rows.iter().map(|row| row.applied).sum::<i32>(), 20);
        assert_eq!(stored::<message::Entity>(&app.scope).await.len(), 20);
    }
}

on_both! {
    async fn one_address_serves_the_lines_of_its_account(app: &TestApp) {
        let inbox = whatsapp::inbox(&app.scope).await;
        let other = whatsapp::inbox_of(&app.scope, "222222222222222").await;
        let elsewhere = app.new_account("Elsewhere").await;
        whatsapp::inbox_of(&elsewhere, "333333333333333").await;
        let text = fixture("text");
        for (line, id) in [
            ("222222222222222", "wamid.2"),
            ("333333333333333", "wamid.3"),
            (whatsapp::LINE, "wamid.1"),
        ] {
            let body = text.replace(whatsapp::LINE, line).replace("wamid.IN.TEXT", id);
            deliver(app, &inbox, &body).await;
        }
        let rows = stored::<message::Entity>(&app.scope).await;
        let mut places: Vec<_> =
            rows.iter().map(|row| (row.external_id.as_deref().unwrap(), row.inbox_id)).collect();
        places.sort();
        assert_eq!(places, [("wamid.1", inbox.id), ("wamid.2", other.id)]);
        // What no line of this account said is kept raw, and touches no other account.
        let raw = stored::<raw_event::Entity>(&app.scope).await;
        assert_eq!(raw.iter().map(|row| row.unknown).sum::<i32>(), 1);
        assert!(stored::<message::Entity>(&elsewhere).await.is_empty());
        assert!(stored::<raw_event::Entity>(&elsewhere).await.is_empty());
    }
}
