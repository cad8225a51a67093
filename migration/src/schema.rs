//! How a table is described here, and how the description becomes SQL on both databases.
//! Column types: UUID, TEXT, BIGINT, INTEGER, SMALLINT, BOOLEAN, JSONB and bytes.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Clone, Copy)]
pub enum Kind {
    Uuid,
    Text,
    Big,
    Int,
    Small,
    Bool,
    Json,
    Bytes,
}

pub struct Column {
    name: &'static str,
    kind: Kind,
    nullable: bool,
}

pub const fn required(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

pub const fn optional(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

pub struct Index {
    columns: &'static [&'static str],
    unique: bool,
    only_present: bool,
}

impl Index {
    pub const fn on(columns: &'static [&'static str]) -> Self {
        Self { columns, unique: false, only_present: false }
    }

    pub const fn unique(columns: &'static [&'static str]) -> Self {
        Self { columns, unique: true, only_present: false }
    }

    /// An index of the rows in which the last column is not null.
    pub const fn present(columns: &'static [&'static str]) -> Self {
        Self { columns, unique: false, only_present: true }
    }
}

pub struct Reference {
    pub columns: &'static [&'static str],
    pub table: &'static str,
    pub to: &'static [&'static str],
}

pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    pub primary_key: &'static [&'static str],
    pub indexes: &'static [Index],
    pub references: &'static [Reference],
}

fn column(column: &Column, backend: DbBackend) -> ColumnDef {
    let mut definition = ColumnDef::new(Alias::new(column.name));
    match column.kind {
        Kind::Uuid => definition.uuid(),
        // Compared byte by byte, as SQLite does, so that both databases sort alike.
        Kind::Text if backend == DbBackend::Postgres => definition.text().extra("COLLATE \"C\""),
        Kind::Text => definition.text(),
        Kind::Big => definition.big_integer(),
        Kind::Int => definition.integer(),
        Kind::Small => definition.small_integer(),
        Kind::Bool => definition.boolean(),
        Kind::Json => definition.json_binary(),
        Kind::Bytes => definition.blob(),
    };
    if column.nullable {
        definition.null()
    } else {
        definition.not_null()
    };
    definition
}

/// Adds columns, which must be optional: SQLite cannot add others.
pub async fn add_columns(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[Column],
) -> Result<(), DbErr> {
    for each in columns {
        let mut added = column(each, manager.get_database_backend());
        let alter =
            sea_query::Table::alter().table(Alias::new(table)).add_column(&mut added).to_owned();
        manager.alter_table(alter).await?;
    }
    Ok(())
}

/// Drops what [`add_columns`] added.
pub async fn drop_columns(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[Column],
) -> Result<(), DbErr> {
    for each in columns {
        let (table, column) = (Alias::new(table), Alias::new(each.name));
        manager
            .alter_table(sea_query::Table::alter().table(table).drop_column(column).to_owned())
            .await?;
    }
    Ok(())
}

fn foreign_key(table: &Table, reference: &Reference) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    key.name(format!("fk_{}_{}", table.name, reference.columns.join("_")));
    key.from_tbl(Alias::new(table.name)).to_tbl(Alias::new(reference.table));
    for (from, to) in reference.columns.iter().zip(reference.to) {
        key.from_col(Alias::new(*from)).to_col(Alias::new(*to));
    }
    key.to_owned()
}

/// Creates the tables with their keys and indexes. Foreign keys stand inline on SQLite,
/// which cannot add them later; PostgreSQL gets them by [`add_foreign_keys`].
pub async fn create(manager: &SchemaManager<'_>, tables: &[Table]) -> Result<(), DbErr> {
    for table in tables {
        let mut create = sea_query::Table::create();
        create.table(Alias::new(table.name));
        for each in table.columns {
            create.col(column(each, manager.get_database_backend()));
        }
        let mut primary_key = sea_query::Index::create();
        for name in table.primary_key {
            primary_key.col(Alias::new(*name));
        }
        create.primary_key(&mut primary_key);
        if manager.get_database_backend() == DbBackend::Sqlite {
            for reference in table.references {
                create.foreign_key(&mut foreign_key(table, reference));
            }
        }
        manager.create_table(create).await?;
        for index in table.indexes {
            manager.create_index(create_index(table, index)).await?;
        }
    }
    Ok(())
}

fn create_index(table: &Table, index: &Index) -> IndexCreateStatement {
    let mut create = sea_query::Index::create();
    let prefix = if index.unique { "uq" } else { "ix" };
    create.name(format!(
        "{prefix}_{}_{}",
        table.name,
        index.columns.join("_").replace("account_id_", "")
    ));
    create.table(Alias::new(table.name));
    for name in index.columns {
        create.col(Alias::new(*name));
    }
    if index.unique {
        create.unique();
    }
    if let (true, Some(last)) = (index.only_present, index.columns.last()) {
        create.and_where(Expr::col(Alias::new(*last)).is_not_null());
    }
    create
}

/// Drops the tables, last made first.
pub async fn drop(manager: &SchemaManager<'_>, tables: &[Table]) -> Result<(), DbErr> {
    for table in tables.iter().rev() {
        manager
            .drop_table(sea_query::Table::drop().table(Alias::new(table.name)).to_owned())
            .await?;
    }
    Ok(())
}

/// Adds the foreign keys of the tables. Does nothing on SQLite, where they stand inline.
pub async fn add_foreign_keys(manager: &SchemaManager<'_>, tables: &[Table]) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    for table in tables {
        for reference in table.references {
            manager.create_foreign_key(foreign_key(table, reference)).await?;
        }
    }
    Ok(())
}

/// Drops what [`add_foreign_keys`] added.
pub async fn drop_foreign_keys(manager: &SchemaManager<'_>, tables: &[Table]) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    for table in tables {
        for reference in table.references {
            let name = format!("fk_{}_{}", table.name, reference.columns.join("_"));
            manager
                .drop_foreign_key(
                    ForeignKey::drop().table(Alias::new(table.name)).name(name).to_owned(),
                )
                .await?;
        }
    }
    Ok(())
}
