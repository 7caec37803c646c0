//! Functions of Python whose arguments are found by hand.
//!
//! A market of few units is cleared in less time than PyO3 takes to find the arguments: it compares
//! each keyword as text, and that took 370 of the 1,900 instructions of such a call. A keyword in
//! Python code is one object with any other of the same letters, so here it is compared as a pointer.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple};

use crate::arguments::Given;
use crate::kernels::{self, Kernel};
use crate::options::{TiesOption, ToleranceOption, check_rules};

/// The parameters of a function that clears one market.
const PARAMETERS: [&str; 6] =
    ["bids", "quantities", "demand", "ties", "scarcity_price", "tolerance"];

/// So many of them must be given, by position or by name; the others have defaults, and names only.
const REQUIRED: usize = 3;

type Found<'a, 'py> = [Option<Borrowed<'a, 'py, PyAny>>; PARAMETERS.len()];

/// A kernel that is a function of the module.
pub trait Function: Kernel {
    const NAME: &CStr;
    /// Its docstring, which begins with the signature.
    const DOC: &CStr;
}

/// Adds a function that clears one market to a module.
pub fn add<F: Function>(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let definition = ffi::PyMethodDef {
        ml_name: F::NAME.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: call::<F> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: F::DOC.as_ptr(),
    };
    // SAFETY: the definition is never dropped, its strings are static, and `call` takes what its
    // flags promise.
    let function = unsafe {
        let module_name = module.name()?;
        let definition = Box::leak(Box::new(definition));
        let function = ffi::PyCFunction_NewEx(definition, module.as_ptr(), module_name.as_ptr());
        Bound::from_owned_ptr_or_err(py, function)?
    };
    module.add(name::<F>(), function)
}

/// What the interpreter calls: positional arguments, then those by name, then these names.
///
/// # Safety
/// As for any `METH_FASTCALL | METH_KEYWORDS`: the caller holds the GIL; `arguments` are as many
/// objects as `count` and `names`, a tuple or null, say, and they live until this returns.
unsafe extern "C" fn call<F: Function>(
    _module: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as the caller says.
    let py = unsafe { Python::assume_attached() };
    let done = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as the caller says.
        let found = unsafe { find::<F>(py, arguments, count as usize, names) }?;
        clear::<F>(&found)
    }));
    match done {
        Ok(Ok(result)) => result.into_ptr(),
        Ok(Err(error)) => raise(py, error),
        Err(_) => raise(py, PanicException::new_err("rust_market panicked; this is a bug in it")),
    }
}

#[cold]
fn raise(py: Python<'_>, error: PyErr) -> *mut ffi::PyObject {
    error.restore(py);
    ptr::null_mut()
}

#[inline(always)]
fn clear<'py, F: Function>(found: &Found<'_, 'py>) -> PyResult<Bound<'py, PyTuple>> {
    let [Some(bids), Some(quantities), Some(demand), ties, scarcity_price, tolerance] = found
    else {
        return Err(missing::<F>(found));
    };
    let Ok(ties) = ties.map_or(Ok(TiesOption::FIRST), TiesOption::extract);
    let Ok(tolerance) = tolerance.map_or(Ok(ToleranceOption::DEFAULT), ToleranceOption::extract);
    let scarcity_price = scarcity_price.as_deref().filter(|price| !price.is_none());
    let given = Given { bids, quantities, demand, scarcity_price };
    let result = kernels::one_market::<F>(&given, check_rules(ties, tolerance)?)?;
    result.into_pyobject(bids.py())
}

/// The argument of each parameter.
///
/// # Safety
/// As [`call`].
#[inline(always)]
unsafe fn find<'a, 'py, F: Function>(
    py: Python<'py>,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> PyResult<Found<'a, 'py>> {
    if count > REQUIRED {
        return Err(too_many::<F>(count));
    }
    let mut found = [None; PARAMETERS.len()];
    // SAFETY: there are so many arguments, and they outlive `'a`.
    let argument = |place| unsafe { Borrowed::from_ptr(py, *arguments.add(place)) };
    for (place, found) in found.iter_mut().enumerate().take(count) {
        *found = Some(argument(place));
    }
    // SAFETY: it is null or a tuple, as the caller says.
    if let Some(names) = unsafe { Borrowed::from_ptr_or_opt(py, names) } {
        for (place, name) in names.cast::<PyTuple>()?.iter_borrowed().enumerate() {
            let parameter = parameter(&name).ok_or_else(|| unknown::<F>(&name))?;
            if found[parameter].replace(argument(count + place)).is_some() {
                return Err(given_twice::<F>(parameter));
            }
        }
    }
    Ok(found)
}

/// The position of the parameter that has this name.
#[inline(always)]
fn parameter(name: &Bound<'_, PyAny>) -> Option<usize> {
    static NAMES: PyOnceLock<[Py<PyString>; PARAMETERS.len()]> = PyOnceLock::new();
    let py = name.py();
    let names =
        NAMES.get_or_init(py, || PARAMETERS.map(|name| PyString::intern(py, name).unbind()));
    let same = names.iter().position(|own| own.as_ptr() == name.as_ptr());
    same.or_else(|| alike(name))
}

/// The same for a name that was put together while the program ran.
#[cold]
fn alike(name: &Bound<'_, PyAny>) -> Option<usize> {
    let name = name.cast::<PyString>().ok()?.to_str().ok()?;
    PARAMETERS.iter().position(|&own| own == name)
}

#[cold]
fn too_many<F: Function>(count: usize) -> PyErr {
    error::<F>(format!("takes {REQUIRED} positional arguments but {count} were given"))
}

#[cold]
fn unknown<F: Function>(name: &Bound<'_, PyAny>) -> PyErr {
    error::<F>(format!("got an unexpected keyword argument '{name}'"))
}

#[cold]
fn given_twice<F: Function>(parameter: usize) -> PyErr {
    error::<F>(format!("got multiple values for argument '{}'", PARAMETERS[parameter]))
}

#[cold]
fn missing<F: Function>(found: &Found<'_, '_>) -> PyErr {
    let required = PARAMETERS.iter().zip(found).take(REQUIRED);
    let missing: Vec<_> = required.filter(|(_, found)| found.is_none()).collect();
    let names: Vec<_> = missing.iter().map(|(name, _)| format!("'{name}'")).collect();
    error::<F>(format!("misses required arguments: {}", names.join(", ")))
}

/// The error that Python raises where arguments do not fit a function.
fn error<F: Function>(what: String) -> PyErr {
    PyTypeError::new_err(format!("{}() {what}", name::<F>()))
}

fn name<F: Function>() -> &'static str {
    F::NAME.to_str().expect("ASCII")
}
