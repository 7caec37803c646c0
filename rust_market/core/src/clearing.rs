//! Clearing: check, sort, dispatch.

use crate::fault::{Fault, check};
use crate::merit_order::MeritOrder;
use crate::output::Output;
use crate::rules::{Rules, Ties};

/// Many markets with the same number of units.
///
/// `bids` and `quantities` hold `units` values, the same for all markets, or `units` values for
/// each element of `demand`, row after row.
#[derive(Clone, Copy, Debug)]
pub struct Markets<'a> {
    /// At least 1.
    pub units: usize,
    pub bids: &'a [f64],
    pub quantities: &'a [f64],
    pub demand: &'a [f64],
}

/// Clears one market and returns its price. `cleared` is overwritten, `order` is scratch.
///
/// # Errors
/// The first bad value; `cleared` is untouched then.
///
/// # Panics
/// If the slices are empty or differ in length.
pub fn clear<T: Output>(
    bids: &[f64],
    quantities: &[f64],
    demand: f64,
    rules: Rules,
    order: &mut MeritOrder,
    cleared: &mut [T],
) -> Result<f64, Fault> {
    check(bids, quantities, &[demand], rules.scarcity_price)?;
    order.sort(bids);
    Ok(dispatch(bids, quantities, demand, rules, order, cleared))
}

/// Clears many markets, row by row as [`clear`] does. Shared bids are sorted once.
///
/// # Errors
/// The first bad value of all markets; the outputs are untouched then.
///
/// # Panics
/// If `units` is 0 or the lengths do not fit together.
pub fn clear_batch<P: Output, T: Output>(
    markets: Markets<'_>,
    rules: Rules,
    order: &mut MeritOrder,
    prices: &mut [P],
    cleared: &mut [T],
) -> Result<(), Fault> {
    let Markets { bids, quantities, demand, .. } = markets;
    check(bids, quantities, demand, rules.scarcity_price)?;
    dispatch_batch(markets, rules, order, prices, cleared);
    Ok(())
}

/// [`clear_batch`] without the check: safe on any bits, right only on values that were checked.
///
/// # Panics
/// As [`clear_batch`].
pub fn dispatch_batch<P: Output, T: Output>(
    markets: Markets<'_>,
    rules: Rules,
    order: &mut MeritOrder,
    prices: &mut [P],
    cleared: &mut [T],
) {
    let Markets { units, demand, .. } = markets;
    let shared_bids = markets.bids.len() == units;
    if shared_bids {
        order.sort(markets.bids);
    }
    let rows = prices.iter_mut().zip(cleared.chunks_exact_mut(units));
    for (row, (price, cleared)) in rows.enumerate() {
        let bids = row_of(markets.bids, units, row);
        let quantities = row_of(markets.quantities, units, row);
        if !shared_bids {
            order.sort(bids);
        }
        *price = P::from_f64(dispatch(bids, quantities, demand[row], rules, order, cleared));
    }
}

/// One market's values: the whole slice where all markets share it.
fn row_of(values: &[f64], units: usize, row: usize) -> &[f64] {
    if values.len() == units { values } else { &values[row * units..(row + 1) * units] }
}

/// Dispatches a market whose merit order is known, and returns the price.
///
/// Safe on any bits; right only on values that [`check`] accepts.
///
/// # Panics
/// If there is no unit, or a slice is shorter than the merit order.
pub fn dispatch<T: Output>(
    bids: &[f64],
    quantities: &[f64],
    demand: f64,
    rules: Rules,
    order: &MeritOrder,
    cleared: &mut [T],
) -> f64 {
    cleared.fill(T::from_f64(0.0));
    let demand = positive_zero(demand);
    if demand == 0.0 {
        return bids[order.unit(0)];
    }
    let mut supply = 0.0;
    for (rank, unit) in order.units().enumerate() {
        let quantity = positive_zero(quantities[unit]);
        let total = supply + quantity;
        if total >= demand {
            match rules.ties {
                Ties::First => cleared[unit] = T::from_f64((demand - supply).min(quantity)),
                Ties::ProRata => share(bids, quantities, demand, order, rank, cleared),
            }
            return bids[unit];
        }
        cleared[unit] = T::from_f64(quantity);
        supply = total;
    }
    let last = bids[order.unit(order.len() - 1)];
    rules.scarcity_price.unwrap_or(last)
}

/// Shares what is left among all units that bid what the unit of rank `marginal` bids.
///
/// They are consecutive in merit order, and in index order among themselves.
fn share<T: Output>(
    bids: &[f64],
    quantities: &[f64],
    demand: f64,
    order: &MeritOrder,
    marginal: usize,
    cleared: &mut [T],
) {
    let price = bids[order.unit(marginal)];
    let quantity = |rank: usize| positive_zero(quantities[order.unit(rank)]);
    let at_price = |rank: &usize| bids[order.unit(*rank)] == price;
    let before = (0..marginal).rev().take_while(at_price).count();
    let after = (marginal..order.len()).take_while(at_price).count();
    let tied = marginal - before..marginal + after;

    let cheaper = (0..tied.start).fold(0.0, |sum, rank| sum + quantity(rank));
    let supply = tied.clone().fold(0.0, |sum, rank| sum + quantity(rank));
    let ratio = (demand - cheaper) / supply;
    for rank in tied {
        let amount =
            if supply == 0.0 { 0.0 } else { (quantity(rank) * ratio).min(quantity(rank)) };
        cleared[order.unit(rank)] = T::from_f64(amount);
    }
}

/// Reads -0.0 as 0.0.
fn positive_zero(value: f64) -> f64 {
    value + 0.0
}
