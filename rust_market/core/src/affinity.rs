//! On which processors a pool's threads wake up.

use std::sync::{Mutex, MutexGuard, TryLockError};

use rayon::ThreadPool;
use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// Telling more threads takes long, and among more processors one is likely to be idle.
const MOST_THREADS: usize = 8;

/// Keeps a pool's threads off the processor on which the caller runs.
///
/// Left alone, Linux often wakes a thread right there although another processor is idle; it then
/// waits until the caller has done all the work. Where the system refuses, nothing is lost.
pub(crate) struct Affinity {
    threads: Vec<Pid>,
    /// Where they may run, once that was told.
    told: Mutex<Option<CpuSet>>,
}

/// While it lives, no other caller moves the threads.
pub(crate) type Kept<'a> = Option<MutexGuard<'a, Option<CpuSet>>>;

impl Affinity {
    pub(crate) fn new(pool: &ThreadPool) -> Self {
        let few = pool.current_num_threads() <= MOST_THREADS;
        let threads = if few { pool.broadcast(|_| gettid()) } else { Vec::new() };
        Self { threads, told: Mutex::new(None) }
    }

    /// Lets them run where the caller may, but not where it does; `None` if another caller has them.
    ///
    /// It costs one system call, and one more for each thread where that is not what they were told
    /// last. Does nothing where the caller may run on one processor only, or the system does not tell.
    pub(crate) fn spare_caller(&self) -> Kept<'_> {
        let mut told = match self.told.try_lock() {
            Ok(told) => told,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        if let Some(others) = others()
            && *told != Some(others)
        {
            *told = Some(others);
            for &thread in &self.threads {
                let _ = sched_setaffinity(Some(thread), &others);
            }
        }
        Some(told)
    }
}

/// The processors on which the caller may run, but for the one on which it does.
fn others() -> Option<CpuSet> {
    let mut others = sched_getaffinity(None).ok()?;
    let here = sched_getcpu();
    if here < CpuSet::MAX_CPU {
        others.unset(here);
    }
    (others.count() > 0).then_some(others)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rayon::ThreadPoolBuilder;

    use super::*;

    fn pool(threads: usize) -> ThreadPool {
        ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
    }

    fn masks(pool: &ThreadPool) -> Vec<CpuSet> {
        pool.broadcast(|_| sched_getaffinity(None).expect("a mask"))
    }

    fn only(processor: usize) -> CpuSet {
        let mut one = CpuSet::new();
        one.set(processor);
        one
    }

    /// Runs this in a thread that is pinned to each of the processors in turn.
    fn pinned_in_turn(mut check: impl FnMut(usize, &CpuSet) + Send) {
        let all = sched_getaffinity(None).expect("a mask");
        let check = &mut check;
        thread::scope(|scope| {
            scope.spawn(move || {
                for processor in (0..CpuSet::MAX_CPU).filter(|&one| all.is_set(one)) {
                    sched_setaffinity(None, &only(processor)).expect("one of its own");
                    check(processor, &all);
                }
            });
        });
    }

    #[test]
    fn threads_are_kept_off_the_caller_wherever_it_goes() {
        let pool = pool(2);
        let affinity = Affinity::new(&pool);
        pinned_in_turn(|processor, all| {
            drop(affinity.spare_caller()); // must not be kept for a caller that may run anywhere
            sched_setaffinity(None, all).expect("what it had");
            let told = *affinity.spare_caller().expect("no other caller");
            if let Some(told) = told {
                assert_eq!(told.count() + 1, all.count());
                assert_eq!(masks(&pool), [told, told], "pinned to {processor} before");
            } else {
                assert_eq!(all.count(), 1);
            }
        });
    }

    #[test]
    fn threads_of_a_caller_that_is_pinned_are_left_alone() {
        let pool = pool(2);
        let affinity = Affinity::new(&pool);
        let before = masks(&pool);
        pinned_in_turn(|processor, _| {
            assert!(affinity.spare_caller().is_some());
            assert_eq!(masks(&pool), before, "pinned to {processor}");
        });
    }

    #[test]
    fn threads_of_a_large_pool_are_left_alone() {
        let pool = pool(MOST_THREADS + 1);
        let before = masks(&pool);
        drop(Affinity::new(&pool).spare_caller());
        assert_eq!(masks(&pool), before);
    }

    #[test]
    fn one_caller_has_them_at_a_time() {
        let affinity = Affinity::new(&pool(2));
        let kept = affinity.spare_caller();
        assert!(kept.is_some());
        assert!(affinity.spare_caller().is_none());
        drop(kept);
        assert!(affinity.spare_caller().is_some());
    }

    #[test]
    fn a_caller_that_panicked_does_not_keep_them() {
        let affinity = Affinity::new(&pool(2));
        let panicked = thread::scope(|scope| {
            let caller = scope.spawn(|| {
                let _kept = affinity.spare_caller();
                panic!("as a test");
            });
            caller.join().is_err()
        });
        assert!(panicked && affinity.spare_caller().is_some());
    }
}
