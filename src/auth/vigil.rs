//! Looks after tokens while something stays open under them: one that is revoked, expires or
//! opens something else than before is noticed within five seconds. A token is looked up once
//! for all that is open under it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::id::AccountId;
use entity::kinds::{Role, TokenScope};
use tokio::sync::watch;

use super::{Viewer, authenticate, token};
use crate::engine::Engine;
use crate::error::Error;

/// Shorter than what is promised, since a look takes time too.
const LOOK: Duration = Duration::from_secs(4);

/// What a token opens; none where it opens nothing any more.
type Opens = Option<(Vec<(AccountId, Role)>, Vec<TokenScope>)>;

#[derive(Clone)]
pub struct Vigil(Arc<Parts>);

struct Parts {
    engine: Engine,
    /// By the hash of the token.
    watched: Mutex<HashMap<Vec<u8>, watch::Sender<Opens>>>,
}

/// A token that is looked after.
pub struct Watched {
    seen: watch::Receiver<Opens>,
    /// What it opened when this began.
    opened: Opens,
}

impl Watched {
    /// Waits until the token does not open any more what it opened.
    pub async fn ended(&mut self) {
        let opened = self.opened.clone();
        // The sender only goes when the token has ended.
        self.seen.wait_for(|seen| *seen != opened).await.ok();
    }
}

impl Vigil {
    pub fn new(engine: Engine) -> Self {
        Self(Arc::new(Parts { engine, watched: Mutex::default() }))
    }

    /// Looks after the token with which `viewer` just came in.
    pub fn over(&self, bearer: &str, viewer: &Viewer) -> Watched {
        let opened = Some((viewer.accounts().to_vec(), viewer.scopes().to_vec()));
        let hash = token::digest(bearer);
        let mut watched = self.watched();
        let seen = match watched.get(&hash) {
            Some(sender) => {
                let seen = sender.subscribe();
                // Newer than what was seen last.
                sender.send_replace(opened.clone());
                seen
            }
            None => {
                let (sender, seen) = watch::channel(opened.clone());
                watched.insert(hash.clone(), sender.clone());
                tokio::spawn(self.clone().look_after(bearer.to_owned(), hash, sender));
                seen
            }
        };
        Watched { seen, opened }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Vec<u8>, watch::Sender<Opens>>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on until the token ends, or nothing is open under it.
    async fn look_after(self, bearer: String, hash: Vec<u8>, sender: watch::Sender<Opens>) {
        loop {
            tokio::time::sleep(LOOK).await;
            {
                let mut watched = self.watched();
                if sender.receiver_count() == 0 {
                    watched.remove(&hash);
                    return;
                }
            }
            match authenticate(&self.0.engine, &bearer).await {
                Ok(viewer) => {
                    let opens = Some((viewer.accounts().to_vec(), viewer.scopes().to_vec()));
                    sender.send_if_modified(|seen| {
                        let changed = *seen != opens;
                        *seen = opens;
                        changed
                    });
                }
                Err(Error::Unauthenticated) => {
                    self.watched().remove(&hash);
                    sender.send_replace(None);
                    return;
                }
                // The database is away; the token is not to blame.
                Err(error) => tracing::warn!(error = ?error, "a token was not looked up"),
            }
        }
    }
}
