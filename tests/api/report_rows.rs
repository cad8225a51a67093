//! Which rows a report has and in which order, the rest that stands for the groups not
//! shown, the hours and days of clocks that are set, and periods by name and length.

use entity::Timestamp;
use entity::id::InboxId;
use entity::kinds::{Direction, Medium, Platform, StatusKind};
use rapport::domain::inbox::{InboxCreate, create};
use rapport::domain::record::{Item, NewMessage, NewStatus};
use rapport::graphql::id::{NodeId, NodeKind};
use serde_json::{Value, json};

use crate::asking::{labels, report, rows, total, values, with};
use crate::on_both;
use crate::support::TestApp;
use crate::support::factory;

const ADA: &str = "+15550001111";

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

/// Something the client says.
async fn say(app: &TestApp, inbox: InboxId, when: Timestamp) {
    let message = factory::message(inbox, ADA, "Hello");
    factory::say(&app.scope, NewMessage { occurred_at: Some(when), ..message }).await;
}

/// A send of the mailing under this id, and what was heard of it a minute later.
async fn send(app: &TestApp, inbox: InboxId, id: &str, when: Timestamp, heard: &[StatusKind]) {
    let message = NewMessage {
        external_id: Some(id.to_owned()),
        direction: Direction::Outbound,
        medium: Medium::Mailing,
        occurred_at: Some(when),
        ..factory::message(inbox, ADA, "News")
    };
    let mut items = vec![Item::Message(Box::new(message))];
    items.extend(heard.iter().map(|kind| {
        let occurred_at = Some(when.plus_seconds(60));
        Item::Status(NewStatus { occurred_at, ..factory::status(inbox, id, *kind) })
    }));
    factory::record(&app.scope, items).await;
}

/// Two local days of February 2026, and what is asked about them.
fn two_days(changes: Value) -> Value {
    let input = json!({
        "metrics": ["SENT"],
        "period": { "range": { "from": "2026-02-02T00:00:00Z", "to": "2026-02-04T00:00:00Z" } },
        "timeZone": "UTC",
    });
    with(&input, changes)
}

/// Of each inbox so many sends on the two days by turns, and how many of them arrived.
async fn mailing(app: &TestApp) {
    for (name, sent, arrived) in [("A", 4, 3), ("B", 3, 0), ("C", 2, 1), ("D", 1, 1)] {
        let inbox = factory::inbox(&app.scope, name, Platform::Sms).await.id;
        for number in 0..sent {
            let when = at("2026-02-02T12:00:00Z").plus_seconds(i64::from(number % 2) * 24 * 3_600);
            let kind = if number < arrived { StatusKind::Delivered } else { StatusKind::Sent };
            send(app, inbox, &format!("{name}{number}"), when, &[kind]).await;
        }
    }
}

on_both! {
    async fn the_rest_stands_for_all_groups_that_are_not_shown(app: &TestApp) {
        mailing(app).await;
        let metrics = json!(["SENT", "DELIVERED", "DELIVERY_RATE"]);
        let first_two = json!({ "metrics": metrics, "breakdown": ["INBOX"], "first": 2 });
        let told = report(app, &two_days(first_two.clone())).await;
        assert_eq!(labels(&told), ["A", "B", "other"]);
        assert_eq!(values(&told, 0), [Some(4.0), Some(3.0), Some(3.0)]);
        assert_eq!(values(&told, 1), [Some(3.0), Some(0.0), Some(2.0)]);
        // Two thirds, from the sums of C and D and not from the mean of their rates.
        assert_eq!(values(&told, 2), [Some(0.75), Some(0.0), Some(2.0 / 3.0)]);
        assert_eq!([0, 1, 2].map(|metric| total(&told, metric)), [10.0, 5.0, 0.5].map(Some));
        let rest = &rows(&told)[2];
        assert_eq!((&rest["other"], &rest["keys"][0]["value"]), (&json!(true), &Value::Null));
        assert!(rows(&told).iter().take(2).all(|row| row["other"] == json!(false)));

        // In a series each day has the same groups, chosen over the whole period.
        let series = with(&first_two, json!({ "interval": "DAY" }));
        let told = report(app, &two_days(series)).await;
        assert_eq!(labels(&told), ["A", "B", "other", "A", "B", "other"]);
        assert_eq!(values(&told, 0), [2.0, 2.0, 2.0, 2.0, 1.0, 1.0].map(Some));
        // By two dimensions the rest is one row as well.
        let pairs = with(&first_two, json!({ "breakdown": ["INBOX", "STATUS"], "first": 1 }));
        let told = report(app, &two_days(pairs)).await;
        assert_eq!(labels(&told), ["A/DELIVERED", "other/other"]);
        assert_eq!(values(&told, 0), [Some(3.0), Some(7.0)]);
        // Where all are shown there is no rest.
        for first in [4, 5, 1000] {
            let all = with(&first_two, json!({ "first": first }));
            assert_eq!(labels(&report(app, &two_days(all)).await), ["A", "B", "C", "D"]);
        }
    }
}

