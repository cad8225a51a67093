//! Keeping contacts, merging two that are one person, and erasing one.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{Answer, Ids, UserError, named, owner, payload};
use crate::domain::contact::{self as commands, ContactUpsert, IdentityInput};
use crate::domain::{contact_erase, contact_merge};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::Contact;
use crate::graphql::viewer;

/// What is known of a contact. What is not given stays as it is.
#[derive(InputObject)]
pub struct ContactUpsertInput {
    /// The account that talks with the contact.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// The contact to change. Without it, the one with this phone number is changed, else the
    /// one with this e-mail address, else one that an inbox knows so, else a new one is made.
    id: Option<ID>,
    /// The phone number, in any spelling.
    phone: Option<String>,
    /// The e-mail address, in any case.
    email: Option<String>,
    /// The name, up to 255 characters.
    name: Option<String>,
    /// The name on a messenger, up to 255 characters.
    nickname: Option<String>,
    /// The contact's labels, in place of those it has: up to 250.
    label_ids: Option<Vec<ID>>,
    /// How inboxes know the contact, in addition to what is known: up to 250.
    identities: Option<Vec<ContactIdentityInput>>,
}

/// How an inbox knows a contact.
#[derive(InputObject)]
pub struct ContactIdentityInput {
    /// The inbox.
    inbox_id: ID,
    /// The address or id that its platform uses, 1 to 255 characters.
    source_id: String,
}

/// What became of `contactUpsert`.
#[derive(SimpleObject)]
pub struct ContactUpsertPayload {
    /// The contact as it is now.
    pub contact: Option<Contact>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which two contacts are one person.
#[derive(InputObject)]
pub struct ContactMergeInput {
    /// The contact that goes.
    from_id: ID,
    /// The contact that stays.
    into_id: ID,
}

/// What became of `contactMerge`.
#[derive(SimpleObject)]
pub struct ContactMergePayload {
    /// The contact that stayed.
    pub contact: Option<Contact>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Whose personal data to remove.
#[derive(InputObject)]
pub struct ContactEraseInput {
    /// The contact, or one that was merged into it.
    id: ID,
    /// Repeated under the same key, the mutation gives the first answer again. 1 to 255
    /// characters, for 48 hours.
    idempotency_key: Option<String>,
}

/// What became of `contactErase`.
#[derive(SimpleObject)]
pub struct ContactErasePayload {
    /// What is left of the contact.
    pub contact: Option<Contact>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct ContactMutation;

#[Object]
impl ContactMutation {
    /// Changes a contact, or makes one. What points at different contacts is refused: they
    /// have to be merged first. Needs the role AGENT.
    async fn contact_upsert(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is known of the contact.")] input: ContactUpsertInput,
    ) -> Answer<ContactUpsertPayload> {
        payload(upsert(ctx, input).await, |contact, user_errors| ContactUpsertPayload {
            contact,
            user_errors,
        })
    }

    /// Merges a contact into another of the same account, for good: everything said and known
    /// moves to the one that stays. Needs the role MANAGER.
    async fn contact_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which two contacts.")] input: ContactMergeInput,
    ) -> Answer<ContactMergePayload> {
        payload(merge(ctx, input).await, |contact, user_errors| ContactMergePayload {
            contact,
            user_errors,
        })
    }

    /// Removes the personal data of a contact, and of those that were merged into it, for good:
    /// names, addresses and labels, the texts of its messages, what providers delivered of it.
    /// Messages and conversations stay without them, so that no report changes. Whoever writes
    /// from such an address later is a new contact, for whom the opt-outs of before hold; what
    /// happened before and is told later is not recorded. Erasing once more changes nothing.
    /// Needs the role ADMIN.
    async fn contact_erase(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which contact.")] input: ContactEraseInput,
    ) -> Answer<ContactErasePayload> {
        payload(erase(ctx, input).await, |contact, user_errors| ContactErasePayload {
            contact,
            user_errors,
        })
    }
}

async fn upsert(ctx: &Context<'_>, input: ContactUpsertInput) -> Result<Contact> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let mut ids = Ids::new(reader.account_id());
    let known = ContactUpsert {
        id: ids.optional("id", input.id.as_ref(), NodeKind::Contact),
        phone: input.phone,
        email: input.email,
        name: input.name,
        nickname: input.nickname,
        label_ids: input.label_ids.map(|labels| ids.list("labelIds", &labels, NodeKind::Label)),
        identities: identities(&mut ids, input.identities.unwrap_or_default()),
    };
    ids.finish()?;
    let contact = commands::upsert(reader.scope(), input.idempotency_key.as_deref(), known).await?;
    Ok(Contact::new(reader, contact))
}

fn identities(ids: &mut Ids, given: Vec<ContactIdentityInput>) -> Vec<IdentityInput> {
    let given = given.into_iter().enumerate();
    given
        .map(|(index, identity)| IdentityInput {
            inbox_id: ids.key(
                &format!("identities[{index}].inboxId"),
                &identity.inbox_id,
                NodeKind::Inbox,
            ),
            source_id: identity.source_id,
        })
        .collect()
}

async fn merge(ctx: &Context<'_>, input: ContactMergeInput) -> Result<Contact> {
    let (reader, into) = owner(ctx, "intoId", &input.into_id, NodeKind::Contact)?;
    let mut ids = Ids::new(reader.account_id());
    let from = ids.key("fromId", &input.from_id, NodeKind::Contact);
    ids.finish()?;
    let contact = contact_merge::merge(reader.scope(), from, into).await?;
    Ok(Contact::new(reader, contact))
}

async fn erase(ctx: &Context<'_>, input: ContactEraseInput) -> Result<Contact> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Contact)?;
    let erased = contact_erase::erase(reader.scope(), input.idempotency_key.as_deref(), id).await;
    let contact = named("id", NodeKind::Contact, erased)?;
    Ok(Contact::new(reader, contact))
}
