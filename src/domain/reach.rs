//! Whether a contact may be written to: the address on an inbox, and what forbids a message to
//! it. Asked when something is written and again in the transaction that sends it.

use std::collections::{HashMap, HashSet};

use entity::id::{ContactId, InboxId};
use entity::kinds::{Direction, OptOutKind, Platform, Provider, SkipReason, TemplateStatus};
use entity::{Timestamp, contact, contact_identity, inbox, template};
use sea_orm::{ColumnTrait, ConnectionTrait, FromQueryResult, QueryFilter, QueryOrder, Value};

use super::{attempt, opt_out, rows};
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::error::Result;

/// How long after a contact's message a platform lets the business write freely; none where it
/// always does. WhatsApp: "customer service window"
/// (developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages);
/// Messenger: "standard messaging window".
pub fn reply_window_seconds(platform: Platform) -> Option<i64> {
    match platform {
        Platform::Whatsapp | Platform::Facebook => Some(24 * 3_600),
        _ => None,
    }
}

/// Whether the provider would take the template now.
pub fn is_sendable(template: &template::Model, provider: Provider) -> bool {
    let approved = matches!(template.status, TemplateStatus::Approved | TemplateStatus::Flagged);
    let ours = template.status == TemplateStatus::Local;
    template.archived_at.is_none() && (approved || (ours && provider != Provider::WhatsappCloud))
}

/// Where a contact is reached on an inbox.
pub async fn addresses(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    inbox: &inbox::Model,
    contacts: &[&contact::Model],
) -> Result<HashMap<ContactId, String>> {
    use contact_identity::Column as C;
    let mut known: HashMap<ContactId, String> = HashMap::new();
    let ids: Vec<ContactId> = contacts.iter().map(|contact| contact.id).collect();
    for chunk in ids.chunks(rows::IDS) {
        let identities = scope
            .find::<contact_identity::Entity>()
            .filter(C::InboxId.eq(inbox.id))
            .filter(C::ContactId.is_in(chunk.iter().copied()))
            .order_by_asc(C::CreatedAt)
            .order_by_asc(C::Id);
        for identity in identities.all(connection).await? {
            known.entry(identity.contact_id).or_insert(identity.source_id);
        }
    }
    let address = |contact: &&contact::Model| {
        let source = known.get(&contact.id).map(String::as_str);
        let (phone, email) = (contact.phone.as_deref(), contact.email.as_deref());
        Some((contact.id, opt_out::address(inbox.platform, phone, email, source)?))
    };
    Ok(contacts.iter().filter_map(address).collect())
}

/// A message that somebody would like to send.
pub struct Wish<'a> {
    pub inbox: &'a inbox::Model,
    pub contact_id: ContactId,
    pub address: &'a str,
    /// None where the text is free.
    pub template: Option<&'a template::Model>,
}

impl Wish<'_> {
    fn family(&self) -> opt_out::Address {
        let platform = self.inbox.platform;
        let address = opt_out::address(platform, None, None, Some(self.address));
        (platform, address.unwrap_or_else(|| self.address.to_owned()))
    }

    /// What only tells whether it may be sent after a look at what the contact wrote.
    fn window_seconds(&self) -> Option<i64> {
        let seconds = reply_window_seconds(self.inbox.platform)?;
        self.template.is_none().then_some(seconds)
    }
}

/// What forbids each of the wishes, in their order; none where nothing does. The answer holds
/// for as long as the caller holds the account's lock.
pub async fn refusals(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    wishes: &[Wish<'_>],
) -> Result<Vec<Option<SkipReason>>> {
    let families: Vec<opt_out::Address> = wishes.iter().map(Wish::family).collect();
    let standings = opt_out::current(scope, connection, &families).await?;
    let heard = last_heard(scope, connection, wishes).await?;
    let refusal = |(wish, family): (&Wish<'_>, &opt_out::Address)| {
        if !attempt::can_send(wish.inbox) {
            return Some(SkipReason::InboxUnusable);
        }
        if standings.get(family) == Some(&OptOutKind::OptOut) {
            return Some(SkipReason::OptedOut);
        }
        if wish.template.is_some_and(|template| !is_sendable(template, wish.inbox.provider)) {
            return Some(SkipReason::TemplateNotApproved);
        }
        let window = wish.window_seconds()?;
        let last = heard.get(&(wish.inbox.id, wish.contact_id));
        let open = last.is_some_and(|last| scope.now() < last.plus_seconds(window));
        (!open).then_some(SkipReason::ReplyWindowShut)
    };
    Ok(wishes.iter().zip(&families).map(refusal).collect())
}

#[derive(FromQueryResult)]
struct Last {
    inbox_id: InboxId,
    contact_id: ContactId,
    last_at: Option<Timestamp>,
}

/// When contacts last wrote on an inbox, where that matters.
async fn last_heard(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    wishes: &[Wish<'_>],
) -> Result<HashMap<(InboxId, ContactId), Timestamp>> {
    let asked: HashSet<(InboxId, ContactId)> = wishes
        .iter()
        .filter(|wish| wish.window_seconds().is_some())
        .map(|wish| (wish.inbox.id, wish.contact_id))
        .collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new("WITH v(inbox_id, contact_id) AS (");
    sql.rows(asked.into_iter().map(|(inbox, contact)| [Value::from(inbox), contact.into()]));
    sql.push(
        ") SELECT v.inbox_id, v.contact_id, (SELECT m.occurred_at FROM message m \
         WHERE m.inbox_id = v.inbox_id AND m.contact_id = v.contact_id AND m.direction = ",
    );
    sql.bind(Direction::Inbound).push(" AND m.account_id = ").bind(scope.account_id());
    sql.push(" ORDER BY m.occurred_at DESC LIMIT 1) AS last_at FROM v");
    let statement = sql.statement(scope.db().backend());
    let found = Last::find_by_statement(statement).all(connection).await?;
    let last = |last: Last| Some(((last.inbox_id, last.contact_id), last.last_at?));
    Ok(found.into_iter().filter_map(last).collect())
}

/// The reason in words, for whoever wanted to send.
pub fn explain(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::NoAddress => "the contact has no address on this inbox's platform",
        SkipReason::OptedOut => "the contact has opted out of messages on this platform",
        SkipReason::Duplicate => "another recipient has the same address",
        SkipReason::MissingVariable => "a variable of the text has no value for this contact",
        SkipReason::ReplyWindowShut => {
            "the reply window is shut: the contact has not written within 24 hours; a template may \
             still be sent"
        }
        SkipReason::TemplateNotApproved => "the provider has not approved this template",
        SkipReason::Unsendable => "the text, filled in for this contact, cannot be sent",
        SkipReason::NoCredits => "the credits of the month's plan are used up",
        SkipReason::InboxUnusable => {
            "nothing can be sent from here on this inbox: it is archived, has no credentials or \
             its messages are sent by another system"
        }
    }
}
