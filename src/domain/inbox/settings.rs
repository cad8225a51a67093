//! What makes an inbox, and the rules for it. A new inbox is a blank one to which the same
//! changes are applied as to one that exists.

use entity::id::UserId;
use entity::inbox;
use entity::kinds::{Platform, Provider};
use entity::vocabulary::Vocabulary;
use serde::Serialize;

use super::Credentials;
use super::webhook::KEY;
use crate::auth::AccountScope;
use crate::domain::inbox_hours::{self, BusinessHours};
use crate::domain::{LONGEST_NAME, text};
use crate::error::{Checks, Result, ViolationCode};

const MOST_SENDS_PER_SECOND: i64 = 100_000;
const YEAR_SECONDS: i64 = 366 * 24 * 3_600;
/// How long a visitor of a web site is gone before the conversation is closed, unless the
/// inbox says otherwise.
const WEB_IDLE_CLOSE_SECONDS: i64 = 3_600;

/// A new inbox.
#[derive(Clone, Debug, Serialize)]
pub struct InboxCreate {
    pub name: String,
    pub platform: Platform,
    /// None means `EXTERNAL`.
    pub provider: Option<Provider>,
    pub official: bool,
    pub vendor: Option<String>,
    pub portfolio: Option<String>,
    pub line: Option<String>,
    pub send_only: bool,
    pub label: Option<String>,
    /// None means an hour on `WEB`, and never elsewhere.
    pub idle_close_seconds: Option<i64>,
    /// None means never.
    pub reopen_within_seconds: Option<i64>,
    pub business_hours: Option<BusinessHours>,
    pub provider_line_id: Option<String>,
    /// Not part of the stored fingerprint of the request, which would be too fast a hash.
    #[serde(skip)]
    pub credentials: Option<Credentials>,
    /// None means: as the platform usually does.
    pub gives_receipts: Option<bool>,
    /// None means: as the platform usually does.
    pub gives_reads: Option<bool>,
    /// None means: as the provider usually allows.
    pub sends_per_second: Option<i64>,
    pub member_ids: Vec<UserId>,
}

impl InboxCreate {
    /// An inbox with nothing but a name, recorded by another system.
    pub fn new(name: impl Into<String>, platform: Platform) -> Self {
        Self {
            name: name.into(),
            platform,
            provider: None,
            official: false,
            vendor: None,
            portfolio: None,
            line: None,
            send_only: false,
            label: None,
            idle_close_seconds: None,
            reopen_within_seconds: None,
            business_hours: None,
            provider_line_id: None,
            credentials: None,
            gives_receipts: None,
            gives_reads: None,
            sends_per_second: None,
            member_ids: Vec::new(),
        }
    }
}

/// What to change; none leaves it as it is, an inner none clears it. Platform and provider
/// stay, because what was recorded depends on them.
#[derive(Clone, Debug, Default)]
pub struct InboxUpdate {
    pub name: Option<String>,
    pub official: Option<bool>,
    pub vendor: Option<Option<String>>,
    pub portfolio: Option<Option<String>>,
    pub line: Option<Option<String>>,
    pub send_only: Option<bool>,
    pub label: Option<Option<String>>,
    pub idle_close_seconds: Option<Option<i64>>,
    pub reopen_within_seconds: Option<Option<i64>>,
    pub business_hours: Option<Option<BusinessHours>>,
    pub provider_line_id: Option<Option<String>>,
    pub credentials: Option<Option<Credentials>>,
    /// Holds for messages recorded from now on.
    pub gives_receipts: Option<bool>,
    /// Holds for messages recorded from now on.
    pub gives_reads: Option<bool>,
    pub sends_per_second: Option<Option<i64>>,
    /// Takes the place of the present members.
    pub member_ids: Option<Vec<UserId>>,
}

impl From<InboxCreate> for InboxUpdate {
    /// What is not said stays as a blank inbox has it.
    fn from(input: InboxCreate) -> Self {
        Self {
            name: Some(input.name),
            official: Some(input.official),
            vendor: input.vendor.map(Some),
            portfolio: input.portfolio.map(Some),
            line: input.line.map(Some),
            send_only: Some(input.send_only),
            label: input.label.map(Some),
            idle_close_seconds: input.idle_close_seconds.map(Some),
            reopen_within_seconds: input.reopen_within_seconds.map(Some),
            business_hours: input.business_hours.map(Some),
            provider_line_id: input.provider_line_id.map(Some),
            credentials: input.credentials.map(Some),
            gives_receipts: input.gives_receipts,
            gives_reads: input.gives_reads,
            sends_per_second: input.sends_per_second.map(Some),
            member_ids: Some(input.member_ids),
        }
    }
}

