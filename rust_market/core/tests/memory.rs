//! Clearing allocates nothing, nor does a step of environments: scratch memory is reused, and a batch
//! needs no more than its rows.
//!
//! The counters are the process's, so there is no test harness, whose threads would count too.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use market_core::{
    Fresh, MOST_NUMBERS_A_UNIT, Market, Markets, Matrix, Model, Outcome, Rules, Scratch, State,
    Ties, clear, clear_batch, step_batch,
};

/// Counts what is allocated by all threads.
struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        let bytes = BYTES.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(bytes, Ordering::Relaxed);
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller says.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Numbers between 0 and 1 in no order.
fn numbers(length: usize) -> Vec<f64> {
    (0..length).map(|k| (k as f64 * 0.618_033_988_749_895).fract()).collect()
}

fn clearing_again_allocates_nothing() {
    let mut scratch = Scratch::new();
    for units in [1, 8, 9, 64, 65, 1000, 20_000] {
        let bids = numbers(units);
        // So skewed that the buckets give up.
        let skewed: Vec<f64> = bids.iter().map(|bid| (700.0 * bid).exp()).collect();
        let mut cleared = vec![0.0; units];
        for ties in [Ties::First, Ties::ProRata] {
            let rules = Rules { ties, ..Rules::default() };
            for bids in [&bids, &skewed] {
                let market = Market { bids, quantities: &bids[..], demand: 0.3 * units as f64 };
                let mut calls = [0; 2];
                for count in &mut calls {
                    let before = CALLS.load(Ordering::Relaxed);
                    clear(market, rules, &mut scratch, &mut cleared).unwrap();
                    *count = CALLS.load(Ordering::Relaxed) - before;
                }
                assert_eq!(calls[1], 0, "{units} units, {ties:?}");
            }
        }
    }
}

/// Bids of which nearly all lie in the lowest part of their range, and of those nearly all again.
fn crowded(units: usize) -> Vec<f64> {
    let mut bids = numbers(units);
    for (power, bid) in (1..).zip(bids.iter_mut().rev().take(20)) {
        *bid = 1e4_f64.powi(power);
    }
    bids
}

/// Bids that no bucket tells apart, nor the words of a full sort.
fn neighbours(units: usize) -> Vec<f64> {
    let near = |k: usize| f64::from_bits(1.0_f64.to_bits() + (k * 7919 % units) as u64);
    (0..units).map(|k| if k == 0 { f64::MAX } else { near(k) }).collect()
}

fn scratch_memory_is_bounded() {
    for units in [500, 20_000] {
        let quantities = vec![1.0; units];
        let spread = numbers(units);
        let skewed = spread.iter().map(|bid| (700.0 * bid).exp()).collect();
        for bids in [spread, crowded(units), neighbours(units), skewed, vec![1.0; units]] {
            let mut scratch = Scratch::new();
            let mut cleared = vec![0.0; units];
            let before = BYTES.load(Ordering::Relaxed);
            PEAK.store(before, Ordering::Relaxed);
            // The second is larger, so that memory has to grow.
            for units in [units - 100, units] {
                let (bids, quantities) = (&bids[..units], &quantities[..units]);
                for part in [0.1, 0.3, 0.7, 0.99] {
                    let market = Market { bids, quantities, demand: part * units as f64 };
                    let cleared = &mut cleared[..units];
                    clear(market, Rules::default(), &mut scratch, cleared).unwrap();
                }
            }
            let peak = PEAK.load(Ordering::Relaxed) - before;
            let most = 8 * MOST_NUMBERS_A_UNIT * units + (1 << 14);
            assert!(peak <= most, "{peak} bytes for {units} units");
        }
    }
}

