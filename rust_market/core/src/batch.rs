//! Clearing many markets, on one thread or on several.
//!
//! Others may change the inputs meanwhile. So each row is copied, and then checked and cleared from
//! the copy; some rows together where they have few units. Where nobody can see the results yet,
//! that is one pass; else all rows are checked before anything is written.

pub(crate) mod common;
pub(crate) mod lanes;
pub(crate) mod results;
pub(crate) mod rows;

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::batch::common::Common;
use crate::batch::lanes::{Group, fits_lanes};
use crate::batch::results::{Fresh, Results};
use crate::batch::rows::{Markets, Rows};
use crate::dispatch::dispatch;
use crate::error::{Error, OutOfMemory};
use crate::fault::{Argument, Fault, check, first_fault, good_values};
use crate::margin::scratch::Scratch;
use crate::market::Market;
use crate::pool;
use crate::rules::Rules;
use crate::simd::lanes::LANES;
use crate::simd::{self, Instructions, Task};
use crate::thresholds::{KEPT_UNITS, UNITS_PER_THREAD};
use crate::values::make_room;

/// Small parts, so that no thread has to wait long for the last one.
const PARTS_PER_THREAD: usize = 8;

/// Clears many markets, row by row as [`clear`](crate::clear) does. Shared bids are sorted once.
///
/// `threads` is the most threads to use; `None` is as many as there are processors, or fewer
/// if `RAYON_NUM_THREADS` says so. A small batch takes one.
///
/// # Errors
/// The first bad value of all markets; results that others can see are untouched then. Or that
/// there is not enough memory; what results hold then means nothing.
///
/// # Panics
/// If `units` is 0, or there are not as many results as rows.
pub fn clear_batch<R: Rows, T: Results>(
    markets: Markets<R>,
    rules: Rules,
    threads: Option<usize>,
    results: T,
) -> Result<(), Error> {
    with_job(markets, rules, false, |job| job.clear(threads, results))
}

/// [`clear_batch`] with the instructions that every processor of this kind has.
///
/// # Errors
/// As [`clear_batch`].
///
/// # Panics
/// As [`clear_batch`].
pub fn clear_batch_portably<R: Rows, T: Results>(
    markets: Markets<R>,
    rules: Rules,
    threads: Option<usize>,
    results: T,
) -> Result<(), Error> {
    with_job(markets, rules, true, |job| job.clear(threads, results))
}

/// Checks many markets, as [`clear_batch`] does before it clears them.
///
/// # Errors
/// The first bad value of all markets, or that there is not enough memory.
///
/// # Panics
/// If `units` is 0.
pub fn check_batch<R: Rows>(
    markets: Markets<R>,
    rules: Rules,
    threads: Option<usize>,
) -> Result<(), Error> {
    with_job(markets, rules, false, |job| job.check(job.threads(threads)))
}

