//! The secrets with which an inbox talks to its provider. They leave the vault for the
//! provider's own code only, and are never read back by clients.

use std::fmt;

use entity::inbox;
use entity::kinds::Provider;
use entity::vocabulary::Vocabulary;
use serde::{Deserialize, Serialize};

use crate::auth::Vault;
use crate::engine::Engine;
use crate::error::{Checks, Result, ViolationCode};

/// Characters of each secret.
const LONGEST_SECRET: usize = 1_000;

/// What a provider asks for. Serialised only to be sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credentials {
    WhatsappCloud {
        /// Signs what the provider sends.
        app_secret: String,
        /// Chosen by the owner; the provider shows it when it first calls.
        verify_token: String,
        access_token: String,
    },
    Twilio {
        account_sid: String,
        auth_token: String,
    },
    Telegram {
        bot_token: String,
        /// Comes with each of the provider's calls.
        secret_token: String,
    },
    Smtp {
        host: String,
        /// 1 to 65535.
        port: i64,
        username: String,
        password: String,
    },
    Webhook {
        /// Where messages are handed over; http or https.
        url: String,
        /// Signs both ways.
        secret: String,
    },
}

impl Credentials {
    pub fn provider(&self) -> Provider {
        match self {
            Self::WhatsappCloud { .. } => Provider::WhatsappCloud,
            Self::Twilio { .. } => Provider::Twilio,
            Self::Telegram { .. } => Provider::Telegram,
            Self::Smtp { .. } => Provider::Smtp,
            Self::Webhook { .. } => Provider::Webhook,
        }
    }

    pub(super) fn seal(&self, vault: &Vault) -> Result<Vec<u8>> {
        Ok(vault.seal(&serde_json::to_vec(self)?))
    }

    /// The credentials without the white space around them, which comes with pasting.
    pub(super) fn check(self, checks: &mut Checks, provider: Provider) -> Self {
        if self.provider() != provider {
            let message = format!(
                "are those of {}, but the inbox's provider is {}",
                self.provider().name(),
                provider.name()
            );
            checks.fail("credentials", ViolationCode::Conflict, message);
        }
        let mut text = |path: &str, value: String| {
            checks.text(&format!("credentials.{path}"), &value, LONGEST_SECRET)
        };
        match self {
            Self::WhatsappCloud { app_secret, verify_token, access_token } => Self::WhatsappCloud {
                app_secret: text("whatsappCloud.appSecret", app_secret),
                verify_token: text("whatsappCloud.verifyToken", verify_token),
                access_token: text("whatsappCloud.accessToken", access_token),
            },
            Self::Twilio { account_sid, auth_token } => Self::Twilio {
                account_sid: text("twilio.accountSid", account_sid),
                auth_token: text("twilio.authToken", auth_token),
            },
            Self::Telegram { bot_token, secret_token } => Self::Telegram {
                bot_token: text("telegram.botToken", bot_token),
                secret_token: text("telegram.secretToken", secret_token),
            },
            Self::Smtp { host, port, username, password } => Self::Smtp {
                host: text("smtp.host", host),
                username: text("smtp.username", username),
                password: text("smtp.password", password),
                port: checks.range("credentials.smtp.port", port, 1..=65_535),
            },
            Self::Webhook { url, secret } => {
                let url = text("webhook.url", url);
                let secret = text("webhook.secret", secret);
                if !url.starts_with("https://") && !url.starts_with("http://") {
                    let message = "must begin with https:// or http://";
                    checks.fail("credentials.webhook.url", ViolationCode::Malformed, message);
                }
                Self::Webhook { url, secret }
            }
        }
    }
}

impl fmt::Debug for Credentials {
    /// Whose they are, and nothing of them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Credentials").field(&self.provider()).finish_non_exhaustive()
    }
}

/// The credentials of an inbox, opened. Fails if they were sealed with another key.
pub fn credentials(engine: &Engine, inbox: &inbox::Model) -> Result<Option<Credentials>> {
    let Some(sealed) = &inbox.credentials else { return Ok(None) };
    let opened = engine.vault.open(sealed)?;
    Ok(Some(serde_json::from_slice(&opened)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twilio() -> Credentials {
        Credentials::Twilio { account_sid: " AC1 ".to_owned(), auth_token: "hush".to_owned() }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", twilio());
        assert!(shown.contains("Twilio"), "{shown}");
        assert!(!shown.contains("hush") && !shown.contains("AC1"), "{shown}");
    }

    #[test]
    fn sealed_credentials_open_again() {
        let vault = Vault::new([7; 32]);
        let sealed = twilio().seal(&vault).unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"hush"));
        let opened: Credentials = serde_json::from_slice(&vault.open(&sealed).unwrap()).unwrap();
        assert_eq!(opened, twilio());
    }

    #[test]
    fn every_broken_rule_is_named() {
        let mut checks = Checks::new();
        let checked = twilio().check(&mut checks, Provider::Twilio);
        assert!(checks.is_clean());
        assert!(matches!(checked, Credentials::Twilio { account_sid, .. } if account_sid == "AC1"));

        let smtp = Credentials::Smtp {
            host: String::new(),
            port: 0,
            username: "ada".to_owned(),
            password: "x".repeat(LONGEST_SECRET + 1),
        };
        smtp.check(&mut checks, Provider::Telegram);
        let paths: Vec<String> =
            checks.into_violations().into_iter().map(|violation| violation.path).collect();
        let wanted = [
            "credentials",
            "credentials.smtp.host",
            "credentials.smtp.password",
            "credentials.smtp.port",
        ];
        assert_eq!(paths, wanted);
    }
}
