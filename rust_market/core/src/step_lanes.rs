//! Steps of some environments at once, for few agents.

use crate::environments::{Environments, State};
use crate::lanes::{LANES, Lanes, Margins, Unit, lanes, sort};
use crate::margin::positive_zero;
use crate::model::{Model, Observer, Told};
use crate::others::{Merged, Others};

/// Where all agents act, up to so many are faster in lanes; else they are sorted one by one.
const ALL: usize = 8;

/// The same where one acts among others, which are sorted already.
const AMONG_OTHERS: usize = 32;

/// Whether lanes are the faster way.
pub(crate) fn fits_lanes(model: &Model<'_>) -> bool {
    let most = if model.learner.is_some() { AMONG_OTHERS } else { ALL };
    model.costs.len() <= most
}

/// Takes a step in each environment that is active, and observes all.
#[inline(always)]
pub(crate) fn step_lanes(model: &Model<'_>, others: &Others, environments: Environments<'_>) {
    let observer = Observer::new(model);
    let mut left = environments;
    while left.count() > 0 {
        let count = left.count().min(LANES);
        let (some, rest) = left.split(model, count);
        step_some(model, others, &observer, some);
        left = rest;
    }
}

/// Steps at most as many environments as there are lanes.
#[inline(always)]
fn step_some(
    model: &Model<'_>,
    others: &Others,
    observer: &Observer<'_>,
    mut some: Environments<'_>,
) {
    let active = some.active();
    let demand = some.demand(model);
    match model.learner {
        Some(learner) => one(model, others, learner, &mut some, demand, active),
        None => all(model, &mut some, demand, active),
    }
    let State { hours, demand, active } = some.state;
    let seen = model.acting() * model.width();
    let rows = demand.chunks_exact(model.hours + 1);
    let rows = rows.zip(some.outcome.observations.chunks_exact_mut(seen));
    for ((hour, &active), (demand, seen)) in hours.iter_mut().zip(active).zip(rows) {
        *hour += i64::from(active != 0);
        observer.observe(*hour as usize, demand, seen);
    }
}

/// Where only the learner decides.
#[inline(always)]
fn one(
    model: &Model<'_>,
    others: &Others,
    learner: usize,
    some: &mut Environments<'_>,
    demand: Lanes,
    active: Lanes,
) {
    let cost = model.costs[learner];
    let own = some.offers(model, 0, learner);
    let own = Unit { number: others.places(&own.bid), ..own };
    let ties = model.rules.ties;
    let margins = Margins::new(&Merged { others, one: own }, demand, ties);
    let dispatch = margins.dispatch(&own, ties);
    let (prices, shortages) = (margins.prices(model.rules), margins.shortages());
    let rewards = rewards(model, &prices, &shortages, &own.bid, cost, &dispatch);
    store(rewards, active, some.outcome.rewards.iter_mut());
    store(dispatch, active, some.outcome.dispatch.iter_mut());
    store(prices, active, some.outcome.prices.iter_mut());
}

/// Where all agents decide.
#[inline(always)]
fn all(model: &Model<'_>, some: &mut Environments<'_>, demand: Lanes, active: Lanes) {
    let agents = model.costs.len();
    let nothing = Unit { bid: [0.0; LANES], quantity: [0.0; LANES], number: [0.0; LANES] };
    let mut offers = [nothing; ALL];
    for (agent, offer) in offers[..agents].iter_mut().enumerate() {
        *offer = some.offers(model, agent, agent);
    }
    let mut units = offers;
    sort(&mut units[..agents]);
    let ties = model.rules.ties;
    let margins = Margins::new(&&units[..agents], demand, ties);
    let (prices, shortages) = (margins.prices(model.rules), margins.shortages());
    store(prices, active, some.outcome.prices.iter_mut());
    for (agent, (own, &cost)) in offers.iter().zip(model.costs).enumerate() {
        let dispatch = margins.dispatch(own, ties);
        let rewards = rewards(model, &prices, &shortages, &own.bid, cost, &dispatch);
        store(rewards, active, some.outcome.rewards[agent..].iter_mut().step_by(agents));
        store(dispatch, active, some.outcome.dispatch[agent..].iter_mut().step_by(agents));
    }
}

impl Environments<'_> {
    /// 1 where an environment takes a step.
    #[inline(always)]
    fn active(&self) -> Lanes {
        let mut lanes = [0.0; LANES];
        for (lane, &active) in lanes.iter_mut().zip(self.state.active) {
            *lane = if active != 0 { 1.0 } else { 0.0 };
        }
        lanes
    }

    /// Demand of the hour; what that is does not matter where it is not active.
    #[inline(always)]
    fn demand(&self, model: &Model<'_>) -> Lanes {
        let mut lanes = [0.0; LANES];
        let rows = self.state.demand.chunks_exact(model.hours + 1);
        for (lane, (demand, &hour)) in lanes.iter_mut().zip(rows.zip(&*self.state.hours)) {
            *lane = positive_zero(demand[hour as usize]);
        }
        lanes
    }

    /// What an agent bids and offers, who is the first, second, … of those that act.
    #[inline(always)]
    fn offers(&self, model: &Model<'_>, acting: usize, agent: usize) -> Unit {
        let mut actions = [[0.0; 2]; LANES];
        let rows = self.actions.as_chunks().0[acting..].iter().step_by(model.acting());
        for (lane, &action) in actions.iter_mut().zip(rows) {
            *lane = action;
        }
        let (cost, capacity) = (model.costs[agent], model.capacities[agent]);
        Unit {
            bid: lanes!(k => model.offer(cost, capacity, actions[k]).0),
            quantity: lanes!(k => positive_zero(model.offer(cost, capacity, actions[k]).1)),
            number: [agent as f64; LANES],
        }
    }
}

#[inline(always)]
fn rewards(
    model: &Model<'_>,
    prices: &Lanes,
    shortages: &Lanes,
    bids: &Lanes,
    cost: f64,
    dispatch: &Lanes,
) -> Lanes {
    lanes!(k => {
        let told = Told { price: prices[k], shortage: shortages[k] };
        model.reward(told, bids[k], cost, dispatch[k])
    })
}

/// Writes a number for each environment: zero where it is not active.
#[inline(always)]
fn store<'a>(values: Lanes, active: Lanes, cells: impl Iterator<Item = &'a mut f64>) {
    let values: Lanes = lanes!(k => if active[k] != 0.0 { values[k] } else { 0.0 });
    for (cell, value) in cells.zip(values) {
        *cell = value;
    }
}
