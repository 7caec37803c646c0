//! One market and many markets, by clearing or by a baseline of the benchmarks.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use market_core::{Error, KEPT_UNITS, Market, Markets, Output, Rules, Scratch};
use pyo3::prelude::*;

use crate::arguments::{Given, SharedRows, floats, number};
use crate::errors;
use crate::outputs::{self, Outputs};
use crate::pins::Pins;
use crate::room;
use crate::shapes::{Inputs, Views};

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
        market: Market<'_>,
        rules: Rules,
        scratch: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Error>;
}

/// The clearing of the specification.
pub struct Clear;

impl Kernel for Clear {
    fn clear<T: Output>(
        market: Market<'_>,
        rules: Rules,
        scratch: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Error> {
        market_core::clear(market, rules, scratch, cleared)
    }
}

/// The same with the instructions that every processor of this kind has.
pub struct Portable;

impl Kernel for Portable {
    fn clear<T: Output>(
        market: Market<'_>,
        rules: Rules,
        scratch: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Error> {
        market_core::clear_portably(market, rules, scratch, cleared)
    }
}

/// No check and no clearing: what is left is the boundary to Python.
pub struct Floor;

impl Kernel for Floor {
    fn clear<T: Output>(
        _: Market<'_>,
        _: Rules,
        _: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Error> {
        cleared.fill(T::from_f64(0.0));
        Ok(0.0)
    }
}

/// The earlier study's algorithm. Bad values are refused: the sort could panic on them.
pub struct Study;

impl Kernel for Study {
    fn clear<T: Output>(
        market: Market<'_>,
        rules: Rules,
        _: &mut Scratch,
        cleared: &mut [T],
    ) -> Result<f64, Error> {
        let Market { bids, quantities, demand } = market;
        market_core::check(bids, quantities, &[demand], rules.scarcity_price)?;
        Ok(market_core::study::clear(bids, quantities, demand, cleared))
    }
}

/// Runs a kernel on one market: (price, cleared).
#[inline(always)]
pub fn one_market<'py, K: Kernel>(
    given: &Given<'_, 'py>,
    rules: Rules,
) -> PyResult<(f64, Bound<'py, PyAny>)> {
    match in_place::<K>(given, rules) {
        Some(result) => Ok(result),
        None => any_market::<K>(given, rules),
    }
}

/// The result, if all values are float64 and can be read where they lie, and nothing is wrong.
///
/// Few units are cleared in less time than it takes to find out what else there may be to do.
#[inline(always)]
fn in_place<'py, K: Kernel>(
    given: &Given<'_, 'py>,
    rules: Rules,
) -> Option<(f64, Bound<'py, PyAny>)> {
    // SAFETY: the GIL is held until the slices are not used any more, and no Python code runs.
    let (bids, quantities) = unsafe { (floats(given.bids)?, floats(given.quantities)?) };
    if bids.is_empty() || bids.len() != quantities.len() {
        return None;
    }
    let market = Market { bids, quantities, demand: number(given.demand)? };
    let scarcity_price = match given.scarcity_price {
        Some(price) => Some(number(price)?),
        None => None,
    };
    let rules = Rules { scarcity_price, ..rules };
    let cleared = outputs::fresh(given.bids.py(), [bids.len()], false).ok()?;
    // SAFETY: the array is fresh, and of float64.
    let cells = unsafe { outputs::cells::<MaybeUninit<f64>>(&cleared) };
    let price = BUFFERS.with_borrow_mut(|buffers| {
        let price = K::clear(market, rules, &mut buffers.scratch, cells);
        if bids.len() > KEPT_UNITS {
            buffers.trim();
        }
        price
    });
    Some((price.ok()?, cleared))
}

/// The result of any arguments, or what is wrong with them.
#[inline(never)]
fn any_market<'py, K: Kernel>(
    given: &Given<'_, 'py>,
    rules: Rules,
) -> PyResult<(f64, Bound<'py, PyAny>)> {
    let inputs = Inputs::one_market(given)?;
    let views = inputs.view_market()?;
    let float32 = inputs.quantities.is_float32();
    let units = views.bids.units();
    let numbers = [units, views.bids.copied(), views.quantities.copied()];
    room::check(numbers.into_iter().map(|numbers| numbers as u128).sum())?;
    let cleared = outputs::fresh(given.bids.py(), [units], float32)?;
    let rules = Rules { scarcity_price: views.scarcity_price, ..rules };
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
                K::clear::<MaybeUninit<f32>>(market, rules, scratch, outputs::cells(&cleared))
            } else {
                K::clear::<MaybeUninit<f64>>(market, rules, scratch, outputs::cells(&cleared))
            }
        };
        buffers.trim();
        price.map_err(Refusal::Core)
    });
    price.map(|price| (price, cleared)).map_err(|refusal| refusal.explain(&inputs))
}

