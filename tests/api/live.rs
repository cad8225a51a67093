//! What is heard of an account: every change once and in one order, also by those who are slow
//! or come back, and reports that are shared.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::Timestamp;
use entity::id::{InboxId, MessageId};
use entity::kinds::{Platform, StatusKind};
use rapport::analytics::{Metric, PeriodInput, ReportFilter, ReportInput};
use rapport::auth::AccountScope;
use rapport::domain::record::Item;
use rapport::error::Error;
use rapport::live::{Change, Feed, Live, Position, log};

use crate::on_both;
use crate::support::factory;

/// Records so many messages in one batch.
async fn say(scope: &AccountScope, inbox: InboxId, from: usize, count: usize) {
    let items = (from..from + count).map(|number| {
        let message = factory::message(inbox, &format!("+1555{number:07}"), "hello");
        Item::Message(Box::new(message))
    });
    factory::record(scope, items.collect()).await;
}

/// The next so many messages that are added.
async fn heard(feed: &mut Feed, count: usize) -> Vec<(Position, MessageId)> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let event = tokio::time::timeout(Duration::from_secs(20), feed.next()).await;
        let event = event.expect("nothing is heard").unwrap();
        if let Change::MessageAdded(row) = event.change {
            heard.push((event.position, row.id));
        }
    }
    heard
}

