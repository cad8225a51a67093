//! From a stored delivery to facts. Everything that one delivery says takes effect in one
//! transaction, together with the note that it was applied: so it takes effect once, however
//! often it is tried and by how many processes.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::id::{InboxId, MessageId, RawEventId};
use entity::kinds::{OptOutSource, Platform, Provider};
use entity::{Timestamp, contact, contact_identity, inbox, raw_event};
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter};

use super::parsed::{Consent, Delivery, Lines, Parsed, TemplateUpdate};
use super::tally::Tally;
use super::{store, telegram, twilio, webhook, whatsapp};
use crate::auth::AccountScope;
use crate::domain::record::{self, MOST_ITEMS, Outcome};
use crate::domain::{contact as contacts, erased, inbox as inboxes, opt_out, template, text};
use crate::error::Result;

/// Applies a waiting event. False if it waits no longer, or another process is at it. On an
/// error it goes on waiting and had no effect.
pub(super) async fn apply(scope: &AccountScope, id: RawEventId) -> Result<bool> {
    let Some(event) = store::find(scope, id).await? else { return Ok(false) };
    let parsed = parse(scope, &event).await?;
    let tx = scope.begin().await?;
    if !store::claim(scope, &tx, id).await? {
        return Ok(false);
    }
    let (tally, outcomes) = record(scope, &tx, parsed).await?;
    store::close(scope, &tx, id, &tally).await?;
    tx.commit().await?;
    record::grew(scope, &outcomes);
    Ok(true)
}

async fn parse(scope: &AccountScope, event: &raw_event::Model) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    let body = event.body.as_slice();
    let delivery = match event.provider {
        Provider::WhatsappCloud => whatsapp::Notification::read(body).map(boxed),
        Provider::Twilio => {
            let query = event.query.as_deref().unwrap_or_default();
            Some(boxed(twilio::Form::read(body, query)))
        }
        Provider::Telegram => telegram::Update::read(body).map(boxed),
        Provider::Webhook => webhook::Event::read(body).map(boxed),
        Provider::Sandbox | Provider::Smtp | Provider::External => {
            parsed.tally.unknown(1, "provider");
            return Ok(parsed);
        }
    };
    let Some(delivery) = delivery else {
        parsed.tally.failed("no JSON");
        return Ok(parsed);
    };
    let called = inboxes::get(scope, event.inbox_id).await?;
    let lines = lines(scope, &called, delivery.lines()).await?;
    Ok(delivery.parse(&lines, event.received_at))
}

fn boxed<D: Delivery + 'static>(delivery: D) -> Box<dyn Delivery> {
    Box::new(delivery)
}

/// Which inboxes of the account serve the lines of a delivery: one app of a provider may
/// serve several.
async fn lines(
    scope: &AccountScope,
    called: &inbox::Model,
    named: BTreeSet<String>,
) -> Result<Lines> {
    let mut others = HashMap::new();
    for line in named {
        if called.provider_line_id.as_ref() == Some(&line) {
            continue;
        }
        if let Some(other) = inboxes::for_line(scope, called.provider, &line).await? {
            others.insert(line, other.id);
        }
    }
    Ok(Lines { called: (called.id, called.provider_line_id.clone()), others })
}

async fn record(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    parsed: Parsed,
) -> Result<(Tally, Vec<Outcome>)> {
    let Parsed { items, consents, templates, mut tally } = parsed;
    let mut outcomes = Vec::with_capacity(items.len());
    for chunk in items.chunks(MOST_ITEMS) {
        outcomes.extend(record::apply(scope, tx, chunk).await?);
    }
    outcomes.iter().for_each(|outcome| tally.outcome(outcome));
    let of_erased = erased::messages(scope, tx, &messages(&outcomes)).await?;
    tally.erased(u32::try_from(of_erased).unwrap_or(u32::MAX), "known");
    if !consents.is_empty() {
        tally.erased(consent(scope, tx, &consents).await?, "consent");
        let counted = consents.iter().filter(|consent| consent.counts).count();
        tally.applied = tally.applied.saturating_add(u32::try_from(counted).unwrap_or(u32::MAX));
    }
    for update in &templates {
        if template_status(scope, tx, update).await? {
            tally.applied = tally.applied.saturating_add(1);
        } else {
            tally.unknown(1, "template");
        }
    }
    Ok((tally, outcomes))
}

/// The messages that a delivery made or told of.
fn messages(outcomes: &[Outcome]) -> Vec<MessageId> {
    let message = |outcome: &Outcome| match outcome {
        Outcome::Recorded { message_id, .. } | Outcome::Duplicate { message_id, .. } => *message_id,
        Outcome::Parked | Outcome::Erased | Outcome::Rejected(_) => None,
    };
    outcomes.iter().filter_map(message).collect()
}

