//! What messages cost, and how much of a month's plan is left for them. Prices are data of the
//! account: credits for each segment, by platform and category.

use entity::kinds::{PlanEnd, Platform, TemplateCategory};
use entity::{Timestamp, account, credit};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter,
};
use serde::{Deserialize, Serialize};

use super::segments::segments;
use crate::auth::AccountScope;
use crate::error::{Checks, Error, Result, ViolationCode};
use crate::zone;

/// What a segment costs for which the account names no price.
const USUAL: i64 = 1;
const MOST_PRICES: usize = 250;
const HIGHEST_PRICE: i64 = 1_000_000;

/// Credits for each segment on a platform: of a category, or of those that have no price of
/// their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub platform: Platform,
    pub category: Option<TemplateCategory>,
    pub credits: i64,
}

/// What one message costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub segments: i16,
    pub credits: i64,
}

/// The prices of an account.
#[derive(Clone, Debug)]
pub struct Tariff(Vec<Price>);

impl Tariff {
    pub fn of(account: &account::Model) -> Result<Self> {
        let prices = account.prices.clone().map(serde_json::from_value).transpose()?;
        Ok(Self(prices.unwrap_or_default()))
    }

    pub fn prices(self) -> Vec<Price> {
        self.0
    }

    pub fn cost(&self, platform: Platform, category: Option<TemplateCategory>, text: &str) -> Cost {
        let number = if platform == Platform::Sms { segments(text) } else { 1 };
        let segments = i16::try_from(number).unwrap_or(i16::MAX);
        Cost { segments, credits: i64::from(segments) * self.price(platform, category) }
    }

    fn price(&self, platform: Platform, category: Option<TemplateCategory>) -> i64 {
        let of = |category| {
            let fits = |price: &&Price| price.platform == platform && price.category == category;
            self.0.iter().find(fits).map(|price| price.credits)
        };
        category.and_then(|category| of(Some(category))).or_else(|| of(None)).unwrap_or(USUAL)
    }
}

/// Checks prices as they are given: at most one for each platform and category.
pub(super) fn check(checks: &mut Checks, prices: &[Price]) {
    if prices.len() > MOST_PRICES {
        let message = format!("has {} elements; at most {MOST_PRICES} are allowed", prices.len());
        checks.fail("prices", ViolationCode::TooLong, message);
    }
    for (index, price) in prices.iter().enumerate() {
        checks.range(&format!("prices[{index}].credits"), price.credits, 0..=HIGHEST_PRICE);
        let same =
            |other: &Price| (other.platform, other.category) == (price.platform, price.category);
        if prices[..index].iter().any(same) {
            let message = "is the second price of its platform and category";
            checks.fail(format!("prices[{index}]"), ViolationCode::Conflict, message);
        }
    }
}

/// What is taken of the credits of this month, in a transaction that holds the account's lock.
pub struct Purse {
    month: String,
    taken: i64,
    changed: bool,
    /// Where nothing goes beyond the plan.
    limit: Option<i64>,
}

impl Purse {
    pub async fn open(
        scope: &AccountScope,
        tx: &DatabaseTransaction,
        account: &account::Model,
    ) -> Result<Self> {
        let month = month(account, scope.now())?;
        let found = scope.find::<credit::Entity>().filter(credit::Column::Month.eq(&month));
        let taken = found.one(tx).await?.map_or(0, |row| row.taken);
        let stops = account.at_plan_end == Some(PlanEnd::Stop);
        let limit = account.plan_credits.filter(|_| stops);
        Ok(Self { month, taken, changed: false, limit })
    }

    /// Takes what a message costs; not where the plan ends before.
    pub fn take(&mut self, credits: i64) -> bool {
        let after = self.taken.saturating_add(credits);
        if credits > 0 && self.limit.is_some_and(|limit| after > limit) {
            return false;
        }
        self.changed |= credits != 0;
        self.taken = after;
        true
    }

    /// What a message would have cost that was not sent.
    pub fn give_back(&mut self, credits: i64) {
        self.changed |= credits != 0;
        self.taken = (self.taken - credits).max(0);
    }

    pub async fn save(self, scope: &AccountScope, tx: &DatabaseTransaction) -> Result<()> {
        use credit::Column as C;
        if !self.changed {
            return Ok(());
        }
        let Self { month, taken, .. } = self;
        let row = credit::Model { account_id: scope.account_id(), month, taken };
        let mut known = OnConflict::columns([C::AccountId, C::Month]);
        known.update_column(C::Taken);
        let insert = credit::Entity::insert(row.into_active_model().reset_all());
        insert.on_conflict(known).exec_without_returning(tx).await?;
        Ok(())
    }
}

fn month(account: &account::Model, at: Timestamp) -> Result<String> {
    let zone = zone::find(&account.time_zone).ok_or_else(|| Error::bug("an unknown zone"))?;
    let local = zone::local(&zone, at).map_err(|error| Error::bug(error.to_string()))?;
    Ok(local.strftime("%Y-%m").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_price_counts() {
        let price = |platform, category, credits| Price { platform, category, credits };
        let tariff = Tariff(vec![
            price(Platform::Sms, None, 3),
            price(Platform::Whatsapp, Some(TemplateCategory::Marketing), 20),
            price(Platform::Whatsapp, None, 0),
        ]);
        let cost = |platform, category, text: &str| tariff.cost(platform, category, text);
        let long = "x".repeat(161);
        let marketing = Some(TemplateCategory::Marketing);
        assert_eq!(cost(Platform::Sms, None, &long), Cost { segments: 2, credits: 6 });
        assert_eq!(cost(Platform::Sms, marketing, "x"), Cost { segments: 1, credits: 3 });
        assert_eq!(cost(Platform::Whatsapp, marketing, &long), Cost { segments: 1, credits: 20 });
        assert_eq!(cost(Platform::Whatsapp, None, &long), Cost { segments: 1, credits: 0 });
        assert_eq!(cost(Platform::Email, None, &long), Cost { segments: 1, credits: 1 });
    }
}
