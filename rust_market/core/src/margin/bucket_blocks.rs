//! The margin of a market of many units, in order only where order counts.
//!
//! A bid's bucket follows from where it lies between the lowest and the highest bid. So whole
//! buckets follow each other in merit order; within one, units stand in index order. Most units can
//! be added as they lie: see [`absorb`](mod@crate::margin::absorb). Where that stops, at the margin and
//! where supply passes a power of two, a few buckets are sorted and their units added one after
//! the other. If they hold too many units for that, the first of them is dealt into buckets anew.
//!
//! Bids that crowd into one bucket time and again, or whose range is no number, are no good for
//! this; then it gives up, and the caller sorts in full.

use std::iter::zip;
use std::ops::Range;

use crate::margin::Margin;
use crate::margin::absorb::{BLOCK, absorb, rounded_sum};
use crate::margin::rank_count::{Offer, RankCount};
use crate::margin::scale::Scale;
use crate::simd::{self, Instructions, Task};
use crate::thresholds::RANK_COUNT;
use crate::values::{make_room, nth_at, refill};

/// About so many units share a bucket.
const UNITS_PER_BUCKET: usize = 8;

/// More buckets than this do not stay in the nearest cache while units are dealt.
const MOST_BUCKETS: usize = 1024;

/// So many of the cheapest units are sorted at once: their sum grows too fast to be absorbed.
const CHEAPEST: usize = 32;

/// The units of the first half and of the second are dealt in turn, each half to places of its own,
/// so that two of sorted bids, which go to one bucket, do not wait for each other. (More parts than
/// two write to more places than stay in the nearest cache.)
const HALVES: usize = 2;
const LAST: usize = HALVES - 1;

/// So many times a crowded bucket is divided, and then one of those. Each time takes memory.
const DEPTH: usize = 3;

/// Where supply reaches demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reached {
    pub price: f64,
    /// How many units with this bid come before the marginal one.
    pub tied: usize,
    /// Supply of all units before it.
    pub before: f64,
    /// Supply of the units that bid less.
    pub cheaper: f64,
}

impl Reached {
    #[inline(always)]
    pub fn margin(self, bids: &[f64]) -> Margin {
        let Self { price, tied, before, cheaper } = self;
        Margin::At { unit: nth_at(bids, price, tied), before, cheaper }
    }
}

/// What comes of adding units: the supply with them, or where it reaches demand.
pub(crate) type Added = Result<f64, Reached>;

/// Memory for the buckets of one market.
#[derive(Debug)]
pub(crate) struct BucketBlocks {
    /// The bucket of each unit; small numbers, since all are read thrice.
    bucket: Vec<u16>,
    /// Where the units of each half end in each bucket.
    ends: Vec<[u32; HALVES]>,
    /// The units, bucket after bucket.
    order: Vec<u32>,
    few: RankCount,
    /// The offers of some units that are sorted.
    some: [Offer; RANK_COUNT],
    /// A bucket that is to be divided: none or one.
    crowd: Vec<Crowd>,
    /// How often that may be done to it, and what it is divided into.
    depth: usize,
}

impl BucketBlocks {
    pub const fn new() -> Self {
        Self::of_depth(DEPTH)
    }

    const fn of_depth(depth: usize) -> Self {
        Self {
            bucket: Vec::new(),
            ends: Vec::new(),
            order: Vec::new(),
            few: RankCount::new(),
            some: [Offer { bid: 0.0, quantity: 0.0 }; RANK_COUNT],
            crowd: Vec::new(),
            depth,
        }
    }

