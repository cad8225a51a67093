//! What holds for every item of the schema and every table of the database, whatever it is
//! about.

use std::collections::{BTreeMap, BTreeSet};

use migration::{Migrator, MigratorTrait};
use rapport::db::Db;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use serde_json::Value;

use crate::on_both;
use crate::support::db::{Kind, TestDb};
use crate::support::schema::Schema;

/// Tables whose rows belong to no account, or not to one alone.
const GLOBAL: [&str; 3] = ["account", "user", "access_token"];

on_both! {
    async fn every_schema_item_is_described(app: &TestApp) {
        let schema = Schema::fetch(&app.owner).await;
        let mut silent = Vec::new();
        let mut look = |path: String, item: &Value| {
            let text = item["description"].as_str().unwrap_or("");
            if text.trim().is_empty() {
                silent.push(path);
            }
        };
        for each in schema.types() {
            let name = each["name"].as_str().unwrap();
            look(name.to_owned(), each);
            for list in ["fields", "inputFields", "enumValues"] {
                for item in each[list].as_array().into_iter().flatten() {
                    let path = format!("{name}.{}", item["name"].as_str().unwrap());
                    for argument in item["args"].as_array().into_iter().flatten() {
                        look(format!("{path}({}:)", argument["name"].as_str().unwrap()), argument);
                    }
                    look(path, item);
                }
            }
        }
        for directive in schema.directives() {
            let name = directive["name"].as_str().unwrap();
            look(format!("@{name}"), directive);
            for argument in directive["args"].as_array().into_iter().flatten() {
                look(format!("@{name}({}:)", argument["name"].as_str().unwrap()), argument);
            }
        }
        // The scalars of the specification itself are described there.
        silent.retain(|name| !["Boolean", "Float", "ID", "Int", "String"].contains(&name.as_str()));
        assert!(silent.is_empty(), "no description: {}", silent.join(", "));
    }
}

/// `scripts/check --fix` writes the files.
#[test]
fn generated_files_are_of_now() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, made) in [
        ("schema.graphql", rapport::graphql::sdl()),
        ("docs/METRICS.md", rapport::analytics::glossary()),
    ] {
        let file = std::fs::read_to_string(folder.join(name)).unwrap();
        let differs = file.lines().zip(made.lines()).position(|(file, made)| file != made);
        assert_eq!(differs, None, "{name} differs in this line and perhaps others, from 0");
        assert_eq!(file.trim_end(), made.trim_end(), "{name}");
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    /// With whether they may be null.
    columns: Vec<(String, bool)>,
    primary_key: Vec<String>,
    unique: BTreeSet<Vec<String>>,
    references: BTreeSet<Reference>,
}

/// Columns, the table they refer to, and its columns.
type Reference = (Vec<String>, String, Vec<String>);

async fn rows(connection: &DatabaseConnection, sqlite: &str, postgres: &str) -> Vec<QueryResult> {
    let backend = connection.get_database_backend();
    let sql = if backend == DbBackend::Postgres { postgres } else { sqlite };
    connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap()
}

fn text(row: &QueryResult, column: &str) -> String {
    row.try_get("", column).unwrap()
}

async fn tables(connection: &DatabaseConnection) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in rows(connection, COLUMNS_SQLITE, COLUMNS_POSTGRES).await {
        let column = (text(&row, "column_name"), text(&row, "nullable") == "YES");
        tables.entry(text(&row, "table_name")).or_default().columns.push(column);
    }
    let mut keys: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for row in rows(connection, KEYS_SQLITE, KEYS_POSTGRES).await {
        let key = (text(&row, "table_name"), text(&row, "origin"), text(&row, "key_name"));
        keys.entry(key).or_default().push(text(&row, "column_name"));
    }
    for ((name, origin, _), columns) in keys {
        let table = tables.get_mut(&name).unwrap();
        if origin == "pk" {
            table.primary_key = columns;
        } else {
            table.unique.insert(columns);
        }
    }
    let mut references: BTreeMap<(String, String), Reference> = BTreeMap::new();
    for row in rows(connection, REFERENCES_SQLITE, REFERENCES_POSTGRES).await {
        let key = (text(&row, "table_name"), text(&row, "key_name"));
        let (from, target, to) = references.entry(key).or_default();
        from.push(text(&row, "source_column"));
        *target = text(&row, "target_table");
        to.push(text(&row, "target_column"));
    }
    for ((name, _), reference) in references {
        tables.get_mut(&name).unwrap().references.insert(reference);
    }
    tables
}

const COLUMNS_SQLITE: &str = "SELECT m.name AS table_name, c.name AS column_name, \
    CASE WHEN c.\"notnull\" = 0 THEN 'YES' ELSE 'NO' END AS nullable \
    FROM sqlite_master m JOIN pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND m.name <> 'seaql_migrations' AND m.name NOT LIKE 'sqlite_%' \
    ORDER BY m.name, c.cid";
const COLUMNS_POSTGRES: &str = "SELECT table_name::text, column_name::text, is_nullable::text AS nullable \
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) \
    WHERE table_type = 'BASE TABLE' AND table_schema = 'public' AND table_name <> 'seaql_migrations' \
    ORDER BY table_name, ordinal_position";
