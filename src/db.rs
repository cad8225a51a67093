//! Connections to SQLite or PostgreSQL, and every place where the two differ.
//!
//! SQLite has one writing connection, whose transactions begin IMMEDIATE, and a pool of
//! readers beside it; PostgreSQL has one pool for both.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use sea_orm::sea_query::ArrayType;
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
    growth: Arc<Growth>,
}

/// Rows written since the start.
#[derive(Debug)]
struct Growth {
    rows: AtomicUsize,
    /// With so many, statistics are made next.
    next: AtomicUsize,
}

const FIRST_STATISTICS: usize = 1_000;

impl Db {
    /// Connects to `sqlite:…` or `postgres:…`. `connections` bounds the pool (readers, on
    /// SQLite).
    pub async fn connect(url: &str, connections: u32) -> Result<Self, DbErr> {
        let growth = Growth { rows: 0.into(), next: FIRST_STATISTICS.into() };
        let growth = Arc::new(growth);
        if url.starts_with("sqlite:") {
            // The writer comes first: it creates the file and switches it to WAL.
            let write = Database::connect(sqlite(url, 1, false)).await?;
            let read = Database::connect(sqlite(url, connections, true)).await?;
            Ok(Self { write, read, growth })
        } else {
            // One keeps other processes from migrating while another migrates.
            let pool = Database::connect(options(url, connections.max(2))).await?;
            Ok(Self { write: pool.clone(), read: pool, growth })
        }
    }

