//! The options `ties` and `threads`.

use std::convert::Infallible;

use market_core::Ties;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};

use crate::errors;

/// What was given as `ties`; checked later, so that the sentence is ours.
pub enum TiesOption<'py> {
    Known(Ties),
    Unknown(Bound<'py, PyAny>),
}

impl TiesOption<'_> {
    pub const FIRST: Self = Self::Known(Ties::First);

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

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> Result<Self, Infallible> {
        let name = value.cast::<PyString>();
        Ok(match name.as_ref().map(|name| name.to_str()) {
            Ok(Ok("first")) => Self::Known(Ties::First),
            Ok(Ok("pro_rata")) => Self::Known(Ties::ProRata),
            _ => Self::Unknown(value.to_owned()),
        })
    }
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
