//! Clearing allocates nothing, nor does a step of environments: scratch memory is reused, and a batch
//! needs no more than its rows. Where there is no memory, that is an error.
//!
//! The counters are the process's, so there is no test harness, whose threads would count too.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use market_core::{
    Error, Fresh, MOST_NUMBERS_A_UNIT, Market, Markets, Matrix, Model, Outcome, Refusal, Rules,
    Scratch, State, Ties, Visible, check_batch, clear, clear_batch, step_batch,
};

/// Counts what is allocated by all threads, and refuses more than so much.
struct Counting;

/// How many more times memory is given.
static LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// What is smaller is always given.
const SMALL: usize = 64;

fn refused(layout: Layout) -> bool {
    layout.size() >= SMALL && !spend()
}

/// Takes one of the times that are left, if there is one.
fn spend() -> bool {
    let mut left = LEFT.load(Ordering::Relaxed);
    while left != usize::MAX {
        let Some(less) = left.checked_sub(1) else {
            return false;
        };
        match LEFT.compare_exchange_weak(left, less, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => left = now,
        }
    }
    true
}

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refused(layout) {
            return std::ptr::null_mut();
        }
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

/// Has this done with no memory, then with some, and so on: it has to come to the same result as
/// with all, or to an error. Returns how often it was one.
///
/// Each time is on a new thread, which keeps no memory from the last.
fn refusals<E: PartialEq + Copy + Send>(
    out_of_memory: E,
    length: usize,
    task: impl Fn(&mut [f64]) -> Result<(), E> + Sync,
) -> usize {
    let run = |count| {
        let limited = || {
            let mut results = vec![7.0; length];
            LEFT.store(count, Ordering::Relaxed);
            let done = task(&mut results);
            LEFT.store(usize::MAX, Ordering::Relaxed);
            done.map(|()| results.iter().map(|value| value.to_bits()).collect::<Vec<u64>>())
        };
        thread::scope(|scope| scope.spawn(limited).join().unwrap())
    };
    let expected = run(usize::MAX);
    let (mut refusals, mut right) = (0, 0);
    for count in 0..500 {
        let result = run(count);
        if result == expected {
            right += 1;
        } else {
            assert!(result == Err(out_of_memory), "with memory given {count} times");
            (refusals, right) = (refusals + 1, 0);
        }
        if right == 12 {
            return refusals; // more does not help any more
        }
    }
    panic!("that takes memory more than 500 times");
}

/// Bids that are cleared in all ways that there are for so many units.
fn shapes(units: usize) -> [Vec<f64>; 4] {
    let spread = numbers(units);
    let skewed = spread.iter().map(|bid| (700.0 * bid).exp()).collect();
    [spread, crowded(units), neighbours(units), skewed]
}

fn a_market_without_memory_is_an_error() {
    for units in [8, 64, 65, 400, 401, 2000, 20_000] {
        for bids in shapes(units) {
            for demand in [0.3 * units as f64, f64::NAN] {
                let market = Market { bids: &bids, quantities: &bids, demand };
                let count = refusals(Error::OutOfMemory, units, |cleared| {
                    let done = clear(market, Rules::default(), &mut Scratch::new(), cleared);
                    assert!(done.is_ok() || cleared.iter().all(|&cell| cell == 7.0));
                    done.map(|_| ())
                });
                assert_eq!(count > 0, units > 64 && demand > 0.0, "{units} units");
            }
        }
    }
}

fn a_batch_without_memory_is_an_error() {
    const ROWS: usize = 9;
    for units in [5, 100, 1000, 20_000] {
        for bad in [false, true] {
            let mut quantities = numbers(ROWS * units);
            let bids: Vec<f64> = shapes(units).concat().repeat(3);
            quantities[7 * units] = if bad { -1.0 } else { 1.0 };
            let demand = vec![0.3 * units as f64; ROWS];
            let matrix = |values, shared| Matrix { values, shared };
            for shared in [[false, false], [true, false], [true, true]] {
                let markets = Markets {
                    rows: ROWS,
                    units,
                    bids: matrix(&bids, shared[0]),
                    quantities: matrix(&quantities, shared[1]),
                    demand: matrix(&demand, false),
                };
                let rules = Rules::default();
                let fresh = refusals(Error::OutOfMemory, ROWS * (units + 1), |results| {
                    let (prices, cleared) = results.split_at_mut(ROWS);
                    clear_batch(markets, rules, Some(1), Fresh { prices, cleared })
                });
                let visible = refusals(Error::OutOfMemory, ROWS * (units + 1), |results| {
                    let (prices, cleared) = atomics(results).split_at(ROWS);
                    clear_batch(markets, rules, Some(1), Visible { prices, cleared })
                });
                let checked =
                    refusals(Error::OutOfMemory, 0, |_| check_batch(markets, rules, Some(1)));
                for count in [fresh, visible, checked] {
                    assert!(count > 0 || units == 5, "{units} units, {shared:?}, {bad}");
                }
            }
        }
    }
}

fn atomics(values: &mut [f64]) -> &[AtomicU64] {
    // SAFETY: nobody else has them, and they are of the same size and alignment.
    unsafe { &*(std::ptr::from_mut(values) as *const [AtomicU64]) }
}

fn a_step_without_memory_is_an_error() {
    const ROWS: usize = 9;
    for (units, learner) in [(5, None), (5, Some(3)), (100, Some(0)), (100, None), (500, None)] {
        let acting = if learner.is_some() { 1 } else { units };
        let (costs, capacities) = (numbers(units), vec![1.0; units]);
        let demand: Vec<f64> = (0..2 * ROWS).map(|k| 0.08 * (units * k) as f64).collect();
        let actions: Vec<f32> = numbers(2 * acting * ROWS).iter().map(|&a| a as f32).collect();
        let observed = Mutex::new(vec![0.0; acting * ROWS]);
        let count = refusals(Refusal::OutOfMemory, ROWS * (1 + 3 * acting), |results| {
            let (prices, results) = results.split_at_mut(ROWS);
            let (rewards, results) = results.split_at_mut(acting * ROWS);
            let (dispatch, profits) = results.split_at_mut(acting * ROWS);
            let observations = &mut observed.lock().unwrap()[..];
            let outcome = Outcome { rewards, observations, prices, dispatch, profits };
            let state = State { hours: &mut [0; ROWS], demand: &demand, active: &[1; ROWS] };
            step_batch(&model(&costs, &capacities, learner), state, &actions, outcome, Some(1))
        });
        assert_eq!(count > 0, units > 5, "{units} agents, {learner:?}");
    }
}

fn model<'a>(costs: &'a [f64], capacities: &'a [f64], learner: Option<usize>) -> Model<'a> {
    Model {
        capacities,
        costs,
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
            let model = model(&costs, &capacities, learner);
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
    a_market_without_memory_is_an_error();
    a_batch_without_memory_is_an_error();
    a_step_without_memory_is_an_error();
}
