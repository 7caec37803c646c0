//! ns per market on fresh inputs: `cargo bench -p market-core`.

use std::hint::black_box;
use std::time::Instant;

use market_core::{MeritOrder, Rules, clear, study};

/// A xorshift generator: reproducible, and good enough to keep a branch predictor guessing.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Market {
    bids: Vec<f64>,
    quantities: Vec<f64>,
    demand: f64,
}

fn pool(units: usize) -> Vec<Market> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let size = (65_536_usize.div_ceil(units)).clamp(8, 4096);
    let mut market = || {
        let bids: Vec<f64> = (0..units).map(|_| 100.0 * random.uniform()).collect();
        let quantities: Vec<f64> = (0..units).map(|_| 1.0 + 50.0 * random.uniform()).collect();
        let demand = quantities.iter().sum::<f64>() * (0.3 + 0.6 * random.uniform());
        Market { bids, quantities, demand }
    };
    (0..size).map(|_| market()).collect()
}

/// The best of some passes over the pool, in ns per market.
fn time(pool: &[Market], mut kernel: impl FnMut(&Market) -> f64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let start = Instant::now();
        for market in pool {
            black_box(kernel(black_box(market)));
        }
        best = best.min(start.elapsed().as_nanos() as f64 / pool.len() as f64);
    }
    best
}

fn main() {
    println!("{:>6} {:>10} {:>10} {:>10}", "n", "sort", "clear", "study");
    for units in [1, 2, 5, 10, 15, 20, 30, 50, 100, 200, 1000, 10_000] {
        let pool = pool(units);
        let mut order = MeritOrder::new();
        let mut cleared = vec![0.0; units];
        let sorting = time(&pool, |market| {
            order.sort(&market.bids);
            order.unit(0) as f64
        });
        let clearing = time(&pool, |m| {
            let rules = Rules::default();
            clear(&m.bids, &m.quantities, m.demand, rules, &mut order, &mut cleared).unwrap()
        });
        let study = time(&pool, |m| study::clear(&m.bids, &m.quantities, m.demand, &mut cleared));
        println!("{units:>6} {sorting:>10.1} {clearing:>10.1} {study:>10.1}");
    }
}
