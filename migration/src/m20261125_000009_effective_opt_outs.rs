//! The history of opt-outs keeps what changes nothing, and says so.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new("effective")).boolean().to_owned();
        let table = Alias::new("opt_out");
        manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        // What was written before did change something.
        let all = "UPDATE opt_out SET effective = TRUE";
        manager.get_connection().execute_unprepared(all).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Alias::new("effective");
        let table = Alias::new("opt_out");
        manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await
    }
}
