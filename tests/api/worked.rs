//! One worked example for each metric: a few rows, written out, and the number that follows
//! from them, worked out by hand. A metric without an example fails.

use entity::Timestamp;
use entity::id::InboxId;
use entity::kinds::{AuthorKind, Direction, Medium, Platform, StatusKind};
use entity::vocabulary::Vocabulary;
use rapport::analytics::{DateBasis, Metric};
use rapport::domain::record::{Author, Item, NewMessage, NewStatus, Outcome};
use serde_json::json;

use crate::support::factory;
use crate::{asking, on_both};

/// 2025-03-03T00:00:00Z. Each example has a week of its own, which begins with its day.
const FIRST_DAY: Timestamp = Timestamp(1_740_960_000 * Timestamp::SECOND);
const DAY_SECONDS: i64 = 24 * 3_600;
const MOST_ROWS: usize = 8;

struct Example {
    metric: Metric,
    /// None is the metric's own.
    basis: Option<DateBasis>,
    /// `day hh:mm | what | inbox | status day hh:mm, …`: the day 0 is the one that is asked
    /// for. `whatsapp` gives receipts and reads, `sms` receipts, `mail` neither. `whatsapp ada`
    /// is with Ada, who is in no other example.
    rows: &'static [&'static str],
    value: Option<f64>,
    numerator: f64,
    denominator: Option<f64>,
}

const fn count(metric: Metric, value: f64, rows: &'static [&'static str]) -> Example {
    let (basis, denominator) = (None, None);
    Example { metric, basis, rows, value: Some(value), numerator: value, denominator }
}

const fn on_event(metric: Metric, value: f64, rows: &'static [&'static str]) -> Example {
    let (basis, denominator) = (Some(DateBasis::Event), None);
    Example { metric, basis, rows, value: Some(value), numerator: value, denominator }
}

const fn share(
    metric: Metric,
    (value, numerator, denominator): (f64, f64, f64),
    rows: &'static [&'static str],
) -> Example {
    let (value, denominator) = (Some(value), Some(denominator));
    Example { metric, basis: None, rows, value, numerator, denominator }
}