    /// The margin, or `None` where the bids are no good for buckets, or there is no memory for them.
    #[inline(always)]
    pub fn margin<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
    ) -> Option<Margin> {
        let scale = scale(bids)?;
        self.deal(bids, scale)?;
        Some(match self.add::<I>(bids, quantities, scale, 0.0, demand)? {
            Ok(_) => Margin::Beyond,
            Err(reached) => reached.margin(bids),
        })
    }

    /// Adds units whose order counts to a supply that is short of the demand; `None` as above.
    #[inline(always)]
    pub fn add_units<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        supply: f64,
        demand: f64,
    ) -> Option<Added> {
        simd::run_either(!I::AVX2, Add { blocks: self, bids, quantities, supply, demand })
    }

    /// Puts the units into buckets, in index order within each.
    #[inline(always)]
    pub fn deal(&mut self, bids: &[f64], scale: Scale) -> Option<()> {
        refill(&mut self.bucket, 0, bids.iter().map(|&bid| scale.bucket(bid) as u16)).ok()?;
        make_room(&mut self.ends, scale.last as usize + 1, [0; HALVES]).ok()?;
        self.ends.fill([0; HALVES]);
        make_room(&mut self.order, bids.len(), 0).ok()?;
        count(&self.bucket, &mut self.ends);
        place(&self.bucket, &mut self.ends, &mut self.order);
        Some(())
    }

    /// Adds units, which are in buckets, to a supply that is short of the demand.
    #[inline(always)]
    pub fn add<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        scale: Scale,
        supply: f64,
        demand: f64,
    ) -> Option<Added> {
        let units = bids.len();
        let least = if supply == 0.0 { CHEAPEST } else { 0 };
        let mut total = supply;
        let mut next = 0;
        while next < units {
            // `total` is the supply with the units before `next`, where a bucket begins.
            let (count, with) = absorb(&self.order[next..units], quantities, total, demand);
            let reached = next + count;
            if reached >= units {
                return Some(Ok(with));
            }
            let begin = self.begin(scale, reached).clamp(next, reached);
            total = with - rounded_sum(&self.order[begin..reached], quantities, with);
            let stop = (reached + BLOCK).max(least).min(units);
            let ranks = begin..self.end(scale, begin, stop);
            next = ranks.end;
            let added = if scale.flat() {
                add_equal(bids[0], &quantities[ranks.clone()], ranks.start, total, supply, demand)
            } else if ranks.len() <= RANK_COUNT {
                self.add_few::<I>(bids, quantities, ranks, scale, total, demand)
            } else {
                self.add_crowd::<I>(bids, quantities, ranks, total, demand)?
            };
            match added {
                Ok(with) => total = with,
                Err(reached) => return Some(Err(reached)),
            }
        }
        Some(Ok(total))
    }

    /// Where the bucket of the offer at a rank begins.
    #[inline(always)]
    fn begin(&self, scale: Scale, rank: usize) -> usize {
        if scale.flat() {
            return rank;
        }
        self.bucket_at(rank).checked_sub(1).map_or(0, |before| self.bucket_end(before))
    }

    /// Where a bucket ends, so that at least `stop` is reached: but if those are many, the first.
    #[inline(always)]
    fn end(&self, scale: Scale, begin: usize, stop: usize) -> usize {
        if scale.flat() {
            return stop;
        }
        let end = |rank: usize| self.bucket_end(self.bucket_at(rank)).max(rank + 1);
        let last = end(stop - 1);
        if last - begin <= RANK_COUNT { last } else { end(begin) }
    }

    #[inline(always)]
    fn bucket_end(&self, bucket: usize) -> usize {
        self.ends[bucket][LAST] as usize
    }

    #[inline(always)]
    fn bucket_at(&self, rank: usize) -> usize {
        self.bucket[self.order[rank] as usize] as usize
    }

    /// Sorts a few units and adds them one after the other.
    #[inline(always)]
    fn add_few<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        ranks: Range<usize>,
        scale: Scale,
        supply: f64,
        demand: f64,
    ) -> Added {
        let units = ranks.len();
        for (offer, &unit) in self.some.iter_mut().zip(&self.order[ranks]) {
            let unit = unit as usize;
            *offer = Offer { bid: bids[unit], quantity: quantities[unit] };
        }
        let number = scale.within(self.some[0].bid, self.some[units - 1].bid);
        self.add_some::<I>(units, number, supply, demand)
    }

    /// Sorts some units by a number that goes up with the bid, and adds them one after the other.
    #[inline(always)]
    fn add_some<I: Instructions>(
        &mut self,
        units: usize,
        number: impl Fn(f64) -> i32,
        supply: f64,
        demand: f64,
    ) -> Added {
        let offers = &self.some;
        self.few.sort_offers::<I>(offers, units, number);
        let added = self.few.add(units, supply, demand, |unit| offers[unit]);
        added.map_err(|(rank, before)| self.reached(rank, supply, before))
    }

    /// Supply reaches demand at this rank of a few units that were sorted.
    #[cold]
    fn reached(&self, rank: usize, supply: f64, before: f64) -> Reached {
        let offer = |rank: usize| self.some[self.few.unit(rank)];
        let price = offer(rank).bid;
        let tied = (0..rank).rev().take_while(|&rank| offer(rank).bid == price).count();
        let cheaper = (0..rank - tied).fold(supply, |sum, rank| sum + offer(rank).quantity);
        Reached { price, tied, before, cheaper }
    }

    /// Divides a bucket of many units into buckets of its own.
    #[inline(always)]
    fn add_crowd<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        ranks: Range<usize>,
        supply: f64,
        demand: f64,
    ) -> Option<Added> {
        let depth = self.depth.checked_sub(1)?;
        if self.crowd.is_empty() {
            self.crowd.try_reserve_exact(1).ok()?;
            self.crowd.push(Crowd::of_depth(depth));
        }
        let crowd = &mut self.crowd[0];
        let units = || self.order[ranks.clone()].iter().map(|&unit| unit as usize);
        refill(&mut crowd.bids, 0.0, units().map(|unit| bids[unit])).ok()?;
        refill(&mut crowd.quantities, 0.0, units().map(|unit| quantities[unit])).ok()?;
        crowd.blocks.add_units::<I>(&crowd.bids, &crowd.quantities, supply, demand)
    }

    /// Gives memory back that only an unusually large market needed.
    pub fn shrink_to(&mut self, units: usize) {
        if self.bucket.capacity() > units {
            *self = Self::new();
        }
    }
}

