//! What every part of the server needs: the database, the clock, the vault of secrets and
//! the settings. Cheap to clone.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::auth::{Passwords, Vault};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;

#[derive(Clone)]
pub struct Engine(Arc<Parts>);

pub struct Parts {
    pub db: Db,
    pub clock: Clock,
    pub config: Config,
    pub vault: Vault,
    pub passwords: Passwords,
    /// Told when something waits to be sent.
    pub outbox: Notify,
}

impl Engine {
    pub fn new(db: Db, clock: Clock, config: Config, vault: Vault) -> Self {
        let (passwords, outbox) = (Passwords::new(), Notify::new());
        Self(Arc::new(Parts { db, clock, config, vault, passwords, outbox }))
    }
}

impl std::ops::Deref for Engine {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
