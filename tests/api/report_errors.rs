//! What cannot be asked of a report is refused in one clear way: where it is wrong, of what
//! kind the mistake is, and what is allowed.

use entity::id::Uuid;
use entity::kinds::{ConversationEventKind, Platform, Role, TemplateCategory};
use entity::vocabulary::Vocabulary;
use rapport::analytics::{DateBasis, Dimension, MOST_BUCKETS, MOST_CELLS, Metric, definitions};
use rapport::domain::bot::{self, BotCreate};
use rapport::domain::label::{self, LabelCreate};
use rapport::domain::record::{NewConversationEvent, NewMessage};
use rapport::domain::team::{self, TeamCreate};
use rapport::domain::template::{self, TemplateCreate};
use rapport::domain::user::{UserInvite, invite};
use rapport::graphql::id::{NodeId, NodeKind};
use rapport::graphql::loader::MOST_COUNTED;
use serde_json::{Value, json};

use crate::asking::{answer, with};
use crate::on_both;
use crate::support::TestApp;
use crate::support::factory;

/// What may be asked, before something in it is made wrong.
fn right() -> Value {
    json!({ "metrics": ["MESSAGES"], "period": { "last": "P7D" } })
}

fn range(from: &str, to: &str) -> Value {
    json!({ "range": { "from": from, "to": to } })
}

