//! Masked arrays: what is under a mask is no number to be used, and `numpy.asarray` unmasks it.

use numpy::npyffi::NpyTypes;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyType};

use crate::arguments::{Layout, as_array, is_array, number};
use crate::options::is_of_numpy;

/// So deep NumPy looks into sequences.
const DEEPEST: usize = 64;

/// What `numpy.asarray` makes of an object; `None` if something in it is masked.
///
/// That may be a masked array, one that the object's `__array__` returns, or one in a sequence.
pub fn unmasked<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if !makes_arrays(object)? && holds_masked(object, DEEPEST)? {
        return Ok(None);
    }
    let array = as_any_array(object)?;
    if is_masked(&array)? {
        return Ok(None);
    }
    as_array(&array).map(Some)
}

/// Whether it is a masked array, also where nothing in it is masked.
pub fn is_masked_array(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static MASKED_ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    // Only those that are asked about have `numpy.ma` imported.
    if Layout::of(object).is_some() || !is_array(object) {
        return Ok(false);
    }
    let masked_array = MASKED_ARRAY.import(object.py(), "numpy.ma", "MaskedArray")?;
    // SAFETY: both are types, and the GIL is held.
    Ok(unsafe { ffi::PyType_IsSubtype(object.get_type_ptr(), masked_array.as_type_ptr()) } != 0)
}

/// Whether it is a masked array in which something is masked.
fn is_masked(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    static IS_MASKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    // Of records NumPy does not tell; their dtype is refused.
    if !is_masked_array(array)? || !array.getattr("dtype")?.getattr("names")?.is_none() {
        return Ok(false);
    }
    IS_MASKED.import(array.py(), "numpy.ma", "is_masked")?.call1((array,))?.is_truthy()
}

/// Whether a sequence holds something masked, in what NumPy takes for one.
fn holds_masked(values: &Bound<'_, PyAny>, deep: usize) -> PyResult<bool> {
    if deep == 0 || !is_sequence(values) {
        return Ok(false);
    }
    let Ok(items) = values.try_iter() else {
        return Ok(false); // NumPy says what is wrong with it, if anything
    };
    for item in items {
        let Ok(item) = item else {
            return Ok(false);
        };
        if number(&item).is_some() || is_of_numpy(&item, NpyTypes::PyGenericArrType_Type) {
            continue;
        }
        let found = if makes_arrays(&item)? {
            is_masked(&as_any_array(&item)?)?
        } else {
            holds_masked(&item, deep - 1)?
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_sequence(object: &Bound<'_, PyAny>) -> bool {
    let other = object.is_instance_of::<PyString>()
        || object.is_instance_of::<PyBytes>()
        || object.is_instance_of::<PyDict>();
    !other && object.get_type().hasattr(intern!(object.py(), "__getitem__")).unwrap_or(false)
}

fn makes_arrays(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.hasattr(intern!(object.py(), "__array__"))
}

/// `numpy.asanyarray`, which keeps a masked array one.
fn as_any_array<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static AS_ANY_ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    AS_ANY_ARRAY.import(object.py(), "numpy", "asanyarray")?.call1((object,))
}