    /// Tells of every statement that has been run, with its parameters: for those who count.
    pub fn watch(&mut self, told: impl Fn(&Statement) + Clone + Send + Sync + 'static) {
        for connection in [&mut self.write, &mut self.read] {
            let told = told.clone();
            connection.set_metric_callback(move |info| told(info.statement));
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

    /// To be told of rows written to `tables`. PostgreSQL goes on using plans that it made for
    /// almost empty tables, in which every index looks alike, until there are statistics; its
    /// own come after a minute at the earliest, and a minute is long for an import.
    pub fn grew(&self, rows: usize, tables: &'static str) {
        let total = self.growth.rows.fetch_add(rows, Relaxed) + rows;
        let next = self.growth.next.load(Relaxed);
        let due = total >= next && self.backend() == DbBackend::Postgres;
        // Of those that come here together one goes on.
        if !due || self.growth.next.compare_exchange(next, total * 4, Relaxed, Relaxed).is_err() {
            return;
        }
        let db = self.write.clone();
        tokio::spawn(async move {
            if let Err(error) = db.execute_unprepared(&format!("ANALYZE {tables}")).await {
                tracing::warn!(%error, "no statistics were made");
            }
        });
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

/// SQL text with its parameters, for statements that the query builder cannot say. A list of
/// rows that drives a statement is joined by CROSS JOIN with conditions in WHERE: SQLite then
/// keeps it the outer loop, where it otherwise may scan a whole table for each row.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    /// What comes after each text.
    parts: Vec<(String, Part)>,
    /// The text after the last of them.
    rest: String,
}

#[derive(Clone, Debug)]
enum Part {
    Value(Value),
    Rows(Vec<Column>),
}

#[derive(Clone, Debug)]
struct Column {
    nullable: bool,
    values: Vec<Value>,
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
        let text = std::mem::take(&mut self.rest);
        self.parts.push((text, Part::Value(value.into())));
        self
    }

    /// Appends rows without nulls as a table, for `WITH v(…) AS (`. There must be one at least,
    /// and the values of a column must be of one type.
    pub fn rows<const N: usize>(
        &mut self,
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> &mut Self {
        self.table([false; N], rows)
    }

    /// Like [`Sql::rows`], with nulls in the columns that are said to be `nullable`.
    pub fn table<R: IntoIterator<Item = Value>>(
        &mut self,
        nullable: impl IntoIterator<Item = bool>,
        rows: impl IntoIterator<Item = R>,
    ) -> &mut Self {
        let mut columns: Vec<Column> =
            nullable.into_iter().map(|nullable| Column { nullable, values: Vec::new() }).collect();
        for row in rows {
            columns.iter_mut().zip(row).for_each(|(column, value)| column.values.push(value));
        }
        let text = std::mem::take(&mut self.rest);
        self.parts.push((text, Part::Rows(columns)));
        self
    }

    /// Text and parameters apart, as the query builder takes them for a custom expression.
    pub fn parts(self, backend: DbBackend) -> (String, Vec<Value>) {
        let statement = self.statement(backend);
        (statement.sql, statement.values.map_or_else(Vec::new, |values| values.0))
    }

    /// PostgreSQL numbers its parameters. SQLite could as well, but looks each number up
    /// among all others, which takes quadratic time.
    pub fn statement(self, backend: DbBackend) -> Statement {
        let mut writer = Writer { backend, text: String::new(), values: Vec::new() };
        for (text, part) in self.parts {
            writer.text.push_str(&text);
            match part {
                Part::Value(value) => writer.parameter(value),
                Part::Rows(columns) if backend == DbBackend::Postgres => writer.arrays(columns),
                Part::Rows(columns) => writer.lines(columns),
            }
        }
        writer.text.push_str(&self.rest);
        Statement::from_sql_and_values(backend, writer.text, writer.values)
    }
}

struct Writer {
    backend: DbBackend,
    text: String,
    values: Vec<Value>,
}

impl Writer {
    fn parameter(&mut self, value: Value) {
        self.values.push(value);
        match self.backend {
            DbBackend::Postgres => drop(write!(self.text, "${}", self.values.len())),
            _ => self.text.push('?'),
        }
    }

    /// `VALUES (?, ?), (?, ?)`.
    fn lines(&mut self, columns: Vec<Column>) {
        let height = columns.first().map_or(0, |column| column.values.len());
        let mut columns: Vec<_> =
            columns.into_iter().map(|column| column.values.into_iter()).collect();
        for row in 0..height {
            self.text.push_str(if row == 0 { "VALUES (" } else { ", (" });
            for (at, value) in columns.iter_mut().filter_map(Iterator::next).enumerate() {
                self.text.push_str(if at == 0 { "?" } else { ", ?" });
                self.values.push(value);
            }
            self.text.push(')');
        }
    }

    /// `SELECT … FROM UNNEST(…)` with an array for each column: one text however many rows
    /// there are, which the server parses and plans once. The driver's arrays hold no nulls,
    /// so that a second array says where they are.
    fn arrays(&mut self, columns: Vec<Column>) {
        let (mut shown, mut names, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
        for (at, Column { nullable, values }) in columns.into_iter().enumerate() {
            let name = format!("c{at}");
            if nullable {
                let missing = values.iter().map(|value| (*value == value.as_null()).into());
                arrays.push(missing.collect());
                names.push(format!("n{at}"));
                shown.push(format!("CASE WHEN NOT n{at} THEN {name} END"));
            } else {
                shown.push(name.clone());
            }
            names.push(name);
            arrays.push(values);
        }
        self.text.push_str(&format!("SELECT {} FROM UNNEST(", shown.join(", ")));
        for (at, values) in arrays.into_iter().enumerate() {
            self.text.push_str(if at == 0 { "" } else { ", " });
            self.parameter(array(values));
        }
        self.text.push_str(&format!(") AS u({})", names.join(", ")));
    }
}

/// Rows to give to one statement. SQLite prepares a statement for each number of rows, and
/// knows again those that it saw before: many short ones are alike. PostgreSQL has one for
/// any number.
pub fn rows_at_once(backend: DbBackend) -> usize {
    match backend {
        DbBackend::Postgres => 2_000,
        _ => 100,
    }
}

/// An array for PostgreSQL, in which any value stands for a null.
fn array(values: Vec<Value>) -> Value {
    let of = values.first().map_or(ArrayType::String, Value::array_type);
    let filled = |value: Value| if value == value.as_null() { value.dummy_value() } else { value };
    Value::Array(of, Some(Box::new(values.into_iter().map(filled).collect())))
}
