//! The same code compiled twice: for any processor, and for AVX2 where the processor has it.
#![allow(unsafe_code)]

pub(crate) mod lanes;

/// Work that gains from wider instructions.
pub(crate) trait Task {
    type Output;

    /// `#[inline(always)]`, like all that it calls: code gets the instructions of its caller.
    fn run<I: Instructions>(self) -> Self::Output;
}

/// Which instructions may be named.
pub(crate) trait Instructions {
    /// Whether those of AVX2. Only [`run`] names the type for which this is true, and only where the
    /// processor has them; all others pass on what they were given.
    const AVX2: bool;
}

/// Those that every processor of this kind has.
pub(crate) struct Portable;

impl Instructions for Portable {
    const AVX2: bool = false;
}

#[cfg(target_arch = "x86_64")]
struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Instructions for Avx2 {
    const AVX2: bool = true;
}

/// Runs a task with the widest instructions that the processor has.
#[inline]
pub(crate) fn run<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been asked, and has them.
        return unsafe { run_avx2(task) };
    }
    run_portably(task)
}

/// Runs a task with the instructions that every processor of this kind has.
#[inline(always)]
pub(crate) fn run_portably<T: Task>(task: T) -> T::Output {
    task.run::<Portable>()
}

/// Runs a task in one of the two ways.
#[inline(always)]
pub(crate) fn run_either<T: Task>(portably: bool, task: T) -> T::Output {
    if portably { run_portably(task) } else { run(task) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<T: Task>(task: T) -> T::Output {
    task.run::<Avx2>()
}
