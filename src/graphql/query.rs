//! The root of all queries.

use async_graphql::{Context, ID, Object};

use super::id::{self, NodeKind};
use super::node::{self, Node};
use super::object::Account;
use super::report::{self, MetricDefinition};
use super::viewer::{self, Viewer};
use crate::auth::Permission;
use crate::error::{Error, Result, ViolationCode};

/// Ids in one call of `nodes`.
const MOST_NODES: usize = 100;

pub struct Query;

/// Everything that can be read.
#[Object]
impl Query {
    /// Who is asking. An error without a valid token.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        Ok(Viewer::new(viewer::caller(ctx)?.clone()))
    }

    /// The thing with this id. Null if there is none, or none that the viewer may see.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id that the thing shows.")] id: ID,
    ) -> Option<async_graphql::Result<Node>> {
        node::find(ctx, &id).await.transpose()
    }

    /// The things with these ids, in their order; null for each that `node` would not give.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100 ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<async_graphql::Result<Node>>>> {
        if ids.len() > MOST_NODES {
            let message = format!("has {} ids; at most {MOST_NODES} are allowed", ids.len());
            return Err(Error::invalid("ids", ViolationCode::TooLong, message));
        }
        let nodes = ids.iter().map(|id| async move { node::find(ctx, id).await.transpose() });
        Ok(futures_util::future::join_all(nodes).await)
    }

    /// An account that is open to the viewer.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] id: ID,
    ) -> Option<async_graphql::Result<Account>> {
        Some(account(ctx, &id).await.map_err(Into::into))
    }

    /// Every metric there is, with its definition.
    async fn metrics(&self) -> Vec<MetricDefinition> {
        report::definitions()
    }
}

async fn account(ctx: &Context<'_>, id: &ID) -> Result<Account> {
    let caller = viewer::caller(ctx)?;
    let reader = caller.reader(id::parse_key("id", id, NodeKind::Account)?)?;
    reader.scope().require(Permission::Read)?;
    let account = reader.scope().account(reader.scope().db().read()).await?;
    Ok(Account::new(reader, account))
}
