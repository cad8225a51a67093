//! What inboxes are made of beside plain values: business hours and credentials, as they are
//! given. Their rules are in `domain`.

use async_graphql::{InputObject, OneofObject};

use crate::domain::inbox::Credentials;
use crate::domain::inbox_hours::{BusinessHours, Span};
use crate::graphql::scalar::TimeZone;

/// The hours in which an inbox is answered.
#[derive(InputObject)]
pub struct BusinessHoursInput {
    /// The zone of the hours.
    zone: TimeZone,
    /// The hours of a week. A day may have several; days without any are free.
    week: Vec<OfficeHoursInput>,
    /// Dates that are free, each as `YYYY-MM-DD`.
    holidays: Option<Vec<String>>,
}

/// Hours of one day of the week.
#[derive(InputObject)]
pub struct OfficeHoursInput {
    /// 1 is Monday, 7 is Sunday.
    day: i64,
    /// When they begin, as `HH:MM`.
    from: String,
    /// When they end, as `HH:MM`: after `from`, at most `24:00`.
    to: String,
}

impl From<BusinessHoursInput> for BusinessHours {
    fn from(input: BusinessHoursInput) -> Self {
        let span = |span: OfficeHoursInput| Span { day: span.day, from: span.from, to: span.to };
        Self {
            zone: input.zone.0,
            week: input.week.into_iter().map(span).collect(),
            holidays: input.holidays.unwrap_or_default(),
        }
    }
}

/// The secrets with which an inbox talks to its provider: those of exactly one.
#[derive(OneofObject)]
pub enum InboxCredentialsInput {
    /// For the provider WHATSAPP_CLOUD.
    WhatsappCloud(WhatsappCloudCredentialsInput),
    /// For the provider TWILIO.
    Twilio(TwilioCredentialsInput),
    /// For the provider TELEGRAM.
    Telegram(TelegramCredentialsInput),
    /// For the provider SMTP.
    Smtp(SmtpCredentialsInput),
    /// For the provider WEBHOOK.
    Webhook(WebhookCredentialsInput),
}

/// What Meta's WhatsApp Business Cloud API asks for.
#[derive(InputObject)]
pub struct WhatsappCloudCredentialsInput {
    /// Signs what the provider sends.
    #[graphql(secret)]
    app_secret: String,
    /// Chosen by you; the provider shows it when it first calls.
    #[graphql(secret)]
    verify_token: String,
    /// Goes with each call to the provider.
    #[graphql(secret)]
    access_token: String,
}

/// What Twilio asks for.
#[derive(InputObject)]
pub struct TwilioCredentialsInput {
    /// The account at Twilio.
    account_sid: String,
    /// Goes with each call to the provider, and signs what it sends.
    #[graphql(secret)]
    auth_token: String,
}

/// What the Telegram Bot API asks for.
#[derive(InputObject)]
pub struct TelegramCredentialsInput {
    /// Goes with each call to the provider.
    #[graphql(secret)]
    bot_token: String,
    /// Chosen by you; comes with each of the provider's calls.
    #[graphql(secret)]
    secret_token: String,
}

/// What a mail server asks for.
#[derive(InputObject)]
pub struct SmtpCredentialsInput {
    /// The server's name.
    host: String,
    /// The server's port, 1 to 65535.
    port: i64,
    /// Who signs in there.
    username: String,
    /// With which password.
    #[graphql(secret)]
    password: String,
}

/// What a system of yours asks for.
#[derive(InputObject)]
pub struct WebhookCredentialsInput {
    /// Where messages are handed over; http or https.
    url: String,
    /// Signs what goes there and what comes back.
    #[graphql(secret)]
    secret: String,
}

impl From<InboxCredentialsInput> for Credentials {
    fn from(input: InboxCredentialsInput) -> Self {
        match input {
            InboxCredentialsInput::WhatsappCloud(given) => Self::WhatsappCloud {
                app_secret: given.app_secret,
                verify_token: given.verify_token,
                access_token: given.access_token,
            },
            InboxCredentialsInput::Twilio(given) => {
                Self::Twilio { account_sid: given.account_sid, auth_token: given.auth_token }
            }
            InboxCredentialsInput::Telegram(given) => {
                Self::Telegram { bot_token: given.bot_token, secret_token: given.secret_token }
            }
            InboxCredentialsInput::Smtp(given) => Self::Smtp {
                host: given.host,
                port: given.port,
                username: given.username,
                password: given.password,
            },
            InboxCredentialsInput::Webhook(given) => {
                Self::Webhook { url: given.url, secret: given.secret }
            }
        }
    }
}