const EXAMPLES: &[Example] = &[
    // 3: the client's of the first instant, the chat message though it failed, the mailing.
    // Not the note, the system entry, and those of the days before and after.
    count(
        Metric::Messages,
        3.0,
        &[
            "-1 23:59 | inbound | whatsapp |",
            " 0 00:00 | inbound | whatsapp |",
            " 0 09:00 | chat    | whatsapp | failed 0 09:01",
            " 0 10:00 | mailing | sms      |",
            " 0 11:00 | note    | whatsapp |",
            " 0 12:00 | system  | whatsapp |",
            " 1 00:00 | inbound | whatsapp |",
        ],
    ),
    // 2: whether the client answers a mailing or chats.
    count(
        Metric::MessagesReceived,
        2.0,
        &[
            "0 09:00 | inbound         | whatsapp |",
            "0 09:30 | inbound mailing | sms      |",
            "0 10:00 | chat            | whatsapp | sent 0 10:00",
            "0 11:00 | note            | whatsapp |",
        ],
    ),
    // 3: chat and mailings, sent or not.
    count(
        Metric::MessagesSent,
        3.0,
        &[
            "0 09:00 | chat    | whatsapp | read 0 09:05",
            "0 10:00 | mailing | sms      | failed 0 10:01",
            "0 11:00 | mailing | sms      | cancelled 0 10:59",
            "0 12:00 | inbound | whatsapp |",
            "0 13:00 | note    | whatsapp |",
            "0 14:00 | system  | whatsapp |",
        ],
    ),
    // 2: the notes of that day.
    count(
        Metric::PrivateNotes,
        2.0,
        &[
            "0 09:00 | note    | whatsapp |",
            "0 23:59 | note    | mail     |",
            "1 00:00 | note    | whatsapp |",
            "0 10:00 | system  | whatsapp |",
            "0 11:00 | chat    | whatsapp | sent 0 11:00",
        ],
    ),
    // 3: accepted; accepted and then given up; read, which implies that it was accepted, and
    // counts on the day of the send. Not what failed without being accepted, what nothing was
    // heard of, the send of the day before, and the chat message.
    count(
        Metric::Sent,
        3.0,
        &[
            " 0 09:00 | mailing | whatsapp | accepted 0 09:00",
            " 0 09:10 | mailing | whatsapp | sent 0 09:11, undelivered 0 09:20",
            " 0 23:59 | mailing | whatsapp | read 1 08:00",
            " 0 09:20 | mailing | whatsapp | failed 0 09:21",
            " 0 09:30 | mailing | whatsapp |",
            "-1 23:59 | mailing | whatsapp | sent 0 00:01",
            " 0 10:00 | chat    | whatsapp | sent 0 10:01",
        ],
    ),
    // 2: under the first evidence of acceptance, 09:11 and 00:01; the third is of the day after.
    on_event(
        Metric::Sent,
        2.0,
        &[
            " 0 09:10 | mailing | whatsapp | delivered 0 09:20, sent 0 09:11",
            "-1 23:59 | mailing | whatsapp | sent 0 00:01",
            " 0 23:59 | mailing | whatsapp | read 1 08:00",
        ],
    ),
    // 4: delivered; read; accepted where nothing more can be heard; delivered, whatever is
    // said later. Not what waits for its receipt, and what bounced.
    count(
        Metric::Delivered,
        4.0,
        &[
            "0 09:00 | mailing | sms      | sent 0 09:00, delivered 1 09:00",
            "0 09:10 | mailing | whatsapp | read 0 10:00",
            "0 09:20 | mailing | mail     | accepted 0 09:20",
            "0 09:30 | mailing | whatsapp | delivered 0 09:31, failed 0 09:40",
            "0 09:40 | mailing | whatsapp | sent 0 09:41",
            "0 09:50 | mailing | mail     | accepted 0 09:50, undelivered 0 09:55",
        ],
    ),
    // 3: at 00:30; at 07:00 by being read; at 10:00 by being accepted. The last is too late.
    on_event(
        Metric::Delivered,
        3.0,
        &[
            "-1 20:00 | mailing | sms      | sent -1 20:00, delivered 0 00:30",
            "-1 20:10 | mailing | whatsapp | read 0 07:00",
            " 0 09:59 | mailing | mail     | accepted 0 10:00",
            " 0 23:00 | mailing | sms      | sent 0 23:00, delivered 1 00:00",
        ],
    ),
    // 2: read, though it was said to have failed; read on the day after.
    count(
        Metric::Read,
        2.0,
        &[
            "0 09:00 | mailing | whatsapp | read 0 09:30, failed 0 09:10",
            "0 10:00 | mailing | whatsapp | delivered 0 10:01, read 1 10:00",
            "0 11:00 | mailing | whatsapp | delivered 0 11:01",
            "0 12:00 | chat    | whatsapp | read 0 12:01",
        ],
    ),
    // 1: once, when it was read first.
    on_event(
        Metric::Read,
        1.0,
        &[
            "-1 09:00 | mailing | whatsapp | delivered -1 09:01, read 0 08:00, read 0 09:00",
            "-1 10:00 | mailing | whatsapp | read -1 23:00, read 0 07:00",
            " 0 10:00 | mailing | whatsapp | read 1 00:00",
        ],
    ),
    // 2: refused; accepted and given up. Not what was delivered before, what will be tried
    // again, and what is on its way.
    count(
        Metric::Failed,
        2.0,
        &[
            "0 09:00 | mailing | whatsapp | failed 0 09:01",
            "0 09:10 | mailing | sms      | accepted 0 09:10, undelivered 0 12:00",
            "0 09:20 | mailing | whatsapp | delivered 0 09:21, failed 0 09:22",
            "0 09:30 | mailing | whatsapp | try_failed 0 09:31",
            "0 09:40 | mailing | whatsapp | sent 0 09:41",
        ],
    ),
    // 2: under the first failure, so that the first two are of this day and the third is not.
    on_event(
        Metric::Failed,
        2.0,
        &[
            " 0 23:49 | mailing | whatsapp | failed 1 00:10, failed 0 23:50",
            "-1 23:59 | mailing | sms      | sent -1 23:59, undelivered 0 03:00",
            " 0 23:59 | mailing | whatsapp | failed 1 00:00",
        ],
    ),
    // 5: the first five; accepted is final where nothing more can be heard.
    count(
        Metric::Pending,
        5.0,
        &[
            "0 09:00 | mailing | whatsapp |",
            "0 09:10 | mailing | whatsapp | created 0 09:10, deferred 0 09:11",
            "0 09:20 | mailing | whatsapp | sending 0 09:20",
            "0 09:30 | mailing | whatsapp | sending 0 09:30, unknown 0 09:31",
            "0 09:40 | mailing | sms      | sent 0 09:41",
            "0 09:50 | mailing | mail     | sent 0 09:51",
            "0 10:00 | mailing | whatsapp | cancelled 0 10:00",
            "0 10:10 | mailing | whatsapp | failed 0 10:11",
        ],
    ),
    // 2: cancelled while it waited, or at once. The third left all the same.
    count(
        Metric::Cancelled,
        2.0,
        &[
            "0 09:00 | mailing | whatsapp | deferred 0 08:00, cancelled 0 08:30",
            "0 09:10 | mailing | whatsapp | cancelled 0 09:10",
            "0 09:20 | mailing | whatsapp | cancelled 0 09:20, sent 0 09:21",
        ],
    ),
    // 1: the first. Cancelled goes further than expired, and the third arrived.
    count(
        Metric::Expired,
        1.0,
        &[
            "0 09:00 | mailing | whatsapp | sending 0 09:00, expired 0 12:00",
            "0 09:10 | mailing | whatsapp | expired 0 12:00, cancelled 0 11:00",
            "0 09:20 | mailing | whatsapp | expired 0 12:00, delivered 0 11:59",
        ],
    ),
    // 1: the first. The others have begun to leave, or have left.
    count(
        Metric::Deferred,
        1.0,
        &[
            "0 09:00 | mailing | whatsapp | deferred 0 08:00",
            "0 09:10 | mailing | whatsapp | deferred 0 08:00, sending 0 09:10",
            "0 09:20 | mailing | whatsapp | deferred 0 08:00, sent 0 09:20",
        ],
    ),
    // 3/5: the first three of the first five; the others were never accepted.
    share(
        Metric::DeliveryRate,
        (0.6, 3.0, 5.0),
        &[
            "0 09:00 | mailing | whatsapp | sent 0 09:00, delivered 0 09:01",
            "0 09:10 | mailing | whatsapp | read 0 09:30",
            "0 09:20 | mailing | mail     | accepted 0 09:20",
            "0 09:30 | mailing | sms      | sent 0 09:31",
            "0 09:40 | mailing | sms      | sent 0 09:41, undelivered 0 09:42",
            "0 09:50 | mailing | sms      | failed 0 09:51",
            "0 10:00 | mailing | sms      |",
        ],
    ),
    // 1/4: the first of the first four. The fifth is not delivered yet; on the others nobody
    // could have told that they were read.
    share(
        Metric::ReadRate,
        (0.25, 1.0, 4.0),
        &[
            "0 09:00 | mailing | whatsapp | delivered 0 09:00, read 0 09:01",
            "0 09:10 | mailing | whatsapp | delivered 0 09:10",
            "0 09:20 | mailing | whatsapp | delivered 0 09:20",
            "0 09:30 | mailing | whatsapp | delivered 0 09:30, failed 0 09:31",
            "0 09:40 | mailing | whatsapp | sent 0 09:40",
            "0 09:50 | mailing | sms      | delivered 0 09:50",
            "0 10:00 | mailing | mail     | sent 0 10:00",
        ],
    ),
    // 2/4: the first two of the first four. Of the fifth nothing was heard yet.
    share(
        Metric::FailureRate,
        (0.5, 2.0, 4.0),
        &[
            "0 09:00 | mailing | whatsapp | failed 0 09:00",
            "0 09:10 | mailing | whatsapp | sent 0 09:10, failed 0 09:11",
            "0 09:20 | mailing | whatsapp | delivered 0 09:20",
            "0 09:30 | mailing | whatsapp | sent 0 09:30",
            "0 09:40 | mailing | whatsapp |",
        ],
    ),
    // 3: two that Ada began, since they are on two inboxes, and one that was begun with Bob. Not
    // the answer to it, and what Cy began the day before.
    count(
        Metric::ConversationsStarted,
        3.0,
        &[
            "-1 23:00 | inbound | whatsapp cy  |",
            " 0 08:00 | inbound | whatsapp cy  |",
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 09:30 | chat    | whatsapp ada |",
            " 0 10:00 | inbound | sms ada      |",
            " 0 11:00 | mailing | whatsapp bob |",
            " 0 12:00 | inbound | whatsapp bob |",
        ],
    ),
    // 2: Ada's, once, and Bob's, though the message failed. A note is no message.
    count(
        Metric::ConversationsActive,
        2.0,
        &[
            "-1 09:00 | inbound | whatsapp ada |",
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 23:59 | chat    | whatsapp ada |",
            " 0 10:00 | mailing | sms bob      | failed 0 10:01",
            " 0 11:00 | note    | whatsapp cy  |",
        ],
    ),
    // 2: Ada on two inboxes, and Bob.
    count(
        Metric::ContactsActive,
        2.0,
        &[
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 10:00 | inbound | sms ada      |",
            " 0 11:00 | mailing | sms bob      |",
            " 1 00:00 | inbound | sms cy       |",
        ],
    ),
    // 3: Ada's after more than 24 hours, Bob's, who answers in it, and Ada's on another inbox. Not
    // what failed, and what goes on within 24 hours.
    count(
        Metric::SessionsStarted,
        3.0,
        &[
            "-2 08:00 | inbound | whatsapp ada |",
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 09:00 | mailing | sms bob      | sent 0 09:00",
            " 0 10:00 | inbound | sms bob      |",
            " 0 11:00 | mailing | sms cy       | failed 0 11:01",
            "-1 12:00 | inbound | sms cy       |",
            " 0 12:00 | inbound | sms cy       |",
            " 0 13:00 | inbound | sms ada      |",
        ],
    ),
    // 2: Ada, with two sessions, and Bob.
    count(
        Metric::SessionUsers,
        2.0,
        &[
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 13:00 | inbound | sms ada      |",
            " 0 14:00 | mailing | sms bob      | delivered 0 14:01",
            " 1 09:00 | inbound | sms cy       |",
        ],
    ),
    // 1: Ada. Bob wrote a week before, Cy was never reached.
    count(
        Metric::NewUsers,
        1.0,
        &[
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 13:00 | inbound | sms ada      |",
            "-3 09:00 | inbound | sms bob      |",
            " 0 10:00 | inbound | sms bob      |",
            " 0 11:00 | mailing | sms cy       | failed 0 11:01",
        ],
    ),
    // 2: Bob, who wrote before, and Ada, whose second session this is, though her first is of the
    // same day. Cy's goes on from the day before.
    count(
        Metric::ReturningUsers,
        2.0,
        &[
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 13:00 | inbound | sms ada      |",
            "-3 09:00 | inbound | sms bob      |",
            " 0 10:00 | inbound | sms bob      |",
            "-1 20:00 | inbound | sms cy       |",
            " 0 11:00 | inbound | sms cy       |",
        ],
    ),
];

