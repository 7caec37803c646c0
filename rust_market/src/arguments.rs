//! Python objects to arrays of an accepted dtype, and their memory to slices of float64.
//!
//! An aligned NumPy array of float64 or float32 in native byte order is read where it lies; a
//! Python float or int is read as a number; anything else goes through `numpy.asarray` and, if
//! need be, `astype(float64)`. This first step may run any Python code. Only after it are shapes
//! and pointers taken ([`View`]), and none of them is kept across a call into Python.
//!
//! `inline(always)` is for functions whose results carry an error by value. Passing those through
//! memory took 70 of the 260 ns of a call on five units.

use std::ffi::c_int;
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use market_core::{Argument, Rows};
use numpy::npyffi::PyArray_Check;
use numpy::npyffi::flags::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS};
use numpy::npyffi::objects::{
    _PyArray_GET_ITEM_DATA, _PyDataType_GET_ITEM_DATA, PyArrayObject, PyArrayObject_fields,
};
use numpy::npyffi::types::{NPY_BYTEORDER_CHAR, NPY_TYPES};
use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::errors;
use crate::masks;
use crate::pins::Pins;
use crate::room;
use crate::types;

const FLOAT32: c_int = NPY_TYPES::NPY_FLOAT as c_int;
const FLOAT64: c_int = NPY_TYPES::NPY_DOUBLE as c_int;
const FIRST_INTEGER: c_int = NPY_TYPES::NPY_BYTE as c_int;
const LAST_INTEGER: c_int = NPY_TYPES::NPY_ULONGLONG as c_int;

/// The arguments of a clearing as Python gave them.
pub struct Given<'a, 'py> {
    pub bids: &'a Bound<'py, PyAny>,
    pub quantities: &'a Bound<'py, PyAny>,
    pub demand: &'a Bound<'py, PyAny>,
    pub scarcity_price: Option<&'a Bound<'py, PyAny>>,
}

/// An argument of an accepted dtype.
pub struct Array<'a, 'py> {
    argument: Argument,
    held: Held<'a, 'py>,
}

enum Held<'a, 'py> {
    /// A Python float or int.
    Number(f64, &'a Bound<'py, PyAny>),
    /// The argument itself can be read.
    Borrowed(&'a Bound<'py, PyAny>),
    /// What `numpy.asarray` made of it, and that as float64 if it cannot be read itself.
    Owned(Bound<'py, PyAny>, Option<Bound<'py, PyAny>>),
}

impl<'a, 'py> Array<'a, 'py> {
    /// An argument that is probably an array.
    #[inline(always)]
    pub fn new(argument: Argument, object: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        let held = match Layout::of(object) {
            Some(layout) if layout.is_readable() => Held::Borrowed(object),
            _ => convert(argument, object)?,
        };
        Ok(Self { argument, held })
    }

    /// An argument that is probably a number.
    #[inline(always)]
    pub fn scalar(argument: Argument, object: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        match number(object) {
            Some(value) => Ok(Self { argument, held: Held::Number(value, object) }),
            None => Self::new(argument, object),
        }
    }

    pub fn argument(&self) -> Argument {
        self.argument
    }

    /// The argument after `numpy.asarray`; for messages and for `out`.
    pub fn given(&self) -> Bound<'py, PyAny> {
        match &self.held {
            Held::Number(_, object) => as_array(object).unwrap_or_else(|_| (*object).clone()),
            Held::Borrowed(array) => (*array).clone(),
            Held::Owned(array, _) => array.clone(),
        }
    }

    /// Whether the argument is float32, in any byte order.
    #[inline(always)]
    pub fn is_float32(&self) -> bool {
        let array = match &self.held {
            Held::Number(..) => return false,
            Held::Borrowed(array) => array,
            Held::Owned(array, _) => array,
        };
        // SAFETY: what is held is an array.
        unsafe { Layout::of_array(array).type_number() == FLOAT32 }
    }

    /// Keeps the memory of [`view`](Self::view) where it is.
    pub fn pin(&self, pins: &mut Pins<'py>) -> PyResult<()> {
        match &self.held {
            Held::Number(..) => Ok(()),
            Held::Borrowed(array) => pins.add(array),
            Held::Owned(_, Some(array)) | Held::Owned(array, None) => pins.add(array),
        }
    }

    /// Where the values are now. Valid until Python code runs again.
    ///
    /// # Errors
    /// If other code has changed the array's dtype since it was accepted.
    #[inline(always)]
    pub fn view(&self) -> PyResult<View<'_>> {
        let array = match &self.held {
            Held::Number(value, _) => return Ok(View::of_number(value)),
            Held::Borrowed(array) => array,
            Held::Owned(_, Some(array)) | Held::Owned(array, None) => array,
        };
        // SAFETY: what is held is an array.
        let layout = unsafe { Layout::of_array(array) };
        if layout.is_readable() {
            Ok(View::of_array(&layout))
        } else {
            Err(errors::bad_dtype(self.argument, array))
        }
    }
}

