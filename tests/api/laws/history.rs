//! Random small histories as plain data: what was said, what was heard of it, and what
//! happened to conversations. Things are named by their index on the [`super::stage`].

use entity::Timestamp;
use entity::kinds::{ConversationEventKind, Medium, StatusKind};
use entity::vocabulary::Vocabulary;
use rapport::domain::record::Traffic;

use super::dice::Dice;
use super::mailing::{CAMPAIGNS, Targeted};

pub const INBOXES: usize = 6;
pub const USERS: usize = 2;
pub const BOTS: usize = 2;
pub const TEMPLATES: usize = 2;
pub const LABELS: usize = 2;
pub const TEAMS: usize = 2;
pub const CONTACTS: usize = 4;

/// Inboxes whose conversations the recording system names; elsewhere the rules decide.
const NAMING: [usize; 2] = [0, 3];

/// What providers say most.
const USUAL: [StatusKind; 6] = [
    StatusKind::Accepted,
    StatusKind::Sent,
    StatusKind::Delivered,
    StatusKind::Read,
    StatusKind::Failed,
    StatusKind::Undelivered,
];
const CODES: [Option<&str>; 4] = [None, Some("131026"), Some("131047"), Some("x-1")];

const MINUTE: i64 = 60 * Timestamp::SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

#[derive(Clone, Debug)]
pub struct History {
    pub said: Vec<Said>,
    pub happened: Vec<Happened>,
    /// When campaigns started.
    pub started: Vec<Timestamp>,
    pub targeted: Vec<Targeted>,
}

/// A message, note or system entry.
#[derive(Clone, Debug)]
pub struct Said {
    pub contact: usize,
    pub inbox: usize,
    /// A number of the recording system; none where the rules find the conversation.
    pub conversation: Option<usize>,
    pub at: Timestamp,
    pub medium: Medium,
    pub voice: Voice,
    pub template: Option<usize>,
    pub campaign: bool,
    pub automation: bool,
    /// What it costs, where it was sent from here.
    pub credits: Option<i64>,
    /// What it says, if that is a word by which contacts opt out or in; of the client alone.
    pub word: Option<Word>,
    /// The message on the same inbox that it quotes.
    pub quotes: Option<usize>,
    pub heard: Vec<Heard>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Stop,
    Start,
}

impl Word {
    pub fn text(self) -> &'static str {
        match self {
            Self::Stop => " Stop",
            Self::Start => "START",
        }
    }
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    Client,
    User(Option<usize>),
    Bot(Option<usize>),
    Automation,
    Campaign,
    /// The business; nothing more is known.
    Business,
    Note(Option<usize>),
    System,
}

/// What a provider says of a message.
#[derive(Clone, Debug)]
pub struct Heard {
    pub kind: StatusKind,
    pub at: Timestamp,
    /// Whether the time is the provider's, not that of its reception.
    pub timed: bool,
    pub code: Option<&'static str>,
}

/// An event of the conversation of the message said `after`, later than that message.
#[derive(Clone, Debug)]
pub struct Happened {
    pub after: usize,
    pub at: Timestamp,
    pub kind: ConversationEventKind,
    pub user: Option<usize>,
    pub bot: Option<usize>,
    pub label: Option<usize>,
}

/// Where a visitor came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Tag,
    Advertisement,
    Page,
}

/// What conversations are told apart by.
pub type Thread = (usize, usize, Option<usize>);

impl History {
    /// 10 to 40 messages, half of them within two days of `around`, a whole minute, the
    /// others within so many days.
    pub fn random(dice: &mut Dice, around: Timestamp, days: i64) -> Self {
        let count = 10 + dice.below(31);
        let said: Vec<Said> = (0..count)
            .map(|number| {
                let days = if dice.chance(50) { 2 } else { days };
                let minutes = days * DAY / MINUTE;
                let minute = around.0 + dice.between(-minutes, minutes) * MINUTE;
                let at = own_second(dice, minute, number);
                Said::random(dice, at)
            })
            .collect();
        let mut said = said;
        for index in 0..count {
            said[index].quotes = Said::quoted(dice, &said, index);
        }
        let events = count..count + dice.below(17);
        let happened = events.map(|number| Happened::random(dice, &said, number)).collect();
        let started = (0..CAMPAIGNS).map(|_| said[dice.below(said.len())].at).collect();
        let targeted = Targeted::random(dice, &said);
        Self { said, happened, started, targeted }
    }
}

/// An instant of the minute. Each number has a second of its own, so that no two instants
/// are of the same second, in which order would be a matter of ids.
fn own_second(dice: &mut Dice, minute: i64, number: usize) -> Timestamp {
    let second = i64::try_from(number).unwrap() * Timestamp::SECOND;
    assert!(second < MINUTE);
    Timestamp(minute + second + dice.between(0, Timestamp::SECOND))
}

