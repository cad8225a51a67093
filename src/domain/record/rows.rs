//! Many rows by one statement: inserts, and updates of each row to values of its own.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, Value};

use crate::auth::AccountScope;
use crate::db::Sql;
use crate::error::Result;

/// Rows of one INSERT: the widest table has 37 columns, and SQLite takes 32,766 parameters.
const ROWS: usize = 500;

pub(super) async fn insert<E, A>(rows: Vec<A>, tx: &DatabaseTransaction) -> Result<()>
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E> + Send,
{
    for rows in chunks(rows) {
        E::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Like [`insert`], leaving out rows that are there already by the unique columns.
pub(super) async fn insert_missing<E, A>(
    rows: Vec<A>,
    unique: &[E::Column],
    tx: &DatabaseTransaction,
) -> Result<()>
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E> + Send,
{
    for rows in chunks(rows) {
        let mut on_conflict = OnConflict::columns(unique.iter().copied());
        on_conflict.do_nothing();
        let insert = E::insert_many(rows).on_conflict(on_conflict).try_insert();
        insert.exec_without_returning(tx).await?;
    }
    Ok(())
}

fn chunks<T>(rows: Vec<T>) -> Vec<Vec<T>> {
    let mut rows = rows.into_iter().peekable();
    let mut chunks = Vec::new();
    while rows.peek().is_some() {
        chunks.push(rows.by_ref().take(ROWS).collect());
    }
    chunks
}

/// `WITH v(id, …) AS (VALUES …) UPDATE table SET … FROM v`: many rows by one statement.
pub(super) async fn update<const N: usize>(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    table: &str,
    columns: [&str; N],
    rows: Vec<[Value; N]>,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    for rows in rows.chunks(ROWS) {
        let mut sql = Sql::new(format!("WITH v({}) AS (VALUES ", columns.join(", ")));
        sql.rows(rows.iter().cloned());
        let sets: Vec<String> =
            columns[1..].iter().map(|column| format!("{column} = v.{column}")).collect();
        sql.push(&format!(
            ") UPDATE {table} SET {} FROM v WHERE {table}.id = v.id AND {table}.account_id = ",
            sets.join(", ")
        ));
        sql.bind(scope.account_id());
        tx.execute_raw(sql.statement(scope.db().backend())).await?;
    }
    Ok(())
}
