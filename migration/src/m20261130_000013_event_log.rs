//! How far the events of each account are numbered, and which are no longer kept.

use sea_orm_migration::prelude::*;

use crate::schema::Kind::{Big, Uuid};
use crate::schema::{
    Reference, Table, add_foreign_keys, create, drop, drop_foreign_keys, required,
};

const TABLES: &[Table] = &[Table {
    name: "event_log",
    columns: &[
        required("account_id", Uuid),
        required("last_seq", Big),
        required("forgotten_seq", Big),
    ],
    primary_key: &["account_id"],
    indexes: &[],
    references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
}];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await?;
        add_foreign_keys(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_foreign_keys(manager, TABLES).await?;
        drop(manager, TABLES).await
    }
}
