//! Accounts and their settings. An account is made by the command line or with a token of
//! the installation, with its first owner; afterwards its administrators keep it.

use entity::id::{AccessTokenId, AccountId, UserId};
use entity::kinds::{EventKind, PlanEnd, Role};
use entity::{Timestamp, account, account_counter};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, TryInsertResult,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::credits::{self, Price};
use super::user::{self, NewUser};
use super::{LONGEST_NAME, event, idempotency, text};
use crate::auth::{AccountScope, Permission, password, person, system_scope};
use crate::engine::Engine;
use crate::error::{Checks, Error, Result, ViolationCode};
use crate::zone;

pub const DEFAULT_REPLY_WINDOW_SECONDS: i64 = 72 * 3600;
pub const DEFAULT_SESSION_IDLE_SECONDS: i64 = 24 * 3600;
/// Both windows: a minute to ninety days.
const WINDOW_SECONDS: std::ops::RangeInclusive<i64> = 60..=90 * 24 * 3600;
const MOST_CREDITS: i64 = 1_000_000_000_000;
const MONDAY: i64 = 1;

const OPT_OUT_WORDS: [&str; 5] = ["stop", "end", "cancel", "unsubscribe", "quit"];
const OPT_IN_WORDS: [&str; 3] = ["start", "yes", "unstop"];
const MOST_WORDS: usize = 100;
const LONGEST_WORD: usize = 64;

#[derive(Clone, Default, Serialize)]
pub struct AccountCreate {
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    /// Credits a month; none means unlimited.
    pub plan_credits: Option<i64>,
    pub chat_module: bool,
    /// None means 72 hours.
    pub reply_window_seconds: Option<i64>,
    /// None means 24 hours.
    pub session_idle_seconds: Option<i64>,
    /// 1 is Monday, 7 Sunday; none means Monday.
    pub week_start: Option<i64>,
    /// The first owner: a new user, or one who exists already and then keeps name and
    /// password.
    pub owner_email: Option<String>,
    /// None means the e-mail address.
    pub owner_name: Option<String>,
    /// Not part of the stored fingerprint, which would be too fast a hash of it.
    #[serde(skip)]
    pub owner_password: Option<String>,
}

/// Settings to change; none leaves one as it is.
#[derive(Clone, Default)]
pub struct AccountUpdate {
    pub name: Option<String>,
    pub time_zone: Option<String>,
    /// `Some(None)` means unlimited from now on.
    pub plan_credits: Option<Option<i64>>,
    pub chat_module: Option<bool>,
    pub reply_window_seconds: Option<i64>,
    pub session_idle_seconds: Option<i64>,
    pub week_start: Option<i64>,
    /// Whole texts that opt out; compared without white space around and in any case.
    pub opt_out_words: Option<Vec<String>>,
    pub opt_in_words: Option<Vec<String>>,
    /// What segments cost; an empty list means a credit each.
    pub prices: Option<Vec<Price>>,
    pub at_plan_end: Option<PlanEnd>,
}

/// A new account.
#[derive(Clone, Debug)]
pub struct Created {
    pub account: account::Model,
    pub owner: Option<entity::user::Model>,
    /// Whether the owner was made with the account; one who existed kept the password.
    pub owner_is_new: bool,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    owner_id: Option<UserId>,
    owner_is_new: bool,
}

/// What of [`AccountCreate`] is kept, checked.
struct Settings {
    name: String,
    time_zone: String,
    plan_credits: Option<i64>,
    chat_module: bool,
    reply_window_seconds: i64,
    session_idle_seconds: i64,
    week_start: i16,
}

/// Makes an account. Who may is decided before: the command line, and viewers with
/// `is_installation()`, who may give a key with the id of their token. That key is
/// remembered as long as the account exists.
pub async fn create(
    engine: &Engine,
    idempotency_key: Option<(AccessTokenId, &str)>,
    input: AccountCreate,
) -> Result<Created> {
    let request = match idempotency_key {
        Some((_, key)) => Some(idempotency::Request::new(key, "accountCreate", &input)?),
        None => None,
    };
    let mut checks = Checks::new();
    let settings = settings(&mut checks, &input);
    let owner = owner(&mut checks, &input);
    checks.finish()?;
    let Some(settings) = settings else {
        return Err(Error::bug("settings are complete where no check failed"));
    };
    let owner = match owner {
        Some(owner) => Some(owner.hashed(engine, input.owner_password).await?),
        None => None,
    };

    let account_id = match (&request, idempotency_key) {
        (Some(request), Some((token_id, _))) => id_of(token_id, request.key()),
        _ => engine.clock.id(),
    };
    let scope = system_scope(engine, account_id);
    let tx = scope.begin().await?;
    let answer = if insert(&scope, &tx, settings).await? {
        let answer = fill(&scope, &tx, owner).await?;
        if let Some(request) = &request {
            request.store(&scope, &tx, serde_json::to_value(&answer)?).await?;
        }
        answer
    } else {
        let request = request.as_ref().ok_or_else(|| Error::bug("a new id was in use"))?;
        serde_json::from_value(request.replay(&scope, &tx).await?)?
    };
    let account = scope.account(&tx).await?;
    let ids: Vec<_> = answer.owner_id.into_iter().collect();
    let owner = person::find_many(&tx, &ids).await?.pop();
    tx.commit().await?;
    Ok(Created { account, owner, owner_is_new: answer.owner_is_new })
}

