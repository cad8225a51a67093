//! How long something lasted, in the form in which facts keep it.

use std::collections::HashMap;

use entity::Timestamp;
use entity::id::InboxId;
use sea_orm::Value;

use crate::domain::inbox_hours::Schedule;
use crate::percentile::bin;

/// Business hours by inbox; those that have none are always open.
pub(super) type Schedules = HashMap<InboxId, Schedule>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waited {
    pub micros: i64,
    /// Of them within the inbox's business hours, as these were when it was measured.
    pub open_micros: i64,
}

impl Waited {
    pub fn between(
        schedules: &Schedules,
        inbox: InboxId,
        from: Option<Timestamp>,
        to: Timestamp,
    ) -> Option<Self> {
        let from = from?;
        let micros = to.0 - from.0;
        let schedule = schedules.get(&inbox);
        let open_micros = schedule.map_or(micros, |schedule| schedule.open_between(from, to));
        Some(Self { micros, open_micros })
    }

    /// What a fact keeps. What does not fit together lasted as long as nothing does.
    pub fn stored(columns: &Columns) -> Option<Self> {
        let kept = match (columns.micros, columns.open_micros) {
            (Some(micros), Some(open_micros)) => Some(Self { micros, open_micros }),
            _ => None,
        };
        if *columns == Columns::from(kept) {
            kept
        } else {
            Some(Self { micros: -1, open_micros: -1 })
        }
    }

    /// This, unless `before` lasted as long: hours that changed since do not change the past.
    pub fn or_as_before(self, before: Option<Self>) -> Self {
        before.filter(|before| before.micros == self.micros).unwrap_or(self)
    }
}

/// Both lengths, each with its bin, as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub micros: Option<i64>,
    pub bin: Option<i16>,
    pub open_micros: Option<i64>,
    pub open_bin: Option<i16>,
}

impl From<Option<Waited>> for Columns {
    fn from(waited: Option<Waited>) -> Self {
        let micros = waited.map(|waited| waited.micros);
        let open_micros = waited.map(|waited| waited.open_micros);
        Self { micros, bin: micros.map(bin), open_micros, open_bin: open_micros.map(bin) }
    }
}

impl Columns {
    pub fn values(self) -> [Value; 4] {
        [self.micros.into(), self.bin.into(), self.open_micros.into(), self.open_bin.into()]
    }
}
