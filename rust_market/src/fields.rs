//! Fields of the tuples that `step_batch` takes: numbers, and arrays that are used where they lie.
//!
//! A number may run any Python code when it is read. So all of them are read before any array is
//! looked at, and no Python code runs from then on until the arrays are done with.

use std::ffi::{c_int, c_long};
use std::marker::PhantomData;
use std::slice;

use numpy::npyffi::PyArray_Check;
use numpy::npyffi::flags::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_WRITEABLE};
use numpy::npyffi::types::NPY_TYPES;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyTuple};

use crate::arguments::{Layout, slice_of};
use crate::errors::text;
use crate::masks::is_masked_array;
use crate::options::{is_int, is_number};

/// What an array may hold.
pub trait Item {
    /// Its dtype, as NumPy prints it.
    const DTYPE: &'static str;

    /// Whether it is what this number of NumPy's stands for.
    fn is(type_number: c_int) -> bool;
}

impl Item for f64 {
    const DTYPE: &'static str = "float64";

    fn is(type_number: c_int) -> bool {
        type_number == NPY_TYPES::NPY_DOUBLE as c_int
    }
}

impl Item for f32 {
    const DTYPE: &'static str = "float32";

    fn is(type_number: c_int) -> bool {
        type_number == NPY_TYPES::NPY_FLOAT as c_int
    }
}

impl Item for i64 {
    const DTYPE: &'static str = "int64";

    fn is(type_number: c_int) -> bool {
        let long = type_number == NPY_TYPES::NPY_LONG as c_int && size_of::<c_long>() == 8;
        long || type_number == NPY_TYPES::NPY_LONGLONG as c_int
    }
}

/// A truth value. It is no `bool` here: NumPy lets a byte be any number.
impl Item for u8 {
    const DTYPE: &'static str = "bool";

    fn is(type_number: c_int) -> bool {
        type_number == NPY_TYPES::NPY_BOOL as c_int
    }
}

/// The fields of a tuple, named or not.
pub fn fields<'py, const N: usize>(
    name: &str,
    object: &Bound<'py, PyAny>,
) -> PyResult<[Bound<'py, PyAny>; N]> {
    let tuple = object.cast::<PyTuple>().ok().filter(|tuple| tuple.len() == N);
    match tuple {
        Some(tuple) => {
            Ok(std::array::from_fn(|field| tuple.get_item(field).expect("there are so many")))
        }
        None => Err(bad_type(name, object, &format!("a tuple of {N}"))),
    }
}

/// A number that is finite; `rule` says what it must be.
pub fn number(name: &str, object: &Bound<'_, PyAny>, rule: &str) -> PyResult<f64> {
    if !is_number(object) {
        return Err(bad_type(name, object, rule));
    }
    let extracted: PyResult<f64> = object.extract();
    let number = match extracted {
        Ok(number) => number,
        Err(error) if error.is_instance_of::<PyOverflowError>(object.py()) => beyond(object)?,
        Err(error) => return Err(error),
    };
    if number.is_finite() {
        return Ok(number);
    }
    let printed = PyFloat::new(object.py(), number).str()?;
    Err(PyValueError::new_err(format!("{name} is {printed}: it must be finite")))
}

/// What an int is as a float that is beyond all of them.
fn beyond(int: &Bound<'_, PyAny>) -> PyResult<f64> {
    Ok(if int.gt(0)? { f64::INFINITY } else { f64::NEG_INFINITY })
}

/// An int; the nearest there is, if it is beyond 64 bits.
pub fn int(name: &str, object: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !is_int(object) {
        return Err(bad_type(name, object, "an int"));
    }
    match object.extract() {
        Ok(int) => Ok(int),
        Err(_) if object.lt(0)? => Ok(i64::MIN),
        Err(_) => Ok(i64::MAX),
    }
}

/// Checks that an array is no masked one. This may run Python code.
pub fn check_mask(name: &str, object: &Bound<'_, PyAny>) -> PyResult<()> {
    if is_masked_array(object)? {
        let sentence = format!("{name} is a masked array: it must not be masked");
        return Err(PyTypeError::new_err(sentence));
    }
    Ok(())
}

#[cold]
fn bad_type(name: &str, object: &Bound<'_, PyAny>, rule: &str) -> PyErr {
    match object.get_type().name() {
        Ok(kind) => PyTypeError::new_err(format!("{name} has type {kind}: it must be {rule}")),
        Err(error) => error,
    }
}

/// An array that has been checked. Valid until Python code runs again.
pub struct Array<'a, T> {
    name: &'static str,
    layout: Layout<'a>,
    items: PhantomData<T>,
}

