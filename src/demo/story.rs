//! A year in the life of a coffee shop: who writes when, what is sent, what becomes of it.
//! The same days give the same story. It makes items for recording and touches no database.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use entity::Timestamp;
use entity::id::{BotId, InboxId, TemplateId, UserId};
use entity::kinds::{AuthorKind, ConversationActor, ConversationEventKind, Medium, StatusKind};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::customer::{Address, advertisement, contact, inbound, outbound, visit};
use super::{rhythm, words};
use crate::domain::record::{Author, Item, NewConversationEvent, NewStatus};

/// Who plays in the story.
pub struct Cast {
    pub chats: Vec<ChatLine>,
    pub mailings: Vec<MailingLine>,
    pub agents: Vec<UserId>,
}

/// An inbox on which customers write.
pub struct ChatLine {
    pub inbox: InboxId,
    pub bot: Option<BotId>,
    /// Conversations on an ordinary weekday.
    pub per_day: f64,
    pub web: bool,
    pub address: Address,
}

/// An inbox and a template that is sent on it.
pub struct MailingLine {
    pub inbox: InboxId,
    pub template: TemplateId,
    pub body: &'static str,
    pub rhythm: Rhythm,
    pub fate: Fate,
    pub address: Address,
}

#[derive(Clone, Copy)]
pub enum Rhythm {
    /// So many on an ordinary weekday, spread over the day.
    Daily(f64),
    /// To so many people at ten in the morning of one day of the week.
    Weekly(Weekday, u32),
}

/// What becomes of a send, as shares.
#[derive(Clone, Copy)]
pub struct Fate {
    pub fails: f64,
    pub codes: &'static [(&'static str, &'static str)],
    /// Whether the provider takes it before it fails.
    pub fails_late: bool,
    pub delivered: f64,
    pub read: f64,
    pub answered: f64,
    pub opted_out: f64,
}

/// Who the customers of a story are, and how much is heard of them.
pub struct Crowd {
    /// Their numbers.
    pub people: Range<u32>,
    /// Of the traffic that the cast has by itself.
    pub share: f64,
    /// Other seeds and streams make other stories.
    pub seed: u64,
    pub stream: u64,
    /// In the ids of the other system, which are unique in an account.
    pub mark: String,
}

impl Crowd {
    /// Some customers are heard of much more often than others.
    fn pick(&self, rng: &mut ChaCha8Rng) -> u32 {
        let count = self.people.end.saturating_sub(self.people.start).max(1);
        let share: f64 = rng.random_range(0.0..1.0);
        self.people.start + rhythm::whole(share * share * f64::from(count)).min(count - 1)
    }

    /// Their share of a number that is the same on each day.
    fn of(&self, number: u32, rng: &mut ChaCha8Rng) -> u32 {
        let mean = f64::from(number) * self.share;
        let rest = mean.fract();
        rhythm::whole(mean) + u32::from(rest > 0.0 && rng.random_bool(rest))
    }
}

const MINUTE: i64 = 60;
/// More than there are days in the numbers of days.
const SEEDS: u64 = 10_000_000;

pub struct Story<'a> {
    cast: &'a Cast,
    crowd: Crowd,
    zone: TimeZone,
    /// Nothing happens after this.
    end: Timestamp,
    waiting: BinaryHeap<Reverse<Waiting>>,
    count: u64,
}

