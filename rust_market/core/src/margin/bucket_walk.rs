//! The margin of a market of many units, by sorting into buckets, and no further than needed.
//!
//! There is about one bucket for each unit. A bid's bucket follows from where it lies between the
//! lowest and the highest bid, so units that stand bucket after bucket are nearly in merit order.
//! Then one walk adds up supply. It always holds the dearer one of two neighbours back, which puts
//! most buckets right without a branch; where that was not enough, and at the margin, the bucket
//! is sorted. Nothing beyond the margin's bucket ever is.
//!
//! Bids that crowd into few buckets would make this slow, and a range that is not finite makes it
//! meaningless; then it gives up, and the caller sorts in full.

use std::hint::select_unpredictable;
use std::ops::Range;

use crate::margin::scale::Scale;
use crate::margin::{Margin, first_at_price};
use crate::rules::Ties;
use crate::values::{key, make_room, positive_zero, refill};

/// Moves within buckets, for each unit, after which a full sort is the faster way.
const MOVES: usize = 4;

/// So many ranks back supply is remembered. A unit that has to go further defeats the buckets.
const RECENT: usize = 256;

/// Memory for the buckets of one market.
#[derive(Debug)]
pub(crate) struct BucketWalk {
    /// The bucket of each unit.
    bucket: Vec<u32>,
    /// Where each bucket ends in `order`.
    ends: Vec<u32>,
    /// The units, bucket after bucket; as far as the walk came, in merit order.
    order: Vec<u32>,
    /// Supply of the units before each of the last ranks that were added.
    supply: [f64; RECENT],
}

impl BucketWalk {
    pub const fn new() -> Self {
        Self { bucket: Vec::new(), ends: Vec::new(), order: Vec::new(), supply: [0.0; RECENT] }
    }

    /// The margin, or `None` where the bids are no good for buckets, or there is no memory for them.
    #[inline(always)]
    pub fn margin(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        ties: Ties,
    ) -> Option<Margin> {
        let scale = Scale::new(bids, u32::try_from(bids.len()).ok()? - 1)?;
        self.fill(bids, scale)?;
        let units = bids.len();
        let quantity = |unit: u32| positive_zero(quantities[unit as usize]);
        let mut moves = MOVES * units;
        let mut next = 0;
        while next < units {
            let stop = self.walk(next, bids, demand, quantity);
            if stop == units {
                break;
            }
            // At the margin, or out of order: now the whole bucket counts.
            let unit = self.order[stop] as usize;
            let end = self.ends[self.bucket[unit] as usize] as usize;
            let end = end.max(stop + 1); // it is more already, unless the bids are no numbers
            let first = self.sort(stop..end, bids, &mut moves)?;
            if let Some(rank) = self.add(first..end, demand, quantity) {
                return Some(self.at(rank, bids, ties, quantity));
            }
            next = end;
        }
        Some(Margin::Beyond)
    }

    /// Puts the units into buckets, in index order within each.
    #[inline(always)]
    fn fill(&mut self, bids: &[f64], scale: Scale) -> Option<()> {
        let units = bids.len();
        refill(&mut self.bucket, 0, bids.iter().map(|&bid| scale.bucket(bid))).ok()?;
        make_room(&mut self.ends, units, 0).ok()?;
        self.ends.fill(0);
        make_room(&mut self.order, units, 0).ok()?;
        // As slices, or their addresses would be read again for each unit.
        let (bucket, ends) = (&self.bucket[..], &mut self.ends[..]);
        let order = &mut self.order[..units];
        for &bucket in bucket {
            ends[bucket as usize] += 1;
        }
        let mut start = 0;
        for count in &mut *ends {
            start += std::mem::replace(count, start);
        }
        for (unit, &bucket) in bucket.iter().enumerate() {
            let place = &mut ends[bucket as usize]; // becomes the bucket's end
            order[*place as usize] = unit as u32;
            *place += 1;
        }
        self.supply[0] = 0.0;
        Some(())
    }

    /// Adds units from `next` on, where a bucket begins, always the cheaper of two neighbours.
    ///
    /// Stops at the first that reaches demand or comes after a dearer one, else after the last.
    #[inline(always)]
    fn walk(
        &mut self,
        next: usize,
        bids: &[f64],
        demand: f64,
        quantity: impl Fn(u32) -> f64,
    ) -> usize {
        let units = bids.len();
        let order = &mut self.order[..units];
        let supply = &mut self.supply;
        let mut total = supply[next % RECENT];
        let mut previous = 0;
        let mut held = order[next];
        let mut held_key = key(bids[held as usize]);
        for rank in next..units - 1 {
            let other = order[rank + 1];
            let other_key = key(bids[other as usize]);
            let swap = other_key < held_key;
            let unit = select_unpredictable(swap, other, held);
            let unit_key = select_unpredictable(swap, other_key, held_key);
            held = select_unpredictable(swap, held, other);
            held_key = select_unpredictable(swap, held_key, other_key);
            order[rank] = unit;
            supply[rank % RECENT] = total;
            total += quantity(unit);
            if (total >= demand) | (unit_key < previous) {
                order[rank + 1] = held;
                return rank;
            }
            previous = unit_key;
        }
        order[units - 1] = held;
        supply[(units - 1) % RECENT] = total;
        total += quantity(held);
        if (total >= demand) | (held_key < previous) { units - 1 } else { units }
    }

