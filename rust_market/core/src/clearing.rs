//! Clearing one market: check, find the margin, dispatch.

use crate::dispatch::dispatch;
use crate::error::{Error, OutOfMemory};
use crate::fault::{good_price, good_values};
use crate::margin::all_pairs;
use crate::margin::scratch::Scratch;
use crate::market::Market;
use crate::output::Output;
use crate::rules::{Rules, some};
use crate::simd::{self, Instructions, Task};
use crate::thresholds::ALL_PAIRS;
use crate::values::positive_zero;

/// Clears one market and returns its price. `cleared` is overwritten.
///
/// # Errors
/// The first bad value, or that there is not enough memory; `cleared` is untouched then.
///
/// # Panics
/// If the slices are empty or differ in length.
pub fn clear<T: Output>(
    market: Market<'_>,
    rules: Rules,
    scratch: &mut Scratch,
    cleared: &mut [T],
) -> Result<f64, Error> {
    loop {
        match run(Clear { market, rules, scratch, cleared })? {
            Some(price) => return Ok(price),
            None => market.check(rules)?, // else it was mended by another thread meanwhile
        }
    }
}

/// [`clear`] with the instructions that every processor of this kind has.
///
/// # Errors
/// As [`clear`].
///
/// # Panics
/// As [`clear`].
pub fn clear_portably<T: Output>(
    market: Market<'_>,
    rules: Rules,
    scratch: &mut Scratch,
    cleared: &mut [T],
) -> Result<f64, Error> {
    loop {
        match run_portably(Clear { market, rules, scratch, cleared })? {
            Some(price) => return Ok(price),
            None => market.check(rules)?, // as above
        }
    }
}

/// Clears with the widest instructions that pay.
fn run<T: Output>(clear: Clear<'_, T>) -> Result<Option<f64>, OutOfMemory> {
    if clear.market.bids.len() <= ALL_PAIRS { Ok(handful(clear)) } else { simd::run(clear) }
}

fn run_portably<T: Output>(clear: Clear<'_, T>) -> Result<Option<f64>, OutOfMemory> {
    if clear.market.bids.len() <= ALL_PAIRS {
        Ok(handful(clear))
    } else {
        simd::run_portably(clear)
    }
}

/// A few numbers gain nothing from wide registers, and wait on their way through memory.
fn handful<T: Output>(clear: Clear<'_, T>) -> Option<f64> {
    match clear.market.bids.len() {
        1 => clear.of::<1>(),
        2 => clear.of::<2>(),
        3 => clear.of::<3>(),
        4 => clear.of::<4>(),
        5 => clear.of::<5>(),
        6 => clear.of::<6>(),
        7 => clear.of::<7>(),
        _ => clear.of::<ALL_PAIRS>(),
    }
}

struct Clear<'a, T> {
    market: Market<'a>,
    rules: Rules,
    scratch: &'a mut Scratch,
    cleared: &'a mut [T],
}

impl<T: Output> Task for Clear<'_, T> {
    type Output = Result<Option<f64>, OutOfMemory>;

    #[inline(always)]
    fn run<I: Instructions>(self) -> Result<Option<f64>, OutOfMemory> {
        let Self { market, rules, scratch, cleared } = self;
        let Market { bids, quantities, demand } = market;
        let units = bids.len();
        assert!(units != 0 && units == quantities.len() && units == cleared.len());
        if !good_price(rules.scarcity_price) {
            return Ok(None);
        }
        let margin = scratch.checked_margin::<I>(market, rules)?;
        Ok(margin.map(|margin| dispatch(bids, quantities, demand, rules, margin, cleared)))
    }
}

impl<T: Output> Clear<'_, T> {
    /// Tells the compiler how many units there are, so that it unrolls all loops. Takes no memory.
    #[inline(always)]
    fn of<const UNITS: usize>(self) -> Option<f64> {
        let Self { market: Market { bids, quantities, demand }, rules, cleared, .. } = self;
        let (bids, quantities) = (&bids[..UNITS], &quantities[..UNITS]);
        let cleared = &mut cleared[..UNITS];
        if !(good_price(rules.scarcity_price) && good_values(bids, quantities, &[demand])) {
            return None;
        }
        let threshold = rules.threshold(positive_zero(demand));
        let margin = all_pairs::margin(bids, quantities, some(threshold), rules.ties);
        let margin = margin.settled(bids, threshold);
        Some(dispatch(bids, quantities, demand, rules, margin, cleared))
    }
}
