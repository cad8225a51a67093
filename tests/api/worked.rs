//! One worked example for each metric: a few rows, written out, and the number that follows
//! from them, worked out by hand. A metric without an example fails.

mod messages;
mod people;
mod recipients;
mod responses;
mod sends;
mod waits;

use std::collections::HashMap;

use entity::Timestamp;
use entity::id::{CampaignId, ConversationId, InboxId};
use entity::kinds::{
    AuthorKind, ConversationActor, ConversationEventKind, Direction, Medium, Platform,
    RecipientState, SkipReason, StatusKind,
};
use entity::message;
use entity::vocabulary::Vocabulary;
use rapport::analytics::{DateBasis, Metric};
use rapport::auth::AccountScope;
use rapport::domain::credits::Cost;
use rapport::domain::inbox::{self, InboxCreate};
use rapport::domain::inbox_hours::{BusinessHours, Span};
use rapport::domain::record::{Author, Item, NewConversationEvent, NewMessage, NewStatus, Outcome};
use serde_json::json;

use crate::support::{factory, mailing};
use crate::{asking, on_both};

/// 2024-03-04T00:00:00Z, a Monday. Each example has a week of its own, which begins with its day.
const FIRST_DAY: Timestamp = Timestamp(1_709_510_400 * Timestamp::SECOND);
const DAY_SECONDS: i64 = 24 * 3_600;
const MOST_ROWS: usize = 8;

struct Example {
    metric: Metric,
    /// None is the metric's own.
    basis: Option<DateBasis>,
    /// `day hh:mm | what | inbox | status day hh:mm, …`, or `quotes` with the number of a row, from
    /// 0: the day 0 is the one that is asked for. `whatsapp` gives receipts and reads, `sms` receipts, `mail` neither. `whatsapp ada`
    /// is with Ada, who is in no other example. A `mailing for` 2 costs two credits. A `recipient` is one of a campaign that started
    /// then, to whom a row was `sent`, or nothing for a reason.
    rows: &'static [&'static str],
    value: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
}

const fn count(metric: Metric, value: f64, rows: &'static [&'static str]) -> Example {
    let (basis, denominator) = (None, None);
    Example { metric, basis, rows, value: Some(value), numerator: Some(value), denominator }
}

/// Numerator and denominator beside the value.
const fn mean(
    metric: Metric,
    value: f64,
    numerator: f64,
    denominator: f64,
    rows: &'static [&'static str],
) -> Example {
    share(metric, (value, numerator, denominator), rows)
}

const fn percentile(
    metric: Metric,
    value: f64,
    denominator: f64,
    rows: &'static [&'static str],
) -> Example {
    Example { numerator: None, ..share(metric, (value, 0.0, denominator), rows) }
}

const fn on_event(metric: Metric, value: f64, rows: &'static [&'static str]) -> Example {
    let (basis, denominator) = (Some(DateBasis::Event), None);
    Example { metric, basis, rows, value: Some(value), numerator: Some(value), denominator }
}

const fn share(
    metric: Metric,
    (value, numerator, denominator): (f64, f64, f64),
    rows: &'static [&'static str],
) -> Example {
    let (value, denominator) = (Some(value), Some(denominator));
    Example { metric, basis: None, rows, value, numerator: Some(numerator), denominator }
}

fn examples() -> impl Iterator<Item = &'static Example> {
    [
        messages::EXAMPLES,
        sends::EXAMPLES,
        people::EXAMPLES,
        responses::EXAMPLES,
        recipients::EXAMPLES,
        waits::EXAMPLES,
    ]
    .into_iter()
    .flatten()
}

/// `0 09:00` counted from `day`; seconds may follow.
fn moment(day: Timestamp, text: &str) -> Timestamp {
    let (days, clock) = text.split_once(' ').unwrap();
    let number = |text: &str| text.parse::<i64>().unwrap();
    let seconds = clock.split(':').map(number).zip([3_600, 60, 1]);
    let seconds: i64 = seconds.map(|(number, unit)| number * unit).sum();
    day.plus_seconds(number(days) * DAY_SECONDS + seconds)
}