/// The broken rules of what must be refused: path, code and message.
async fn violations(app: &TestApp, input: &Value) -> Vec<(String, String, String)> {
    let answer = answer(app, input).await;
    assert_eq!(answer.status, 200, "{input:#}");
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{input:#}");
    assert_eq!(answer.body["errors"].as_array().unwrap().len(), 1, "{:#}", answer.body);
    let violations = answer.body["errors"][0]["extensions"]["violations"].as_array();
    let text = |violation: &Value, field: &str| violation[field].as_str().unwrap().to_owned();
    let violations = violations.unwrap_or_else(|| panic!("no violation: {:#}", answer.body)).iter();
    let parts = |each| (text(each, "path"), text(each, "code"), text(each, "message"));
    violations.map(parts).collect()
}

/// Fails unless exactly one rule is broken, and it is this one.
async fn one(app: &TestApp, input: &Value, path: &str, code: &str, words: &[&str]) {
    let found = violations(app, input).await;
    let [(found_path, found_code, message)] = &found[..] else { panic!("{input:#}: {found:?}") };
    assert_eq!((found_path.as_str(), found_code.as_str()), (path, code), "{input:#}: {message}");
    for word in words {
        assert!(message.contains(word), "{word} is missing: {message}");
    }
}

on_both! {
    async fn each_mistake_is_named(app: &TestApp) {
        let long = ["INBOX", "LINE", "BOT", "AUTHOR"];
        let hours = range("1990-01-01T00:00:00Z", "2020-01-01T00:00:00Z");
        let backwards = range("2026-02-02T00:00:00Z", "2026-02-01T23:59:59Z");
        let buckets = MOST_BUCKETS.to_string();
        let order = json!({ "metric": "SENT", "direction": "ASC" });
        let last = |length: &str| json!({ "period": { "last": length } });
        let cases: Vec<(Value, &str, &str, Vec<&str>)> = vec![
            (json!({ "metrics": [] }), "metrics", "REQUIRED", vec!["at least one"]),
            (json!({ "metrics": ["SENT", "SENT"] }), "metrics[1]", "CONFLICT", vec!["SENT"]),
            (json!({ "breakdown": long }), "breakdown", "TOO_LONG", vec!["4", "at most 3"]),
            (json!({ "breakdown": ["BOT", "BOT"] }), "breakdown[1]", "CONFLICT", vec!["BOT"]),
            (json!({ "orderBy": order }), "orderBy.metric", "CONFLICT", vec!["MESSAGES"]),
            (json!({ "first": 0 }), "first", "OUT_OF_RANGE", vec!["0", "1 to 1000"]),
            (json!({ "first": 1001 }), "first", "OUT_OF_RANGE", vec!["1001", "1 to 1000"]),
            (json!({ "first": -1 }), "first", "OUT_OF_RANGE", vec!["-1", "1 to 1000"]),
            (json!({ "period": backwards }), "period.range.to", "OUT_OF_RANGE", vec!["from"]),
            (json!({ "timeZone": "Mars/Olympus" }), "timeZone", "MALFORMED", vec!["Europe/Berlin"]),
            (json!({ "timeZone": "" }), "timeZone", "MALFORMED", vec!["Europe/Berlin"]),
            (json!({ "timeZone": "+02:00" }), "timeZone", "MALFORMED", vec!["Europe/Berlin"]),
            (json!({ "replyWindow": "P1M" }), "replyWindow", "UNSUPPORTED", vec!["months", "days"]),
            (json!({ "replyWindow": "soon" }), "replyWindow", "MALFORMED", vec!["PT72H"]),
            (json!({ "replyWindow": "-PT1H" }), "replyWindow", "OUT_OF_RANGE", vec!["negative"]),
            (json!({ "replyWindow": "P367D" }), "replyWindow", "OUT_OF_RANGE", vec!["31622400"]),
            (last("P0D"), "period.last", "OUT_OF_RANGE", vec!["longer than nothing"]),
            (last("-P1D"), "period.last", "OUT_OF_RANGE", vec!["longer than nothing"]),
            (last("a week"), "period.last", "MALFORMED", vec!["P30D"]),
            (last(""), "period.last", "MALFORMED", vec!["PT12H"]),
            (
                json!({ "period": hours, "interval": "HOUR" }),
                "interval",
                "OUT_OF_RANGE",
                vec![buckets.as_str(), "interval"],
            ),
            (
                json!({ "filter": { "hoursOfDay": [23, 24] } }),
                "filter.hoursOfDay[1]",
                "OUT_OF_RANGE",
                vec!["24", "0 to 23"],
            ),
            (
                json!({ "filter": { "daysOfWeek": [0, 1] } }),
                "filter.daysOfWeek[0]",
                "OUT_OF_RANGE",
                vec!["0", "1 to 7"],
            ),
            (
                json!({ "filter": { "authors": ["USER", "NOBODY"] } }),
                "filter.authors[1]",
                "MALFORMED",
                vec!["User", "Bot", "USER", "BOT", "AUTOMATION", "CAMPAIGN"],
            ),
            (
                json!({ "filter": { "inboxes": ["Shop"] } }),
                "filter.inboxes[0]",
                "MALFORMED",
                vec!["Inbox"],
            ),
            (
                json!({ "filter": { "lines": ["x".repeat(256)] } }),
                "filter.lines[0]",
                "TOO_LONG",
                vec!["256", "255"],
            ),
        ];
        for (changes, path, code, words) in cases {
            one(app, &with(&right(), changes), path, code, &words).await;
        }
    }
}

on_both! {
    async fn metrics_are_refused_on_a_basis_and_by_a_dimension_that_they_have_not(app: &TestApp) {
        let mut refused = Vec::new();
        for definition in definitions() {
            let metric = definition.metric;
            let right = with(&right(), json!({ "metrics": [metric] }));
            for basis in DateBasis::ALL.iter().filter(|basis| !definition.bases.contains(basis)) {
                let input = with(&right, json!({ "dateBasis": basis }));
                let words: Vec<&str> = definition.bases.iter().map(|basis| basis.name()).collect();
                let words = [&words[..], &[metric.name()]].concat();
                one(app, &input, "metrics[0]", "UNSUPPORTED", &words).await;
                refused.push((metric.name(), basis.name()));
            }
            let allowed: Vec<&str> = definition.dimensions.iter().map(|each| each.name()).collect();
            let forbidden = |dimension: &&Dimension| !definition.dimensions.contains(dimension);
            for dimension in Dimension::ALL.iter().filter(forbidden) {
                let input = with(&right, json!({ "breakdown": [dimension] }));
                let words = [&allowed[..], &[metric.name(), dimension.name()]].concat();
                one(app, &input, "breakdown[0]", "UNSUPPORTED", &words).await;
                refused.push((metric.name(), dimension.name()));
            }
        }
        for (metric, what) in [
            ("DELIVERY_RATE", "EVENT"),
            ("READ_RATE", "EVENT"),
            ("FAILURE_RATE", "EVENT"),
            ("PENDING", "EVENT"),
            ("MESSAGES", "SEND"),
            ("PRIVATE_NOTES", "SEND"),
            ("SENT", "MESSENGER"),
            ("DELIVERY_RATE", "MESSENGER"),
        ] {
            assert!(refused.contains(&(metric, what)), "{metric} was not refused for {what}");
        }
    }
}

on_both! {
    async fn every_mistake_is_named_at_once(app: &TestApp) {
        let input = json!({
            "metrics": ["READ_RATE", "MESSAGES", "MESSAGES"],
            "period": { "last": "soon" },
            "interval": "DAY",
            "breakdown": ["MESSENGER", "INBOX", "INBOX", "LINE"],
            "dateBasis": "EVENT",
            "orderBy": { "metric": "SENT" },
            "first": 0,
            "filter": { "hoursOfDay": [24] },
        });
        let others = [
            "breakdown",
            "breakdown[0]",
            "breakdown[2]",
            "filter.hoursOfDay[0]",
            "first",
            "metrics[0]",
            "metrics[2]",
            "orderBy.metric",
        ];
        let nowhere = json!({ "period": { "last": "P7D" }, "timeZone": "Nowhere" });
        for (input, last) in [(input.clone(), "period.last"), (with(&input, nowhere), "timeZone")] {
            let found = violations(app, &input).await;
            let mut paths: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
            paths.sort_unstable();
            assert_eq!(paths, [&others[..], &[last]].concat());
        }
    }
}

on_both! {
    async fn a_report_that_would_be_too_long_names_its_limit(app: &TestApp) {
        // 9,000 hours of 12 metrics.
        let metrics: Vec<&str> = Metric::ALL.iter().take(12).map(|metric| metric.name()).collect();
        let input = json!({
            "metrics": metrics,
            "period": range("2025-01-01T00:00:00Z", "2026-01-11T00:00:00Z"),
            "interval": "HOUR",
            "timeZone": "UTC",
        });
        let answer = answer(app, &input).await;
        assert_eq!(answer.code(), "LIMIT_EXCEEDED");
        let cells = MOST_CELLS.to_string();
        for word in [cells.as_str(), "108000", "interval", "metrics"] {
            assert!(answer.message().contains(word), "{word} is missing: {}", answer.message());
        }
    }
}

on_both! {
    async fn lists_of_a_filter_have_250_elements(app: &TestApp) {
        let nothing = NodeId::tenant(NodeKind::Inbox, app.scope.account_id(), Uuid::from_u128(7));
        for (list, element) in [
            ("inboxes", json!(nothing.to_string())),
            ("authors", json!("USER")),
            ("lines", json!("+15550100")),
            ("statuses", json!("SENT")),
            ("official", json!(true)),
            ("hoursOfDay", json!(3)),
        ] {
            let of = |length: usize| {
                let elements = vec![element.clone(); length];
                with(&right(), json!({ "filter": { list: elements } }))
            };
            let path = format!("variables.input.filter.{list}");
            one(app, &of(251), &path, "TOO_LONG", &["251", "at most 250"]).await;
            if list != "inboxes" {
                let answer = answer(app, &of(250)).await;
                assert!(answer.body.get("errors").is_none(), "{list}: {:#}", answer.body);
            }
        }
    }
}

on_both! {
    async fn what_is_foreign_looks_missing(app: &TestApp) {
        let (_, strange) = app.stranger().await;
        let inbox = factory::inbox(&strange, "Theirs", Platform::Sms).await.id.0;
        let bot = BotCreate { name: "Theirs".to_owned() };
        let bot = bot::create(&strange, None, bot).await.unwrap().id.0;
        let template = TemplateCreate {
            name: "theirs".to_owned(),
            language: "en".to_owned(),
            category: TemplateCategory::Utility,
            body: "Hello".to_owned(),
            status: None,
            external_id: None,
        };
        let template = template::create(&strange, None, template).await.unwrap().id.0;
        let team = TeamCreate { name: "Theirs".to_owned(), user_ids: Vec::new() };
        let team = team::create(&strange, None, team).await.unwrap().id.0;
        let label = LabelCreate { name: "theirs".to_owned(), color: None };
        let label = label::create(&strange, None, label).await.unwrap().id.0;
        for (list, kind, theirs, noun) in [
            ("inboxes", NodeKind::Inbox, inbox, "Inbox"),
            ("bots", NodeKind::Bot, bot, "Bot"),
            ("authors", NodeKind::Bot, bot, "Bot"),
            ("templates", NodeKind::Template, template, "Template"),
            ("teams", NodeKind::Team, team, "Team"),
            ("labels", NodeKind::Label, label, "Label"),
        ] {
            let (own, other) = (app.scope.account_id(), strange.account_id());
            let nothing = Uuid::from_u128(7);
            let mut answers = Vec::new();
            for id in [
                NodeId::tenant(kind, own, nothing),
                NodeId::tenant(kind, other, nothing),
                NodeId::tenant(kind, other, theirs),
                NodeId::tenant(kind, own, theirs),
            ] {
                let input = with(&right(), json!({ "filter": { list: [id.to_string()] } }));
                let path = format!("filter.{list}[0]");
                one(app, &input, &path, "NOT_FOUND", &[noun]).await;
                answers.push(answer(app, &input).await.without_request_id());
            }
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{list}: {answers:#?}");
        }
        let user = UserInvite {
            email: "theirs@strange.test".to_owned(),
            name: "Theirs".to_owned(),
            role: Role::Agent,
            password: None,
        };
        let user = invite(&strange, None, user).await.unwrap().id.0;
        // Users stand beside the accounts, and those who left keep their past: an id of nobody
        // here finds nothing, and so does one of nobody at all.
        let mut answers = Vec::new();
        for user in [user, Uuid::from_u128(7)] {
            let id = NodeId::global(NodeKind::User, user).to_string();
            let filter = json!({ "assignees": [id], "authors": [id] });
            let input = with(&right(), json!({ "filter": filter, "breakdown": ["AUTHOR"] }));
            answers.push(answer(app, &input).await.without_request_id());
        }
        assert!(answers[0]["errors"].is_null(), "{:#}", answers[0]);
        assert_eq!(answers[0], answers[1]);
    }
}

const OPEN: &str = "query($account: ID!, $input: ReportInput!, $metric: Metric!, $part: Part) {
    account(id: $account) { report(input: $input) { rows {
        records(metric: $metric, part: $part) { totalCount }
    } } }
}";

on_both! {
    async fn what_has_no_rows_cannot_be_opened(app: &TestApp) {
        let label = LabelCreate { name: "new".to_owned(), color: None };
        let label = label::create(&app.scope, None, label).await.unwrap().id;
        let inbox = factory::inbox(&app.scope, "Shop", Platform::Sms).await.id;
        for number in 0..2 {
            let said = factory::message(inbox, &format!("+1555000111{number}"), "Hello");
            let said = NewMessage { occurred_at: Some(app.hours_ago(1)), ..said };
            let (_, conversation) = factory::say(&app.scope, said).await;
            if number == 0 {
                let event = factory::event(inbox, conversation, ConversationEventKind::Labelled);
                let event = NewConversationEvent { label_id: Some(label), ..event };
                factory::happen(&app.scope, event).await;
            }
        }
        let others = json!({ "breakdown": ["LABEL"], "first": 1 });
        let reply_times = json!({ "metrics": ["REPLY_SECONDS_P90"] });
        let cases = [
            (json!({}), "SENT", "NUMERATOR", "metric", vec!["MESSAGES"]),
            (json!({}), "MESSAGES", "DENOMINATOR", "part", vec!["MESSAGES", "denominator"]),
            (reply_times, "REPLY_SECONDS_P90", "NUMERATOR", "part", vec!["REPLY", "numerator"]),
            (others, "MESSAGES", "NUMERATOR", "metric", vec!["first", "one by one"]),
        ];
        for (changes, metric, part, path, words) in cases {
            let input = with(&right(), changes);
            let variables = json!({
                "account": app.account_node, "input": input, "metric": metric, "part": part,
            });
            let answer = app.owner.send(OPEN, variables).await;
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{input:#}");
            let violation = &answer.body["errors"][0]["extensions"]["violations"][0];
            assert_eq!(violation["path"], path, "{violation}");
            let message = violation["message"].as_str().unwrap();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }
}

on_both! {
    async fn a_request_makes_a_bounded_number_of_reports(app: &TestApp) {
        let range = range("2026-01-01T00:00:00Z", "2026-01-11T00:00:00Z");
        let input = with(&right(), json!({ "period": range, "interval": "HOUR" }));
        let variables = json!({
            "account": app.account_node, "input": input, "metric": "MESSAGES", "part": "NUMERATOR",
        });
        let answer = app.owner.send(OPEN, variables).await;
        let errors = answer.body["errors"].as_array().unwrap();
        // 240 hours, and the report itself.
        assert_eq!(errors.len(), 241 - MOST_COUNTED, "{errors:#?}");
        assert_eq!(errors[0]["extensions"]["code"], "LIMIT_EXCEEDED");
        assert!(errors[0]["message"].as_str().unwrap().contains("200 reports"));
    }
}