/// An inbox as its platform usually is.
pub(super) fn blank(
    scope: &AccountScope,
    checks: &mut Checks,
    input: &InboxCreate,
) -> inbox::Model {
    let (platform, now) = (input.platform, scope.now());
    let provider = input.provider.unwrap_or(Provider::External);
    if !fits(provider, platform) {
        let message = format!("{} does not carry {}", provider.name(), platform.name());
        checks.fail("provider", ViolationCode::Unsupported, message);
    }
    let (gives_receipts, gives_reads) = reports(platform);
    inbox::Model {
        account_id: scope.account_id(),
        id: scope.id(),
        name: String::new(),
        name_key: String::new(),
        platform,
        official: false,
        vendor: None,
        portfolio: None,
        line: None,
        send_only: false,
        label: None,
        idle_close_seconds: (platform == Platform::Web).then_some(WEB_IDLE_CLOSE_SECONDS),
        reopen_within_seconds: None,
        business_hours: None,
        provider,
        provider_line_id: None,
        credentials: None,
        key: rand::random::<[u8; KEY]>().to_vec(),
        gives_receipts,
        gives_reads,
        sends_per_second: None,
        archived_at: None,
        created_at: now,
        updated_at: now,
    }
}

fn fits(provider: Provider, platform: Platform) -> bool {
    match provider {
        Provider::WhatsappCloud => platform == Platform::Whatsapp,
        Provider::Twilio => matches!(platform, Platform::Sms | Platform::Whatsapp),
        Provider::Telegram => platform == Platform::Telegram,
        Provider::Smtp => platform == Platform::Email,
        Provider::Sandbox | Provider::Webhook | Provider::External => true,
    }
}

/// Whether a platform tells of delivery, and of reading.
fn reports(platform: Platform) -> (bool, bool) {
    match platform {
        Platform::Email | Platform::Telegram => (false, false),
        Platform::Sms => (true, false),
        _ => (true, true),
    }
}

/// Changes `inbox` as `input` says, but for its members. Fails only where secrets cannot be
/// sealed; broken rules go to `checks`.
pub(super) fn apply(
    scope: &AccountScope,
    checks: &mut Checks,
    inbox: &mut inbox::Model,
    input: InboxUpdate,
) -> Result<()> {
    if let Some(name) = input.name {
        inbox.name = checks.text("name", &name, LONGEST_NAME);
        inbox.name_key = text::name_key(&inbox.name);
    }
    for (path, field, change) in [
        ("vendor", &mut inbox.vendor, input.vendor),
        ("portfolio", &mut inbox.portfolio, input.portfolio),
        ("line", &mut inbox.line, input.line),
        ("label", &mut inbox.label, input.label),
        ("providerLineId", &mut inbox.provider_line_id, input.provider_line_id),
    ] {
        if let Some(value) = change {
            *field = checks.optional_text(path, value.as_deref(), LONGEST_NAME);
        }
    }
    for (path, field, change, least) in [
        ("idleCloseSeconds", &mut inbox.idle_close_seconds, input.idle_close_seconds, 60),
        ("reopenWithinSeconds", &mut inbox.reopen_within_seconds, input.reopen_within_seconds, 1),
    ] {
        if let Some(value) = change {
            *field = value.map(|seconds| checks.range(path, seconds, least..=YEAR_SECONDS));
        }
    }
    if let Some(rate) = input.sends_per_second {
        let rate = rate.map(|rate| checks.range("sendsPerSecond", rate, 1..=MOST_SENDS_PER_SECOND));
        inbox.sends_per_second = rate.and_then(|rate| i32::try_from(rate).ok());
    }
    inbox.official = input.official.unwrap_or(inbox.official);
    inbox.send_only = input.send_only.unwrap_or(inbox.send_only);
    inbox.gives_receipts = input.gives_receipts.unwrap_or(inbox.gives_receipts);
    inbox.gives_reads = input.gives_reads.unwrap_or(inbox.gives_reads);
    if let Some(hours) = input.business_hours {
        let hours = hours.map(|hours| inbox_hours::check(checks, "businessHours", &hours));
        inbox.business_hours = hours.map(serde_json::to_value).transpose()?;
    }
    if let Some(credentials) = input.credentials {
        let credentials = credentials.map(|credentials| credentials.check(checks, inbox.provider));
        let vault = &scope.engine().vault;
        inbox.credentials = credentials.map(|credentials| credentials.seal(vault)).transpose()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_carry_their_platforms_only() {
        assert!(fits(Provider::WhatsappCloud, Platform::Whatsapp));
        assert!(!fits(Provider::WhatsappCloud, Platform::Sms));
        assert!(
            fits(Provider::Twilio, Platform::Sms) && fits(Provider::Twilio, Platform::Whatsapp)
        );
        assert!(!fits(Provider::Twilio, Platform::Viber));
        assert!(
            !fits(Provider::Telegram, Platform::Email) && !fits(Provider::Smtp, Platform::Telegram)
        );
        assert!(Platform::ALL.iter().all(|platform| fits(Provider::External, *platform)));
    }

    #[test]
    fn platforms_report_what_they_can() {
        assert_eq!(reports(Platform::Sms), (true, false));
        assert_eq!(reports(Platform::Email), (false, false));
        assert_eq!(reports(Platform::Telegram), (false, false));
        assert_eq!(reports(Platform::Whatsapp), (true, true));
    }

    #[test]
    fn secrets_stay_out_of_fingerprints_and_logs() {
        let mut input = InboxCreate::new("Shop", Platform::Telegram);
        input.credentials = Some(Credentials::Telegram {
            bot_token: "hush-hush".to_owned(),
            secret_token: "hush-hush".to_owned(),
        });
        assert!(!serde_json::to_string(&input).unwrap().contains("hush"));
        assert!(!format!("{input:?}").contains("hush"));
    }
}
