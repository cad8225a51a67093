//! Reads the filters of lists: ids become keys, names members, and every broken rule is
//! named at once. An empty list is the same as none given.

use async_graphql::ID;
use entity::Timestamp;
use entity::id::Uuid;

use super::id::{self, NodeKind};
use super::scalar::DateTime;
use super::vocabulary::{Name, members};
use crate::domain::LONGEST_LIST;
use crate::error::{Checks, Error, Result, ViolationCode};

/// The conditions of one filter.
#[derive(Default)]
pub(super) struct Reading {
    checks: Checks,
}

impl Reading {
    pub fn new() -> Self {
        Self::default()
    }

    /// Keys of rows. One of another account finds nothing, like one that is not there.
    pub fn ids<T: From<Uuid>>(
        &mut self,
        path: &str,
        ids: Option<Vec<ID>>,
        kind: NodeKind,
    ) -> Option<Vec<T>> {
        let ids = self.list(path, ids)?;
        let mut keys = Vec::with_capacity(ids.len());
        for (index, id) in ids.iter().enumerate() {
            match id::parse_key(&format!("filter.{path}[{index}]"), id, kind) {
                Ok(key) => keys.push(key),
                Err(Error::Invalid(violations)) => violations
                    .into_iter()
                    .for_each(|broken| self.checks.fail(broken.path, broken.code, broken.message)),
                // Reading an id fails with violations only.
                Err(_) => {}
            }
        }
        Some(keys)
    }

    pub fn names<T>(&mut self, path: &str, names: Option<Vec<Name<T>>>) -> Option<Vec<T>> {
        self.list(path, names).map(members)
    }

    /// Any values, as long as they are not too many.
    pub fn list<T>(&mut self, path: &str, values: Option<Vec<T>>) -> Option<Vec<T>> {
        let values = values.filter(|values| !values.is_empty())?;
        if values.len() > LONGEST_LIST {
            let message =
                format!("has {} elements; at most {LONGEST_LIST} are allowed", values.len());
            self.checks.fail(format!("filter.{path}"), ViolationCode::TooLong, message);
            return None;
        }
        Some(values)
    }

    pub fn finish(self) -> Result<()> {
        self.checks.finish()
    }
}

pub(super) fn instant(instant: Option<DateTime>) -> Option<Timestamp> {
    instant.map(|DateTime(instant)| instant)
}

/// Narrows a list of keys to one, or to none if it leaves that one out.
pub(super) fn only<T: PartialEq>(keys: &mut Option<Vec<T>>, key: T) {
    let fits = keys.as_ref().is_none_or(|keys| keys.contains(&key));
    *keys = Some(if fits { vec![key] } else { Vec::new() });
}
