//! A step of many bidding environments: bids, clearing, rewards, observations.
//!
//! `docs/environment.md` has the dynamics, to the last bit. Environments share their [`Model`];
//! all else lies in arrays with a row for each. Rows are dealt out to threads in contiguous parts.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use crate::cpu::{self, Task};
use crate::dispatch::dispatch;
use crate::margin::{KEPT_UNITS, Margin, Scratch, positive_zero};
use crate::merit_order::MeritOrder;
use crate::peers::{LANES, Lane, Peers};
use crate::pool::pool;
use crate::rules::{Rules, Ties};

/// With less than this for each thread, one is faster.
const UNITS_PER_THREAD: usize = 1 << 15;

/// What all environments have in common.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// Of each agent, MW.
    pub capacities: &'a [f64],
    /// As many.
    pub costs: &'a [f64],
    /// Rows of what each agent observes of itself.
    pub agent_features: &'a [f32],
    /// Rows of what all observe of an hour: of each hour, and of the one after the last.
    pub hour_features: &'a [f32],
    /// How many hours an episode has.
    pub hours: usize,
    pub bid_change: f64,
    pub bid_penalty: f64,
    pub shortage_penalty: f64,
    pub reward_scale: f64,
    pub demand_scale: f64,
    /// The agent that acts, where not all do.
    pub learner: Option<usize>,
    pub rules: Rules,
}

/// Where environments are, what is done in them, and room for what comes of it.
#[derive(Debug)]
pub struct Environments<'a> {
    /// The next hour of each, at most the model's `hours`, and less where it is active.
    pub hours: &'a mut [i64],
    /// Rows of `hours + 1` numbers.
    pub demand: &'a [f64],
    /// Not zero where a step is taken.
    pub active: &'a [u8],
    /// Two numbers for each agent that acts.
    pub actions: &'a [f32],
    /// A number for each agent that acts.
    pub rewards: &'a mut [f64],
    /// A row for each agent that acts: demand, features of the agent, features of the hour.
    pub observations: &'a mut [f32],
    pub prices: &'a mut [f64],
    /// A number for each agent that acts.
    pub dispatch: &'a mut [f64],
}

impl Model<'_> {
    /// The agents that act: the first, and how many.
    fn acting(&self) -> (usize, usize) {
        self.learner.map_or((0, self.costs.len()), |learner| (learner, 1))
    }

    /// How many numbers an agent observes.
    fn features(&self) -> usize {
        let of_agent = self.agent_features.len() / self.costs.len();
        1 + of_agent + self.hour_features.len() / (self.hours + 1)
    }

    /// Offers of an agent: its bid and its quantity.
    #[inline(always)]
    fn offer(&self, agent: usize, action: &[f32]) -> (f64, f64) {
        let (withheld, change) = (f64::from(action[0]), f64::from(action[1]));
        let withheld = if withheld > 0.0 { withheld } else { 0.0 };
        let bid = self.costs[agent] + change * self.bid_change;
        (bid, self.capacities[agent] * (1.0 - withheld))
    }

    #[inline(always)]
    fn reward(&self, agent: usize, bid: f64, price: f64, amount: f64, shortage: f64) -> f64 {
        let cost = self.costs[agent];
        let markup = bid - cost;
        let charge = self.bid_penalty * (markup * markup);
        (((price - cost) * amount - charge) - shortage) * self.reward_scale
    }

    /// What a shortage costs each agent.
    #[inline(always)]
    fn shortage(&self, demand: f64, supply: f64) -> f64 {
        let lacking = demand - supply;
        self.shortage_penalty * if lacking > 0.0 { lacking } else { 0.0 }
    }
}

