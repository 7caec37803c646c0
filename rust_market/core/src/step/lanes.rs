//! Steps of some environments at once, for few agents.

use crate::simd::lanes::{LANES, Lanes, Margins, NOTHING, Unit, ZERO, lanes, sort};
use crate::step::environments::{Environments, State};
use crate::step::model::{Model, Observer, Told, profit, within};
use crate::step::others::{Merged, Others};
use crate::thresholds::{STEP_LANES, STEP_LANES_OF_ONE};
use crate::values::positive_zero;

/// Whether lanes are the faster way.
pub(crate) fn fits_lanes(model: &Model<'_>) -> bool {
    let most = if model.learner.is_some() { STEP_LANES_OF_ONE } else { STEP_LANES };
    model.costs.len() <= most
}

/// Takes a step in each environment that is active, and observes all.
#[inline(always)]
pub(crate) fn step_lanes(model: &Model<'_>, others: &Others, environments: Environments<'_>) {
    let observer = Observer::new(model);
    let mut agents = Agents::new();
    let mut left = environments;
    while left.count() > 0 {
        let count = left.count().min(LANES);
        let (mut some, rest) = left.split(model, count);
        match model.learner {
            Some(learner) => one(model, others, learner, &mut some),
            None => all(model, &mut agents, &mut some),
        }
        observe(model, &observer, some);
        left = rest;
    }
}

/// Where only the learner decides.
#[inline(always)]
fn one(model: &Model<'_>, others: &Others, learner: usize, some: &mut Environments<'_>) {
    let active = some.active();
    let own = some.offers(model, 0, learner);
    let own = Unit { number: others.places(&own.bid), ..own };
    let ties = model.rules.ties;
    let margins = Margins::new(&Merged { others, one: own }, some.demand(model), model.rules);
    let prices = margins.prices(model.rules);
    let dispatch = margins.dispatch(&own, ties);
    let rewards = rewards(model, learner, &own, &dispatch, &prices, &margins.shortages());
    store(&where_active(rewards, &active), some.outcome.rewards);
    store(&where_active(dispatch, &active), some.outcome.dispatch);
    let profits = profits(model.costs[learner], &dispatch, &prices);
    store(&where_active(profits, &active), some.outcome.profits);
    store(&where_active(prices, &active), some.outcome.prices);
}

/// What all agents offer and get, in some environments.
struct Agents {
    offers: [Unit; STEP_LANES],
    units: [Unit; STEP_LANES],
    rewards: [Lanes; STEP_LANES],
    dispatch: [Lanes; STEP_LANES],
    profits: [Lanes; STEP_LANES],
}

impl Agents {
    const fn new() -> Self {
        let (offers, units) = ([NOTHING; STEP_LANES], [NOTHING; STEP_LANES]);
        let nothing = [ZERO; STEP_LANES];
        Self { offers, units, rewards: nothing, dispatch: nothing, profits: nothing }
    }
}

/// Where all agents decide.
#[inline(always)]
fn all(model: &Model<'_>, agents: &mut Agents, some: &mut Environments<'_>) {
    let active = some.active();
    let count = model.costs.len();
    let Agents { offers, units, .. } = agents;
    for agent in 0..count {
        offers[agent] = some.offers(model, agent, agent);
        units[agent] = offers[agent];
    }
    let units = &mut units[..count];
    sort(units);
    let ties = model.rules.ties;
    let margins = Margins::new(&&*units, some.demand(model), model.rules);
    let (prices, shortages) = (margins.prices(model.rules), margins.shortages());
    store(&where_active(prices, &active), some.outcome.prices);
    for (agent, own) in offers[..count].iter().enumerate() {
        let dispatch = margins.dispatch(own, ties);
        let rewards = rewards(model, agent, own, &dispatch, &prices, &shortages);
        let profits = profits(model.costs[agent], &dispatch, &prices);
        agents.rewards[agent] = where_active(rewards, &active);
        agents.dispatch[agent] = where_active(dispatch, &active);
        agents.profits[agent] = where_active(profits, &active);
    }
    store_rows(&agents.rewards[..count], some.outcome.rewards);
    store_rows(&agents.dispatch[..count], some.outcome.dispatch);
    store_rows(&agents.profits[..count], some.outcome.profits);
}

#[inline(always)]
fn observe(model: &Model<'_>, observer: &Observer<'_>, some: Environments<'_>) {
    let State { hours, demand, active } = some.state;
    let (mut demand, mut observations) = (demand, some.outcome.observations);
    let seen = model.acting() * observer.width();
    for (hour, &active) in hours.iter_mut().zip(active) {
        // No chunks: those divide.
        let (own, later) = demand.split_at(model.hours + 1);
        let (row, rest) = observations.split_at_mut(seen);
        *hour += i64::from(active != 0);
        observer.observe(within(*hour, model.hours), own, row);
        (demand, observations) = (later, rest);
    }
}

impl Environments<'_> {
    /// 1 where an environment takes a step.
    #[inline(always)]
    fn active(&self) -> Lanes {
        let mut lanes = ZERO;
        for (lane, &active) in lanes.iter_mut().zip(self.state.active) {
            *lane = if active != 0 { 1.0 } else { 0.0 };
        }
        lanes
    }

    /// Demand of the hour; what that is does not matter where it is not active.
    #[inline(always)]
    fn demand(&self, model: &Model<'_>) -> Lanes {
        let mut lanes = ZERO;
        let mut rows = self.state.demand;
        for (lane, &hour) in lanes.iter_mut().zip(&*self.state.hours) {
            let (row, rest) = rows.split_at(model.hours + 1);
            *lane = positive_zero(row[within(hour, model.hours)]);
            rows = rest;
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
    agent: usize,
    own: &Unit,
    dispatch: &Lanes,
    prices: &Lanes,
    shortages: &Lanes,
) -> Lanes {
    let cost = model.costs[agent];
    lanes!(k => {
        let told = Told { price: prices[k], shortage: shortages[k] };
        model.reward(told, own.bid[k], cost, dispatch[k])
    })
}

#[inline(always)]
fn profits(cost: f64, dispatch: &Lanes, prices: &Lanes) -> Lanes {
    lanes!(k => profit(prices[k], cost, dispatch[k]))
}

/// Zero where an environment is not active.
#[inline(always)]
fn where_active(values: Lanes, active: &Lanes) -> Lanes {
    lanes!(k => if active[k] != 0.0 { values[k] } else { 0.0 })
}

/// Writes a number for each environment.
#[inline(always)]
fn store(values: &Lanes, cells: &mut [f64]) {
    for (cell, value) in cells.iter_mut().zip(values) {
        *cell = *value;
    }
}

/// Writes a row of numbers for each environment, a number for each agent.
#[inline(always)]
fn store_rows(agents: &[Lanes], cells: &mut [f64]) {
    let mut rows = cells;
    for lane in 0..LANES {
        let Some((row, rest)) = rows.split_at_mut_checked(agents.len()) else { break };
        for (cell, values) in row.iter_mut().zip(agents) {
            *cell = values[lane];
        }
        rows = rest;
    }
}
