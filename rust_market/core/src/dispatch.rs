//! Who delivers what, once the margin is known.

use crate::margin::Margin;
use crate::output::Output;
use crate::rules::{Rules, Ties};
use crate::values::{lesser, positive_zero};

/// Writes what each unit delivers, and returns the price.
///
/// A unit comes before the marginal one if it bids less, or the same with a lower index; so this
/// needs no merit order, and writes from the first cell to the last.
#[inline(always)]
pub(crate) fn dispatch<T: Output>(
    bids: &[f64],
    quantities: &[f64],
    demand: f64,
    rules: Rules,
    margin: Margin,
    cleared: &mut [T],
) -> f64 {
    match margin {
        Margin::Beyond => {
            for (cell, &quantity) in cleared.iter_mut().zip(quantities) {
                *cell = T::from_f64(positive_zero(quantity));
            }
            rules.scarcity_price.unwrap_or_else(|| highest_bid(bids, quantities))
        }
        Margin::At { unit, before, cheaper } => {
            let demand = positive_zero(demand);
            match rules.ties {
                Ties::First => first(bids, quantities, demand - before, unit, cleared),
                Ties::ProRata => share(bids, quantities, demand - cheaper, bids[unit], cleared),
            }
            bids[unit]
        }
    }
}

/// The bid of the last unit in merit order that offers something, or of all if none does.
fn highest_bid(bids: &[f64], quantities: &[f64]) -> f64 {
    let later = |one: f64, other: f64| if other < one { one } else { other };
    let offered = bids.iter().zip(quantities).filter(|&(_, &quantity)| quantity > 0.0);
    let highest = offered.map(|(&bid, _)| bid).reduce(later);
    highest.or_else(|| bids.iter().copied().reduce(later)).unwrap_or(0.0)
}

/// All units before the marginal one in full, and `rest` to that one.
#[inline(always)]
fn first<T: Output>(bids: &[f64], quantities: &[f64], rest: f64, unit: usize, cleared: &mut [T]) {
    let price = bids[unit];
    let mut at_price = 0;
    for ((cell, &bid), &quantity) in cleared.iter_mut().zip(bids).zip(quantities) {
        let quantity = positive_zero(quantity); // outside the choice, which then needs no branch
        *cell = T::from_f64(if bid <= price { quantity } else { 0.0 });
        at_price += u64::from(bid == price);
    }
    cleared[unit] = T::from_f64(lesser(positive_zero(quantities[unit]), rest));
    if at_price > 1 {
        // Those after the marginal unit get nothing.
        for (cell, &bid) in cleared[unit + 1..].iter_mut().zip(&bids[unit + 1..]) {
            *cell = if bid == price { T::from_f64(0.0) } else { *cell };
        }
    }
}

/// All cheaper units in full, and `rest` in proportion among those that bid the price.
fn share<T: Output>(bids: &[f64], quantities: &[f64], rest: f64, price: f64, cleared: &mut [T]) {
    let units = || bids.iter().zip(quantities).map(|(&bid, &offer)| (bid, positive_zero(offer)));
    let at_price = units().filter(|&(bid, _)| bid == price);
    let supply = at_price.fold(0.0, |sum, (_, quantity)| sum + quantity);
    let ratio = rest / supply;
    for (cell, (bid, quantity)) in cleared.iter_mut().zip(units()) {
        *cell = T::from_f64(if bid < price {
            quantity
        } else if bid == price && supply != 0.0 {
            lesser(quantity, quantity * ratio)
        } else {
            0.0
        });
    }
}
