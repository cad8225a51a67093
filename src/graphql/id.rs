//! Ids as clients see them: what kind of thing, and its keys. An id of a tenant's row
//! contains the account, so that it can be looked up without asking where.
//! Format: `kind:` and base64url without padding of the 16-byte keys.

use std::fmt;
use std::str::FromStr;

use async_graphql::ID;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::{AccountId, Uuid};

use crate::error::{Error, Result, ViolationCode};

/// What an id stands for. The names are those of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    Account,
    User,
    AccessToken,
    Team,
    Inbox,
    Bot,
    Contact,
    Label,
    Conversation,
    ConversationEvent,
    Message,
    MessageEvent,
    Session,
    Template,
    OptOut,
    RawEvent,
    Campaign,
}

impl NodeKind {
    pub const ALL: [Self; 17] = [
        Self::Account,
        Self::User,
        Self::AccessToken,
        Self::Team,
        Self::Inbox,
        Self::Bot,
        Self::Contact,
        Self::Label,
        Self::Conversation,
        Self::ConversationEvent,
        Self::Message,
        Self::MessageEvent,
        Self::Session,
        Self::Template,
        Self::OptOut,
        Self::RawEvent,
        Self::Campaign,
    ];

    /// What an id of this kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::User => "user",
            Self::AccessToken => "access_token",
            Self::Team => "team",
            Self::Inbox => "inbox",
            Self::Bot => "bot",
            Self::Contact => "contact",
            Self::Label => "label",
            Self::Conversation => "conversation",
            Self::ConversationEvent => "conversation_event",
            Self::Message => "message",
            Self::MessageEvent => "message_event",
            Self::Session => "session",
            Self::Template => "template",
            Self::OptOut => "opt_out",
            Self::RawEvent => "raw_event",
            Self::Campaign => "campaign",
        }
    }

    /// The GraphQL type.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::User => "User",
            Self::AccessToken => "AccessToken",
            Self::Team => "Team",
            Self::Inbox => "Inbox",
            Self::Bot => "Bot",
            Self::Contact => "Contact",
            Self::Label => "Label",
            Self::Conversation => "Conversation",
            Self::ConversationEvent => "ConversationEvent",
            Self::Message => "Message",
            Self::MessageEvent => "MessageEvent",
            Self::Session => "Session",
            Self::Template => "Template",
            Self::OptOut => "OptOut",
            Self::RawEvent => "WebhookEvent",
            Self::Campaign => "Campaign",
        }
    }

    /// Whether rows of this kind stand beside the accounts instead of in one.
    pub fn is_global(self) -> bool {
        matches!(self, Self::Account | Self::User | Self::AccessToken)
    }
}

/// An id in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId {
    pub kind: NodeKind,
    /// None for global kinds.
    pub account: Option<AccountId>,
    pub id: Uuid,
}

impl NodeId {
    pub fn account(id: AccountId) -> Self {
        Self::global(NodeKind::Account, id)
    }

    /// For users and tokens.
    pub fn global(kind: NodeKind, id: impl Into<Uuid>) -> Self {
        Self { kind, account: None, id: id.into() }
    }

