//! The merit order: units by ascending bid, ties by ascending index.
//!
//! Sorting plain integers is several times faster than sorting indices through a comparison of
//! floats. So each unit becomes one `u64`: the bid as an order-preserving integer, its low bits
//! replaced by the unit's index. Bids that differ only in the bits that were replaced come out
//! in index order; a pass over the result finds these rare runs and sorts them in full.

use std::ops::Range;

use crate::error::OutOfMemory;
use crate::margin::{Margin, first_at_price};
use crate::rules::Ties;
use crate::values::{key, positive_zero, refill};

/// A merit order, and the memory to make the next one without allocating.
#[derive(Debug, Default)]
pub struct MeritOrder {
    /// One word per unit, ascending: the truncated bid above, the unit's index below.
    packed: Vec<u64>,
    /// How many low bits of a word hold the index.
    bits: u32,
    /// Memory for sorting a run of equal truncated bids: (bid, index).
    run: Vec<(u64, u64)>,
}

impl MeritOrder {
    /// An empty merit order; allocates nothing.
    pub const fn new() -> Self {
        Self { packed: Vec::new(), bits: 0, run: Vec::new() }
    }

    /// Sorts the units of one market. Any bits are safe; only finite bids have a meaning.
    ///
    /// # Errors
    /// If there is no memory; then there is no merit order.
    pub fn sort(&mut self, bids: &[f64]) -> Result<(), OutOfMemory> {
        self.packed.clear();
        self.bits = index_bits(bids.len());
        let words = bids.iter().enumerate();
        let words = words.map(|(unit, &bid)| pack(key(bid), unit as u64, self.bits));
        refill(&mut self.packed, 0, words)?;
        self.packed.sort_unstable();
        self.repair(bids).inspect_err(|_| self.packed.clear())
    }

    /// How many units there are.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there is no unit.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// The unit at a rank; rank 0 is the cheapest.
    pub fn unit(&self, rank: usize) -> usize {
        index(self.packed[rank], self.bits)
    }

    /// The units, cheapest first.
    pub fn units(&self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + '_ {
        self.packed.iter().map(|&word| index(word, self.bits))
    }

    /// The margin of a market with these bids, which were sorted.
    ///
    /// # Panics
    /// If there is no unit, or a slice is shorter than the merit order.
    pub fn margin(&self, bids: &[f64], quantities: &[f64], demand: f64, ties: Ties) -> Margin {
        let quantity = |unit: usize| positive_zero(quantities[unit]);
        let mut before = 0.0;
        for (rank, unit) in self.units().enumerate() {
            let total = before + quantity(unit);
            if total >= demand {
                let cheaper = match ties {
                    Ties::First => before,
                    Ties::ProRata => {
                        let first = first_at_price(bids, rank, |rank| self.unit(rank));
                        self.units().take(first).fold(0.0, |sum, unit| sum + quantity(unit))
                    }
                };
                return Margin::At { unit, before, cheaper };
            }
            before = total;
        }
        Margin::Beyond
    }

    /// Gives memory back that only an unusually large market needed.
    pub fn shrink_to(&mut self, units: usize) {
        if self.packed.capacity() > units || self.run.capacity() > units {
            *self = Self::new();
        }
    }

    /// Sorts each run of equal truncated bids by the whole bid.
    fn repair(&mut self, bids: &[f64]) -> Result<(), OutOfMemory> {
        let mask = mask(self.bits);
        let tied = |one: u64, other: u64| (one ^ other) <= mask;
        // No early exit, so that the loop is vectorised: mostly there is no run at all.
        let pairs = self.packed.windows(2);
        if !pairs.fold(false, |any, pair| any | tied(pair[0], pair[1])) {
            return Ok(());
        }
        let mut start = 0;
        for end in 1..=self.packed.len() {
            if end < self.packed.len() && tied(self.packed[start], self.packed[end]) {
                continue;
            }
            if end - start > 1 {
                self.repair_run(bids, start..end)?;
            }
            start = end;
        }
        Ok(())
    }

    /// The indices of a run ascend already, so a run of equal bids, common, needs no sort.
    fn repair_run(&mut self, bids: &[f64], ranks: Range<usize>) -> Result<(), OutOfMemory> {
        let words = &mut self.packed[ranks];
        let whole = words.iter().map(|&word| {
            let unit = index(word, self.bits);
            (key(bids[unit]), unit as u64)
        });
        refill(&mut self.run, (0, 0), whole)?;
        if self.run.is_sorted() {
            return Ok(());
        }
        self.run.sort_unstable();
        for (word, &(bid, unit)) in words.iter_mut().zip(&self.run) {
            *word = pack(bid, unit, self.bits);
        }
        Ok(())
    }
}

/// How many bits the indices of so many units take.
fn index_bits(units: usize) -> u32 {
    usize::BITS - units.saturating_sub(1).leading_zeros()
}

fn pack(key: u64, index: u64, bits: u32) -> u64 {
    key & !mask(bits) | index
}

fn index(word: u64, bits: u32) -> usize {
    (word & mask(bits)) as usize
}

fn mask(bits: u32) -> u64 {
    // An allocation holds less than 2^63 bytes, so fewer than 2^60 words: `bits` stays below 64.
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(bids: &[f64]) -> Vec<usize> {
        let mut order = MeritOrder::new();
        order.sort(bids).unwrap();
        order.units().collect()
    }

    #[test]
    fn index_bits_are_the_least_that_suffice() {
        let cases = [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (256, 8), (257, 9)];
        for (units, bits) in cases {
            assert_eq!(index_bits(units), bits, "{units} units");
        }
        assert_eq!(index_bits(1 << (usize::BITS - 4)), usize::BITS - 4);
    }

    #[test]
    fn a_word_gives_back_its_index_and_the_high_bits_of_its_key() {
        for bits in 0..60 {
            let last = (1_u64 << bits) - 1;
            for key in [0, key(-1.0), key(1.0), u64::MAX] {
                for unit in [0, last / 2, last] {
                    let word = pack(key, unit, bits);
                    assert_eq!(index(word, bits) as u64, unit);
                    assert_eq!(word >> bits, key >> bits);
                }
            }
        }
    }

    #[test]
    fn bids_that_differ_in_the_last_bit_are_told_apart() {
        let bids: Vec<f64> = (0..300).rev().map(|k| f64::from_bits(k / 3)).collect();
        let mut expected: Vec<usize> = (0..300).collect();
        expected.sort_by(|&a, &b| bids[a].total_cmp(&bids[b]));
        assert_eq!(order(&bids), expected);
    }

    #[test]
    fn ties_keep_index_order() {
        assert_eq!(order(&[1.0, 0.0, -0.0, 1.0, 0.0]), [1, 2, 4, 0, 3]);
        assert!(order(&[7.0; 1000]).is_sorted());
    }

    #[test]
    fn any_bits_give_a_permutation() {
        let odd = [f64::NAN, -f64::NAN, f64::INFINITY, -0.0, f64::NEG_INFINITY];
        let bids: Vec<f64> = odd.iter().copied().cycle().take(137).collect();
        let mut units = order(&bids);
        units.sort_unstable();
        assert!(units.into_iter().eq(0..137));
    }

    #[test]
    fn large_markets_leave_no_memory_behind() {
        let mut order = MeritOrder::new();
        order.sort(&[1.0; 100]).unwrap();
        order.shrink_to(1000);
        assert_eq!(order.len(), 100);
        order.shrink_to(10);
        assert!(order.is_empty());
    }
}
