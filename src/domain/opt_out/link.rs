//! The links by which a contact stops messages without signing in. A link names its account and
//! a message and is signed with a key of the server's, so that nothing is stored for it and
//! nobody can make one or guess another's. What it stops are messages to the address that the
//! message went to, on its family of platforms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::{AccountId, MessageId, Uuid};
use entity::kinds::{OptOutKind, OptOutSource};
use entity::{attempt, inbox};
use hmac::Mac as _;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};

use super::{Address, NewEntry, address, append, current};
use crate::auth::{self, AccountScope, Vault};
use crate::domain::{attempt as attempts, contact};
use crate::engine::Engine;
use crate::error::Result;

/// What the key of the signatures is for.
const PURPOSE: &str = "opt-out link";
/// Bytes of an id, and of the signature.
const PART: usize = 16;
/// Characters of all three in base64.
const LENGTH: usize = (3 * PART * 8).div_ceil(6);

/// A link that this server makes, or has made and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    account_id: AccountId,
    message_id: MessageId,
}

/// Whose messages a link stops, and whether they are stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The account's name.
    pub account: String,
    pub out: bool,
}

impl Link {
    pub fn new(account_id: AccountId, message_id: MessageId) -> Self {
        Self { account_id, message_id }
    }

    /// What stands for the link in its address.
    pub fn token(self, vault: &Vault) -> String {
        let named = [*self.account_id.0.as_bytes(), *self.message_id.0.as_bytes()].concat();
        let mut signer = vault.signer(PURPOSE);
        signer.update(&named);
        let tag = signer.finalize().into_bytes();
        let bytes: Vec<u8> = named.into_iter().chain(tag.into_iter().take(PART)).collect();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The link that a token stands for; none where this server has not signed it.
    pub fn read(vault: &Vault, token: &str) -> Option<Self> {
        // Not even decoded where it cannot be right.
        if token.len() != LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (account_id, rest) = bytes.split_first_chunk::<PART>()?;
        let (message_id, tag) = rest.split_first_chunk::<PART>()?;
        let mut signer = vault.signer(PURPOSE);
        signer.update(account_id);
        signer.update(message_id);
        // In constant time.
        signer.verify_truncated_left(tag).ok()?;
        let (account_id, message_id) =
            (Uuid::from_bytes(*account_id), Uuid::from_bytes(*message_id));
        Some(Self::new(account_id.into(), message_id.into()))
    }

    /// Where the link leads; none as long as nobody knows how the server is reached.
    pub fn url(self, engine: &Engine) -> Option<String> {
        let base = engine.config.public_url.as_deref()?;
        Some(format!("{base}/u/{}", self.token(&engine.vault)))
    }

    /// How things stand. None where the message is none that was sent from here.
    pub async fn standing(self, engine: &Engine) -> Result<Option<Standing>> {
        let scope = auth::link_scope(engine, self.account_id);
        let connection = scope.db().read();
        let Some((_, to)) = addressee(&scope, connection, self.message_id).await? else {
            return Ok(None);
        };
        let account = scope.account(connection).await?.name;
        Ok(Some(Standing { account, out: is_out(&scope, connection, &to).await? }))
    }

    /// Opts the address out, unless it is out already. None where the message is none that was
    /// sent from here.
    pub async fn leave(self, engine: &Engine) -> Result<Option<Standing>> {
        let scope = auth::link_scope(engine, self.account_id);
        let tx = scope.begin().await?;
        let Some((attempt, to)) = addressee(&scope, &tx, self.message_id).await? else {
            return Ok(None);
        };
        // What recording does to the same address must not come in between.
        scope.lock(&tx).await?;
        if !is_out(&scope, &tx, &to).await? {
            let contact = contact::resolve(&scope, &tx, attempt.contact_id).await?;
            let (platform, address) = to;
            let entry = NewEntry {
                platform,
                address,
                kind: OptOutKind::OptOut,
                source: OptOutSource::Page,
                contact_id: contact.map(|contact| contact.id),
                inbox_id: Some(attempt.inbox_id),
                message_id: Some(self.message_id),
                user_id: None,
                reason: None,
                occurred_at: scope.now(),
            };
            append(&scope, &tx, vec![entry]).await?;
        }
        let account = scope.account(&tx).await?.name;
        tx.commit().await?;
        Ok(Some(Standing { account, out: true }))
    }
}

async fn is_out(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    to: &Address,
) -> Result<bool> {
    let now = current(scope, connection, std::slice::from_ref(to)).await?;
    Ok(now.get(to) == Some(&OptOutKind::OptOut))
}

/// How a message was sent, and the address it went to, as opt-outs know it.
async fn addressee(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: MessageId,
) -> Result<Option<(attempt::Model, Address)>> {
    let Some(attempt) = attempts::find_many(scope, connection, &[id]).await?.pop() else {
        return Ok(None);
    };
    let inbox = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(attempt.inbox_id));
    let Some(inbox) = inbox.one(connection).await? else { return Ok(None) };
    let known = address(inbox.platform, None, None, Some(&attempt.address));
    let to = (inbox.platform, known.unwrap_or_else(|| attempt.address.clone()));
    Ok(Some((attempt, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link::new(AccountId(Uuid::from_u128(7)), MessageId(Uuid::from_u128(u128::MAX)))
    }

    #[test]
    fn a_token_leads_back_to_its_link() {
        let vault = Vault::new([7; 32]);
        let token = link().token(&vault);
        assert_eq!(token.len(), LENGTH);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        assert_eq!(Link::read(&vault, &token), Some(link()));
        assert_eq!(Link::read(&Vault::new([8; 32]), &token), None);
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_none() {
        let vault = Vault::new([7; 32]);
        let token = link().token(&vault);
        for place in 0..LENGTH {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Link::read(&vault, &changed), None, "{changed}");
        }
        let (short, long) = ("A".repeat(LENGTH - 1), "A".repeat(100_000));
        for wrong in ["", &short, &long, &format!("{short}="), &format!("{short}+")] {
            assert_eq!(Link::read(&vault, wrong), None);
        }
    }
}
