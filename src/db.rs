//! Connections to SQLite or PostgreSQL, and every place where the two differ.
//!
//! SQLite has one writing connection, whose transactions begin IMMEDIATE, and a pool of
//! readers beside it; PostgreSQL has one pool for both.

use std::fmt::Write as _;
use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait, Value,
};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

use crate::error::Result;

#[derive(Clone, Debug)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
}

impl Db {
    /// Connects to `sqlite:…` or `postgres:…`. `connections` bounds the pool (readers, on
    /// SQLite).
    pub async fn connect(url: &str, connections: u32) -> Result<Self, DbErr> {
        if url.starts_with("sqlite:") {
            // The writer comes first: it creates the file and switches it to WAL.
            let write = Database::connect(sqlite(url, 1, false)).await?;
            let read = Database::connect(sqlite(url, connections, true)).await?;
            Ok(Self { write, read })
        } else {
            let pool = Database::connect(options(url, connections)).await?;
            Ok(Self { write: pool.clone(), read: pool })
        }
    }

    pub fn backend(&self) -> DbBackend {
        self.write.get_database_backend()
    }

    /// For statements outside a transaction that only read.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For migrations, which manage their own transactions.
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// A transaction that writes. On SQLite it waits for the writer before it.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        self.write.begin_with_options(options).await
    }

    /// A transaction in which every statement sees the same state of the database.
    pub async fn snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        match self.backend() {
            DbBackend::Postgres => {
                let level = Some(IsolationLevel::RepeatableRead);
                let tx = self.read.begin_with_config(level, Some(AccessMode::ReadOnly)).await?;
                // Reports write their joins in the order that is right for them: the buckets
                // first. Left to itself the planner may compare every message with every
                // bucket, and compile that for longer than it runs.
                tx.execute_unprepared("SET LOCAL join_collapse_limit = 1; SET LOCAL jit = off")
                    .await?;
                Ok(tx)
            }
            _ => self.read.begin().await,
        }
    }

    /// Waits until no other process migrates, and keeps others waiting until the transaction
    /// ends. SQLite has none: its file belongs to one process, and its writer is needed for
    /// the migrations themselves.
    pub async fn lock_migrations(&self) -> Result<Option<DatabaseTransaction>, DbErr> {
        if self.backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let tx = self.write.begin().await?;
        // Any number will do that nothing else in the database uses.
        tx.execute_unprepared("SELECT pg_advisory_xact_lock(7268450)").await?;
        Ok(Some(tx))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.read.execute_raw(Statement::from_string(self.backend(), "SELECT 1")).await.map(drop)
    }

    pub async fn close(self) -> Result<(), DbErr> {
        self.read.close().await?;
        self.write.close().await
    }
}

fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        // A ping on every acquire costs a tenth of the throughput.
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .sqlx_logging(false);
    options
}

fn sqlite(url: &str, connections: u32, read_only: bool) -> ConnectOptions {
    let mut options = options(url, connections);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite.busy_timeout(Duration::from_secs(5)).foreign_keys(true);
        if read_only {
            return sqlite.read_only(true).create_if_missing(false);
        }
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", "67108864")
            // In pages. A page that changes often is then copied back less often.
            .pragma("wal_autocheckpoint", "4000")
            // In KiB. A transaction that outgrows the cache writes its pages twice.
            .pragma("cache_size", "-32768")
    });
    options
}

/// SQL text with its parameters, for statements that the query builder cannot say. A VALUES
/// list that drives a statement is joined by CROSS JOIN with conditions in WHERE: SQLite then
/// keeps it the outer loop, where it otherwise may scan a whole table for each row.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    /// The text before each parameter.
    before: Vec<String>,
    values: Vec<Value>,
    /// The text after the last parameter.
    rest: String,
}

impl Sql {
    pub fn new(text: impl Into<String>) -> Self {
        Self { rest: text.into(), ..Self::default() }
    }

    pub fn push(&mut self, text: &str) -> &mut Self {
        self.rest.push_str(text);
        self
    }

    /// Appends a parameter.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.before.push(std::mem::take(&mut self.rest));
        self
    }

    /// Appends `(?, ?), (?, ?)`: the rows of a VALUES list.
    pub fn rows<const N: usize>(
        &mut self,
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> &mut Self {
        for (index, row) in rows.into_iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                if column > 0 {
                    self.push(", ");
                }
                self.bind(value);
            }
            self.push(")");
        }
        self
    }

    /// PostgreSQL numbers its parameters. SQLite could as well, but looks each number up
    /// among all others, which takes quadratic time.
    pub fn statement(self, backend: DbBackend) -> Statement {
        let mut text = String::new();
        for (index, before) in self.before.iter().enumerate() {
            text.push_str(before);
            match backend {
                DbBackend::Postgres => drop(write!(text, "${}", index + 1)),
                _ => text.push('?'),
            }
        }
        text.push_str(&self.rest);
        Statement::from_sql_and_values(backend, text, self.values)
    }
}