on_both! {
    async fn everything_is_heard_once_and_in_one_order(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let live = Live::new(app.engine.clone());
        let mut first = live.feed(&app.scope, None).await.unwrap();
        let mut second = live.feed(&app.scope, None).await.unwrap();
        let writers = (0..4).map(|writer| {
            let scope = app.scope.clone();
            tokio::spawn(async move {
                for batch in 0..10 {
                    say(&scope, inbox, writer * 1_000 + batch * 3, 3).await;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let all = heard(&mut first, 120).await;
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(all.is_sorted(), "{all:?}");
        let ids: HashSet<_> = all.iter().map(|(_, id)| *id).collect();
        let stored: HashSet<_> = factory::stored::<entity::message::Entity>(&app.scope).await
            .into_iter().map(|row| row.id).collect();
        assert_eq!(ids, stored);
        assert_eq!(heard(&mut second, 120).await, all);

        // Whoever comes back with any cursor hears the rest.
        for (index, (position, _)) in all.iter().enumerate().step_by(7) {
            let mut back = live.feed(&app.scope, Some(*position)).await.unwrap();
            assert_eq!(heard(&mut back, 120 - index - 1).await, all[index + 1..]);
        }
    }
}

on_both! {
    async fn who_is_slow_loses_nothing(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let live = Live::new(app.engine.clone());
        let mut slow = live.feed(&app.scope, None).await.unwrap();
        let mut fast = live.feed(&app.scope, None).await.unwrap();
        let mut all = Vec::new();
        // More pages than the watcher keeps for anybody.
        for batch in 0..40 {
            say(&app.scope, inbox, batch * 2, 2).await;
            all.extend(heard(&mut fast, 2).await);
        }
        assert_eq!(heard(&mut slow, 80).await, all);
    }
}

on_both! {
    /// Another process writes, and another one numbers.
    async fn what_others_write_is_heard(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let (here, elsewhere) = (Live::new(app.engine.clone()), Live::new(app.engine.clone()));
        let mut one = here.feed(&app.scope, None).await.unwrap();
        let mut other = elsewhere.feed(&app.scope, None).await.unwrap();
        for batch in 0..10 {
            say(&app.scope, inbox, batch * 5, 5).await;
        }
        assert_eq!(heard(&mut one, 50).await, heard(&mut other, 50).await);
    }
}

on_both! {
    async fn the_kinds_of_changes_are_told_apart(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let live = Live::new(app.engine.clone());
        let mut feed = live.feed(&app.scope, None).await.unwrap();
        let mut message = factory::answer(inbox, "+15550001", "hello");
        message.external_id = Some("x".to_owned());
        let (message, conversation) = factory::say(&app.scope, message).await;
        let delivered = factory::status(inbox, "x", StatusKind::Delivered);
        factory::record(&app.scope, vec![Item::Status(delivered)]).await;
        let (mut added, mut turned, mut changed) = (false, false, false);
        while !(added && turned && changed) {
            match feed.next().await.unwrap().change {
                Change::MessageAdded(row) => added = row.id == message,
                Change::MessageStatusChanged(row) => turned = row.id == message,
                Change::ConversationChanged(row) => changed = row.id == conversation,
                Change::Other => {}
            }
        }
    }
}

on_both! {
    async fn forgotten_events_are_told_of(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let live = Live::new(app.engine.clone());
        let mut feed = live.feed(&app.scope, None).await.unwrap();
        say(&app.scope, inbox, 0, 3).await;
        let old = heard(&mut feed, 3).await;
        log::forget(&app.scope).await.unwrap();
        let mut back = live.feed(&app.scope, Some(old[1].0)).await.unwrap();
        assert_eq!(heard(&mut back, 1).await, old[2..]);

        // Who has heard all there is, is not sent away, however long ago that was.
        app.set_clock(log::KEPT_SECONDS + 1);
        log::forget(&app.scope).await.unwrap();
        let mut back = live.feed(&app.scope, Some(old[1].0)).await.unwrap();
        assert_eq!(heard(&mut back, 1).await, old[2..]);

        say(&app.scope, inbox, 10, 1).await;
        let new = heard(&mut back, 1).await;
        app.set_clock(2 * log::KEPT_SECONDS + 2);
        log::forget(&app.scope).await.unwrap();
        let gone = live.feed(&app.scope, Some(old[1].0)).await;
        assert!(matches!(gone, Err(Error::Resync)));
        let mut late = live.feed(&app.scope, Some(new[0].0)).await.unwrap();
        say(&app.scope, inbox, 20, 1).await;
        assert_eq!(heard(&mut late, 1).await.len(), 1);
        assert_eq!(heard(&mut back, 1).await.len(), 1);
        let future = Position { seq: 1_000_000, index: 0 };
        assert!(matches!(live.feed(&app.scope, Some(future)).await, Err(Error::Resync)));
    }
}

on_both! {
    async fn another_account_is_not_heard(app: &TestApp) {
        let (_, strange) = app.stranger().await;
        let inbox = factory::inbox(&strange, "live", Platform::Sms).await.id;
        let own = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let live = Live::new(app.engine.clone());
        let mut feed = live.feed(&app.scope, None).await.unwrap();
        say(&strange, inbox, 0, 3).await;
        let (message, _) =
            factory::say(&app.scope, factory::message(own, "+15550001", "hello")).await;
        assert_eq!(heard(&mut feed, 1).await[0].1, message);
    }
}

fn messages_of_today(from: Timestamp) -> ReportInput {
    ReportInput {
        metrics: vec![Metric::Messages],
        period: PeriodInput::Range { from, to: from.plus_seconds(86_400) },
        interval: None,
        breakdown: Vec::new(),
        filter: ReportFilter::default(),
        date_basis: None,
        time_zone: None,
        compare_to: None,
        order_by: None,
        reply_window: None,
        first: None,
    }
}

on_both! {
    async fn a_report_is_made_once_for_all_who_ask(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "live", Platform::Sms).await.id;
        let live = Live::new(app.engine.clone());
        let began = Instant::now();
        let (last, statements) = app.watch.during(async {
            let mut subscribers = Vec::new();
            for _ in 0..20 {
                let input = messages_of_today(app.now);
                let mut report = live.report(&app.scope, input).await.unwrap();
                assert_eq!(report.next().await.unwrap().totals[0].value, Some(0.0));
                subscribers.push(report);
            }
            for batch in 0..12 {
                say(&app.scope, inbox, batch * 2, 2).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let mut last = Vec::new();
            for report in &mut subscribers {
                loop {
                    let made = report.next().await.unwrap();
                    if made.totals[0].value == Some(24.0) {
                        break last.push(Arc::as_ptr(&made));
                    }
                }
            }
            last
        }).await;
        assert_eq!(last.iter().collect::<HashSet<_>>().len(), 1, "each has made its own");
        let made = statements.iter().filter(|statement| statement.sql.contains("FROM seg CROSS JOIN"));
        let (made, seconds) = (made.count(), began.elapsed().as_secs());
        assert!(made >= 2 && made as u64 <= seconds + 2, "made {made} times in {seconds} s");
    }
}
