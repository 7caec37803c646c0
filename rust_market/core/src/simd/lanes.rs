//! Some markets at once, each in a lane of a vector: for few units, and without any branch that
//! depends on the numbers.
//!
//! In every lane it is the same sequence of operations as in a market on its own, so the bits are
//! the same. Loops over lanes are simple enough for the compiler to make vectors of.

use crate::rules::{Rules, Ties, some};

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

/// Units in merit order.
pub(crate) trait Units {
    /// How many there are; at least one.
    fn count(&self) -> usize;

    /// The unit of a rank. `#[inline(always)]`, too.
    fn unit(&self, rank: usize) -> Unit;
}

impl Units for &[Unit] {
    #[inline(always)]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn unit(&self, rank: usize) -> Unit {
        self[rank]
    }
}

/// Where the merit orders meet demand.
#[derive(Debug)]
pub(crate) struct Margins {
    pub demand: Lanes,
    /// The marginal unit's bid; under scarcity that of the last unit that offers something.
    pub bid: Lanes,
    /// Number of the marginal unit; more than any unit's under scarcity.
    pub number: Lanes,
    /// Supply before the marginal unit; of all units under scarcity.
    pub before: Lanes,
    /// Supply of the units that bid less, and of those that bid the same; where ties share.
    pub cheaper: Lanes,
    pub at_price: Lanes,
}

/// A number for each lane. No closure: it would be compiled for any processor.
macro_rules! lanes {
    ($lane:ident => $value:expr) => {{
        let mut lanes = [0.0; $crate::simd::lanes::LANES];
        for $lane in 0..$crate::simd::lanes::LANES {
            lanes[$lane] = $value;
        }
        lanes
    }};
}
pub(crate) use lanes;

pub(crate) const ZERO: Lanes = [0.0; LANES];

/// No unit.
pub(crate) const NOTHING: Unit = Unit { bid: ZERO, quantity: ZERO, number: ZERO };

/// Sorts units that stand in the order of their numbers: by bid, then by number.
#[inline(always)]
pub(crate) fn sort(units: &mut [Unit]) {
    for end in (1..units.len()).rev() {
        // The dearest unit so far goes along, to the end.
        let mut held = units[0];
        for rank in 0..end {
            let next = units[rank + 1];
            // Only neighbours change places, and equal ones do not.
            let bid = pick(&held, &next, &held.bid, &next.bid);
            let quantity = pick(&held, &next, &held.quantity, &next.quantity);
            let number = pick(&held, &next, &held.number, &next.number);
            units[rank] = Unit { bid: bid.0, quantity: quantity.0, number: number.0 };
            held = Unit { bid: bid.1, quantity: quantity.1, number: number.1 };
        }
        units[end] = held;
    }
}

/// Of each lane the number of the unit that comes first, and the other.
#[inline(always)]
fn pick(a: &Unit, b: &Unit, of_a: &Lanes, of_b: &Lanes) -> (Lanes, Lanes) {
    let first = lanes!(k => if b.bid[k] < a.bid[k] { of_b[k] } else { of_a[k] });
    let second = lanes!(k => if b.bid[k] < a.bid[k] { of_a[k] } else { of_b[k] });
    (first, second)
}

impl Margins {
    /// Adds up units in merit order. No demand is -0.0.
    #[inline(always)]
    pub fn new(units: &impl Units, demand: Lanes, rules: Rules) -> Self {
        let thresholds = lanes!(k => some(rules.threshold(demand[k])));
        let first = units.unit(0);
        let mut margins = Self {
            demand,
            bid: first.bid,
            number: first.number,
            before: ZERO,
            cheaper: ZERO,
            at_price: ZERO,
        };
        let mut total = first.quantity;
        for rank in 1..units.count() {
            let next = units.unit(rank);
            margins.pass(&next, &total, &thresholds);
            total = lanes!(k => total[k] + next.quantity[k]);
        }
        let scarce = Unit { bid: margins.bid, quantity: ZERO, number: [f64::INFINITY; LANES] };
        margins.pass(&scarce, &total, &thresholds);
        if margins.number.contains(&f64::INFINITY) {
            margins.settle_scarce(units, rules);
        }
        if rules.ties == Ties::ProRata {
            for rank in 0..units.count() {
                margins.add_ties(&units.unit(rank));
            }
        }
        margins
    }

