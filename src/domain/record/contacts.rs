//! Which contact a message belongs to: the one known under that id on the inbox, else the
//! one with the same phone number or e-mail address, else a new one.

use std::collections::{HashMap, HashSet};

use entity::id::{ContactId, InboxId};
use entity::{contact, contact_identity};
use sea_orm::{FromQueryResult, Set, Value};

use super::Batch;
use crate::db::Sql;
use crate::domain::text;
use crate::error::Result;

/// What recording asks of a contact: little of the row, since there are many.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(super) struct Person {
    pub id: ContactId,
    pub name: Option<String>,
    pub nickname: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// The contacts of a batch by all that they are known by.
#[derive(Default)]
struct Book {
    contacts: HashMap<ContactId, Person>,
    /// Those that were merged into others stand for these.
    by_id: HashMap<ContactId, ContactId>,
    by_identity: HashMap<(InboxId, String), ContactId>,
    by_phone: HashMap<String, ContactId>,
    by_email: HashMap<String, ContactId>,
    /// In the order of their making.
    made: Vec<ContactId>,
    changed: HashSet<ContactId>,
}

impl Book {
    fn add(&mut self, contact: Person) {
        if let Some(phone) = &contact.phone {
            self.by_phone.insert(phone.clone(), contact.id);
        }
        if let Some(email) = &contact.email {
            self.by_email.insert(email.clone(), contact.id);
        }
        self.contacts.insert(contact.id, contact);
    }
}

