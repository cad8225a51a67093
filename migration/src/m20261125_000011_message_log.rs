//! Closed conversations by the time of their closing: the message log.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX ix_conversation_closed ON conversation (account_id, closed_at) \
                     WHERE closed_at IS NOT NULL";
        manager.get_connection().execute_unprepared(index).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "DROP INDEX ix_conversation_closed";
        manager.get_connection().execute_unprepared(index).await.map(drop)
    }
}
