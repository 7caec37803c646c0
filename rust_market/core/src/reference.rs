//! The specification as plain code: slow, obvious, and what the fast version is tested against.

use crate::rules::{Rules, Ties};

/// Clears one valid market: `(price, cleared)`.
///
/// # Panics
/// If the market is empty, a bid is NaN, or the lengths differ.
pub fn clear(bids: &[f64], quantities: &[f64], demand: f64, rules: Rules) -> (f64, Vec<f64>) {
    assert_eq!(bids.len(), quantities.len());
    let demand = demand + 0.0;
    let quantities: Vec<f64> = quantities.iter().map(|quantity| quantity + 0.0).collect();
    let mut order: Vec<usize> = (0..bids.len()).collect();
    order.sort_by(|&a, &b| bids[a].partial_cmp(&bids[b]).expect("bids are finite")); // stable
    let any_offers = quantities.iter().any(|&quantity| quantity > 0.0);
    let sets_price = |&unit: &usize| quantities[unit] > 0.0 || !any_offers;

    if demand == 0.0 {
        let cheapest = order.iter().copied().find(sets_price).expect("one does");
        return (bids[cheapest], vec![0.0; bids.len()]);
    }
    let mut supply = vec![0.0];
    for (rank, &unit) in order.iter().enumerate() {
        supply.push(supply[rank] + quantities[unit]);
    }
    let threshold = demand - rules.tolerance * demand;
    let reaches = |&rank: &usize| supply[rank + 1] >= threshold && sets_price(&order[rank]);
    let Some(marginal) = (0..bids.len()).find(reaches) else {
        let dearest = order.iter().copied().rfind(sets_price).expect("one does");
        return (rules.scarcity_price.unwrap_or(bids[dearest]), quantities);
    };

    let price = bids[order[marginal]];
    let mut cleared = vec![0.0; bids.len()];
    for &unit in &order[..marginal] {
        cleared[unit] = quantities[unit];
    }
    match rules.ties {
        Ties::First => {
            let unit = order[marginal];
            cleared[unit] = lesser(quantities[unit], demand - supply[marginal]);
        }
        Ties::ProRata => {
            let cheaper = bids.iter().filter(|&&bid| bid < price).count();
            let tied: Vec<usize> = (0..bids.len()).filter(|&unit| bids[unit] == price).collect();
            let at_price = tied.iter().fold(0.0, |sum, &unit| sum + quantities[unit]);
            for unit in tied {
                let quantity = quantities[unit];
                let share = quantity * ((demand - supply[cheaper]) / at_price);
                cleared[unit] = if at_price == 0.0 { 0.0 } else { lesser(quantity, share) };
            }
        }
    }
    (price, cleared)
}

fn lesser(one: f64, other: f64) -> f64 {
    if other < one { other } else { one } // `f64::min` does not say which zero it gives
}
