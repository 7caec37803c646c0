//! Merit-order clearing of electricity markets, without Python.
//!
//! `docs/semantics.md` is the specification, to the last bit; [`reference`](mod@reference) is the
//! same text as plain code. [`clear`] and [`clear_batch`] are the fast versions: they check the
//! values, find the [`Margin`], and write what each unit delivers. Shapes are the caller's business.
//!
//! | module | does |
//! |---|---|
//! | `clearing`, `market` | one market |
//! | `margin` | where the merit order meets demand; `scratch` chooses the way by the number of units: |
//! | &emsp;`all_pairs` | comparing all pairs of bids |
//! | &emsp;`rank_count` | counting for each unit how many come before it |
//! | &emsp;`bucket_walk` | sorting into buckets, and a walk that puts them in order up to demand |
//! | &emsp;`bucket_blocks`, `absorb` | sorting into fewer buckets, and adding them as they lie where order does not count |
//! | &emsp;`bucket_sums` | adding up each bucket without moving a unit |
//! | &emsp;`full_sort` | a full sort, for shared bids and where bids defeat the buckets |
//! | &emsp;`scale` | where a bid lies among all |
//! | `dispatch`, `output` | what each unit delivers, from the margin; the types it is told in |
//! | `batch` | many markets: `rows` and `results` say where values come from and go, `common` is what rows share, `lanes` clears some rows at once |
//! | `step` | the environments' step: `model` and `environments` are what it takes, `rows` takes one after the other, `lanes` some at once, `others` are the markets in which one unit decides |
//! | `simd` | the same code compiled for wider instructions; `lanes` are markets in the lanes of vectors |
//! | `thresholds` | up to how many units which way is the fastest |
//! | `rules`, `fault`, `error` | what a market may set, what may be wrong with values, why nothing is cleared |
//! | `values` | looking through values, and memory for them |
//! | `pool`, `affinity` | more threads, on which processors they wake |
//! | [`reference`](mod@reference), [`reference_step`] | the specification as plain code |
//! | `stages` | the stages of a clearing, to be timed |
//! | `study` | the earlier study's kernel, to compare with |
#![deny(unsafe_code)]

#[cfg(target_os = "linux")]
mod affinity;
mod batch;
mod clearing;
mod dispatch;
mod error;
mod fault;
mod margin;
mod market;
mod output;
mod pool;
pub mod reference;
pub mod reference_step;
mod rules;
mod simd;
#[cfg(feature = "stages")]
pub mod stages;
mod step;
pub mod study;
mod thresholds;
mod values;

pub use batch::results::{Fresh, Results, Shared, Visible};
pub use batch::rows::{Markets, Matrix, Rows};
pub use batch::{check_batch, clear_batch, clear_batch_portably};
pub use clearing::{clear, clear_portably};
pub use error::{Error, OutOfMemory};
pub use fault::{Argument, Code, Fault, check};
pub use margin::Margin;
pub use margin::full_sort::MeritOrder;
pub use margin::scratch::{MOST_NUMBERS_A_UNIT, Scratch};
pub use market::Market;
pub use output::Output;
pub use pool::read_environment;
pub use rules::{DEFAULT_TOLERANCE, Rules, Ties};
pub use step::environments::{Outcome, Refusal, State};
pub use step::model::Model;
pub use step::{step_batch, step_batch_portably};
pub use thresholds::KEPT_UNITS;
