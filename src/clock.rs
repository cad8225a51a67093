//! The only source of time and of new ids. A fixed clock gives the same instants and the
//! same ids in every run, which makes tests and the demo repeatable.

#![allow(clippy::disallowed_methods, reason = "this is the clock that the others must ask")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use entity::Timestamp;
use entity::id::Uuid;

#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is set.
    Fixed(Arc<Fixed>),
}

#[derive(Debug)]
pub struct Fixed {
    now: AtomicI64,
    ids: AtomicU64,
}

impl Clock {
    /// A clock that stands at `now`.
    pub fn fixed(now: Timestamp) -> Self {
        Self::Fixed(Arc::new(Fixed { now: AtomicI64::new(now.0), ids: AtomicU64::new(0) }))
    }

    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(jiff::Timestamp::now().as_microsecond()),
            Self::Fixed(fixed) => Timestamp(fixed.now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock. The machine's clock is not ours to set.
    pub fn set(&self, now: Timestamp) {
        if let Self::Fixed(fixed) = self {
            fixed.now.store(now.0, Ordering::SeqCst);
        }
    }

    /// A new UUIDv7 (RFC 9562): ids made later in the same process sort after earlier ones.
    pub fn id<T: From<Uuid>>(&self) -> T {
        let id = match self {
            Self::System => Uuid::now_v7(),
            Self::Fixed(fixed) => {
                let millis =
                    u64::try_from(fixed.now.load(Ordering::SeqCst).div_euclid(1000)).unwrap_or(0);
                let count = fixed.ids.fetch_add(1, Ordering::SeqCst);
                // The counter takes the leading random bits, so that order follows it.
                let mut random = [0u8; 10];
                random[2..].copy_from_slice(&count.to_be_bytes());
                entity::id::v7(millis, &random)
            }
        };
        T::from(id)
    }
}
