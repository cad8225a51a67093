//! A tenant and its settings. `id` is the tenant key of every other table.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::AccountId;
use crate::kinds::PlanEnd;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// IANA name; the zone of reports unless they ask for another.
    #[sea_orm(column_type = "Text")]
    pub time_zone: String,
    /// Credits a month; none means unlimited.
    pub plan_credits: Option<i64>,
    /// Whether the chat exports are part of the contract.
    pub chat_module: bool,
    /// How long after a send an inbound message counts as a reply to it.
    pub reply_window_seconds: i64,
    /// A session ends after a silence longer than this.
    pub session_idle_seconds: i64,
    /// First day of a week in reports: 1 is Monday, 7 Sunday.
    pub week_start: i16,
    /// Array of case-folded words that opt an address out.
    #[sea_orm(column_type = "JsonBinary")]
    pub opt_out_words: Json,
    /// Array of case-folded words that opt it in again.
    #[sea_orm(column_type = "JsonBinary")]
    pub opt_in_words: Json,
    /// Array of `{ platform, category, credits }`: what a segment costs; none costs one.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub prices: Option<Json>,
    /// What happens when the month's credits are used up; none means that all goes on.
    pub at_plan_end: Option<PlanEnd>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
