//! The query of the address that a provider called, which is signed and says something: which
//! message of ours a report is about.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind::Text, add_columns, drop_columns, optional};

const RAW_EVENT: &[Column] = &[optional("query", Text)];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "raw_event", RAW_EVENT).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "raw_event", RAW_EVENT).await
    }
}
