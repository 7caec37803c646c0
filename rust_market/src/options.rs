//! The options `ties`, `tolerance` and `threads`.

use std::convert::Infallible;

use market_core::{DEFAULT_TOLERANCE, Rules, Ties};
use numpy::npyffi::{NpyTypes, get_type_object};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};
use pyo3::{ffi, intern};

use crate::errors;

/// What was given as `ties`; checked later, so that the sentence is ours.
pub enum TiesOption<'py> {
    Known(Ties),
    Unknown(Bound<'py, PyAny>),
}

impl TiesOption<'_> {
    pub const FIRST: Self = Self::Known(Ties::First);

    #[inline(always)]
    pub fn check(self) -> PyResult<Ties> {
        match self {
            Self::Known(ties) => Ok(ties),
            Self::Unknown(value) => {
                Err(errors::bad_option("ties", &value, "'first' or 'pro_rata'"))
            }
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for TiesOption<'py> {
    type Error = Infallible;

    #[inline(always)]
    fn extract(value: Borrowed<'_, 'py, PyAny>) -> Result<Self, Infallible> {
        // As a literal, it is this very object.
        if value.is(intern!(value.py(), "first")) {
            return Ok(Self::FIRST);
        }
        let name = value.cast::<PyString>();
        Ok(match name.as_ref().map(|name| name.to_str()) {
            Ok(Ok("first")) => Self::Known(Ties::First),
            Ok(Ok("pro_rata")) => Self::Known(Ties::ProRata),
            _ => Self::Unknown(value.to_owned()),
        })
    }
}

/// What was given as `tolerance`; checked later, so that the sentence is ours.
pub enum ToleranceOption<'py> {
    Known(f64),
    Unknown(Bound<'py, PyAny>),
}

impl ToleranceOption<'_> {
    pub const DEFAULT: Self = Self::Known(DEFAULT_TOLERANCE);

    #[inline(always)]
    pub fn check(self) -> PyResult<f64> {
        match self {
            Self::Known(tolerance) => Ok(tolerance),
            Self::Unknown(value) => check_number(&value),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for ToleranceOption<'py> {
    type Error = Infallible;

    #[inline(always)]
    fn extract(value: Borrowed<'_, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(match value.cast_exact::<PyFloat>().map(|number| number.value()) {
            Ok(tolerance) if is_share(tolerance) => Self::Known(tolerance),
            _ => Self::Unknown(value.to_owned()),
        })
    }
}

#[cold]
fn check_number(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    // As given and as a float: a longdouble may be less than all floats that are not negative.
    if is_number(value) && value.ge(0)? && value.lt(1)? {
        let tolerance = value.extract()?;
        if is_share(tolerance) {
            return Ok(tolerance);
        }
    }
    Err(errors::bad_option("tolerance", value, "a number that is at least 0 and less than 1"))
}

fn is_share(tolerance: f64) -> bool {
    (0.0..1.0).contains(&tolerance)
}

/// Whether it is a float or an int, of Python or of NumPy.
pub fn is_number(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyFloat>()
        || is_of_numpy(value, NpyTypes::PyFloatingArrType_Type)
        || is_int(value)
}

/// Whether it is an int, of Python or of NumPy, to which a span of time is one.
pub fn is_int(value: &Bound<'_, PyAny>) -> bool {
    if value.is_instance_of::<PyInt>() {
        return !value.is_instance_of::<PyBool>();
    }
    is_of_numpy(value, NpyTypes::PyIntegerArrType_Type)
        && !is_of_numpy(value, NpyTypes::PyTimedeltaArrType_Type)
}

/// Whether it is of one of NumPy's types.
pub fn is_of_numpy(value: &Bound<'_, PyAny>, kind: NpyTypes) -> bool {
    // SAFETY: the GIL is held, and NumPy has these types.
    unsafe {
        let kind = get_type_object(value.py(), kind);
        ffi::PyObject_TypeCheck(value.as_ptr(), kind) != 0
    }
}

/// The options that decide how a market is cleared. The scarcity price, which counts as an input,
/// comes later.
#[inline(always)]
pub fn check_rules(ties: TiesOption<'_>, tolerance: ToleranceOption<'_>) -> PyResult<Rules> {
    Ok(Rules { ties: ties.check()?, tolerance: tolerance.check()?, scarcity_price: None })
}

/// Checks `threads`, the most threads that may be used.
pub fn check_threads(threads: Option<&Bound<'_, PyAny>>) -> PyResult<Option<usize>> {
    let Some(threads) = threads else {
        return Ok(None);
    };
    let is_int = threads.is_instance_of::<PyInt>() && !threads.is_instance_of::<PyBool>();
    if is_int && threads.ge(1)? {
        return Ok(Some(threads.extract().unwrap_or(usize::MAX)));
    }
    Err(errors::bad_option("threads", threads, "a positive int or None"))
}