/// Clears many markets: (prices, cleared), or `out`. Without the GIL.
pub fn many_markets<'py>(
    given: &Given<'_, 'py>,
    rules: Rules,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = given.bids.py();
    let mut pins = Pins::default();
    out.map(|out| outputs::pin(out, &mut pins)).transpose()?;
    let inputs = Inputs::many_markets(given, &mut pins)?;
    let outputs = outputs_of(&inputs, out)?;

    market_core::read_environment();
    // All this may have run Python code, after which shapes are taken anew.
    let views = inputs.view_markets()?;
    let rules = Rules { scarcity_price: views.scarcity_price, ..rules };
    // SAFETY: the inputs are pinned.
    let markets = unsafe { markets(&views) };
    let cells = match &outputs {
        // SAFETY: and so are the outputs.
        Ok(outputs) => unsafe { outputs.cells(views.shape()) },
        Err(error) => Err(error.clone_ref(py)),
    };
    let done = match cells {
        Ok(cells) => py.detach(|| cells.receive(markets, rules, threads)),
        Err(error) => {
            let checked = py.detach(|| market_core::check_batch(markets, rules, threads));
            checked.map_err(|error| Refusal::Core(error).explain(&inputs))?;
            return Err(error);
        }
    };
    done.map_err(|error| Refusal::Core(error).explain(&inputs))?;
    outputs?.into_result()
}

/// Where the results go; or what is wrong with `out`, which is told once all values are good.
///
/// # Errors
/// At once, if a shape does not fit, or there is no memory for as many results.
fn outputs_of<'py>(
    inputs: &Inputs<'_, 'py>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<PyResult<Outputs<'py>>> {
    let shape = inputs.view_markets()?.shape();
    let float32 = inputs.quantities.is_float32();
    let fresh = |py| Outputs::fresh(py, shape, float32);
    let Some(out) = out else {
        return Ok(Ok(fresh(inputs.py())?));
    };
    let outputs = Outputs::given(out, inputs, shape, float32);
    if outputs.is_err() {
        fresh(inputs.py())?; // else an absurd number of values would be read first
    }
    Ok(outputs)
}

/// # Safety
/// The memory of the views stays where it is for as long as this is used.
unsafe fn markets(views: &Views<'_>) -> Markets<SharedRows> {
    let [rows, units] = views.shape();
    // SAFETY: the caller vouches for it.
    unsafe {
        Markets {
            rows,
            units,
            bids: SharedRows::of_market(&views.bids),
            quantities: SharedRows::of_market(&views.quantities),
            demand: SharedRows::of_demand(&views.demand),
        }
    }
}

/// Does what [`many_markets`] does around clearing, and writes zeros.
pub fn no_markets<'py>(
    given: &Given<'_, 'py>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut pins = Pins::default();
    out.map(|out| outputs::pin(out, &mut pins)).transpose()?;
    let inputs = Inputs::many_markets(given, &mut pins)?;
    let outputs = outputs_of(&inputs, out)??;
    // SAFETY: the outputs are fresh or pinned.
    let cells = unsafe { outputs.cells(inputs.view_markets()?.shape())? };
    inputs.py().detach(|| cells.zero());
    outputs.into_result()
}

/// Why a call is refused once its shapes are right.
enum Refusal {
    Core(Error),
    Python(PyErr),
}

impl Refusal {
    #[cold]
    fn explain(self, inputs: &Inputs<'_, '_>) -> PyErr {
        match self {
            Self::Core(Error::Fault(fault)) => {
                errors::bad_value(fault, inputs.argument(fault.argument))
            }
            Self::Core(Error::OutOfMemory) => errors::out_of_memory(),
            Self::Python(error) => error,
        }
    }
}

impl From<PyErr> for Refusal {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}