/// `0 09:00` counted from `day`.
fn moment(day: Timestamp, text: &str) -> Timestamp {
    let (days, clock) = text.split_once(' ').unwrap();
    let (hours, minutes) = clock.split_once(':').unwrap();
    let [days, hours, minutes] = [days, hours, minutes].map(|text| text.parse::<i64>().unwrap());
    day.plus_seconds(days * DAY_SECONDS + hours * 3_600 + minutes * 60)
}

/// What a row says, to be recorded under this id.
fn items(row: &str, id: &str, day: Timestamp, inboxes: &[(&str, InboxId)]) -> Vec<Item> {
    let parts: Vec<&str> = row.split('|').map(str::trim).collect();
    let [at, what, inbox, heard] = parts[..] else { panic!("{row}") };
    let (inbox, person) = inbox.split_once(' ').unwrap_or((inbox, ""));
    let (_, inbox_id) = inboxes.iter().find(|(name, _)| *name == inbox).unwrap();
    let phone = match person {
        "" => "+15550001111".to_owned(),
        // The days of the examples are 604,800 seconds apart.
        name => format!(
            "+1{:08}{}",
            day.seconds() / 604_800,
            name.len() * 10 + usize::from(name.as_bytes()[0] % 10)
        ),
    };
    let (direction, medium, author) = match what {
        "inbound" => (Direction::Inbound, Medium::Chat, None),
        "inbound mailing" => (Direction::Inbound, Medium::Mailing, None),
        "chat" | "note" => (Direction::Outbound, Medium::Chat, Some(AuthorKind::User)),
        "mailing" => (Direction::Outbound, Medium::Mailing, None),
        "system" => (Direction::Outbound, Medium::Chat, Some(AuthorKind::System)),
        other => panic!("{other}"),
    };
    let message = NewMessage {
        external_id: Some(id.to_owned()),
        direction,
        medium,
        author: author.map(|kind| Author { kind, user_id: None, bot_id: None }),
        private: what == "note",
        occurred_at: Some(moment(day, at)),
        ..factory::message(*inbox_id, &phone, "Hello")
    };
    let statuses = heard.split(", ").filter(|heard| !heard.is_empty()).map(|heard| {
        let (kind, at) = heard.split_once(' ').unwrap();
        let kind = StatusKind::from_name(&kind.to_uppercase()).unwrap();
        let occurred_at = Some(moment(day, at));
        Item::Status(NewStatus { occurred_at, ..factory::status(*inbox_id, id, kind) })
    });
    std::iter::once(Item::Message(Box::new(message))).chain(statuses).collect()
}

