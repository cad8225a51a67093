//! Making inboxes, changing them and putting them away.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::kinds::{Platform, Provider};

use super::inbox_settings::{BusinessHoursInput, InboxCredentialsInput};
use super::{Answer, Ids, UserError, named, owner, payload};
use crate::domain::inbox::{self as commands, Credentials, InboxCreate, InboxUpdate};
use crate::domain::inbox_hours::BusinessHours;
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::Inbox;
use crate::graphql::viewer;
use crate::graphql::vocabulary::Name;

/// A new inbox.
#[derive(InputObject)]
pub struct InboxCreateInput {
    /// The account that it belongs to.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What it is called, 1 to 255 characters.
    name: String,
    /// The network on which it talks to contacts.
    platform: Name<Platform>,
    /// The service that carries its messages; EXTERNAL where it is not given.
    provider: Option<Name<Provider>>,
    /// Whether the platform's owner has approved the line; false where it is not given.
    official: Option<bool>,
    /// Who supplies the line.
    vendor: Option<String>,
    /// The part of the business it belongs to.
    portfolio: Option<String>,
    /// The sending number or address.
    line: Option<String>,
    /// Whether it only sends; false where it is not given.
    send_only: Option<bool>,
    /// What contacts see instead of a number where the inbox only sends.
    label: Option<String>,
    /// An open conversation whose visitor has been gone for so long is closed: 60 to
    /// 31,622,400. An hour on WEB and never elsewhere where it is not given.
    idle_close_seconds: Option<i64>,
    /// A message so soon after a close reopens the conversation: 1 to 31,622,400. Never where
    /// it is not given.
    reopen_within_seconds: Option<i64>,
    /// The hours in which it is answered; always where they are not given.
    business_hours: Option<BusinessHoursInput>,
    /// The provider's own id of the line, for example WhatsApp's `phone_number_id`.
    provider_line_id: Option<String>,
    /// The secrets with which it talks to its provider. They are never shown again.
    credentials: Option<InboxCredentialsInput>,
    /// Whether delivery is reported; as the platform usually does where it is not given.
    gives_receipts: Option<bool>,
    /// Whether reading is reported; as the platform usually does where it is not given.
    gives_reads: Option<bool>,
    /// How many messages may be handed over in a second, 1 to 100,000; as the provider usually
    /// allows where it is not given.
    sends_per_second: Option<i64>,
    /// Who answers on it: up to 250 users of the account.
    member_ids: Option<Vec<ID>>,
}

/// What became of `inboxCreate`.
#[derive(SimpleObject)]
pub struct InboxCreatePayload {
    /// The new inbox.
    pub inbox: Option<Inbox>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// What to change of an inbox. What is not given stays as it is; platform and provider stay
/// always.
#[derive(InputObject)]
pub struct InboxUpdateInput {
    /// The inbox.
    id: ID,
    /// What it is called, 1 to 255 characters.
    name: Option<String>,
    /// Whether the platform's owner has approved the line.
    official: Option<bool>,
    /// Who supplies the line; null for nobody known.
    vendor: MaybeUndefined<String>,
    /// The part of the business it belongs to; null for none.
    portfolio: MaybeUndefined<String>,
    /// The sending number or address; null for none.
    line: MaybeUndefined<String>,
    /// Whether it only sends.
    send_only: Option<bool>,
    /// What contacts see instead of a number where the inbox only sends; null for nothing.
    label: MaybeUndefined<String>,
    /// An open conversation whose visitor has been gone for so long is closed: 60 to
    /// 31,622,400; null for never.
    idle_close_seconds: MaybeUndefined<i64>,
    /// A message so soon after a close reopens the conversation: 1 to 31,622,400; null for
    /// never.
    reopen_within_seconds: MaybeUndefined<i64>,
    /// The hours in which it is answered; null for always.
    business_hours: MaybeUndefined<BusinessHoursInput>,
    /// The provider's own id of the line; null for none.
    provider_line_id: MaybeUndefined<String>,
    /// The secrets with which it talks to its provider; null forgets them.
    credentials: MaybeUndefined<InboxCredentialsInput>,
    /// Whether delivery is reported, of messages recorded from now on.
    gives_receipts: Option<bool>,
    /// Whether reading is reported, of messages recorded from now on.
    gives_reads: Option<bool>,
    /// How many messages may be handed over in a second, 1 to 100,000; null means: as the provider
    /// usually allows.
    sends_per_second: MaybeUndefined<i64>,
    /// Who answers on it, in place of those who do: up to 250 users of the account.
    member_ids: Option<Vec<ID>>,
}

/// What became of `inboxUpdate`.
#[derive(SimpleObject)]
pub struct InboxUpdatePayload {
    /// The inbox after the change.
    pub inbox: Option<Inbox>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which inbox to put away.
#[derive(InputObject)]
pub struct InboxArchiveInput {
    /// The inbox.
    id: ID,
    /// False takes it back into use; true where it is not given.
    archived: Option<bool>,
}

/// What became of `inboxArchive`.
#[derive(SimpleObject)]
pub struct InboxArchivePayload {
    /// The inbox after the change.
    pub inbox: Option<Inbox>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct InboxMutation;

#[Object]
impl InboxMutation {
    /// Makes an inbox. Needs the role ADMIN.
    async fn inbox_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new inbox.")] input: InboxCreateInput,
    ) -> Answer<InboxCreatePayload> {
        payload(create(ctx, input).await, |inbox, user_errors| InboxCreatePayload {
            inbox,
            user_errors,
        })
    }

