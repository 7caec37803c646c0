//! The margin of a market of few units, whose merit order is found without a branch.
//!
//! Each unit becomes one 32-bit word: its bid, rounded to 32 bits, above its index. As many units
//! come before it as there are smaller words; counting them mispredicts nothing, which a sort on
//! fresh bids does all the time. Bids that round alike come out in index order, and are sorted in
//! full where that is wrong.
#![allow(unsafe_code)]

use crate::margin::{Margin, first_at_price, positive_zero};
use crate::merit_order::key;
use crate::rules::Ties;

/// Up to so many units counting is faster.
pub(crate) const FEW: usize = 64;

/// Up to so many units comparing all pairs is faster still.
const PAIRWISE: usize = 8;

/// The low bits of a word, which hold the unit's index.
const INDEX: i32 = FEW as i32 - 1;

type Words = [i32; FEW];

/// Memory for one word per unit.
#[derive(Debug)]
pub(crate) struct Few {
    /// In index order.
    words: Words,
    /// How many words are smaller.
    ranks: Words,
    /// In merit order.
    order: Words,
}

impl Few {
    pub const fn new() -> Self {
        Self { words: [0; FEW], ranks: [0; FEW], order: [0; FEW] }
    }

    /// The margin of a market of at most [`FEW`] units.
    #[inline(always)]
    pub fn margin<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        ties: Ties,
    ) -> Margin {
        self.sort::<AVX2>(bids);
        let order = &self.order[..bids.len()];
        let quantity = |rank: usize| positive_zero(quantities[unit(order[rank])]);
        let mut before = 0.0;
        for (rank, &word) in order.iter().enumerate() {
            let total = before + quantity(rank);
            if total >= demand {
                let cheaper = match ties {
                    Ties::First => before,
                    Ties::ProRata => {
                        let first = first_at_price(bids, rank, |rank| unit(order[rank]));
                        (0..first).fold(0.0, |sum, rank| sum + quantity(rank))
                    }
                };
                return Margin::At { unit: unit(word), before, cheaper };
            }
            before = total;
        }
        Margin::Beyond { last: unit(order[order.len() - 1]) }
    }

    #[inline(always)]
    fn sort<const AVX2: bool>(&mut self, bids: &[f64]) {
        if bids.len() <= PAIRWISE {
            return self.sort_pairwise(bids);
        }
        for (unit, (word, &bid)) in self.words.iter_mut().zip(bids).enumerate() {
            *word = pack(bid, unit);
        }
        let units = bids.len();
        count_smaller::<AVX2>(&self.words, units, &mut self.ranks);
        for (&word, &rank) in self.words[..units].iter().zip(&self.ranks) {
            self.order[rank as usize % FEW] = word;
        }
        self.repair(bids);
    }

    /// Compares each pair of bids: with so few units that is less work than making words.
    #[inline(always)]
    fn sort_pairwise(&mut self, bids: &[f64]) {
        let mut ranks = [0_u8; PAIRWISE];
        for (unit, &bid) in bids.iter().enumerate() {
            let mut own = 0;
            for (rank, &earlier) in ranks.iter_mut().zip(&bids[..unit]) {
                let swap = bid < earlier;
                *rank += u8::from(swap);
                own += u8::from(!swap);
            }
            ranks[unit] = own;
        }
        for (unit, &rank) in ranks[..bids.len()].iter().enumerate() {
            self.order[usize::from(rank) % FEW] = unit as i32;
        }
    }

    /// Sorts units whose bids round alike by the whole bid. Equal bids are in order already.
    #[inline(always)]
    fn repair(&mut self, bids: &[f64]) {
        let order = &mut self.order[..bids.len()];
        // No early exits, so that the loops are vectorised; mostly no two bids round alike.
        let alike = |pair: &[i32]| (pair[0] ^ pair[1]) as u32 <= INDEX as u32;
        if !order.windows(2).fold(false, |any, pair| any | alike(pair)) {
            return;
        }
        let wrong = |pair: &[i32]| bids[unit(pair[1])] < bids[unit(pair[0])];
        if order.windows(2).fold(false, |any, pair| any | wrong(pair)) {
            order.sort_by_key(|&word| key(bids[unit(word)])); // stable
        }
    }
}

impl Default for Few {
    fn default() -> Self {
        Self::new()
    }
}

/// A word that sorts as the bid does, then as the index.
#[inline(always)]
fn pack(bid: f64, unit: usize) -> i32 {
    let bits = (positive_zero(bid) as f32).to_bits() as i32;
    let ordered = bits ^ ((bits >> 31) & i32::MAX); // negative floats order the other way round
    (ordered & !INDEX) | unit as i32
}

#[inline(always)]
fn unit(word: i32) -> usize {
    (word & INDEX) as usize
}

/// Counts for each of the first words how many of them are smaller.
#[inline(always)]
fn count_smaller<const AVX2: bool>(words: &Words, units: usize, counts: &mut Words) {
    #[cfg(target_arch = "x86_64")]
    if AVX2 {
        // SAFETY: the caller says that the processor has it.
        return unsafe { count_smaller_avx2(words, units, counts) };
    }
    const LANES: usize = 8;
    let chunks = words.as_chunks::<LANES>().0.iter().zip(counts.as_chunks_mut::<LANES>().0);
    for (own, counts) in chunks.take(units.div_ceil(LANES)) {
        *counts = [0; LANES];
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
    const LANES: usize = 8;
    let pairs = words.as_chunks::<{ 2 * LANES }>().0.iter();
    let chunks = pairs.zip(counts.as_chunks_mut::<{ 2 * LANES }>().0);
    for (own, counts) in chunks.take(units.div_ceil(2 * LANES)) {
        // SAFETY: eight words lie there, and need no alignment.
        let low = unsafe { _mm256_loadu_si256(own.as_ptr().cast()) };
        // SAFETY: and eight more.
        let high = unsafe { _mm256_loadu_si256(own[LANES..].as_ptr().cast()) };
        let mut low_counts = _mm256_setzero_si256();
        let mut high_counts = _mm256_setzero_si256();
        for &other in &words[..units] {
            let other = _mm256_set1_epi32(other);
            // What is greater gives -1.
            low_counts = _mm256_sub_epi32(low_counts, _mm256_cmpgt_epi32(low, other));
            high_counts = _mm256_sub_epi32(high_counts, _mm256_cmpgt_epi32(high, other));
        }
        // SAFETY: there is room for eight counts.
        unsafe { _mm256_storeu_si256(counts.as_mut_ptr().cast(), low_counts) };
        // SAFETY: and for eight more.
        unsafe { _mm256_storeu_si256(counts[LANES..].as_mut_ptr().cast(), high_counts) };
    }
}