/// An example that is being recorded.
struct Telling<'a> {
    scope: &'a AccountScope,
    inboxes: &'a [(&'static str, InboxId)],
    day: Timestamp,
    /// The conversations of inboxes and people.
    conversations: HashMap<String, ConversationId>,
    /// By when they started.
    campaigns: HashMap<Timestamp, CampaignId>,
}

impl Telling<'_> {
    fn id(&self, index: &str) -> String {
        format!("{}-{index}", self.day.0)
    }

    async fn tell(&mut self, index: usize, row: &str) {
        let parts: Vec<&str> = row.split('|').map(str::trim).collect();
        let [at, what, place, more] = parts[..] else { panic!("{row}") };
        let (inbox, person) = place.split_once(' ').unwrap_or((place, ""));
        let (_, inbox_id) = self.inboxes.iter().find(|(name, _)| *name == inbox).unwrap();
        let at = moment(self.day, at);
        if what == "recipient" {
            return self.target(at, place, more).await;
        }
        let items = match event(what) {
            Some((kind, by)) => {
                let id = self.conversations[place];
                let event = factory::event(*inbox_id, id, kind);
                let event = NewConversationEvent { by: Some(by), occurred_at: Some(at), ..event };
                vec![Item::ConversationEvent(event)]
            }
            None => self.said(what, *inbox_id, person.trim(), at, more, &index.to_string()),
        };
        let outcomes = factory::record(self.scope, items).await;
        for outcome in outcomes {
            let Outcome::Recorded { conversation_id, .. } = outcome else {
                panic!("{row}: {outcome:?}")
            };
            self.conversations.extend(conversation_id.map(|id| (place.to_owned(), id)));
        }
    }

    async fn target(&mut self, at: Timestamp, place: &str, more: &str) {
        let scope = self.scope;
        let conversation = factory::stored_conversation(scope, self.conversations[place]).await;
        let id = match self.campaigns.get(&at) {
            Some(id) => *id,
            None => {
                let id = scope.engine().clock.id();
                mailing::campaign(scope, id, "Spring", at).await;
                self.campaigns.insert(at, id);
                id
            }
        };
        let sent = more.strip_prefix("sent ").map(|index| self.id(index));
        let outcome = match sent {
            Some(_) => (RecipientState::Done, None),
            None => (RecipientState::Skipped, SkipReason::from_name(&more.to_uppercase())),
        };
        mailing::recipient(scope, id, conversation.contact_id, outcome).await;
        let messages = factory::stored::<message::Entity>(scope).await;
        let message = messages.iter().find(|one| sent.is_some() && one.external_id == sent);
        if let Some(message) = message {
            mailing::attempt(scope, (id, conversation.contact_id), 0, message).await;
        }
    }

    fn said(
        &self,
        what: &str,
        inbox_id: InboxId,
        person: &str,
        at: Timestamp,
        more: &str,
        index: &str,
    ) -> Vec<Item> {
        let phone = match person {
            "" => "+15550001111".to_owned(),
            // The days of the examples are 604,800 seconds apart.
            name => format!(
                "+1{:08}{}",
                self.day.seconds() / 604_800,
                name.len() * 10 + usize::from(name.as_bytes()[0] % 10)
            ),
        };
        let (what, credits) = match what.strip_prefix("mailing for ") {
            Some(credits) => ("mailing", credits.parse().ok()),
            None => (what, None),
        };
        let (direction, medium, author, content) = match what {
            "inbound" => (Direction::Inbound, Medium::Chat, None, "Hello"),
            "stop" => (Direction::Inbound, Medium::Chat, None, "STOP"),
            "inbound mailing" => (Direction::Inbound, Medium::Mailing, None, "Hello"),
            "chat" | "note" => (Direction::Outbound, Medium::Chat, Some(AuthorKind::User), "Hello"),
            "bot" => (Direction::Outbound, Medium::Chat, Some(AuthorKind::Bot), "Hello"),
            "mailing" => (Direction::Outbound, Medium::Mailing, None, "Hello"),
            "system" => (Direction::Outbound, Medium::Chat, Some(AuthorKind::System), "Hello"),
            other => panic!("{other}"),
        };
        let (id, quoted) = (self.id(index), more.strip_prefix("quotes "));
        let message = NewMessage {
            external_id: Some(id.clone()),
            direction,
            medium,
            author: author.map(|kind| Author { kind, user_id: None, bot_id: None }),
            private: what == "note",
            cost: credits.map(|credits| Cost { segments: 1, credits }),
            occurred_at: Some(at),
            quoted_external_id: quoted.map(|index| self.id(index)),
            ..factory::message(inbox_id, &phone, content)
        };
        let heard = if quoted.is_some() { "" } else { more };
        let statuses = heard.split(", ").filter(|heard| !heard.is_empty()).map(|heard| {
            let (kind, at) = heard.split_once(' ').unwrap();
            let kind = StatusKind::from_name(&kind.to_uppercase()).unwrap();
            let occurred_at = Some(moment(self.day, at));
            Item::Status(NewStatus { occurred_at, ..factory::status(inbox_id, &id, kind) })
        });
        std::iter::once(Item::Message(Box::new(message))).chain(statuses).collect()
    }
}

