//! What messages cost, what is left of a month's plan, and what is still to come.

use async_graphql::{InputObject, SimpleObject};
use entity::Timestamp;
use entity::id::CampaignId;
use entity::kinds::{Platform, TemplateCategory};

use crate::analytics::{MonthCredits, credits_of_month};
use crate::auth::AccountScope;
use crate::domain::campaign::{self, Estimate};
use crate::domain::credits::Price;
use crate::error::Result;
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

/// How long a month is at most: campaigns that are scheduled for later belong to another.
const MONTH_SECONDS: i64 = 31 * 24 * 3_600;

/// What a segment costs on a platform.
#[derive(SimpleObject)]
pub struct CreditPrice {
    /// The platform.
    platform: Name<Platform>,
    /// Of templates of this category; none stands for all that have no price of their own.
    category: Option<Name<TemplateCategory>>,
    /// Credits for each segment.
    credits: i64,
}

impl From<Price> for CreditPrice {
    fn from(price: Price) -> Self {
        let Price { platform, category, credits } = price;
        Self { platform: Name(platform), category: category.map(Name), credits }
    }
}

/// What a segment is to cost on a platform.
#[derive(InputObject)]
pub struct CreditPriceInput {
    /// The platform.
    platform: Name<Platform>,
    /// Of templates of this category; none stands for all that have no price of their own.
    category: Option<Name<TemplateCategory>>,
    /// Credits for each segment, up to 1,000,000.
    credits: i64,
}

impl From<CreditPriceInput> for Price {
    fn from(price: CreditPriceInput) -> Self {
        let CreditPriceInput { platform, category, credits } = price;
        Self { platform: platform.0, category: category.map(|name| name.0), credits }
    }
}

/// The credits of the present calendar month, in the account's zone.
#[derive(SimpleObject)]
pub struct AccountCredits {
    /// When the month began.
    from: DateTime,
    /// Up to when it was counted: now.
    to: DateTime,
    /// Spent: CREDITS_USED of the month.
    used: i64,
    /// Left of the plan; none where it is unlimited.
    left: Option<i64>,
    /// Expected beyond the plan: with what campaigns under way and scheduled for the next 31 days are
    /// still to cost. None where it is unlimited.
    estimated_overage: Option<i64>,
}

/// What a campaign is still to cost, by the texts of some of its recipients.
#[derive(SimpleObject)]
pub struct CampaignEstimate {
    /// To whom its first step could be sent now, or still waits to be.
    recipients: i64,
    /// In how many segments.
    segments: i64,
    /// For how many credits.
    credits: i64,
    /// How many of these lie beyond the month's plan, campaigns taken in the order of their start;
    /// none where the plan is unlimited.
    overage: Option<i64>,
}

/// What was used, and what is still to come, in the order of its coming.
struct Outlook {
    month: MonthCredits,
    plan: Option<i64>,
    open: Vec<(CampaignId, Estimate)>,
}

impl Outlook {
    async fn of(scope: &AccountScope) -> Result<Self> {
        let plan = scope.account(scope.db().read()).await?.plan_credits;
        let until: Timestamp = scope.now().plus_seconds(MONTH_SECONDS);
        let open = campaign::outstanding(scope, until).await?;
        Ok(Self { month: credits_of_month(scope).await?, plan, open })
    }

    /// The part of `credits` that lies beyond the plan, when `before` is spent.
    fn beyond(&self, before: i64, credits: i64) -> Option<i64> {
        let left = (self.plan? - before).max(0);
        Some((credits - left).max(0))
    }
}

pub async fn of_account(scope: &AccountScope) -> Result<AccountCredits> {
    let outlook = Outlook::of(scope).await?;
    let Outlook { month, plan, open } = &outlook;
    let to_come: i64 = open.iter().map(|(_, estimate)| estimate.credits).sum();
    Ok(AccountCredits {
        from: DateTime(month.from),
        to: DateTime(month.to),
        used: month.used,
        left: plan.map(|plan| (plan - month.used).max(0)),
        estimated_overage: plan.map(|plan| (month.used + to_come - plan).max(0)),
    })
}

pub async fn of_campaign(scope: &AccountScope, id: CampaignId) -> Result<CampaignEstimate> {
    let outlook = Outlook::of(scope).await?;
    let earlier = outlook.open.iter().take_while(|(other, _)| *other != id);
    let before: i64 = earlier.map(|(_, estimate)| estimate.credits).sum();
    let own = outlook.open.iter().find(|(other, _)| *other == id).map(|(_, estimate)| *estimate);
    let estimate = match own {
        Some(estimate) => estimate,
        // A draft comes after all that is scheduled.
        None => campaign::estimate(scope, id).await?,
    };
    Ok(CampaignEstimate {
        recipients: estimate.recipients,
        segments: estimate.segments,
        credits: estimate.credits,
        overage: outlook.beyond(outlook.month.used + before, estimate.credits),
    })
}
