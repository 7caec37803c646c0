//! Where the results of a batch go.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::output::Output;

/// Prices and cleared quantities of a batch, to be written row by row, in parts that different
/// threads can have.
pub trait Results: Send + Sized {
    /// What one market is cleared into.
    type Cell: Output;

    /// Whether others can see the results before the batch is done.
    const VISIBLE: bool;

    /// The first rows, and the others.
    fn split(self, rows: usize, units: usize) -> (Self, Self);

    /// Where to clear a row into: its own cells, or as many in `buffer`.
    fn cells<'b>(
        &'b mut self,
        row: usize,
        units: usize,
        buffer: &'b mut Vec<f64>,
    ) -> &'b mut [Self::Cell];

    /// Takes the row that was cleared into these cells.
    fn put(&mut self, row: usize, price: f64, buffer: &[f64]);

    /// Writes zeros.
    fn zero(self);
}

/// Results that nobody else can see yet.
#[derive(Debug)]
pub struct Fresh<'a, P, T> {
    pub prices: &'a mut [P],
    pub cleared: &'a mut [T],
}

impl<P: Output + Send, T: Output + Send> Results for Fresh<'_, P, T> {
    type Cell = T;
    const VISIBLE: bool = false;

    fn split(self, rows: usize, units: usize) -> (Self, Self) {
        let (prices, other_prices) = self.prices.split_at_mut(rows);
        let (cleared, other_cleared) = self.cleared.split_at_mut(rows * units);
        (Self { prices, cleared }, Self { prices: other_prices, cleared: other_cleared })
    }

    #[inline(always)]
    fn cells<'b>(&'b mut self, row: usize, units: usize, _: &'b mut Vec<f64>) -> &'b mut [T] {
        &mut self.cleared[row * units..(row + 1) * units]
    }

    #[inline(always)]
    fn put(&mut self, row: usize, price: f64, _: &[f64]) {
        self.prices[row] = P::from_f64(price);
    }

    fn zero(self) {
        self.prices.fill(P::from_f64(0.0));
        self.cleared.fill(T::from_f64(0.0));
    }
}

/// A number that several threads may read and write.
pub trait Shared: Sync {
    fn store(&self, value: f64);
}

impl Shared for AtomicU64 {
    fn store(&self, value: f64) {
        self.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl Shared for AtomicU32 {
    fn store(&self, value: f64) {
        self.store((value as f32).to_bits(), Ordering::Relaxed);
    }
}

/// Results in memory that other threads may look at, or write to, meanwhile.
#[derive(Debug)]
pub struct Visible<'a, T> {
    pub prices: &'a [AtomicU64],
    pub cleared: &'a [T],
}

impl<T: Shared> Results for Visible<'_, T> {
    type Cell = f64;
    const VISIBLE: bool = true;

    fn split(self, rows: usize, units: usize) -> (Self, Self) {
        let (prices, other_prices) = self.prices.split_at(rows);
        let (cleared, other_cleared) = self.cleared.split_at(rows * units);
        (Self { prices, cleared }, Self { prices: other_prices, cleared: other_cleared })
    }

    #[inline(always)]
    fn cells<'b>(&'b mut self, _: usize, units: usize, buffer: &'b mut Vec<f64>) -> &'b mut [f64] {
        buffer.resize(units, 0.0);
        buffer
    }

    #[inline(always)]
    fn put(&mut self, row: usize, price: f64, buffer: &[f64]) {
        Shared::store(&self.prices[row], price);
        for (cell, &value) in self.cleared[row * buffer.len()..].iter().zip(buffer) {
            cell.store(value);
        }
    }

    fn zero(self) {
        self.prices.iter().for_each(|price| Shared::store(price, 0.0));
        self.cleared.iter().for_each(|cell| cell.store(0.0));
    }
}