struct Waiting {
    at: Timestamp,
    number: u64,
    item: Item,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<'a> Story<'a> {
    pub fn new(cast: &'a Cast, crowd: Crowd, zone: TimeZone, end: Timestamp) -> Self {
        Self { cast, crowd, zone, end, waiting: BinaryHeap::new(), count: 0 }
    }

    /// Adds what begins on the local day `date`.
    pub fn day(&mut self, date: Date) {
        let number = u64::try_from(date.year()).unwrap_or(0) * 1_000
            + u64::try_from(date.day_of_year()).unwrap_or(0);
        let mut rng =
            ChaCha8Rng::seed_from_u64(self.crowd.seed.wrapping_mul(SEEDS).wrapping_add(number));
        rng.set_stream(self.crowd.stream);
        let (cast, bustle) = (self.cast, rhythm::bustle(date) * self.crowd.share);
        for line in &cast.chats {
            for _ in 0..rhythm::around(&mut rng, line.per_day * bustle) {
                if let Some(at) = self.moment(&mut rng, date) {
                    self.chat(&mut rng, line, at);
                }
            }
        }
        for line in &cast.mailings {
            match line.rhythm {
                Rhythm::Daily(number) => {
                    for _ in 0..rhythm::around(&mut rng, number * bustle) {
                        if let Some(at) = self.moment(&mut rng, date) {
                            self.send(&mut rng, line, at);
                        }
                    }
                }
                Rhythm::Weekly(weekday, number) if weekday == date.weekday() => {
                    for each in 0..self.crowd.of(number, &mut rng) {
                        if let Some(at) = self.local(date, 10, i64::from(each) / 4) {
                            self.send(&mut rng, line, at);
                        }
                    }
                }
                Rhythm::Weekly(..) => {}
            }
        }
    }

    /// What happens before `until`, in order.
    pub fn take_until(&mut self, until: Timestamp) -> Vec<Item> {
        let mut items = Vec::new();
        while self.waiting.peek().is_some_and(|Reverse(waiting)| waiting.at < until) {
            items.extend(self.waiting.pop().map(|Reverse(waiting)| waiting.item));
        }
        items
    }

    fn local(&self, date: Date, hour: i8, seconds: i64) -> Option<Timestamp> {
        let start = date.at(hour, 0, 0, 0).to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp(start.timestamp().as_microsecond()).plus_seconds(seconds))
    }

    fn moment(&self, rng: &mut ChaCha8Rng, date: Date) -> Option<Timestamp> {
        self.local(date, rhythm::hour(rng), rng.random_range(0..3_600))
    }

    fn push(&mut self, at: Timestamp, item: Item) {
        self.count += 1;
        if at <= self.end {
            self.waiting.push(Reverse(Waiting { at, number: self.count, item }));
        }
    }

    fn name(&self, prefix: &str) -> String {
        format!("{prefix}-{}{:07}", self.crowd.mark, self.count + 1)
    }

    /// A customer writes; the bot greets, people take over, and mostly it is closed.
    fn chat(&mut self, rng: &mut ChaCha8Rng, line: &ChatLine, at: Timestamp) {
        let person = self.crowd.pick(rng);
        let conversation = self.name("chat");
        let agent = self.cast.agents.choose(rng).copied();
        let mut at = at;
        let mut first =
            inbound(line.inbox, contact(person, line.address), words::question(rng), at);
        first.external_id = Some(self.name("in"));
        first.conversation_external_id = Some(conversation.clone());
        first.traffic = line.web.then(|| visit(rng)).or_else(|| advertisement(rng));
        self.push(at, Item::Message(Box::new(first)));
        if let Some(bot) = line.bot {
            at = at.plus_seconds(rng.random_range(1..4));
            let author = Author { kind: AuthorKind::Bot, user_id: None, bot_id: Some(bot) };
            self.say(rng, line, person, &conversation, Some(author), words::GREETING, at);
            if rng.random_bool(0.25) {
                // The bot was enough.
                self.close(
                    line.inbox,
                    &conversation,
                    ConversationActor::Bot,
                    None,
                    at.plus_seconds(20 * MINUTE),
                );
                return;
            }
            at = at.plus_seconds(rng.random_range(5..30));
            self.happen(
                line.inbox,
                &conversation,
                ConversationEventKind::HandedOff,
                ConversationActor::Bot,
                |event| {
                    event.bot_id = Some(bot);
                },
                at,
            );
        }
        self.happen(
            line.inbox,
            &conversation,
            ConversationEventKind::Assigned,
            ConversationActor::System,
            |event| {
                event.user_id = agent;
            },
            at,
        );
        for turn in 0..rng.random_range(1..5) {
            // Most are answered within minutes, a few wait for hours.
            let wait = if rng.random_bool(0.9) {
                rng.random_range(30..25 * MINUTE)
            } else {
                rng.random_range(MINUTE * 60..MINUTE * 300)
            };
            at = at.plus_seconds(wait);
            let author = Author { kind: AuthorKind::User, user_id: agent, bot_id: None };
            if turn == 0 && rng.random_bool(0.08) {
                self.note(line, person, &conversation, author, at);
            }
            let answer = words::answer(rng);
            self.say(rng, line, person, &conversation, Some(author), answer, at.plus_seconds(5));
            if rng.random_bool(0.7) {
                at = at.plus_seconds(rng.random_range(20..12 * MINUTE));
                let mut reply =
                    inbound(line.inbox, contact(person, line.address), words::reply(rng), at);
                reply.external_id = Some(self.name("in"));
                reply.conversation_external_id = Some(conversation.clone());
                self.push(at, Item::Message(Box::new(reply)));
            } else {
                break;
            }
        }
        let closing = at.plus_seconds(rng.random_range(5 * MINUTE..90 * MINUTE));
        if line.web && rng.random_bool(0.4) {
            self.close(
                line.inbox,
                &conversation,
                ConversationActor::Inactivity,
                None,
                closing.plus_seconds(3_600),
            );
        } else if rng.random_bool(0.93) {
            self.close(line.inbox, &conversation, ConversationActor::Agent, agent, closing);
        }
    }

