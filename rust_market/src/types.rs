//! NumPy's types, asked for once: asking each time takes longer than comparing.
//!
//! A `PyOnceLock` lets go of the GIL when it is filled. So these are filled when the module is made,
//! and never between looking at an array and using it.

use numpy::npyffi::{NpyTypes, get_type_object};
use numpy::{PyArrayDescr, PyUntypedArray};
use pyo3::ffi::PyTypeObject;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::type_object::PyTypeInfo;
use pyo3::types::PyType;

static TYPES: PyOnceLock<Types> = PyOnceLock::new();

struct Types {
    /// `numpy.ndarray`.
    array: Py<PyType>,
    /// Of float64, and of float32.
    dtypes: [Py<PyArrayDescr>; 2],
}

/// Asks NumPy, which is imported where it was not.
pub fn find(py: Python<'_>) -> PyResult<()> {
    py.import("numpy")?;
    TYPES.get_or_init(py, || Types {
        array: PyUntypedArray::type_object(py).unbind(),
        dtypes: [numpy::dtype::<f64>(py).unbind(), numpy::dtype::<f32>(py).unbind()],
    });
    Ok(())
}

#[inline(always)]
fn types(py: Python<'_>) -> &'static Types {
    TYPES.get(py).expect("they were found when the module was made")
}

/// The type of arrays.
#[inline(always)]
pub fn array(py: Python<'_>) -> *mut PyTypeObject {
    types(py).array.as_ptr().cast()
}

/// The dtype float32 or float64.
#[inline(always)]
pub fn dtype(py: Python<'_>, float32: bool) -> Bound<'_, PyArrayDescr> {
    types(py).dtypes[usize::from(float32)].bind(py).clone()
}

/// The type of a float64 scalar.
pub fn float64(py: Python<'_>) -> *mut PyTypeObject {
    // SAFETY: the GIL is held, and NumPy, which was imported, has this type.
    unsafe { get_type_object(py, NpyTypes::PyDoubleArrType_Type) }
}