/// A Python float or int that NumPy would make a float64 or an int64 of, or a `numpy.float64`.
pub fn number(object: &Bound<'_, PyAny>) -> Option<f64> {
    let pointer = object.as_ptr();
    // SAFETY: `pointer` is a live object and the GIL is held. Neither conversion runs Python code
    // on what is exactly a float, an int or a `numpy.float64`, which is a float to Python; and
    // neither raises: an int too large is told by `overflow`.
    unsafe {
        if ffi::PyFloat_CheckExact(pointer) != 0
            || object.get_type_ptr() == types::float64(object.py())
        {
            return Some(ffi::PyFloat_AsDouble(pointer));
        }
        if ffi::PyLong_CheckExact(pointer) != 0 {
            let mut overflow = 0;
            let value = ffi::PyLong_AsLongLongAndOverflow(pointer, &mut overflow);
            return (overflow == 0).then_some(value as f64);
        }
    }
    None
}

#[cold]
fn convert<'a, 'py>(argument: Argument, object: &Bound<'py, PyAny>) -> PyResult<Held<'a, 'py>> {
    let Some(array) = masks::unmasked(object)? else {
        return Err(errors::masked(argument));
    };
    let (readable, accepted, numbers) = match Layout::of(&array) {
        Some(layout) => (layout.is_readable(), layout.is_accepted(), layout.size()),
        None => (false, false, 0),
    };
    if readable {
        return Ok(Held::Owned(array, None));
    }
    if !accepted {
        return Err(errors::bad_dtype(argument, &array));
    }
    room::check(numbers)?;
    let floats = array.call_method1("astype", ("float64", "C"))?;
    Ok(Held::Owned(array, Some(floats)))
}

/// Whether it is a NumPy array, or an instance of a subclass.
pub fn is_array(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held and the object is alive.
    unsafe { PyArray_Check(object.py(), object.as_ptr()) != 0 }
}

/// `numpy.asarray`.
pub fn as_array<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static AS_ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    AS_ARRAY.import(object.py(), "numpy", "asarray")?.call1((object,))
}

/// The values of an array of float64 and of one dimension, if they can be read where they lie.
///
/// # Safety
/// While the slice is used the GIL is held, and no Python code runs.
#[inline(always)]
pub unsafe fn floats<'a>(array: &'a Bound<'_, PyAny>) -> Option<&'a [f64]> {
    let layout = Layout::of(array)?;
    let [length] = *layout.shape() else {
        return None;
    };
    let plain = layout.is_float(false)
        && layout.has(NPY_ARRAY_ALIGNED)
        && layout.has(NPY_ARRAY_C_CONTIGUOUS);
    // SAFETY: an aligned C-contiguous array of so many float64; the caller vouches for the rest.
    plain.then(|| unsafe { slice_of(layout.data().cast(), length as usize) })
}

/// The header of a NumPy array.
pub struct Layout<'a> {
    fields: &'a PyArrayObject_fields,
}

impl<'a> Layout<'a> {
    /// `None` unless the object is exactly a NumPy array, no subclass.
    #[inline]
    pub fn of(object: &'a Bound<'_, PyAny>) -> Option<Self> {
        let is_array = object.get_type_ptr() == types::array(object.py());
        // SAFETY: it is a NumPy array.
        is_array.then(|| unsafe { Self::of_array(object) })
    }