    /// Goes on to the next unit where supply does not reach demand. Supply never falls, so where it
    /// does it stays there.
    #[inline(always)]
    fn pass(&mut self, next: &Unit, total: &Lanes, thresholds: &Lanes) {
        let Self { bid, number, before, .. } = self;
        *bid = lanes!(k => if total[k] < thresholds[k] { next.bid[k] } else { bid[k] });
        *number = lanes!(k => if total[k] < thresholds[k] { next.number[k] } else { number[k] });
        *before = lanes!(k => if total[k] < thresholds[k] { total[k] } else { before[k] });
    }

    /// Where supply does not reach demand: finds the last unit that offers something. Where no unit
    /// does and nothing is asked for, the first one is marginal.
    #[cold]
    fn settle_scarce(&mut self, units: &impl Units, rules: Rules) {
        for lane in 0..LANES {
            if self.number[lane] != f64::INFINITY {
                continue;
            }
            if rules.threshold(self.demand[lane]) == 0.0 {
                let first = units.unit(0);
                (self.bid[lane], self.number[lane]) = (first.bid[lane], first.number[lane]);
                self.before[lane] = 0.0;
                continue;
            }
            let offering = (0..units.count()).rfind(|&rank| units.unit(rank).quantity[lane] > 0.0);
            if let Some(rank) = offering {
                self.bid[lane] = units.unit(rank).bid[lane];
            }
        }
    }

    /// Adds a unit to those that are cheaper than the price or to those at it, if it is one.
    #[inline(always)]
    fn add_ties(&mut self, unit: &Unit) {
        let Self { bid: price, cheaper, at_price, .. } = self;
        let Unit { bid, quantity, .. } = unit;
        // Adding 0.0 changes no sum: none is -0.0.
        *cheaper = lanes!(k => cheaper[k] + if bid[k] < price[k] { quantity[k] } else { 0.0 });
        *at_price = lanes!(k => at_price[k] + if bid[k] == price[k] { quantity[k] } else { 0.0 });
    }

    /// What a unit delivers.
    #[inline(always)]
    pub fn dispatch(&self, unit: &Unit, ties: Ties) -> Lanes {
        let Self { demand, bid, number, before, cheaper, at_price } = self;
        let Unit { bid: own, quantity, number: own_number } = unit;
        match ties {
            Ties::First => lanes!(k => {
                let rest = demand[k] - before[k];
                let rest = if rest < quantity[k] { rest } else { quantity[k] };
                let earlier = own_number[k] < number[k];
                let full = (own[k] < bid[k]) | ((own[k] == bid[k]) & earlier);
                let part = if own_number[k] == number[k] { rest } else { 0.0 };
                if full { quantity[k] } else { part }
            }),
            Ties::ProRata => lanes!(k => {
                let share = quantity[k] * ((demand[k] - cheaper[k]) / at_price[k]);
                // Where nothing is offered at the price, the share is no number.
                let share = if share < quantity[k] { share } else { quantity[k] };
                let full = (own[k] < bid[k]) | (number[k] == f64::INFINITY);
                let part = if own[k] == bid[k] { share } else { 0.0 };
                if full { quantity[k] } else { part }
            }),
        }
    }

    #[inline(always)]
    pub fn prices(&self, rules: Rules) -> Lanes {
        let Self { bid, number, .. } = self;
        let Some(price) = rules.scarcity_price else { return *bid };
        lanes!(k => if number[k] == f64::INFINITY { price } else { bid[k] })
    }

    /// Demand that supply does not reach.
    #[inline(always)]
    pub fn shortages(&self) -> Lanes {
        let Self { demand, before, number, .. } = self;
        lanes!(k => if number[k] == f64::INFINITY { demand[k] - before[k] } else { 0.0 })
    }
}