/// The id of the account that a token makes under a key. It follows from the two, so that a
/// repetition meets the account made before: keys are stored with an account, and before it
/// exists there is none to look in.
fn id_of(token_id: AccessTokenId, key: &str) -> AccountId {
    let mut hash = Sha256::new();
    hash.update(token_id.0.as_bytes());
    hash.update(key.as_bytes());
    let mut random = [0; 10];
    random.copy_from_slice(&hash.finalize()[..10]);
    // The first 48 bits of a UUIDv7 are its milliseconds.
    let millis = u64::try_from(token_id.0.as_u128() >> 80).unwrap_or_default();
    AccountId(entity::id::v7(millis, &random))
}

fn settings(checks: &mut Checks, input: &AccountCreate) -> Option<Settings> {
    let reply_window = input.reply_window_seconds.unwrap_or(DEFAULT_REPLY_WINDOW_SECONDS);
    let session_idle = input.session_idle_seconds.unwrap_or(DEFAULT_SESSION_IDLE_SECONDS);
    let name = checks.text("name", &input.name, LONGEST_NAME);
    let time_zone = zone::zone_name(checks, "timeZone", &input.time_zone);
    Some(Settings {
        name,
        plan_credits: input.plan_credits.map(|credits| plan_credits(checks, credits)),
        chat_module: input.chat_module,
        reply_window_seconds: checks.range("replyWindowSeconds", reply_window, WINDOW_SECONDS),
        session_idle_seconds: checks.range("sessionIdleSeconds", session_idle, WINDOW_SECONDS),
        week_start: week_start(checks, input.week_start.unwrap_or(MONDAY)),
        time_zone: time_zone?,
    })
}

fn plan_credits(checks: &mut Checks, credits: i64) -> i64 {
    checks.range("planCredits", credits, 0..=MOST_CREDITS)
}

fn week_start(checks: &mut Checks, day: i64) -> i16 {
    i16::try_from(checks.range("weekStart", day, MONDAY..=7)).unwrap_or_default()
}

fn owner(checks: &mut Checks, input: &AccountCreate) -> Option<NewUser> {
    let Some(email) = &input.owner_email else {
        if input.owner_name.is_some() || input.owner_password.is_some() {
            let message = "is required where the owner's name or password is given";
            checks.fail("ownerEmail", ViolationCode::Required, message);
        }
        return None;
    };
    if let Some(password) = &input.owner_password {
        password::check(checks, "ownerPassword", password);
    }
    let name = checks.optional_text("ownerName", input.owner_name.as_deref(), LONGEST_NAME);
    let email = user::email(checks, "ownerEmail", email)?;
    Some(NewUser { name: name.unwrap_or_else(|| email.clone()), email, password_hash: None })
}

/// False if the account exists already.
async fn insert(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    settings: Settings,
) -> Result<bool> {
    let now = scope.now();
    let row = account::ActiveModel {
        id: Set(scope.account_id()),
        name: Set(settings.name),
        time_zone: Set(settings.time_zone),
        plan_credits: Set(settings.plan_credits),
        chat_module: Set(settings.chat_module),
        reply_window_seconds: Set(settings.reply_window_seconds),
        session_idle_seconds: Set(settings.session_idle_seconds),
        week_start: Set(settings.week_start),
        opt_out_words: Set(serde_json::to_value(OPT_OUT_WORDS)?),
        opt_in_words: Set(serde_json::to_value(OPT_IN_WORDS)?),
        prices: Set(None),
        at_plan_end: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let inserted =
        account::Entity::insert(row).on_conflict_do_nothing().exec_without_returning(tx).await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0))
}

/// What every account has: its counter and, if wanted, its owner.
async fn fill(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    owner: Option<NewUser>,
) -> Result<Answer> {
    let counter = account_counter::ActiveModel {
        account_id: Set(scope.account_id()),
        contacts: Set(0),
        conversations: Set(0),
        display_ids: Set(0),
        last_erased_at: Set(None),
    };
    account_counter::Entity::insert(counter).exec_without_returning(tx).await?;
    let answer = match owner {
        Some(owner) => {
            let (owner, owner_is_new) = user::ensure(scope.engine(), tx, owner).await?;
            user::join(scope, tx, owner.id, Role::Owner, "ownerEmail").await?;
            Answer { owner_id: Some(owner.id), owner_is_new }
        }
        None => Answer { owner_id: None, owner_is_new: false },
    };
    event::write(scope, tx, EventKind::SettingsChanged, vec![scope.account_id().0]).await?;
    Ok(answer)
}

