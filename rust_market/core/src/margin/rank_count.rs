//! The margin of a market of few units, whose merit order is found without a branch.
//!
//! Each unit becomes one 32-bit word: its bid, rounded to 32 bits, above its index. As many units
//! come before it as there are smaller words; counting them mispredicts nothing, which a sort on
//! fresh bids does all the time. Bids that round alike come out in index order, and are sorted in
//! full where that is wrong.
#![allow(unsafe_code)]

use std::array::from_fn;

use crate::margin::{Margin, first_at_price};
use crate::rules::Ties;
use crate::simd::Instructions;
use crate::thresholds::RANK_COUNT;
use crate::values::{key, positive_zero};

/// The low bits of a word, which hold the unit's index.
const INDEX: i32 = RANK_COUNT as i32 - 1;

/// So many words are made at once.
const CHUNK: usize = 8;

/// What a unit offers.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
pub(crate) struct Offer {
    pub bid: f64,
    pub quantity: f64,
}

type Words = [i32; RANK_COUNT];

/// Memory for one word per unit.
#[derive(Debug)]
pub(crate) struct RankCount {
    /// In index order.
    words: Words,
    /// How many words are smaller.
    ranks: Words,
    /// In merit order.
    order: Words,
}

impl RankCount {
    pub const fn new() -> Self {
        Self { words: [0; RANK_COUNT], ranks: [0; RANK_COUNT], order: [0; RANK_COUNT] }
    }

    /// The margin of a market of at most [`RANK_COUNT`] units.
    #[inline(always)]
    pub fn margin<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        ties: Ties,
    ) -> Margin {
        for (unit, (word, &bid)) in self.words.iter_mut().zip(bids).enumerate() {
            *word = pack(single(bid), unit);
        }
        self.sort_words::<I>(bids.len());
        let offer = |unit| Offer { bid: bids[unit], quantity: quantities[unit] };
        match self.add(bids.len(), 0.0, demand, offer) {
            Ok(_) => Margin::Beyond,
            Err((rank, before)) => {
                let cheaper = match ties {
                    Ties::First => before,
                    Ties::ProRata => {
                        let first = first_at_price(bids, rank, |rank| self.unit(rank));
                        (0..first).fold(0.0, |sum, rank| sum + quantities[self.unit(rank)])
                    }
                };
                Margin::At { unit: self.unit(rank), before, cheaper }
            }
        }
    }

    /// Sorts the first `units` offers, at most [`RANK_COUNT`]; there are [`RANK_COUNT`] to be read.
    /// A number that goes up with the bid tells most of them apart.
    ///
    /// Always a multiple of sixteen, so that few loops end where that was not foreseen.
    #[inline(always)]
    pub fn sort_offers<I: Instructions>(
        &mut self,
        offers: &[Offer],
        units: usize,
        number: impl Fn(f64) -> i32,
    ) {
        let padded = units.next_multiple_of(2 * CHUNK);
        let words = self.words.as_chunks_mut::<CHUNK>().0;
        let chunks = offers.as_chunks::<CHUNK>().0.iter().zip(words);
        for (chunk, (offers, words)) in chunks.take(padded / CHUNK).enumerate() {
            *words = from_fn(|place| {
                let unit = CHUNK * chunk + place;
                let word = pack(number(offers[place].bid), unit);
                if unit < units { word } else { i32::MAX }
            });
        }
        self.sort_words::<I>(padded);
    }

    /// Adds the quantities of units that were sorted to a supply that is short of the demand.
    ///
    /// Returns the supply with them, or the rank that reaches demand and the supply before it.
    /// Looks meanwhile whether bids whose words are alike are in order; equal ones are.
    #[inline(always)]
    pub fn add(
        &mut self,
        units: usize,
        supply: f64,
        demand: f64,
        offer: impl Fn(usize) -> Offer,
    ) -> Result<f64, (usize, f64)> {
        if let Some(added) = self.add_if_in_order(units, supply, demand, &offer) {
            return added;
        }
        self.sort_by_bid(units, &offer);
        self.add_if_in_order(units, supply, demand, &offer).unwrap_or(Ok(supply)) // it is now
    }

    /// Sorts by whole bids, each of which is read once: the standard library's sort may panic where a
    /// bid changes under it, as it does where another thread writes to it.
    #[cold]
    fn sort_by_bid(&mut self, units: usize, offer: impl Fn(usize) -> Offer) {
        let mut keyed: [(u64, i32); RANK_COUNT] = from_fn(|rank| {
            let word = self.order[rank];
            let bid = if rank < units { offer(unit(word)).bid } else { f64::INFINITY };
            (key(bid), word)
        });
        keyed[..units].sort_by_key(|&(key, _)| key); // stable
        self.order = keyed.map(|(_, word)| word);
    }

    #[inline(always)]
    fn add_if_in_order(
        &self,
        units: usize,
        supply: f64,
        demand: f64,
        offer: impl Fn(usize) -> Offer,
    ) -> Option<Result<f64, (usize, f64)>> {
        let order = &self.order[..units];
        let mut total = supply;
        let mut highest = f64::NEG_INFINITY;
        for (rank, &word) in order.iter().enumerate() {
            let Offer { bid, quantity } = offer(unit(word));
            if bid < highest {
                return None;
            }
            highest = bid;
            let before = total;
            total += quantity;
            if total >= demand {
                // Only those of a word like this can be cheaper yet.
                let mut alike = order[rank + 1..].iter().take_while(|&&other| alike(word, other));
                let cheaper = alike.any(|&other| offer(unit(other)).bid < bid);
                return (!cheaper).then_some(Err((rank, before)));
            }
        }
        Some(Ok(total))
    }

    /// The unit at a rank, once they are sorted.
    #[inline(always)]
    pub fn unit(&self, rank: usize) -> usize {
        unit(self.order[rank])
    }

    #[inline(always)]
    fn sort_words<I: Instructions>(&mut self, units: usize) {
        count_smaller::<I>(&self.words, units, &mut self.ranks);
        for (&word, &rank) in self.words[..units].iter().zip(&self.ranks) {
            self.order[rank as usize % RANK_COUNT] = word;
        }
    }
}

