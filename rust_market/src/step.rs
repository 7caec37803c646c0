//! The environments' step: tuples of arrays in, `market_core` called on their memory.
//!
//! The GIL is held for the whole step, which takes microseconds. So no other Python thread can
//! change an array meanwhile, or look at results that are not done; the threads that share the work
//! run no Python.

use market_core::{Model, Outcome, Refusal, Rules, State};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors;
use crate::fields::{Array, check_mask, check_overlaps, fields, int, number};
use crate::options::{TiesOption, ToleranceOption, check_rules, check_threads};

/// The arrays of the tuples, in their order.
const CONSTANTS: [&str; 4] =
    ["model.capacities", "model.costs", "model.agent_features", "model.hour_features"];
const STATE: [&str; 3] = ["state.hours", "state.demand", "state.active"];
const OUTCOME: [&str; 5] = [
    "outcome.rewards",
    "outcome.observations",
    "outcome.prices",
    "outcome.dispatch",
    "outcome.profits",
];

/// The tuples as Python gave them.
pub struct Given<'a, 'py> {
    pub model: &'a Bound<'py, PyAny>,
    pub state: &'a Bound<'py, PyAny>,
    pub actions: &'a Bound<'py, PyAny>,
    pub outcome: &'a Bound<'py, PyAny>,
}

/// What of a model is no array.
struct Numbers {
    bid_change: f64,
    bid_penalty: f64,
    shortage_penalty: f64,
    reward_scale: f64,
    demand_scale: f64,
    learner: i64,
    rules: Rules,
}

