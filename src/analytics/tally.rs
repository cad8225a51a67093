//! What is counted in one cell of a report, in forms that add up: sums of rows and of lengths,
//! sets of which the union is taken, so that nobody is counted twice, and lengths by bin.

use std::collections::{BTreeMap, HashMap};

use entity::id::Uuid;
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::percentile::percentile;

/// Where a count stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Sum(usize),
    Set(usize),
    Bins(usize),
}

/// How many counts of each form a cell has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub sums: usize,
    pub sets: usize,
    pub bins: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    /// Microseconds of ten million years-long waits do not fit into 64 bits.
    sums: Vec<i128>,
    sets: Vec<RoaringBitmap>,
    bins: Vec<BTreeMap<i16, i64>>,
}

impl Cell {
    pub fn empty(shape: Shape) -> Self {
        Self {
            sums: vec![0; shape.sums],
            sets: vec![RoaringBitmap::new(); shape.sets],
            bins: vec![BTreeMap::new(); shape.bins],
        }
    }

    pub fn add(&mut self, found: Found) {
        match found {
            Found::Sum(at, sum) => self.sums[at] += sum,
            Found::Lasted(at, bin, count) => *self.bins[at].entry(bin).or_insert(0) += count,
            Found::Member(at, member) => drop(self.sets[at].insert(member)),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (sum, count) in self.sums.iter_mut().zip(&other.sums) {
            *sum += count;
        }
        for (set, members) in self.sets.iter_mut().zip(&other.sets) {
            *set |= members;
        }
        for (bins, others) in self.bins.iter_mut().zip(&other.bins) {
            for (bin, count) in others {
                *bins.entry(*bin).or_insert(0) += count;
            }
        }
    }

    /// Exact below 2^53, and no table has so many rows.
    pub fn number(&self, slot: Slot) -> f64 {
        match slot {
            Slot::Sum(at) => self.sums[at] as f64,
            Slot::Set(at) => self.sets[at].len() as f64,
            Slot::Bins(at) => self.bins[at].values().sum::<i64>() as f64,
        }
    }

    /// Seconds at the percentile; none where nothing lasted, and for what has no lengths.
    pub fn percentile(&self, slot: Slot, percent: u8) -> Option<f64> {
        match slot {
            Slot::Bins(at) => percentile(percent, &self.bins[at]),
            Slot::Sum(_) | Slot::Set(_) => None,
        }
    }
}

/// What a row of a statement brings for one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Index of the sum, and what to add to it.
    Sum(usize, i128),
    /// Index of the bins, the bin, and how many rows lasted so long.
    Lasted(usize, i16, i64),
    /// Index of the set, and the number of a member.
    Member(usize, u32),
}

/// Numbers for ids, dense, so that sets of them are small.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<Uuid, u32>);

impl Numbers {
    pub fn of(&mut self, id: Uuid) -> Result<u32> {
        let next = u32::try_from(self.0.len()).map_err(|_| Error::bug("too many members"))?;
        Ok(*self.0.entry(id).or_insert(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_up_and_sets_unite() {
        let shape = Shape { sums: 1, sets: 1, bins: 1 };
        let mut numbers = Numbers::default();
        let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut cells = [Cell::empty(shape), Cell::empty(shape)];
        for (cell, rows, people) in [(0, 2, vec![ada]), (1, 3, vec![ada, bob])] {
            cells[cell].add(Found::Sum(0, rows));
            cells[cell].add(Found::Lasted(0, 0, 1));
            for id in people {
                cells[cell].add(Found::Member(0, numbers.of(id).unwrap()));
            }
        }
        let [mut whole, other] = cells;
        whole.merge(&other);
        assert_eq!((whole.number(Slot::Sum(0)), whole.number(Slot::Set(0))), (5.0, 2.0));
        assert_eq!(whole.number(Slot::Bins(0)), 2.0);
        assert!(whole.percentile(Slot::Bins(0), 50).is_some());
    }
}
