//! A market in which all units but one bid the same in every hour.
//!
//! Those are sorted once, and their supply is added up once. What is left of a market is where the
//! one unit comes among them, and the units after it: up to it, the sums are those of the others.

use std::ops::Range;

use crate::error::OutOfMemory;
use crate::margin::full_sort::MeritOrder;
use crate::rules::{Rules, Ties, some};
use crate::simd::lanes::{LANES, Lanes, Unit, Units, lanes};
use crate::step::model::Told;
use crate::values::{lesser, make_room, positive_zero};

/// What the one unit offers to meet which demand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub bid: f64,
    pub quantity: f64,
    pub demand: f64,
}

/// A market as the one unit is told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cleared {
    pub told: Told,
    pub dispatch: f64,
}

/// The other units in merit order.
#[derive(Debug)]
pub(crate) struct Others {
    order: MeritOrder,
    bids: Vec<f64>,
    quantities: Vec<f64>,
    /// From this bid on, the one unit comes after the other.
    limits: Vec<f64>,
    /// Supply of the units before each of them, and of all.
    before: Vec<f64>,
}

impl Others {
    pub const fn new() -> Self {
        Self {
            order: MeritOrder::new(),
            bids: Vec::new(),
            quantities: Vec::new(),
            limits: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Sorts all units but `one`.
    pub fn sort(
        &mut self,
        costs: &[f64],
        capacities: &[f64],
        one: usize,
    ) -> Result<(), OutOfMemory> {
        let Self { order, bids, quantities, limits, before } = self;
        order.sort(costs)?;
        make_room(before, costs.len(), 0.0)?;
        for buffer in [&mut *bids, quantities, limits] {
            make_room(buffer, costs.len() - 1, 0.0)?;
        }
        before[0] = 0.0;
        let mut total = 0.0;
        for (rank, unit) in order.units().filter(|&unit| unit != one).enumerate() {
            let (bid, quantity) = (costs[unit], positive_zero(capacities[unit]));
            bids[rank] = bid;
            quantities[rank] = quantity;
            // Of two units with equal bids, the one with the lower index comes first.
            limits[rank] = if unit < one { bid } else { bid.next_up() };
            total += quantity;
            before[rank + 1] = total;
        }
        Ok(())
    }

    /// Where units with these bids come among the others: how many are before each.
    #[inline(always)]
    pub fn places(&self, bids: &Lanes) -> Lanes {
        let mut places = [0.0; LANES];
        for &limit in &self.limits {
            places = lanes!(k => places[k] + if limit <= bids[k] { 1.0 } else { 0.0 });
        }
        places
    }

    /// Clears one market. Demand is no -0.0, and neither is the quantity.
    pub fn clear(&self, entry: Entry, rules: Rules) -> Cleared {
        let place = self.limits.partition_point(|&limit| limit <= entry.bid);
        let before = self.before[place];
        let Entry { bid, quantity, demand } = entry;
        let threshold = some(rules.threshold(demand));
        if before >= threshold {
            let marginal = self.before[1..=place].partition_point(|&supply| supply < threshold);
            return self.at(marginal, entry, place, rules);
        }
        let mut supply = before + quantity;
        if supply >= threshold {
            let dispatch = match rules.ties {
                Ties::First => lesser(quantity, demand - before),
                Ties::ProRata => self.share(bid, entry, place),
            };
            return Cleared { told: Told { price: bid, shortage: 0.0 }, dispatch };
        }
        for (rank, &other) in self.quantities.iter().enumerate().skip(place) {
            supply += other;
            if supply >= threshold {
                return self.at(rank, entry, place, rules);
            }
        }
        self.scarce(entry, place, supply, rules)
    }

    /// The market where supply, which is all that there is, does not reach demand.
    #[cold]
    fn scarce(&self, entry: Entry, place: usize, supply: f64, rules: Rules) -> Cleared {
        let Entry { bid, quantity, demand } = entry;
        if rules.threshold(demand) == 0.0 {
            // Nothing is asked for and nothing offered: the first unit is marginal.
            let price = if place == 0 { bid } else { self.bids[0] };
            return Cleared { told: Told { price, shortage: 0.0 }, dispatch: 0.0 };
        }
        let offering = self.quantities.iter().rposition(|&quantity| quantity > 0.0);
        let last = match offering {
            Some(rank) if quantity == 0.0 || rank >= place => self.bids[rank],
            None if quantity == 0.0 && place < self.bids.len() => self.bids[self.bids.len() - 1],
            _ => bid,
        };
        let price = rules.scarcity_price.unwrap_or(last);
        Cleared { told: Told { price, shortage: demand - supply }, dispatch: quantity }
    }

    /// The market where one of the others is marginal.
    fn at(&self, marginal: usize, entry: Entry, place: usize, rules: Rules) -> Cleared {
        let price = self.bids[marginal];
        let dispatch = if rules.ties == Ties::ProRata && entry.bid == price {
            self.share(price, entry, place)
        } else if place <= marginal {
            entry.quantity
        } else {
            0.0
        };
        Cleared { told: Told { price, shortage: 0.0 }, dispatch }
    }

    /// What the one unit gets of what cheaper units leave, where it bids the price.
    fn share(&self, price: f64, entry: Entry, place: usize) -> f64 {
        // Its place is among those that are tied, unless bids are no numbers.
        let Range { start, end } = self.tied(price);
        let start = start.min(place);
        let (first, last) =
            (&self.quantities[start..place], &self.quantities[place..end.max(place)]);
        // In the order of their indices.
        let supply = first.iter().chain([&entry.quantity]).chain(last).fold(0.0, |sum, q| sum + q);
        if supply == 0.0 {
            return 0.0;
        }
        let ratio = (entry.demand - self.before[start]) / supply;
        lesser(entry.quantity, entry.quantity * ratio)
    }

    /// The ranks of those that bid the price.
    fn tied(&self, price: f64) -> Range<usize> {
        let first = self.bids.partition_point(|&bid| bid < price);
        first..self.bids.partition_point(|&bid| bid <= price)
    }

    /// Gives memory back that only unusually many units needed.
    pub fn shrink_to(&mut self, units: usize) {
        if self.before.capacity() > units.saturating_add(1) {
            *self = Self::new();
        }
    }
}

/// Some markets in which the one unit differs.
pub(crate) struct Merged<'a> {
    pub others: &'a Others,
    /// Its number is its place in the merit order.
    pub one: Unit,
}

impl Units for Merged<'_> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.others.bids.len() + 1
    }

    #[inline(always)]
    fn unit(&self, rank: usize) -> Unit {
        let Self { others, one } = self;
        Unit {
            bid: merge(&others.bids, &one.bid, &one.number, rank),
            quantity: merge(&others.quantities, &one.quantity, &one.number, rank),
            number: [rank as f64; LANES],
        }
    }
}

/// What the unit of a rank has, where the one unit has its place.
#[inline(always)]
fn merge(others: &[f64], own: &Lanes, place: &Lanes, rank: usize) -> Lanes {
    let earlier = if rank < others.len() { others[rank] } else { 0.0 };
    let later = if rank > 0 { others[rank - 1] } else { 0.0 };
    let rank = rank as f64;
    let other: Lanes = lanes!(k => if rank < place[k] { earlier } else { later });
    lanes!(k => if rank == place[k] { own[k] } else { other[k] })
}
