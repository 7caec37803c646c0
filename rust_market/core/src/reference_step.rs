//! The environments' step as plain code: slow, obvious, and what the fast version is tested against.

use crate::reference;
use crate::step::environments::{Outcome, State};
use crate::step::model::Model;

/// Takes one hour in every active environment, and observes all of them.
///
/// # Panics
/// If lengths do not fit together, or a number is not finite.
pub fn step_batch(model: &Model<'_>, state: State<'_>, actions: &[f32], outcome: Outcome<'_>) {
    let agents: Vec<usize> = match model.learner {
        Some(learner) => vec![learner],
        None => (0..model.costs.len()).collect(),
    };
    for (row, hour) in state.hours.iter_mut().enumerate() {
        let demand = &state.demand[row * (model.hours + 1)..][..=model.hours];
        let cells = row * agents.len()..(row + 1) * agents.len();
        outcome.prices[row] = 0.0;
        outcome.rewards[cells.clone()].fill(0.0);
        outcome.dispatch[cells.clone()].fill(0.0);
        outcome.profits[cells.clone()].fill(0.0);
        if state.active[row] != 0 {
            let actions = &actions[2 * cells.start..2 * cells.end];
            let (bids, quantities) = offers(model, &agents, actions);
            let demand = demand[*hour as usize];
            let (price, cleared) = reference::clear(&bids, &quantities, demand, model.rules);
            let supply = supply(&bids, &quantities);
            let reached = supply >= demand - model.rules.tolerance * demand;
            let shortage = if reached { 0.0 } else { demand - supply };
            outcome.prices[row] = price;
            for (&agent, cell) in agents.iter().zip(cells.clone()) {
                let markup = bids[agent] - model.costs[agent];
                let profit = (price - model.costs[agent]) * cleared[agent];
                let charge = model.bid_penalty * (markup * markup);
                let penalty = model.shortage_penalty * shortage;
                outcome.rewards[cell] = ((profit - charge) - penalty) * model.reward_scale;
                outcome.dispatch[cell] = cleared[agent];
                outcome.profits[cell] = profit;
            }
            *hour += 1;
        }
        let hour = *hour as usize;
        for (&agent, cell) in agents.iter().zip(cells) {
            let mut seen = vec![(demand[hour] * model.demand_scale) as f32];
            seen.extend(
                &model.agent_features[features(model.agent_features, agent, model.costs.len())],
            );
            seen.extend(
                &model.hour_features[features(model.hour_features, hour, model.hours + 1)],
            );
            outcome.observations[cell * seen.len()..][..seen.len()].copy_from_slice(&seen);
        }
    }
}

/// Bids and quantities of all agents; those that do not act bid their cost, and offer all.
fn offers(model: &Model<'_>, agents: &[usize], actions: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let (mut bids, mut quantities) = (model.costs.to_vec(), model.capacities.to_vec());
    for (&agent, action) in agents.iter().zip(actions.chunks(2)) {
        bids[agent] = model.costs[agent] + f64::from(action[1]) * model.bid_change;
        quantities[agent] = model.capacities[agent] * (1.0 - withheld(action[0]));
    }
    (bids, quantities)
}

fn withheld(action: f32) -> f64 {
    if action > 0.0 { action.into() } else { 0.0 }
}

/// What all units offer, added in merit order.
fn supply(bids: &[f64], quantities: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..bids.len()).collect();
    order.sort_by(|&a, &b| bids[a].partial_cmp(&bids[b]).expect("bids are finite")); // stable
    order.iter().fold(0.0, |sum, &unit| sum + (quantities[unit] + 0.0))
}

/// Where a row of features is, of so many rows.
fn features(all: &[f32], row: usize, rows: usize) -> std::ops::Range<usize> {
    let width = all.len() / rows;
    row * width..(row + 1) * width
}