    /// Sorts units into those before them in their bucket; gives the first place that changed.
    /// `None` when there are too many moves, or one goes too far back.
    #[inline(always)]
    fn sort(&mut self, ranks: Range<usize>, bids: &[f64], moves: &mut usize) -> Option<usize> {
        let order = &mut self.order[..ranks.end];
        let start = ranks.start;
        let mut first = start;
        for rank in ranks {
            let unit = order[rank];
            let bid = bids[unit as usize];
            let mut place = rank;
            while place > 0 && bid < bids[order[place - 1] as usize] {
                order[place] = order[place - 1];
                place -= 1;
            }
            order[place] = unit;
            *moves = moves.checked_sub(rank - place)?;
            first = first.min(place);
        }
        (start - first < RECENT).then_some(first)
    }

    /// Adds units that are in order, and gives the rank of the first one that reaches demand.
    #[inline(always)]
    fn add(
        &mut self,
        ranks: Range<usize>,
        demand: f64,
        quantity: impl Fn(u32) -> f64,
    ) -> Option<usize> {
        let mut total = self.supply[ranks.start % RECENT];
        for rank in ranks.clone() {
            self.supply[rank % RECENT] = total;
            total += quantity(self.order[rank]);
            if total >= demand {
                return Some(rank);
            }
        }
        self.supply[ranks.end % RECENT] = total;
        None
    }

    fn at(&self, rank: usize, bids: &[f64], ties: Ties, quantity: impl Fn(u32) -> f64) -> Margin {
        let before = self.supply[rank % RECENT];
        let cheaper = match ties {
            Ties::First => before,
            Ties::ProRata => {
                let first = first_at_price(bids, rank, |rank| self.order[rank] as usize);
                self.order[..first].iter().fold(0.0, |sum, &unit| sum + quantity(unit))
            }
        };
        Margin::At { unit: self.order[rank] as usize, before, cheaper }
    }

    /// Gives memory back that only an unusually large market needed.
    pub fn shrink_to(&mut self, units: usize) {
        if self.bucket.capacity() > units {
            *self = Self::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn margin(bids: &[f64]) -> Option<Margin> {
        let quantities = vec![1.0; bids.len()];
        BucketWalk::new().margin(bids, &quantities, 0.5 * bids.len() as f64, Ties::First)
    }

    /// Numbers between 0 and 1 in no order.
    fn numbers() -> impl Iterator<Item = f64> {
        (0..1000).map(|k| (f64::from(k) * 0.618_033_988_749_895).fract())
    }

    #[test]
    fn spread_bids_need_no_full_sort() {
        assert!(margin(&numbers().collect::<Vec<_>>()).is_some());
        assert!(margin(&[7.0; 1000]).is_some());
        assert!(margin(&numbers().map(|bid| bid.round()).collect::<Vec<_>>()).is_some());
    }

    #[test]
    fn crowded_bids_need_one() {
        let exponential: Vec<f64> = numbers().map(|bid| (700.0 * bid).exp()).collect();
        assert_eq!(margin(&exponential), None);
        let mut outlier: Vec<f64> = numbers().collect();
        outlier[7] = 1e300;
        assert_eq!(margin(&outlier), None);
    }

    #[test]
    fn units_that_come_from_far_behind_need_one() {
        // One bucket holds all but the dearest. The last of them comes first: no supply is
        // remembered that far back, and so few moves are no reason to give up.
        let margin = |behind: usize| {
            let ascending = (1..=behind).map(|k| k as f64);
            let bids: Vec<f64> = ascending.chain([0.5, 1e9]).collect();
            let demand = bids.len() as f64;
            BucketWalk::new().margin(&bids, &vec![1.0; bids.len()], demand, Ties::First)
        };
        assert!(margin(RECENT).is_some());
        assert_eq!(margin(RECENT + 1), None);
    }

    #[test]
    fn ranges_that_are_no_number_need_one() {
        for (low, high) in [(-f64::MAX, f64::MAX), (0.0, f64::from_bits(3))] {
            let bids: Vec<f64> = (0..1000).map(|k| if k % 2 == 0 { high } else { low }).collect();
            assert_eq!(margin(&bids), None);
        }
    }

    #[test]
    fn buckets_go_up_with_bids() {
        let mut bids: Vec<f64> = numbers().map(|bid| 1e3 * (bid - 0.5)).collect();
        bids.sort_by(f64::total_cmp);
        let scale = Scale::new(&bids, 999).unwrap();
        let buckets: Vec<u32> = bids.iter().map(|&bid| scale.bucket(bid)).collect();
        assert!(buckets.is_sorted());
        assert_eq!((buckets[0], buckets[999]), (0, 999));
        assert!(scale.bucket(f64::NAN) <= 999 && scale.bucket(f64::INFINITY) <= 999);
    }
}
