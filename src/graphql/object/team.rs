//! Teams.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object};
use entity::id::{TeamId, UserId};
use entity::team::{Column, Model};

use super::User;
use crate::auth::AccountScope;
use crate::domain::{page, read, team as rules};
use crate::error::Result;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::Reading;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_group, by_key};
use crate::graphql::scalar::DateTime;

pub struct Team {
    reader: Reader,
    model: Model,
}

impl Team {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A group of users.
#[Object]
impl Team {
    /// The team's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Team, self.model.account_id, self.model.id).into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// Who is in it, in the order of their joining.
    async fn members(&self) -> async_graphql::Result<Vec<User>> {
        let ids = self.reader.find(MembersOf(self.model.id)).await?.unwrap_or_default();
        let users = self.reader.find_many(ids).await?.into_iter();
        Ok(users.map(|user| User::of(self.reader.clone(), user)).collect())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }
}

/// Which teams to list.
#[derive(Default, InputObject)]
#[graphql(name = "TeamFilter")]
pub struct Filter {
    /// In which one of these users is.
    pub user_ids: Option<Vec<ID>>,
    /// A part of the name.
    pub search: Option<String>,
}

impl Filter {
    fn read(self) -> Result<read::access::TeamFilter> {
        let mut reading = Reading::new();
        let filter = read::access::TeamFilter {
            user_ids: reading.ids("userIds", self.user_ids, NodeKind::User),
            search: self.search,
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what teams are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "TeamOrderField")]
pub enum OrderField {
    /// The name.
    Name,
    /// When the team was made.
    CreatedAt,
}

/// How teams are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "TeamOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::Name, direction: OrderDirection::Asc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::Name => rules::by_name(),
            OrderField::CreatedAt => rules::by_creation(),
        })
    }
}

/// The teams of an account, by name if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Team>> {
    let filter = filter.unwrap_or_default().read()?;
    let select = read::access::select_teams(reader.scope(), &filter)?;
    connect(reader, select, order.unwrap_or(Order::USUAL).columns(), &filter, args, Team::new).await
}

impl Key for TeamId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}

/// Who is in a team.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct MembersOf(TeamId);

impl Key for MembersOf {
    type Row = Vec<UserId>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Vec<UserId>>> {
        let ids: Vec<TeamId> = keys.iter().map(|key| key.0).collect();
        let members = rules::members(scope, &ids).await?.into_iter();
        Ok(by_group(keys, members.map(|row| (MembersOf(row.team_id), row.user_id))))
    }
}
