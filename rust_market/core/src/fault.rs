//! Checks of values: finite, and not negative where that has no meaning.

/// An argument of `clear` or `clear_batch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    Bids,
    Quantities,
    Demand,
    ScarcityPrice,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    NotFinite,
    Negative,
}

/// The first bad value: which check it fails, in which argument, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    pub argument: Argument,
    /// Position in C order; 0 for a scalar.
    pub index: usize,
}

/// Checks the values of one market or of many, in the order of the specification.
///
/// # Errors
/// The first [`Fault`]: finiteness before sign; then bids, quantities, demand and the scarcity
/// price; then the lowest index.
pub fn check(
    bids: &[f64],
    quantities: &[f64],
    demand: &[f64],
    scarcity_price: Option<f64>,
) -> Result<(), Fault> {
    let price = scarcity_price.unwrap_or(0.0);
    if finite(bids) && amounts(quantities) && amounts(demand) && price.is_finite() {
        return Ok(());
    }
    first_fault(bids, quantities, demand, price)
}

/// Whether all values are finite. No early exit, so that the loop is vectorised.
fn finite(values: &[f64]) -> bool {
    values.iter().fold(true, |all, value| all & value.is_finite())
}

/// Whether all values are finite and not negative (-0.0 counts as zero).
fn amounts(values: &[f64]) -> bool {
    let amount = |value: f64| (value >= 0.0) & value.is_finite();
    values.iter().fold(true, |all, &value| all & amount(value))
}

#[cold]
fn first_fault(
    bids: &[f64],
    quantities: &[f64],
    demand: &[f64],
    scarcity_price: f64,
) -> Result<(), Fault> {
    use Argument::{Bids, Demand, Quantities, ScarcityPrice};
    let scarcity_price = &[scarcity_price];
    let not_finite = |value: &f64| !value.is_finite();
    let negative = |value: &f64| *value < 0.0;
    find(bids, not_finite, Code::NotFinite, Bids)?;
    find(quantities, not_finite, Code::NotFinite, Quantities)?;
    find(demand, not_finite, Code::NotFinite, Demand)?;
    find(scarcity_price, not_finite, Code::NotFinite, ScarcityPrice)?;
    find(quantities, negative, Code::Negative, Quantities)?;
    find(demand, negative, Code::Negative, Demand)
}

fn find(
    values: &[f64],
    bad: impl Fn(&f64) -> bool,
    code: Code,
    argument: Argument,
) -> Result<(), Fault> {
    match values.iter().position(bad) {
        Some(index) => Err(Fault { code, argument, index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: Code, argument: Argument, index: usize) -> Result<(), Fault> {
        Err(Fault { code, argument, index })
    }

    #[test]
    fn accepts_negative_bids_zeros_and_extremes() {
        let extremes = [-f64::MAX, -0.0, f64::MIN_POSITIVE, f64::MAX];
        assert_eq!(check(&extremes, &[0.0, -0.0, f64::MAX], &[-0.0], Some(-1.0)), Ok(()));
        assert_eq!(check(&[], &[], &[], None), Ok(()));
    }

    #[test]
    fn names_the_lowest_index() {
        let bids = [1.0, f64::NAN, f64::INFINITY];
        let expected = fault(Code::NotFinite, Argument::Bids, 1);
        assert_eq!(check(&bids, &[1.0; 3], &[1.0], None), expected);
        let expected = fault(Code::Negative, Argument::Quantities, 2);
        assert_eq!(check(&[1.0; 3], &[1.0, 0.0, -1.0], &[1.0], None), expected);
        let expected = fault(Code::Negative, Argument::Demand, 1);
        assert_eq!(check(&[1.0], &[1.0], &[1.0, -f64::MIN_POSITIVE], None), expected);
    }

    #[test]
    fn checks_finiteness_before_sign() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let expected = fault(Code::NotFinite, Argument::ScarcityPrice, 0);
        assert_eq!(check(&[1.0], &[-1.0], &[-1.0], Some(nan)), expected);
        let expected = fault(Code::NotFinite, Argument::Demand, 0);
        assert_eq!(check(&[1.0], &[-1.0], &[-inf], Some(nan)), expected);
        let expected = fault(Code::NotFinite, Argument::Quantities, 0);
        assert_eq!(check(&[1.0], &[-inf], &[nan], None), expected);
    }
}
