//! ns per market on fresh inputs, without Python.
//!
//! ```sh
//! cargo bench -p market-core --bench clear
//! cargo bench -p market-core --bench clear -- 50 200
//! cargo bench -p market-core --bench clear -- --csv native.csv
//! ```
//!
//! `keys` is what `sort_unstable` takes for as many integers: the bound of a clearing that sorts.
//! `portable` is `clear` with the instructions that every processor of this kind has.

use std::hint::black_box;
use std::time::Instant;

use market_core::{
    Fault, Fresh, Market, Markets, Matrix, Rules, Scratch, clear, clear_batch, clear_portably,
    study,
};

type Clear = fn(Market<'_>, Rules, &mut Scratch, &mut [f64]) -> Result<f64, Fault>;

const SIZES: [usize; 14] = [1, 2, 5, 10, 20, 32, 50, 64, 100, 200, 500, 1000, 10_000, 100_000];
const BATCH_SIZES: [usize; 3] = [5, 50, 432];
const ROWS: usize = 1000;
const PASSES: usize = 20;

/// A xorshift generator: reproducible, and good enough to keep a branch predictor guessing.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Inputs {
    bids: Vec<f64>,
    quantities: Vec<f64>,
    demand: f64,
    keys: Vec<u64>,
}

impl Inputs {
    fn market(&self) -> Market<'_> {
        Market { bids: &self.bids, quantities: &self.quantities, demand: self.demand }
    }
}

/// Markets as in the Python sweep's `uniform`.
fn pool(units: usize, size: usize) -> Vec<Inputs> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut inputs = || {
        let bids = (0..units).map(|_| random.uniform(20.0, 100.0)).collect();
        let quantities: Vec<f64> = (0..units).map(|_| random.uniform(10.0, 50.0)).collect();
        let demand = 0.7 * quantities.iter().sum::<f64>();
        Inputs { bids, quantities, demand, keys: (0..units).map(|_| random.next()).collect() }
    };
    (0..size).map(|_| inputs()).collect()
}

/// The best of some passes over the pool, in ns per market.
fn time(pool: &[Inputs], mut kernel: impl FnMut(&Inputs) -> f64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..PASSES {
        let start = Instant::now();
        for inputs in pool {
            black_box(kernel(black_box(inputs)));
        }
        best = best.min(start.elapsed().as_nanos() as f64 / pool.len() as f64);
    }
    best
}

fn one_market(units: usize) -> String {
    let pool = pool(units, 65_536_usize.div_ceil(units).clamp(8, 4096));
    let rules = Rules::default();
    let mut cleared = vec![0.0; units];
    let mut keys = vec![0; units];
    let sorting = time(&pool, |inputs| {
        keys.copy_from_slice(&inputs.keys);
        keys.sort_unstable();
        keys[0] as f64
    });
    let mut with = |clear: Clear| {
        let mut scratch = Scratch::new();
        time(&pool, |inputs| {
            clear(inputs.market(), rules, &mut scratch, &mut cleared).expect("a good market")
        })
    };
    let (clearing, portable) = (with(clear), with(clear_portably));
    let study = time(&pool, |inputs| {
        study::clear(&inputs.bids, &inputs.quantities, inputs.demand, &mut cleared)
    });
    println!("{units:>8} {sorting:>10.1} {clearing:>10.1} {portable:>10.1} {study:>10.1}");
    format!("{units},{sorting:.1},{clearing:.1},{portable:.1},{study:.1}\n")
}

fn batch(units: usize) {
    let pool = pool(units, ROWS);
    let flat = |values: fn(&Inputs) -> &[f64]| pool.iter().flat_map(values).copied().collect();
    let bids: Vec<f64> = flat(|inputs| &inputs.bids);
    let quantities: Vec<f64> = flat(|inputs| &inputs.quantities);
    let demand: Vec<f64> = pool.iter().map(|inputs| inputs.demand).collect();
    let (mut prices, mut cleared) = (vec![0.0; ROWS], vec![0.0; ROWS * units]);
    let mut with = |threads, shared: bool| {
        let own = |values| Matrix { values, shared: false };
        let either = |values| Matrix { values, shared };
        let best = time(&pool[..1], |_| {
            let markets = Markets {
                rows: ROWS,
                units,
                bids: either(&bids),
                quantities: either(&quantities),
                demand: own(&demand),
            };
            let results = Fresh { prices: &mut prices[..], cleared: &mut cleared[..] };
            clear_batch(markets, Rules::default(), Some(threads), results).expect("good markets");
            0.0
        });
        best / ROWS as f64
    };
    let (one, two, shared) = (with(1, false), with(2, false), with(1, true));
    println!("{units:>8} {one:>10.1} {two:>10.1} {shared:>10.1}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let given: Vec<usize> = arguments.iter().filter_map(|size| size.parse().ok()).collect();
    let sizes = |all: &[usize]| if given.is_empty() { all.to_vec() } else { given.clone() };

    println!("{:>8} {:>10} {:>10} {:>10} {:>10}", "n", "keys", "clear", "portable", "study");
    let rows: String = sizes(&SIZES).into_iter().map(one_market).collect();
    if let Some(option) = arguments.iter().position(|argument| argument == "--csv") {
        let path = arguments.get(option + 1).expect("--csv takes a path");
        let table = format!("n,keys,clear,portable,study\n{rows}");
        std::fs::write(path, table).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    println!("\n{ROWS} markets in one call, per market");
    println!("{:>8} {:>10} {:>10} {:>10}", "n", "1 thread", "2 threads", "one order");
    sizes(&BATCH_SIZES).into_iter().for_each(batch);
}
