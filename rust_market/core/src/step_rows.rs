//! Steps of environments, one after the other.

use crate::dispatch::dispatch;
use crate::environments::{Environments, Model, State};
use crate::margin::{Margin, Scratch, positive_zero};
use crate::merit_order::MeritOrder;
use crate::others::{Cleared, Offer, Others};

/// Memory of one thread, reused from call to call.
#[derive(Debug)]
pub(crate) struct Buffers {
    scratch: Scratch,
    order: MeritOrder,
    bids: Vec<f64>,
    quantities: Vec<f64>,
}

impl Buffers {
    pub const fn new() -> Self {
        Self {
            scratch: Scratch::new(),
            order: MeritOrder::new(),
            bids: Vec::new(),
            quantities: Vec::new(),
        }
    }

    pub fn shrink_to(&mut self, units: usize) {
        self.scratch.shrink_to(units);
        self.order.shrink_to(units);
        for buffer in [&mut self.bids, &mut self.quantities] {
            if buffer.capacity() > units {
                *buffer = Vec::new();
            }
        }
    }
}

/// Takes a step in each environment that is active, and observes all.
#[inline(always)]
pub(crate) fn step_rows<const AVX2: bool>(
    model: &Model<'_>,
    others: &Others,
    environments: Environments<'_>,
    buffers: &mut Buffers,
) {
    let Environments { state: State { hours, demand, active }, actions, outcome } = environments;
    let acting = model.acting();
    let width = model.width();
    for (row, hour) in hours.iter_mut().enumerate() {
        let demand = &demand[row * (model.hours + 1)..][..=model.hours];
        let cells = row * acting..(row + 1) * acting;
        let rewards = &mut outcome.rewards[cells.clone()];
        let dispatch = &mut outcome.dispatch[cells.clone()];
        outcome.prices[row] = if active[row] == 0 {
            rewards.fill(0.0);
            dispatch.fill(0.0);
            0.0
        } else {
            let actions = &actions[2 * cells.start..2 * cells.end];
            let now = demand[*hour as usize];
            *hour += 1;
            match model.learner {
                Some(learner) => {
                    let (cleared, reward) = one(model, others, learner, actions, now);
                    (rewards[0], dispatch[0]) = (reward, cleared.dispatch);
                    cleared.price
                }
                None => all::<AVX2>(model, actions, now, buffers, rewards, dispatch),
            }
        };
        let seen = &mut outcome.observations[cells.start * width..cells.end * width];
        observe(model, *hour as usize, demand, seen);
    }
}

/// Clears a market in which only the learner decides; gives its reward, too.
#[inline(always)]
fn one(
    model: &Model<'_>,
    others: &Others,
    learner: usize,
    actions: &[f32],
    demand: f64,
) -> (Cleared, f64) {
    let cost = model.costs[learner];
    let (bid, quantity) = offer(model, cost, model.capacities[learner], actions[0], actions[1]);
    let cleared =
        others.clear(Offer { bid, quantity: positive_zero(quantity), demand }, model.rules);
    let Cleared { price, dispatch, shortage } = cleared;
    let penalty = model.shortage_penalty * shortage;
    (cleared, reward(model, penalty, price, bid, cost, dispatch))
}

/// Clears a market in which all agents decide, and returns the price.
#[inline(always)]
fn all<const AVX2: bool>(
    model: &Model<'_>,
    actions: &[f32],
    demand: f64,
    buffers: &mut Buffers,
    rewards: &mut [f64],
    cleared: &mut [f64],
) -> f64 {
    let Buffers { scratch, order, bids, quantities } = buffers;
    let units = model.costs.len();
    bids.resize(units, 0.0);
    quantities.resize(units, 0.0);
    let agents = model.costs.iter().zip(model.capacities);
    let cells = bids.iter_mut().zip(&mut *quantities).zip(actions.as_chunks().0);
    for (((bid, quantity), &[withheld, raised]), (&cost, &capacity)) in cells.zip(agents) {
        (*bid, *quantity) = offer(model, cost, capacity, withheld, raised);
    }
    let margin = scratch.margin::<AVX2>(bids, quantities, demand, model.rules.ties);
    let price = dispatch(bids, quantities, demand, model.rules, margin, cleared);
    let shortage = match margin {
        Margin::At { .. } => 0.0,
        Margin::Beyond { .. } => shortage(order, bids, quantities, demand),
    };
    let penalty = model.shortage_penalty * shortage;
    let agents = bids.iter().zip(model.costs).zip(&*cleared);
    for (cell, ((&bid, &cost), &dispatch)) in rewards.iter_mut().zip(agents) {
        *cell = reward(model, penalty, price, bid, cost, dispatch);
    }
    price
}

/// Demand less what all units offer, added in merit order; rarely needed.
#[cold]
fn shortage(order: &mut MeritOrder, bids: &[f64], quantities: &[f64], demand: f64) -> f64 {
    order.sort(bids);
    demand - order.units().fold(0.0, |sum, unit| sum + positive_zero(quantities[unit]))
}

/// What an agent bids and offers.
#[inline(always)]
fn offer(model: &Model<'_>, cost: f64, capacity: f64, withheld: f32, raised: f32) -> (f64, f64) {
    let bid = cost + f64::from(raised) * model.bid_change;
    (bid, capacity * (1.0 - f64::from(withheld).max(0.0)))
}

/// From left to right as it is written down.
#[inline(always)]
fn reward(
    model: &Model<'_>,
    shortage_penalty: f64,
    price: f64,
    bid: f64,
    cost: f64,
    dispatch: f64,
) -> f64 {
    let markup = bid - cost;
    let profit = (price - cost) * dispatch;
    let charge = model.bid_penalty * (markup * markup);
    ((profit - charge) - shortage_penalty) * model.reward_scale
}

/// Writes what the agents see of the hour that comes next.
#[inline(always)]
fn observe(model: &Model<'_>, hour: usize, demand: &[f64], seen: &mut [f32]) {
    let of_agent = model.agent_features.len() / model.costs.len();
    let of_hour = model.hour_features.len() / (model.hours + 1);
    let demand = (demand[hour] * model.demand_scale) as f32;
    let hour = &model.hour_features[hour * of_hour..][..of_hour];
    let first = model.learner.unwrap_or(0);
    for (row, agent) in seen.chunks_exact_mut(1 + of_agent + of_hour).zip(first..) {
        row[0] = demand;
        row[1..=of_agent].copy_from_slice(&model.agent_features[agent * of_agent..][..of_agent]);
        row[1 + of_agent..].copy_from_slice(hour);
    }
}