fn event(what: &str) -> Option<(ConversationEventKind, ConversationActor)> {
    Some(match what {
        "close" => (ConversationEventKind::Closed, ConversationActor::Agent),
        "reopen" => (ConversationEventKind::Reopened, ConversationActor::Agent),
        "hand-off" => (ConversationEventKind::HandedOff, ConversationActor::Bot),
        _ => return None,
    })
}

/// From Monday to Friday.
fn hours() -> BusinessHours {
    let span = |day| Span { day, from: "09:00".to_owned(), to: "17:00".to_owned() };
    let week = (1..=5).map(span).collect();
    BusinessHours { zone: "UTC".to_owned(), week, holidays: Vec::new() }
}

/// Percentiles are powers, of which the last digit is nobody's business.
fn same(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= expected.abs() * 1e-12,
        (found, expected) => found == expected,
    }
}

on_both! {
    async fn every_example_comes_out(app: &TestApp) {
        let mut inboxes = Vec::new();
        for (name, platform) in
            [("whatsapp", Platform::Whatsapp), ("sms", Platform::Sms), ("mail", Platform::Email)]
        {
            inboxes.push((name, factory::inbox(&app.scope, name, platform).await.id));
        }
        let office = InboxCreate {
            business_hours: Some(hours()),
            ..InboxCreate::new("office", Platform::Web)
        };
        inboxes.push(("office", inbox::create(&app.scope, None, office).await.unwrap().id));
        let days = (0..).map(|week| FIRST_DAY.plus_seconds(week * 7 * DAY_SECONDS));
        let examples: Vec<(&Example, Timestamp)> = examples().zip(days).collect();
        for (example, day) in &examples {
            let mut telling = Telling {
                scope: &app.scope,
                inboxes: &inboxes,
                day: *day,
                conversations: HashMap::new(),
                campaigns: HashMap::new(),
            };
            for (index, row) in example.rows.iter().enumerate() {
                telling.tell(index, row).await;
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
            for (field, expected) in [
                ("value", example.value),
                ("numerator", example.numerator),
                ("denominator", example.denominator),
            ] {
                let found = told[field].as_f64();
                let text = format!("{field} of {:?}, {:#?}", example.metric, example.rows);
                assert!(same(found, expected), "{found:?} is not {expected:?}: {text}");
            }
            assert_eq!(report["rows"][0]["values"][0], *told);
        }
    }
}

#[test]
fn every_metric_has_an_example() {
    for metric in Metric::ALL {
        let found = examples().any(|example| example.metric == *metric);
        assert!(found, "{} has no worked example; add one here", metric.name());
    }
    for Example { metric, rows, .. } in examples() {
        assert!(rows.len() <= MOST_ROWS, "the example of {} is too long", metric.name());
    }
}
