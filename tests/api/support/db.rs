//! A fresh, migrated database for each test: a file in a temporary folder, or a copy of a
//! template on the PostgreSQL server at `TEST_POSTGRES_URL`, else on this machine.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use tempfile::TempDir;
use tokio::sync::OnceCell;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

pub struct TestDb {
    pub url: String,
    /// Removed with the value.
    _folder: Option<TempDir>,
    postgres: Option<(String, String)>,
}

const LOCAL: [&str; 2] =
    ["postgres://127.0.0.1:5432/postgres", "postgres://postgres@127.0.0.1:5432/postgres"];

/// The server's maintenance database, with the template made; none where no server answers.
static SERVER: OnceCell<Option<(String, String)>> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Databases that must be used, by `RAPPORT_TEST_REQUIRE`.
fn required(kind: Kind) -> bool {
    let name = if kind == Kind::Sqlite { "sqlite" } else { "postgres" };
    std::env::var("RAPPORT_TEST_REQUIRE")
        .is_ok_and(|all| all.split(',').any(|each| each.trim() == name))
}

impl TestDb {
    /// None where the kind cannot be had here; a panic where it must be had.
    pub async fn new(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Sqlite => Some(sqlite().await),
            Kind::Postgres => {
                let Some((server, template)) = SERVER.get_or_init(server).await else {
                    assert!(
                        !required(kind),
                        "RAPPORT_TEST_REQUIRE names postgres, and no server answers"
                    );
                    note("no PostgreSQL server answers: tests on PostgreSQL are skipped");
                    return None;
                };
                Some(postgres(server, template).await)
            }
        }
    }
}

async fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
    let db = rapport::db::Db::connect(&url, 1).await.unwrap();
    Migrator::up(db.write(), None).await.unwrap();
    db.close().await.unwrap();
    TestDb { url, _folder: Some(folder), postgres: None }
}

async fn postgres(server: &str, template: &str) -> TestDb {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("rapport_test_{}_{number}", std::process::id());
    let connection = Database::connect(server).await.unwrap();
    execute(&connection, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    execute(&connection, &format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
        .await;
    connection.close().await.unwrap();
    TestDb { url: named(server, &name), _folder: None, postgres: Some((server.to_owned(), name)) }
}

async fn execute(connection: &DatabaseConnection, sql: &str) {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.execute_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The URL with another database.
fn named(server: &str, database: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, ""), |(base, query)| (base, query));
    let (host, _) = base.rsplit_once('/').unwrap();
    if query.is_empty() {
        format!("{host}/{database}")
    } else {
        format!("{host}/{database}?{query}")
    }
}

/// Finds the server and makes a migrated template there, once for each state of the
/// migrations, whichever test process comes first.
async fn server() -> Option<(String, String)> {
    let given = std::env::var("TEST_POSTGRES_URL").ok();
    let urls: Vec<String> =
        given.map_or_else(|| LOCAL.map(str::to_owned).to_vec(), |url| vec![url]);
    for url in urls {
        let Ok(connection) = Database::connect(&url).await else { continue };
        let template = format!("rapport_template_{:016x}", migrations());
        execute(&connection, "SELECT pg_advisory_lock(7268451)").await;
        sweep(&connection).await;
        if !exists(&connection, &template).await {
            let making = format!("{template}_making");
            execute(&connection, &format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")).await;
            execute(&connection, &format!("CREATE DATABASE {making}")).await;
            let fresh = Database::connect(named(&url, &making)).await.unwrap();
            Migrator::up(&fresh, None).await.unwrap();
            fresh.close().await.unwrap();
            execute(&connection, &format!("ALTER DATABASE {making} RENAME TO {template}")).await;
        }
        connection.close().await.unwrap();
        note("tests use SQLite and PostgreSQL");
        return Some((url, template));
    }
    None
}

async fn exists(connection: &DatabaseConnection, name: &str) -> bool {
    let sql = format!("SELECT 1 AS one FROM pg_database WHERE datname = '{name}'");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_one_raw(statement).await.unwrap().is_some()
}

/// Drops databases that killed test processes left behind.
async fn sweep(connection: &DatabaseConnection) {
    let sql = "SELECT datname FROM pg_database WHERE datname LIKE 'rapport\\_test\\_%'";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    for row in connection.query_all_raw(statement).await.unwrap() {
        let name: String = row.try_get("", "datname").unwrap();
        let process = name.trim_start_matches("rapport_test_").split('_').next().unwrap_or("");
        if !std::path::Path::new("/proc").join(process).exists() {
            execute(connection, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}

/// A hash of the migrations' sources, so that a changed migration makes a new template.
fn migrations() -> u64 {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migration/src");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = DefaultHasher::new();
    for file in files {
        std::fs::read(file).unwrap().hash(&mut hash);
    }
    hash.finish()
}

/// Says something on the console even where the test runner keeps output to itself.
fn note(text: &str) {
    use std::io::Write;
    static SAID: std::sync::Once = std::sync::Once::new();
    SAID.call_once(|| drop(writeln!(std::io::stderr(), "{text}")));
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Some((server, name)) = self.postgres.take() else { return };
        // A destructor cannot wait in the runtime that runs it.
        let dropped = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let connection = Database::connect(&server).await.unwrap();
                execute(&connection, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
        });
        drop(dropped.join());
    }
}
