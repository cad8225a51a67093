//! Access tokens. Their text is told once, when they are made, and never here.

use async_graphql::{Enum, ID, InputObject, Object, Result};
use entity::access_token::{Column, Model};
use entity::kinds::{Role, TokenScope};

use super::{Account, User};
use crate::auth::token::scopes;
use crate::domain::{page, read, token as rules};
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::Reading;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Caller, Reader};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct AccessToken {
    caller: Caller,
    model: Model,
}

impl AccessToken {
    pub fn new(caller: Caller, model: Model) -> Self {
        Self { caller, model }
    }

    /// The token as a list of an account names one.
    pub fn of(reader: Reader, model: Model) -> Self {
        Self::new(reader.caller().clone(), model)
    }
}

/// What a request carries to say who asks. Its text is shown once, when it is made.
#[Object]
impl AccessToken {
    /// The token's id.
    pub async fn id(&self) -> ID {
        NodeId::global(NodeKind::AccessToken, self.model.id).into()
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// What it may do in its account; none for a user's sign-in, which may do what the user
    /// may.
    async fn role(&self) -> Option<Name<Role>> {
        self.model.role.map(Name)
    }

    /// What it may be used for, within its role.
    async fn scopes(&self) -> Vec<Name<TokenScope>> {
        scopes(&self.model).into_iter().map(Name).collect()
    }

    /// The account that it opens; none for a user's sign-in, which opens all of the user's.
    async fn account(&self) -> Option<Result<Account>> {
        match self.caller.reader(self.model.account_id?) {
            Ok(reader) => Some(reader.object(reader.account_id(), Account::new).await),
            Err(error) => Some(Err(error.into())),
        }
    }

    /// The user who signed in with it.
    async fn user(&self) -> Option<User> {
        // Only sign-ins of the viewer are ever shown.
        let user = self.caller.viewer().user()?;
        let own = self.model.user_id == Some(user.id);
        own.then(|| User::new(self.caller.clone(), user.clone()))
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When it ends by itself; none means never.
    async fn expires_at(&self) -> Option<DateTime> {
        self.model.expires_at.map(DateTime)
    }

    /// When it was revoked.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.model.revoked_at.map(DateTime)
    }
}

/// Which tokens to list.
#[derive(Default, InputObject)]
#[graphql(name = "AccessTokenFilter")]
pub struct Filter {
    /// With one of these roles.
    pub roles: Option<Vec<Name<Role>>>,
    /// Whether they were revoked.
    pub revoked: Option<bool>,
}

impl Filter {
    fn read(self) -> error::Result<read::access::TokenFilter> {
        let mut reading = Reading::new();
        let filter = read::access::TokenFilter {
            roles: reading.names("roles", self.roles),
            revoked: self.revoked,
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what tokens are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "AccessTokenOrderField")]
pub enum OrderField {
    /// When the token was made.
    CreatedAt,
}

/// How tokens are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "AccessTokenOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::CreatedAt, direction: OrderDirection::Desc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::CreatedAt => rules::by_creation(),
        })
    }
}

/// The tokens of an account, the newest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<AccessToken>> {
    let filter = filter.unwrap_or_default().read()?;
    let select = read::access::select_tokens(reader.scope(), &filter)?;
    let order = order.unwrap_or(Order::USUAL).columns();
    connect(reader, select, order, &filter, args, AccessToken::of).await
}
