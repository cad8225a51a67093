//! What follows from a history, message by message, straight from the definitions: its
//! status, its session, and what was frozen into it. Knows nothing of what is stored.

use std::collections::HashMap;

use entity::id::{BotId, CampaignId, LabelId, TeamId, TemplateId, UserId};
use entity::kinds::{
    AuthorKind, ConversationEventKind, Medium, MessageStatus, SessionOrigin, StatusKind, UserType,
};
use entity::{Timestamp, inbox};

use super::history::{Happened, Heard, History, LABELS, Said, Source, TEAMS, Thread, Voice};
use super::mailing::{Recipient, recipients};
use super::responses::{Upon, responses};
use super::stage::{Stage, members};
use super::waits::{Lasted, Story};

/// The account's idle time.
const IDLE_SECONDS: i64 = 24 * 3_600;

/// Local states, each further than those before it.
const LOCAL: [(StatusKind, MessageStatus); 9] = [
    (StatusKind::Created, MessageStatus::Created),
    (StatusKind::CreatedOptional, MessageStatus::CreatedOptional),
    (StatusKind::Deferred, MessageStatus::Deferred),
    (StatusKind::Sending, MessageStatus::Sending),
    (StatusKind::Unknown, MessageStatus::Unknown),
    (StatusKind::SkippedOptional, MessageStatus::SkippedOptional),
    (StatusKind::Skipped, MessageStatus::Skipped),
    (StatusKind::Expired, MessageStatus::Expired),
    (StatusKind::Cancelled, MessageStatus::Cancelled),
];

#[derive(Clone, Debug)]
pub struct Fact {
    pub said: Said,
    pub inbox: inbox::Model,
    /// None for what has no status.
    pub standing: Option<Standing>,
    /// None for what stands in no session; that which would have begun for what would begin one.
    pub session: Option<(SessionOrigin, UserType)>,
    /// It is the first message of its session.
    pub begins_session: bool,
    /// It failed, and had it not, a session would have begun with it.
    pub would_begin: bool,
    /// It is the first message of its conversation, of whatever kind.
    pub begins_conversation: bool,
    /// The first in its conversation that the client can see was no message of the client's.
    pub opened_by_business: bool,
    pub author: Option<AuthorKind>,
    pub author_user: Option<UserId>,
    pub author_bot: Option<BotId>,
    /// The conversation's, at the time.
    pub assignee: Option<UserId>,
    pub bot: Option<BotId>,
    pub template: Option<TemplateId>,
    pub traffic_source: Option<&'static str>,
    /// In the conversation, at any time.
    pub client_wrote: bool,
    /// Of the conversation, in the end.
    pub labels: Vec<LabelId>,
    /// The teams of the assignee.
    pub teams: Vec<TeamId>,
    /// What came upon it, where it is a send.
    pub upon: Upon,
    /// Seconds in which what comes next belongs to a send.
    pub window: i64,
    /// What it ended, where it is a human reply.
    pub reply: Option<Lasted>,
    pub first_response: Option<Lasted>,
    /// It is no message but the closing of the conversation that began with it.
    pub closing: Option<Closing>,
    /// It is no message but a recipient of a campaign.
    pub recipient: Option<Box<Recipient>>,
    pub campaign: Option<CampaignId>,
}

#[derive(Clone, Debug)]
pub struct Closing {
    pub at: Timestamp,
    pub lasted: Lasted,
}

#[derive(Clone, Debug)]
pub struct Standing {
    pub status: MessageStatus,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    pub failure_code: Option<&'static str>,
}

impl Fact {
    /// Its own time.
    pub fn at(&self) -> Timestamp {
        let recipient = self.recipient.as_ref().map(|recipient| recipient.at);
        let closing = self.closing.as_ref().map(|closing| closing.at);
        recipient.or(closing).unwrap_or(self.said.at)
    }

    /// The same where what comes next belongs to a send for so many seconds.
    pub fn within(&self, window: i64) -> Self {
        let mut fact = Self { window, ..self.clone() };
        for attempt in fact.recipient.iter_mut().flat_map(|recipient| &mut recipient.attempts) {
            attempt.window = window;
        }
        fact
    }

    pub fn status(&self) -> Option<MessageStatus> {
        self.standing.as_ref().map(|standing| standing.status)
    }

