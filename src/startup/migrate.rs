//! `migrate`: brings the tables to this version, back, or says where they stand.

use migration::{Migrator, MigratorTrait};
use sea_orm::DbErr;

use super::StartupError;
use crate::config::Config;
use crate::db::Db;

/// What to do with the migrations.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum Migrate {
    /// Apply all that are not applied
    Up,
    /// Take back the last ones; what is in their tables is lost
    Down {
        /// How many
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// Say which are applied
    Status,
}

/// Does it, and says in lines how the migrations stand afterwards.
pub async fn run(config: &Config, what: Migrate) -> Result<Vec<String>, StartupError> {
    let db = super::connect(config).await?;
    match what {
        Migrate::Up => up(&db, config).await?,
        Migrate::Down { steps } => down(&db, config, steps).await?,
        Migrate::Status => {}
    }
    let lines = status(&db, config).await?;
    db.close().await.map_err(|error| failed(config, error))?;
    Ok(lines)
}

/// Applies what is not applied, while no other process does.
pub(super) async fn up(db: &Db, config: &Config) -> Result<(), StartupError> {
    alone(db, Migrator::up(db.write(), None)).await.map_err(|error| failed(config, error))
}

/// Takes so many back, while no other process migrates.
async fn down(db: &Db, config: &Config, steps: u32) -> Result<(), StartupError> {
    alone(db, Migrator::down(db.write(), Some(steps))).await.map_err(|error| failed(config, error))
}

async fn alone(db: &Db, migrations: impl Future<Output = Result<(), DbErr>>) -> Result<(), DbErr> {
    let lock = db.lock_migrations().await?;
    migrations.await?;
    match lock {
        Some(lock) => lock.commit().await,
        None => Ok(()),
    }
}

async fn status(db: &Db, config: &Config) -> Result<Vec<String>, StartupError> {
    let migrations = Migrator::get_migration_with_status_read_only(db.read()).await;
    let migrations = migrations.map_err(|error| failed(config, error))?;
    let lines = migrations.iter().map(|one| format!("{}: {}", one.name(), one.status()));
    Ok(lines.collect())
}

fn failed(config: &Config, error: DbErr) -> StartupError {
    StartupError::Migration(config.database().to_owned(), error)
}
