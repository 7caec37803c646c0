//! What clearing a market of many units takes, stage by stage: ns per unit on fresh inputs.
//!
//! ```sh
//! cargo bench -p market-core --features stages --bench stages
//! ```

#[allow(dead_code)]
mod common;

use std::time::Instant;

use common::{Inputs, Table, markets, sizes};
use market_core::stages::{STAGES, STAGES_OF_MANY, Stages};
use market_core::{Rules, Scratch, clear};

const SIZES: [usize; 5] = [500, 1000, 10_000, 20_000, 100_000];
const PASSES: usize = 20;

/// The time of each stage in one pass over the markets, in ns per unit.
fn pass<const N: usize>(markets: &[Inputs], units: usize, stages: &mut Stages) -> [f64; N] {
    let mut cleared = vec![0.0; units];
    let mut times = [0.0; N];
    for inputs in markets {
        let mut stage = 0;
        let mut last = Instant::now();
        let price = stages.clear(inputs.market(), &mut cleared, || {
            times[stage] += last.elapsed().as_nanos() as f64;
            stage += 1;
            last = Instant::now();
        });
        price.expect("bids that are spread evenly");
    }
    times.map(|time| time / (markets.len() * units) as f64)
}

/// Stage by stage, the price is that of [`clear`].
fn check(markets: &[Inputs], units: usize, stages: &mut Stages) {
    let (mut scratch, mut cleared) = (Scratch::new(), vec![0.0; units]);
    for inputs in markets {
        let price = clear(inputs.market(), Rules::default(), &mut scratch, &mut cleared);
        assert_eq!(stages.clear(inputs.market(), &mut cleared, || {}), price.ok());
    }
}

/// A table of the sizes that are cleared by these stages.
fn table<const N: usize>(name: &'static str, names: [&str; N], of_many: bool) {
    let mut columns = vec!["n"];
    columns.extend(names);
    let mut table = Table::new(name, &columns);
    for units in sizes(&SIZES) {
        if Stages::adds_up(units) != of_many {
            continue;
        }
        let markets = markets(units);
        let mut stages = Stages::new();
        check(&markets, units, &mut stages);
        let mut best = [f64::INFINITY; N];
        for _ in 0..PASSES {
            let times: [f64; N] = pass(&markets, units, &mut stages);
            best = std::array::from_fn(|stage| best[stage].min(times[stage]));
        }
        table.row(&[units], &best);
    }
}

fn main() {
    table("stages", STAGES, false);
    table("stages_of_many", STAGES_OF_MANY, true);
}
