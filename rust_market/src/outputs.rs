//! Fresh arrays for results, or the caller's `out`, checked.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64};

use market_core::{Argument, Error, Fresh, Markets, Results, Rows, Rules, Visible, clear_batch};
use numpy::npyffi::flags::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_WRITEABLE};
use numpy::{PY_ARRAY_API, PyArrayDescrMethods};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use crate::arguments::{Layout, as_array, is_array};
use crate::errors;
use crate::masks::is_masked_array;
use crate::pins::Pins;
use crate::room;
use crate::shapes::Inputs;
use crate::types;

/// The memory of a batch's results, which may never have been written to.
pub enum Cells<'a> {
    Fresh64(Fresh<'a, MaybeUninit<f64>, MaybeUninit<f64>>),
    Fresh32(Fresh<'a, MaybeUninit<f64>, MaybeUninit<f32>>),
    /// In the caller's `out`, where other threads may look or write meanwhile.
    Visible64(Visible<'a, AtomicU64>),
    Visible32(Visible<'a, AtomicU32>),
}

impl Cells<'_> {
    /// Has markets cleared into it.
    pub fn receive<R: Rows>(
        self,
        markets: Markets<R>,
        rules: Rules,
        threads: Option<usize>,
    ) -> Result<(), Error> {
        match self {
            Self::Fresh64(results) => clear_batch(markets, rules, threads, results),
            Self::Fresh32(results) => clear_batch(markets, rules, threads, results),
            Self::Visible64(results) => clear_batch(markets, rules, threads, results),
            Self::Visible32(results) => clear_batch(markets, rules, threads, results),
        }
    }

    /// Writes zeros.
    pub fn zero(self) {
        match self {
            Self::Fresh64(results) => results.zero(),
            Self::Fresh32(results) => results.zero(),
            Self::Visible64(results) => results.zero(),
            Self::Visible32(results) => results.zero(),
        }
    }
}

/// The memory of an output that nobody else can see.
///
/// # Safety
/// The object must be a C-contiguous, aligned, writeable array of cells as large as `T`, to whose
/// memory nothing else refers. It must outlive the slice.
pub unsafe fn cells<'a, T>(array: &Bound<'_, PyAny>) -> &'a mut [T] {
    // SAFETY: as the caller says; an empty array may have any pointer.
    unsafe {
        let layout = Layout::of_array(array);
        let length = layout.shape().iter().product::<isize>() as usize;
        if length == 0 {
            return &mut [];
        }
        slice::from_raw_parts_mut(layout.data().cast(), length)
    }
}

/// # Safety
/// As [`cells`], for an atomic `T`; others may refer to the memory.
unsafe fn shared_cells<'a, T>(array: &Bound<'_, PyAny>) -> &'a [T] {
    // SAFETY: as the caller says; an empty array may have any pointer.
    unsafe {
        let layout = Layout::of_array(array);
        let length = layout.shape().iter().product::<isize>() as usize;
        if length == 0 { &[] } else { slice::from_raw_parts(layout.data().cast(), length) }
    }
}

/// A new array, not initialised. Runs no Python code unless it fails: an array is no object that
/// the garbage collector tracks, so making one never starts a collection.
///
/// # Errors
/// `MemoryError`; also for more bytes than there are addresses.
#[inline(always)]
pub fn fresh<'py, const N: usize>(
    py: Python<'py>,
    shape: [usize; N],
    float32: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let bytes = shape.iter().try_fold(size_of::<f64>(), |size, &length| size.checked_mul(length));
    if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(errors::no_room(&shape));
    }
    let mut dimensions = shape.map(|length| length as isize);
    // SAFETY: the GIL is held, there are as many lengths as dimensions, and the function takes over
    // a reference to the dtype.
    unsafe {
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            types::array(py),
            types::dtype(py, float32).into_dtype_ptr(),
            N as c_int,
            dimensions.as_mut_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, array)
    }
}

/// Where the results of a batch go.
pub struct Outputs<'py> {
    prices: Bound<'py, PyAny>,
    cleared: Bound<'py, PyAny>,
    float32: bool,
    out: Option<Bound<'py, PyAny>>,
}

impl<'py> Outputs<'py> {
    /// Arrays that are not initialised.
    ///
    /// # Errors
    /// If there is not as much memory.
    pub fn fresh(py: Python<'py>, shape: [usize; 2], float32: bool) -> PyResult<Self> {
        let [rows, units] = shape.map(|length| length as u128);
        room::check(rows * (1 + units))?;
        let prices = fresh(py, [shape[0]], false)?;
        let cleared = fresh(py, shape, float32)?;
        Ok(Self { prices, cleared, float32, out: None })
    }

    /// The arrays in `out`.
    ///
    /// # Errors
    /// If `out` is not what it must be.
    pub fn given(
        out: &Bound<'py, PyAny>,
        inputs: &Inputs<'_, 'py>,
        shape: [usize; 2],
        float32: bool,
    ) -> PyResult<Self> {
        let (prices, cleared) = pair(out).ok_or_else(|| errors::bad_out(out))?;
        let outputs = Self { prices, cleared, float32, out: Some(out.clone()) };
        outputs.check_layouts(shape)?;
        outputs.check_overlaps(inputs)?;
        Ok(outputs)
    }