    /// It is an outbound message of a mailing.
    pub fn is_send(&self) -> bool {
        self.standing.is_some() && self.said.medium == Medium::Mailing
    }
}

/// The facts of a history, in its order.
pub fn facts(history: &History, stage: &Stage) -> Vec<Fact> {
    let standings: Vec<Option<Standing>> = history
        .said
        .iter()
        .map(|said| {
            let has_status = !said.inbound() && !said.silent();
            let receipts = stage.inboxes[said.inbox].gives_receipts;
            has_status.then(|| standing(&said.heard, receipts))
        })
        .collect();
    let sessions = sessions(history, &standings);
    let mut upon = responses(history, &standings);
    let facts = sessions.into_iter().enumerate();
    let mut facts: Vec<Fact> = facts
        .map(|(index, session)| {
            let upon = std::mem::take(&mut upon[index]);
            Fact { upon, ..fact(history, stage, &standings, index, session) }
        })
        .collect();
    let closings: Vec<Fact> =
        history.happened.iter().filter_map(|end| closing(history, stage, &facts, end)).collect();
    let recipients = recipients(history, stage, &facts);
    facts.extend(closings);
    facts.extend(recipients);
    facts
}

/// The closing of a conversation that was not closed.
fn closing(history: &History, stage: &Stage, facts: &[Fact], happened: &Happened) -> Option<Fact> {
    let thread = history.said[happened.after].thread();
    if happened.kind != ConversationEventKind::Closed {
        return None;
    }
    let since = Story::of(history, thread).opened_at(happened.at)?;
    let own = facts.iter().filter(|fact| fact.said.thread() == thread);
    let first = own.min_by_key(|fact| fact.said.at).unwrap();
    let lasted = Lasted::between(&first.inbox, since, happened.at);
    let assignee = assignee(history, thread, happened.at);
    Some(Fact {
        closing: Some(Closing { at: happened.at, lasted }),
        assignee: assignee.map(|user| stage.users[user]),
        teams: teams(stage, assignee),
        bot: bot_then(history, thread, happened.at).map(|bot| stage.bots[bot]),
        ..first.clone()
    })
}

/// The teams of a user.
fn teams(stage: &Stage, user: Option<usize>) -> Vec<TeamId> {
    let teams = (0..TEAMS).filter(|team| user.is_some_and(|user| members(*team).contains(&user)));
    teams.map(|team| stage.teams[team]).collect()
}

/// Of each label, what happened last.
fn labels(history: &History, stage: &Stage, thread: Thread) -> Vec<LabelId> {
    let carried = |label: &usize| {
        let own = history.happened.iter().filter(|happened| {
            happened.label == Some(*label) && history.said[happened.after].thread() == thread
        });
        let last = own.max_by_key(|happened| happened.at);
        last.is_some_and(|last| last.kind == ConversationEventKind::Labelled)
    };
    (0..LABELS).filter(carried).map(|label| stage.labels[label]).collect()
}

