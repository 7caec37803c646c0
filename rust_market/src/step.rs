//! A step of many environments: the fields of three tuples to slices, and the core called.
//!
//! It holds the GIL from beginning to end, so no Python thread changes the arrays meanwhile; the
//! core's own threads need none. rust-numpy's borrows tell whether arrays overlap: they cost little
//! beside a step.

use market_core::{Environments, Model, Rules, step_batch};
use numpy::ndarray::{Dim, Dimension};
use numpy::npyffi::flags::NPY_ARRAY_ALIGNED;
use numpy::{
    Element, PyArray, PyArrayMethods, PyReadonlyArray, PyReadwriteArray, PyUntypedArray,
    PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::options::TiesOption;

/// What a step returns where all actions are good, and the `learner` where all agents act.
const NONE: isize = -1;

const MODEL: [&str; 12] = [
    "capacities",
    "costs",
    "agent_features",
    "hour_features",
    "bid_change",
    "bid_penalty",
    "shortage_penalty",
    "reward_scale",
    "demand_scale",
    "learner",
    "ties",
    "scarcity_price",
];
const STATE: [&str; 3] = ["hours", "demand", "active"];
const OUTCOME: [&str; 4] = ["rewards", "observations", "prices", "dispatch"];

type Array<'py, T, const D: usize> = Bound<'py, PyArray<T, Dim<[usize; D]>>>;

/// A tuple, what it is called, and what its fields are.
struct Fields<'a, 'py> {
    tuple: &'a Bound<'py, PyTuple>,
    name: &'static str,
    names: &'static [&'static str],
}

impl<'a, 'py> Fields<'a, 'py> {
    fn new(
        tuple: &'a Bound<'py, PyTuple>,
        name: &'static str,
        names: &'static [&'static str],
    ) -> PyResult<Self> {
        if tuple.len() == names.len() {
            return Ok(Self { tuple, name, names });
        }
        let message = format!("{name} has {} fields: it must have {}", tuple.len(), names.len());
        Err(PyValueError::new_err(message))
    }

    fn label(&self, position: usize) -> String {
        format!("{}.{}", self.name, self.names[position])
    }

    fn value<T>(&self, position: usize) -> PyResult<T>
    where
        T: for<'b> FromPyObject<'b, 'py, Error = PyErr>,
    {
        self.tuple
            .get_item(position)?
            .extract()
            .map_err(|error| PyTypeError::new_err(format!("{}: {error}", self.label(position))))
    }

    /// A C-contiguous, aligned array of exactly this dtype and number of axes.
    fn array<T: Element, const D: usize>(&self, position: usize) -> PyResult<Array<'py, T, D>>
    where
        Dim<[usize; D]>: Dimension,
    {
        let object = self.tuple.get_item(position)?;
        let label = self.label(position);
        let Ok(array) = object.cast::<PyArray<T, Dim<[usize; D]>>>() else {
            let found = match object.cast::<PyUntypedArray>() {
                Ok(array) => format!("dtype {} and {} axes", array.dtype(), array.ndim()),
                Err(_) => format!("type {}", object.get_type().name()?),
            };
            let wanted = dtype::<T>(object.py());
            return Err(PyTypeError::new_err(format!(
                "{label} has {found}: it must be an array of {wanted} with {D} axes"
            )));
        };
        // SAFETY: it is an array, and alive.
        let flags = unsafe { (*array.as_array_ptr()).fields.flags };
        let aligned = (flags & NPY_ARRAY_ALIGNED) != 0;
        if array.is_c_contiguous() && aligned {
            return Ok(array.clone());
        }
        Err(PyValueError::new_err(format!("{label} must be C-contiguous and aligned")))
    }

    /// The same, of a given shape, to be read.
    fn read<T: Element, const D: usize>(
        &self,
        position: usize,
        shape: [usize; D],
    ) -> PyResult<PyReadonlyArray<'py, T, Dim<[usize; D]>>>
    where
        Dim<[usize; D]>: Dimension,
    {
        let array = self.array::<T, D>(position)?;
        self.check_shape(position, array.shape(), &shape)?;
        array.try_readonly().map_err(|error| self.refused(position, &error))
    }

    /// The same, to be written.
    fn write<T: Element, const D: usize>(
        &self,
        position: usize,
        shape: [usize; D],
    ) -> PyResult<PyReadwriteArray<'py, T, Dim<[usize; D]>>>
    where
        Dim<[usize; D]>: Dimension,
    {
        let array = self.array::<T, D>(position)?;
        self.check_shape(position, array.shape(), &shape)?;
        array.try_readwrite().map_err(|error| self.refused(position, &error))
    }

    fn check_shape(&self, position: usize, found: &[usize], wanted: &[usize]) -> PyResult<()> {
        if found == wanted {
            return Ok(());
        }
        let label = self.label(position);
        let message = format!("{label} has shape {found:?}: it must have {wanted:?}");
        Err(PyValueError::new_err(message))
    }

    fn refused(&self, position: usize, error: &impl std::fmt::Display) -> PyErr {
        PyValueError::new_err(format!("{} cannot be used: {error}", self.label(position)))
    }
}