/// A bucket that is divided, apart from those of the market.
#[derive(Debug)]
struct Crowd {
    bids: Vec<f64>,
    quantities: Vec<f64>,
    blocks: BucketBlocks,
}

impl Crowd {
    fn of_depth(depth: usize) -> Self {
        Self { bids: Vec::new(), quantities: Vec::new(), blocks: BucketBlocks::of_depth(depth) }
    }
}

/// Adding units whose order counts: code of its own, or it would be compiled in many places.
struct Add<'a> {
    blocks: &'a mut BucketBlocks,
    bids: &'a [f64],
    quantities: &'a [f64],
    supply: f64,
    demand: f64,
}

impl Task for Add<'_> {
    type Output = Option<Added>;

    #[inline(always)]
    fn run<I: Instructions>(self) -> Option<Added> {
        let Self { blocks, bids, quantities, supply, demand } = self;
        if bids.len() <= RANK_COUNT {
            let scale = Scale::new(bids, 1)?;
            for (offer, (&bid, &quantity)) in blocks.some.iter_mut().zip(zip(bids, quantities)) {
                *offer = Offer { bid, quantity };
            }
            let number = scale.within(scale.lowest, scale.highest);
            return Some(blocks.add_some::<I>(bids.len(), number, supply, demand));
        }
        let scale = scale(bids)?;
        blocks.deal(bids, scale)?;
        blocks.add::<I>(bids, quantities, scale, supply, demand)
    }
}

/// Adds units that bid the same, as all before them do; `rank` is that of the first.
#[inline(always)]
fn add_equal(
    price: f64,
    quantities: &[f64],
    rank: usize,
    mut total: f64,
    cheaper: f64,
    demand: f64,
) -> Added {
    for (tied, quantity) in (rank..).zip(quantities) {
        let before = total;
        total += quantity;
        if total >= demand {
            return Err(Reached { price, tied, before, cheaper });
        }
    }
    Ok(total)
}

