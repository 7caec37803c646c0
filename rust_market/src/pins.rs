//! Arrays whose memory stays where it is while the GIL is let go.
//!
//! The caller's references do not do: they may be the ones through which another thread reaches the
//! array. NumPy's `resize` in place is what moves memory, and it counts references only where it was
//! not told to leave that (`refcheck=False`). A weak reference it heeds always.
//!
//! What it does not heed, `ndarray.__setstate__` and assignment to `ndarray.data`, frees memory that
//! any view and any other thread may be using; nothing can keep that from a live array.

use numpy::npyffi::objects::{_PyArray_GET_ITEM_DATA, PyArrayObject};
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;

use crate::arguments::is_array;

/// Keeps arrays alive, and their memory where it is, for as long as it lives.
#[derive(Default)]
pub struct Pins<'py> {
    kept: Vec<(Bound<'py, PyAny>, Bound<'py, PyWeakrefReference>)>,
}

impl<'py> Pins<'py> {
    /// Adds an array, and the arrays of which it is a view.
    pub fn add(&mut self, array: &Bound<'py, PyAny>) -> PyResult<()> {
        let mut next = Some(array.clone());
        while let Some(array) = next {
            next = base(&array);
            let reference = PyWeakrefReference::new(&array)?;
            self.kept.push((array, reference));
        }
        Ok(())
    }
}

/// The array of which an array is a view.
fn base<'py>(array: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let pointer: *const PyArrayObject = array.as_ptr().cast();
    // SAFETY: `add` is given arrays only, and this returns no others. The array holds a reference
    // to its base, which is null or an object, and the GIL is held.
    let base = unsafe {
        let base = (*_PyArray_GET_ITEM_DATA(pointer)).base;
        Bound::from_borrowed_ptr_or_opt(array.py(), base)
    };
    base.filter(is_array)
}
