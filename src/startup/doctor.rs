//! `doctor`: looks at what the server needs, changes nothing, and says what it found.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::str::FromStr;

use sqlx::sqlite::SqliteConnectOptions;

use crate::clock::Clock;
use crate::config::secret_key;
use crate::config::{Config, Flags};
use crate::http::health::{self, Check};

/// 2026-01-01 and 2100-01-01, in seconds since 1970: a clock outside is not set.
const SANE_SECONDS: std::ops::Range<i64> = 1_767_225_600..4_102_444_800;

/// Settings, secret key, clock, disk, database and migrations, in this order.
pub async fn examine(flags: &Flags) -> Vec<Check> {
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(error) => {
            return vec![Check::new("settings", Err(error.to_string().replace('\n', "; ")))];
        }
    };
    let mut checks = vec![
        Check::new(
            "settings",
            Ok(format!("database {}, listen {}", config.database(), config.listen)),
        ),
        Check::new("secret key", key(&config)),
        Check::new("clock", clock()),
    ];
    let file = sqlite_file(&config);
    if let Some(options) = &file {
        checks.push(Check::new("disk", disk(options.get_filename())));
    }
    // Opening a file that is not there would make it.
    let missing = file.is_some_and(|options| !options.get_filename().exists());
    if missing {
        let detail = "the file does not exist; the first start or `migrate up` makes it";
        checks.push(Check::new("database", Err(detail.to_owned())));
        return checks;
    }
    match super::connect(&config).await {
        Ok(db) => {
            checks.extend(health::check(&db).await);
            if let Err(error) = db.close().await {
                tracing::debug!(%error, "the database did not close well");
            }
        }
        Err(error) => checks.push(Check::new("database", Err(error.to_string()))),
    }
    checks
}

fn key(config: &Config) -> Result<String, String> {
    match secret_key::find(config) {
        Ok(Some(_)) => Ok("is there".to_owned()),
        Ok(None) => Ok("none yet; the first start makes one".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn clock() -> Result<String, String> {
    let now = Clock::System.now();
    let shown = jiff::Timestamp::from_microsecond(now.0).map_err(|error| error.to_string())?;
    if SANE_SECONDS.contains(&now.seconds()) {
        Ok(shown.to_string())
    } else {
        Err(format!("says {shown}, which cannot be right"))
    }
}

fn sqlite_file(config: &Config) -> Option<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(&config.database_url).ok();
    options.filter(|_| config.database_url.starts_with("sqlite:"))
}

/// The file, if it is there, and files beside it can be written.
fn disk(file: &Path) -> Result<String, String> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let shown = directory.display();
    probe(directory).map_err(|error| format!("{shown} cannot be written: {error}"))?;
    if file.exists() {
        let opened = OpenOptions::new().append(true).open(file);
        opened.map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    }
    Ok(format!("{shown} can be written"))
}

fn probe(directory: &Path) -> io::Result<()> {
    let path = directory.join(format!(".rapport-doctor-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::startup::migrate::{self, Migrate};

    fn flags(directory: &Path) -> Flags {
        let file = directory.join("a.db");
        Flags {
            database: Some(format!("sqlite://{}?mode=rwc", file.display())),
            ..Flags::default()
        }
    }

    #[tokio::test]
    async fn a_fresh_place_lacks_its_database_only_and_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let checks = examine(&flags(directory.path())).await;
        let failed: Vec<_> =
            checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
        assert_eq!(failed, ["database"]);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn all_is_well_after_the_migrations() {
        let directory = tempfile::tempdir().unwrap();
        let flags = flags(directory.path());
        let config = Config::load(&flags).unwrap();
        migrate::run(&config, Migrate::Up).await.unwrap();
        let checks = examine(&flags).await;
        assert!(checks.iter().all(|check| check.ok), "{checks:?}");
        assert_eq!(checks.len(), 6);
    }
}
