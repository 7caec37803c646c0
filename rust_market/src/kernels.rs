//! One market and many markets, by clearing or by a baseline of the benchmarks.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use market_core::{Fault, KEPT_UNITS, Market, Markets, Output, Rules, Scratch, Ties};
use pyo3::prelude::*;

use crate::arguments::{Given, SharedRows};
use crate::errors;
use crate::outputs::{self, Outputs};
use crate::shapes::Inputs;

/// Memory that is reused from call to call; one for each thread.
struct Buffers {
    scratch: Scratch,
    bids: Vec<f64>,
    quantities: Vec<f64>,
}

impl Buffers {
    const fn new(scratch: Scratch) -> Self {
        Self { scratch, bids: Vec::new(), quantities: Vec::new() }
    }

    /// Gives memory back that only an unusually large market needed.
    fn trim(&mut self) {
        self.scratch.shrink_to(KEPT_UNITS);
        for buffer in [&mut self.bids, &mut self.quantities] {
            if buffer.capacity() > KEPT_UNITS {
                *buffer = Vec::new();
            }
        }
    }
}

thread_local! {
    /// No Python code runs while they are borrowed, so a call never meets another one's borrow.
    static BUFFERS: RefCell<Buffers> = const { RefCell::new(Buffers::new(Scratch::new())) };
}

/// What is done with one market whose dtypes and shapes are right.
pub trait Kernel {
    /// Checks the values, writes every cleared quantity and returns the price.
    fn clear<T: Output>(
        &self,
        market: Market<'_>,
        rules: Rules,
        scratch: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Fault>;
}

/// The clearing of the specification.
pub struct Clear;

impl Kernel for Clear {
    fn clear<T: Output>(
        &self,
        market: Market<'_>,
        rules: Rules,
        scratch: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Fault> {
        market_core::clear(market, rules, scratch, cleared)
    }
}

/// The same with the instructions that every processor of this kind has.
pub struct Portable;

impl Kernel for Portable {
    fn clear<T: Output>(
        &self,
        market: Market<'_>,
        rules: Rules,
        scratch: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Fault> {
        market_core::clear_portably(market, rules, scratch, cleared)
    }
}

/// No check and no clearing: what is left is the boundary to Python.
pub struct Floor;

impl Kernel for Floor {
    fn clear<T: Output>(
        &self,
        _: Market<'_>,
        _: Rules,
        _: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Fault> {
        cleared.fill(T::from_f64(0.0));
        Ok(0.0)
    }
}

/// The earlier study's algorithm. Bad values are refused: the sort could panic on them.
pub struct Study;

impl Kernel for Study {
    fn clear<T: Output>(
        &self,
        market: Market<'_>,
        rules: Rules,
        _: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Fault> {
        let Market { bids, quantities, demand } = market;
        market_core::check(bids, quantities, &[demand], rules.scarcity_price)?;
        Ok(market_core::study::clear(bids, quantities, demand, cleared))
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
    let rules = Rules { ties, scarcity_price: views.scarcity_price, ..Rules::default() };
    let price = BUFFERS.with_borrow_mut(|buffers| {
        let market = Market {
            bids: views.bids.values(&mut buffers.bids)?,
            quantities: views.quantities.values(&mut buffers.quantities)?,
            demand: views.demand.value(),
        };
        let scratch = &mut buffers.scratch;
        // SAFETY: the array is fresh, and of this dtype.
        let price = unsafe {
            if float32 {
                kernel.clear::<MaybeUninit<f32>>(market, rules, scratch, outputs::cells(&cleared))
            } else {
                kernel.clear::<MaybeUninit<f64>>(market, rules, scratch, outputs::cells(&cleared))
            }
        };
        buffers.trim();
        price.map_err(Refusal::Value)
    });
    price.map(|price| (price, cleared)).map_err(|refusal| refusal.explain(&inputs))
}

/// Clears many markets: (prices, cleared), or `out`. Without the GIL.
pub fn many_markets<'py>(
    given: &Given<'_, 'py>,
    ties: Ties,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = given.bids.py();
    let inputs = Inputs::many_markets(given)?;
    let views = inputs.view_markets()?;
    let shape = [views.demand.rows(), views.bids.units()];
    // A bad `out` is the last fault to be told, but looking at it may run Python code.
    let outputs = Outputs::new(py, out, &inputs, shape);

    let views = inputs.view_markets()?;
    let shape = [views.demand.rows(), views.bids.units()];
    let rules = Rules { ties, scarcity_price: views.scarcity_price, ..Rules::default() };
    let markets = Markets {
        rows: shape[0],
        units: shape[1],
        bids: SharedRows::of_market(&views.bids),
        quantities: SharedRows::of_market(&views.quantities),
        demand: SharedRows::of_demand(&views.demand),
    };
    let cells = match &outputs {
        Ok(outputs) => outputs.cells(shape),
        Err(error) => Err(error.clone_ref(py)),
    };
    let done = match cells {
        Ok(cells) => py.detach(|| cells.receive(markets, rules, threads)),
        Err(error) => {
            let checked = py.detach(|| market_core::check_batch(markets, rules, threads));
            checked.map_err(|fault| Refusal::Value(fault).explain(&inputs))?;
            return Err(error);
        }
    };
    done.map_err(|fault| Refusal::Value(fault).explain(&inputs))?;
    outputs?.into_result()
}

/// Does what [`many_markets`] does around clearing, and writes zeros.
pub fn no_markets<'py>(
    given: &Given<'_, 'py>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let inputs = Inputs::many_markets(given)?;
    let views = inputs.view_markets()?;
    let shape = [views.demand.rows(), views.bids.units()];
    let outputs = Outputs::new(given.bids.py(), out, &inputs, shape)?;
    let cells = outputs.cells(shape)?;
    given.bids.py().detach(|| cells.zero());
    outputs.into_result()
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

impl From<PyErr> for Refusal {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}
