//! The environments' step, on one thread or on several.
//!
//! Two passes: all actions are checked before anything is written, then come the steps.

pub(crate) mod environments;
pub(crate) mod lanes;
pub(crate) mod model;
pub(crate) mod others;
pub(crate) mod rows;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::OutOfMemory;

use crate::pool;
use crate::simd::{self, Instructions, Task};
use crate::step::environments::{Environments, Outcome, Refusal, State};
use crate::step::lanes::{fits_lanes, step_lanes};
use crate::step::model::Model;
use crate::step::others::Others;
use crate::step::rows::{Buffers, step_rows};
use crate::thresholds::{KEPT_UNITS, STEP_WORK_PER_THREAD};

/// Small parts, so that no thread has to wait long for the last one.
const PARTS_PER_THREAD: usize = 8;

/// Takes one hour in every active environment, and observes all of them.
///
/// `threads` is the most threads to use; `None` is as many as there are processors, or fewer
/// if `RAYON_NUM_THREADS` says so. A small batch takes one. Any bits are safe; only finite numbers
/// have a meaning.
///
/// # Errors
/// Why no step can be taken. Nothing is written then, unless there is not enough memory.
///
/// # Panics
/// If there are no agents, or lengths do not fit together.
pub fn step_batch(
    model: &Model<'_>,
    state: State<'_>,
    actions: &[f32],
    outcome: Outcome<'_>,
    threads: Option<usize>,
) -> Result<(), Refusal> {
    let all = Environments::new(model, state, actions, outcome);
    run(model, all, threads, |part| simd::run(part))
}

/// [`step_batch`] with the instructions that every processor of this kind has.
///
/// # Errors
/// As [`step_batch`].
///
/// # Panics
/// As [`step_batch`].
pub fn step_batch_portably(
    model: &Model<'_>,
    state: State<'_>,
    actions: &[f32],
    outcome: Outcome<'_>,
    threads: Option<usize>,
) -> Result<(), Refusal> {
    let all = Environments::new(model, state, actions, outcome);
    run(model, all, threads, |part| simd::run_portably(part))
}

thread_local! {
    static OTHERS: RefCell<Others> = const { RefCell::new(Others::new()) };
    static BUFFERS: RefCell<Buffers> = const { RefCell::new(Buffers::new()) };
}

fn run(
    model: &Model<'_>,
    all: Environments<'_>,
    threads: Option<usize>,
    step: impl Fn(Part<'_>) -> Result<(), OutOfMemory> + Sync,
) -> Result<(), Refusal> {
    all.check(model)?;
    OTHERS.with_borrow_mut(|others| {
        let sorted = match model.learner {
            Some(learner) => others.sort(model.costs, model.capacities, learner),
            None => Ok(()),
        };
        let threads = useful_threads(model, all.count(), threads);
        let done = sorted.and_then(|()| run_parts(model, others, all, threads, step));
        others.shrink_to(KEPT_UNITS);
        Ok(done?)
    })
}

/// How many threads the batch is worth.
fn useful_threads(model: &Model<'_>, count: usize, most: Option<usize>) -> usize {
    // About what a step takes, by measurement: others are sorted already.
    let units = model.costs.len();
    let work = if model.learner.is_some() { 12 + units / 2 } else { units.saturating_mul(8) };
    let work = count.saturating_mul(work);
    pool::available(most.unwrap_or(usize::MAX).min(work / STEP_WORK_PER_THREAD).min(count))
}

fn run_parts(
    model: &Model<'_>,
    others: &Others,
    all: Environments<'_>,
    threads: usize,
    step: impl Fn(Part<'_>) -> Result<(), OutOfMemory> + Sync,
) -> Result<(), OutOfMemory> {
    let parts = if threads > 1 { PARTS_PER_THREAD * threads } else { 1 };
    let size = all.count().div_ceil(parts);
    let queue = Mutex::new(Some(all));
    let failed = AtomicBool::new(false);
    let work = || {
        BUFFERS.with_borrow_mut(|buffers| {
            while let Some(environments) = take(&queue, model, size) {
                let done = step(Part { model, others, environments, buffers });
                failed.fetch_or(done.is_err(), Ordering::Relaxed);
            }
            buffers.shrink_to(KEPT_UNITS);
        });
    };
    pool::run(threads, work);
    if failed.into_inner() { Err(OutOfMemory) } else { Ok(()) }
}

/// The next environments that no thread has taken yet.
fn take<'a>(
    queue: &Mutex<Option<Environments<'a>>>,
    model: &Model<'_>,
    size: usize,
) -> Option<Environments<'a>> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let left = queue.take()?;
    if left.count() <= size {
        return Some(left);
    }
    let (own, others) = left.split(model, size);
    *queue = Some(others);
    Some(own)
}

/// Some environments, for one thread.
struct Part<'a> {
    model: &'a Model<'a>,
    others: &'a Others,
    environments: Environments<'a>,
    buffers: &'a mut Buffers,
}

impl Task for Part<'_> {
    type Output = Result<(), OutOfMemory>;

    #[inline(always)]
    fn run<I: Instructions>(self) -> Result<(), OutOfMemory> {
        let Self { model, others, environments, buffers } = self;
        if fits_lanes(model) {
            step_lanes(model, others, environments);
            Ok(())
        } else {
            step_rows::<I>(model, others, environments, buffers)
        }
    }
}
