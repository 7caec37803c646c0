//! The threads that batches share.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};
use std::{env, hint, io, ptr, thread};

use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};

#[cfg(target_os = "linux")]
use crate::affinity::Affinity;

/// So long a thread that has no work left waits for the others without sleeping.
const PATIENCE: Duration = Duration::from_micros(200);

/// Bytes of a thread's stack.
const STACK: usize = 2 << 20;

/// Bytes that a thread may need beside its stack before it runs.
const BESIDE: usize = 1 << 20;

struct Pool {
    threads: ThreadPool,
    #[cfg(target_os = "linux")]
    affinity: Affinity,
}

/// The pool of this process, once it is built; it is never dropped.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());

/// Whether a thread is building it. The others do not wait, but work alone.
static BUILDING: AtomicBool = AtomicBool::new(false);

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

/// As many threads as `RAYON_NUM_THREADS` says, if it says something, but no more than there are
/// processors: more of them gain nothing, and making thousands takes seconds.
fn most_threads() -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    read_environment().map_or(processors, |told| told.min(processors))
}

/// What `RAYON_NUM_THREADS` says; it is read once.
///
/// The environment is no safe place while another thread may be changing it, so whoever lets other
/// threads do that meanwhile calls this before.
pub fn read_environment() -> Option<usize> {
    static TOLD: OnceLock<Option<usize>> = OnceLock::new();
    let read = || env::var("RAYON_NUM_THREADS").ok()?.parse().ok().filter(|&told| told > 0);
    *TOLD.get_or_init(read)
}

/// The pool of this process; `None` where the system gives no more threads, or another thread is
/// building it at this moment.
fn pool() -> Option<&'static Pool> {
    built().or_else(|| {
        if BUILDING.swap(true, Ordering::Acquire) {
            return None;
        }
        let pool = built().or_else(build);
        BUILDING.store(false, Ordering::Release);
        pool
    })
}

#[allow(unsafe_code)]
fn built() -> Option<&'static Pool> {
    // SAFETY: it is null, or comes from a box that was leaked.
    unsafe { POOL.load(Ordering::Acquire).as_ref() }
}

fn build() -> Option<&'static Pool> {
    if !forgotten_in_children() {
        return None;
    }
    let builder = ThreadPoolBuilder::new().num_threads(most_threads()).spawn_handler(start);
    let threads = builder.build().ok()?;
    let pool = Box::leak(Box::new(Pool {
        #[cfg(target_os = "linux")]
        affinity: Affinity::new(&threads),
        threads,
    }));
    POOL.store(pool, Ordering::Release);
    Some(pool)
}

/// Starts a thread, and waits until it runs.
///
/// The system ends the process where a new thread finds no memory for what it keeps for itself. So
/// it is seen before that there is enough, and threads start one after the other.
///
/// # Errors
/// If there is too little memory, or the system gives no more threads.
fn start(builder: ThreadBuilder) -> io::Result<()> {
    if !can_be_mapped(STACK + BESIDE) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let running = Arc::new(Barrier::new(2));
    let runs = Arc::clone(&running);
    let name = format!("rust_market-{}", builder.index());
    thread::Builder::new().name(name).stack_size(STACK).spawn(move || {
        runs.wait();
        drop(runs);
        builder.run();
    })?;
    running.wait();
    Ok(())
}

/// Whether the system gives so many bytes. An allocator may have as many that it was given before,
/// but a new thread cannot use those.
#[cfg(unix)]
#[allow(unsafe_code)]
fn can_be_mapped(bytes: usize) -> bool {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: what is mapped is new, nobody uses it, and it is unmapped as it was mapped.
    unsafe {
        let mapped = libc::mmap(ptr::null_mut(), bytes, access, kind, -1, 0);
        mapped != libc::MAP_FAILED && libc::munmap(mapped, bytes) == 0
    }
}

#[cfg(not(unix))]
fn can_be_mapped(_: usize) -> bool {
    true
}

/// Sees to it that a child that is forked, as Python's `multiprocessing` does it, makes itself a
/// pool of its own: it inherits the memory of this one, but not the threads, and would wait for them
/// forever. Its process id would not tell: in another namespace it may be the parent's.
#[cfg(unix)]
#[allow(unsafe_code)]
fn forgotten_in_children() -> bool {
    extern "C" fn forget() {
        POOL.store(ptr::null_mut(), Ordering::Relaxed);
        BUILDING.store(false, Ordering::Relaxed);
    }
    static DONE: AtomicBool = AtomicBool::new(false);
    // SAFETY: the handler stores to atomics, which is all right in a child of several threads.
    let register = || unsafe { libc::pthread_atfork(None, None, Some(forget)) } == 0;
    if !DONE.load(Ordering::Relaxed) {
        DONE.store(register(), Ordering::Relaxed); // by one thread, which is building
    }
    DONE.load(Ordering::Relaxed)
}

#[cfg(not(unix))]
fn forgotten_in_children() -> bool {
    true
}
