//! A coffee shop with a year of traffic, made through the same commands as everything else,
//! so that a newcomer sees life before anything is connected. The same end of the year gives
//! the same facts.

mod cast;
mod customer;
mod recorder;
mod rhythm;
pub mod seed;
mod story;
mod words;

use std::time::{Duration, Instant};

use entity::Timestamp;
use entity::id::AccountId;
use entity::kinds::{Role, TokenScope};
use entity::vocabulary::Vocabulary;
use jiff::{ToSpan, Zoned};

use crate::auth::{self, AccountScope, person};
use crate::domain::account::{self, AccountCreate};
use crate::domain::token::{self, TokenCreate};
use crate::engine::Engine;
use crate::error::{Error, Result};
use recorder::Recorder;
use story::{Crowd, Story};

const OWNER: &str = "owner@aurora-coffee.example";
const ZONE: &str = "America/Sao_Paulo";
/// A year.
pub const DAYS: i64 = 365;
const PEOPLE: u32 = 6_000;
/// Where the mail of the shop and its people arrives.
const DOMAIN: &str = "aurora-coffee.example";

/// What is needed to look around.
pub struct DemoAccount {
    pub email: String,
    /// New at every start; none is kept in the clear.
    pub password: String,
    pub token: String,
    pub account: AccountId,
    /// What was recorded; none where the account was there already.
    pub made: Option<Made>,
}

/// How much was recorded in which time.
pub struct Made {
    pub messages: usize,
    pub items: usize,
    pub took: Duration,
}

/// Makes the demo account with so many days of traffic, or finds the one that is there, and gives
/// it a new password and token.
pub async fn prepare(engine: &Engine, days: i64) -> Result<DemoAccount> {
    let password = make_up();
    let (account, made) = match existing(engine, &password).await? {
        Some(account) => (account, None),
        None => {
            let (account, made) = make(engine, &password, days).await?;
            (account, Some(made))
        }
    };
    let scope = auth::system_scope(engine, account);
    let input = TokenCreate {
        name: "demo".to_owned(),
        role: Role::Owner,
        scopes: TokenScope::ALL.to_vec(),
        expires_at: None,
    };
    let token = token::create(&scope, None, input).await?;
    Ok(DemoAccount { email: OWNER.to_owned(), password, token: token.text, account, made })
}

fn make_up() -> String {
    use base64::Engine as _;
    let mut bytes = [0u8; 12];
    rand::fill(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

async fn existing(engine: &Engine, password: &str) -> Result<Option<AccountId>> {
    let Some(owner) = person::find_by_email(engine.db.read(), OWNER).await? else {
        return Ok(None);
    };
    let memberships = person::accounts(engine.db.read(), owner.id).await?;
    let Some(membership) = memberships.first() else {
        return Err(Error::bug("the demo's owner belongs to no account"));
    };
    person::set_password(engine, owner.id, password).await?;
    Ok(Some(membership.account_id))
}

async fn make(engine: &Engine, password: &str, days: i64) -> Result<(AccountId, Made)> {
    let began = Instant::now();
    let input = AccountCreate {
        name: "Aurora Coffee".to_owned(),
        time_zone: ZONE.to_owned(),
        plan_credits: Some(25_000),
        chat_module: true,
        owner_email: Some(OWNER.to_owned()),
        owner_name: Some("Olívia Duarte".to_owned()),
        owner_password: Some(password.to_owned()),
        ..AccountCreate::default()
    };
    let account = account::create(engine, None, input).await?.account;
    let scope = auth::system_scope(engine, account.id);
    let cast = cast::gather(&scope, DOMAIN).await?;
    let (messages, items) = play(&scope, &cast, days).await?;
    Ok((account.id, Made { messages, items, took: began.elapsed() }))
}

/// Records the days up to now. Says how many messages and items there were.
async fn play(scope: &AccountScope, cast: &story::Cast, days: i64) -> Result<(usize, usize)> {
    let now = scope.now();
    let today = local(now)?;
    let crowd = Crowd { people: 0..PEOPLE, share: 1.0, seed: 0, stream: 0, mark: String::new() };
    let mut story = Story::new(cast, crowd, today.time_zone().clone(), now);
    let mut recorder = Recorder::new(scope);
    for back in (0..=days).rev() {
        let day =
            today.checked_sub(back.days()).map_err(|error| Error::Internal(error.into()))?.date();
        // A day's mornings may follow on what began the evening before, so that only what lies
        // before the day is settled.
        let start = day
            .to_zoned(today.time_zone().clone())
            .map_err(|error| Error::Internal(error.into()))?;
        recorder.add(story.take_until(Timestamp(start.timestamp().as_microsecond()))).await?;
        story.day(day);
    }
    recorder.add(story.take_until(now.plus_seconds(1))).await?;
    recorder.flush().await?;
    Ok((recorder.messages, recorder.items))
}

fn local(now: Timestamp) -> Result<Zoned> {
    let instant =
        jiff::Timestamp::from_microsecond(now.0).map_err(|error| Error::Internal(error.into()))?;
    instant.in_tz(ZONE).map_err(|error| Error::Internal(error.into()))
}
