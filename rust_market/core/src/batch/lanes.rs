//! Some rows of a batch at once, each in a lane: for few units.

use crate::batch::results::Results;
use crate::batch::rows::{Markets, Rows};
use crate::output::Output;
use crate::rules::Rules;
use crate::simd::lanes::{LANES, Lanes, Margins, NOTHING, Unit, ZERO, lanes, sort};
use crate::thresholds::BATCH_LANES;
use crate::values::positive_zero;

/// Whether lanes are the faster way. What rows share is worked out once, which is faster still.
pub(crate) fn fits_lanes<R: Rows>(markets: &Markets<R>) -> bool {
    markets.units <= BATCH_LANES && !markets.bids.shared() && !markets.quantities.shared()
}

/// Memory for as many rows as there are lanes. No vector lies across two cache lines.
#[repr(align(64))]
pub(crate) struct Group {
    /// As they were copied: what is cleared is what was checked.
    bids: [[f64; BATCH_LANES]; LANES],
    quantities: [[f64; BATCH_LANES]; LANES],
    demand: Lanes,
    /// In index order, a row in each lane.
    offers: [Unit; BATCH_LANES],
    /// In merit order.
    units: [Unit; BATCH_LANES],
    dispatch: [Lanes; BATCH_LANES],
}

impl Group {
    pub const fn new() -> Self {
        Self {
            bids: [[0.0; BATCH_LANES]; LANES],
            quantities: [[0.0; BATCH_LANES]; LANES],
            demand: ZERO,
            offers: [NOTHING; BATCH_LANES],
            units: [NOTHING; BATCH_LANES],
            dispatch: [ZERO; BATCH_LANES],
        }
    }

    /// Copies the rows from `first` on, and says whether all their values are good.
    #[inline(always)]
    pub fn read<R: Rows>(&mut self, markets: &Markets<R>, first: usize) -> bool {
        let units = markets.units;
        for lane in 0..LANES {
            markets.bids.copy(first + lane, &mut self.bids[lane][..units]);
            markets.quantities.copy(first + lane, &mut self.quantities[lane][..units]);
            markets.demand.copy(first + lane, &mut self.demand[lane..=lane]);
        }
        self.transpose(units)
    }

    /// Puts rows into lanes, and checks them on the way.
    #[inline(always)]
    fn transpose(&mut self, units: usize) -> bool {
        let Self { bids, quantities, demand, offers, .. } = self;
        // NaN, and stays it, where a value is not finite.
        let mut zeros = lanes!(k => 0.0 * demand[k]);
        let mut lowest = lanes!(k => lower(0.0, demand[k]));
        for (unit, offer) in offers[..units].iter_mut().enumerate() {
            let bid = lanes!(k => bids[k][unit]);
            let quantity = lanes!(k => quantities[k][unit]);
            zeros = lanes!(k => zeros[k] + 0.0 * bid[k]);
            zeros = lanes!(k => zeros[k] + 0.0 * quantity[k]);
            lowest = lanes!(k => lower(lowest[k], quantity[k]));
            let quantity = lanes!(k => positive_zero(quantity[k]));
            *offer = Unit { bid, quantity, number: [unit as f64; LANES] };
        }
        (0..LANES).fold(true, |good, k| good & (zeros[k] == 0.0) & (lowest[k] == 0.0))
    }

    /// The bids, quantities and demand of a row.
    pub fn row(&self, lane: usize, units: usize) -> (&[f64], &[f64], f64) {
        (&self.bids[lane][..units], &self.quantities[lane][..units], self.demand[lane])
    }

    /// Clears the rows, whose values are good, and gives the prices.
    #[inline(always)]
    pub fn clear(&mut self, count: usize, rules: Rules) -> Lanes {
        let Self { demand, offers, units, dispatch, .. } = self;
        let (offers, units) = (&offers[..count], &mut units[..count]);
        units.copy_from_slice(offers);
        sort(units);
        let demand = lanes!(k => positive_zero(demand[k]));
        let margins = Margins::new(&&*units, demand, rules);
        for (dispatch, offer) in dispatch.iter_mut().zip(offers) {
            *dispatch = margins.dispatch(offer, rules.ties);
        }
        margins.prices(rules)
    }

    /// Writes what was cleared to the results from row `first` on.
    #[inline(always)]
    pub fn write<T: Results>(
        &self,
        first: usize,
        units: usize,
        prices: Lanes,
        results: &mut T,
        buffer: &mut Vec<f64>,
    ) {
        for (lane, price) in prices.into_iter().enumerate() {
            let cells = results.cells(first + lane, units, buffer);
            for (cell, amounts) in cells.iter_mut().zip(&self.dispatch) {
                *cell = T::Cell::from_f64(amounts[lane]);
            }
            results.put(first + lane, price, buffer);
        }
    }
}

/// The lower one. (With the arrays of `values` and `==` on arrays here, the compiler makes less of
/// the checks in `fault`: from 16 units on, a market then takes up to half as long again.)
#[inline(always)]
fn lower(one: f64, other: f64) -> f64 {
    if other < one { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::results::Fresh;
    use crate::batch::rows::Matrix;
    use crate::reference;
    use crate::rules::Ties;

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// With the instructions that every processor has: a batch takes the widest.
    #[test]
    fn clears_portably() {
        // Bids and quantities that tie, signed zeros among them.
        let number = |k: usize, seed: usize| ((k * 7919 + seed) % 1009 % 7) as f64 - 3.0;
        for units in 1..=BATCH_LANES {
            let cells = LANES * units;
            let bids: Vec<f64> = (0..cells).map(|k| -0.5 * number(k, units)).collect();
            let quantities: Vec<f64> = (0..cells).map(|k| -0.1 * number(k, 1).min(0.0)).collect();
            let demand: Vec<f64> = (0..LANES).map(|k| (k * units) as f64 / 40.0).collect();
            let matrix = |values| Matrix { values, shared: false };
            let (bids, quantities, demand) = (&bids, &quantities, &demand);
            let markets = Markets {
                rows: LANES,
                units,
                bids: matrix(bids),
                quantities: matrix(quantities),
                demand: matrix(demand),
            };
            for ties in [Ties::First, Ties::ProRata] {
                let rules = Rules { ties, ..Rules::default() };
                let (mut prices, mut cleared) = ([0.0; LANES], vec![0.0; cells]);
                let mut group = Group::new();
                assert!(group.read(&markets, 0));
                let found = group.clear(units, rules);
                let mut results = Fresh { prices: &mut prices[..], cleared: &mut cleared[..] };
                group.write(0, units, found, &mut results, &mut Vec::new());
                for lane in 0..LANES {
                    let row = lane * units..(lane + 1) * units;
                    let (bids, quantities) = (&bids[row.clone()], &quantities[row.clone()]);
                    let expected = reference::clear(bids, quantities, demand[lane], rules);
                    assert_eq!(bits(&prices[lane..=lane]), bits(&[expected.0]));
                    assert_eq!(bits(&cleared[row]), bits(&expected.1));
                }
            }
        }
    }
}
