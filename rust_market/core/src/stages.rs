//! Clearing a market in a given way, or stage by stage, for the benchmarks that time that.

use crate::clearing::clear;
use crate::dispatch::dispatch;
use crate::fault::good_values;
use crate::margin::Margin;
use crate::margin::bucket_blocks::scale;
use crate::margin::scratch::Scratch;
use crate::market::Market;
use crate::rules::{Rules, Ties, some};
use crate::simd::{self, Instructions, Task};
use crate::thresholds::{ALL_PAIRS, BUCKET_BLOCKS, RANK_COUNT};

/// A way to find the margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    AllPairs,
    RankCount,
    BucketWalk,
    BucketBlocks,
    BucketSums,
    FullSort,
}

impl Way {
    pub const ALL: [Self; 6] = [
        Self::AllPairs,
        Self::RankCount,
        Self::BucketWalk,
        Self::BucketBlocks,
        Self::BucketSums,
        Self::FullSort,
    ];

    /// Whether it can be gone with so many units.
    pub fn takes(self, units: usize) -> bool {
        match self {
            Self::AllPairs => units <= ALL_PAIRS,
            Self::RankCount => units <= RANK_COUNT,
            Self::BucketBlocks => units > RANK_COUNT,
            Self::BucketSums => units >= 4096, // with fewer its sample tells too little
            Self::BucketWalk | Self::FullSort => true,
        }
    }
}

/// Clears a market in one way, whichever is the fastest.
///
/// Returns the price, or `None` where that way gives up.
pub fn clear_by(
    way: Way,
    market: Market<'_>,
    scratch: &mut Scratch,
    cleared: &mut [f64],
) -> Option<f64> {
    if way == Way::AllPairs {
        // Compiled for each number of units.
        return if way.takes(market.bids.len()) {
            clear(market, Rules::default(), scratch, cleared).ok()
        } else {
            None
        };
    }
    simd::run(InOneWay { way, market, scratch, cleared })
}

struct InOneWay<'a> {
    way: Way,
    market: Market<'a>,
    scratch: &'a mut Scratch,
    cleared: &'a mut [f64],
}

impl Task for InOneWay<'_> {
    type Output = Option<f64>;

    #[inline(always)]
    fn run<I: Instructions>(self) -> Option<f64> {
        let Self { way, market: Market { bids, quantities, demand }, scratch, cleared } = self;
        let rules = Rules::default();
        let threshold = some(rules.threshold(demand));
        if way != Way::BucketSums && !good_values(bids, quantities, &[demand]) {
            return None;
        }
        let Scratch { rank_count, bucket_walk, bucket_blocks, bucket_sums, full_sort } = scratch;
        let first = Ties::First;
        let margin = match way {
            Way::AllPairs => return None,
            Way::RankCount => rank_count.margin::<I>(bids, quantities, threshold, first),
            Way::BucketWalk => bucket_walk.margin(bids, quantities, threshold, first)?,
            Way::BucketBlocks => bucket_blocks.margin::<I>(bids, quantities, threshold)?,
            Way::BucketSums => {
                bucket_sums.margin::<I>(bids, quantities, threshold, bucket_blocks)?
            }
            Way::FullSort => {
                full_sort.sort(bids).ok()?;
                full_sort.margin(bids, quantities, threshold, first)
            }
        };
        Some(dispatch(bids, quantities, demand, rules, margin, cleared))
    }
}

/// The stages of [`Way::BucketBlocks`].
pub const STAGES_OF_BLOCKS: [&str; 5] = ["check", "range", "deal", "add", "dispatch"];

/// The stages of [`Way::BucketSums`].
pub const STAGES_OF_SUMS: [&str; 5] = ["add up", "powers", "round", "walk", "dispatch"];

/// The way of these two in which [`clear`](crate::clear) clears so many units.
pub fn staged_way(units: usize) -> Way {
    if units > BUCKET_BLOCKS { Way::BucketSums } else { Way::BucketBlocks }
}

/// Clears a market of many units, and tells when each of the stages is done.
///
/// Returns the price, or `None` where [`clear`](crate::clear) takes another way.
pub fn clear_staged(
    market: Market<'_>,
    scratch: &mut Scratch,
    cleared: &mut [f64],
    done: impl FnMut(),
) -> Option<f64> {
    simd::run(Staged { market, scratch, cleared, done })
}

struct Staged<'a, D> {
    market: Market<'a>,
    scratch: &'a mut Scratch,
    cleared: &'a mut [f64],
    done: D,
}

impl<D: FnMut()> Task for Staged<'_, D> {
    type Output = Option<f64>;

    #[inline(always)]
    fn run<I: Instructions>(self) -> Option<f64> {
        let Self { market, scratch, cleared, mut done } = self;
        let Market { bids, quantities, demand } = market;
        let margin = if staged_way(bids.len()) == Way::BucketSums {
            sums_staged::<I>(scratch, market, &mut done)?
        } else {
            blocks_staged::<I>(scratch, market, &mut done)?
        };
        done();
        let price = dispatch(bids, quantities, demand, Rules::default(), margin, cleared);
        done();
        Some(price)
    }
}

#[inline(always)]
fn blocks_staged<I: Instructions>(
    scratch: &mut Scratch,
    market: Market<'_>,
    done: &mut impl FnMut(),
) -> Option<Margin> {
    let Market { bids, quantities, demand } = market;
    let threshold = some(Rules::default().threshold(demand));
    let blocks = &mut scratch.bucket_blocks;
    let good = good_values(bids, quantities, &[demand]);
    done();
    if !good {
        return None;
    }
    let scale = scale(bids)?;
    done();
    blocks.deal(bids, scale)?;
    done();
    Some(match blocks.add::<I>(bids, quantities, scale, 0.0, threshold)? {
        Ok(_) => Margin::Beyond,
        Err(reached) => reached.margin(bids),
    })
}

#[inline(always)]
fn sums_staged<I: Instructions>(
    scratch: &mut Scratch,
    market: Market<'_>,
    done: &mut impl FnMut(),
) -> Option<Margin> {
    let Market { bids, quantities, demand } = market;
    let threshold = some(Rules::default().threshold(demand));
    let Scratch { bucket_sums, bucket_blocks, .. } = scratch;
    bucket_sums.add_up(bids, quantities)?;
    done();
    bucket_sums.find_powers(threshold)?;
    done();
    bucket_sums.add_rounded(quantities);
    done();
    bucket_sums.walk::<I>(bids, quantities, threshold, bucket_blocks)
}