/// Takes an hour in every active environment, and observes all.
///
/// `threads` is the most threads to use; `None` is as many as `RAYON_NUM_THREADS` says, or as there
/// are processors. Few environments take one.
///
/// # Errors
/// The position of the first action of an active environment that is not from -1 to 1. Nothing is
/// written then.
///
/// # Panics
/// If there is no agent, lengths do not fit, or an hour is too large.
pub fn step_batch(
    model: Model<'_>,
    environments: Environments<'_>,
    threads: Option<usize>,
) -> Result<(), usize> {
    environments.check(&model);
    if let Some(position) = cpu::run(FindBad { model, environments: &environments }) {
        return Err(position);
    }
    PEERS.with_borrow_mut(|peers| {
        peers.sort(model.costs, model.capacities, model.learner);
        run_parts(model, environments, peers, threads);
    });
    Ok(())
}

thread_local! {
    static PEERS: RefCell<Peers> = const { RefCell::new(Peers::new()) };
    static WORKER: RefCell<Worker> = const { RefCell::new(Worker::new()) };
}

/// Memory of one thread, reused from call to call.
struct Worker {
    scratch: Scratch,
    order: MeritOrder,
    bids: Vec<f64>,
    quantities: Vec<f64>,
    cleared: Vec<f64>,
}

impl Worker {
    const fn new() -> Self {
        Self {
            scratch: Scratch::new(),
            order: MeritOrder::new(),
            bids: Vec::new(),
            quantities: Vec::new(),
            cleared: Vec::new(),
        }
    }

    /// Makes room for a market in which all bid their cost.
    fn begin(&mut self, model: &Model<'_>) {
        self.bids.clear();
        self.bids.extend_from_slice(model.costs);
        self.quantities.clear();
        self.quantities.extend_from_slice(model.capacities);
        self.cleared.clear();
        self.cleared.resize(model.costs.len(), 0.0);
    }

    fn shrink_to(&mut self, units: usize) {
        self.scratch.shrink_to(units);
        self.order.shrink_to(units);
        for buffer in [&mut self.bids, &mut self.quantities, &mut self.cleared] {
            if buffer.capacity() > units {
                *buffer = Vec::new();
            }
        }
    }
}

fn run_parts(
    model: Model<'_>,
    environments: Environments<'_>,
    peers: &Peers,
    threads: Option<usize>,
) {
    let rows = environments.hours.len();
    let most = threads
        .unwrap_or(usize::MAX)
        .min(rows.saturating_mul(model.costs.len()) / UNITS_PER_THREAD);
    let pool = if most > 1 { pool() } else { None };
    let threads = pool.map_or(1, |pool| most.min(pool.current_num_threads()));
    let left = Mutex::new((threads, Some(environments)));
    let work = || {
        WORKER.with_borrow_mut(|worker| {
            while let Some(environments) = take(&left, &model) {
                worker.begin(&model);
                cpu::run(Part { model, environments, peers, worker });
            }
            worker.shrink_to(KEPT_UNITS);
        });
    };
    match pool {
        None => work(),
        Some(pool) => pool.in_place_scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| work());
            }
            work(); // where the others come late, it has done their share
        }),
    }
}

/// The next part of the environments, and how many parts are left.
type Left<'a> = Mutex<(usize, Option<Environments<'a>>)>;

/// Takes one part of those that are left.
fn take<'a>(left: &Left<'a>, model: &Model<'_>) -> Option<Environments<'a>> {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    let all = left.1.take()?;
    if left.0 <= 1 {
        return Some(all);
    }
    // Whole lanes, so that only the last part has some left over.
    let rows = all.hours.len().div_ceil(left.0).next_multiple_of(LANES).min(all.hours.len());
    let (own, others) = all.split(rows, model);
    *left = (left.0 - 1, Some(others));
    Some(own)
}

