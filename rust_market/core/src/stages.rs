//! Clearing a market of many units, stage by stage, for the benchmark that times them.

use crate::blocks::{Blocks, scale};
use crate::clearing::Market;
use crate::cpu::{self, Task};
use crate::dispatch::dispatch;
use crate::rules::Rules;

/// What [`clear`](crate::clear) does to many units, in this order.
pub const STAGES: [&str; 5] = ["check", "range", "deal", "add", "dispatch"];

/// Memory to clear markets with, stage by stage.
#[derive(Debug)]
pub struct Stages {
    blocks: Blocks,
}

impl Stages {
    /// Allocates nothing.
    pub const fn new() -> Self {
        Self { blocks: Blocks::new() }
    }

    /// Clears a market of many units, and tells when each of the [`STAGES`] is done.
    ///
    /// Returns the price, or `None` where [`clear`](crate::clear) takes another way.
    pub fn clear(
        &mut self,
        market: Market<'_>,
        cleared: &mut [f64],
        done: impl FnMut(),
    ) -> Option<f64> {
        cpu::run(Staged { market, blocks: &mut self.blocks, cleared, done })
    }
}

impl Default for Stages {
    fn default() -> Self {
        Self::new()
    }
}

struct Staged<'a, D> {
    market: Market<'a>,
    blocks: &'a mut Blocks,
    cleared: &'a mut [f64],
    done: D,
}

impl<D: FnMut()> Task for Staged<'_, D> {
    type Output = Option<f64>;

    #[inline(always)]
    fn run<const AVX2: bool>(self) -> Option<f64> {
        let Self { market, blocks, cleared, mut done } = self;
        let Market { bids, quantities, demand } = market;
        let rules = Rules::default();
        let good = market.is_good(rules);
        done();
        if !good {
            return None;
        }
        let scale = scale(bids)?;
        done();
        blocks.deal(bids, scale);
        done();
        let margin = blocks.add_all::<AVX2>(bids, quantities, scale, demand)?;
        done();
        let price = dispatch(bids, quantities, demand, rules, margin, cleared);
        done();
        Some(price)
    }
}
