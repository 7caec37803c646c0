//! What environments have in common, and the arithmetic of one agent.
//!
//! `easy_marl/market/stepping.py` says what each number means, and `docs/environment.md` how they
//! come together: from left to right as written, so that all backends agree to the last bit.

use crate::rules::Rules;

/// What N agents, T hours and their market have in common in all environments.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// One for each agent; at least one.
    pub capacities: &'a [f64],
    /// As many.
    pub costs: &'a [f64],
    /// A row for each agent.
    pub agent_features: &'a [f32],
    /// A row for each hour, and one for the hour after the last.
    pub hour_features: &'a [f32],
    /// T.
    pub hours: usize,
    pub bid_change: f64,
    pub bid_penalty: f64,
    pub shortage_penalty: f64,
    pub reward_scale: f64,
    pub demand_scale: f64,
    /// The one agent that acts, and is told how it went; without it, all do.
    pub learner: Option<usize>,
    pub rules: Rules,
}

impl Model<'_> {
    /// How many agents act.
    pub fn acting(&self) -> usize {
        if self.learner.is_some() { 1 } else { self.costs.len() }
    }

    /// How many numbers an agent sees: demand, its features, the hour's features.
    pub fn width(&self) -> usize {
        1 + self.agent_features.len() / self.costs.len()
            + self.hour_features.len() / (self.hours + 1)
    }

    pub(crate) fn check_shapes(&self) {
        let agents = self.costs.len();
        assert!(agents > 0 && self.capacities.len() == agents);
        assert!(self.learner.is_none_or(|learner| learner < agents));
        assert!(self.agent_features.len().is_multiple_of(agents));
        assert!(self.hour_features.len().is_multiple_of(self.hours + 1));
    }

    /// What an agent bids and offers, given its two actions.
    #[inline(always)]
    pub(crate) fn offer(&self, cost: f64, capacity: f64, action: [f32; 2]) -> (f64, f64) {
        let (withheld, raised) = (f64::from(action[0]), f64::from(action[1]));
        let withheld = if withheld > 0.0 { withheld } else { 0.0 };
        (cost + raised * self.bid_change, capacity * (1.0 - withheld))
    }

    /// What an agent gets that bids and delivers so much.
    #[inline(always)]
    pub(crate) fn reward(&self, told: Told, bid: f64, cost: f64, dispatch: f64) -> f64 {
        let markup = bid - cost;
        let profit = profit(told.price, cost, dispatch);
        let charge = self.bid_penalty * (markup * markup);
        ((profit - charge) - self.shortage_penalty * told.shortage) * self.reward_scale
    }
}

/// What an agent earns that delivers so much.
#[inline(always)]
pub(crate) fn profit(price: f64, cost: f64, dispatch: f64) -> f64 {
    (price - cost) * dispatch
}

/// An hour as an index into a row of demand. It was checked; but who writes it meanwhile must not
/// lead out of the row.
#[inline(always)]
pub(crate) fn within(hour: i64, hours: usize) -> usize {
    (hour as usize).min(hours)
}

/// What agents observe, worked out once: dividing takes as long as copying a few numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observer<'a> {
    /// Features of the agents that act.
    agents: &'a [f32],
    hours: &'a [f32],
    of_agent: usize,
    of_hour: usize,
    acting: usize,
    demand_scale: f64,
}

impl<'a> Observer<'a> {
    pub fn new(model: &Model<'a>) -> Self {
        let of_agent = model.agent_features.len() / model.costs.len();
        Self {
            agents: &model.agent_features[model.learner.unwrap_or(0) * of_agent..],
            hours: model.hour_features,
            of_agent,
            of_hour: model.hour_features.len() / (model.hours + 1),
            acting: model.acting(),
            demand_scale: model.demand_scale,
        }
    }

    /// How many numbers an agent sees.
    pub fn width(&self) -> usize {
        1 + self.of_agent + self.of_hour
    }

    /// Writes what the agents see of the hour that comes next.
    #[inline(always)]
    pub fn observe(&self, hour: usize, demand: &[f64], seen: &mut [f32]) {
        let Self { agents, hours, of_agent, of_hour, acting, demand_scale } = *self;
        let demand = (demand[hour] * demand_scale) as f32;
        let hour = &hours[hour * of_hour..][..of_hour];
        let mut rows = seen;
        for agent in 0..acting {
            let (of_demand, rest) = rows.split_at_mut(1);
            let (own, rest) = rest.split_at_mut(of_agent);
            let (next, rest) = rest.split_at_mut(of_hour);
            of_demand[0] = demand;
            copy(&agents[agent * of_agent..][..of_agent], own);
            copy(hour, next);
            rows = rest;
        }
    }
}

/// What all agents of a market are told alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub price: f64,
    /// Demand that supply does not reach.
    pub shortage: f64,
}

/// Copies numbers; a few of them without a call, which would take longer than they do.
#[inline(always)]
fn copy(from: &[f32], into: &mut [f32]) {
    if from.len() > 8 {
        into.copy_from_slice(from);
    } else if from.len() >= 4 {
        copy_ends::<4>(from, into);
    } else {
        for (into, &from) in into.iter_mut().zip(from) {
            *into = from;
        }
    }
}

/// Copies from `N` to `2 * N` numbers: the first and the last `N`, which may overlap.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[f32], into: &mut [f32]) {
    *into.first_chunk_mut::<N>().expect("as many") = *from.first_chunk().expect("so many");
    *into.last_chunk_mut::<N>().expect("as many") = *from.last_chunk().expect("so many");
}