impl Said {
    fn random(dice: &mut Dice, at: Timestamp) -> Self {
        // Much is said with the same person in the same place, so that one thing leads to another.
        let close = dice.chance(60);
        let inbox = if close { dice.pick(&[0, 0, 1, 3]) } else { dice.below(INBOXES) };
        let contact = if close { 0 } else { dice.below(CONTACTS) };
        let (medium, voice) = match dice.below(20) {
            0..=5 => (Medium::Chat, Voice::Client),
            6 => (Medium::Mailing, Voice::Client),
            7 | 8 => (Medium::Chat, Voice::User(dice.maybe(70, USERS))),
            9 => (Medium::Chat, Voice::Bot(dice.maybe(80, BOTS))),
            10 => (Medium::Chat, Voice::Automation),
            11 => (Medium::Chat, Voice::Note(dice.maybe(70, USERS))),
            12 => (Medium::Chat, Voice::System),
            13..=15 => (Medium::Mailing, Voice::Business),
            16 | 17 => (Medium::Mailing, Voice::User(dice.maybe(70, USERS))),
            18 => (Medium::Mailing, Voice::Campaign),
            _ => (Medium::Mailing, Voice::Automation),
        };
        let mut said = Self {
            contact,
            inbox,
            conversation: NAMING.contains(&inbox).then(|| dice.below(2)),
            at,
            medium,
            voice,
            template: None,
            campaign: false,
            automation: false,
            credits: None,
            word: None,
            quotes: None,
            heard: Vec::new(),
        };
        if said.inbound() && dice.chance(30) {
            said.word = Some(if dice.chance(60) { Word::Stop } else { Word::Start });
        }
        if !said.inbound() && medium == Medium::Mailing {
            said.template = dice.maybe(60, TEMPLATES);
            said.campaign = dice.chance(30);
            said.automation = dice.chance(10);
        }
        if !said.inbound() && !said.silent() {
            said.credits = dice.pick(&[None, Some(0), Some(1), Some(3), Some(7)]);
            for _ in 0..dice.below(5) {
                let before = said.heard.last().cloned();
                said.heard.push(Heard::random(dice, at, before));
            }
        }
        said
    }

    /// Now and then a client quotes something that went to it before on the inbox.
    fn quoted(dice: &mut Dice, all: &[Self], index: usize) -> Option<usize> {
        let own = &all[index];
        let quotable: Vec<usize> = (0..all.len())
            .filter(|other| {
                let other = &all[*other];
                (other.contact, other.inbox) == (own.contact, own.inbox)
                    && other.at < own.at
                    && !other.inbound()
                    && !other.silent()
            })
            .collect();
        if !own.inbound() || quotable.is_empty() || dice.chance(60) {
            return None;
        }
        Some(dice.pick(&quotable))
    }

    pub fn inbound(&self) -> bool {
        self.voice == Voice::Client
    }

    /// The contact never sees it.
    pub fn silent(&self) -> bool {
        matches!(self.voice, Voice::Note(_) | Voice::System)
    }

    pub fn thread(&self) -> Thread {
        (self.contact, self.inbox, self.conversation)
    }
}

impl Heard {
    /// Of a message at `at`; now and then what was heard before is heard again.
    fn random(dice: &mut Dice, at: Timestamp, before: Option<Self>) -> Self {
        let kind = if dice.chance(80) { dice.pick(&USUAL) } else { dice.pick(StatusKind::ALL) };
        let mut at = at.0 + dice.between(-HOUR, 3 * DAY);
        if dice.chance(20) {
            // Where buckets begin.
            at -= at.rem_euclid(HOUR);
        }
        let at = Timestamp(at);
        let fails =
            matches!(kind, StatusKind::Failed | StatusKind::Undelivered | StatusKind::TryFailed);
        let code = if fails { dice.pick(&CODES) } else { None };
        let heard = Self { kind, at, timed: dice.chance(85), code };
        match before {
            // The provider repeats its time; without one the first reception counts.
            Some(before) if dice.chance(20) => {
                Self { at: if before.timed { before.at } else { heard.at }, ..before }
            }
            _ => heard,
        }
    }
}

impl Happened {
    fn random(dice: &mut Dice, said: &[Said], number: usize) -> Self {
        use ConversationEventKind::{
            Assigned, Closed, HandedOff, Labelled, Reopened, Snoozed, Unlabelled,
        };
        let after = dice.below(said.len());
        let from = said[after].at.0;
        let minute = from - from.rem_euclid(MINUTE) + dice.between(1, DAY / MINUTE) * MINUTE;
        // Where the rules find the conversation, a close would have begun another one.
        let kind = if said[after].conversation.is_some() {
            dice.pick(&[
                Assigned, Assigned, HandedOff, Closed, Closed, Reopened, Snoozed, Labelled,
                Labelled, Unlabelled,
            ])
        } else {
            dice.pick(&[Assigned, Assigned, HandedOff, Snoozed, Labelled, Labelled, Unlabelled])
        };
        let labels = matches!(kind, Labelled | Unlabelled);
        Self {
            after,
            at: own_second(dice, minute, number),
            kind,
            user: if kind == Assigned { dice.maybe(75, USERS) } else { None },
            bot: if labels { None } else { dice.maybe(40, BOTS) },
            label: if labels { Some(dice.below(LABELS)) } else { None },
        }
    }
}

impl Source {
    /// All messages of the client in a conversation come from the same place.
    pub fn of((contact, inbox, conversation): Thread) -> Option<Self> {
        match (contact * 7 + inbox * 3 + conversation.unwrap_or(2)) % 5 {
            0 => Some(Self::Tag),
            1 => Some(Self::Advertisement),
            2 => Some(Self::Page),
            _ => None,
        }
    }

    pub fn traffic(self) -> Traffic {
        let text = |text: &str| Some(text.to_owned());
        let none = Traffic::default();
        match self {
            Self::Tag => {
                Traffic { utm_source: text("Newsletter"), referrer: text("https://a.test"), ..none }
            }
            Self::Advertisement => Traffic { ad_id: text("42"), ..none },
            Self::Page => Traffic { referrer: text("https://Shop.test/cart?step=2"), ..none },
        }
    }

    /// The campaign's source, else the advertisement, else the host of the page.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tag => "Newsletter",
            Self::Advertisement => "ad:42",
            Self::Page => "shop.test",
        }
    }
}
