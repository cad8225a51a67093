//! Under which address a provider calls an inbox. The key in it names the account, so that
//! a call can only touch its own; it is no proof of who calls, which the signature gives.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::{AccountId, Uuid};
use entity::inbox;
use entity::kinds::Provider;
use sea_orm::{ColumnTrait, QueryFilter};

use crate::auth::{self, AccountScope};
use crate::engine::Engine;
use crate::error::Result;

/// Random bytes of a key, behind the account's id.
pub(super) const KEY: usize = 16;
/// Characters of both in base64.
const LENGTH: usize = ((16 + KEY) * 8).div_ceil(6);

/// The path that a provider calls: `/webhooks/{provider}/{key}`. Nothing answers at that of
/// an `EXTERNAL` inbox.
pub fn webhook_path(inbox: &inbox::Model) -> String {
    let key = [inbox.account_id.0.as_bytes().as_slice(), inbox.key.as_slice()].concat();
    format!("/webhooks/{}/{}", slug(inbox.provider), URL_SAFE_NO_PAD.encode(key))
}

fn slug(provider: Provider) -> &'static str {
    match provider {
        Provider::Sandbox => "sandbox",
        Provider::WhatsappCloud => "whatsapp",
        Provider::Twilio => "twilio",
        Provider::Telegram => "telegram",
        Provider::Smtp => "smtp",
        Provider::Webhook => "webhook",
        Provider::External => "external",
    }
}

/// The provider that a webhook path names; none for unknown names, and for `EXTERNAL`, which
/// calls nobody.
pub fn provider_of_slug(slug: &str) -> Option<Provider> {
    match slug {
        "sandbox" => Some(Provider::Sandbox),
        "whatsapp" | "whatsapp_cloud" => Some(Provider::WhatsappCloud),
        "twilio" => Some(Provider::Twilio),
        "telegram" => Some(Provider::Telegram),
        "smtp" => Some(Provider::Smtp),
        "webhook" => Some(Provider::Webhook),
        _ => None,
    }
}

/// The inbox that a webhook key names, archived or not, with a pass that may record. None if
/// the key is malformed or unknown. Record nothing before the signature is verified.
pub async fn by_webhook_key(
    engine: &Engine,
    key: &str,
) -> Result<Option<(AccountScope, inbox::Model)>> {
    let Some((account_id, key)) = parse(key) else { return Ok(None) };
    let scope = auth::provider_scope(engine, account_id);
    let select = scope.find::<inbox::Entity>().filter(inbox::Column::Key.eq(key.to_vec()));
    let inbox = select.one(scope.db().read()).await?;
    Ok(inbox.map(|inbox| (scope, inbox)))
}

fn parse(key: &str) -> Option<(AccountId, [u8; KEY])> {
    // Not even read where it cannot be right.
    if key.len() != LENGTH {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(key).ok()?;
    let (account_id, key) = bytes.split_first_chunk::<16>()?;
    let key: [u8; KEY] = key.try_into().ok()?;
    Some((AccountId(Uuid::from_bytes(*account_id)), key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::Timestamp;
    use entity::id::InboxId;
    use entity::kinds::Platform;
    use entity::vocabulary::Vocabulary;

    fn inbox() -> inbox::Model {
        inbox::Model {
            account_id: AccountId(Uuid::from_u128(7)),
            id: InboxId(Uuid::from_u128(8)),
            name: "Shop".to_owned(),
            name_key: "shop".to_owned(),
            platform: Platform::Whatsapp,
            official: true,
            vendor: None,
            portfolio: None,
            line: None,
            send_only: false,
            label: None,
            idle_close_seconds: None,
            reopen_within_seconds: None,
            business_hours: None,
            provider: Provider::WhatsappCloud,
            provider_line_id: None,
            credentials: None,
            key: vec![255; KEY],
            gives_receipts: true,
            gives_reads: true,
            sends_per_second: None,
            archived_at: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn a_path_leads_back_to_its_inbox() {
        let inbox = inbox();
        let path = webhook_path(&inbox);
        let key = path.strip_prefix("/webhooks/whatsapp/").unwrap();
        assert_eq!(parse(key), Some((inbox.account_id, [255; KEY])));
    }

    #[test]
    fn broken_keys_name_nothing() {
        let right = "A".repeat(LENGTH);
        assert!(parse(&right).is_some());
        let (short, long) = ("A".repeat(LENGTH - 1), "A".repeat(100_000));
        let (padded, foreign) = (format!("{short}="), format!("+{short}"));
        for wrong in ["", &short, &long, &padded, &foreign] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_provider_that_calls_has_its_own_slug() {
        for provider in
            Provider::ALL.iter().copied().filter(|provider| *provider != Provider::External)
        {
            assert_eq!(provider_of_slug(slug(provider)), Some(provider));
        }
        assert_eq!(provider_of_slug("whatsapp_cloud"), Some(Provider::WhatsappCloud));
        assert_eq!(provider_of_slug("external"), None);
    }
}