    fn note(
        &mut self,
        line: &ChatLine,
        person: u32,
        conversation: &str,
        author: Author,
        at: Timestamp,
    ) {
        let mut note = outbound(line.inbox, contact(person, line.address), words::NOTE, at);
        note.external_id = Some(self.name("note"));
        note.conversation_external_id = Some(conversation.to_owned());
        note.author = Some(author);
        note.private = true;
        self.push(at, Item::Message(Box::new(note)));
    }

    fn say(
        &mut self,
        rng: &mut ChaCha8Rng,
        line: &ChatLine,
        person: u32,
        conversation: &str,
        author: Option<Author>,
        content: &str,
        at: Timestamp,
    ) {
        let mut message = outbound(line.inbox, contact(person, line.address), content, at);
        let external = self.name("out");
        message.external_id = Some(external.clone());
        message.conversation_external_id = Some(conversation.to_owned());
        message.author = author;
        self.push(at, Item::Message(Box::new(message)));
        self.status(line.inbox, &external, StatusKind::Sent, None, at.plus_seconds(1));
        if rng.random_bool(0.97) {
            let delivered = at.plus_seconds(rng.random_range(2..6));
            self.status(line.inbox, &external, StatusKind::Delivered, None, delivered);
        }
    }

    /// A template goes out, and a fate befalls it.
    fn send(&mut self, rng: &mut ChaCha8Rng, line: &MailingLine, at: Timestamp) {
        let person = self.crowd.pick(rng);
        let fate = line.fate;
        let daily = matches!(line.rhythm, Rhythm::Daily(_));
        let external = self.name("send");
        // What is sent to many at once goes into the talk that is open, if there is one.
        let conversation = daily.then(|| self.name("mailing"));
        let content = words::fill(line.body, rng);
        let mut message = outbound(line.inbox, contact(person, line.address), &content, at);
        message.external_id = Some(external.clone());
        message.conversation_external_id.clone_from(&conversation);
        message.medium = Medium::Mailing;
        message.template_id = Some(line.template);
        let kind = if daily { AuthorKind::Automation } else { AuthorKind::Campaign };
        message.author = Some(Author { kind, user_id: None, bot_id: None });
        self.push(at, Item::Message(Box::new(message)));
        let later =
            |rng: &mut ChaCha8Rng, from: i64, to: i64| at.plus_seconds(rng.random_range(from..to));
        if rng.random_bool(fate.fails) {
            if fate.fails_late {
                self.status(line.inbox, &external, StatusKind::Sent, None, at.plus_seconds(1));
            }
            let kind = if fate.fails_late { StatusKind::Undelivered } else { StatusKind::Failed };
            let failed = later(rng, 2, 90);
            self.status(line.inbox, &external, kind, fate.codes.choose(rng).copied(), failed);
            return;
        }
        self.status(line.inbox, &external, StatusKind::Sent, None, at.plus_seconds(1));
        if !rng.random_bool(fate.delivered) {
            return;
        }
        let delivered = later(rng, 2, 40);
        self.status(line.inbox, &external, StatusKind::Delivered, None, delivered);
        if rng.random_bool(fate.read) {
            let read = delivered.plus_seconds(rng.random_range(5..9 * 3_600));
            self.status(line.inbox, &external, StatusKind::Read, None, read);
        }
        let (by, user, closed) = self.respond(rng, line, person, &external, at);
        if let Some(conversation) = conversation.filter(|_| rng.random_bool(0.9)) {
            self.close(line.inbox, &conversation, by, user, closed);
        }
    }

