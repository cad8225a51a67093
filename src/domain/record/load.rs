//! What a batch reads before it decides anything: the things its items name, and the
//! messages that are known already. One statement for each kind of thing.

use std::collections::{HashMap, HashSet};

use entity::id::{
    BotId, ContactId, ConversationId, InboxId, LabelId, MessageId, TemplateId, UserId,
};
use entity::kinds::{AuthorKind, Direction, Medium, MessageStatus, OptOutKind};
use entity::{Timestamp, account, bot, inbox, label, membership, template};
use sea_orm::{ColumnTrait, DatabaseTransaction, FromQueryResult, QueryFilter, QuerySelect, Value};

use super::waited::Schedules;
use super::{Batch, Item, NewMessage, NewStatus};
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::inbox_hours::Schedule;
use crate::domain::{erased, opt_out};
use crate::error::{Error, Result};

/// What items may refer to, as far as it exists in the account.
pub(super) struct References {
    pub inboxes: HashMap<InboxId, inbox::Model>,
    pub users: HashSet<UserId>,
    pub bots: HashSet<BotId>,
    pub templates: HashSet<TemplateId>,
    pub labels: HashSet<LabelId>,
    pub schedules: Schedules,
    pub words: Words,
}

/// The account's words by which contacts opt out and in.
#[derive(Default)]
pub(super) struct Words {
    out: Vec<String>,
    back: Vec<String>,
}

impl Words {
    fn of(account: &account::Model) -> Result<Self> {
        let words = |value: &serde_json::Value| {
            serde_json::from_value(value.clone()).map_err(|error| Error::Internal(error.into()))
        };
        Ok(Self { out: words(&account.opt_out_words)?, back: words(&account.opt_in_words)? })
    }

    /// What an inbound message says that is wholly one of them.
    pub fn said(&self, message: &NewMessage) -> Option<OptOutKind> {
        if message.direction == Direction::Outbound || message.private {
            return None;
        }
        opt_out::word(&message.content, &self.out, &self.back)
    }
}

#[derive(Default)]
struct Named {
    inboxes: HashSet<InboxId>,
    users: HashSet<UserId>,
    bots: HashSet<BotId>,
    templates: HashSet<TemplateId>,
    labels: HashSet<LabelId>,
}

impl Named {
    fn of(items: &[Item]) -> Self {
        let mut named = Self::default();
        for item in items {
            match item {
                Item::Message(message) => {
                    named.inboxes.insert(message.inbox_id);
                    named.templates.extend(message.template_id);
                    if let Some(author) = &message.author {
                        named.users.extend(author.user_id);
                        named.bots.extend(author.bot_id);
                    }
                }
                Item::Status(status) => {
                    named.inboxes.insert(status.inbox_id);
                }
                Item::ConversationEvent(event) => {
                    named.inboxes.insert(event.inbox_id);
                    named.users.extend(event.user_id.into_iter().chain(event.by_user_id));
                    named.bots.extend(event.bot_id);
                    named.labels.extend(event.label_id);
                }
            }
        }
        named
    }
}

impl References {
    fn on(account: &account::Model, inboxes: Vec<inbox::Model>) -> Result<Self> {
        let schedules = inboxes.iter().filter_map(|inbox| Some((inbox.id, Schedule::of(inbox)?)));
        Ok(Self {
            schedules: schedules.collect(),
            words: Words::of(account)?,
            inboxes: inboxes.into_iter().map(|inbox| (inbox.id, inbox)).collect(),
            users: HashSet::new(),
            bots: HashSet::new(),
            templates: HashSet::new(),
            labels: HashSet::new(),
        })
    }
}

/// Every inbox of the account, and no one and nothing else.
pub(super) async fn references_of_all(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    account: &account::Model,
) -> Result<References> {
    References::on(account, scope.find::<inbox::Entity>().all(tx).await?)
}

pub(super) async fn references(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    account: &account::Model,
    items: &[Item],
) -> Result<References> {
    let named = Named::of(items);
    let inboxes = scope.find::<inbox::Entity>().filter(inbox::Column::Id.is_in(named.inboxes));
    let mut references = References::on(account, inboxes.all(tx).await?)?;
    if !named.users.is_empty() {
        let select = scope
            .find::<membership::Entity>()
            .filter(membership::Column::UserId.is_in(named.users));
        let ids: Vec<UserId> =
            select.select_only().column(membership::Column::UserId).into_tuple().all(tx).await?;
        references.users.extend(ids);
    }
    if !named.bots.is_empty() {
        let select = scope.find::<bot::Entity>().filter(bot::Column::Id.is_in(named.bots));
        let ids: Vec<BotId> =
            select.select_only().column(bot::Column::Id).into_tuple().all(tx).await?;
        references.bots.extend(ids);
    }
    if !named.templates.is_empty() {
        let select =
            scope.find::<template::Entity>().filter(template::Column::Id.is_in(named.templates));
        let ids: Vec<TemplateId> =
            select.select_only().column(template::Column::Id).into_tuple().all(tx).await?;
        references.templates.extend(ids);
    }
    if !named.labels.is_empty() {
        let select = scope.find::<label::Entity>().filter(label::Column::Id.is_in(named.labels));
        let ids: Vec<LabelId> =
            select.select_only().column(label::Column::Id).into_tuple().all(tx).await?;
        references.labels.extend(ids);
    }
    Ok(references)
}

