//! What one subscriber hears of an account: read from the log up to now, then heard from the
//! watcher; whoever is too slow reads on from the log.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::log::{self, Event, Page, Position};
use crate::auth::AccountScope;
use crate::error::{Error, Result};

pub struct Feed {
    scope: AccountScope,
    pages: Receiver<Arc<Page>>,
    /// Behind the last event that was given, or that nobody is interested in.
    position: Position,
    ready: VecDeque<Event>,
    /// Whether the log must be read.
    behind: bool,
}

impl Feed {
    pub(super) fn new(scope: AccountScope, pages: Receiver<Arc<Page>>, position: Position) -> Self {
        Self { scope, pages, position, ready: VecDeque::new(), behind: true }
    }

    /// The next event, in the order of the log; waits for it. May be given up and called again.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.position = event.position;
                return Ok(event);
            }
            if self.behind {
                self.read().await?;
            } else {
                self.hear().await?;
            }
        }
    }

    /// Reads a page of the log.
    async fn read(&mut self) -> Result<()> {
        // One event may have been given in part.
        let from = match self.position.index {
            u32::MAX => self.position.seq,
            _ => self.position.seq - 1,
        };
        let page = log::page(&self.scope, from).await?;
        // The log may have been cut off behind the position before the page was read.
        let standings = log::standings(self.scope.db(), &[self.scope.account_id()]).await?;
        if standings.iter().any(|standing| standing.has_forgotten(self.position)) {
            return Err(Error::Resync);
        }
        self.behind = page.through > page.after;
        self.take(&page);
        Ok(())
    }

    /// Waits for a page.
    async fn hear(&mut self) -> Result<()> {
        match self.pages.recv().await {
            Ok(page) if page.after <= self.position.seq => self.take(&page),
            // Something was told before this subscriber listened.
            Ok(_) | Err(RecvError::Lagged(_)) => self.behind = true,
            Err(RecvError::Closed) => return Err(Error::bug("the watcher of events is gone")),
        }
        Ok(())
    }

    fn take(&mut self, page: &Page) {
        let new = page.events.iter().filter(|event| event.position > self.position);
        self.ready.extend(new.cloned());
        // Events whose rows are gone are passed over.
        if self.ready.is_empty() {
            self.position = self.position.max(Position::behind(page.through));
        }
    }
}