    /// # Safety
    /// The object must be a NumPy array or an instance of a subclass.
    #[inline(always)]
    pub unsafe fn of_array(object: &'a Bound<'_, PyAny>) -> Self {
        let array: *const PyArrayObject = object.as_ptr().cast();
        // SAFETY: the caller says that it is an array, and it is alive for `'a`.
        let fields = unsafe { &*_PyArray_GET_ITEM_DATA(array) };
        Self { fields }
    }

    pub fn type_number(&self) -> c_int {
        // SAFETY: every array has a dtype.
        unsafe { (*_PyDataType_GET_ITEM_DATA(self.fields.descr)).type_num }
    }

    pub fn is_native(&self) -> bool {
        // SAFETY: every array has a dtype.
        let order = unsafe { (*_PyDataType_GET_ITEM_DATA(self.fields.descr)).byteorder };
        order as u8 != NPY_BYTEORDER_CHAR::NPY_OPPBYTE as u8
    }

    fn is_accepted(&self) -> bool {
        matches!(self.type_number(), FLOAT32 | FLOAT64 | FIRST_INTEGER..=LAST_INTEGER)
    }

    /// Whether [`View`] can read it.
    fn is_readable(&self) -> bool {
        matches!(self.type_number(), FLOAT32 | FLOAT64)
            && self.has(NPY_ARRAY_ALIGNED)
            && self.is_native()
    }

    /// Whether it is exactly float64 (or float32) in native byte order.
    pub fn is_float(&self, float32: bool) -> bool {
        self.type_number() == if float32 { FLOAT32 } else { FLOAT64 } && self.is_native()
    }

    pub fn has(&self, flag: c_int) -> bool {
        self.fields.flags & flag != 0
    }

    pub fn shape(&self) -> &'a [isize] {
        // SAFETY: an array has `nd` dimensions.
        unsafe { slice_of(self.fields.dimensions, self.fields.nd as usize) }
    }

    /// How many numbers it shows, which may be the same one many times.
    fn size(&self) -> u128 {
        self.shape().iter().map(|&length| length as u128).product()
    }

    fn strides(&self) -> &'a [isize] {
        // SAFETY: an array has `nd` strides.
        unsafe { slice_of(self.fields.strides, self.fields.nd as usize) }
    }

    pub fn data(&self) -> *mut u8 {
        self.fields.data.cast()
    }

    /// Addresses of the first byte and after the last one; too wide by up to 7 bytes.
    pub fn extent(&self) -> (usize, usize) {
        let item = 8; // the largest accepted item
        let (mut low, mut high) = (self.data() as usize, self.data() as usize + item);
        for (&length, &stride) in self.shape().iter().zip(self.strides()) {
            if length == 0 {
                return (0, 0);
            }
            let reach = (length - 1).wrapping_mul(stride);
            if reach < 0 {
                low = low.wrapping_add_signed(reach);
            } else {
                high = high.wrapping_add_signed(reach);
            }
        }
        (low, high)
    }
}

/// # Safety
/// As `slice::from_raw_parts`, but the pointer may be anything if `length` is 0.
pub unsafe fn slice_of<'a, T>(data: *const T, length: usize) -> &'a [T] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for it.
    unsafe { slice::from_raw_parts(data, length) }
}

/// The values of an argument, where they lie.
#[derive(Clone, Copy)]
pub struct View<'a> {
    data: *const u8,
    float32: bool,
    contiguous: bool,
    shape: &'a [isize],
    strides: &'a [isize],
}

impl<'a> View<'a> {
    #[inline(always)]
    fn of_number(value: &'a f64) -> Self {
        Self {
            data: (&raw const *value).cast(),
            float32: false,
            contiguous: true,
            shape: &[],
            strides: &[],
        }
    }

    #[inline(always)]
    fn of_array(layout: &Layout<'a>) -> Self {
        Self {
            data: layout.data(),
            float32: layout.type_number() == FLOAT32,
            contiguous: layout.has(NPY_ARRAY_C_CONTIGUOUS),
            shape: layout.shape(),
            strides: layout.strides(),
        }
    }

    pub fn dimensions(&self) -> usize {
        self.shape.len()
    }

    /// Length of the first axis.
    pub fn rows(&self) -> usize {
        self.shape.first().map_or(1, |&length| length as usize)
    }

    /// Length of the last axis.
    pub fn units(&self) -> usize {
        self.shape.last().map_or(1, |&length| length as usize)
    }

