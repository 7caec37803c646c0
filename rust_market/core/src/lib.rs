//! Merit-order clearing of electricity markets, without Python.
//!
//! `docs/semantics.md` is the specification, to the last bit; [`reference`](mod@reference) is the
//! same text as plain code. [`clear`] and [`clear_batch`] are the fast versions: they check the
//! values, find the [`Margin`], and write what each unit delivers. Shapes are the caller's business.
//!
//! | module | does |
//! |---|---|
//! | `clearing`, `batch` | one market, many markets |
//! | `margin` | where the merit order meets demand, by one of six ways: |
//! | `pairs` | comparing all pairs of bids, for a handful of units |
//! | `few` | counting ranks, for few |
//! | `buckets` | sorting into buckets, for some |
//! | `blocks`, `absorb` | adding buckets as they lie where order does not count, for many |
//! | `bucket_sums` | adding sums of buckets, for very many |
//! | `merit_order` | a full sort, for shared bids and where the buckets give up |
//! | `scale`, `values` | where a bid lies among all, looking through values |
//! | `dispatch`, `output` | what each unit delivers, from the margin; the types it is told in |
//! | `batch_lanes`, `lanes` | some rows of a batch at once; markets of few units in lanes |
//! | `rows`, `common`, `results` | where a batch's values come from, what they share, where results go |
//! | `step` | the environments' step; [`reference_step`] is the same as plain code |
//! | `model`, `environments` | what a step takes: constants; where environments are, room for results |
//! | `step_rows`, `others` | steps one after the other; markets in which one unit decides |
//! | `step_lanes` | steps of some environments at once, in lanes |
//! | `rules`, `fault` | what a market may set, and what may be wrong with values |
//! | `cpu`, `pool`, `affinity` | wider instructions, more threads, on which processors they wake |
//! | `stages` | the stages of a clearing, to be timed |
//! | `study` | the earlier study's kernel, to compare with |
#![deny(unsafe_code)]

mod absorb;
#[cfg(target_os = "linux")]
mod affinity;
mod batch;
mod batch_lanes;
mod blocks;
mod bucket_sums;
mod buckets;
mod clearing;
mod common;
mod cpu;
mod dispatch;
mod environments;
mod fault;
mod few;
mod lanes;
mod margin;
mod merit_order;
mod model;
mod others;
mod output;
mod pairs;
mod pool;
pub mod reference;
pub mod reference_step;
mod results;
mod rows;
mod rules;
mod scale;
#[cfg(feature = "stages")]
pub mod stages;
mod step;
mod step_lanes;
mod step_rows;
pub mod study;
mod values;

pub use batch::{check_batch, clear_batch, clear_batch_portably};
pub use clearing::{Market, clear, clear_portably};
pub use environments::{Outcome, Refusal, State};
pub use fault::{Argument, Code, Fault, check};
pub use margin::{KEPT_UNITS, MOST_NUMBERS_A_UNIT, Margin, Scratch};
pub use merit_order::MeritOrder;
pub use model::Model;
pub use output::Output;
pub use pool::read_environment;
pub use results::{Fresh, Results, Shared, Visible};
pub use rows::{Markets, Matrix, Rows};
pub use rules::{DEFAULT_TOLERANCE, Rules, Ties};
pub use step::{step_batch, step_batch_portably};
