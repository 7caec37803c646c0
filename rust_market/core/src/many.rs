//! The margin of a market of very many units, by adding up buckets.
//!
//! Units are not dealt into buckets, which would write each to a far place. They are added up there,
//! in one pass (`tally`), and the sums tell in which buckets order counts ([`sums`](mod@crate::sums)).
//! Only the units of those are chosen, dealt and put in order, as [`blocks`](mod@crate::blocks) does.
//!
//! Where sums prove nothing, this gives up, and the caller deals all units.

use crate::blocks::Blocks;
use crate::choose::choose;
use crate::margin::Margin;
use crate::scale::Scale;
use crate::sums::{BUCKETS, MOST_RUNS, Runs, Sums};
use crate::tally::{SAMPLE, tally};

/// Memory for the sums of one market.
#[derive(Debug)]
pub(crate) struct Many {
    sums: Sums,
    runs: Runs,
    /// The bucket of each unit.
    buckets: Vec<u8>,
    /// Units whose order counts.
    chosen: Vec<u32>,
}

impl Many {
    pub const fn new() -> Self {
        Self { sums: Sums::new(), runs: Runs::new(), buckets: Vec::new(), chosen: Vec::new() }
    }

    /// The margin; `None` where a value is bad, or sums are no good for it.
    #[inline(always)]
    pub fn margin<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        blocks: &mut Blocks,
    ) -> Option<Margin> {
        let scale = self.tally::<AVX2>(bids, quantities, demand)?;
        self.choose::<AVX2>(bids.len(), demand, blocks)?;
        self.add::<AVX2>(bids, quantities, scale, demand, blocks)
    }

    /// Checks all units, and adds them up by buckets.
    #[inline(always)]
    pub fn tally<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
    ) -> Option<Scale> {
        if bids.len() < SAMPLE || u32::try_from(bids.len()).is_err() {
            return None;
        }
        tally::<AVX2>(bids, quantities, demand, &mut self.sums, &mut self.buckets)
    }

    /// Chooses the units whose order counts, and deals them.
    #[inline(always)]
    pub fn choose<const AVX2: bool>(
        &mut self,
        units: usize,
        demand: f64,
        blocks: &mut Blocks,
    ) -> Option<()> {
        let Self { sums, runs, buckets, chosen } = self;
        let buckets = &buckets[..units];
        let last = runs.find(sums, demand)?;
        let mut others = [0; MOST_RUNS];
        let mut count = 0;
        for run in runs.buckets().skip(1) {
            others[count] = run.start as u8;
            count += 1;
        }
        let chosen = choose::<AVX2>(buckets, last as u8, &others[..count], chosen)?;
        blocks.deal_some(chosen, buckets, BUCKETS);
        Some(())
    }

    /// Adds sums where order does not count, and units where it does.
    #[inline(always)]
    pub fn add<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        scale: Scale,
        demand: f64,
        blocks: &mut Blocks,
    ) -> Option<Margin> {
        let runs = &self.runs;
        let mut total = 0.0;
        for (number, run) in runs.buckets().enumerate() {
            total = runs.add_before(number, total, demand)?;
            match blocks.add_buckets::<AVX2>(bids, quantities, scale, run, total, demand)? {
                Ok(with) => total = with,
                Err(reached) => return Some(reached.margin(bids)),
            }
        }
        runs.add_rest(total, demand)?;
        Some(Margin::Beyond)
    }

    /// Gives memory back that only an unusually large market needed.
    pub fn shrink_to(&mut self, units: usize) {
        if self.buckets.capacity() > units {
            *self = Self::new();
        }
    }
}

#[cfg(test)]
mod tests;