/// Where the items of an array are: the first address, and the one after the last.
pub struct Extent {
    name: &'static str,
    start: usize,
    end: usize,
}

impl<'a, T: Item> Array<'a, T> {
    /// Checks that an object is an array that can be used where it lies.
    pub fn new(name: &'static str, object: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        // SAFETY: the GIL is held and the object is alive.
        if unsafe { PyArray_Check(object.py(), object.as_ptr()) } == 0 {
            return Err(bad_type(name, object, "a NumPy array"));
        }
        // SAFETY: it is an array.
        let layout = unsafe { Layout::of_array(object) };
        if !T::is(layout.type_number()) || !layout.is_native() {
            let dtype = text(object, "dtype")?;
            let sentence = format!("{name} has dtype {dtype}: it must be {}", T::DTYPE);
            return Err(PyTypeError::new_err(sentence));
        }
        let state = if !layout.has(NPY_ARRAY_C_CONTIGUOUS) {
            "is not C-contiguous: it must be"
        } else if !layout.has(NPY_ARRAY_ALIGNED) {
            "is not aligned: it must be"
        } else {
            return Ok(Self { name, layout, items: PhantomData });
        };
        Err(PyValueError::new_err(format!("{name} {state}")))
    }

    /// Checks, too, that the array can be written to.
    pub fn writeable(name: &'static str, object: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        let array = Self::new(name, object)?;
        if array.layout.has(NPY_ARRAY_WRITEABLE) {
            return Ok(array);
        }
        Err(PyValueError::new_err(format!("{name} is read-only: it must be writeable")))
    }

    /// The array, if it has this shape; an axis may have any length where there is none.
    pub fn shaped<const N: usize>(self, shape: [Option<usize>; N]) -> PyResult<Self> {
        let own = self.layout.shape();
        let fits = |(&own, expected): (&isize, Option<usize>)| {
            expected.is_none_or(|length| length == own as usize)
        };
        if own.len() == N && own.iter().zip(shape).all(fits) {
            return Ok(self);
        }
        let expected = shape.map(|length| length.map_or("*".to_owned(), |n| n.to_string()));
        let (own, expected) = (tuple(own), tuple(&expected));
        let sentence = format!("{} has shape {own}: it must have shape {expected}", self.name);
        Err(PyValueError::new_err(sentence))
    }

    /// Length of an axis, which there is.
    pub fn length(&self, axis: usize) -> usize {
        self.layout.shape()[axis] as usize
    }

    fn size(&self) -> usize {
        self.layout.shape().iter().map(|&length| length as usize).product()
    }

    pub fn extent(&self) -> Extent {
        let start = self.layout.data() as usize;
        Extent { name: self.name, start, end: start + self.size() * size_of::<T>() }
    }

    /// # Safety
    /// No Python code runs, and nobody writes to the array, while the slice is used.
    pub unsafe fn slice(&self) -> &'a [T] {
        // SAFETY: an aligned C-contiguous array of such items; the caller vouches for the rest.
        unsafe { slice_of(self.layout.data().cast(), self.size()) }
    }

    /// # Safety
    /// The array was seen to be writeable. No Python code runs, and nobody else looks at the array
    /// or writes to it, while the slice is used.
    pub unsafe fn slice_mut(&self) -> &'a mut [T] {
        if self.size() == 0 {
            return &mut [];
        }
        // SAFETY: an aligned C-contiguous array of such items; the caller vouches for the rest.
        unsafe { slice::from_raw_parts_mut(self.layout.data().cast(), self.size()) }
    }
}

impl Extent {
    fn overlaps(&self, other: &Self) -> bool {
        // Nothing overlaps what is empty.
        self.start.max(other.start) < self.end.min(other.end)
    }
}

/// Checks that outputs overlap neither inputs nor each other.
pub fn check_overlaps(outputs: &[Extent], inputs: &[Extent]) -> PyResult<()> {
    for (position, output) in outputs.iter().enumerate() {
        let others = inputs.iter().chain(&outputs[..position]);
        if let Some(other) = others.into_iter().find(|other| output.overlaps(other)) {
            let sentence = format!("{} overlaps {}: outputs must not", output.name, other.name);
            return Err(PyValueError::new_err(sentence));
        }
    }
    Ok(())
}

/// Numbers as Python prints a tuple of them.
fn tuple(lengths: &[impl ToString]) -> String {
    let lengths: Vec<String> = lengths.iter().map(ToString::to_string).collect();
    let comma = if lengths.len() == 1 { "," } else { "" };
    format!("({}{comma})", lengths.join(", "))
}