/// Sets the contact of every message draft and notes the contacts and identities to write.
pub(super) async fn resolve(batch: &mut Batch<'_>) -> Result<()> {
    if batch.messages.is_empty() {
        return Ok(());
    }
    let mut book = Book::default();
    load_identities(batch, &mut book).await?;
    load_named(batch, &mut book).await?;
    load_addresses(batch, &mut book).await?;
    for index in 0..batch.messages.len() {
        let id = find_or_make(batch, &mut book, index);
        batch.messages[index].contact_id = id;
        fill_gaps(batch, &mut book, index);
        // Where the message does not say it, by what the contact is known.
        if let Some(contact) = book.contacts.get(&id) {
            let message = &mut batch.messages[index];
            message.phone = message.phone.take().or_else(|| contact.phone.clone());
            message.email = message.email.take().or_else(|| contact.email.clone());
        }
    }
    for id in &book.changed {
        batch.writes.changed_contacts.extend(book.contacts.remove(id));
    }
    let made: Vec<Person> = book.made.iter().filter_map(|id| book.contacts.remove(id)).collect();
    for person in made {
        let ordinal = batch.counter.contacts;
        batch.counter.contacts += 1;
        batch.writes.new_contacts.push(contact::Model {
            account_id: batch.scope.account_id(),
            id: person.id,
            ordinal,
            name_key: person.name.as_deref().map(text::name_key),
            name: person.name,
            nickname: person.nickname,
            email: person.email,
            phone: person.phone,
            merged_into_id: None,
            erased_at: None,
            // A contact is as old as the first we heard of it here, not as its oldest message.
            created_at: batch.now,
            updated_at: batch.now,
        });
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Identity {
    identity_inbox_id: InboxId,
    identity_source_id: String,
    #[sea_orm(nested)]
    person: Person,
}

async fn load_identities(batch: &Batch<'_>, book: &mut Book) -> Result<()> {
    let keys: HashSet<(InboxId, &str)> = batch
        .messages
        .iter()
        .flat_map(|message| message.source_ids().map(|id| (message.input.inbox_id, id)))
        .collect();
    let mut sql = Sql::new("WITH v(inbox_id, source_id) AS (");
    sql.rows(keys.into_iter().map(|(inbox, source)| [Value::from(inbox), Value::from(source)]));
    sql.push(
        ") SELECT i.inbox_id AS identity_inbox_id, i.source_id AS identity_source_id, \
         c.id, c.name, c.nickname, c.email, c.phone \
         FROM v CROSS JOIN contact_identity i CROSS JOIN contact c \
         WHERE i.inbox_id = v.inbox_id AND i.source_id = v.source_id \
         AND c.account_id = i.account_id AND c.id = i.contact_id AND i.account_id = ",
    );
    sql.bind(batch.scope.account_id());
    let statement = sql.statement(batch.scope.db().backend());
    for found in Identity::find_by_statement(statement).all(batch.tx).await? {
        let key = (found.identity_inbox_id, found.identity_source_id);
        book.by_identity.insert(key, found.person.id);
        book.add(found.person);
    }
    Ok(())
}

/// Contacts that are named by our ids.
async fn load_named(batch: &Batch<'_>, book: &mut Book) -> Result<()> {
    let ids: HashSet<ContactId> =
        batch.messages.iter().filter_map(|message| message.input.contact.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("WITH v(id) AS (");
    sql.rows(ids.into_iter().map(|id| [Value::from(id)]));
    sql.push(
        ") SELECT f.id AS named, c.id, c.name, c.nickname, c.email, c.phone \
         FROM v CROSS JOIN contact f CROSS JOIN contact c WHERE f.id = v.id \
         AND c.account_id = f.account_id AND c.id = COALESCE(f.merged_into_id, f.id) \
         AND f.account_id = ",
    );
    sql.bind(batch.scope.account_id());
    let statement = sql.statement(batch.scope.db().backend());
    for found in Named::find_by_statement(statement).all(batch.tx).await? {
        book.by_id.insert(found.named, found.person.id);
        book.add(found.person);
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Named {
    named: ContactId,
    #[sea_orm(nested)]
    person: Person,
}

#[derive(FromQueryResult)]
struct Addressed {
    found_phone: Option<String>,
    found_email: Option<String>,
    #[sea_orm(nested)]
    person: Person,
}

/// Contacts by phone and e-mail, those too that were merged into them: for messages whose
/// sender is not known on the inbox, and to see whether an address that fills a gap is taken.
async fn load_addresses(batch: &Batch<'_>, book: &mut Book) -> Result<()> {
    let mut phones: HashSet<&str> = HashSet::new();
    let mut emails: HashSet<&str> = HashSet::new();
    for message in &batch.messages {
        let phone = message.phone.as_deref().filter(|phone| !book.by_phone.contains_key(*phone));
        let email = message.email.as_deref().filter(|email| !book.by_email.contains_key(*email));
        phones.extend(phone);
        emails.extend(email);
    }
    for (column, addresses) in [("phone", phones), ("email", emails)] {
        if addresses.is_empty() {
            continue;
        }
        let mut sql = Sql::new("WITH v(address) AS (");
        sql.rows(addresses.into_iter().map(|address| [Value::from(address)]));
        sql.push(&format!(
            ") SELECT f.phone AS found_phone, f.email AS found_email, \
             c.id, c.name, c.nickname, c.email, c.phone \
             FROM v CROSS JOIN contact f CROSS JOIN contact c WHERE f.{column} = v.address \
             AND c.account_id = f.account_id AND c.id = COALESCE(f.merged_into_id, f.id) \
             AND f.account_id = "
        ));
        sql.bind(batch.scope.account_id());
        let statement = sql.statement(batch.scope.db().backend());
        for found in Addressed::find_by_statement(statement).all(batch.tx).await? {
            let id = found.person.id;
            book.by_phone.extend(found.found_phone.map(|phone| (phone, id)));
            book.by_email.extend(found.found_email.map(|email| (email, id)));
            book.add(found.person);
        }
    }
    Ok(())
}

fn find_or_make(batch: &mut Batch<'_>, book: &mut Book, index: usize) -> ContactId {
    let message = &batch.messages[index];
    let keys: Vec<(InboxId, String)> =
        message.source_ids().map(|id| (message.input.inbox_id, id.to_owned())).collect();
    let named = message.input.contact.id.and_then(|id| book.by_id.get(&id));
    let known = named.or_else(|| keys.iter().find_map(|key| book.by_identity.get(key)));
    let by_phone = message.phone.as_ref().and_then(|phone| book.by_phone.get(phone));
    let by_email = message.email.as_ref().and_then(|email| book.by_email.get(email));
    let id = match known.or(by_phone).or(by_email) {
        Some(id) => *id,
        None => make(batch, book, index),
    };
    for key in keys {
        if book.by_identity.contains_key(&key) {
            continue;
        }
        batch.writes.identities.push(contact_identity::ActiveModel {
            account_id: Set(batch.scope.account_id()),
            id: Set(batch.scope.id()),
            inbox_id: Set(key.0),
            contact_id: Set(id),
            source_id: Set(key.1.clone()),
            created_at: Set(batch.now),
        });
        book.by_identity.insert(key, id);
    }
    id
}

fn make(batch: &Batch<'_>, book: &mut Book, index: usize) -> ContactId {
    let message = &batch.messages[index];
    let person = Person {
        id: batch.scope.id(),
        name: message.name.clone(),
        nickname: message.input.contact.nickname.clone(),
        email: message.email.clone(),
        phone: message.phone.clone(),
    };
    let id = person.id;
    book.made.push(id);
    book.add(person);
    id
}

/// What is known of a contact stays; what is missing is taken from the message, unless the
/// address belongs to another contact: then only a merge can tell that they are one.
fn fill_gaps(batch: &Batch<'_>, book: &mut Book, index: usize) {
    let message = &batch.messages[index];
    let free_phone =
        message.phone.as_ref().filter(|phone| !book.by_phone.contains_key(*phone)).cloned();
    let free_email =
        message.email.as_ref().filter(|email| !book.by_email.contains_key(*email)).cloned();
    let Some(contact) = book.contacts.get_mut(&message.contact_id) else { return };
    let before = contact.clone();
    if contact.name.is_none() && message.name.is_some() {
        contact.name.clone_from(&message.name);
    }
    if contact.nickname.is_none() {
        contact.nickname.clone_from(&message.input.contact.nickname);
    }
    if contact.phone.is_none()
        && let Some(phone) = free_phone
    {
        book.by_phone.insert(phone.clone(), contact.id);
        contact.phone = Some(phone);
    }
    if contact.email.is_none()
        && let Some(email) = free_email
    {
        book.by_email.insert(email.clone(), contact.id);
        contact.email = Some(email);
    }
    if *contact != before && !book.made.contains(&contact.id) {
        book.changed.insert(contact.id);
    }
}
