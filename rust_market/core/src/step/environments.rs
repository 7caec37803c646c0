//! What a step of many environments takes beside constants: where they are, and room for results.
//!
//! `easy_marl/market/stepping.py` says what each number means.

use crate::error::OutOfMemory;
use crate::step::model::Model;

/// Where B environments are.
#[derive(Debug)]
pub struct State<'a> {
    /// The hour that comes next. It is set forward.
    pub hours: &'a mut [i64],
    /// A row of T + 1 for each environment.
    pub demand: &'a [f64],
    /// Whether an environment takes a step: not, where it is 0.
    pub active: &'a [u8],
}

/// Results for M agents, all or the learner, in each environment.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// Rows of M.
    pub rewards: &'a mut [f64],
    /// Rows of M rows.
    pub observations: &'a mut [f32],
    pub prices: &'a mut [f64],
    /// Rows of M.
    pub dispatch: &'a mut [f64],
    /// Rows of M.
    pub profits: &'a mut [f64],
}

/// Why not all environments took a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The first environment whose hour is not one of its episode.
    Hour(usize),
    /// The first action that an active environment must not take, by its position.
    Action(usize),
    /// There is not enough memory. Some environments may have taken the step then.
    OutOfMemory,
}

impl From<OutOfMemory> for Refusal {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// Some of the environments, with their actions and room for their results.
#[derive(Debug)]
pub(crate) struct Environments<'a> {
    pub state: State<'a>,
    pub actions: &'a [f32],
    pub outcome: Outcome<'a>,
}

impl<'a> Environments<'a> {
    /// # Panics
    /// If lengths do not fit together.
    pub fn new(
        model: &Model<'_>,
        state: State<'a>,
        actions: &'a [f32],
        outcome: Outcome<'a>,
    ) -> Self {
        model.check_shapes();
        let count = state.hours.len();
        let numbers = count * model.acting();
        assert!(state.demand.len() == count * (model.hours + 1) && state.active.len() == count);
        assert!(actions.len() == 2 * numbers && outcome.prices.len() == count);
        assert!(outcome.rewards.len() == numbers && outcome.dispatch.len() == numbers);
        assert!(outcome.profits.len() == numbers);
        assert!(outcome.observations.len() == numbers * model.width());
        Self { state, actions, outcome }
    }

    pub fn count(&self) -> usize {
        self.state.hours.len()
    }

    /// Says why no step can be taken, if so.
    pub fn check(&self, model: &Model<'_>) -> Result<(), Refusal> {
        let State { hours, active, .. } = &self.state;
        let known = |(&hour, &active): (&i64, &u8)| {
            let stop = if active == 0 { model.hours + 1 } else { model.hours };
            0 <= hour && (hour as u64) < stop as u64
        };
        if let Some(row) = hours.iter().zip(*active).position(|pair| !known(pair)) {
            return Err(Refusal::Hour(row));
        }
        // All numbers first, idle environments' too: that has no branch, and is mostly enough.
        if self.actions.iter().fold(true, |all, &action| all & good(action)) {
            return Ok(());
        }
        let numbers = 2 * model.acting();
        let bad = |&(position, &action): &(usize, &f32)| {
            active[position / numbers] != 0 && !good(action)
        };
        let first = self.actions.iter().enumerate().find(bad);
        first.map_or(Ok(()), |(position, _)| Err(Refusal::Action(position)))
    }

    /// The first ones, and the others.
    pub fn split(self, model: &Model<'_>, count: usize) -> (Self, Self) {
        let numbers = count * model.acting();
        let State { hours, demand, active } = self.state;
        let Outcome { rewards, observations, prices, dispatch, profits } = self.outcome;
        let hours = hours.split_at_mut(count);
        let demand = demand.split_at(count * (model.hours + 1));
        let active = active.split_at(count);
        let actions = self.actions.split_at(2 * numbers);
        let rewards = rewards.split_at_mut(numbers);
        let observations = observations.split_at_mut(numbers * model.width());
        let prices = prices.split_at_mut(count);
        let dispatch = dispatch.split_at_mut(numbers);
        let profits = profits.split_at_mut(numbers);
        let first = Self {
            state: State { hours: hours.0, demand: demand.0, active: active.0 },
            actions: actions.0,
            outcome: Outcome {
                rewards: rewards.0,
                observations: observations.0,
                prices: prices.0,
                dispatch: dispatch.0,
                profits: profits.0,
            },
        };
        let others = Self {
            state: State { hours: hours.1, demand: demand.1, active: active.1 },
            actions: actions.1,
            outcome: Outcome {
                rewards: rewards.1,
                observations: observations.1,
                prices: prices.1,
                dispatch: dispatch.1,
                profits: profits.1,
            },
        };
        (first, others)
    }
}

fn good(action: f32) -> bool {
    (-1.0..=1.0).contains(&action)
}
