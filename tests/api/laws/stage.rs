//! The things of an account that histories refer to, and the way histories are recorded: in
//! any order and in any batches.

use std::collections::HashMap;

use entity::id::{
    AutomationId, BotId, CampaignId, ConversationId, LabelId, TeamId, TemplateId, UserId, Uuid,
};
use entity::inbox;
use entity::kinds::{AuthorKind, Direction, Platform, Role, TemplateCategory};
use rapport::auth::AccountScope;
use rapport::domain::bot::{self, BotCreate};
use rapport::domain::credits::Cost;
use rapport::domain::inbox::InboxCreate;
use rapport::domain::inbox_hours::{BusinessHours, Span};
use rapport::domain::label::{self, LabelCreate};
use rapport::domain::record::{
    self, Author, Item, NewConversationEvent, NewMessage, NewStatus, Outcome,
};
use rapport::domain::team::{self, TeamCreate};
use rapport::domain::template::{self, TemplateCreate};
use rapport::domain::user::{UserInvite, invite};

use super::dice::Dice;
use super::history::{
    BOTS, Heard, History, INBOXES, LABELS, Said, Source, TEAMS, TEMPLATES, Thread, USERS, Voice,
    Word,
};
use super::mailing::{self, CAMPAIGNS};
use crate::support::factory;

pub struct Stage {
    pub inboxes: Vec<inbox::Model>,
    pub users: Vec<UserId>,
    pub bots: Vec<BotId>,
    pub templates: Vec<TemplateId>,
    pub labels: Vec<LabelId>,
    pub teams: Vec<TeamId>,
    pub campaigns: Vec<CampaignId>,
}

/// Two spans on most days, one across the hour in which clocks are set on Sunday, none on
/// Saturday.
fn hours(zone: &str, holidays: &[&str]) -> BusinessHours {
    let span = |day, from: &str, to: &str| Span { day, from: from.to_owned(), to: to.to_owned() };
    let days = (1..=5).flat_map(|day| [span(day, "08:30", "12:15"), span(day, "13:00", "24:00")]);
    BusinessHours {
        zone: zone.to_owned(),
        week: days.chain([span(7, "01:15", "02:45")]).collect(),
        holidays: holidays.iter().map(|date| (*date).to_owned()).collect(),
    }
}

/// Inboxes of all sorts, with names that only their ids tell apart.
fn inboxes() -> [InboxCreate; INBOXES] {
    let text = |text: &str| Some(text.to_owned());
    let inbox = |name: &str, platform| InboxCreate::new(name, platform);
    [
        InboxCreate {
            official: true,
            vendor: text("Acme"),
            portfolio: text("retail"),
            line: text("+15550100"),
            business_hours: Some(hours("Europe/Berlin", &["2025-03-31", "2018-11-05"])),
            ..inbox("Shop", Platform::Whatsapp)
        },
        InboxCreate {
            vendor: text("acme"),
            line: text("+15550200"),
            ..inbox("shop", Platform::Sms)
        },
        InboxCreate {
            portfolio: text("Care"),
            line: text("care@acme.test"),
            ..inbox("Mail", Platform::Email)
        },
        InboxCreate {
            portfolio: text("retail"),
            business_hours: Some(hours("Australia/Lord_Howe", &[])),
            ..inbox("Web", Platform::Web)
        },
        InboxCreate { vendor: text("Bots & Co"), ..inbox("Telegram", Platform::Telegram) },
        // Reports reads, but no deliveries.
        InboxCreate {
            official: true,
            gives_receipts: Some(false),
            gives_reads: Some(true),
            ..inbox("Shop", Platform::Viber)
        },
    ]
}

/// The users of a team: the second team has them all.
pub fn members(number: usize) -> std::ops::Range<usize> {
    0..number + 1
}

impl Stage {
    /// `name` makes the users' addresses unique.
    pub async fn set(scope: &AccountScope, name: &str) -> Self {
        let mut stage = Self {
            inboxes: Vec::new(),
            users: Vec::new(),
            bots: Vec::new(),
            templates: Vec::new(),
            labels: Vec::new(),
            teams: Vec::new(),
            campaigns: (0..CAMPAIGNS).map(|_| scope.engine().clock.id()).collect(),
        };
        for input in inboxes() {
            let inbox = rapport::domain::inbox::create(scope, None, input).await.unwrap();
            stage.inboxes.push(inbox);
        }
        for number in 0..USERS {
            let input = UserInvite {
                email: format!("{name}-{number}@laws.test"),
                name: format!("User {number}"),
                role: Role::Agent,
                password: None,
            };
            stage.users.push(invite(scope, None, input).await.unwrap().id);
        }
        for number in 0..BOTS {
            let input = BotCreate { name: format!("Bot {number}") };
            stage.bots.push(bot::create(scope, None, input).await.unwrap().id);
        }
        for number in 0..TEMPLATES {
            let input = TemplateCreate {
                name: format!("template {number}"),
                language: "en".to_owned(),
                category: TemplateCategory::Utility,
                body: "Hello".to_owned(),
                status: None,
                external_id: None,
            };
            stage.templates.push(template::create(scope, None, input).await.unwrap().id);
        }
        for number in 0..LABELS {
            let input = LabelCreate { name: format!("label {number}"), color: None };
            stage.labels.push(label::create(scope, None, input).await.unwrap().id);
        }
        for number in 0..TEAMS {
            let input = TeamCreate {
                name: format!("Team {number}"),
                user_ids: members(number).map(|user| stage.users[user]).collect(),
            };
            stage.teams.push(team::create(scope, None, input).await.unwrap().id);
        }
        stage
    }

