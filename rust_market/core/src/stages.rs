//! Clearing a market of many units, stage by stage, for the benchmark that times them.

use crate::dispatch::dispatch;
use crate::fault::good_values;
use crate::margin::Margin;
use crate::margin::bucket_blocks::{BucketBlocks, scale};
use crate::margin::bucket_sums::BucketSums;
use crate::market::Market;
use crate::rules::{Rules, some};
use crate::simd::{self, Task};
use crate::thresholds::BUCKET_BLOCKS;

/// What [`clear`](crate::clear) does to many units, in this order.
pub const STAGES: [&str; 5] = ["check", "range", "deal", "add", "dispatch"];

/// What it does to very many.
pub const STAGES_OF_MANY: [&str; 5] = ["add up", "powers", "round", "walk", "dispatch"];

/// Memory to clear markets with, stage by stage.
#[derive(Debug)]
pub struct Stages {
    blocks: BucketBlocks,
    sums: BucketSums,
}

impl Stages {
    /// Allocates nothing.
    pub const fn new() -> Self {
        Self { blocks: BucketBlocks::new(), sums: BucketSums::new() }
    }

    /// Whether so many units are cleared by the [`STAGES_OF_MANY`].
    pub fn adds_up(units: usize) -> bool {
        units > BUCKET_BLOCKS
    }

    /// Clears a market of many units, and tells when each of the stages is done.
    ///
    /// Returns the price, or `None` where [`clear`](crate::clear) takes another way.
    pub fn clear(
        &mut self,
        market: Market<'_>,
        cleared: &mut [f64],
        done: impl FnMut(),
    ) -> Option<f64> {
        simd::run(Staged { market, stages: self, cleared, done })
    }
}

impl Default for Stages {
    fn default() -> Self {
        Self::new()
    }
}

struct Staged<'a, D> {
    market: Market<'a>,
    stages: &'a mut Stages,
    cleared: &'a mut [f64],
    done: D,
}

impl<D: FnMut()> Task for Staged<'_, D> {
    type Output = Option<f64>;

    #[inline(always)]
    fn run<const AVX2: bool>(self) -> Option<f64> {
        let Self { market, stages, cleared, mut done } = self;
        let Market { bids, quantities, demand } = market;
        let margin = if Stages::adds_up(bids.len()) {
            stages.margin_of_many::<AVX2>(market, &mut done)?
        } else {
            stages.margin::<AVX2>(market, &mut done)?
        };
        done();
        let price = dispatch(bids, quantities, demand, Rules::default(), margin, cleared);
        done();
        Some(price)
    }
}

impl Stages {
    #[inline(always)]
    fn margin<const AVX2: bool>(
        &mut self,
        market: Market<'_>,
        done: &mut impl FnMut(),
    ) -> Option<Margin> {
        let Market { bids, quantities, demand } = market;
        let threshold = some(Rules::default().threshold(demand));
        let good = good_values(bids, quantities, &[demand]);
        done();
        if !good {
            return None;
        }
        let scale = scale(bids)?;
        done();
        self.blocks.deal(bids, scale)?;
        done();
        Some(match self.blocks.add::<AVX2>(bids, quantities, scale, 0.0, threshold)? {
            Ok(_) => Margin::Beyond,
            Err(reached) => reached.margin(bids),
        })
    }

    #[inline(always)]
    fn margin_of_many<const AVX2: bool>(
        &mut self,
        market: Market<'_>,
        done: &mut impl FnMut(),
    ) -> Option<Margin> {
        let Market { bids, quantities, demand } = market;
        let threshold = some(Rules::default().threshold(demand));
        let Self { blocks, sums } = self;
        sums.add_up(bids, quantities)?;
        done();
        sums.find_powers(threshold)?;
        done();
        sums.add_rounded(quantities);
        done();
        sums.walk::<AVX2>(bids, quantities, threshold, blocks)
    }
}
