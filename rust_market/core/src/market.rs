//! One market.

use crate::fault::{Fault, check};
use crate::rules::Rules;

/// One market.
#[derive(Clone, Copy, Debug)]
pub struct Market<'a> {
    /// At least one.
    pub bids: &'a [f64],
    /// As many.
    pub quantities: &'a [f64],
    pub demand: f64,
}

impl Market<'_> {
    /// Which value is bad.
    #[cold]
    pub(crate) fn check(&self, rules: Rules) -> Result<(), Fault> {
        check(self.bids, self.quantities, &[self.demand], rules.scarcity_price)
    }
}
