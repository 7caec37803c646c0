//! The threads that batches share.

use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};

#[cfg(target_os = "linux")]
use crate::affinity::Affinity;

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
        self.threads.in_place_scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| work());
            }
            work();
        });
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