    /// What the customer makes of a send; says who closes the conversation, and when.
    fn respond(
        &mut self,
        rng: &mut ChaCha8Rng,
        line: &MailingLine,
        person: u32,
        external: &str,
        at: Timestamp,
    ) -> (ConversationActor, Option<UserId>, Timestamp) {
        let answered = at.plus_seconds(rng.random_range(MINUTE..20 * 3_600));
        if rng.random_bool(line.fate.opted_out) {
            self.answer(line, person, external, "STOP", answered);
            (ConversationActor::System, None, answered.plus_seconds(60))
        } else if rng.random_bool(line.fate.answered) {
            self.answer(line, person, external, words::reply(rng), answered);
            let agent = self.cast.agents.choose(rng).copied();
            let seen = answered.plus_seconds(rng.random_range(3 * MINUTE..180 * MINUTE));
            (ConversationActor::Agent, agent, seen)
        } else {
            // Nobody answered within three days.
            (ConversationActor::System, None, at.plus_seconds(72 * 3_600))
        }
    }

    fn answer(
        &mut self,
        line: &MailingLine,
        person: u32,
        quoted: &str,
        content: &str,
        at: Timestamp,
    ) {
        let mut message = inbound(line.inbox, contact(person, line.address), content, at);
        message.external_id = Some(self.name("in"));
        message.quoted_external_id = Some(quoted.to_owned());
        self.push(at, Item::Message(Box::new(message)));
    }

    fn status(
        &mut self,
        inbox: InboxId,
        external: &str,
        kind: StatusKind,
        failure: Option<(&str, &str)>,
        at: Timestamp,
    ) {
        self.push(
            at,
            Item::Status(NewStatus {
                inbox_id: inbox,
                external_id: Some(external.to_owned()),
                message_id: None,
                kind,
                occurred_at: Some(at),
                received_at: Some(at),
                code: failure.map(|(code, _)| code.to_owned()),
                detail: failure.map(|(_, detail)| detail.to_owned()),
                recipient: None,
            }),
        );
    }

    fn close(
        &mut self,
        inbox: InboxId,
        conversation: &str,
        by: ConversationActor,
        user: Option<UserId>,
        at: Timestamp,
    ) {
        self.happen(
            inbox,
            conversation,
            ConversationEventKind::Closed,
            by,
            |event| event.by_user_id = user,
            at,
        );
    }

    fn happen(
        &mut self,
        inbox: InboxId,
        conversation: &str,
        kind: ConversationEventKind,
        by: ConversationActor,
        fill: impl FnOnce(&mut NewConversationEvent),
        at: Timestamp,
    ) {
        let mut event = NewConversationEvent {
            inbox_id: inbox,
            conversation_external_id: Some(conversation.to_owned()),
            conversation_id: None,
            kind,
            user_id: None,
            bot_id: None,
            label_id: None,
            by: Some(by),
            by_user_id: None,
            occurred_at: Some(at),
        };
        fill(&mut event);
        self.push(at, Item::ConversationEvent(event));
    }
}