    /// Records messages and statuses shuffled and cut by chance, then what happened.
    pub async fn record(&self, scope: &AccountScope, history: &History, dice: &mut Dice) {
        let mut items: Vec<(Option<usize>, Item)> = Vec::new();
        for (index, said) in history.said.iter().enumerate() {
            items.push((Some(index), Item::Message(Box::new(self.message(index, said)))));
            let statuses = said.heard.iter().map(|heard| self.status(index, said, heard));
            items.extend(statuses.map(|status| (None, Item::Status(status))));
        }
        dice.shuffle(&mut items);
        let mut threads: HashMap<Thread, ConversationId> = HashMap::new();
        while !items.is_empty() {
            let size = items.len().min(1 + dice.below(30));
            let (indices, batch): (Vec<_>, Vec<_>) = items.drain(..size).unzip();
            for (index, outcome) in indices.into_iter().zip(recorded(scope, batch).await) {
                let Some(index) = index else { continue };
                let Outcome::Recorded { conversation_id: Some(id), .. } = outcome else {
                    panic!("{outcome:?}: {:?}", history.said[index]);
                };
                let known = threads.insert(history.said[index].thread(), id);
                assert!(known.is_none_or(|known| known == id), "{history:#?}");
            }
        }
        let events = history.happened.iter().map(|happened| {
            let said = &history.said[happened.after];
            let inbox_id = self.inboxes[said.inbox].id;
            Item::ConversationEvent(NewConversationEvent {
                user_id: happened.user.map(|user| self.users[user]),
                bot_id: happened.bot.map(|bot| self.bots[bot]),
                label_id: happened.label.map(|label| self.labels[label]),
                occurred_at: Some(happened.at),
                ..factory::event(inbox_id, threads[&said.thread()], happened.kind)
            })
        });
        recorded(scope, events.collect()).await;
        mailing::store(scope, self, history).await;
    }

    fn message(&self, index: usize, said: &Said) -> NewMessage {
        let inbox_id = self.inboxes[said.inbox].id;
        let phone = format!("+1555000{:04}", said.contact);
        let source = if said.inbound() { Source::of(said.thread()) } else { None };
        NewMessage {
            external_id: Some(external_id(index)),
            conversation_external_id: said
                .conversation
                .map(|number| format!("{} of {}", number, said.contact)),
            direction: if said.inbound() { Direction::Inbound } else { Direction::Outbound },
            medium: said.medium,
            author: self.author(said.voice),
            private: matches!(said.voice, Voice::Note(_)),
            template_id: said.template.map(|template| self.templates[template]),
            campaign_id: said.campaign.then(|| self.campaigns[0]),
            automation_id: said.automation.then(|| AutomationId(Uuid::from_u128(2))),
            cost: said.credits.map(|credits| Cost { segments: 1, credits }),
            occurred_at: Some(said.at),
            traffic: source.map(Source::traffic),
            quoted_external_id: said.quotes.map(external_id),
            ..factory::message(inbox_id, &phone, said.word.map_or("Hello", Word::text))
        }
    }

    fn author(&self, voice: Voice) -> Option<Author> {
        let author = |kind| Author { kind, user_id: None, bot_id: None };
        Some(match voice {
            Voice::Client | Voice::Business => return None,
            Voice::User(user) | Voice::Note(user) => {
                let user_id = user.map(|user| self.users[user]);
                Author { user_id, ..author(AuthorKind::User) }
            }
            Voice::Bot(bot) => {
                Author { bot_id: bot.map(|bot| self.bots[bot]), ..author(AuthorKind::Bot) }
            }
            Voice::Automation => author(AuthorKind::Automation),
            Voice::Campaign => author(AuthorKind::Campaign),
            Voice::System => author(AuthorKind::System),
        })
    }

    fn status(&self, index: usize, said: &Said, heard: &Heard) -> NewStatus {
        let inbox_id = self.inboxes[said.inbox].id;
        NewStatus {
            occurred_at: heard.timed.then_some(heard.at),
            received_at: (!heard.timed).then_some(heard.at),
            code: heard.code.map(str::to_owned),
            ..factory::status(inbox_id, &external_id(index), heard.kind)
        }
    }
}

/// Of the message at this place of a history.
pub fn external_id(index: usize) -> String {
    format!("m{index}")
}

/// The outcomes of items that must all be right.
async fn recorded(scope: &AccountScope, items: Vec<Item>) -> Vec<Outcome> {
    let outcomes = record::record(scope, None, items).await.unwrap();
    for outcome in &outcomes {
        assert!(!matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    }
    outcomes
}
