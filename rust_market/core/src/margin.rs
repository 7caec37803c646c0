//! The margin: where the merit order meets demand.
//!
//! Each module below is a way to find it, or a part of one; [`scratch`] chooses.

pub(crate) mod absorb;
pub(crate) mod all_pairs;
pub(crate) mod bucket_blocks;
pub(crate) mod bucket_sums;
pub(crate) mod bucket_walk;
pub(crate) mod full_sort;
pub(crate) mod rank_count;
pub(crate) mod scale;
pub(crate) mod scratch;

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