/// From bids to buckets, or `None` where the range is no number or places do not fit into 32 bits.
#[inline(always)]
pub(crate) fn scale(bids: &[f64]) -> Option<Scale> {
    u32::try_from(bids.len() + RANK_COUNT).ok()?;
    Scale::new(bids, (bids.len() / UNITS_PER_BUCKET).min(MOST_BUCKETS) as u32)
}

/// Counts the units of each bucket and half, and then all that come before those.
#[inline(never)] // so that the compiler has all registers for this
fn count(bucket: &[u16], counts: &mut [[u32; HALVES]]) {
    in_turn(bucket, |_, bucket, half| counts[usize::from(bucket)][half] += 1);
    let mut start = 0;
    for [first, second] in counts {
        let end = start + (*first + *second);
        (*first, *second) = (start, start + *first);
        start = end;
    }
}

/// Puts each unit into its bucket, at the next place there of its half.
#[inline(never)] // as above
fn place(bucket: &[u16], places: &mut [[u32; HALVES]], order: &mut [u32]) {
    in_turn(bucket, |unit, bucket, half| {
        let place = &mut places[usize::from(bucket)][half];
        order[*place as usize] = unit as u32;
        *place += 1;
    });
}

/// Goes through the units and their buckets, one of the first half and one of the second in turn.
#[inline(always)]
fn in_turn(bucket: &[u16], mut each: impl FnMut(usize, u16, usize)) {
    let middle = bucket.len() / HALVES;
    let (first, second) = bucket.split_at(middle);
    for (unit, (&one, &other)) in first.iter().zip(second).enumerate() {
        each(unit, one, 0);
        each(middle + unit, other, 1);
    }
    if first.len() < second.len() {
        each(bucket.len() - 1, second[middle], 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    fn margin(bids: &[f64]) -> Option<Margin> {
        let quantities = vec![1.0; bids.len()];
        BucketBlocks::new().margin::<Portable>(bids, &quantities, 0.5 * bids.len() as f64)
    }

    #[test]
    fn crowded_bids_need_no_full_sort_either() {
        let numbers = (0..1000).map(|k| (f64::from(k) * 0.618_033_988_749_895).fract());
        let mut outlier: Vec<f64> = numbers.clone().collect();
        outlier[7] = 1e300;
        assert!(margin(&outlier).is_some());
        assert!(margin(&[7.0; 1000]).is_some());
        assert!(margin(&numbers.map(|bid| bid.round()).collect::<Vec<_>>()).is_some());
    }

    #[test]
    fn bids_of_ever_smaller_ranges_need_one() {
        let bids: Vec<f64> = (0..1000).map(|k| (-0.6 * f64::from(k)).exp()).collect();
        assert_eq!(margin(&bids), None);
    }

    #[test]
    fn ranges_that_are_no_number_need_one() {
        for (low, high) in [(-f64::MAX, f64::MAX), (0.0, f64::from_bits(3))] {
            let bids: Vec<f64> = (0..1000).map(|k| if k % 2 == 0 { high } else { low }).collect();
            assert_eq!(margin(&bids), None);
        }
    }

    #[test]
    fn any_bits_are_safe() {
        let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0, f64::MAX, -f64::NAN, 1e-320, -f64::MAX];
        let pick = |seed: u64, spread: u64| {
            let bits = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            if bits.is_multiple_of(spread) {
                odd[(bits >> 8) as usize % odd.len()]
            } else {
                bits as f64 / 1e9
            }
        };
        for seed in 0..if cfg!(miri) { 2 } else { 200 } {
            for spread in [1, 5, 400] {
                let bids: Vec<f64> = (0..700).map(|k| pick(seed + 1000 * k, spread)).collect();
                let quantities: Vec<f64> = (0..700).map(|k| pick(seed + 77 * k, 300)).collect();
                for demand in [f64::NAN, -1.0, 300.0, f64::INFINITY] {
                    BucketBlocks::new().margin::<Portable>(&bids, &quantities, demand);
                }
            }
        }
    }
}
