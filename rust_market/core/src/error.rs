//! Why nothing is cleared.

use crate::fault::Fault;

/// There is not enough memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// Why markets are not cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A value is bad.
    Fault(Fault),
    /// There is not enough memory.
    OutOfMemory,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<OutOfMemory> for Error {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}