fn fact(
    history: &History,
    stage: &Stage,
    standings: &[Option<Standing>],
    index: usize,
    session: Option<Session>,
) -> Fact {
    let (said, standing) = (&history.said[index], standings[index].clone());
    let (user, bot) = match said.voice {
        Voice::User(user) | Voice::Note(user) => (user, None),
        Voice::Bot(bot) => (None, bot),
        _ => (None, None),
    };
    let client_wrote =
        history.said.iter().any(|other| other.thread() == said.thread() && other.inbound());
    let begins_conversation =
        !history.said.iter().any(|other| other.thread() == said.thread() && other.at < said.at);
    let seen = history.said.iter().filter(|other| other.thread() == said.thread());
    let first_seen = seen.filter(|other| !other.silent()).min_by_key(|other| other.at);
    let opened_by_business = first_seen.is_none_or(|first| !first.inbound());
    let would_begin = would_begin(history, standings, index);
    let assignee = assignee(history, said.thread(), said.at);
    let story = Story::of(history, said.thread());
    let human = matches!(said.voice, Voice::User(_)).then_some(&story);
    let lasted = |since: Option<Timestamp>| {
        since.map(|since| Lasted::between(&stage.inboxes[said.inbox], since, said.at))
    };
    Fact {
        inbox: stage.inboxes[said.inbox].clone(),
        standing,
        would_begin,
        begins_session: session.as_ref().is_some_and(|session| session.begins),
        session: session
            .map(|session| (session.origin, session.user_type))
            .or_else(|| would_begin.then(|| (origin(said), user_type(history, standings, said)))),
        begins_conversation,
        opened_by_business,
        author: match said.voice {
            Voice::Client | Voice::Business => None,
            Voice::User(_) | Voice::Note(_) => Some(AuthorKind::User),
            Voice::Bot(_) => Some(AuthorKind::Bot),
            Voice::Automation => Some(AuthorKind::Automation),
            Voice::Campaign => Some(AuthorKind::Campaign),
            Voice::System => Some(AuthorKind::System),
        },
        author_user: user.map(|user| stage.users[user]),
        author_bot: bot.map(|bot| stage.bots[bot]),
        assignee: assignee.map(|user| stage.users[user]),
        bot: bot_then(history, said.thread(), said.at).map(|bot| stage.bots[bot]),
        labels: labels(history, stage, said.thread()),
        teams: teams(stage, assignee),
        upon: Upon::default(),
        window: 0,
        reply: lasted(human.and_then(|story| story.waited_since(said.at))),
        first_response: lasted(human.and_then(|story| story.response_from(said.at))),
        closing: None,
        campaign: said.campaign.then(|| stage.campaigns[0]),
        recipient: None,
        template: said.template.map(|template| stage.templates[template]),
        traffic_source: if client_wrote {
            Source::of(said.thread()).map(Source::word)
        } else {
            None
        },
        client_wrote,
        said: said.clone(),
    }
}

/// To whom the conversation was given last.
fn assignee(history: &History, thread: Thread, at: Timestamp) -> Option<usize> {
    let given = history.happened.iter().filter(|happened| {
        happened.kind == ConversationEventKind::Assigned
            && happened.at < at
            && history.said[happened.after].thread() == thread
    });
    given.max_by_key(|happened| happened.at).and_then(|happened| happened.user)
}

/// The bot that wrote last or was named by an event.
fn bot_then(history: &History, thread: Thread, at: Timestamp) -> Option<usize> {
    let wrote = history.said.iter().filter_map(|other| match other.voice {
        Voice::Bot(Some(bot)) => Some((other.at, other.thread(), bot)),
        _ => None,
    });
    let named = history.happened.iter().filter_map(|happened| {
        Some((happened.at, history.said[happened.after].thread(), happened.bot?))
    });
    let before = wrote.chain(named).filter(|(own, of, _)| *own <= at && *of == thread);
    before.max_by_key(|(at, ..)| *at).map(|(.., bot)| bot)
}

fn standing(heard: &[Heard], receipts: bool) -> Standing {
    use StatusKind::{Accepted, Delivered, Failed, Read, Sent, Undelivered};
    let first = |kinds: &[StatusKind]| {
        heard.iter().filter(|heard| kinds.contains(&heard.kind)).map(|heard| heard.at).min()
    };
    let any = |kinds: &[StatusKind]| first(kinds).is_some();
    let status = if any(&[Read]) {
        MessageStatus::Read
    } else if any(&[Delivered]) {
        MessageStatus::Delivered
    } else if any(&[Failed, Undelivered]) {
        if any(&[Accepted, Sent, Undelivered]) {
            MessageStatus::Undelivered
        } else {
            MessageStatus::Failed
        }
    } else if any(&[Accepted, Sent]) {
        MessageStatus::Sent
    } else {
        let furthest = LOCAL.iter().rfind(|(kind, _)| any(&[*kind]));
        furthest.map_or(MessageStatus::Created, |(_, status)| *status)
    };
    let failed = matches!(status, MessageStatus::Failed | MessageStatus::Undelivered);
    let mut failures: Vec<&Heard> =
        heard.iter().filter(|heard| failed && matches!(heard.kind, Failed | Undelivered)).collect();
    // No code after any code.
    failures.sort_by_key(|failure| (failure.at, failure.code.is_none(), failure.code));
    let failure = failures.first();
    let sent_at = first(&[Accepted, Sent, Delivered, Read]).or_else(|| first(&[Undelivered]));
    let accepted_for_good = status == MessageStatus::Sent && !receipts;
    Standing {
        status,
        sent_at,
        delivered_at: if accepted_for_good { sent_at } else { first(&[Delivered, Read]) },
        read_at: first(&[Read]),
        failed_at: failure.map(|failure| failure.at),
        failure_code: failure.and_then(|failure| failure.code),
    }
}