const KEYS_SQLITE: &str = "SELECT m.name AS table_name, k.origin AS origin, k.name AS key_name, c.name AS column_name \
    FROM sqlite_master m JOIN pragma_index_list(m.name) k JOIN pragma_index_info(k.name) c \
    WHERE m.type = 'table' AND m.name <> 'seaql_migrations' AND k.\"unique\" = 1 \
    ORDER BY m.name, k.name, c.seqno";
const KEYS_POSTGRES: &str = "SELECT t.relname::text AS table_name, \
    CASE WHEN i.indisprimary THEN 'pk' ELSE 'c' END AS origin, x.relname::text AS key_name, \
    a.attname::text AS column_name \
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid \
    JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public' \
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) \
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum \
    WHERE i.indisunique AND t.relname <> 'seaql_migrations' \
    ORDER BY t.relname, x.relname, k.place";
const REFERENCES_SQLITE: &str = "SELECT m.name AS table_name, CAST(r.id AS TEXT) AS key_name, \
    r.\"from\" AS source_column, r.\"table\" AS target_table, r.\"to\" AS target_column \
    FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) r \
    WHERE m.type = 'table' ORDER BY m.name, r.id, r.seq";
const REFERENCES_POSTGRES: &str = "SELECT t.relname::text AS table_name, c.conname::text AS key_name, \
    a.attname::text AS source_column, r.relname::text AS target_table, b.attname::text AS target_column \
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid \
    CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(source, target, place) \
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.source \
    JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = k.target \
    WHERE c.contype = 'f' ORDER BY t.relname, c.conname, k.place";
/// What counts by itself: ids are made by the application.
const COUNTERS_SQLITE: &str =
    "SELECT name AS what FROM sqlite_master WHERE name = 'sqlite_sequence'";
const COUNTERS_POSTGRES: &str = "SELECT table_name || '.' || column_name AS what FROM information_schema.columns \
    WHERE table_schema = 'public' AND table_name <> 'seaql_migrations' \
    AND (is_identity = 'YES' OR column_default IS NOT NULL)";

async fn connect(kind: Kind) -> Option<(TestDb, Db)> {
    let test = TestDb::new(kind).await?;
    let db = Db::connect(&test.url, 1).await.unwrap();
    Some((test, db))
}

async fn keys_begin_with_the_account(kind: Kind) {
    let Some((_test, db)) = connect(kind).await else { return };
    let tables = tables(db.write()).await;
    let mut wrong = Vec::new();
    for (name, table) in tables.iter().filter(|(name, _)| !GLOBAL.contains(&name.as_str())) {
        let leads = |columns: &[String]| columns.first().is_some_and(|first| first == "account_id");
        if !leads(&table.primary_key) {
            wrong.push(format!("{name}: primary key {:?}", table.primary_key));
        }
        for columns in table.unique.iter().filter(|columns| !leads(columns)) {
            wrong.push(format!("{name}: unique {columns:?}"));
        }
        for (from, target, to) in &table.references {
            let global = GLOBAL.contains(&target.as_str());
            let tied = leads(from) && leads(to);
            if !global && !tied {
                wrong.push(format!("{name}: {from:?} refers to {target} {to:?}"));
            }
        }
        // A reference of which a part may be null holds nothing.
        let nullable = |column: &String| table.columns.contains(&(column.clone(), true));
        let holds = |from: &[String]| leads(from) && !from.iter().any(nullable);
        if !table.references.iter().any(|(from, _, _)| holds(from)) {
            wrong.push(format!("{name}: nothing ties it to an account that exists"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let counters = rows(db.write(), COUNTERS_SQLITE, COUNTERS_POSTGRES).await;
    let counters: Vec<String> = counters.iter().map(|row| text(row, "what")).collect();
    assert!(counters.is_empty(), "{counters:?}");
    db.close().await.unwrap();
}

async fn migrations_go_up_and_down_and_up(kind: Kind) {
    let Some((_test, db)) = connect(kind).await else { return };
    let before = tables(db.write()).await;
    assert!(before.contains_key("message"));
    Migrator::down(db.write(), None).await.unwrap();
    assert_eq!(tables(db.write()).await, BTreeMap::new());
    Migrator::up(db.write(), None).await.unwrap();
    assert_eq!(tables(db.write()).await, before);
    db.close().await.unwrap();
}

mod tenant_keys {
    use super::*;

    #[tokio::test]
    async fn sqlite() {
        keys_begin_with_the_account(Kind::Sqlite).await;
    }

    #[tokio::test]
    async fn postgres() {
        keys_begin_with_the_account(Kind::Postgres).await;
    }
}

mod migrations {
    use super::*;

    #[tokio::test]
    async fn sqlite() {
        migrations_go_up_and_down_and_up(Kind::Sqlite).await;
    }

    #[tokio::test]
    async fn postgres() {
        migrations_go_up_and_down_and_up(Kind::Postgres).await;
    }
}

#[tokio::test]
async fn both_databases_have_the_same_tables() {
    let Some((_postgres, postgres)) = connect(Kind::Postgres).await else { return };
    let Some((_sqlite, sqlite)) = connect(Kind::Sqlite).await else { return };
    assert_eq!(tables(sqlite.write()).await, tables(postgres.write()).await);
    for db in [sqlite, postgres] {
        db.close().await.unwrap();
    }
}
