//! One market and many markets, by clearing or by a baseline of the benchmarks.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use market_core::{Fault, Markets, MeritOrder, Output, Rules, Ties};
use pyo3::prelude::*;

use crate::arguments::Given;
use crate::errors;
use crate::outputs::{self, Cells, Outputs};
use crate::shapes::{Inputs, Views};

/// Memory kept between calls is for markets of up to so many units (512 KiB an array).
const KEPT_UNITS: usize = 1 << 16;

/// Memory that is reused from call to call; one for each thread.
struct Scratch {
    order: MeritOrder,
    bids: Vec<f64>,
    quantities: Vec<f64>,
    demand: Vec<f64>,
}

impl Scratch {
    const fn new() -> Self {
        Self {
            order: MeritOrder::new(),
            bids: Vec::new(),
            quantities: Vec::new(),
            demand: Vec::new(),
        }
    }

    /// Gives memory back that only an unusually large market needed.
    fn trim(&mut self) {
        self.order.shrink_to(KEPT_UNITS);
        for buffer in [&mut self.bids, &mut self.quantities, &mut self.demand] {
            if buffer.capacity() > KEPT_UNITS {
                *buffer = Vec::new();
            }
        }
    }
}

thread_local! {
    /// No Python code runs while it is borrowed, so a call never meets another one's borrow.
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch::new()) };
}

/// What is done with arguments whose dtypes and shapes are right.
pub trait Kernel {
    /// Whether and where a value is bad.
    fn check(&self, markets: Markets<'_>, rules: Rules) -> Result<(), Fault> {
        let Markets { bids, quantities, demand, .. } = markets;
        market_core::check(bids, quantities, demand, rules.scarcity_price)
    }

    /// Writes every price and every cleared quantity; safe on any bits.
    fn run<T: Output>(
        &self,
        markets: Markets<'_>,
        rules: Rules,
        order: &mut MeritOrder,
        prices: &mut [MaybeUninit<f64>],
        cleared: &mut [T],
    );
}

/// The clearing of the specification.
pub struct Clear;

impl Kernel for Clear {
    fn run<T: Output>(
        &self,
        markets: Markets<'_>,
        rules: Rules,
        order: &mut MeritOrder,
        prices: &mut [MaybeUninit<f64>],
        cleared: &mut [T],
    ) {
        market_core::dispatch_batch(markets, rules, order, prices, cleared);
    }
}

/// No check and no clearing: what is left is the boundary to Python.
pub struct Floor;

impl Kernel for Floor {
    fn check(&self, _: Markets<'_>, _: Rules) -> Result<(), Fault> {
        Ok(())
    }

    fn run<T: Output>(
        &self,
        _: Markets<'_>,
        _: Rules,
        _: &mut MeritOrder,
        prices: &mut [MaybeUninit<f64>],
        cleared: &mut [T],
    ) {
        prices.fill(MaybeUninit::new(0.0));
        cleared.fill(T::from_f64(0.0));
    }
}

/// The earlier study's algorithm. Bad values are refused: the sort could panic on them.
pub struct Study;

impl Kernel for Study {
    fn run<T: Output>(
        &self,
        markets: Markets<'_>,
        _: Rules,
        _: &mut MeritOrder,
        prices: &mut [MaybeUninit<f64>],
        cleared: &mut [T],
    ) {
        let Markets { bids, quantities, demand, .. } = markets;
        let price = market_core::study::clear(bids, quantities, demand[0], cleared);
        prices[0] = MaybeUninit::new(price);
    }
}

/// Runs a kernel on one market: (price, cleared).
pub fn one_market<'py>(
    kernel: &impl Kernel,
    given: &Given<'_, 'py>,
    ties: Ties,
) -> PyResult<(f64, Bound<'py, PyAny>)> {
    let inputs = Inputs::one_market(given)?;
    let views = inputs.view_market()?;
    let float32 = inputs.quantities.is_float32();
    let cleared = outputs::fresh(given.bids.py(), &[views.bids.units()], float32)?;
    let mut price = [MaybeUninit::new(0.0)];
    let cells = Cells::new(&mut price, &cleared, float32);
    run(kernel, &views, ties, Ok(cells)).map_err(|refusal| refusal.explain(&inputs))?;
    // SAFETY: it was initialised above.
    Ok((unsafe { price[0].assume_init() }, cleared))
}

/// Runs a kernel on many markets: (prices, cleared), or `out`.
pub fn many_markets<'py>(
    kernel: &impl Kernel,
    given: &Given<'_, 'py>,
    ties: Ties,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let inputs = Inputs::many_markets(given)?;
    let views = inputs.view_markets()?;
    let shape = [views.demand.rows(), views.bids.units()];
    // A bad `out` is the last fault to be told, but looking at it may run Python code.
    let outputs = Outputs::new(given.bids.py(), out, &inputs, shape);

    let views = inputs.view_markets()?;
    let shape = [views.demand.rows(), views.bids.units()];
    let cells = match &outputs {
        Ok(outputs) => outputs.cells(shape),
        Err(error) => Err(error.clone_ref(given.bids.py())),
    };
    run(kernel, &views, ties, cells).map_err(|refusal| refusal.explain(&inputs))?;
    outputs?.into_result()
}

/// Checks the values, and only then writes to the outputs.
fn run(
    kernel: &impl Kernel,
    views: &Views<'_>,
    ties: Ties,
    cells: PyResult<Cells<'_>>,
) -> Result<(), Refusal> {
    SCRATCH.with_borrow_mut(|scratch| {
        let markets = Markets {
            units: views.bids.units(),
            bids: views.bids.values(&mut scratch.bids)?,
            quantities: views.quantities.values(&mut scratch.quantities)?,
            demand: views.demand.values(&mut scratch.demand)?,
        };
        let rules = Rules { ties, scarcity_price: views.scarcity_price };
        kernel.check(markets, rules)?;
        let order = &mut scratch.order;
        match cells? {
            Cells::Float64(prices, cleared) => kernel.run(markets, rules, order, prices, cleared),
            Cells::Float32(prices, cleared) => kernel.run(markets, rules, order, prices, cleared),
        }
        scratch.trim();
        Ok(())
    })
}

/// Why a call is refused once its shapes are right.
enum Refusal {
    Value(Fault),
    Python(PyErr),
}

impl Refusal {
    #[cold]
    fn explain(self, inputs: &Inputs<'_, '_>) -> PyErr {
        match self {
            Self::Value(fault) => errors::bad_value(fault, inputs.argument(fault.argument)),
            Self::Python(error) => error,
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Value(fault)
    }
}

impl From<PyErr> for Refusal {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}
