//! The threads that batches share.

use std::process;
use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The pool, and the process that it belongs to.
static POOL: Mutex<Option<(u32, &'static ThreadPool)>> = Mutex::new(None);

/// A pool of as many threads as `RAYON_NUM_THREADS` says, or as there are processors; `None` where
/// the system gives no more threads.
///
/// Rayon's own would hang in a child that was forked, as Python's `multiprocessing` does it: the
/// child inherits the pool, but not its threads. A child makes itself a new one.
pub(crate) fn pool() -> Option<&'static ThreadPool> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    match *pool {
        Some((process, threads)) if process == process::id() => Some(threads),
        _ => {
            let name = |index| format!("rust_market-{index}");
            let threads = ThreadPoolBuilder::new().thread_name(name).build().ok()?;
            let threads: &'static ThreadPool = Box::leak(Box::new(threads));
            *pool = Some((process::id(), threads));
            Some(threads)
        }
    }
}
