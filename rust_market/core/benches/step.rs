//! ns per environment for a step of many, without Python: fresh actions in every call.
//!
//! ```sh
//! cargo bench -p market-core --bench step
//! cargo bench -p market-core --bench step -- 5 20
//! ```

#[allow(dead_code)]
mod common;

use std::time::Instant;

use common::{Random, Table, sizes};
use market_core::{Model, Outcome, Rules, State, step_batch};

const AGENTS: [usize; 3] = [5, 20, 100];
const COUNTS: [usize; 3] = [64, 1024, 4096];
const HOURS: usize = 24;
/// Features of an agent and of an hour, as environments have them unless told otherwise.
const FEATURES: [usize; 2] = [2, 5];
/// So many calls have actions of their own.
const CALLS: usize = 64;

/// The best time of some passes, in ns per environment.
fn time(agents: usize, count: usize, learner: Option<usize>, threads: usize) -> f64 {
    let mut random = Random::new();
    let costs: Vec<f64> = (0..agents).map(|_| random.uniform(20.0, 40.0)).collect();
    let capacities = vec![100.0; agents];
    let model = Model {
        capacities: &capacities,
        costs: &costs,
        agent_features: &vec![0.5; agents * FEATURES[0]],
        hour_features: &vec![0.5; (HOURS + 1) * FEATURES[1]],
        hours: HOURS,
        bid_change: 20.0,
        bid_penalty: 0.1,
        shortage_penalty: 10.0,
        reward_scale: 0.0005,
        demand_scale: 0.002,
        learner,
        rules: Rules::default(),
    };
    let numbers = count * model.acting();
    let total: f64 = capacities.iter().sum();
    let demand: Vec<f64> =
        (0..count * (HOURS + 1)).map(|_| total * random.uniform(0.35, 0.85)).collect();
    let actions: Vec<Vec<f32>> = (0..CALLS)
        .map(|_| (0..2 * numbers).map(|_| random.uniform(-1.0, 1.0) as f32).collect())
        .collect();
    let (mut hours, active) = (vec![0; count], vec![1; count]);
    let (mut rewards, mut dispatch) = (vec![0.0; numbers], vec![0.0; numbers]);
    let mut profits = vec![0.0; numbers];
    let (mut observations, mut prices) = (vec![0.0; numbers * model.width()], vec![0.0; count]);
    let mut best = f64::INFINITY;
    for pass in 0..20 * HOURS {
        if pass % HOURS == 0 {
            hours.fill(0);
        }
        let state = State { hours: &mut hours, demand: &demand, active: &active };
        let outcome = Outcome {
            rewards: &mut rewards,
            observations: &mut observations,
            prices: &mut prices,
            dispatch: &mut dispatch,
            profits: &mut profits,
        };
        let start = Instant::now();
        step_batch(&model, state, &actions[pass % CALLS], outcome, Some(threads)).expect("good");
        best = best.min(start.elapsed().as_nanos() as f64);
    }
    best / count as f64
}

fn main() {
    let columns = ["agents", "count", "learner", "on two", "all", "all on two"];
    let mut table = Table::new("step", &columns);
    for agents in sizes(&AGENTS) {
        for count in COUNTS {
            let learner = Some(agents / 2);
            let times = [(learner, 1), (learner, 2), (None, 1), (None, 2)];
            let times = times.map(|(learner, threads)| time(agents, count, learner, threads));
            table.row(&[agents, count], &times);
        }
    }
}
