//! The foreign keys of all tables on PostgreSQL. They come after the tables, so that an
//! operator can distribute the tables over several servers in between.

use sea_orm_migration::prelude::*;

use crate::schema::{add_foreign_keys, drop_foreign_keys};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for tables in crate::TABLES {
            add_foreign_keys(manager, tables).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for tables in crate::TABLES.iter().rev() {
            drop_foreign_keys(manager, tables).await?;
        }
        Ok(())
    }
}
