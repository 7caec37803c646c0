//! Where the values of a batch come from.

/// Values of a batch: a row for each market, or one row that all markets share.
pub trait Rows: Copy + Send + Sync {
    /// Whether there is one row for all markets.
    fn shared(&self) -> bool;

    /// Copies a row; row 0 where it is shared. `into` is as long as a row.
    ///
    /// Others may change the values meanwhile: what is copied is all that counts.
    fn copy(&self, row: usize, into: &mut [f64]);
}

/// Rows in a slice, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    pub values: &'a [f64],
    pub shared: bool,
}

impl Rows for Matrix<'_> {
    fn shared(&self) -> bool {
        self.shared
    }

    #[inline]
    fn copy(&self, row: usize, into: &mut [f64]) {
        let start = row * into.len();
        into.copy_from_slice(&self.values[start..start + into.len()]);
    }
}

/// Many markets with the same number of units.
#[derive(Clone, Copy, Debug)]
pub struct Markets<R> {
    /// How many there are.
    pub rows: usize,
    /// At least 1.
    pub units: usize,
    pub bids: R,
    pub quantities: R,
    /// Rows of one value.
    pub demand: R,
}
