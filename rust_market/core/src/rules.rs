//! The options of a clearing.

/// Who is dispatched where several units bid exactly the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// The unit with the lowest index first.
    #[default]
    First,
    /// All of them, in proportion to their quantities.
    ProRata,
}

/// Large beside the rounding of a sum of millions of quantities, small beside all that matters.
pub const DEFAULT_TOLERANCE: f64 = 1e-9;

/// The options of a clearing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    pub ties: Ties,
    /// The price under scarcity (value of lost load); `None` is the highest bid of those that
    /// offer something.
    pub scarcity_price: Option<f64>,
    /// The share of demand that supply may lack and still reach it: at least 0 and less than 1.
    pub tolerance: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { ties: Ties::First, scarcity_price: None, tolerance: DEFAULT_TOLERANCE }
    }
}

impl Rules {
    /// The supply that reaches this demand, which is no -0.0.
    #[inline(always)]
    pub(crate) fn threshold(&self, demand: f64) -> f64 {
        demand - self.tolerance * demand
    }
}

/// The least supply that reaches a threshold and is some: an offer of nothing sets no price.
#[inline(always)]
pub(crate) fn some(threshold: f64) -> f64 {
    const LEAST: f64 = f64::from_bits(1);
    if threshold > LEAST { threshold } else { LEAST }
}
