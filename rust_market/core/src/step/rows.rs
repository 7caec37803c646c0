//! Steps of environments, one after the other.

use crate::dispatch::dispatch;
use crate::error::OutOfMemory;
use crate::margin::Margin;
use crate::margin::full_sort::MeritOrder;
use crate::margin::scratch::Scratch;
use crate::market::Market;
use crate::simd::Instructions;
use crate::step::environments::{Environments, State};
use crate::step::model::{Model, Observer, Told, profit, within};
use crate::step::others::{Cleared, Entry, Others};
use crate::values::{make_room, positive_zero};

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
pub(crate) fn step_rows<I: Instructions>(
    model: &Model<'_>,
    others: &Others,
    environments: Environments<'_>,
    buffers: &mut Buffers,
) -> Result<(), OutOfMemory> {
    let Environments { state: State { hours, demand, active }, actions, outcome } = environments;
    let acting = model.acting();
    let seen = acting * model.width();
    let observer = Observer::new(model);
    for (row, hour) in hours.iter_mut().enumerate() {
        let demand = &demand[row * (model.hours + 1)..][..=model.hours];
        let cells = row * acting..(row + 1) * acting;
        let rewards = &mut outcome.rewards[cells.clone()];
        let dispatch = &mut outcome.dispatch[cells.clone()];
        let profits = &mut outcome.profits[cells.clone()];
        outcome.prices[row] = if active[row] == 0 {
            rewards.fill(0.0);
            dispatch.fill(0.0);
            profits.fill(0.0);
            0.0
        } else {
            let actions = actions[2 * cells.start..2 * cells.end].as_chunks().0;
            let now = demand[within(*hour, model.hours)];
            *hour += 1;
            match model.learner {
                Some(learner) => {
                    let (cleared, reward) = one(model, others, learner, actions[0], now);
                    (rewards[0], dispatch[0]) = (reward, cleared.dispatch);
                    profits[0] =
                        profit(cleared.told.price, model.costs[learner], cleared.dispatch);
                    cleared.told.price
                }
                None => {
                    let price = all::<I>(model, actions, now, buffers, rewards, dispatch)?;
                    let agents = model.costs.iter().zip(&*dispatch);
                    for (cell, (&cost, &dispatch)) in profits.iter_mut().zip(agents) {
                        *cell = profit(price, cost, dispatch);
                    }
                    price
                }
            }
        };
        let seen = &mut outcome.observations[row * seen..][..seen];
        observer.observe(within(*hour, model.hours), demand, seen);
    }
    Ok(())
}

/// Clears a market in which only the learner decides; gives its reward, too.
#[inline(always)]
fn one(
    model: &Model<'_>,
    others: &Others,
    learner: usize,
    action: [f32; 2],
    demand: f64,
) -> (Cleared, f64) {
    let cost = model.costs[learner];
    let (bid, quantity) = model.offer(cost, model.capacities[learner], action);
    let demand = positive_zero(demand);
    let entry = Entry { bid, quantity: positive_zero(quantity), demand };
    let cleared = others.clear(entry, model.rules);
    (cleared, model.reward(cleared.told, bid, cost, cleared.dispatch))
}

/// Clears a market in which all agents decide, and returns the price.
#[inline(always)]
fn all<I: Instructions>(
    model: &Model<'_>,
    actions: &[[f32; 2]],
    demand: f64,
    buffers: &mut Buffers,
    rewards: &mut [f64],
    cleared: &mut [f64],
) -> Result<f64, OutOfMemory> {
    let Buffers { scratch, order, bids, quantities } = buffers;
    let units = model.costs.len();
    make_room(bids, units, 0.0)?;
    make_room(quantities, units, 0.0)?;
    let agents = model.costs.iter().zip(model.capacities);
    let cells = bids.iter_mut().zip(&mut *quantities).zip(actions);
    for (((bid, quantity), &action), (&cost, &capacity)) in cells.zip(agents) {
        (*bid, *quantity) = model.offer(cost, capacity, action);
    }
    let margin = scratch.margin::<I>(Market { bids, quantities, demand }, model.rules)?;
    let price = dispatch(bids, quantities, demand, model.rules, margin, cleared);
    let shortage = match margin {
        Margin::At { .. } => 0.0,
        Margin::Beyond => shortage(order, bids, quantities, demand)?,
    };
    let told = Told { price, shortage };
    let agents = bids.iter().zip(model.costs).zip(&*cleared);
    for (cell, ((&bid, &cost), &dispatch)) in rewards.iter_mut().zip(agents) {
        *cell = model.reward(told, bid, cost, dispatch);
    }
    Ok(price)
}

/// Demand less what all units offer, added in merit order; rarely needed.
#[cold]
fn shortage(
    order: &mut MeritOrder,
    bids: &[f64],
    quantities: &[f64],
    demand: f64,
) -> Result<f64, OutOfMemory> {
    order.sort(bids)?;
    Ok(demand - order.units().fold(0.0, |sum, unit| sum + positive_zero(quantities[unit])))
}
