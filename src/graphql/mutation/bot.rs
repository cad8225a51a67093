//! Naming bots and putting them away.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{Answer, UserError, named, owner, payload};
use crate::domain::bot::{self as commands, BotCreate, BotUpdate};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::Bot;
use crate::graphql::viewer;

/// A new bot.
#[derive(InputObject)]
pub struct BotCreateInput {
    /// The account that it answers for.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What it is called, 1 to 255 characters, like no other bot of the account.
    name: String,
}

/// What became of `botCreate`.
#[derive(SimpleObject)]
pub struct BotCreatePayload {
    /// The new bot.
    pub bot: Option<Bot>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// What to change of a bot. What is not given stays as it is.
#[derive(InputObject)]
pub struct BotUpdateInput {
    /// The bot.
    id: ID,
    /// What it is called, 1 to 255 characters, like no other bot of the account.
    name: Option<String>,
}

/// What became of `botUpdate`.
#[derive(SimpleObject)]
pub struct BotUpdatePayload {
    /// The bot after the change.
    pub bot: Option<Bot>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which bot to put away.
#[derive(InputObject)]
pub struct BotArchiveInput {
    /// The bot.
    id: ID,
    /// False takes it back into use; true where it is not given.
    archived: Option<bool>,
}

/// What became of `botArchive`.
#[derive(SimpleObject)]
pub struct BotArchivePayload {
    /// The bot after the change.
    pub bot: Option<Bot>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct BotMutation;

#[Object]
impl BotMutation {
    /// Makes a bot known. Needs the role MANAGER.
    async fn bot_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new bot.")] input: BotCreateInput,
    ) -> Answer<BotCreatePayload> {
        payload(create(ctx, input).await, |bot, user_errors| BotCreatePayload { bot, user_errors })
    }

    /// Changes a bot. Needs the role MANAGER.
    async fn bot_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: BotUpdateInput,
    ) -> Answer<BotUpdatePayload> {
        payload(update(ctx, input).await, |bot, user_errors| BotUpdatePayload { bot, user_errors })
    }

    /// Puts a bot away, or takes it back into use. What it did stays its own. Needs the role
    /// MANAGER.
    async fn bot_archive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which bot.")] input: BotArchiveInput,
    ) -> Answer<BotArchivePayload> {
        payload(archive(ctx, input).await, |bot, user_errors| BotArchivePayload {
            bot,
            user_errors,
        })
    }
}

async fn create(ctx: &Context<'_>, input: BotCreateInput) -> Result<Bot> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let new = BotCreate { name: input.name };
    let bot = commands::create(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok(Bot::new(reader, bot))
}

async fn update(ctx: &Context<'_>, input: BotUpdateInput) -> Result<Bot> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Bot)?;
    let change = BotUpdate { name: input.name };
    let bot = named("id", NodeKind::Bot, commands::update(reader.scope(), id, change).await)?;
    Ok(Bot::new(reader, bot))
}

async fn archive(ctx: &Context<'_>, input: BotArchiveInput) -> Result<Bot> {
    let (reader, id) = owner(ctx, "id", &input.id, NodeKind::Bot)?;
    let archived = if input.archived.unwrap_or(true) {
        commands::archive(reader.scope(), id).await
    } else {
        commands::unarchive(reader.scope(), id).await
    };
    Ok(Bot::new(reader, named("id", NodeKind::Bot, archived)?))
}
