//! The margin of a market of a handful of units, whose bids are all compared with each other.
//!
//! A unit comes after as many as bid less, or the same with a lower index. Nothing here branches on
//! a value: on fresh bids a branch predictor is wrong half of the time, which costs more than all
//! the rest.

use crate::margin::Margin;
use crate::rules::Ties;
use crate::thresholds::ALL_PAIRS;

/// The margin of a market of at most [`ALL_PAIRS`] units.
#[inline(always)]
pub(crate) fn margin(bids: &[f64], quantities: &[f64], demand: f64, ties: Ties) -> Margin {
    let units = bids.len();
    // In merit order. Bids that are no numbers share ranks; what is not written is the first unit.
    let mut order = [0; ALL_PAIRS];
    let mut sorted = [0.0; ALL_PAIRS];
    for (unit, rank) in ranks(bids).into_iter().enumerate().take(units) {
        order[rank % ALL_PAIRS] = unit;
        sorted[rank % ALL_PAIRS] = quantities[unit];
    }
    let mut supply = [0.0; ALL_PAIRS]; // before each rank
    let mut total = 0.0;
    let mut short = 0; // of demand, up to this rank
    for (before, quantity) in supply.iter_mut().zip(sorted).take(units) {
        *before = total;
        total += quantity;
        short += usize::from(total < demand);
    }
    if short >= units {
        return Margin::Beyond;
    }
    let unit = order[short];
    let before = supply[short];
    let cheaper = match ties {
        Ties::First => before,
        Ties::ProRata => {
            let ranks: usize = bids.iter().map(|&bid| usize::from(bid < bids[unit])).sum();
            supply[ranks % ALL_PAIRS]
        }
    };
    Margin::At { unit, before, cheaper }
}

/// How many units come before each.
#[inline(always)]
fn ranks(bids: &[f64]) -> [usize; ALL_PAIRS] {
    let mut ranks = [0; ALL_PAIRS];
    for (unit, &bid) in bids.iter().enumerate() {
        for (earlier, &other) in bids[..unit].iter().enumerate() {
            let cheaper = usize::from(bid < other);
            ranks[earlier] += cheaper;
            ranks[unit] += 1 - cheaper;
        }
    }
    ranks
}