    pub fn tenant(kind: NodeKind, account: AccountId, id: impl Into<Uuid>) -> Self {
        Self { kind, account: Some(account), id: id.into() }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(32);
        if let Some(account) = self.account {
            bytes.extend_from_slice(account.0.as_bytes());
        }
        bytes.extend_from_slice(self.id.as_bytes());
        write!(formatter, "{}:{}", self.kind.prefix(), URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The text is no id, or not in the one form that this API writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no id of this API")]
pub struct NotAnId;

impl FromStr for NodeId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (prefix, keys) = text.split_once(':').ok_or(NotAnId)?;
        let kind = NodeKind::ALL.into_iter().find(|kind| kind.prefix() == prefix).ok_or(NotAnId)?;
        // The longest id has 43 characters here; more need not be decoded.
        if keys.len() > 43 {
            return Err(NotAnId);
        }
        let bytes = URL_SAFE_NO_PAD.decode(keys).map_err(|_| NotAnId)?;
        let (account, id) = if kind.is_global() {
            (None, bytes.as_slice())
        } else {
            let (account, id) = bytes.split_at_checked(16).ok_or(NotAnId)?;
            (Some(AccountId(Uuid::from_slice(account).map_err(|_| NotAnId)?)), id)
        };
        Ok(Self { kind, account, id: Uuid::from_slice(id).map_err(|_| NotAnId)? })
    }
}

/// The id of a row of `account_id`. Text that is no id of this kind is malformed; an id of
/// another account looks like one of nothing.
pub fn parse_tenant<T: From<Uuid>>(
    path: &str,
    text: &ID,
    kind: NodeKind,
    account_id: AccountId,
) -> Result<T> {
    let id = parse_kind(path, text, kind)?;
    if id.account != Some(account_id) {
        return Err(not_found(path, kind));
    }
    Ok(T::from(id.id))
}

/// The row's own key, whatever account the id names: for accounts, users and tokens, and for
/// filters, which find nothing foreign anyway.
pub fn parse_key<T: From<Uuid>>(path: &str, text: &ID, kind: NodeKind) -> Result<T> {
    Ok(T::from(parse_kind(path, text, kind)?.id))
}

/// The violation for an id behind which there is nothing, or something foreign.
pub fn not_found(path: &str, kind: NodeKind) -> Error {
    let noun = kind.prefix().replace('_', " ");
    Error::invalid(path, ViolationCode::NotFound, format!("no such {noun}"))
}

fn parse_kind(path: &str, text: &ID, kind: NodeKind) -> Result<NodeId> {
    match NodeId::from_str(text) {
        Ok(id) if id.kind == kind => Ok(id),
        _ => {
            let message = format!("is no id of {}", with_article(kind.type_name()));
            Err(Error::invalid(path, ViolationCode::Malformed, message))
        }
    }
}

fn with_article(noun: &str) -> String {
    // "User" is the one name that begins with a vowel letter but not with a vowel.
    let vowel = noun.starts_with(['A', 'E', 'I', 'O']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));

    #[test]
    fn every_kind_comes_back() {
        for kind in NodeKind::ALL {
            let account = (!kind.is_global()).then_some(ACCOUNT);
            let id = NodeId { kind, account, id: Uuid::from_u128(7) };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let id = NodeId::tenant(NodeKind::Inbox, ACCOUNT, Uuid::from_u128(7)).to_string();
        for text in [
            String::new(),
            ":".to_owned(),
            "inbox:".to_owned(),
            id.to_uppercase(),
            id.replace("inbox", "Inbox"),
            id.replace("inbox", "account"),
            format!("{id}="),
            format!("{id}A"),
            format!(" {id}"),
            // The last character carries two bits that must be zero.
            id.replacen("AAc", "AAd", 1),
            "inbox:ü".to_owned(),
        ] {
            assert_eq!(text.parse::<NodeId>(), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn foreign_ids_look_like_missing_ones() {
        let foreign =
            NodeId::tenant(NodeKind::Inbox, AccountId(Uuid::from_u128(2)), Uuid::from_u128(7));
        let error = parse_tenant::<Uuid>("inboxId", &ID::from(foreign), NodeKind::Inbox, ACCOUNT);
        assert!(
            matches!(error, Err(Error::Invalid(found)) if found[0].code == ViolationCode::NotFound)
        );
        let other = NodeId::tenant(NodeKind::Bot, ACCOUNT, Uuid::from_u128(7));
        let error = parse_tenant::<Uuid>("inboxId", &ID::from(other), NodeKind::Inbox, ACCOUNT);
        assert!(
            matches!(error, Err(Error::Invalid(found)) if found[0].message == "is no id of an Inbox")
        );
    }
}
