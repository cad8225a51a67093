//! Connections to SQLite or PostgreSQL, and every place where the two differ.
//!
//! SQLite has one writing connection, whose transactions begin IMMEDIATE, and a pool of
//! readers beside it; PostgreSQL has one pool for both.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use entity::id::AccountId;
use sea_orm::sea_query::ArrayType;
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, IsolationLevel, RuntimeErr, SqliteTransactionMode, SqlxSqliteConnector,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};

use crate::error::Result;

#[derive(Clone, Debug)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
    /// How long one who reads may take.
    patience: Option<Duration>,
    growth: Arc<Growth>,
}

/// Rows written since the start, by account.
#[derive(Debug, Default)]
struct Growth {
    accounts: Mutex<HashMap<AccountId, Grown>>,
    /// Whether statistics are being made.
    analyzing: AtomicBool,
}

#[derive(Debug)]
struct Grown {
    rows: usize,
    /// With so many, statistics are made next.
    next: usize,
}

const FIRST_STATISTICS: usize = 1_000;

impl Growth {
    /// Whether it is time for statistics, and nobody makes them.
    fn is_due(&self, account: AccountId, rows: usize) -> bool {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Grown { rows: 0, next: FIRST_STATISTICS };
        let grown = accounts.entry(account).or_insert(fresh);
        grown.rows += rows;
        let due = grown.rows >= grown.next && !self.analyzing.swap(true, Relaxed);
        if due {
            grown.next = grown.rows * 4;
        }
        due
    }
}

impl Db {
    /// Connects to `sqlite:…` or `postgres:…`. `connections` bounds the pool (readers, on
    /// SQLite).
    pub async fn connect(url: &str, connections: u32) -> Result<Self, DbErr> {
        Self::open(url, connections, None).await
    }

    /// The same, and the database gives up reading after `patience`: on SQLite whatever is read
    /// outside of a writing transaction, on PostgreSQL the statements of a snapshot.
    pub async fn connect_within(
        url: &str,
        connections: u32,
        patience: Duration,
    ) -> Result<Self, DbErr> {
        Self::open(url, connections, Some(patience)).await
    }

    async fn open(url: &str, connections: u32, patience: Option<Duration>) -> Result<Self, DbErr> {
        let growth = Arc::new(Growth::default());
        if url.starts_with("sqlite:") {
            // The writer comes first: it creates the file and switches it to WAL.
            let write = Database::connect(sqlite_writer(url)).await?;
            let read = sqlite_readers(url, connections, patience).await?;
            Ok(Self { write, read, patience, growth })
        } else {
            // One keeps other processes from migrating while another migrates.
            let pool = Database::connect(options(url, connections.max(2))).await?;
            Ok(Self { write: pool.clone(), read: pool, patience, growth })
        }
    }

    /// Tells of every statement that has been run, with its parameters and how long it took: for
    /// those who count.
    pub fn watch(&mut self, told: impl Fn(&Statement, Duration) + Clone + Send + Sync + 'static) {
        for connection in [&mut self.write, &mut self.read] {
            let told = told.clone();
            connection.set_metric_callback(move |info| told(info.statement, info.elapsed));
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
        // In a task of its own: a request that is given up while BEGIN is under way would leave
        // a pooled connection inside a transaction.
        let db = self.clone();
        let begun = tokio::spawn(async move { db.begin_snapshot().await }).await;
        begun.map_err(|error| DbErr::Custom(error.to_string()))?
    }

    async fn begin_snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        match self.backend() {
            DbBackend::Postgres => {
                let level = Some(IsolationLevel::RepeatableRead);
                let tx = self.read.begin_with_config(level, Some(AccessMode::ReadOnly)).await?;
                // Reports write their joins in the order that is right for them: the buckets
                // first. Left to itself the planner may compare every message with every
                // bucket, and compile that for longer than it runs.
                // And it thinks that each bucket has a ninth of all messages, since it does not
                // know that the two bounds belong together: with the usual price of a random
                // page it reads the account once and compares, instead of a range a bucket.
                let mut settings = "SET LOCAL join_collapse_limit = 1; SET LOCAL jit = off; \
                     SET LOCAL random_page_cost = 1.1"
                    .to_owned();
                if let Some(patience) = self.patience {
                    let ms = patience.as_millis();
                    settings.push_str(&format!("; SET LOCAL statement_timeout = {ms}"));
                }
                tx.execute_unprepared(&settings).await?;
                Ok(tx)
            }
            _ => self.read.begin().await,
        }
    }