on_both! {
    async fn groups_stand_in_the_order_asked_for(app: &TestApp) {
        mailing(app).await;
        // Not a send, so that it has no rate.
        let chats = factory::inbox(&app.scope, "a chat", Platform::Web).await.id;
        say(app, chats, at("2026-02-02T12:00:00Z")).await;
        let order = |metric: &str, direction: &str| {
            let order = json!({ "metric": metric, "direction": direction });
            two_days(json!({
                "metrics": ["MESSAGES", "DELIVERY_RATE"], "breakdown": ["INBOX"], "orderBy": order,
            }))
        };
        let by = async |metric: &str, direction: &str| {
            labels(&report(app, &order(metric, direction)).await)
        };
        assert_eq!(by("MESSAGES", "DESC").await, ["A", "B", "C", "a chat", "D"]);
        assert_eq!(by("MESSAGES", "ASC").await, ["a chat", "D", "C", "B", "A"]);
        // What has no value comes last, either way.
        assert_eq!(by("DELIVERY_RATE", "DESC").await, ["D", "A", "C", "B", "a chat"]);
        assert_eq!(by("DELIVERY_RATE", "ASC").await, ["B", "C", "A", "D", "a chat"]);
        let usual = two_days(json!({ "metrics": ["SENT"], "breakdown": ["INBOX"] }));
        assert_eq!(labels(&report(app, &usual).await), ["A", "B", "C", "D"]);
    }
}

on_both! {
    async fn equal_groups_stand_by_text_then_by_id(app: &TestApp) {
        let when = at("2026-02-02T12:00:00Z");
        let mut ids = Vec::new();
        for portfolio in ["b", "zz", "Ärger", "a", "A", "ZA", ""] {
            let portfolio = Some(portfolio.to_owned());
            let input = InboxCreate { portfolio, ..InboxCreate::new("Same", Platform::Web) };
            let inbox = create(&app.scope, None, input).await.unwrap().id;
            say(app, inbox, when).await;
            ids.push(NodeId::tenant(NodeKind::Inbox, app.scope.account_id(), inbox).to_string());
        }
        for direction in ["ASC", "DESC"] {
            let ask = |dimension: &str| {
                let order = json!({ "metric": "MESSAGES", "direction": direction });
                two_days(json!({
                    "metrics": ["MESSAGES"], "breakdown": [dimension], "orderBy": order,
                }))
            };
            let told = report(app, &ask("PORTFOLIO")).await;
            assert_eq!(labels(&told), ["A", "a", "b", "ZA", "zz", "Ärger", "none"]);
            // All of one name: in the order of their making.
            let told = report(app, &ask("INBOX")).await;
            assert_eq!(labels(&told), ["Same"; 7]);
            let found: Vec<&str> =
                rows(&told).iter().map(|row| row["keys"][0]["value"].as_str().unwrap()).collect();
            assert_eq!(found, ids);
        }
    }
}

