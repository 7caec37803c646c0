//! The algorithm of the earlier study, kept as a benchmark's baseline.
//!
//! Right only where bids do not tie, the values are valid and supply meets demand. Indices are
//! sorted through a comparison of floats, and every step allocates, as it did.

use std::cmp::Ordering;

use crate::output::Output;

/// Clears one market and returns its price; `cleared` is overwritten.
///
/// # Panics
/// If the market is empty or the lengths differ.
pub fn clear<T: Output>(bids: &[f64], quantities: &[f64], demand: f64, cleared: &mut [T]) -> f64 {
    let mut order: Vec<usize> = (0..bids.len()).collect();
    order.sort_by(|&a, &b| bids[a].partial_cmp(&bids[b]).unwrap_or(Ordering::Equal));
    let sorted_bids: Vec<f64> = order.iter().map(|&unit| bids[unit]).collect();
    let sorted_quantities: Vec<f64> = order.iter().map(|&unit| quantities[unit]).collect();
    let mut supply = Vec::with_capacity(bids.len());
    let mut total = 0.0;
    for quantity in &sorted_quantities {
        total += quantity;
        supply.push(total);
    }

    let marginal = supply.partition_point(|&supply| supply < demand);
    let marginal = marginal.min(bids.len() - 1);
    let before = if marginal == 0 { 0.0 } else { supply[marginal - 1] };

    cleared.fill(T::from_f64(0.0));
    for rank in 0..marginal {
        cleared[order[rank]] = T::from_f64(sorted_quantities[rank]);
    }
    let rest = (demand - before).min(sorted_quantities[marginal]);
    cleared[order[marginal]] = T::from_f64(rest);
    sorted_bids[marginal]
}
