//! Merit-order clearing of electricity markets, without Python.
//!
//! `docs/semantics.md` is the specification, to the last bit; [`reference`](mod@reference) is the
//! same text as plain code. [`clear`] and [`clear_batch`] are the fast versions: they check the
//! values, sort once ([`MeritOrder`]) and dispatch. Shapes are the caller's business.
#![forbid(unsafe_code)]

mod clearing;
mod fault;
mod merit_order;
mod output;
pub mod reference;
mod rules;
pub mod study;

pub use clearing::{Markets, clear, clear_batch, dispatch, dispatch_batch};
pub use fault::{Argument, Code, Fault, check};
pub use merit_order::MeritOrder;
pub use output::Output;
pub use rules::{Rules, Ties};