on_both! {
    async fn a_group_has_a_fact_of_some_metric_in_the_period(app: &TestApp) {
        mailing(app).await;
        let chats = factory::inbox(&app.scope, "chats", Platform::Web).await.id;
        say(app, chats, at("2026-02-02T12:00:00Z")).await;
        let notes = factory::inbox(&app.scope, "notes", Platform::Web).await.id;
        let note = NewMessage { private: true, ..factory::answer(notes, ADA, "Mind this") };
        let when = Some(at("2026-02-03T12:00:00Z"));
        factory::say(&app.scope, NewMessage { occurred_at: when, ..note }).await;
        let early = factory::inbox(&app.scope, "early", Platform::Web).await.id;
        say(app, early, at("2026-02-01T23:59:59Z")).await;
        for (metrics, groups) in [
            (json!(["PRIVATE_NOTES"]), vec!["notes"]),
            (json!(["MESSAGES_RECEIVED"]), vec!["chats"]),
            (json!(["MESSAGES_RECEIVED", "PRIVATE_NOTES"]), vec!["chats", "notes"]),
            (json!(["FAILED", "CANCELLED"]), vec![]),
            // B has no delivery, but sends of which there could have been some.
            (json!(["DELIVERED"]), vec!["A", "C", "D"]),
            (json!(["DELIVERY_RATE"]), vec!["D", "A", "C", "B"]),
            (json!(["SENT", "MESSAGES_RECEIVED"]), vec!["A", "B", "C", "D", "chats"]),
        ] {
            let input = two_days(json!({ "metrics": metrics, "breakdown": ["INBOX"] }));
            assert_eq!(labels(&report(app, &input).await), groups, "{metrics}");
            // A group that is shown has every bucket, the others none.
            let input = with(&input, json!({ "interval": "DAY" }));
            assert_eq!(labels(&report(app, &input).await), groups.repeat(2), "{metrics}");
        }
        // Without groups there is one row, whether anything happened or not.
        let told = report(app, &two_days(json!({ "metrics": ["FAILED", "READ_RATE"] }))).await;
        assert_eq!((values(&told, 0), values(&told, 1)), (vec![Some(0.0)], vec![None]));
        assert_eq!(rows(&told)[0]["values"], told["totals"]);
    }
}

on_both! {
    async fn hours_and_days_are_those_of_clocks_that_are_set(app: &TestApp) {
        let inbox = factory::inbox(&app.scope, "Shop", Platform::Web).await.id;
        // Zone, instants, hours of the day with their counts, days of the week with theirs.
        let cases = [
            // 02:00 to 03:00 did not exist.
            (
                "Europe/Berlin",
                vec!["2025-03-30T00:59:59Z", "2025-03-30T01:00:00Z"],
                vec![("1", 1.0), ("3", 1.0)],
                vec![("7", 2.0)],
            ),
            // It came twice, and the second time is the same hour of the day.
            (
                "Europe/Berlin",
                vec!["2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", "2025-10-26T23:00:00Z"],
                vec![("2", 2.0), ("0", 1.0)],
                vec![("7", 2.0), ("1", 1.0)],
            ),
            // 01:30 to 02:00 came twice; it was Sunday there and Saturday in UTC.
            (
                "Australia/Lord_Howe",
                vec!["2025-04-05T12:59:59Z", "2025-04-05T14:45:00Z", "2025-04-05T15:15:00Z"],
                vec![("1", 2.0), ("23", 1.0)],
                vec![("7", 2.0), ("6", 1.0)],
            ),
            // Midnight did not exist.
            (
                "America/Sao_Paulo",
                vec!["2018-11-04T02:59:59Z", "2018-11-04T03:00:00Z"],
                vec![("1", 1.0), ("23", 1.0)],
                vec![("6", 1.0), ("7", 1.0)],
            ),
            // Thursday was followed by Saturday.
            (
                "Pacific/Apia",
                vec!["2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"],
                vec![("0", 1.0), ("23", 1.0)],
                vec![("4", 1.0), ("6", 1.0)],
            ),
        ];
        for (zone, instants, hours, days) in cases {
            for instant in &instants {
                say(app, inbox, at(instant)).await;
            }
            let to = at(instants.last().unwrap()).plus_seconds(1);
            let to = jiff::Timestamp::from_microsecond(to.0).unwrap().to_string();
            let range = json!({ "from": instants[0], "to": to });
            for (dimension, groups) in [("HOUR_OF_DAY", hours), ("DAY_OF_WEEK", days)] {
                let input = json!({
                    "metrics": ["MESSAGES"], "period": { "range": range }, "timeZone": zone,
                    "breakdown": [dimension],
                });
                let told = report(app, &input).await;
                let found: Vec<(String, f64)> =
                    labels(&told).into_iter().zip(values(&told, 0).into_iter().flatten()).collect();
                let expected: Vec<(String, f64)> =
                    groups.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect();
                assert_eq!(found, expected, "{dimension} in {zone}");
            }
        }
    }
}

