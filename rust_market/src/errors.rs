//! The sentences about bad input; `docs/semantics.md` lists them.
//!
//! NumPy and Python print the dtypes, shapes and values in them. If printing itself fails, its
//! error is raised instead.

use market_core::{Argument, Code, Fault};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;

use crate::arguments::Array;

/// What `out[0]` and `out[1]` receive.
const OUTPUTS: [&str; 2] = ["prices", "cleared"];

pub fn name(argument: Argument) -> &'static str {
    match argument {
        Argument::Bids => "bids",
        Argument::Quantities => "quantities",
        Argument::Demand => "demand",
        Argument::ScarcityPrice => "scarcity_price",
    }
}

#[cold]
pub fn bad_option(name: &str, value: &Bound<'_, PyAny>, rule: &str) -> PyErr {
    let sentence = || Ok(format!("{name} is {}: {name} must be {rule}", value.repr()?));
    value_error(sentence())
}

#[cold]
pub fn bad_dtype(argument: Argument, array: &Bound<'_, PyAny>) -> PyErr {
    let name = name(argument);
    let sentence =
        |dtype| format!("{name} has dtype {dtype}: {name} must be float64, float32 or integer");
    match text(array, "dtype") {
        Ok(dtype) => PyTypeError::new_err(sentence(dtype)),
        Err(error) => error,
    }
}

/// The error for masked entries: what is under a mask is no number to be used.
#[cold]
pub fn masked(argument: Argument) -> PyErr {
    let name = name(argument);
    PyTypeError::new_err(format!("{name} has masked entries: {name} must not be masked"))
}

#[cold]
pub fn bad_dimension(array: &Array<'_, '_>, rule: &str) -> PyErr {
    let name = name(array.argument());
    let sentence = |shape| format!("{name} has shape {shape}: {name} must be {rule}");
    value_error(text(&array.given(), "shape").map(sentence))
}

#[cold]
pub fn empty_market(array: &Array<'_, '_>) -> PyErr {
    let name = name(array.argument());
    let sentence = |shape| format!("{name} has shape {shape}: a market needs at least one unit");
    value_error(text(&array.given(), "shape").map(sentence))
}

#[cold]
pub fn different_lengths(array: &Array<'_, '_>, other: &Array<'_, '_>, things: &str) -> PyErr {
    let sentence = || {
        let shapes = text(&array.given(), "shape")?;
        let others = text(&other.given(), "shape")?;
        let (name, other) = (name(array.argument()), name(other.argument()));
        Ok(format!(
            "{name} has shape {shapes}: {other} has shape {others}, and both must have as many {things}"
        ))
    };
    value_error(sentence())
}

/// The error for one bad value; `array` is the argument that holds it.
#[cold]
pub fn bad_value(fault: Fault, array: &Array<'_, '_>) -> PyErr {
    let rule = match fault.code {
        Code::NotFinite => "must be finite",
        Code::Negative => "must not be negative",
    };
    let sentence = || {
        let name = name(fault.argument);
        let given = array.given();
        let place = place(&given, fault.index)?;
        let value = given.call_method1("item", (fault.index,))?.repr()?;
        Ok(format!("{name}{place} is {value}: {name} {rule}"))
    };
    value_error(sentence())
}

/// `[3, 7]` for a position in C order, nothing for a scalar.
fn place(array: &Bound<'_, PyAny>, index: usize) -> PyResult<String> {
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    Ok(match shape[..] {
        [] => String::new(),
        [_] => format!("[{index}]"),
        [.., columns] => format!("[{}, {}]", index / columns, index % columns),
    })
}

#[cold]
pub fn bad_out(out: &Bound<'_, PyAny>) -> PyErr {
    let sentence = || {
        let kind = out.get_type().getattr(intern!(out.py(), "__name__"))?;
        Ok(format!(
            "out has type {kind}: out must be a tuple (prices, cleared) of two NumPy arrays"
        ))
    };
    value_error(sentence())
}

/// The error for `out[position]`, which is in a `state` that breaks a `rule`.
#[cold]
pub fn bad_output(position: usize, state: &str, rule: &str) -> PyErr {
    let name = OUTPUTS[position];
    PyValueError::new_err(format!("out[{position}] {state}: {name} must {rule}"))
}

#[cold]
pub fn overlapping_outputs() -> PyErr {
    PyValueError::new_err("out[0] overlaps out[1]: outputs must not overlap")
}

#[cold]
pub fn overlapping_input(position: usize, argument: Argument) -> PyErr {
    let name = name(argument);
    PyValueError::new_err(format!(
        "out[{position}] overlaps {name}: outputs must not overlap inputs"
    ))
}

/// The error for memory that the core does not get.
#[cold]
pub fn out_of_memory() -> PyErr {
    PyMemoryError::new_err("not enough memory to clear")
}

/// The error for more numbers than there is memory for; as NumPy's and numba's backends say it.
#[cold]
pub fn more_than_there_is(numbers: u128, bytes: u128) -> PyErr {
    PyMemoryError::new_err(format!(
        "{numbers} numbers need {bytes} bytes, more than this machine has"
    ))
}

/// The error for results of which not even the size is a number.
#[cold]
pub fn no_room(shape: &[usize]) -> PyErr {
    PyMemoryError::new_err(format!("not enough memory for results of shape {shape:?}"))
}

/// An attribute as `str` prints it.
pub fn text(object: &Bound<'_, PyAny>, attribute: &str) -> PyResult<String> {
    Ok(object.getattr(attribute)?.str()?.to_string())
}

fn value_error(sentence: PyResult<String>) -> PyErr {
    match sentence {
        Ok(sentence) => PyValueError::new_err(sentence),
        Err(error) => error,
    }
}
