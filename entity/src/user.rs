//! A person who can sign in, in one account or several.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::UserId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// Lower case.
    #[sea_orm(column_type = "Text")]
    pub email: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in lower case: what lists are sorted by.
    #[sea_orm(column_type = "Text")]
    pub name_key: String,
    /// Argon2id in PHC form; none until the person has chosen a password.
    #[sea_orm(column_type = "Text", nullable)]
    pub password_hash: Option<String>,
    pub last_sign_in_at: Option<Timestamp>,
    #[sea_orm(column_type = "Text", nullable)]
    pub last_sign_in_ip: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