/// The session of a message.
struct Session {
    origin: SessionOrigin,
    user_type: UserType,
    /// Whether the message is its first.
    begins: bool,
}

/// Whether it is said in a session: it came in, or it went out.
pub fn takes_part(history: &History, standings: &[Option<Standing>], index: usize) -> bool {
    use MessageStatus::{Delivered, Read, Sent};
    let went_out = |standing: &Standing| matches!(standing.status, Sent | Delivered | Read);
    history.said[index].inbound() || standings[index].as_ref().is_some_and(went_out)
}

fn would_begin(history: &History, standings: &[Option<Standing>], index: usize) -> bool {
    use MessageStatus::{Failed, Undelivered};
    let failed = |standing: &Standing| matches!(standing.status, Failed | Undelivered);
    if !standings[index].as_ref().is_some_and(failed) {
        return false;
    }
    let said = &history.said[index];
    let before = (0..history.said.len()).filter(|other| {
        let other_said = &history.said[*other];
        (other_said.contact, other_said.inbox) == (said.contact, said.inbox)
            && other_said.at < said.at
            && takes_part(history, standings, *other)
    });
    let last = before.map(|other| history.said[other].at).max();
    last.is_none_or(|last| said.at.seconds() - last.seconds() > IDLE_SECONDS)
}

/// Whether there was a session with the contact before.
fn user_type(history: &History, standings: &[Option<Standing>], said: &Said) -> UserType {
    let before = (0..history.said.len()).any(|other| {
        let other_said = &history.said[other];
        other_said.contact == said.contact
            && other_said.at < said.at
            && takes_part(history, standings, other)
    });
    if before { UserType::Returning } else { UserType::New }
}

fn sessions(history: &History, standings: &[Option<Standing>]) -> Vec<Option<Session>> {
    let mut parts: Vec<usize> =
        (0..history.said.len()).filter(|index| takes_part(history, standings, *index)).collect();
    parts.sort_by_key(|index| history.said[*index].at);
    // Each session by the index of its first message.
    let mut place: Vec<Option<usize>> = vec![None; history.said.len()];
    let mut last: HashMap<(usize, usize), usize> = HashMap::new();
    let mut first_of_contact: HashMap<usize, usize> = HashMap::new();
    for index in parts {
        let said = &history.said[index];
        let pair = (said.contact, said.inbox);
        let goes_on = last
            .get(&pair)
            .filter(|last| said.at.seconds() - history.said[**last].at.seconds() <= IDLE_SECONDS);
        place[index] = goes_on.map_or(Some(index), |last| place[*last]);
        last.insert(pair, index);
        first_of_contact.entry(said.contact).or_insert(index);
    }
    let describe = |(index, first): (usize, Option<usize>)| {
        let first = first?;
        let said = &history.said[first];
        let new = first_of_contact.get(&said.contact) == Some(&first);
        let user_type = if new { UserType::New } else { UserType::Returning };
        Some(Session { origin: origin(said), user_type, begins: first == index })
    };
    place.into_iter().enumerate().map(describe).collect()
}

/// What a session that begins with this begins with.
fn origin(said: &Said) -> SessionOrigin {
    match (said.medium, said.voice) {
        (_, Voice::Client) => match Source::of(said.thread()) {
            Some(Source::Advertisement) => SessionOrigin::ReferredCampaign,
            Some(Source::Tag | Source::Page) => SessionOrigin::ReferredWebChat,
            None => SessionOrigin::Contact,
        },
        (_, Voice::Automation) => SessionOrigin::Automation,
        (Medium::Mailing, _) if said.automation => SessionOrigin::Automation,
        (Medium::Mailing, Voice::Campaign) => SessionOrigin::BulkNotification,
        (Medium::Mailing, _) if said.campaign || said.template.is_none() => {
            SessionOrigin::BulkNotification
        }
        (Medium::Mailing, _) => SessionOrigin::Template,
        (Medium::Chat, Voice::Bot(_)) => SessionOrigin::Bot,
        (Medium::Chat, _) => SessionOrigin::Agent,
    }
}
