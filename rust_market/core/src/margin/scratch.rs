//! Memory to find margins with, and the choice of the way.

use crate::error::OutOfMemory;
use crate::fault::good_values;
use crate::margin::Margin;
use crate::margin::all_pairs;
use crate::margin::bucket_blocks::BucketBlocks;
use crate::margin::bucket_sums::BucketSums;
use crate::margin::bucket_walk::BucketWalk;
use crate::margin::full_sort::MeritOrder;
use crate::margin::rank_count::RankCount;
use crate::market::Market;
use crate::rules::{Rules, Ties, some};
use crate::simd::Instructions;
use crate::thresholds::{ALL_PAIRS, BUCKET_BLOCKS, BUCKET_WALK, RANK_COUNT};
use crate::values::positive_zero;

/// No market needs more scratch memory than so many numbers of eight bytes a unit, and
/// [`Scratch`] itself; evenly spread bids need less than two.
pub const MOST_NUMBERS_A_UNIT: usize = 17;

/// Memory to clear markets with; reused, so that clearing does not allocate.
#[derive(Debug)]
pub struct Scratch {
    pub(crate) rank_count: RankCount,
    pub(crate) bucket_walk: BucketWalk,
    pub(crate) bucket_blocks: BucketBlocks,
    pub(crate) bucket_sums: BucketSums,
    pub(crate) full_sort: MeritOrder,
}

impl Scratch {
    /// Allocates nothing.
    pub const fn new() -> Self {
        Self {
            rank_count: RankCount::new(),
            bucket_walk: BucketWalk::new(),
            bucket_blocks: BucketBlocks::new(),
            bucket_sums: BucketSums::new(),
            full_sort: MeritOrder::new(),
        }
    }

    /// Finds the margin of one market, or `None` where a value is bad.
    ///
    /// # Panics
    /// If the slices are empty or differ in length.
    #[inline(always)]
    pub(crate) fn checked_margin<I: Instructions>(
        &mut self,
        market: Market<'_>,
        rules: Rules,
    ) -> Result<Option<Margin>, OutOfMemory> {
        let Market { bids, quantities, demand } = market;
        let threshold = rules.threshold(positive_zero(demand));
        let margin = match self.summed_margin::<I>(bids, quantities, some(threshold)) {
            Some(margin) if good_values(&[], &[], &[demand]) => margin,
            None if good_values(bids, quantities, &[demand]) => {
                self.moved_margin::<I>(bids, quantities, some(threshold), rules.ties)?
            }
            _ => return Ok(None),
        };
        Ok(Some(margin.settled(bids, threshold)))
    }

    /// Finds the margin of one market. Any bits are safe; only values that pass
    /// [`check`](crate::check) have a meaning.
    ///
    /// # Panics
    /// If the slices are empty or differ in length.
    #[inline(always)]
    pub(crate) fn margin<I: Instructions>(
        &mut self,
        market: Market<'_>,
        rules: Rules,
    ) -> Result<Margin, OutOfMemory> {
        let Market { bids, quantities, demand } = market;
        let threshold = rules.threshold(positive_zero(demand));
        let margin = match self.summed_margin::<I>(bids, quantities, some(threshold)) {
            Some(margin) => margin,
            None => self.moved_margin::<I>(bids, quantities, some(threshold), rules.ties)?,
        };
        Ok(margin.settled(bids, threshold))
    }

    /// The margin by sums of buckets, which checks the values, too. `None` where one is bad, or the
    /// margin has to be found in another way.
    #[inline(always)]
    fn summed_margin<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
    ) -> Option<Margin> {
        if bids.len() <= BUCKET_BLOCKS {
            return None;
        }
        self.bucket_sums.margin::<I>(bids, quantities, demand, &mut self.bucket_blocks)
    }

    /// The margin by a way that moves units.
    #[inline(always)]
    fn moved_margin<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        ties: Ties,
    ) -> Result<Margin, OutOfMemory> {
        if bids.len() <= ALL_PAIRS {
            return Ok(all_pairs::margin(bids, quantities, demand, ties));
        }
        if bids.len() <= RANK_COUNT {
            return Ok(self.rank_count.margin::<I>(bids, quantities, demand, ties));
        }
        let margin = if bids.len() <= BUCKET_WALK {
            self.bucket_walk.margin(bids, quantities, demand, ties)
        } else {
            self.bucket_blocks.margin::<I>(bids, quantities, demand)
        };
        match margin {
            Some(margin) => Ok(margin),
            None => self.sorted_margin(bids, quantities, demand, ties),
        }
    }

    /// The margin by a full sort, where the bids defeat the buckets, or there is no memory for those.
    #[cold]
    fn sorted_margin(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        ties: Ties,
    ) -> Result<Margin, OutOfMemory> {
        self.full_sort.sort(bids)?;
        Ok(self.full_sort.margin(bids, quantities, demand, ties))
    }

    /// Gives memory back that only an unusually large market needed.
    pub fn shrink_to(&mut self, units: usize) {
        self.bucket_walk.shrink_to(units);
        self.bucket_blocks.shrink_to(units);
        self.bucket_sums.shrink_to(units);
        self.full_sort.shrink_to(units);
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}
