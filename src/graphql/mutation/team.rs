//! Making teams and changing who is in them.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{Answer, Ids, UserError, named, owner, payload};
use crate::domain::team::{self as commands, TeamCreate, TeamUpdate};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::Team;
use crate::graphql::viewer;

/// A new team.
#[derive(InputObject)]
pub struct TeamCreateInput {
    /// The account that it belongs to.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What it is called, 1 to 255 characters, like no other team of the account.
    name: String,
    /// Who is in it: up to 250 users of the account.
    user_ids: Option<Vec<ID>>,
}

/// What became of `teamCreate`.
#[derive(SimpleObject)]
pub struct TeamCreatePayload {
    /// The new team.
    pub team: Option<Team>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// What to change of a team. What is not given stays as it is.
#[derive(InputObject)]
pub struct TeamUpdateInput {
    /// The team.
    id: ID,
    /// What it is called, 1 to 255 characters, like no other team of the account.
    name: Option<String>,
    /// Who is in it, in place of those who are: up to 250 users of the account.
    user_ids: Option<Vec<ID>>,
}

/// What became of `teamUpdate`.
#[derive(SimpleObject)]
pub struct TeamUpdatePayload {
    /// The team after the change.
    pub team: Option<Team>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct TeamMutation;

#[Object]
impl TeamMutation {
    /// Makes a team. Needs the role MANAGER.
    async fn team_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new team.")] input: TeamCreateInput,
    ) -> Answer<TeamCreatePayload> {
        payload(create(ctx, input).await, |team, user_errors| TeamCreatePayload {
            team,
            user_errors,
        })
    }

    /// Changes a team. Needs the role MANAGER.
    async fn team_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: TeamUpdateInput,
    ) -> Answer<TeamUpdatePayload> {
        payload(update(ctx, input).await, |team, user_errors| TeamUpdatePayload {
            team,
            user_errors,
        })
    }
}

async fn create(ctx: &Context<'_>, input: TeamCreateInput) -> Result<Team> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let mut ids = Ids::new(reader.account_id());
    let user_ids = input.user_ids.unwrap_or_default();
    let user_ids = ids.list("userIds", &user_ids, NodeKind::User);
    ids.finish()?;
    let new = TeamCreate { name: input.name, user_ids };
    let team = commands::create(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok(Team::new(reader, team))
}

async fn update(ctx: &Context<'_>, input: TeamUpdateInput) -> Result<Team> {
    let (reader, team_id) = owner(ctx, "id", &input.id, NodeKind::Team)?;
    let mut ids = Ids::new(reader.account_id());
    let user_ids = input.user_ids.map(|user_ids| ids.list("userIds", &user_ids, NodeKind::User));
    ids.finish()?;
    let change = TeamUpdate { team_id, name: input.name, user_ids };
    let team = named("id", NodeKind::Team, commands::update(reader.scope(), change).await)?;
    Ok(Team::new(reader, team))
}
