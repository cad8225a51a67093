//! Records the items of a story in transactions of a good size.

use crate::auth::AccountScope;
use crate::domain::record::{self, Item, Outcome};
use crate::error::{Error, Result};

/// Items recorded by one transaction: as few as SQLite allows, which takes 32,766 parameters
/// of a statement that asks for two things of each item.
const TRANSACTION: usize = 12_000;

pub struct Recorder<'a> {
    scope: &'a AccountScope,
    waiting: Vec<Item>,
    /// Recorded so far.
    pub messages: usize,
    pub items: usize,
}

impl<'a> Recorder<'a> {
    pub fn new(scope: &'a AccountScope) -> Self {
        Self { scope, waiting: Vec::new(), messages: 0, items: 0 }
    }

    pub async fn add(&mut self, items: Vec<Item>) -> Result<()> {
        self.waiting.extend(items);
        while self.waiting.len() >= TRANSACTION {
            let rest = self.waiting.split_off(TRANSACTION);
            self.flush().await?;
            self.waiting = rest;
        }
        Ok(())
    }

    /// Records what waits.
    pub async fn flush(&mut self) -> Result<()> {
        let items = std::mem::take(&mut self.waiting);
        let tx = self.scope.begin().await?;
        let outcomes = record::import(self.scope, &tx, &items).await?;
        tx.commit().await?;
        record::grew(self.scope, &outcomes);
        if let Some(Outcome::Rejected(violations)) =
            outcomes.into_iter().find(|outcome| matches!(outcome, Outcome::Rejected(_)))
        {
            return Err(Error::Invalid(violations));
        }
        self.messages += items.iter().filter(|item| matches!(item, Item::Message(_))).count();
        self.items += items.len();
        Ok(())
    }
}
