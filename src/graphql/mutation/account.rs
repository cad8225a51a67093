//! Making accounts and changing their settings.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use entity::kinds::PlanEnd;

use super::{Answer, UserError, payload};
use crate::auth::system_scope;
use crate::domain::account::{self as commands, AccountCreate, AccountUpdate};
use crate::domain::credits::Price;
use crate::error::{Error, Result};
use crate::graphql::object::credits::CreditPriceInput;
use crate::graphql::object::{Account, User};
use crate::graphql::scalar::TimeZone;
use crate::graphql::viewer;
use crate::graphql::vocabulary::Name;

/// A new account.
#[derive(InputObject)]
pub struct AccountCreateInput {
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What it is called, 1 to 255 characters.
    name: String,
    /// The zone of its days and hours.
    time_zone: TimeZone,
    /// Credits a month; unlimited where none are given.
    plan_credits: Option<i64>,
    /// Whether the chat exports are part of the contract; false where it is not given.
    chat_module: Option<bool>,
    /// How long after a send an inbound message counts as a reply to it: 60 to 7,776,000;
    /// 72 hours where it is not given.
    reply_window_seconds: Option<i64>,
    /// A session ends after a silence longer than this: 60 to 7,776,000; 24 hours where it is
    /// not given.
    session_idle_seconds: Option<i64>,
    /// First day of a week in reports: 1 is Monday, which it is where it is not given, 7 is
    /// Sunday.
    week_start: Option<i64>,
    /// The e-mail address of the first owner: of a new user, or of one who exists already.
    owner_email: Option<String>,
    /// The name of the first owner; the e-mail address where it is not given.
    owner_name: Option<String>,
    /// The password of the first owner. Who exists already keeps the own one.
    #[graphql(secret)]
    owner_password: Option<String>,
}

/// What became of `accountCreate`.
#[derive(SimpleObject)]
pub struct AccountCreatePayload {
    /// The new account.
    pub account: Option<Account>,
    /// Its first owner, if one was named.
    pub owner: Option<User>,
    /// Whether the owner was made with the account. One who existed kept name and password.
    pub owner_is_new: Option<bool>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Settings of an account. What is not given stays as it is.
#[derive(InputObject)]
pub struct AccountUpdateInput {
    /// The account.
    id: ID,
    /// What it is called, 1 to 255 characters.
    name: Option<String>,
    /// The zone of its days and hours.
    time_zone: Option<TimeZone>,
    /// Credits a month; null makes them unlimited.
    plan_credits: MaybeUndefined<i64>,
    /// Whether the chat exports are part of the contract.
    chat_module: Option<bool>,
    /// How long after a send an inbound message counts as a reply to it: 60 to 7,776,000.
    reply_window_seconds: Option<i64>,
    /// A session ends after a silence longer than this: 60 to 7,776,000.
    session_idle_seconds: Option<i64>,
    /// First day of a week in reports: 1 is Monday, 7 is Sunday.
    week_start: Option<i64>,
    /// Messages that opt their sender out: whole texts, compared without white space around
    /// and in any case. At least 1, at most 100, of up to 64 characters.
    opt_out_words: Option<Vec<String>>,
    /// Messages that opt their sender in again, likewise; there may be none.
    opt_in_words: Option<Vec<String>>,
    /// What segments cost, at most 250 prices; an empty list means a credit each. Needs the role
    /// OWNER, as the plan does.
    prices: Option<Vec<CreditPriceInput>>,
    /// What happens when the month's credits are used up. Needs the role OWNER.
    at_plan_end: Option<Name<PlanEnd>>,
}

/// What became of `accountUpdate`.
#[derive(SimpleObject)]
pub struct AccountUpdatePayload {
    /// The account after the change.
    pub account: Option<Account>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes an account. Needs a token of the installation.
    async fn account_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new account.")] input: AccountCreateInput,
    ) -> Answer<AccountCreatePayload> {
        payload(create(ctx, input).await, |made, user_errors| match made {
            Some(made) => AccountCreatePayload {
                owner_is_new: made.owner.as_ref().map(|_| made.owner_is_new),
                account: Some(made.account),
                owner: made.owner,
                user_errors,
            },
            None => {
                AccountCreatePayload { account: None, owner: None, owner_is_new: None, user_errors }
            }
        })
    }

    /// Changes settings of an account. Needs the role ADMIN.
    async fn account_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: AccountUpdateInput,
    ) -> Answer<AccountUpdatePayload> {
        payload(update(ctx, input).await, |account, user_errors| AccountUpdatePayload {
            account,
            user_errors,
        })
    }
}

struct Made {
    account: Account,
    owner: Option<User>,
    owner_is_new: bool,
}

async fn create(ctx: &Context<'_>, input: AccountCreateInput) -> Result<Made> {
    let (engine, caller) = (viewer::engine(ctx)?, viewer::caller(ctx)?);
    if !caller.viewer().is_installation() {
        let message = "only a token of the installation makes accounts";
        return Err(Error::Forbidden(message.to_owned()));
    }
    let token_id = caller.viewer().token().id;
    let key = input.idempotency_key.as_deref().map(|key| (token_id, key));
    let new = AccountCreate {
        name: input.name,
        time_zone: input.time_zone.0,
        plan_credits: input.plan_credits,
        chat_module: input.chat_module.unwrap_or(false),
        reply_window_seconds: input.reply_window_seconds,
        session_idle_seconds: input.session_idle_seconds,
        week_start: input.week_start,
        owner_email: input.owner_email,
        owner_name: input.owner_name,
        owner_password: input.owner_password,
    };
    let created = commands::create(engine, key, new).await?;
    // The token opens no account, but may see what it has just made.
    let reader = caller.reader_of(system_scope(engine, created.account.id));
    Ok(Made {
        owner: created.owner.map(|owner| User::of(reader.clone(), owner)),
        account: Account::new(reader, created.account),
        owner_is_new: created.owner_is_new,
    })
}

async fn update(ctx: &Context<'_>, input: AccountUpdateInput) -> Result<Account> {
    let reader = viewer::reader(ctx, "id", &input.id)?;
    let change = AccountUpdate {
        name: input.name,
        time_zone: input.time_zone.map(|zone| zone.0),
        plan_credits: input.plan_credits.into(),
        chat_module: input.chat_module,
        reply_window_seconds: input.reply_window_seconds,
        session_idle_seconds: input.session_idle_seconds,
        week_start: input.week_start,
        opt_out_words: input.opt_out_words,
        opt_in_words: input.opt_in_words,
        prices: input.prices.map(|prices| prices.into_iter().map(Price::from).collect()),
        at_plan_end: input.at_plan_end.map(|name| name.0),
    };
    let account = commands::update(reader.scope(), change).await?;
    Ok(Account::new(reader, account))
}
