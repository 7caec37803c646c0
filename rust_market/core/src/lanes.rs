//! Some markets at once, each in a lane of a vector: for few units, and without any branch that
//! depends on the numbers.
//!
//! In every lane it is the same sequence of operations as in a market on its own, so the bits are
//! the same. Loops over lanes are simple enough for the compiler to make vectors of.

use std::array::from_fn;

use crate::rules::{Rules, Ties};

/// So many markets at once.
pub(crate) const LANES: usize = 8;

/// A number of each market.
pub(crate) type Lanes = [f64; LANES];

/// A unit of each market.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub bid: Lanes,
    pub quantity: Lanes,
    /// Its number; a float, as the other two are, which keeps the vectors alike.
    pub number: Lanes,
}

/// Where the merit orders meet demand.
#[derive(Debug)]
pub(crate) struct Margins {
    pub demand: Lanes,
    /// The marginal unit's bid; the last unit's under scarcity.
    pub bid: Lanes,
    /// Number of the marginal unit; more than any unit's under scarcity.
    pub number: Lanes,
    /// Supply before the marginal unit; of all units under scarcity.
    pub before: Lanes,
    /// Supply of the units that bid less, and of those that bid the same; where ties share.
    pub cheaper: Lanes,
    pub at_price: Lanes,
}

const ZERO: Lanes = [0.0; LANES];

/// Sorts units that stand in the order of their numbers: by bid, then by number.
#[inline(always)]
pub(crate) fn sort(units: &mut [Unit]) {
    for end in (1..units.len()).rev() {
        for first in 0..end {
            let (a, b) = (units[first], units[first + 1]);
            // Only neighbours change places, and equal ones do not.
            let pick = |x: &Lanes, y: &Lanes| -> (Lanes, Lanes) {
                let low = from_fn(|k| if b.bid[k] < a.bid[k] { y[k] } else { x[k] });
                let high = from_fn(|k| if b.bid[k] < a.bid[k] { x[k] } else { y[k] });
                (low, high)
            };
            let (bid, quantity) = (pick(&a.bid, &b.bid), pick(&a.quantity, &b.quantity));
            let number = pick(&a.number, &b.number);
            units[first] = Unit { bid: bid.0, quantity: quantity.0, number: number.0 };
            units[first + 1] = Unit { bid: bid.1, quantity: quantity.1, number: number.1 };
        }
    }
}

impl Margins {
    /// Adds up units in merit order; `unit` gives them by rank.
    #[inline(always)]
    pub fn new(units: usize, unit: impl Fn(usize) -> Unit, demand: Lanes, ties: Ties) -> Self {
        let first = unit(0);
        let mut margins = Self {
            demand,
            bid: first.bid,
            number: first.number,
            before: ZERO,
            cheaper: ZERO,
            at_price: ZERO,
        };
        let mut total = first.quantity;
        for rank in 1..units {
            let next = unit(rank);
            margins.pass(&next, &total);
            total = from_fn(|k| total[k] + next.quantity[k]);
        }
        let scarce = Unit { bid: margins.bid, quantity: ZERO, number: [f64::INFINITY; LANES] };
        margins.pass(&scarce, &total);
        if ties == Ties::ProRata {
            (0..units).for_each(|rank| margins.add_ties(&unit(rank)));
        }
        margins
    }

    /// Goes on to the next unit where supply does not reach demand. Supply never falls, so where it
    /// does it stays there.
    #[inline(always)]
    fn pass(&mut self, next: &Unit, total: &Lanes) {
        let Self { demand, bid, number, before, .. } = self;
        let or = |new: &Lanes, old: &Lanes| -> Lanes {
            from_fn(|k| if total[k] < demand[k] { new[k] } else { old[k] })
        };
        *bid = or(&next.bid, bid);
        *number = or(&next.number, number);
        *before = or(total, before);
    }

    /// Adds a unit to those that are cheaper than the price or to those at it, if it is one.
    #[inline(always)]
    fn add_ties(&mut self, unit: &Unit) {
        let Self { bid: price, cheaper, at_price, .. } = self;
        let Unit { bid, quantity, .. } = unit;
        // Adding 0.0 changes no sum: none is -0.0.
        *cheaper = from_fn(|k| cheaper[k] + if bid[k] < price[k] { quantity[k] } else { 0.0 });
        *at_price = from_fn(|k| at_price[k] + if bid[k] == price[k] { quantity[k] } else { 0.0 });
    }

    /// What a unit delivers.
    #[inline(always)]
    pub fn dispatch(&self, unit: &Unit, ties: Ties) -> Lanes {
        let Self { demand, bid, number, before, cheaper, at_price } = self;
        let Unit { bid: own, quantity, number: own_number } = unit;
        match ties {
            Ties::First => from_fn(|k| {
                let rest = demand[k] - before[k];
                let rest = if rest < quantity[k] { rest } else { quantity[k] };
                let earlier = own_number[k] < number[k];
                let full = (own[k] < bid[k]) | ((own[k] == bid[k]) & earlier);
                let part = if own_number[k] == number[k] { rest } else { 0.0 };
                if full { quantity[k] } else { part }
            }),
            Ties::ProRata => from_fn(|k| {
                let share = quantity[k] * ((demand[k] - cheaper[k]) / at_price[k]);
                let share = if share < quantity[k] { share } else { quantity[k] };
                let share = if at_price[k] == 0.0 { 0.0 } else { share };
                let full = (own[k] < bid[k]) | (number[k] == f64::INFINITY);
                let part = if own[k] == bid[k] { share } else { 0.0 };
                if full { quantity[k] } else { part }
            }),
        }
    }

    #[inline(always)]
    pub fn prices(&self, rules: Rules) -> Lanes {
        let scarce = |k: usize| rules.scarcity_price.unwrap_or(self.bid[k]);
        from_fn(|k| if self.number[k] == f64::INFINITY { scarce(k) } else { self.bid[k] })
    }

    /// Demand that supply does not reach.
    #[inline(always)]
    pub fn shortages(&self) -> Lanes {
        let Self { demand, before, number, .. } = self;
        from_fn(|k| if number[k] == f64::INFINITY { demand[k] - before[k] } else { 0.0 })
    }
}
