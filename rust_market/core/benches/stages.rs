//! What clearing a market of many units takes, stage by stage: ns per unit on fresh inputs.
//! And ns per market for each way, whichever is the fastest: what `clear` would take without others.
//!
//! ```sh
//! cargo bench -p market-core --features stages --bench stages
//! ```

#[allow(dead_code)]
mod common;

use std::time::Instant;

use common::{Inputs, Table, markets, sizes, time};
use market_core::stages::{
    STAGES_OF_BLOCKS, STAGES_OF_SUMS, Way, clear_by, clear_staged, staged_way,
};
use market_core::{Rules, Scratch, clear};

const SIZES: [usize; 5] = [500, 1000, 10_000, 20_000, 100_000];
const ALL_SIZES: [usize; 13] =
    [5, 8, 10, 20, 50, 64, 100, 200, 400, 1000, 10_000, 20_000, 100_000];
const PASSES: usize = 20;

/// The time of each stage in one pass over the markets, in ns per unit.
fn pass<const N: usize>(markets: &[Inputs], units: usize, scratch: &mut Scratch) -> [f64; N] {
    let mut cleared = vec![0.0; units];
    let mut times = [0.0; N];
    for inputs in markets {
        let mut stage = 0;
        let mut last = Instant::now();
        let price = clear_staged(inputs.market(), scratch, &mut cleared, || {
            times[stage] += last.elapsed().as_nanos() as f64;
            stage += 1;
            last = Instant::now();
        });
        price.expect("bids that are spread evenly");
    }
    times.map(|time| time / (markets.len() * units) as f64)
}

/// Stage by stage, the price is that of [`clear`].
fn check(markets: &[Inputs], units: usize, scratch: &mut Scratch) {
    let mut cleared = vec![0.0; units];
    for inputs in markets {
        let price = clear(inputs.market(), Rules::default(), scratch, &mut cleared);
        assert_eq!(clear_staged(inputs.market(), scratch, &mut cleared, || {}), price.ok());
    }
}

/// A table of the sizes that are cleared by these stages.
fn table<const N: usize>(name: &'static str, names: [&str; N], way: Way) {
    let mut columns = vec!["n"];
    columns.extend(names);
    let mut table = Table::new(name, &columns);
    for units in sizes(&SIZES) {
        if staged_way(units) != way {
            continue;
        }
        let markets = markets(units);
        let mut scratch = Scratch::new();
        check(&markets, units, &mut scratch);
        let mut best = [f64::INFINITY; N];
        for _ in 0..PASSES {
            let times: [f64; N] = pass(&markets, units, &mut scratch);
            best = std::array::from_fn(|stage| best[stage].min(times[stage]));
        }
        table.row(&[units], &best);
    }
}

/// Each way at each size; NaN where it cannot be gone.
fn ways() {
    let mut table = Table::new(
        "ways",
        &[
            "n",
            "all pairs",
            "rank count",
            "bucket walk",
            "bucket blocks",
            "bucket sums",
            "full sort",
        ],
    );
    for units in sizes(&ALL_SIZES) {
        let markets = markets(units);
        let times = Way::ALL.map(|way| {
            if !way.takes(units) {
                return f64::NAN;
            }
            let (mut scratch, mut cleared) = (Scratch::new(), vec![0.0; units]);
            time(&markets, |inputs| {
                clear_by(way, inputs.market(), &mut scratch, &mut cleared).expect("spread bids")
            })
        });
        table.row(&[units], &times);
    }
}

fn main() {
    ways();
    table("stages_of_blocks", STAGES_OF_BLOCKS, Way::BucketBlocks);
    table("stages_of_sums", STAGES_OF_SUMS, Way::BucketSums);
}