    /// How many numbers [`values`](Self::values) copies.
    pub fn copied(&self) -> usize {
        if self.contiguous && !self.float32 { 0 } else { self.units() }
    }

    /// The value of a scalar.
    pub fn value(&self) -> f64 {
        debug_assert!(self.shape.is_empty());
        // SAFETY: an array without dimensions has one element, aligned and of this type.
        unsafe { self.read(0) }
    }

    /// The values of one dimension: in place if possible, else in `buffer`.
    pub fn values<'b>(&self, buffer: &'b mut Vec<f64>) -> PyResult<&'b [f64]>
    where
        'a: 'b,
    {
        let length = self.units();
        if self.copied() == 0 {
            // SAFETY: an aligned C-contiguous float64 array, alive and unchanged for `'a`: the
            // GIL is held and no Python code runs meanwhile.
            return Ok(unsafe { slice_of(self.data.cast(), length) });
        }
        buffer.clear();
        let reserved = buffer.try_reserve(length);
        reserved.map_err(|_| PyMemoryError::new_err("not enough memory to copy an input"))?;
        let stride = self.strides.last().copied().unwrap_or(0);
        // SAFETY: `stride` is that of an axis with `length` elements.
        buffer.extend((0..length as isize).map(|k| unsafe { self.read(k * stride) }));
        Ok(buffer)
    }

    /// # Safety
    /// An element must begin `offset` bytes after the first.
    unsafe fn read(&self, offset: isize) -> f64 {
        // SAFETY: the element is there, of this type, and aligned as the array is.
        unsafe {
            let element = self.data.offset(offset);
            if self.float32 {
                f64::from(element.cast::<f32>().read())
            } else {
                element.cast::<f64>().read()
            }
        }
    }
}

/// Rows of values for a batch, read while other threads may be writing them.
///
/// It holds the numbers of a view, not the view: another thread may give the array another shape.
#[derive(Clone, Copy)]
pub struct SharedRows {
    data: *const u8,
    float32: bool,
    shared: bool,
    /// Bytes from one row to the next, and from one unit to the next.
    down: isize,
    right: isize,
}

// SAFETY: it only reads, and atomically, memory that stays: whoever makes one vouches for it.
unsafe impl Send for SharedRows {}
// SAFETY: likewise.
unsafe impl Sync for SharedRows {}

impl SharedRows {
    /// Rows of bids or quantities: one that all markets share, or one for each.
    ///
    /// # Safety
    /// The memory of the view stays where it is for as long as any copy of this is used.
    pub unsafe fn of_market(view: &View<'_>) -> Self {
        let (down, right) = match *view.strides {
            [right] => (0, right),
            [down, right] => (down, right),
            _ => (0, 0),
        };
        Self {
            data: view.data,
            float32: view.float32,
            shared: view.dimensions() == 1,
            down,
            right,
        }
    }

    /// Rows of one value.
    ///
    /// # Safety
    /// As [`of_market`](Self::of_market).
    pub unsafe fn of_demand(view: &View<'_>) -> Self {
        let down = view.strides.first().copied().unwrap_or(0);
        Self { data: view.data, float32: view.float32, shared: false, down, right: 0 }
    }

    /// # Safety
    /// A value must lie `offset` bytes after the first.
    unsafe fn read(&self, offset: isize) -> f64 {
        // SAFETY: the value is there, of this type and aligned. Relaxed loads of at most eight
        // bytes need no memory that can be written to.
        unsafe {
            let value = self.data.offset(offset).cast_mut();
            if self.float32 {
                let bits = AtomicU32::from_ptr(value.cast()).load(Ordering::Relaxed);
                f64::from(f32::from_bits(bits))
            } else {
                f64::from_bits(AtomicU64::from_ptr(value.cast()).load(Ordering::Relaxed))
            }
        }
    }
}

impl Rows for SharedRows {
    fn shared(&self) -> bool {
        self.shared
    }

    #[inline(always)]
    fn copy(&self, row: usize, into: &mut [f64]) {
        let start = row as isize * self.down;
        for (unit, value) in into.iter_mut().enumerate() {
            // SAFETY: the batch has this row, and a row as many values.
            *value = unsafe { self.read(start + unit as isize * self.right) };
        }
    }
}
