//! An opaque bearer token, of which only the hash is kept.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccessTokenId, AccountId, UserId};
use crate::kinds::Role;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "access_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccessTokenId,
    /// None for a user's sign-in, which reaches all of the user's accounts, and for installation tokens.
    pub account_id: Option<AccountId>,
    /// The user who signed in.
    pub user_id: Option<UserId>,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// What an account's token may do; a user's follows from the membership.
    pub role: Option<Role>,
    /// Array of `TokenScope` names.
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Json,
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
