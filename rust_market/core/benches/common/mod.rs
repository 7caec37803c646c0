//! What the benchmarks share: fresh inputs, and tables.

use std::fmt::Write as _;
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::time::Instant;
use std::{env, fs};

use market_core::Market;

const PASSES: usize = 41;

/// A xorshift generator: reproducible, and good enough to keep a branch predictor guessing.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// One market, and as many integers.
pub struct Inputs {
    pub bids: Vec<f64>,
    pub quantities: Vec<f64>,
    pub demand: f64,
    pub keys: Vec<u64>,
}

impl Inputs {
    pub fn market(&self) -> Market<'_> {
        Market { bids: &self.bids, quantities: &self.quantities, demand: self.demand }
    }

    pub fn in_merit_order(&self) -> Self {
        let mut order: Vec<usize> = (0..self.bids.len()).collect();
        order.sort_by(|&one, &other| self.bids[one].total_cmp(&self.bids[other]));
        Self {
            bids: order.iter().map(|&unit| self.bids[unit]).collect(),
            quantities: order.iter().map(|&unit| self.quantities[unit]).collect(),
            demand: self.demand,
            keys: self.keys.clone(),
        }
    }
}

/// Markets as in the Python sweep's `uniform`: so many that no branch predictor learns them.
pub fn markets(units: usize) -> Vec<Inputs> {
    some_markets(units, 65_536_usize.div_ceil(units).clamp(8, 4096))
}

pub fn some_markets(units: usize, count: usize) -> Vec<Inputs> {
    let mut random = Random::new();
    let mut inputs = || {
        let bids = (0..units).map(|_| random.uniform(20.0, 100.0)).collect();
        let quantities: Vec<f64> = (0..units).map(|_| random.uniform(10.0, 50.0)).collect();
        let demand = 0.7 * quantities.iter().sum::<f64>();
        Inputs { bids, quantities, demand, keys: (0..units).map(|_| random.bits()).collect() }
    };
    (0..count).map(|_| inputs()).collect()
}

/// The middle one of some passes over the markets, in ns per market, as in the Python sweep.
pub fn time(markets: &[Inputs], mut kernel: impl FnMut(&Inputs) -> f64) -> f64 {
    let mut pass = || {
        let start = Instant::now();
        for inputs in markets {
            std::hint::black_box(kernel(std::hint::black_box(inputs)));
        }
        start.elapsed().as_nanos() as f64 / markets.len() as f64
    };
    pass(); // memory and caches are then as in the other passes
    let mut times: Vec<f64> = (0..PASSES).map(|_| pass()).collect();
    times.sort_by(f64::total_cmp);
    times[PASSES / 2]
}

/// Memory for the results of one call, which nobody has written to yet: a caller has new memory each
/// time, as from Python.
pub fn fresh(units: usize) -> Box<[MaybeUninit<f64>]> {
    Box::new_uninit_slice(units)
}

/// The sizes on the command line, or these.
pub fn sizes(all: &[usize]) -> Vec<usize> {
    let given: Vec<usize> = env::args().filter_map(|size| size.parse().ok()).collect();
    if given.is_empty() { all.to_vec() } else { given }
}

/// What the processor calls itself; nothing where the system does not tell.
fn processor() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or("", |(_, name)| name.trim()).to_owned()
}

/// A table that is printed row by row, and saved where `--csv FOLDER` was given. What is saved has a
/// last column that names the processor.
pub struct Table {
    name: &'static str,
    processor: String,
    csv: String,
}

impl Table {
    pub fn new(name: &'static str, columns: &[&str]) -> Self {
        let processor = processor();
        println!("{name} {processor}");
        columns.iter().for_each(|column| print!("{column:>12}"));
        println!();
        Self { name, processor, csv: columns.join(",") + ",processor\n" }
    }

    /// Adds a row: whole numbers, then times.
    pub fn row(&mut self, key: &[usize], times: &[f64]) {
        key.iter().for_each(|key| print!("{key:>12}"));
        times.iter().for_each(|time| print!("{time:>12.3}"));
        println!();
        let cells: Vec<String> = key
            .iter()
            .map(ToString::to_string)
            .chain(times.iter().map(|time| format!("{time:.3}")))
            .chain([format!("\"{}\"", self.processor.replace('"', "\"\""))])
            .collect();
        writeln!(self.csv, "{}", cells.join(",")).expect("memory");
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        println!();
        let arguments: Vec<String> = env::args().collect();
        if let Some(option) = arguments.iter().position(|argument| argument == "--csv") {
            let folder = PathBuf::from(arguments.get(option + 1).expect("--csv takes a folder"));
            let path = folder.join(self.name).with_extension("csv");
            fs::write(&path, &self.csv)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}
