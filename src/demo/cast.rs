//! The demo's inboxes, people, bots and templates.

use entity::id::{BotId, InboxId, TemplateId, UserId};
use entity::kinds::{Platform, Provider, Role, TemplateCategory, TemplateStatus};
use jiff::civil::Weekday;

use super::customer::Address;
use super::story::{Cast, ChatLine, Fate, MailingLine, Rhythm};
use crate::auth::AccountScope;
use crate::domain::bot::{self, BotCreate};
use crate::domain::inbox::{self, InboxCreate};
use crate::domain::inbox_hours::{BusinessHours, Span};
use crate::domain::label::{self, LabelCreate};
use crate::domain::team::{self, TeamCreate};
use crate::domain::template::{self, TemplateCreate};
use crate::domain::user::{self, UserInvite};
use crate::error::Result;

const AGENTS: [(&str, &str, Role); 7] = [
    ("Marta Nogueira", "marta", Role::Manager),
    ("Tiago Ribeiro", "tiago", Role::Agent),
    ("Beatriz Lima", "beatriz", Role::Agent),
    ("Rafael Souza", "rafael", Role::Agent),
    ("Inês Cardoso", "ines", Role::Agent),
    ("Caio Pereira", "caio", Role::Agent),
    ("Lívia Gomes", "livia", Role::Agent),
];

const WHATSAPP_CODES: &[(&str, &str)] = &[
    ("131026", "Message undeliverable"),
    ("131026", "Message undeliverable"),
    ("131049", "Not delivered to maintain healthy ecosystem engagement"),
    ("131050", "The user has stopped marketing messages"),
    ("130472", "The user's number is part of an experiment"),
    ("131053", "Media upload error"),
];
const SMS_CODES: &[(&str, &str)] = &[
    ("30003", "Unreachable destination handset"),
    ("30005", "Unknown destination handset"),
    ("21610", "Attempt to send to unsubscribed recipient"),
];
const MAIL_CODES: &[(&str, &str)] = &[("5.1.1", "No such mailbox"), ("5.2.2", "Mailbox full")];

const WHATSAPP: Fate = Fate {
    fails: 0.045,
    codes: WHATSAPP_CODES,
    fails_late: false,
    delivered: 0.965,
    read: 0.74,
    answered: 0.11,
    opted_out: 0.006,
};
const SMS: Fate = Fate {
    fails: 0.06,
    codes: SMS_CODES,
    fails_late: true,
    delivered: 0.97,
    read: 0.0,
    answered: 0.03,
    opted_out: 0.004,
};
const MAIL: Fate = Fate {
    fails: 0.025,
    codes: MAIL_CODES,
    fails_late: true,
    delivered: 0.0,
    read: 0.0,
    answered: 0.01,
    opted_out: 0.0,
};