    /// The memory of the outputs.
    ///
    /// # Errors
    /// If other code has changed the arrays since they were checked.
    ///
    /// # Safety
    /// Outputs that were given are pinned for as long as the cells are used.
    pub unsafe fn cells(&self, shape: [usize; 2]) -> PyResult<Cells<'_>> {
        self.check_layouts(shape)?;
        let (prices, cleared) = (&self.prices, &self.cleared);
        // SAFETY: the layouts were checked just now, and the caller vouches for the memory. Fresh
        // arrays are nobody else's yet; those in `out` may be, so their cells are atomic.
        Ok(unsafe {
            match (self.out.is_some(), self.float32) {
                (false, false) => {
                    Cells::Fresh64(Fresh { prices: cells(prices), cleared: cells(cleared) })
                }
                (false, true) => {
                    Cells::Fresh32(Fresh { prices: cells(prices), cleared: cells(cleared) })
                }
                (true, false) => Cells::Visible64(Visible {
                    prices: shared_cells(prices),
                    cleared: shared_cells(cleared),
                }),
                (true, true) => Cells::Visible32(Visible {
                    prices: shared_cells(prices),
                    cleared: shared_cells(cleared),
                }),
            }
        })
    }

    /// What is returned.
    pub fn into_result(self) -> PyResult<Bound<'py, PyAny>> {
        let py = self.prices.py();
        match self.out {
            Some(out) => Ok(out),
            None => Ok(PyTuple::new(py, [self.prices, self.cleared])?.into_any()),
        }
    }

    fn check_layouts(&self, shape: [usize; 2]) -> PyResult<()> {
        check_layout(0, &self.prices, &shape[..1], false)?;
        check_layout(1, &self.cleared, &shape, self.float32)
    }

    fn check_overlaps(&self, inputs: &Inputs<'_, 'py>) -> PyResult<()> {
        if overlap(&self.prices, &self.cleared)? {
            return Err(errors::overlapping_outputs());
        }
        for (position, output) in [&self.prices, &self.cleared].into_iter().enumerate() {
            for argument in [Argument::Bids, Argument::Quantities, Argument::Demand] {
                if overlap(output, &inputs.argument(argument).given())? {
                    return Err(errors::overlapping_input(position, argument));
                }
            }
        }
        Ok(())
    }
}

/// Keeps the memory of the arrays in `out` where it is.
pub fn pin<'py>(out: &Bound<'py, PyAny>, pins: &mut Pins<'py>) -> PyResult<()> {
    let Some((prices, cleared)) = pair(out) else {
        return Ok(()); // what is wrong with it is told once all values are good
    };
    pins.add(&prices)?;
    pins.add(&cleared)
}

/// The two arrays in `out`, if that is what it is.
fn pair<'py>(out: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let pair = out.cast::<PyTuple>().ok()?;
    let (prices, cleared) = pair.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>().ok()?;
    (is_array(&prices) && is_array(&cleared)).then_some((prices, cleared))
}

fn check_layout(
    position: usize,
    array: &Bound<'_, PyAny>,
    shape: &[usize],
    float32: bool,
) -> PyResult<()> {
    let bad = |state: &str, rule: &str| Err(errors::bad_output(position, state, rule));
    // Its mask would hide results, or keep them out.
    if is_masked_array(array)? {
        return bad("is a masked array", "not be masked");
    }
    // SAFETY: outputs are arrays: fresh, or seen to be arrays by `pair`.
    let layout = unsafe { Layout::of_array(array) };
    if !layout.is_float(float32) {
        let state = format!("has dtype {}", errors::text(array, "dtype")?);
        return bad(&state, if float32 { "be float32" } else { "be float64" });
    }
    if !layout.shape().iter().map(|&length| length as usize).eq(shape.iter().copied()) {
        let state = format!("has shape {}", errors::text(array, "shape")?);
        let expected = PyTuple::new(array.py(), shape)?;
        return bad(&state, &format!("have shape {expected}"));
    }
    if !layout.has(NPY_ARRAY_C_CONTIGUOUS) {
        return bad("is not C-contiguous", "be C-contiguous");
    }
    if !layout.has(NPY_ARRAY_ALIGNED) {
        return bad("is not aligned", "be aligned");
    }
    if !layout.has(NPY_ARRAY_WRITEABLE) {
        return bad("is read-only", "be writeable");
    }
    Ok(())
}

/// Whether two arrays share memory. NumPy, which is slow at it, is only asked about near ones.
fn overlap(first: &Bound<'_, PyAny>, second: &Bound<'_, PyAny>) -> PyResult<bool> {
    static SHARES_MEMORY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    // SAFETY: outputs are arrays, and so is what `numpy.asarray` returns.
    let (low, high) = unsafe { Layout::of_array(first).extent() };
    // SAFETY: likewise.
    let (other_low, other_high) = unsafe { Layout::of_array(second).extent() };
    if high <= other_low || other_high <= low {
        return Ok(false);
    }
    let shares_memory = SHARES_MEMORY.import(first.py(), "numpy", "shares_memory")?;
    // As plain arrays: a subclass might answer for itself.
    let arrays = (as_array(first)?, as_array(second)?);
    shares_memory.call1(arrays)?.extract()
}
