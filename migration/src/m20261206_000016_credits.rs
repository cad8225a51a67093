//! What messages cost: the segments and credits of each that is sent from here, prices and what
//! happens at the end of a plan, and what of a month is taken.

use sea_orm_migration::prelude::*;

use crate::schema::{
    Column, Kind::*, Reference, Table, add_columns, add_foreign_keys, create, drop, drop_columns,
    drop_foreign_keys, optional, required,
};

const MESSAGE: &[Column] = &[optional("segments", Small), optional("credits", Big)];
const ACCOUNT: &[Column] = &[optional("prices", Json), optional("at_plan_end", Small)];
const TABLES: &[Table] = &[Table {
    name: "credit",
    columns: &[required("account_id", Uuid), required("month", Text), required("taken", Big)],
    primary_key: &["account_id", "month"],
    indexes: &[],
    references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
}];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await?;
        add_foreign_keys(manager, TABLES).await?;
        add_columns(manager, "message", MESSAGE).await?;
        add_columns(manager, "account", ACCOUNT).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "account", ACCOUNT).await?;
        drop_columns(manager, "message", MESSAGE).await?;
        drop_foreign_keys(manager, TABLES).await?;
        drop(manager, TABLES).await
    }
}