/// Puts consents into the history. Says how many came from whom was erased after them: these
/// hold all the same, under the hash of the address.
async fn consent(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    consents: &[Consent],
) -> Result<u32> {
    // Recording may put words of the same contacts into the history.
    let counter = scope.lock(tx).await?;
    let platforms = platforms(scope, tx, consents).await?;
    let last = counter.last_erased_at;
    let erased_later = erased_later(scope, tx, last, &platforms, consents).await?;
    let mut count = 0u32;
    let mut entries = Vec::with_capacity(consents.len());
    for (consent, erased) in consents.iter().zip(erased_later) {
        let Some(platform) = platforms.get(&consent.inbox_id).copied() else { continue };
        let number = text::phone(&consent.source_id).filter(|_| opt_out::has_numbers(platform));
        count = count.saturating_add(u32::from(erased));
        let contact = match erased {
            true => None,
            false => contact(scope, tx, consent, number.as_deref()).await?,
        };
        // The family's address is the phone number wherever one is known.
        let known = contact.as_ref().and_then(|known| known.phone.as_deref());
        let phone = number.as_deref().or(known);
        let source_id = Some(consent.source_id.as_str());
        let Some(address) = opt_out::address(platform, phone, None, source_id) else {
            continue;
        };
        entries.push(opt_out::NewEntry {
            platform,
            address: if erased { erased::address(scope, &address) } else { address },
            kind: consent.kind,
            source: OptOutSource::Provider,
            contact_id: contact.map(|known| known.id),
            inbox_id: Some(consent.inbox_id),
            message_id: None,
            user_id: None,
            reason: Some(consent.reason.clone()),
            occurred_at: consent.occurred_at,
        });
    }
    opt_out::append(scope, tx, entries).await?;
    Ok(count)
}

/// Of each consent whether whom it came from was erased after it. `last` is when anybody was.
async fn erased_later(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    last: Option<Timestamp>,
    platforms: &HashMap<InboxId, Platform>,
    consents: &[Consent],
) -> Result<Vec<bool>> {
    if consents.iter().all(|consent| last.is_none_or(|last| last <= consent.occurred_at)) {
        return Ok(vec![false; consents.len()]);
    }
    let asked = consents.iter().map(|consent| {
        let (inbox, id) = (consent.inbox_id, consent.source_id.as_str());
        let traces = platforms.get(&inbox).map(|known| erased::traces(scope, *known, inbox, id));
        (traces.unwrap_or_default(), consent.occurred_at)
    });
    let asked: Vec<_> = asked.collect();
    erased::erased_after(scope, tx, &asked).await
}

async fn platforms(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    consents: &[Consent],
) -> Result<HashMap<InboxId, Platform>> {
    let ids: HashSet<InboxId> = consents.iter().map(|consent| consent.inbox_id).collect();
    let called = scope.find::<inbox::Entity>().filter(inbox::Column::Id.is_in(ids));
    Ok(called.all(tx).await?.into_iter().map(|inbox| (inbox.id, inbox.platform)).collect())
}

/// The contact that is known under this id on the inbox, else by this phone number.
async fn contact(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    consent: &Consent,
    phone: Option<&str>,
) -> Result<Option<contact::Model>> {
    let identity = scope
        .find::<contact_identity::Entity>()
        .filter(contact_identity::Column::InboxId.eq(consent.inbox_id))
        .filter(contact_identity::Column::SourceId.eq(consent.source_id.as_str()))
        .one(tx)
        .await?;
    let known = scope.find::<contact::Entity>();
    let known = match (identity, phone) {
        (Some(identity), _) => known.filter(contact::Column::Id.eq(identity.contact_id)),
        (None, Some(phone)) => known.filter(contact::Column::Phone.eq(phone)),
        (None, None) => return Ok(None),
    };
    match known.one(tx).await? {
        // The number may be one of a contact that was merged.
        Some(known) => contacts::resolve(scope, tx, known.id).await,
        None => Ok(None),
    }
}

/// False if the account has no such template.
async fn template_status(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    update: &TemplateUpdate,
) -> Result<bool> {
    let TemplateUpdate { external_id, name, language, status, reason } = update;
    // Webhooks write `en-US` where the rest of the provider's API writes `en_US`.
    for language in [language.clone(), language.replace('-', "_")] {
        let (external_id, reason) = (external_id.as_deref(), reason.as_deref());
        let known =
            template::provider_status(scope, tx, external_id, name, &language, *status, reason);
        if known.await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