fn with_job<R: Rows>(
    markets: Markets<R>,
    rules: Rules,
    portably: bool,
    run: impl FnOnce(Job<'_, R>) -> Result<(), Error>,
) -> Result<(), Error> {
    assert!(markets.units > 0, "a market needs at least one unit");
    COMMON.with_borrow_mut(|common| {
        let read = common.read(markets).map_err(Error::from);
        let done = read.and_then(|()| run(Job { markets, rules, portably, common }));
        common.shrink_to(KEPT_UNITS);
        done
    })
}

thread_local! {
    static COMMON: RefCell<Common> = const { RefCell::new(Common::new()) };
    static WORKER: RefCell<Worker> = const { RefCell::new(Worker::new()) };
}

/// Memory of one thread, reused from call to call.
struct Worker {
    scratch: Scratch,
    group: Group,
    bids: Vec<f64>,
    quantities: Vec<f64>,
    cleared: Vec<f64>,
}

impl Worker {
    const fn new() -> Self {
        Self {
            scratch: Scratch::new(),
            group: Group::new(),
            bids: Vec::new(),
            quantities: Vec::new(),
            cleared: Vec::new(),
        }
    }

    fn shrink_to(&mut self, units: usize) {
        self.scratch.shrink_to(units);
        for buffer in [&mut self.bids, &mut self.quantities, &mut self.cleared] {
            if buffer.capacity() > units {
                *buffer = Vec::new();
            }
        }
    }
}

/// The rows that no thread has taken yet, and their results.
struct Queue<T> {
    next: usize,
    results: Option<T>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A batch to be cleared.
#[derive(Clone, Copy, Debug)]
struct Job<'a, R> {
    markets: Markets<R>,
    rules: Rules,
    portably: bool,
    common: &'a Common,
}

impl<R: Rows> Job<'_, R> {
    fn clear<T: Results>(self, threads: Option<usize>, results: T) -> Result<(), Error> {
        let threads = self.threads(threads);
        if T::VISIBLE {
            self.check(threads)?;
        }
        self.run(threads, Some(results))
    }

    fn check(self, threads: usize) -> Result<(), Error> {
        self.run::<Fresh<'_, f64, f64>>(threads, None)
    }

    /// Checks all rows, and clears them where there are results to be written.
    fn run<T: Results>(self, threads: usize, results: Option<T>) -> Result<(), Error> {
        let Common { bids, quantities, .. } = self.common;
        let shared = check(bids, quantities, &[], self.rules.scarcity_price);
        shared.or_else(|fault| self.judge(fault.into()))?;
        self.run_parts(threads, results).or_else(|error| self.judge(error))
    }

    /// How many threads the batch is worth.
    fn threads(self, most: Option<usize>) -> usize {
        let Markets { rows, units, .. } = self.markets;
        let useful = (rows.saturating_mul(units) / UNITS_PER_THREAD).min(rows);
        pool::available(most.unwrap_or(usize::MAX).min(useful))
    }

    /// Gives one of the errors that were met.
    fn run_parts<T: Results>(self, threads: usize, results: Option<T>) -> Result<(), Error> {
        let seen = Mutex::new(Ok(()));
        let queue = Mutex::new(Queue { next: 0, results });
        let parts = if threads > 1 { PARTS_PER_THREAD * threads } else { 1 };
        let work = || {
            WORKER.with_borrow_mut(|worker| {
                while let Some((first, rows, results)) = self.take(&queue, parts) {
                    let done = Part { job: self, first, rows, next: 0, results, worker }.clear();
                    if done.is_err() {
                        *lock(&seen) = done;
                    }
                }
                worker.shrink_to(KEPT_UNITS);
            });
        };
        pool::run(threads, work);
        seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next part: its first row, how many, and their results.
    fn take<T: Results>(
        self,
        queue: &Mutex<Queue<T>>,
        parts: usize,
    ) -> Option<(usize, usize, Option<T>)> {
        let Markets { rows, units, .. } = self.markets;
        let mut queue = lock(queue);
        let first = queue.next;
        let count = rows.div_ceil(parts).min(rows - first);
        if count == 0 {
            return None;
        }
        queue.next += count;
        let (own, others) = queue.results.take().map(|all| all.split(count, units)).unzip();
        queue.results = others;
        Some((first, count, own))
    }

    /// If a fault was met: the first of all, or that one if it has been mended meanwhile.
    #[cold]
    fn judge(self, error: Error) -> Result<(), Error> {
        let Error::Fault(met) = error else { return Err(error) };
        let mut row = Vec::new();
        make_room(&mut row, self.markets.units, 0.0)?;
        Err(self.first_fault(&mut row).unwrap_or(met).into())
    }

    /// The first bad value of all, if there still is one.
    fn first_fault(self, row: &mut [f64]) -> Option<Fault> {
        let Markets { rows, bids, quantities, demand, .. } = self.markets;
        first_fault(|argument, bad| match argument {
            Argument::Bids => find(bids, rows, row, bad),
            Argument::Quantities => find(quantities, rows, row, bad),
            Argument::Demand => find(demand, rows, &mut [0.0], bad),
            Argument::ScarcityPrice => self.rules.scarcity_price.is_some_and(bad).then_some(0),
        })
    }

    /// The first bad value of a row, if it has one.
    #[cold]
    fn check_row(
        self,
        row: usize,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
    ) -> Result<(), Error> {
        check(bids, quantities, &[demand], None).map_err(|fault| {
            let units = self.markets.units;
            let start = if fault.argument == Argument::Demand { row } else { row * units };
            Fault { index: start + fault.index, ..fault }.into()
        })
    }
}

/// Looks through rows, each of which is copied.
fn find<R: Rows>(values: R, rows: usize, copy: &mut [f64], bad: fn(f64) -> bool) -> Option<usize> {
    let rows = if values.shared() { 1 } else { rows };
    (0..rows).find_map(|row| {
        values.copy(row, copy);
        let unit = copy.iter().position(|&value| bad(value))?;
        Some(row * copy.len() + unit)
    })
}

/// Some rows of a batch, for one thread.
struct Part<'a, R, T> {
    job: Job<'a, R>,
    first: usize,
    rows: usize,
    /// How many of them are done.
    next: usize,
    /// Without them, the rows are only checked.
    results: Option<T>,
    worker: &'a mut Worker,
}

