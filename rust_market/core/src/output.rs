//! What a dispatched quantity can be written to.

use std::mem::MaybeUninit;

/// A cell for a dispatched quantity, rounded once when it is written.
///
/// `MaybeUninit` lets a caller hand over memory that nobody has written to yet.
pub trait Output: Copy {
    fn from_f64(value: f64) -> Self;
}

impl Output for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}

impl Output for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }
}

impl<T: Output> Output for MaybeUninit<T> {
    fn from_f64(value: f64) -> Self {
        MaybeUninit::new(T::from_f64(value))
    }
}
