//! Filters for the lists of those who may come in: users, teams and tokens. The lists
//! themselves are kept by their own files.

use entity::id::{InboxId, TeamId, UserId};
use entity::kinds::Role;
use entity::{access_token, inbox_member, membership, team, team_member, user};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait, Select};
use serde::Serialize;

use super::any_of;
use crate::auth::AccountScope;
use crate::domain::{search, team as teams, token as tokens, user as users};
use crate::error::Result;

/// Which users to list. What is not given does not restrict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UserFilter {
    pub roles: Option<Vec<Role>>,
    pub team_ids: Option<Vec<TeamId>>,
    /// Those who answer on one of these inboxes.
    pub inbox_ids: Option<Vec<InboxId>>,
    /// A part of the name or the e-mail address.
    pub search: Option<String>,
}

/// The users of the account that `filter` lets through.
pub fn select_users(scope: &AccountScope, filter: &UserFilter) -> Result<Select<user::Entity>> {
    let search = search::key("filter.search", filter.search.as_deref())?;
    let with_role = filter.roles.as_ref().map(|roles| {
        let members = scope.find::<membership::Entity>();
        let members = members.filter(membership::Column::Role.is_in(roles.iter().copied()));
        let ids = members.select_only().column(membership::Column::UserId).into_query();
        user::Column::Id.in_subquery(ids)
    });
    let in_team = filter.team_ids.as_ref().map(|ids| {
        let members = scope.find::<team_member::Entity>();
        let members = members.filter(team_member::Column::TeamId.is_in(ids.iter().copied()));
        let ids = members.select_only().column(team_member::Column::UserId).into_query();
        user::Column::Id.in_subquery(ids)
    });
    let on_inbox = filter.inbox_ids.as_ref().map(|ids| {
        let members = scope.find::<inbox_member::Entity>();
        let members = members.filter(inbox_member::Column::InboxId.is_in(ids.iter().copied()));
        let ids = members.select_only().column(inbox_member::Column::UserId).into_query();
        user::Column::Id.in_subquery(ids)
    });
    let named = search.map(|text| {
        Condition::any()
            .add(search::holds(user::Column::NameKey, &text))
            .add(search::holds(user::Column::Email, &text))
    });
    let wanted = Condition::all()
        .add_option(with_role)
        .add_option(in_team)
        .add_option(on_inbox)
        .add_option(named);
    Ok(users::members(scope)?.filter(wanted))
}

/// Which teams to list. What is not given does not restrict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TeamFilter {
    /// Those in which one of these users is.
    pub user_ids: Option<Vec<UserId>>,
    /// A part of the name.
    pub search: Option<String>,
}

/// The teams that `filter` lets through.
pub fn select_teams(scope: &AccountScope, filter: &TeamFilter) -> Result<Select<team::Entity>> {
    let search = search::key("filter.search", filter.search.as_deref())?;
    let joined = filter.user_ids.as_ref().map(|ids| {
        let members = scope.find::<team_member::Entity>();
        let members = members.filter(team_member::Column::UserId.is_in(ids.iter().copied()));
        let ids = members.select_only().column(team_member::Column::TeamId).into_query();
        team::Column::Id.in_subquery(ids)
    });
    let wanted = Condition::all()
        .add_option(joined)
        .add_option(search.map(|text| search::holds(team::Column::NameKey, &text)));
    Ok(teams::list(scope)?.filter(wanted))
}

/// Which tokens to list. What is not given does not restrict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TokenFilter {
    pub roles: Option<Vec<Role>>,
    pub revoked: Option<bool>,
}

/// The account's tokens that `filter` lets through.
pub fn select_tokens(
    scope: &AccountScope,
    filter: &TokenFilter,
) -> Result<Select<access_token::Entity>> {
    use access_token::Column as C;
    let ended = |wanted: bool| {
        if wanted { C::RevokedAt.is_not_null() } else { C::RevokedAt.is_null() }
    };
    let wanted = Condition::all()
        .add_option(any_of(C::Role, &filter.roles))
        .add_option(filter.revoked.map(ended));
    Ok(tokens::list(scope)?.filter(wanted))
}