/// As many of them as fill the lanes. A task of its own, so that neither way is compiled into the
/// other's loop.
struct Groups<'p, 'a, R, T>(&'p mut Part<'a, R, T>);

impl<R: Rows, T: Results> Task for Groups<'_, '_, R, T> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run<I: Instructions>(self) -> Result<(), Error> {
        let Self(part) = self;
        while part.rows - part.next >= LANES {
            part.group(part.next)?;
            part.next += LANES;
        }
        Ok(())
    }
}

impl<R: Rows, T: Results> Task for Part<'_, R, T> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run<I: Instructions>(mut self) -> Result<(), Error> {
        for row in self.next..self.rows {
            self.row::<I>(row)?;
        }
        Ok(())
    }
}

impl<R: Rows, T: Results> Part<'_, R, T> {
    /// Gives one of the errors that were met.
    fn clear(mut self) -> Result<(), Error> {
        let Job { markets, portably, .. } = self.job;
        if T::VISIBLE {
            make_room(&mut self.worker.cleared, markets.units, 0.0)?;
        }
        if fits_lanes(&markets) {
            simd::run_either(portably, Groups(&mut self))?;
        }
        simd::run_either(portably, self)
    }

    /// Some rows at once.
    #[inline(always)]
    fn group(&mut self, row: usize) -> Result<(), Error> {
        let Job { markets, rules, .. } = self.job;
        let Worker { group, cleared, .. } = &mut *self.worker;
        let number = self.first + row;
        if !group.read(&markets, number) {
            return (0..LANES).try_for_each(|lane| {
                let (bids, quantities, demand) = group.row(lane, markets.units);
                self.job.check_row(number + lane, bids, quantities, demand)
            });
        }
        if let Some(results) = &mut self.results {
            let prices = group.clear(markets.units, rules);
            group.write(row, markets.units, prices, results, cleared);
        }
        Ok(())
    }

    #[inline(always)]
    fn row<I: Instructions>(&mut self, row: usize) -> Result<(), Error> {
        let Job { markets, rules, common, .. } = self.job;
        let Worker { scratch, bids, quantities, cleared, .. } = &mut *self.worker;
        let number = self.first + row;
        let own_bids = copy_own(markets.bids, number, markets.units, bids)?;
        let own_quantities = copy_own(markets.quantities, number, markets.units, quantities)?;
        let mut demand = [0.0];
        markets.demand.copy(number, &mut demand);
        if !good_values(own_bids, own_quantities, &demand) {
            return self.job.check_row(number, own_bids, own_quantities, demand[0]);
        }
        if let Some(results) = &mut self.results {
            let [demand] = demand;
            let shared = markets.bids.shared();
            let bids = if shared { &common.bids } else { own_bids };
            let quantities =
                if markets.quantities.shared() { &common.quantities } else { own_quantities };
            let margin = if shared {
                common.margin(quantities, demand, rules)
            } else {
                scratch.margin::<I>(Market { bids, quantities, demand }, rules)?
            };
            let cells = results.cells(row, markets.units, cleared);
            let price = dispatch(bids, quantities, demand, rules, margin, cells);
            results.put(row, price, cleared);
        }
        Ok(())
    }
}

/// A row that is not shared; else nothing.
#[inline(always)]
fn copy_own<R: Rows>(
    values: R,
    row: usize,
    units: usize,
    into: &mut Vec<f64>,
) -> Result<&[f64], OutOfMemory> {
    if values.shared() {
        return Ok(&[]);
    }
    make_room(into, units, 0.0)?;
    values.copy(row, into);
    Ok(into)
}
