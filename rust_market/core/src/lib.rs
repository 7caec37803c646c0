//! Merit-order clearing of electricity markets, without Python.
//!
//! `docs/semantics.md` is the specification, to the last bit; [`reference`](mod@reference) is the
//! same text as plain code. [`clear`] and [`clear_batch`] are the fast versions: they check the
//! values, find the [`Margin`], and write what each unit delivers. Shapes are the caller's business.
//!
//! | module | does |
//! |---|---|
//! | `clearing`, `batch` | one market, many markets |
//! | `margin` | where the merit order meets demand, by one of four ways: |
//! | `few` | counting ranks, for few units |
//! | `buckets` | sorting into buckets, for some |
//! | `blocks`, `absorb` | adding buckets as they lie where order does not count, for many |
//! | `merit_order` | a full sort, for shared bids and where the buckets give up |
//! | `scale`, `lanes` | where a bid lies among all, searches through values |
//! | `dispatch` | what each unit delivers, from the margin |
//! | `rows`, `common`, `results` | where a batch's values come from, what they share, where results go |
//! | `cpu`, `pool` | wider instructions, more threads |
#![deny(unsafe_code)]

mod absorb;
mod batch;
mod blocks;
mod buckets;
mod clearing;
mod common;
mod cpu;
mod dispatch;
mod fault;
mod few;
mod lanes;
mod margin;
mod merit_order;
mod output;
mod pool;
pub mod reference;
mod results;
mod rows;
mod rules;
mod scale;
pub mod study;

pub use batch::{check_batch, clear_batch};
pub use clearing::{Market, clear, clear_portably};
pub use fault::{Argument, Code, Fault, check};
pub use margin::{KEPT_UNITS, Margin, Scratch};
pub use merit_order::MeritOrder;
pub use output::Output;
pub use results::{Fresh, Results, Shared, Visible};
pub use rows::{Markets, Matrix, Rows};
pub use rules::{Rules, Ties};