impl<'a> Environments<'a> {
    /// The first rows, and the others.
    fn split(self, rows: usize, model: &Model<'_>) -> (Self, Self) {
        let (_, agents) = model.acting();
        let (hours, other_hours) = self.hours.split_at_mut(rows);
        let (demand, other_demand) = self.demand.split_at(rows * (model.hours + 1));
        let (active, other_active) = self.active.split_at(rows);
        let (actions, other_actions) = self.actions.split_at(rows * agents * 2);
        let (rewards, other_rewards) = self.rewards.split_at_mut(rows * agents);
        let (observations, other_observations) =
            self.observations.split_at_mut(rows * agents * model.features());
        let (prices, other_prices) = self.prices.split_at_mut(rows);
        let (dispatch, other_dispatch) = self.dispatch.split_at_mut(rows * agents);
        (
            Self { hours, demand, active, actions, rewards, observations, prices, dispatch },
            Self {
                hours: other_hours,
                demand: other_demand,
                active: other_active,
                actions: other_actions,
                rewards: other_rewards,
                observations: other_observations,
                prices: other_prices,
                dispatch: other_dispatch,
            },
        )
    }

    /// Panics unless all lengths fit.
    fn check(&self, model: &Model<'_>) {
        let (rows, units, width) = (self.hours.len(), model.costs.len(), model.hours + 1);
        assert!(units > 0, "a market needs at least one unit");
        let (first, agents) = model.acting();
        assert!(first < units && model.capacities.len() == units);
        assert!(model.agent_features.len().is_multiple_of(units));
        assert!(model.hour_features.len().is_multiple_of(width));
        assert!(self.active.len() == rows && self.prices.len() == rows);
        assert!(self.demand.len() == rows * width && self.actions.len() == rows * agents * 2);
        assert!(self.rewards.len() == rows * agents && self.dispatch.len() == rows * agents);
        assert!(self.observations.len() == rows * agents * model.features());
        let fits = |(&hour, &active): (&i64, &u8)| {
            hour >= 0 && (hour as usize) < width - usize::from(active != 0)
        };
        assert!(self.hours.iter().zip(self.active).all(fits), "an hour is too large");
    }
}

/// Looks for the first action that must not be taken.
struct FindBad<'a, 'b> {
    model: Model<'a>,
    environments: &'b Environments<'a>,
}

impl Task for FindBad<'_, '_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<const AVX2: bool>(self) -> Option<usize> {
        let Environments { actions, active, .. } = self.environments;
        let good = |action: f32| action.abs() <= 1.0;
        if actions.iter().fold(true, |all, &action| all & good(action)) {
            return None;
        }
        let numbers = self.model.acting().1 * 2;
        let mut bad = actions.iter().enumerate().filter(|&(_, &action)| !good(action));
        bad.find(|&(position, _)| active[position / numbers] != 0).map(|(position, _)| position)
    }
}

/// Some of the environments, for one thread.
struct Part<'a, 'b> {
    model: Model<'a>,
    environments: Environments<'b>,
    peers: &'a Peers,
    worker: &'a mut Worker,
}

impl Task for Part<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<const AVX2: bool>(mut self) {
        let rows = self.environments.hours.len();
        let mut first = 0;
        while first < rows {
            let lanes = first..(first + LANES).min(rows);
            if self.model.learner.is_some() && self.model.rules.ties == Ties::First {
                self.step_lanes(lanes.clone());
            } else {
                lanes.clone().for_each(|row| self.step::<AVX2>(row));
            }
            lanes.for_each(|row| self.observe(row));
            first += LANES;
        }
    }
}

impl Part<'_, '_> {
    /// Steps a row by clearing its market as any other.
    #[inline(always)]
    fn step<const AVX2: bool>(&mut self, row: usize) {
        let Self { model, environments, worker, .. } = self;
        let (first, agents) = model.acting();
        let own = row * agents..(row + 1) * agents;
        let rewards = &mut environments.rewards[own.clone()];
        let amounts = &mut environments.dispatch[own];
        if environments.active[row] == 0 {
            rewards.fill(0.0);
            amounts.fill(0.0);
            environments.prices[row] = 0.0;
            return;
        }
        let actions = &environments.actions[row * agents * 2..(row + 1) * agents * 2];
        for (agent, action) in (first..).zip(actions.chunks_exact(2)) {
            (worker.bids[agent], worker.quantities[agent]) = model.offer(agent, action);
        }
        let hour = environments.hours[row] as usize;
        let demand = environments.demand[row * (model.hours + 1) + hour];
        let (price, supply) = worker.clear::<AVX2>(demand, model.rules);
        let shortage = model.shortage(demand, supply);
        for (own, agent) in (first..first + agents).enumerate() {
            let amount = worker.cleared[agent];
            rewards[own] = model.reward(agent, worker.bids[agent], price, amount, shortage);
            amounts[own] = amount;
        }
        environments.prices[row] = price;
        environments.hours[row] += 1;
    }