fn a_batch_needs_memory_for_its_rows_only() {
    const ROWS: usize = 2000;
    const UNITS: usize = 200;
    let (bids, quantities) = (numbers(ROWS * UNITS), numbers(ROWS * UNITS));
    let demand = vec![0.3 * UNITS as f64; ROWS];
    let (mut prices, mut cleared) = (vec![0.0; ROWS], vec![0.0; ROWS * UNITS]);
    for shared in [false, true] {
        for threads in [1, 2] {
            let before = BYTES.load(Ordering::Relaxed);
            PEAK.store(before, Ordering::Relaxed);
            let matrix = |values, shared| Matrix { values, shared };
            let markets = Markets {
                rows: ROWS,
                units: UNITS,
                bids: matrix(&bids, shared),
                quantities: matrix(&quantities, false),
                demand: matrix(&demand, false),
            };
            let results = Fresh { prices: &mut prices[..], cleared: &mut cleared[..] };
            clear_batch(markets, Rules::default(), Some(threads), results).unwrap();
            let peak = PEAK.load(Ordering::Relaxed) - before;
            // Copies of a row, buckets and scratch: below twenty numbers a unit; then the threads.
            let rows = 20 * 8 * UNITS * (threads + 1);
            assert!(peak < rows + (1 << 16), "{peak} bytes for {threads} threads");
        }
    }
}

fn clearing_a_batch_again_allocates_nothing() {
    const ROWS: usize = 20;
    for units in [5, 12, 13] {
        let (values, demand) = (numbers(ROWS * units), vec![0.3 * units as f64; ROWS]);
        let (mut prices, mut cleared) = ([0.0; ROWS], vec![0.0; ROWS * units]);
        let mut calls = [0; 2];
        for count in &mut calls {
            let matrix = |values| Matrix { values, shared: false };
            let (bids, quantities, demand) = (matrix(&values), matrix(&values), matrix(&demand));
            let markets = Markets { rows: ROWS, units, bids, quantities, demand };
            let results = Fresh { prices: &mut prices[..], cleared: &mut cleared[..] };
            let before = CALLS.load(Ordering::Relaxed);
            clear_batch(markets, Rules::default(), Some(1), results).unwrap();
            *count = CALLS.load(Ordering::Relaxed) - before;
        }
        assert_eq!(calls[1], 0, "{units} units");
    }
}

fn stepping_again_allocates_nothing() {
    const ROWS: usize = 20;
    for (units, learner) in [(5, None), (5, Some(3)), (40, Some(0)), (40, None), (300, None)] {
        let acting = if learner.is_some() { 1 } else { units };
        let (costs, capacities) = (numbers(units), vec![1.0; units]);
        // The last ones are more than there is.
        let demand: Vec<f64> = (0..2 * ROWS).map(|k| 0.03 * (units * k) as f64).collect();
        let actions: Vec<f32> = numbers(2 * acting * ROWS).iter().map(|&a| a as f32).collect();
        let mut counts = [0; 2];
        for count in &mut counts {
            let model = Model {
                capacities: &capacities,
                costs: &costs,
                agent_features: &[],
                hour_features: &[],
                hours: 1,
                bid_change: 1.0,
                bid_penalty: 0.1,
                shortage_penalty: 10.0,
                reward_scale: 1.0,
                demand_scale: 1.0,
                learner,
                rules: Rules::default(),
            };
            let (mut hours, mut prices) = ([0; ROWS], [0.0; ROWS]);
            let (mut rewards, mut dispatch) = (vec![0.0; acting * ROWS], vec![0.0; acting * ROWS]);
            let (mut observations, mut profits) =
                (vec![0.0; acting * ROWS], vec![0.0; acting * ROWS]);
            let state = State { hours: &mut hours, demand: &demand, active: &[1; ROWS] };
            let outcome = Outcome {
                rewards: &mut rewards,
                observations: &mut observations,
                prices: &mut prices,
                dispatch: &mut dispatch,
                profits: &mut profits,
            };
            let before = CALLS.load(Ordering::Relaxed);
            step_batch(&model, state, &actions, outcome, Some(1)).unwrap();
            *count = CALLS.load(Ordering::Relaxed) - before;
        }
        assert_eq!(counts[1], 0, "{units} agents, {learner:?}");
    }
}

fn main() {
    scratch_memory_is_bounded();
    clearing_again_allocates_nothing();
    clearing_a_batch_again_allocates_nothing();
    a_batch_needs_memory_for_its_rows_only();
    stepping_again_allocates_nothing();
}
