//! The message that a conversation began with: what a conversation started is counted under.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new("first_message_id")).uuid().to_owned();
        let table = Alias::new("conversation");
        manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        let first = "UPDATE conversation SET first_message_id = (SELECT m.id FROM message m \
                     WHERE m.account_id = conversation.account_id \
                     AND m.conversation_id = conversation.id ORDER BY m.occurred_at, m.id LIMIT 1)";
        manager.get_connection().execute_unprepared(first).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Alias::new("first_message_id");
        let table = Alias::new("conversation");
        manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await
    }
}