/// A message that is stored already.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Known {
    pub id: MessageId,
    pub inbox_id: InboxId,
    pub external_id: Option<String>,
    pub contact_id: ContactId,
    pub conversation_id: ConversationId,
    pub medium: Medium,
    pub private: bool,
    pub author_kind: Option<AuthorKind>,
    pub occurred_at: Timestamp,
    pub gives_receipts: bool,
    pub status: Option<MessageStatus>,
}

impl Known {
    /// Whether its contact was erased.
    pub fn is_erased(&self) -> bool {
        self.external_id.as_deref().is_some_and(erased::is_erased)
    }

    pub fn is_send(&self) -> bool {
        self.status.is_some() && self.medium == Medium::Mailing
    }
}

const KNOWN: &str = "m.id, m.inbox_id, m.external_id, m.contact_id, m.conversation_id, m.medium, \
                     m.private, m.author_kind, m.occurred_at, m.gives_receipts, m.status";

/// The stored messages that a batch speaks of.
#[derive(Default)]
pub(super) struct KnownMessages {
    all: HashMap<MessageId, Known>,
    by_external_id: HashMap<(InboxId, String), MessageId>,
}

impl KnownMessages {
    fn add(&mut self, known: Known) {
        if let Some(external_id) = &known.external_id {
            self.by_external_id.insert((known.inbox_id, external_id.clone()), known.id);
        }
        self.all.insert(known.id, known);
    }

    /// Lets those whose ids at the provider were erased be found by them, with their hashes.
    fn unmask(&mut self, hashes: &HashMap<(InboxId, String), &str>) {
        for (hash, id) in hashes {
            if let Some(known) = self.by_external_id.get(hash).copied() {
                self.by_external_id.insert((hash.0, (*id).to_owned()), known);
            }
        }
    }

    /// Notes the id at the provider of one that had none.
    pub fn name(&mut self, id: MessageId, (inbox, external_id): &(InboxId, String)) {
        if let Some(known) = self.all.get_mut(&id) {
            known.external_id = Some(external_id.clone());
            self.by_external_id.insert((*inbox, external_id.clone()), id);
        }
    }

    /// By its id at the provider.
    pub fn named(&self, inbox: InboxId, external_id: &str) -> Option<&Known> {
        self.all.get(self.by_external_id.get(&(inbox, external_id.to_owned()))?)
    }

    /// The one that a status tells of.
    pub fn told_of(&self, status: &NewStatus) -> Option<&Known> {
        let ours = status.message_id.and_then(|id| self.all.get(&id));
        ours.filter(|known| known.inbox_id == status.inbox_id)
            .or_else(|| self.named(status.inbox_id, status.external_id.as_deref()?))
    }

    pub fn into_values(self) -> impl Iterator<Item = Known> {
        self.all.into_values()
    }
}

/// The stored messages that the batch records again, tells of, or quotes.
pub(super) async fn known_messages(batch: &Batch<'_>) -> Result<KnownMessages> {
    let mut keys: HashSet<(InboxId, &str)> = HashSet::new();
    for message in &batch.messages {
        let ids = [&message.input.external_id, &message.input.quoted_external_id];
        keys.extend(ids.into_iter().flatten().map(|id| (message.input.inbox_id, id.as_str())));
    }
    keys.extend(
        batch.statuses.iter().filter_map(|status| {
            Some((status.input.inbox_id, status.input.external_id.as_deref()?))
        }),
    );
    let ids: HashSet<MessageId> =
        batch.statuses.iter().filter_map(|status| status.input.message_id).collect();
    let mut known = KnownMessages::default();
    if !keys.is_empty() {
        let hashes = hashes(batch, &keys);
        let mut sql = Sql::new("WITH v(inbox_id, external_id) AS (");
        let given = keys.iter().map(|(inbox, id)| [Value::from(*inbox), Value::from(*id)]);
        let hashed = hashes.keys();
        let hashed = hashed.map(|(inbox, id)| [Value::from(*inbox), Value::from(id.as_str())]);
        sql.rows(given.chain(hashed));
        sql.push(&format!(
            ") SELECT {KNOWN} FROM v CROSS JOIN message m WHERE m.inbox_id = v.inbox_id \
             AND m.external_id = v.external_id AND m.account_id = "
        ));
        find(batch, sql, &mut known).await?;
        known.unmask(&hashes);
    }
    if !ids.is_empty() {
        let mut sql = Sql::new("WITH v(id) AS (");
        sql.rows(ids.into_iter().map(|id| [Value::from(id)]));
        sql.push(&format!(
            ") SELECT {KNOWN} FROM v CROSS JOIN message m WHERE m.id = v.id AND m.account_id = "
        ));
        find(batch, sql, &mut known).await?;
    }
    Ok(known)
}

/// What stands for these ids where their contact was erased; none where nobody ever was.
fn hashes<'a>(
    batch: &Batch<'_>,
    keys: &HashSet<(InboxId, &'a str)>,
) -> HashMap<(InboxId, String), &'a str> {
    if batch.counter.last_erased_at.is_none() {
        return HashMap::new();
    }
    let hash = |(inbox, id): &(InboxId, &'a str)| {
        ((*inbox, erased::external_id(batch.scope, *inbox, id)), *id)
    };
    keys.iter().map(hash).collect()
}

async fn find(batch: &Batch<'_>, mut sql: Sql, known: &mut KnownMessages) -> Result<()> {
    sql.bind(batch.scope.account_id());
    let statement = sql.statement(batch.scope.db().backend());
    let found = Known::find_by_statement(statement).all(batch.tx).await?;
    found.into_iter().for_each(|message| known.add(message));
    Ok(())
}