/// Changes settings of the scope's account.
pub async fn update(scope: &AccountScope, input: AccountUpdate) -> Result<account::Model> {
    scope.require(Permission::Administer)?;
    let bought = input.plan_credits.is_some() || input.chat_module.is_some();
    if bought || input.prices.is_some() || input.at_plan_end.is_some() {
        // What an account has bought is not for its administrators to say.
        scope.require(Permission::Own)?;
    }
    let tx = scope.begin().await?;
    let before = scope.lock_account(&tx).await?;
    let row = changed(&before, &input, scope.now())?;
    let account = row.update(&tx).await?;
    event::write(scope, &tx, EventKind::SettingsChanged, vec![account.id.0]).await?;
    tx.commit().await?;
    Ok(account)
}

fn changed(
    before: &account::Model,
    input: &AccountUpdate,
    now: Timestamp,
) -> Result<account::ActiveModel> {
    let mut checks = Checks::new();
    let mut row: account::ActiveModel = before.clone().into_active_model();
    row.updated_at = Set(now);
    if let Some(name) = &input.name {
        row.name = Set(checks.text("name", name, LONGEST_NAME));
    }
    if let Some(name) = &input.time_zone
        && let Some(name) = zone::zone_name(&mut checks, "timeZone", name)
    {
        row.time_zone = Set(name);
    }
    if let Some(credits) = input.plan_credits {
        row.plan_credits = Set(credits.map(|credits| plan_credits(&mut checks, credits)));
    }
    if let Some(chat_module) = input.chat_module {
        row.chat_module = Set(chat_module);
    }
    if let Some(seconds) = input.reply_window_seconds {
        row.reply_window_seconds = Set(checks.range("replyWindowSeconds", seconds, WINDOW_SECONDS));
    }
    if let Some(seconds) = input.session_idle_seconds {
        row.session_idle_seconds = Set(checks.range("sessionIdleSeconds", seconds, WINDOW_SECONDS));
    }
    if let Some(day) = input.week_start {
        row.week_start = Set(week_start(&mut checks, day));
    }
    if let Some(prices) = &input.prices {
        credits::check(&mut checks, prices);
        row.prices = Set(Some(serde_json::to_value(prices)?));
    }
    if let Some(end) = input.at_plan_end {
        row.at_plan_end = Set(Some(end));
    }
    let (outs, ins) = (input.opt_out_words.as_deref(), input.opt_in_words.as_deref());
    if outs.is_some() || ins.is_some() {
        let outs = words(&mut checks, "optOutWords", outs, &before.opt_out_words)?;
        let ins = words(&mut checks, "optInWords", ins, &before.opt_in_words)?;
        if outs.is_empty() {
            checks.fail("optOutWords", ViolationCode::Required, "must hold at least one word");
        }
        if let Some(word) = ins.iter().find(|word| outs.contains(word)) {
            let message = format!("{word:?} cannot opt out and in at once");
            checks.fail("optInWords", ViolationCode::Conflict, message);
        }
        row.opt_out_words = Set(serde_json::to_value(outs)?);
        row.opt_in_words = Set(serde_json::to_value(ins)?);
    }
    checks.finish()?;
    Ok(row)
}

/// The new words, or those that are kept.
fn words(
    checks: &mut Checks,
    path: &str,
    words: Option<&[String]>,
    kept: &serde_json::Value,
) -> Result<Vec<String>> {
    let Some(words) = words else { return Ok(serde_json::from_value(kept.clone())?) };
    if words.len() > MOST_WORDS {
        let message = format!("has {} words; at most {MOST_WORDS} are allowed", words.len());
        checks.fail(path, ViolationCode::TooLong, message);
    }
    let mut folded = Vec::new();
    for (index, word) in words.iter().take(MOST_WORDS).enumerate() {
        let word = text::name_key(&checks.text(&format!("{path}[{index}]"), word, LONGEST_WORD));
        if !folded.contains(&word) {
            folded.push(word);
        }
    }
    Ok(folded)
}

#[cfg(test)]
mod tests {
    use entity::id::Uuid;

    use super::*;

    #[test]
    fn a_key_names_one_account() {
        let token = AccessTokenId(Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0001));
        let other = AccessTokenId(Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0002));
        assert_eq!(id_of(token, "a"), id_of(token, "a"));
        assert_ne!(id_of(token, "a"), id_of(token, "b"));
        assert_ne!(id_of(token, "a"), id_of(other, "a"));
        assert_eq!(id_of(token, "a").0.get_version_num(), 7);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut checks = Checks::new();
        let input = AccountCreate {
            time_zone: "Mars".to_owned(),
            week_start: Some(8),
            reply_window_seconds: Some(0),
            owner_name: Some("Ada".to_owned()),
            ..Default::default()
        };
        settings(&mut checks, &input);
        owner(&mut checks, &input);
        let paths: Vec<_> = checks.into_violations().into_iter().map(|each| each.path).collect();
        assert_eq!(paths, ["name", "timeZone", "replyWindowSeconds", "weekStart", "ownerEmail"]);
    }
}