    /// Changes an inbox. Needs the role ADMIN.
    async fn inbox_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: InboxUpdateInput,
    ) -> Answer<InboxUpdatePayload> {
        payload(update(ctx, input).await, |inbox, user_errors| InboxUpdatePayload {
            inbox,
            user_errors,
        })
    }

    /// Puts an inbox away, or takes it back into use. What it said and heard stays, and so
    /// does what still comes in. Needs the role ADMIN.
    async fn inbox_archive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which inbox.")] input: InboxArchiveInput,
    ) -> Answer<InboxArchivePayload> {
        payload(archive(ctx, input).await, |inbox, user_errors| InboxArchivePayload {
            inbox,
            user_errors,
        })
    }
}

async fn create(ctx: &Context<'_>, input: InboxCreateInput) -> Result<Inbox> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let mut ids = Ids::new(reader.account_id());
    let member_ids = input.member_ids.unwrap_or_default();
    let member_ids = ids.list("memberIds", &member_ids, NodeKind::User);
    ids.finish()?;
    let new = InboxCreate {
        name: input.name,
        platform: input.platform.0,
        provider: input.provider.map(|provider| provider.0),
        official: input.official.unwrap_or(false),
        vendor: input.vendor,
        portfolio: input.portfolio,
        line: input.line,
        send_only: input.send_only.unwrap_or(false),
        label: input.label,
        idle_close_seconds: input.idle_close_seconds,
        reopen_within_seconds: input.reopen_within_seconds,
        business_hours: input.business_hours.map(Into::into),
        provider_line_id: input.provider_line_id,
        credentials: input.credentials.map(Into::into),
        gives_receipts: input.gives_receipts,
        gives_reads: input.gives_reads,
        sends_per_second: input.sends_per_second,
        member_ids,
    };
    let inbox = commands::create(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok(Inbox::new(reader, inbox))
}

async fn update(ctx: &Context<'_>, input: InboxUpdateInput) -> Result<Inbox> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Inbox)?;
    let mut ids = Ids::new(reader.account_id());
    let member_ids =
        input.member_ids.map(|members| ids.list("memberIds", &members, NodeKind::User));
    ids.finish()?;
    let change = InboxUpdate {
        name: input.name,
        official: input.official,
        vendor: input.vendor.into(),
        portfolio: input.portfolio.into(),
        line: input.line.into(),
        send_only: input.send_only,
        label: input.label.into(),
        idle_close_seconds: input.idle_close_seconds.into(),
        reopen_within_seconds: input.reopen_within_seconds.into(),
        business_hours: input.business_hours.map_value(BusinessHours::from).into(),
        provider_line_id: input.provider_line_id.into(),
        credentials: input.credentials.map_value(Credentials::from).into(),
        gives_receipts: input.gives_receipts,
        gives_reads: input.gives_reads,
        sends_per_second: input.sends_per_second.into(),
        member_ids,
    };
    let updated = commands::update(reader.scope(), id, change).await;
    Ok(Inbox::new(reader, named("id", NodeKind::Inbox, updated)?))
}

async fn archive(ctx: &Context<'_>, input: InboxArchiveInput) -> Result<Inbox> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Inbox)?;
    let archived = if input.archived.unwrap_or(true) {
        commands::archive(reader.scope(), id).await
    } else {
        commands::unarchive(reader.scope(), id).await
    };
    Ok(Inbox::new(reader, named("id", NodeKind::Inbox, archived)?))
}
