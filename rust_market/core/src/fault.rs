//! Checks of values: finite, and not negative where that has no meaning.

use std::array::from_fn;

use crate::values::lower;

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
    if good_values(bids, quantities, demand) && good_price(scarcity_price) {
        return Ok(());
    }
    let find = |argument, bad: fn(f64) -> bool| {
        let values = match argument {
            Argument::Bids => bids,
            Argument::Quantities => quantities,
            Argument::Demand => demand,
            Argument::ScarcityPrice => scarcity_price.as_slice(),
        };
        values.iter().position(|&value| bad(value))
    };
    first_fault(find).map_or(Ok(()), Err)
}

/// Whether no bid, quantity or demand is bad. No early exits, so that the loops are vectorised.
#[inline(always)]
pub(crate) fn good_values(bids: &[f64], quantities: &[f64], demand: &[f64]) -> bool {
    all::<false>(bids) & all::<true>(quantities) & all::<true>(demand)
}

/// Whether all values are finite, and not negative where that is bad (-0.0 counts as zero).
#[inline(always)]
fn all<const AMOUNTS: bool>(values: &[f64]) -> bool {
    const LANES: usize = 16;
    let (chunks, rest) = values.as_chunks::<LANES>();
    // Arithmetic: the compiler makes much more of `is_finite`.
    let good = |value: f64| (0.0 * value == 0.0) & (!AMOUNTS | (value >= 0.0));
    let rest = rest.iter().fold(true, |all, &value| all & good(value));
    if chunks.is_empty() {
        return rest;
    }
    let (mut zeros, mut lowest) = ([0.0; LANES], [0.0; LANES]);
    for chunk in chunks {
        zeros = from_fn(|lane| zeros[lane] + 0.0 * chunk[lane]); // NaN, and stays it, unless finite
        if AMOUNTS {
            lowest = lower(lowest, chunk);
        }
    }
    (zeros == [0.0; LANES]) & (lowest == [0.0; LANES]) & rest
}

/// Whether there is no scarcity price, or a finite one.
#[inline(always)]
pub(crate) fn good_price(scarcity_price: Option<f64>) -> bool {
    scarcity_price.is_none_or(f64::is_finite)
}

/// The first fault, given how to find the first value of an argument that is bad.
#[cold]
pub(crate) fn first_fault(
    mut find: impl FnMut(Argument, fn(f64) -> bool) -> Option<usize>,
) -> Option<Fault> {
    use Argument::{Bids, Demand, Quantities, ScarcityPrice};
    let not_finite: fn(f64) -> bool = |value| !value.is_finite();
    let negative: fn(f64) -> bool = |value| value < 0.0;
    let checks = [
        (Code::NotFinite, Bids),
        (Code::NotFinite, Quantities),
        (Code::NotFinite, Demand),
        (Code::NotFinite, ScarcityPrice),
        (Code::Negative, Quantities),
        (Code::Negative, Demand),
    ];
    checks.into_iter().find_map(|(code, argument)| {
        let bad = if code == Code::NotFinite { not_finite } else { negative };
        find(argument, bad).map(|index| Fault { code, argument, index })
    })
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