impl Default for RankCount {
    fn default() -> Self {
        Self::new()
    }
}

/// A bid as a float of 32 bits, as an integer of the same order.
#[inline(always)]
fn single(bid: f64) -> i32 {
    let bits = (positive_zero(bid) as f32).to_bits() as i32;
    bits ^ ((bits >> 31) & i32::MAX) // negative floats order the other way round
}

/// A word that sorts as the number does, then as the index.
#[inline(always)]
fn pack(number: i32, unit: usize) -> i32 {
    (number & !INDEX) | unit as i32
}

/// Whether two words differ in the index only.
#[inline(always)]
fn alike(one: i32, other: i32) -> bool {
    (one ^ other) as u32 <= INDEX as u32
}

#[inline(always)]
fn unit(word: i32) -> usize {
    (word & INDEX) as usize
}

/// Counts for each of the first words how many of them are smaller.
#[inline(always)]
fn count_smaller<I: Instructions>(words: &Words, units: usize, counts: &mut Words) {
    #[cfg(target_arch = "x86_64")]
    if I::AVX2 {
        // SAFETY: the processor has them: only `simd::run`, which asked it, names an `I` like this.
        return unsafe { count_smaller_avx2(words, units, counts) };
    }
    let chunks = words.as_chunks::<CHUNK>().0.iter().zip(counts.as_chunks_mut::<CHUNK>().0);
    for (own, counts) in chunks.take(units.div_ceil(CHUNK)) {
        *counts = [0; CHUNK];
        for &other in &words[..units] {
            for (count, &own) in counts.iter_mut().zip(own) {
                *count += i32::from(other < own);
            }
        }
    }
}

/// Sixteen words at a time, eight in a register. (Left to itself the compiler vectorises the
/// other loop, and shuffles: three times slower at 50 units.)
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn count_smaller_avx2(words: &Words, units: usize, counts: &mut Words) {
    use std::arch::x86_64::{
        _mm256_cmpgt_epi32, _mm256_loadu_si256, _mm256_set1_epi32, _mm256_setzero_si256,
        _mm256_storeu_si256, _mm256_sub_epi32,
    };
    let pairs = words.as_chunks::<{ 2 * CHUNK }>().0.iter();
    let chunks = pairs.zip(counts.as_chunks_mut::<{ 2 * CHUNK }>().0);
    for (own, counts) in chunks.take(units.div_ceil(2 * CHUNK)) {
        // SAFETY: `own` is an array of sixteen words, of which this reads eight; no alignment is needed.
        let low = unsafe { _mm256_loadu_si256(own.as_ptr().cast()) };
        // SAFETY: and this the other eight.
        let high = unsafe { _mm256_loadu_si256(own[CHUNK..].as_ptr().cast()) };
        let mut low_counts = _mm256_setzero_si256();
        let mut high_counts = _mm256_setzero_si256();
        for &other in &words[..units] {
            let other = _mm256_set1_epi32(other);
            // What is greater gives -1.
            low_counts = _mm256_sub_epi32(low_counts, _mm256_cmpgt_epi32(low, other));
            high_counts = _mm256_sub_epi32(high_counts, _mm256_cmpgt_epi32(high, other));
        }
        // SAFETY: `counts` is an array of sixteen, of which this writes eight.
        unsafe { _mm256_storeu_si256(counts.as_mut_ptr().cast(), low_counts) };
        // SAFETY: and this the other eight.
        unsafe { _mm256_storeu_si256(counts[CHUNK..].as_mut_ptr().cast(), high_counts) };
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// As where another thread writes to the bids meanwhile.
    #[test]
    fn bids_that_change_meanwhile_give_some_result() {
        let state = Cell::new(1_u64);
        let next = || {
            state.set(state.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            (state.get() >> 40) as f64
        };
        for _ in 0..2000 {
            let mut few = RankCount::new();
            for (unit, word) in few.order.iter_mut().enumerate() {
                *word = unit as i32;
            }
            let offer = |_| Offer { bid: next(), quantity: 1.0 };
            match few.add(RANK_COUNT, 0.0, 30.0, offer) {
                Ok(supply) => assert!(supply >= 0.0),
                Err((rank, _)) => assert!(rank < RANK_COUNT),
            }
        }
    }
}
