//! Whether the machine has memory for so many numbers.
//!
//! Inputs of few bytes can be of any size: `numpy.broadcast_to` makes them. Some systems let a
//! process ask for more memory than there is, and end it when it is used.

use pyo3::prelude::*;

use crate::errors;

/// So many bytes are not asked for in vain, but only if they are there.
const MUCH: u128 = 1 << 30;

/// Checks this before any value is read or written.
///
/// # Errors
/// `MemoryError`, if the machine has less.
#[inline(always)]
pub fn check(numbers: u128) -> PyResult<()> {
    let bytes = numbers * size_of::<f64>() as u128;
    if bytes >= MUCH && memory().is_some_and(|memory| bytes > memory) {
        return Err(errors::more_than_there_is(numbers, bytes));
    }
    Ok(())
}

/// How many bytes the machine has, where the system tells.
#[cfg(unix)]
#[cold]
fn memory() -> Option<u128> {
    // SAFETY: the function takes any number, and reads no memory of this process.
    let (size, pages) =
        unsafe { (libc::sysconf(libc::_SC_PAGESIZE), libc::sysconf(libc::_SC_PHYS_PAGES)) };
    Some(u128::try_from(size).ok()? * u128::try_from(pages).ok()?)
}

/// Other systems give what there is.
#[cfg(not(unix))]
fn memory() -> Option<u128> {
    None
}
