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
        // Kind 2 is an opt-in, and an address of which nothing was heard is in.
        let judged = "UPDATE opt_out SET effective = kind <> COALESCE((SELECT p.kind FROM opt_out p \
                      WHERE p.account_id = opt_out.account_id AND p.platform = opt_out.platform \
                      AND p.address = opt_out.address \
                      AND (p.occurred_at, p.id) < (opt_out.occurred_at, opt_out.id) \
                      ORDER BY p.occurred_at DESC, p.id DESC LIMIT 1), 2)";
        manager.get_connection().execute_unprepared(judged).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Alias::new("effective");
        let table = Alias::new("opt_out");
        manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await
    }
}
