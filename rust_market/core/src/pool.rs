//! The threads that batches share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{hint, process};

use rayon::{ThreadPool, ThreadPoolBuilder};

#[cfg(target_os = "linux")]
use crate::affinity::Affinity;

/// So long a thread that has no work left waits for the others without sleeping.
const PATIENCE: Duration = Duration::from_micros(200);

/// A pool, and the process that it belongs to.
struct Pool {
    process: u32,
    threads: ThreadPool,
    #[cfg(target_os = "linux")]
    affinity: Affinity,
}

/// The last pool that was built; it is never dropped.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

/// Held while one is built. Never waited for: a child that was forked meanwhile inherits it locked.
static BUILDING: Mutex<()> = Mutex::new(());

/// How many threads of those wanted there are.
pub(crate) fn available(wanted: usize) -> usize {
    if wanted <= 1 {
        1
    } else {
        wanted.min(pool().map_or(1, |pool| pool.threads.current_num_threads()))
    }
}

/// Runs this on so many threads, each of which takes of the work what no other has taken yet.
pub(crate) fn run(threads: usize, work: impl Fn() + Sync) {
    match if threads > 1 { pool() } else { None } {
        None => work(),
        Some(pool) => pool.share(threads, &work),
    }
}

impl Pool {
    /// This thread is one of them: where the others come late it has done their share.
    fn share(&self, threads: usize, work: &(dyn Fn() + Sync)) {
        #[cfg(target_os = "linux")]
        let _kept = self.affinity.spare_caller();
        let others = AtomicUsize::new(threads - 1);
        self.threads.in_place_scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| {
                    work();
                    others.fetch_sub(1, Ordering::Release);
                });
            }
            work();
            await_briefly(&others);
        });
    }
}

/// Waits, but not for long, until all others have come to their end.
///
/// A thread that sleeps until the last other is done takes as long to wake up as a short call.
fn await_briefly(others: &AtomicUsize) {
    let start = Instant::now();
    while others.load(Ordering::Acquire) != 0 && start.elapsed() < PATIENCE {
        hint::spin_loop();
    }
}

/// A pool of as many threads as `RAYON_NUM_THREADS` says, or as there are processors; `None` where
/// the system gives no more threads, or another thread is building one at this moment.
///
/// Rayon's own would hang in a child that was forked, as Python's `multiprocessing` does it: the
/// child inherits the pool, but not its threads. A child makes itself a new one.
fn pool() -> Option<&'static Pool> {
    built().or_else(|| {
        let _building = BUILDING.try_lock().ok()?;
        built().or_else(build)
    })
}

/// The pool of this process, if there is one.
#[allow(unsafe_code)]
fn built() -> Option<&'static Pool> {
    // SAFETY: it is null, or comes from a box that was leaked.
    let pool = unsafe { POOL.load(Ordering::Acquire).as_ref() }?;
    (pool.process == process::id()).then_some(pool)
}

fn build() -> Option<&'static Pool> {
    let name = |index| format!("rust_market-{index}");
    let threads = ThreadPoolBuilder::new().thread_name(name).build().ok()?;
    let pool = Box::leak(Box::new(Pool {
        process: process::id(),
        #[cfg(target_os = "linux")]
        affinity: Affinity::new(&threads),
        threads,
    }));
    POOL.store(pool, Ordering::Release);
    Some(pool)
}
