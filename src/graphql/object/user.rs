//! Users: people who can sign in, and their memberships in accounts.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use entity::id::{AccountId, UserId};
use entity::kinds::Role;
use entity::user::{Column, Model};
use entity::{Timestamp, membership};

use super::Account;
use super::engagement::{Engagement, engagement};
use crate::analytics::Subject;
use crate::auth::{AccountScope, Permission};
use crate::domain::{page, read, user as rules};
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::Reading;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Caller, Key, Reader, by_key};
use crate::graphql::report::PeriodInput;
use crate::graphql::scalar::{DateTime, TimeZone};
use crate::graphql::vocabulary::Name;

pub struct User {
    caller: Caller,
    model: Model,
}

impl User {
    pub fn new(caller: Caller, model: Model) -> Self {
        Self { caller, model }
    }

    /// The user as a row of an account names one.
    pub fn of(reader: Reader, model: Model) -> Self {
        Self::new(reader.caller().clone(), model)
    }

    /// The user's memberships in the accounts that are open to the caller.
    async fn joined(&self) -> Result<Vec<(Reader, membership::Model)>> {
        let mut joined = Vec::new();
        for reader in self.caller.readers()? {
            if let Some(membership) = reader.find(MembershipOf(self.model.id)).await? {
                joined.push((reader, membership));
            }
        }
        Ok(joined)
    }

    fn within(&self, account_id: &ID) -> error::Result<Reader> {
        let id = account_id.parse::<NodeId>().ok().filter(|id| id.kind == NodeKind::Account);
        let id = id.ok_or(error::Error::NotFound("account"))?;
        self.caller.reader(AccountId(id.id))
    }

    /// Something that only the user and administrators of a common account may see.
    async fn confided<T>(&self, value: Option<T>) -> Option<Result<T>> {
        let value = value?;
        if self.caller.viewer().user().is_some_and(|user| user.id == self.model.id) {
            return Some(Ok(value));
        }
        match self.joined().await {
            Ok(joined) => {
                let administers = |(reader, _): &(Reader, membership::Model)| {
                    reader.scope().require(Permission::Inspect).is_ok()
                };
                joined.iter().any(administers).then_some(Ok(value))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// A person who can sign in, in one account or several.
#[Object]
impl User {
    /// The user's id.
    pub async fn id(&self) -> ID {
        NodeId::global(NodeKind::User, self.model.id).into()
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// The e-mail address, in lower case.
    async fn email(&self) -> &str {
        &self.model.email
    }

    /// When the user last signed in. Shown to the user and to administrators.
    async fn last_sign_in_at(&self) -> Option<Result<DateTime>> {
        self.confided(self.model.last_sign_in_at.map(DateTime)).await
    }

    /// From which address the user last signed in. Shown to the user and to administrators.
    async fn last_sign_in_ip(&self) -> Option<Result<String>> {
        self.confided(self.model.last_sign_in_ip.clone()).await
    }

    /// When the user was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When the user was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }

    /// In which of the viewer's accounts the user is, and as what.
    async fn memberships(&self) -> Result<Vec<Membership>> {
        let joined = self.joined().await?.into_iter();
        Ok(joined.map(|(reader, membership)| Membership::new(reader, &membership)).collect())
    }

    /// Numbers about what happened in an account while the conversation was assigned to the user,
    /// over a period. In the account's zone, unless another is given.
    async fn engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "An account in which the user is or was.")] account_id: ID,
        #[graphql(desc = "From when to when.")] period: PeriodInput,
        #[graphql(desc = "The zone of presets.")] time_zone: Option<TimeZone>,
    ) -> Option<Result<Engagement>> {
        let reader = self.within(&account_id);
        let subject = Subject::Assignee(self.model.id);
        Some(match reader {
            Ok(reader) => engagement(ctx, &reader, subject, period, time_zone).await,
            Err(error) => Err(error.into()),
        })
    }
}

pub struct Membership {
    reader: Reader,
    role: Role,
    created_at: Timestamp,
}

impl Membership {
    fn new(reader: Reader, model: &membership::Model) -> Self {
        Self { reader, role: model.role, created_at: model.created_at }
    }
}

/// That a user belongs to an account, and as what.
#[Object]
impl Membership {
    /// The account.
    async fn account(&self) -> Result<Account> {
        self.reader.object(self.reader.account_id(), Account::new).await
    }

    /// What the user may do there.
    async fn role(&self) -> Name<Role> {
        Name(self.role)
    }

    /// Since when.
    async fn created_at(&self) -> DateTime {
        DateTime(self.created_at)
    }
}

/// Which users to list.
#[derive(Default, InputObject)]
#[graphql(name = "UserFilter")]
pub struct Filter {
    /// With one of these roles in the account.
    pub roles: Option<Vec<Name<Role>>>,
    /// In one of these teams.
    pub team_ids: Option<Vec<ID>>,
    /// Who answer on one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// A part of the name or the e-mail address.
    pub search: Option<String>,
}

impl Filter {
    fn read(self) -> error::Result<read::access::UserFilter> {
        let mut reading = Reading::new();
        let filter = read::access::UserFilter {
            roles: reading.names("roles", self.roles),
            team_ids: reading.ids("teamIds", self.team_ids, NodeKind::Team),
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            search: self.search,
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what users are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "UserOrderField")]
pub enum OrderField {
    /// The name.
    Name,
    /// When the user was made.
    CreatedAt,
}

/// How users are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "UserOrder")]
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

/// The users of an account, by name if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<User>> {
    let filter = filter.unwrap_or_default().read()?;
    let select = read::access::select_users(reader.scope(), &filter)?;
    connect(reader, select, order.unwrap_or(Order::USUAL).columns(), &filter, args, User::of).await
}

impl Key for UserId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope.engine(), keys).await?, |row| row.id))
    }
}

/// What a user is in an account.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct MembershipOf(UserId);

impl Key for MembershipOf {
    type Row = membership::Model;

    async fn load(
        scope: &AccountScope,
        keys: &[Self],
    ) -> error::Result<HashMap<Self, membership::Model>> {
        let ids: Vec<UserId> = keys.iter().map(|key| key.0).collect();
        Ok(by_key(rules::memberships(scope, &ids).await?, |row| MembershipOf(row.user_id)))
    }
}
