//! What remains of contacts that were erased: when, and keyed hashes by which late news of them
//! is known again.

use sea_orm_migration::prelude::*;

use crate::schema::{
    Column, Kind::*, Reference, Table, add_columns, add_foreign_keys, create, drop, drop_columns,
    drop_foreign_keys, optional, required,
};

const TABLES: &[Table] = &[Table {
    name: "erased_address",
    columns: &[required("account_id", Uuid), required("hash", Text), required("erased_at", Big)],
    primary_key: &["account_id", "hash"],
    indexes: &[],
    references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
}];

const CONTACT: &[Column] = &[optional("erased_at", Big)];
const COUNTER: &[Column] = &[optional("last_erased_at", Big)];
const PARKED: &[Column] = &[optional("recipient", Text)];
const RECIPIENTS: &str = "ix_parked_event_recipient";

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await?;
        add_foreign_keys(manager, TABLES).await?;
        add_columns(manager, "contact", CONTACT).await?;
        add_columns(manager, "account_counter", COUNTER).await?;
        add_columns(manager, "parked_event", PARKED).await?;
        let sql = format!(
            "CREATE INDEX {RECIPIENTS} ON parked_event (account_id, recipient) \
             WHERE recipient IS NOT NULL"
        );
        manager.get_connection().execute_unprepared(&sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = format!("DROP INDEX {RECIPIENTS}");
        manager.get_connection().execute_unprepared(&sql).await?;
        drop_columns(manager, "parked_event", PARKED).await?;
        drop_columns(manager, "account_counter", COUNTER).await?;
        drop_columns(manager, "contact", CONTACT).await?;
        drop_foreign_keys(manager, TABLES).await?;
        drop(manager, TABLES).await
    }
}
