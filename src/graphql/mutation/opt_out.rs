//! Opting contacts and addresses out and in by hand.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::kinds::{OptOutKind, Platform};

use super::{Answer, Ids, UserError, payload};
use crate::domain::opt_out::{self as commands, OptOutInput};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::OptOut;
use crate::graphql::viewer;
use crate::graphql::vocabulary::Name;

/// Who wants no more messages: a contact, or an address on a platform.
#[derive(InputObject)]
pub struct ContactOptOutInput {
    /// The account that sends.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// The contact, with all its addresses.
    contact_id: Option<ID>,
    /// Only the contact's address on this inbox.
    inbox_id: Option<ID>,
    /// The platform of the address; beside a contact, only its addresses there.
    platform: Option<Name<Platform>>,
    /// A phone number, e-mail address or messenger id, in place of a contact.
    address: Option<String>,
    /// Why, up to 1,000 characters.
    reason: Option<String>,
}

/// What became of `contactOptOut`.
#[derive(SimpleObject)]
pub struct ContactOptOutPayload {
    /// The new entries of the history. Addresses that were out already have none.
    pub opt_outs: Option<Vec<OptOut>>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Who wants messages again: a contact, or an address on a platform.
#[derive(InputObject)]
pub struct ContactOptInInput {
    /// The account that sends.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// The contact, with all its addresses.
    contact_id: Option<ID>,
    /// Only the contact's address on this inbox.
    inbox_id: Option<ID>,
    /// The platform of the address; beside a contact, only its addresses there.
    platform: Option<Name<Platform>>,
    /// A phone number, e-mail address or messenger id, in place of a contact.
    address: Option<String>,
    /// Why, up to 1,000 characters.
    reason: Option<String>,
}

/// What became of `contactOptIn`.
#[derive(SimpleObject)]
pub struct ContactOptInPayload {
    /// The new entries of the history. Addresses that were not out have none.
    pub opt_outs: Option<Vec<OptOut>>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

impl From<ContactOptInInput> for ContactOptOutInput {
    /// The two say the same of different things.
    fn from(input: ContactOptInInput) -> Self {
        Self {
            account_id: input.account_id,
            idempotency_key: input.idempotency_key,
            contact_id: input.contact_id,
            inbox_id: input.inbox_id,
            platform: input.platform,
            address: input.address,
            reason: input.reason,
        }
    }
}

#[derive(Default)]
pub struct OptOutMutation;

#[Object]
impl OptOutMutation {
    /// Opts a contact or an address out: nothing more is sent to it. Holds for the address on
    /// all inboxes of the platform. Needs the role MANAGER.
    async fn contact_opt_out(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is meant.")] input: ContactOptOutInput,
    ) -> Answer<ContactOptOutPayload> {
        payload(opt(ctx, input, OptOutKind::OptOut).await, |opt_outs, user_errors| {
            ContactOptOutPayload { opt_outs, user_errors }
        })
    }

    /// Opts a contact or an address in again. Needs the role MANAGER.
    async fn contact_opt_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is meant.")] input: ContactOptInInput,
    ) -> Answer<ContactOptInPayload> {
        payload(opt(ctx, input.into(), OptOutKind::OptIn).await, |opt_outs, user_errors| {
            ContactOptInPayload { opt_outs, user_errors }
        })
    }
}

async fn opt(
    ctx: &Context<'_>,
    input: ContactOptOutInput,
    kind: OptOutKind,
) -> Result<Vec<OptOut>> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let mut ids = Ids::new(reader.account_id());
    let whom = OptOutInput {
        contact_id: ids.optional("contactId", input.contact_id.as_ref(), NodeKind::Contact),
        inbox_id: ids.optional("inboxId", input.inbox_id.as_ref(), NodeKind::Inbox),
        platform: input.platform.map(|platform| platform.0),
        address: input.address,
        reason: input.reason,
    };
    ids.finish()?;
    let key = input.idempotency_key.as_deref();
    let entries = commands::opt_out(reader.scope(), key, whom, kind).await?;
    Ok(entries.into_iter().map(|entry| OptOut::new(reader.clone(), entry)).collect())
}