impl Numbers {
    /// The fields of a model from the fifth on, but for the options, which were read before.
    fn new(fields: &[Bound<'_, PyAny>; 13], rules: Rules) -> PyResult<Self> {
        let float = |field: usize, name| number(name, &fields[field], "a number");
        Ok(Self {
            bid_change: float(4, "model.bid_change")?,
            bid_penalty: float(5, "model.bid_penalty")?,
            shortage_penalty: float(6, "model.shortage_penalty")?,
            reward_scale: float(7, "model.reward_scale")?,
            demand_scale: float(8, "model.demand_scale")?,
            learner: int("model.learner", &fields[9])?,
            rules: Rules { scarcity_price: scarcity_price(&fields[11])?, ..rules },
        })
    }
}

fn scarcity_price(field: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    if field.is_none() {
        return Ok(None);
    }
    number("model.scarcity_price", field, "a number or None").map(Some)
}

/// The options of a model.
fn rules(fields: &[Bound<'_, PyAny>; 13]) -> PyResult<Rules> {
    let Ok(ties) = TiesOption::extract(fields[10].as_borrowed());
    let Ok(tolerance) = ToleranceOption::extract(fields[12].as_borrowed());
    check_rules(ties, tolerance)
}

/// Takes a step; gives the position of the first bad action, or -1.
///
/// What is given is checked in the order of `easy_marl/market/step_arguments.py`.
pub fn step_batch(given: &Given<'_, '_>, threads: Option<&Bound<'_, PyAny>>) -> PyResult<i64> {
    let model: [_; 13] = fields("model", given.model)?;
    let state: [_; 3] = fields("state", given.state)?;
    let outcome: [_; 5] = fields("outcome", given.outcome)?;
    let rules = rules(&model)?;
    let threads = check_threads(threads)?;
    let numbers = Numbers::new(&model, rules)?;
    check_masks(&model, &state, given.actions, &outcome)?;
    // From here on no Python code runs.
    let constants = Constants::new(&model, &numbers)?;
    let arrays = Arrays::new(&constants, &state, given.actions, &outcome)?;
    arrays.check_overlaps(&constants)?;
    // SAFETY: the GIL is held, no Python code runs, and what is written to overlaps nothing else.
    let done = unsafe {
        let (state, actions, outcome) = arrays.slices();
        market_core::step_batch(&constants.slices(&numbers), state, actions, outcome, threads)
    };
    match done {
        Ok(()) => Ok(-1),
        Err(Refusal::Action(position)) => Ok(position as i64),
        Err(Refusal::Hour(row)) => Err(arrays.bad_hour(&constants, row)),
        Err(Refusal::OutOfMemory) => Err(errors::out_of_memory()),
    }
}

/// Checks that no array is a masked one.
fn check_masks(
    model: &[Bound<'_, PyAny>; 13],
    state: &[Bound<'_, PyAny>; 3],
    actions: &Bound<'_, PyAny>,
    outcome: &[Bound<'_, PyAny>; 5],
) -> PyResult<()> {
    let arrays = model[..CONSTANTS.len()].iter().chain(state).chain([actions]).chain(outcome);
    let names = CONSTANTS.iter().chain(&STATE).chain(&["actions"]).chain(&OUTCOME);
    names.zip(arrays).try_for_each(|(name, array)| check_mask(name, array))
}

/// The arrays of a model, in shapes that fit together.
struct Constants<'a> {
    capacities: Array<'a, f64>,
    costs: Array<'a, f64>,
    agent_features: Array<'a, f32>,
    hour_features: Array<'a, f32>,
    learner: Option<usize>,
}

impl<'a> Constants<'a> {
    fn new(fields: &'a [Bound<'_, PyAny>; 13], numbers: &Numbers) -> PyResult<Self> {
        let [capacities, costs, agent_features, hour_features] = CONSTANTS;
        let costs = Array::new(costs, &fields[1])?.shaped([None])?;
        let agents = costs.length(0);
        if agents == 0 {
            return Err(PyValueError::new_err(
                "model.costs has shape (0,): a market needs at least one unit",
            ));
        }
        let capacities = Array::new(capacities, &fields[0])?.shaped([Some(agents)])?;
        let agent_features =
            Array::new(agent_features, &fields[2])?.shaped([Some(agents), None])?;
        let hour_features = Array::new(hour_features, &fields[3])?.shaped([None, None])?;
        if hour_features.length(0) == 0 {
            return Err(PyValueError::new_err(
                "model.hour_features has no row: it must have one more than there are hours",
            ));
        }
        let learner = match usize::try_from(numbers.learner) {
            Ok(learner) if learner < agents => Some(learner),
            Err(_) if numbers.learner == -1 => None,
            _ => return Err(bad_learner(&fields[9], agents)),
        };
        Ok(Self { capacities, costs, agent_features, hour_features, learner })
    }

    /// T.
    fn hours(&self) -> usize {
        self.hour_features.length(0) - 1
    }

    /// # Safety
    /// As [`Array::slice`].
    unsafe fn slices(&self, numbers: &Numbers) -> Model<'a> {
        // SAFETY: the caller vouches for it.
        let (capacities, costs, agent_features, hour_features) = unsafe {
            let Self { capacities, costs, agent_features, hour_features, .. } = self;
            (capacities.slice(), costs.slice(), agent_features.slice(), hour_features.slice())
        };
        Model {
            capacities,
            costs,
            agent_features,
            hour_features,
            hours: self.hours(),
            bid_change: numbers.bid_change,
            bid_penalty: numbers.bid_penalty,
            shortage_penalty: numbers.shortage_penalty,
            reward_scale: numbers.reward_scale,
            demand_scale: numbers.demand_scale,
            learner: self.learner,
            rules: numbers.rules,
        }
    }
}

#[cold]
fn bad_learner(learner: &Bound<'_, PyAny>, agents: usize) -> PyErr {
    match learner.str() {
        Ok(learner) => PyValueError::new_err(format!(
            "model.learner is {learner}: it must be at least -1 and less than {agents}"
        )),
        Err(error) => error,
    }
}

/// The arrays that are no constants, in shapes that fit together.
struct Arrays<'a> {
    hours: Array<'a, i64>,
    demand: Array<'a, f64>,
    active: Array<'a, u8>,
    actions: Array<'a, f32>,
    rewards: Array<'a, f64>,
    observations: Array<'a, f32>,
    prices: Array<'a, f64>,
    dispatch: Array<'a, f64>,
    profits: Array<'a, f64>,
}

impl<'a> Arrays<'a> {
    fn new(
        constants: &Constants<'_>,
        state: &'a [Bound<'_, PyAny>; 3],
        actions: &'a Bound<'_, PyAny>,
        outcome: &'a [Bound<'_, PyAny>; 5],
    ) -> PyResult<Self> {
        let [hours, demand, are_active] = STATE;
        let [rewards, observations, prices, dispatch, profits] = OUTCOME;
        let hours = Array::writeable(hours, &state[0])?.shaped([None])?;
        let rows = Some(hours.length(0));
        let acting = Some(constants.learner.map_or(constants.costs.length(0), |_| 1));
        let width = 1 + constants.agent_features.length(1) + constants.hour_features.length(1);
        let times = Some(constants.hours() + 1);
        Ok(Self {
            hours,
            demand: Array::new(demand, &state[1])?.shaped([rows, times])?,
            active: Array::new(are_active, &state[2])?.shaped([rows])?,
            actions: Array::new("actions", actions)?.shaped([rows, acting, Some(2)])?,
            rewards: Array::writeable(rewards, &outcome[0])?.shaped([rows, acting])?,
            observations: Array::writeable(observations, &outcome[1])?.shaped([
                rows,
                acting,
                Some(width),
            ])?,
            prices: Array::writeable(prices, &outcome[2])?.shaped([rows])?,
            dispatch: Array::writeable(dispatch, &outcome[3])?.shaped([rows, acting])?,
            profits: Array::writeable(profits, &outcome[4])?.shaped([rows, acting])?,
        })
    }

    fn check_overlaps(&self, constants: &Constants<'_>) -> PyResult<()> {
        let outputs = [
            self.hours.extent(),
            self.rewards.extent(),
            self.observations.extent(),
            self.prices.extent(),
            self.dispatch.extent(),
            self.profits.extent(),
        ];
        let inputs = [
            constants.capacities.extent(),
            constants.costs.extent(),
            constants.agent_features.extent(),
            constants.hour_features.extent(),
            self.demand.extent(),
            self.active.extent(),
            self.actions.extent(),
        ];
        check_overlaps(&outputs, &inputs)
    }

    /// # Safety
    /// As [`Array::slice`] and [`Array::slice_mut`].
    unsafe fn slices(&self) -> (State<'a>, &'a [f32], Outcome<'a>) {
        // SAFETY: the caller vouches for it; those that are written to are writeable.
        unsafe {
            let state = State {
                hours: self.hours.slice_mut(),
                demand: self.demand.slice(),
                active: self.active.slice(),
            };
            let outcome = Outcome {
                rewards: self.rewards.slice_mut(),
                observations: self.observations.slice_mut(),
                prices: self.prices.slice_mut(),
                dispatch: self.dispatch.slice_mut(),
                profits: self.profits.slice_mut(),
            };
            (state, self.actions.slice(), outcome)
        }
    }

    #[cold]
    fn bad_hour(&self, constants: &Constants<'_>, row: usize) -> PyErr {
        // SAFETY: the GIL is held, and no Python code runs.
        let (hour, idle) = unsafe { (self.hours.slice()[row], self.active.slice()[row] == 0) };
        let (hours, which) = (constants.hours(), if idle { "idle" } else { "active" });
        let rule = if idle { "at most" } else { "less than" };
        PyValueError::new_err(format!(
            "state.hours[{row}] is {hour}: it must be at least 0 and {rule} {hours} where {which}"
        ))
    }
}
