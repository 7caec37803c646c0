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

/// The options of a clearing; the default is what the earlier study did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rules {
    pub ties: Ties,
    /// The price under scarcity (value of lost load); `None` is the last unit's bid.
    pub scarcity_price: Option<f64>,
}
