//! What the markets of a batch have in common, worked out once.

use crate::batch::rows::{Markets, Rows};
use crate::error::OutOfMemory;
use crate::margin::full_sort::MeritOrder;
use crate::margin::{Margin, first_at_price};
use crate::rules::{Rules, Ties, some};
use crate::values::{make_room, positive_zero, refill};

/// The rows that all markets of a batch share, and what follows from them.
#[derive(Debug, Default)]
pub(crate) struct Common {
    pub bids: Vec<f64>,
    pub quantities: Vec<f64>,
    /// Of the bids, where they are shared.
    order: MeritOrder,
    /// Supply up to and with each unit in merit order, where quantities are shared too.
    supply: Vec<f64>,
}

impl Common {
    pub const fn new() -> Self {
        Self {
            bids: Vec::new(),
            quantities: Vec::new(),
            order: MeritOrder::new(),
            supply: Vec::new(),
        }
    }

    /// Copies what is shared, and sorts it; the rest becomes empty.
    pub fn read<R: Rows>(&mut self, markets: Markets<R>) -> Result<(), OutOfMemory> {
        read_shared(markets.bids, markets.units, &mut self.bids)?;
        read_shared(markets.quantities, markets.units, &mut self.quantities)?;
        self.supply.clear();
        if self.bids.is_empty() {
            return Ok(());
        }
        self.order.sort(&self.bids)?;
        if !self.quantities.is_empty() {
            let mut total = 0.0;
            let supply = self.order.units().map(|unit| {
                total += positive_zero(self.quantities[unit]);
                total
            });
            refill(&mut self.supply, 0.0, supply)?;
        }
        Ok(())
    }

    /// The margin of a market whose bids are shared.
    #[inline]
    pub fn margin(&self, quantities: &[f64], demand: f64, rules: Rules) -> Margin {
        let threshold = rules.threshold(positive_zero(demand));
        let margin = if self.supply.is_empty() {
            self.order.margin(&self.bids, quantities, some(threshold), rules.ties)
        } else {
            self.margin_of_shared(some(threshold), rules.ties)
        };
        margin.settled(&self.bids, threshold)
    }

    /// The margin where quantities are shared, too.
    #[inline]
    fn margin_of_shared(&self, threshold: f64, ties: Ties) -> Margin {
        let marginal = self.supply.partition_point(|&supply| supply < threshold);
        if marginal == self.supply.len() {
            return Margin::Beyond;
        }
        let before = |rank: usize| if rank == 0 { 0.0 } else { self.supply[rank - 1] };
        let cheaper = match ties {
            Ties::First => before(marginal),
            Ties::ProRata => {
                before(first_at_price(&self.bids, marginal, |rank| self.order.unit(rank)))
            }
        };
        Margin::At { unit: self.order.unit(marginal), before: before(marginal), cheaper }
    }

    pub fn shrink_to(&mut self, units: usize) {
        self.order.shrink_to(units);
        for buffer in [&mut self.bids, &mut self.quantities, &mut self.supply] {
            if buffer.capacity() > units {
                *buffer = Vec::new();
            }
        }
    }
}

fn read_shared<R: Rows>(rows: R, units: usize, into: &mut Vec<f64>) -> Result<(), OutOfMemory> {
    into.clear();
    if rows.shared() {
        make_room(into, units, 0.0)?;
        rows.copy(0, into);
    }
    Ok(())
}