    /// To be told of rows that an account wrote to `tables`. PostgreSQL takes an account that its
    /// statistics do not know for an empty one, in which every index is as good as any other,
    /// and goes on so: its own statistics come when a tenth of the whole table has changed, and
    /// where others have millions of rows, that is too late for the one that begins.
    pub fn grew(&self, account: AccountId, rows: usize, tables: &'static str) {
        if self.backend() != DbBackend::Postgres || !self.growth.is_due(account, rows) {
            return;
        }
        let (db, growth) = (self.write.clone(), self.growth.clone());
        tokio::spawn(async move {
            if let Err(error) = db.execute_unprepared(&format!("ANALYZE {tables}")).await {
                tracing::warn!(%error, "no statistics were made");
            }
            growth.analyzing.store(false, Relaxed);
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

/// How long to wait for a connection of a pool.
const ACQUIRE: Duration = Duration::from_secs(10);
/// How long to wait for another process that writes to a SQLite file.
const BUSY: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the clock: a millisecond or so.
const LOOK_UP_EVERY: i32 = 100_000;

fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // A ping on every acquire costs a tenth of the throughput.
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .sqlx_logging(false);
    options
}

fn sqlite_writer(url: &str) -> ConnectOptions {
    let mut options = options(url, 1);
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .busy_timeout(BUSY)
            .foreign_keys(true)
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

/// Connections that only read, each of which stops what it does when it was out of the pool for
/// longer than `patience`.
async fn sqlite_readers(
    url: &str,
    connections: u32,
    patience: Option<Duration>,
) -> Result<DatabaseConnection, DbErr> {
    let failed = |error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)));
    let options = SqliteConnectOptions::from_str(url)
        .map_err(failed)?
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .read_only(true)
        .create_if_missing(false)
        .disable_statement_logging();
    let mut pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // A file is always there.
        .test_before_acquire(false);
    if let Some(patience) = patience {
        pool = pool
            .after_connect(move |connection, _| Box::pin(limit(connection, patience)))
            .before_acquire(move |connection, _| {
                Box::pin(async move { limit(connection, patience).await.map(|()| true) })
            });
    }
    let pool = pool.connect_with(options).await.map_err(failed)?;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

async fn limit(connection: &mut SqliteConnection, patience: Duration) -> sqlx::Result<()> {
    let end = Instant::now() + patience;
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(LOOK_UP_EVERY, move || Instant::now() < end);
    Ok(())
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

    /// Appends another one, text and parameters.
    pub fn append(&mut self, other: Self) -> &mut Self {
        for (text, part) in other.parts {
            let text = std::mem::take(&mut self.rest) + &text;
            self.parts.push((text, part));
        }
        self.push(&other.rest)
    }

    /// Whether something of the table with this alias is asked for.
    pub fn mentions(&self, alias: &str) -> bool {
        let part = |character: char| character.is_alphanumeric() || character == '_';
        let mut texts = self.parts.iter().map(|(text, _)| text).chain([&self.rest]);
        let alias = format!("{alias}.");
        let named = |text: &String| {
            let mut places = text.match_indices(&alias);
            places.any(|(at, _)| !text.get(..at).is_some_and(|before| before.ends_with(part)))
        };
        texts.any(named)
    }

    /// Puts one text for another, wherever it stands.
    pub fn replace(&mut self, old: &str, new: &str) {
        for text in self.parts.iter_mut().map(|(text, _)| text).chain([&mut self.rest]) {
            *text = text.replace(old, new);
        }
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