on_both! {
    async fn a_length_of_time_ends_now_and_keeps_the_local_time(app: &TestApp) {
        // 2026-04-07T15:00:00Z: Berlin's clocks were set on 29 March.
        app.set_clock(20 * 24 * 3_600);
        for (length, zone, from) in [
            ("P30D", "Europe/Berlin", "2026-03-08T16:00:00Z"),
            ("P1M", "Europe/Berlin", "2026-03-07T16:00:00Z"),
            ("P1M", "America/Sao_Paulo", "2026-03-07T15:00:00Z"),
            ("PT720H", "Europe/Berlin", "2026-03-08T15:00:00Z"),
            ("P1Y", "Europe/Berlin", "2025-04-07T15:00:00Z"),
            ("P1W", "UTC", "2026-03-31T15:00:00Z"),
        ] {
            let input = json!({
                "metrics": ["MESSAGES"], "period": { "last": length }, "timeZone": zone,
            });
            let told = report(app, &input).await;
            let period = json!({ "from": from, "to": "2026-04-07T15:00:00Z", "timeZone": zone });
            assert_eq!(told["period"], period, "{length}");
        }
        let inbox = factory::inbox(&app.scope, "Shop", Platform::Web).await.id;
        let (from, to) = (at("2026-03-07T16:00:00Z"), at("2026-04-07T15:00:00Z"));
        for when in [Timestamp(from.0 - 1), from, Timestamp(to.0 - 1), to] {
            say(app, inbox, when).await;
        }
        let input = json!({
            "metrics": ["MESSAGES"], "period": { "last": "P1M" }, "timeZone": "Europe/Berlin",
        });
        assert_eq!(total(&report(app, &input).await, 0), Some(2.0));
    }
}

on_both! {
    async fn presets_are_whole_days_of_the_zone_and_compare_with_the_unit_before(app: &TestApp) {
        // Now is 2026-03-18T15:00:00Z, and the account's clocks are three hours behind.
        for (preset, from, to, before) in [
            ("TODAY", "2026-03-18", "2026-03-19", "2026-03-17"),
            ("LAST_7_DAYS", "2026-03-12", "2026-03-19", "2026-03-05"),
            ("THIS_WEEK", "2026-03-16", "2026-03-23", "2026-03-09"),
            ("LAST_MONTH", "2026-02-01", "2026-03-01", "2026-01-01"),
            ("THIS_QUARTER", "2026-01-01", "2026-04-01", "2025-10-01"),
            ("THIS_YEAR", "2026-01-01", "2027-01-01", "2025-01-01"),
        ] {
            let input = json!({
                "metrics": ["MESSAGES"], "period": { "preset": preset },
                "compareTo": "PREVIOUS_PERIOD",
            });
            let told = report(app, &input).await;
            let midnight = |day: &str| format!("{day}T03:00:00Z");
            let zone = "America/Sao_Paulo";
            let period = json!({ "from": midnight(from), "to": midnight(to), "timeZone": zone });
            assert_eq!(told["period"], period, "{preset}");
            let compared = json!({ "from": midnight(before), "to": midnight(from) });
            assert_eq!(told["comparedTo"], compared, "{preset}");
        }
    }
}
