//! Typed identifiers: one newtype for each table, so that an inbox's id cannot be
//! passed where a contact's is meant. Ids are UUIDv7 (RFC 9562), made by the
//! application and never by a database. How an id is written for clients is not
//! decided here.

use sea_orm::{DbErr, TryFromU64, entity::prelude::*};
use serde::{Deserialize, Serialize};
pub use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType, Serialize,
            Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFromU64 for $name {
            /// Always an error: no table counts its own keys.
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )+};
}

ids! {
    /// The tenant: every other tenant id stands beside one of these.
    AccountId,
    UserId,
    AccessTokenId,
    TeamId,
    InboxId,
    BotId,
    ContactId,
    ContactIdentityId,
    LabelId,
    ConversationId,
    ConversationEventId,
    MessageId,
    MessageEventId,
    ParkedEventId,
    SessionId,
    OptOutId,
    TemplateId,
    RawEventId,
    EventId,
    CampaignId,
    /// Carried by messages before automations have a table of their own.
    AutomationId,
}

/// A UUIDv7 of the given milliseconds since 1970 and random bytes (RFC 9562, 5.7).
pub fn v7(millis: u64, random: &[u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid()
}