/// Steps environments; the first bad action, or -1.
pub fn step<'py>(
    model: &Bound<'py, PyTuple>,
    state: &Bound<'py, PyTuple>,
    actions: &Bound<'py, PyAny>,
    outcome: &Bound<'py, PyTuple>,
    threads: Option<usize>,
) -> PyResult<isize> {
    let model = Fields::new(model, "model", &MODEL)?;
    let state = Fields::new(state, "state", &STATE)?;
    let outcome = Fields::new(outcome, "outcome", &OUTCOME)?;
    let given = PyTuple::new(actions.py(), [actions])?;
    let given = Fields { tuple: &given, name: "step_batch", names: &["actions"] };

    let units = model.array::<f64, 1>(1)?.len();
    let rows = state.array::<i64, 1>(0)?.len();
    let [_, of_agent] = shape(&model.array::<f32, 2>(2)?);
    let [width, of_hour] = shape(&model.array::<f32, 2>(3)?);
    let learner = learner(&model, units)?;
    let agents = if learner.is_some() { 1 } else { units };
    if width == 0 {
        return Err(PyValueError::new_err("model.hour_features has no rows: it must have one"));
    }

    let capacities = model.read::<f64, 1>(0, [units])?;
    let costs = model.read::<f64, 1>(1, [units])?;
    let agent_features = model.read::<f32, 2>(2, [units, of_agent])?;
    let hour_features = model.read::<f32, 2>(3, [width, of_hour])?;
    let demand = state.read::<f64, 2>(1, [rows, width])?;
    let active = state.read::<bool, 1>(2, [rows])?;
    let actions = given.read::<f32, 3>(0, [rows, agents, 2])?;
    let mut hours = state.write::<i64, 1>(0, [rows])?;
    let mut rewards = outcome.write::<f64, 2>(0, [rows, agents])?;
    let features = 1 + of_agent + of_hour;
    let mut observations = outcome.write::<f32, 3>(1, [rows, agents, features])?;
    let mut prices = outcome.write::<f64, 1>(2, [rows])?;
    let mut dispatch = outcome.write::<f64, 2>(3, [rows, agents])?;

    let model = Model {
        capacities: capacities.as_slice()?,
        costs: costs.as_slice()?,
        agent_features: agent_features.as_slice()?,
        hour_features: hour_features.as_slice()?,
        hours: width - 1,
        bid_change: model.value(4)?,
        bid_penalty: model.value(5)?,
        shortage_penalty: model.value(6)?,
        reward_scale: model.value(7)?,
        demand_scale: model.value(8)?,
        learner,
        rules: Rules {
            ties: model
                .tuple
                .get_item(10)?
                .extract::<TiesOption<'_>>()
                .map_or_else(|never| match never {}, TiesOption::check)?,
            scarcity_price: model.value(11)?,
        },
    };
    // SAFETY: as many bytes; a byte of a bool array may be any, which a `bool` of Rust may not.
    let active = unsafe { std::slice::from_raw_parts(active.data().cast::<u8>(), rows) };
    let hours = hours.as_slice_mut()?;
    check_hours(hours, active, width - 1)?;
    let environments = Environments {
        hours,
        demand: demand.as_slice()?,
        active,
        actions: actions.as_slice()?,
        rewards: rewards.as_slice_mut()?,
        observations: observations.as_slice_mut()?,
        prices: prices.as_slice_mut()?,
        dispatch: dispatch.as_slice_mut()?,
    };
    Ok(step_batch(model, environments, threads).map_or_else(|bad| bad as isize, |()| NONE))
}

fn shape<T: Element>(array: &Array<'_, T, 2>) -> [usize; 2] {
    [array.shape()[0], array.shape()[1]]
}

fn learner(model: &Fields<'_, '_>, units: usize) -> PyResult<Option<usize>> {
    if units == 0 {
        return Err(PyValueError::new_err("model.costs has shape (0,): there must be an agent"));
    }
    let learner: isize = model.value(9)?;
    match usize::try_from(learner) {
        Ok(agent) if agent < units => Ok(Some(agent)),
        Err(_) if learner == NONE => Ok(None),
        _ => Err(PyValueError::new_err(format!(
            "model.learner is {learner}: it must be -1 or less than {units}"
        ))),
    }
}

/// Checks that every hour is one of an episode, or the one after it where no step is taken.
fn check_hours(hours: &[i64], active: &[u8], last: usize) -> PyResult<()> {
    let fits = |(&hour, &active): (&i64, &u8)| {
        usize::try_from(hour).is_ok_and(|hour| hour <= last - usize::from(active != 0 && last > 0))
            && (active == 0 || last > 0)
    };
    match hours.iter().zip(active).position(|pair| !fits(pair)) {
        None => Ok(()),
        Some(row) => Err(PyValueError::new_err(format!(
            "state.hours[{row}] is {}: it must be from 0 to {last}, and less where active",
            hours[row]
        ))),
    }
}
