//! ns per market on fresh inputs, without Python.
//!
//! ```sh
//! cargo bench -p market-core --bench clear
//! cargo bench -p market-core --bench clear -- 50 200
//! cargo bench -p market-core --bench clear -- --csv folder
//! ```
//!
//! `keys` is what `sort_unstable` takes for as many integers: the bound of a clearing that sorts.
//! `portable` is `clear` with the instructions that every processor of this kind has. `additions` is
//! what it takes to add quantities that lie in merit order, one after the other up to demand. Inputs
//! and outputs are as in the Python sweep: a pool of distinct markets, new memory for each result.

#[allow(dead_code)]
mod common;

use std::mem::MaybeUninit;

use common::{Inputs, Table, fresh, markets, sizes, some_markets, time};
use market_core::{
    Error, Fresh, Market, Markets, Matrix, Rules, Scratch, clear, clear_batch, clear_portably,
    study,
};

type Cell = MaybeUninit<f64>;
type Clear = fn(Market<'_>, Rules, &mut Scratch, &mut [Cell]) -> Result<f64, Error>;

const SIZES: [usize; 14] = [1, 2, 5, 10, 20, 32, 50, 64, 100, 200, 500, 1000, 10_000, 100_000];
const BATCH_SIZES: [usize; 3] = [5, 50, 432];
const ROWS: usize = 1000;

fn one_market(units: usize) -> [f64; 4] {
    let markets = markets(units);
    let rules = Rules::default();
    let mut keys = vec![0; units];
    let sorting = time(&markets, |inputs| {
        keys.copy_from_slice(&inputs.keys);
        keys.sort_unstable();
        keys[0] as f64
    });
    let with = |clear: Clear| {
        let mut scratch = Scratch::new();
        time(&markets, |inputs| {
            clear(inputs.market(), rules, &mut scratch, &mut fresh(units)).expect("a good market")
        })
    };
    let (clearing, portable) = (with(clear), with(clear_portably));
    let study = time(&markets, |inputs| {
        study::clear(&inputs.bids, &inputs.quantities, inputs.demand, &mut fresh(units))
    });
    [sorting, clearing, portable, study]
}

/// What it takes to add quantities until demand is reached, the order being given.
fn additions(pool: &[Inputs]) -> f64 {
    let in_order: Vec<Inputs> = pool.iter().map(Inputs::in_merit_order).collect();
    time(&in_order, |inputs| {
        let mut supply = 0.0;
        for quantity in &inputs.quantities {
            supply += quantity;
            if supply >= inputs.demand {
                break;
            }
        }
        supply
    })
}

fn batch(units: usize) -> [f64; 4] {
    let pool = some_markets(units, ROWS);
    let bids: Vec<f64> = pool.iter().flat_map(|inputs| &inputs.bids).copied().collect();
    let quantities: Vec<f64> =
        pool.iter().flat_map(|inputs| &inputs.quantities).copied().collect();
    let demand: Vec<f64> = pool.iter().map(|inputs| inputs.demand).collect();
    let with = |threads, shared: bool| {
        let own = |values| Matrix { values, shared: false };
        let either = |values| Matrix { values, shared };
        let time = time(&pool[..1], |_| {
            let markets = Markets {
                rows: ROWS,
                units,
                bids: either(&bids),
                quantities: either(&quantities),
                demand: own(&demand),
            };
            let (mut prices, mut cleared) = (fresh(ROWS), fresh(ROWS * units));
            let results = Fresh { prices: &mut prices[..], cleared: &mut cleared[..] };
            clear_batch(markets, Rules::default(), Some(threads), results).expect("good markets");
            0.0
        });
        time / ROWS as f64
    };
    [with(1, false), with(2, false), with(1, true), additions(&pool)]
}

fn main() {
    let mut table = Table::new("clear", &["n", "keys", "clear", "portable", "study"]);
    for units in sizes(&SIZES) {
        table.row(&[units], &one_market(units));
    }
    drop(table);
    let columns = ["n", "one thread", "two threads", "one order", "additions"];
    let mut table = Table::new("batch", &columns);
    for units in sizes(&BATCH_SIZES) {
        table.row(&[units], &batch(units));
    }
}
