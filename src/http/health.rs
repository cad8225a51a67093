//! Whether the process lives and whether it can do its work, for those who watch it.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use migration::{Migrator, MigratorTrait};
use serde::Serialize;

use super::State;
use crate::db::Db;

/// Longer silence counts as none: who asks has a deadline too.
const PATIENCE: Duration = Duration::from_secs(2);

/// One condition of being ready, and what is wrong with it.
#[derive(Debug, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
}

impl Check {
    /// What was found, or what is wrong.
    pub fn new(name: &'static str, found: Result<String, String>) -> Self {
        let ok = found.is_ok();
        Self { name, ok, detail: found.unwrap_or_else(|wrong| wrong) }
    }
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: Vec<Check>,
}

pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "alive" }))
}

pub(super) async fn ready(state: web::Data<State>) -> HttpResponse {
    let checks = check(&state.engine.db).await;
    if checks.iter().all(|check| check.ok) {
        HttpResponse::Ok().json(Readiness { status: "ready", checks })
    } else {
        HttpResponse::ServiceUnavailable().json(Readiness { status: "unready", checks })
    }
}

/// The database answers, and all migrations are applied.
pub async fn check(db: &Db) -> Vec<Check> {
    let answers = tokio::time::timeout(PATIENCE, db.ping()).await;
    let database = match answers {
        Ok(Ok(())) => Ok("answers".to_owned()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database failed a check");
            Err("does not answer".to_owned())
        }
        Err(_) => Err(format!("did not answer within {} seconds", PATIENCE.as_secs())),
    };
    let migrations = match database {
        Ok(_) => migrations(db).await,
        Err(_) => Err("unknown while the database does not answer".to_owned()),
    };
    vec![Check::new("database", database), Check::new("migrations", migrations)]
}

async fn migrations(db: &Db) -> Result<String, String> {
    let pending = Migrator::get_pending_migrations_read_only(db.read());
    match tokio::time::timeout(PATIENCE, pending).await {
        Ok(Ok(pending)) if pending.is_empty() => Ok("all are applied".to_owned()),
        Ok(Ok(pending)) => {
            Err(format!("{} of {} are not applied", pending.len(), Migrator::migrations().len()))
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "the migrations failed a check");
            Err("cannot be read, or are those of a newer version".to_owned())
        }
        Err(_) => Err("could not be read in time".to_owned()),
    }
}