    /// Steps rows in which one agent acts among others that bid their cost.
    #[inline(always)]
    fn step_lanes(&mut self, rows: std::ops::Range<usize>) {
        let Self { model, environments, peers, .. } = self;
        let learner = model.acting().0;
        let (mut bids, mut quantities, mut demand) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for (lane, row) in rows.clone().enumerate() {
            let action = &environments.actions[row * 2..row * 2 + 2];
            (bids[lane], quantities[lane]) = model.offer(learner, action);
            let hour = environments.hours[row] as usize;
            demand[lane] = environments.demand[row * (model.hours + 1) + hour];
        }
        let lanes = peers.clear(&bids, &quantities, &demand);
        for (lane, row) in rows.enumerate() {
            let active = environments.active[row] != 0;
            let Lane { price, amount, supply } = lanes.lane(lane, peers, model.rules);
            let shortage = model.shortage(demand[lane], supply);
            let reward = model.reward(learner, bids[lane], price, amount, shortage);
            environments.rewards[row] = if active { reward } else { 0.0 };
            environments.dispatch[row] = if active { amount } else { 0.0 };
            environments.prices[row] = if active { price } else { 0.0 };
            environments.hours[row] += i64::from(active);
        }
    }

    /// Writes what a row's agents see of the hour that comes next.
    #[inline(always)]
    fn observe(&mut self, row: usize) {
        let Self { model, environments, .. } = self;
        let (first, agents) = model.acting();
        let hour = environments.hours[row] as usize;
        let demand = environments.demand[row * (model.hours + 1) + hour] * model.demand_scale;
        let of_agent = model.agent_features.len() / model.costs.len();
        let of_hour = model.hour_features.len() / (model.hours + 1);
        let width = 1 + of_agent + of_hour;
        let next = &model.hour_features[hour * of_hour..(hour + 1) * of_hour];
        let own = &model.agent_features[first * of_agent..(first + agents) * of_agent];
        let seen =
            &mut environments.observations[row * agents * width..(row + 1) * agents * width];
        for (agent, seen) in seen.chunks_exact_mut(width).enumerate() {
            let (dynamic, rest) = seen.split_at_mut(1);
            let (static_part, of_next) = rest.split_at_mut(of_agent);
            dynamic[0] = demand as f32;
            copy(static_part, &own[agent * of_agent..(agent + 1) * of_agent]);
            copy(of_next, next);
        }
    }
}

/// Copies a few numbers, for which a call would take longer than they do.
#[inline(always)]
fn copy(into: &mut [f32], from: &[f32]) {
    for (into, &from) in into.iter_mut().zip(from) {
        *into = from;
    }
}

impl Worker {
    /// Clears the market of the offers into `cleared`: its price, and the supply under scarcity,
    /// else what is no less than demand.
    #[inline(always)]
    fn clear<const AVX2: bool>(&mut self, demand: f64, rules: Rules) -> (f64, f64) {
        let Self { scratch, order, bids, quantities, cleared } = self;
        let margin = scratch.margin::<AVX2>(bids, quantities, demand, rules.ties);
        let supply = match margin {
            Margin::At { .. } => demand,
            Margin::Beyond { .. } => {
                order.sort(bids);
                order.units().fold(0.0, |sum, unit| sum + positive_zero(quantities[unit]))
            }
        };
        (dispatch(bids, quantities, demand, rules, margin, cleared), supply)
    }
}