/// Makes them in the account. `domain` is where the people's mail arrives: users are the same
/// in all accounts, so that it tells theirs apart.
pub async fn gather(scope: &AccountScope, domain: &str) -> Result<Cast> {
    let agents = people(scope, domain).await?;
    for (name, color) in [("vip", "#b45309"), ("complaint", "#b91c1c"), ("wholesale", "#1d4ed8")] {
        label::create(
            scope,
            None,
            LabelCreate { name: name.to_owned(), color: Some(color.to_owned()) },
        )
        .await?;
    }
    let aura = robot(scope, "Aura").await?;
    let concierge = robot(scope, "Concierge").await?;

    let shop = line(
        scope,
        "WhatsApp Shop",
        Platform::Whatsapp,
        true,
        "Meta",
        "Retail",
        "+551140040001",
        &agents,
    )
    .await?;
    let care = line(
        scope,
        "WhatsApp Care",
        Platform::Whatsapp,
        true,
        "Meta",
        "Care",
        "+551140040002",
        &agents,
    )
    .await?;
    let collections = line(
        scope,
        "WhatsApp Recovery",
        Platform::Whatsapp,
        false,
        "Z-API",
        "Recovery",
        "+5511930040003",
        &agents,
    )
    .await?;
    let sms =
        line(scope, "SMS Alerts", Platform::Sms, true, "Twilio", "Retail", "+551140040004", &[])
            .await?;
    let mail = line(
        scope,
        "Newsletter",
        Platform::Email,
        true,
        "Own mail server",
        "Retail",
        "news@aurora-coffee.example",
        &[],
    )
    .await?;
    let web = line(
        scope,
        "Web site",
        Platform::Web,
        true,
        "Rapport",
        "Retail",
        "www.aurora-coffee.example",
        &agents,
    )
    .await?;
    let telegram = line(
        scope,
        "Telegram",
        Platform::Telegram,
        true,
        "Telegram",
        "Retail",
        "@aurora_coffee",
        &agents,
    )
    .await?;

    let chat = |inbox, bot, per_day, web, address| ChatLine { inbox, bot, per_day, web, address };
    let chats = vec![
        chat(shop, Some(aura), 8.2, false, Address::Phone),
        chat(care, Some(aura), 7.3, false, Address::Phone),
        chat(collections, None, 2.2, false, Address::Phone),
        chat(web, Some(concierge), 7.3, true, Address::Id),
        chat(telegram, None, 2.8, false, Address::Id),
    ];
    let texts = [
        (
            "order_update",
            TemplateCategory::Utility,
            "Your order {{1}} is on its way.",
            shop,
            Rhythm::Daily(42.0),
            WHATSAPP,
            Address::Phone,
        ),
        (
            "cart_reminder",
            TemplateCategory::Marketing,
            "You left {{1}} in your cart. Shall we keep it for you?",
            shop,
            Rhythm::Daily(15.0),
            WHATSAPP,
            Address::Phone,
        ),
        (
            "weekly_offer",
            TemplateCategory::Marketing,
            "This week: {{1}} with 15 % off.",
            shop,
            Rhythm::Weekly(Weekday::Tuesday, 200),
            WHATSAPP,
            Address::Phone,
        ),
        (
            "payment_due",
            TemplateCategory::Utility,
            "Invoice {{1}} is due on {{2}}.",
            collections,
            Rhythm::Daily(13.0),
            Fate { fails: 0.09, answered: 0.19, ..WHATSAPP },
            Address::Phone,
        ),
        (
            "satisfaction",
            TemplateCategory::Utility,
            "How did we do? Answer with a number from 1 to 5.",
            care,
            Rhythm::Daily(17.0),
            Fate { answered: 0.34, ..WHATSAPP },
            Address::Phone,
        ),
        (
            "delivery_window",
            TemplateCategory::Utility,
            "Delivery today between {{1}} and {{2}}.",
            sms,
            Rhythm::Daily(27.0),
            SMS,
            Address::Phone,
        ),
        (
            "newsletter",
            TemplateCategory::Marketing,
            "News from the roastery",
            mail,
            Rhythm::Weekly(Weekday::Thursday, 240),
            MAIL,
            Address::Email,
        ),
    ];
    let mut mailings = Vec::new();
    for (name, category, body, inbox, rhythm, fate, address) in texts {
        let template = prepared(scope, name, category, body).await?;
        mailings.push(MailingLine { inbox, template, body, rhythm, fate, address });
    }
    Ok(Cast { chats, mailings, agents })
}

/// The address of the first of the people.
pub fn first_address(domain: &str) -> String {
    format!("{}@{domain}", AGENTS[0].1)
}

async fn people(scope: &AccountScope, domain: &str) -> Result<Vec<UserId>> {
    let mut ids = Vec::new();
    for (name, account, role) in AGENTS {
        let input = UserInvite {
            email: format!("{account}@{domain}"),
            name: name.to_owned(),
            role,
            password: None,
        };
        ids.push(user::invite(scope, None, input).await?.id);
    }
    for (name, members) in [("Sales", &ids[..4]), ("Care", &ids[3..])] {
        team::create(scope, None, TeamCreate { name: name.to_owned(), user_ids: members.to_vec() })
            .await?;
    }
    Ok(ids)
}

async fn robot(scope: &AccountScope, name: &str) -> Result<BotId> {
    Ok(bot::create(scope, None, BotCreate { name: name.to_owned() }).await?.id)
}

async fn line(
    scope: &AccountScope,
    name: &str,
    platform: Platform,
    official: bool,
    vendor: &str,
    portfolio: &str,
    line: &str,
    members: &[UserId],
) -> Result<InboxId> {
    let input = InboxCreate {
        provider: Some(Provider::Sandbox),
        official,
        vendor: Some(vendor.to_owned()),
        portfolio: Some(portfolio.to_owned()),
        line: Some(line.to_owned()),
        send_only: members.is_empty(),
        member_ids: members.to_vec(),
        business_hours: (!members.is_empty()).then(business_hours),
        ..InboxCreate::new(name, platform)
    };
    Ok(inbox::create(scope, None, input).await?.id)
}

/// From Monday to Saturday, not at Christmas.
fn business_hours() -> BusinessHours {
    let span = |day, to: &str| Span { day, from: "08:00".to_owned(), to: to.to_owned() };
    let week = (1..=5).map(|day| span(day, "20:00")).chain([span(6, "14:00")]);
    let holidays = ["2025-12-25", "2026-01-01", "2026-12-25"].map(str::to_owned).to_vec();
    BusinessHours { zone: super::ZONE.to_owned(), week: week.collect(), holidays }
}

async fn prepared(
    scope: &AccountScope,
    name: &str,
    category: TemplateCategory,
    body: &str,
) -> Result<TemplateId> {
    let input = TemplateCreate {
        name: name.to_owned(),
        language: "en".to_owned(),
        category,
        body: body.to_owned(),
        status: Some(TemplateStatus::Approved),
        external_id: None,
    };
    Ok(template::create(scope, None, input).await?.id)
}