on_both! {
    async fn every_example_comes_out(app: &TestApp) {
        let mut inboxes = Vec::new();
        for (name, platform) in
            [("whatsapp", Platform::Whatsapp), ("sms", Platform::Sms), ("mail", Platform::Email)]
        {
            inboxes.push((name, factory::inbox(&app.scope, name, platform).await.id));
        }
        let days = (0..).map(|week| FIRST_DAY.plus_seconds(week * 7 * DAY_SECONDS));
        let examples: Vec<(&Example, Timestamp)> = EXAMPLES.iter().zip(days).collect();
        for (example, day) in &examples {
            for (index, row) in example.rows.iter().enumerate() {
                let items = items(row, &format!("{}-{index}", day.0), *day, &inboxes);
                let outcomes = factory::record(&app.scope, items).await;
                let right = |outcome: &Outcome| matches!(outcome, Outcome::Recorded { .. });
                assert!(outcomes.iter().all(right), "{row}: {outcomes:?}");
            }
        }
        // All rows are there by now, and none disturbs the example of another week.
        for (example, day) in examples {
            let text = |at: Timestamp| jiff::Timestamp::from_microsecond(at.0).unwrap().to_string();
            let range = json!({ "from": text(day), "to": text(day.plus_seconds(DAY_SECONDS)) });
            let input = json!({
                "metrics": [example.metric],
                "dateBasis": example.basis,
                "period": { "range": range },
                "timeZone": "UTC",
            });
            let report = asking::report(app, &input).await;
            let told = &report["totals"][0];
            let number = |field: &str| told[field].as_f64();
            let found = (number("value"), number("numerator"), number("denominator"));
            let expected = (example.value, Some(example.numerator), example.denominator);
            assert_eq!(found, expected, "{:?} of {:#?}", example.metric, example.rows);
            assert_eq!(report["rows"][0]["values"][0], *told);
        }
    }
}

#[test]
fn every_metric_has_an_example() {
    for metric in Metric::ALL {
        let found = EXAMPLES.iter().any(|example| example.metric == *metric);
        assert!(found, "{} has no worked example; add one to EXAMPLES", metric.name());
    }
    for Example { metric, rows, .. } in EXAMPLES {
        assert!(rows.len() <= MOST_ROWS, "the example of {} is too long", metric.name());
    }
}
