//! Many rows by one statement: inserts, and updates of each row to values of its own.

use entity::Tenant;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, QueryFilter, Value,
};

use crate::auth::AccountScope;
use crate::db::{Sql, rows_at_once};
use crate::error::{Error, Result};

/// Ids to give to one statement: SQLite takes 32,766 parameters.
pub(crate) const IDS: usize = 5_000;

pub(crate) async fn insert<E, M>(
    tx: &DatabaseTransaction,
    rows: impl IntoIterator<Item = M>,
) -> Result<()>
where
    E: EntityTrait,
    M: IntoActiveModel<E::ActiveModel>,
{
    insert_or::<E, M>(tx, rows, "").await
}

/// Like [`insert`], with an `ON CONFLICT` clause.
pub(crate) async fn insert_or<E, M>(
    tx: &DatabaseTransaction,
    rows: impl IntoIterator<Item = M>,
    on_conflict: &str,
) -> Result<()>
where
    E: EntityTrait,
    M: IntoActiveModel<E::ActiveModel>,
{
    let rows: Result<Vec<Vec<Value>>> =
        rows.into_iter().map(|row| values::<E>(row.into_active_model())).collect();
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let into = format!("INSERT INTO {} ({}) ", quoted(E::default().table_name()), names(&columns));
    for chunk in chunks(tx, rows?) {
        let mut sql = Sql::new(into.as_str());
        sql.table(columns.iter().map(nullable), chunk).push(on_conflict);
        tx.execute_raw(sql.statement(tx.get_database_backend())).await?;
    }
    Ok(())
}

/// The values of all columns of a row, which must be set.
fn values<E: EntityTrait>(mut row: E::ActiveModel) -> Result<Vec<Value>> {
    let value = |column| row.take(column).into_value();
    let values: Option<Vec<Value>> = E::Column::iter().map(value).collect();
    values.ok_or_else(|| Error::bug("a column of a new row is not set"))
}

/// `WITH v(id, …) AS (…) UPDATE table SET … FROM v`; the first of the columns is the id.
pub(crate) async fn update<E: EntityTrait, const N: usize>(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    columns: [E::Column; N],
    rows: Vec<[Value; N]>,
) -> Result<()> {
    let table = quoted(E::default().table_name());
    let set = |column: &E::Column| format!("{0} = v.{0}", column.as_str());
    let sets: Vec<String> = columns.iter().skip(1).map(set).collect();
    for chunk in chunks(tx, rows) {
        let mut sql = Sql::new(format!("WITH v({}) AS (", names(&columns)));
        sql.table(columns.iter().map(nullable), chunk);
        sql.push(&format!(
            ") UPDATE {table} SET {} FROM v WHERE {table}.id = v.id AND {table}.account_id = ",
            sets.join(", ")
        ));
        sql.bind(scope.account_id());
        tx.execute_raw(sql.statement(scope.db().backend())).await?;
    }
    Ok(())
}

/// Deletes the account's rows with these ids.
pub(crate) async fn delete<E: Tenant, I: Copy + Into<Value>>(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: E::Column,
    ids: &[I],
) -> Result<()> {
    for chunk in ids.chunks(IDS) {
        let gone = id.is_in(chunk.iter().copied());
        scope.delete_many::<E>().filter(gone).exec(tx).await?;
    }
    Ok(())
}

fn quoted(table: &str) -> String {
    format!("\"{table}\"")
}

fn names<C: IdenStatic>(columns: &[C]) -> String {
    columns.iter().map(IdenStatic::as_str).collect::<Vec<_>>().join(", ")
}

fn nullable<C: ColumnTrait>(column: &C) -> bool {
    column.def().is_null()
}

/// As many as one statement takes.
pub(crate) fn chunks<T>(tx: &DatabaseTransaction, rows: Vec<T>) -> Vec<Vec<T>> {
    let most = rows_at_once(tx.get_database_backend());
    let mut rows = rows.into_iter().peekable();
    let mut chunks = Vec::new();
    while rows.peek().is_some() {
        chunks.push(rows.by_ref().take(most).collect());
    }
    chunks
}
