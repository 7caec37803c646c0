//! The specification as plain code: slow, obvious, and what the fast version is tested against.

use crate::rules::{Rules, Ties};

/// Clears one valid market: `(price, cleared)`.
///
/// # Panics
/// If the market is empty, a bid is NaN, or the lengths differ.
pub fn clear(bids: &[f64], quantities: &[f64], demand: f64, rules: Rules) -> (f64, Vec<f64>) {
    assert_eq!(bids.len(), quantities.len());
    let quantities: Vec<f64> = quantities.iter().map(|quantity| quantity + 0.0).collect();
    let mut order: Vec<usize> = (0..bids.len()).collect();
    order.sort_by(|&a, &b| bids[a].partial_cmp(&bids[b]).expect("bids are finite")); // stable

    if demand == 0.0 {
        return (bids[order[0]], vec![0.0; bids.len()]);
    }
    let mut supply = vec![0.0];
    for (rank, &unit) in order.iter().enumerate() {
        supply.push(supply[rank] + quantities[unit]);
    }
    let Some(marginal) = (0..bids.len()).find(|&rank| supply[rank + 1] >= demand) else {
        let last = bids[order[bids.len() - 1]];
        return (rules.scarcity_price.unwrap_or(last), quantities);
    };

    let price = bids[order[marginal]];
    let mut cleared = vec![0.0; bids.len()];
    for &unit in &order[..marginal] {
        cleared[unit] = quantities[unit];
    }
    match rules.ties {
        Ties::First => {
            let unit = order[marginal];
            cleared[unit] = f64::min(demand - supply[marginal], quantities[unit]);
        }
        Ties::ProRata => {
            let cheaper = bids.iter().filter(|&&bid| bid < price).count();
            let tied: Vec<usize> = (0..bids.len()).filter(|&unit| bids[unit] == price).collect();
            let at_price = tied.iter().fold(0.0, |sum, &unit| sum + quantities[unit]);
            for unit in tied {
                let quantity = quantities[unit];
                let share = quantity * ((demand - supply[cheaper]) / at_price);
                cleared[unit] = if at_price == 0.0 { 0.0 } else { f64::min(share, quantity) };
            }
        }
    }
    (price, cleared)
}
