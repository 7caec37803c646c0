//! The margin: where the merit order meets demand.

use crate::blocks::Blocks;
use crate::bucket_sums::BucketSums;
use crate::buckets::Buckets;
use crate::clearing::Market;
use crate::fault::good_values;
use crate::few::{FEW, Few};
use crate::merit_order::MeritOrder;
use crate::pairs::{self, HANDFUL};
use crate::rules::{Rules, Ties, some};

/// Memory is kept between calls for markets of up to so many units.
pub const KEPT_UNITS: usize = 1 << 18;

/// No market needs more scratch memory than so many numbers of eight bytes a unit, and
/// [`Scratch`] itself; evenly spread bids need less than two.
pub const MOST_NUMBERS_A_UNIT: usize = 17;

/// Up to so many units it is faster to put all in order, up to demand.
const SOME: usize = 400;

/// From so many units on it is faster to add up buckets; by measurement.
pub(crate) const MANY: usize = 16_384;

/// Where the merit order meets demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// Supply reaches demand at this unit.
    At {
        unit: usize,
        /// Supply of all units before it.
        before: f64,
        /// Supply of the units that bid less, where ties share; else not used.
        cheaper: f64,
    },
    /// Supply does not reach demand.
    Beyond,
}

impl Margin {
    /// The margin once more, where nothing is asked for and no unit offers anything: then the
    /// cheapest is marginal.
    #[inline(always)]
    pub(crate) fn settled(self, bids: &[f64], threshold: f64) -> Self {
        match self {
            Self::Beyond if threshold == 0.0 => {
                Self::At { unit: cheapest(bids), before: 0.0, cheaper: 0.0 }
            }
            margin => margin,
        }
    }
}

/// Memory to clear markets with; reused, so that clearing does not allocate.
#[derive(Debug)]
pub struct Scratch {
    few: Few,
    buckets: Buckets,
    blocks: Blocks,
    sums: BucketSums,
    order: MeritOrder,
}

impl Scratch {
    /// Allocates nothing.
    pub const fn new() -> Self {
        Self {
            few: Few::new(),
            buckets: Buckets::new(),
            blocks: Blocks::new(),
            sums: BucketSums::new(),
            order: MeritOrder::new(),
        }
    }

    /// Finds the margin of one market, or `None` where a value is bad.
    ///
    /// # Panics
    /// If the slices are empty or differ in length.
    #[inline(always)]
    pub(crate) fn checked_margin<const AVX2: bool>(
        &mut self,
        market: Market<'_>,
        rules: Rules,
    ) -> Option<Margin> {
        let Market { bids, quantities, demand } = market;
        let threshold = rules.threshold(positive_zero(demand));
        let margin = match self.margin_of_many::<AVX2>(bids, quantities, some(threshold)) {
            Some(margin) if good_values(&[], &[], &[demand]) => margin,
            None if good_values(bids, quantities, &[demand]) => {
                self.dealt_margin::<AVX2>(bids, quantities, some(threshold), rules.ties)
            }
            _ => return None,
        };
        Some(margin.settled(bids, threshold))
    }

    /// Finds the margin of one market. Any bits are safe; only values that pass
    /// [`check`](crate::check) have a meaning.
    ///
    /// # Panics
    /// If the slices are empty or differ in length.
    #[inline(always)]
    pub(crate) fn margin<const AVX2: bool>(&mut self, market: Market<'_>, rules: Rules) -> Margin {
        let Market { bids, quantities, demand } = market;
        let threshold = rules.threshold(positive_zero(demand));
        let margin = match self.margin_of_many::<AVX2>(bids, quantities, some(threshold)) {
            Some(margin) => margin,
            None => self.dealt_margin::<AVX2>(bids, quantities, some(threshold), rules.ties),
        };
        margin.settled(bids, threshold)
    }

    /// The margin of very many units; `None` where a value is bad, or it has to be found otherwise.
    #[inline(always)]
    fn margin_of_many<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
    ) -> Option<Margin> {
        if bids.len() >= MANY {
            self.sums.margin::<AVX2>(bids, quantities, demand, &mut self.blocks)
        } else {
            None
        }
    }

    /// The margin of up to many units.
    #[inline(always)]
    fn dealt_margin<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        ties: Ties,
    ) -> Margin {
        if bids.len() <= HANDFUL {
            return pairs::margin(bids, quantities, demand, ties);
        }
        if bids.len() <= FEW {
            return self.few.margin::<AVX2>(bids, quantities, demand, ties);
        }
        let margin = if bids.len() <= SOME {
            self.buckets.margin(bids, quantities, demand, ties)
        } else {
            self.blocks.margin::<AVX2>(bids, quantities, demand)
        };
        match margin {
            Some(margin) => margin,
            None => self.sorted_margin(bids, quantities, demand, ties),
        }
    }

    /// The margin by a full sort, where the bids defeat the buckets.
    #[cold]
    fn sorted_margin(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        ties: Ties,
    ) -> Margin {
        self.order.sort(bids);
        self.order.margin(bids, quantities, demand, ties)
    }

    /// Gives memory back that only an unusually large market needed.
    pub fn shrink_to(&mut self, units: usize) {
        self.buckets.shrink_to(units);
        self.blocks.shrink_to(units);
        self.sums.shrink_to(units);
        self.order.shrink_to(units);
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads -0.0 as 0.0.
///
/// No result of this may go into `f64::min` or `f64::max`: those do not say which zero they give,
/// so that compilers leave out an addition that decides nothing but a sign.
#[inline(always)]
pub(crate) fn positive_zero(value: f64) -> f64 {
    value + 0.0
}

/// The unit that comes first in merit order.
#[cold]
fn cheapest(bids: &[f64]) -> usize {
    let first = |one: usize, other: usize| if bids[other] < bids[one] { other } else { one };
    (0..bids.len()).reduce(first).unwrap_or(0)
}

/// The first rank with the bid that the unit of rank `marginal` has.
#[inline(always)]
pub(crate) fn first_at_price(
    bids: &[f64],
    marginal: usize,
    unit: impl Fn(usize) -> usize,
) -> usize {
    let price = bids[unit(marginal)];
    let tied = (0..marginal).rev().take_while(|&rank| bids[unit(rank)] == price);
    marginal - tied.count()
}
