//! The Python module `rust_market`: arguments in, `market_core` called, errors mapped.
//!
//! Clearing one market holds the GIL from beginning to end: it takes microseconds, less than
//! handing the interpreter over and getting it back may cost. So no Python code changes its arrays
//! meanwhile; code that writes them without the GIL must not run then. Clearing a batch lets go of
//! it, and may use several threads. Other Python threads can change the arrays then, so values are
//! read atomically, each row once; a batch that is changed meanwhile is cleared as it was read. That
//! the module needs the GIL otherwise it declares (`gil_used = true`), so a free-threaded interpreter
//! turns the GIL on when it imports it.
//!
//! The environments' step holds it, too, and may use several threads: they run no Python.
//!
//! | module | does |
//! |---|---|
//! | `calls`, `docs` | functions whose arguments are found by hand; their names and docstrings |
//! | `arguments` | Python objects to arrays and numbers of an accepted dtype, their memory to values |
//! | `masks` | what is masked, which is refused |
//! | `shapes` | dimensions, empty markets, lengths |
//! | `outputs` | fresh arrays, or the caller's `out`, checked |
//! | `room` | whether the machine has memory for so many numbers |
//! | `pins` | arrays whose memory stays where it is while the GIL is let go |
//! | `options` | `ties`, `tolerance` and `threads` |
//! | `kernels` | one market, many markets: clearing, and the baselines of the benchmarks |
//! | `step` | the environments' step |
//! | `fields` | the fields of its tuples, checked |
//! | `types` | NumPy's types |
//! | `errors` | the sentences |

mod arguments;
mod calls;
mod docs;
mod errors;
mod fields;
mod kernels;
mod masks;
mod options;
mod outputs;
mod pins;
mod room;
mod shapes;
mod step;
mod types;

/// Merit-order clearing of electricity markets, compiled from Rust.
#[pyo3::pymodule(gil_used = true)]
#[allow(clippy::too_many_arguments)] // as many as Python's
mod rust_market {
    use market_core::Rules;
    use numpy::{IntoPyArray, PyArray1};
    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;
    use pyo3::types::PyDict;

    use crate::arguments::Given;
    use crate::calls;
    use crate::kernels::{self, Clear, Floor, Portable, Study};
    use crate::options::{TiesOption, ToleranceOption, check_rules, check_threads};
    use crate::step;
    use crate::types;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        types::find(module.py())?;
        calls::add::<Clear>(module)?;
        calls::add::<Portable>(module)?;
        calls::add::<Floor>(module)
    }

    #[allow(non_upper_case_globals)]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Clear one market in merit order: `clear` with its default options.
    #[pyfunction]
    fn market_clearing_rust<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
    ) -> PyResult<(f64, Bound<'py, PyAny>)> {
        let given = Given { bids, quantities, demand, scarcity_price: None };
        kernels::one_market::<Clear>(&given, Rules::default())
    }

    /// Clear many markets in merit order; row by row what `clear` returns.
    ///
    /// Parameters
    /// ----------
    /// bids : array_like, shape (N,) or (B, N)
    ///     As in `clear`; one-dimensional bids are sorted once for all markets.
    /// quantities : array_like, shape (N,) or (B, N)
    ///     As in `clear`.
    /// demand : array_like, shape (B,)
    ///     As in `clear`. Axes of length one do not broadcast.
    /// ties, scarcity_price, tolerance
    ///     As in `clear`, the same for all markets.
    /// out : (prices, cleared), optional
    ///     Arrays that receive the results: of exactly their shapes and dtypes, C-contiguous,
    ///     aligned and writeable, overlapping neither the inputs nor each other.
    /// threads : int, optional
    ///     The most threads to use, at least 1. Without it, one for each processor, or fewer if
    ///     the environment variable `RAYON_NUM_THREADS` says so. A small batch takes one.
    ///
    /// Returns
    /// -------
    /// prices : ndarray of float64, shape (B,)
    ///     Price of each market, in currency/MWh.
    /// cleared : ndarray, shape (B, N)
    ///     What each unit delivers, in MW; float32 where `quantities` is float32, else float64.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     As `clear`, and for an `out` or `threads` that does not fit. Nothing is written then.
    #[pyfunction]
    #[pyo3(
        signature = (
            bids, quantities, demand, *,
            ties=TiesOption::FIRST, scarcity_price=None, tolerance=ToleranceOption::DEFAULT,
            out=None, threads=None
        ),
        text_signature = "(bids, quantities, demand, *, ties='first', scarcity_price=None, tolerance=1e-09, out=None, threads=None)"
    )]
    fn clear_batch<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
        ties: TiesOption<'py>,
        scarcity_price: Option<&Bound<'py, PyAny>>,
        tolerance: ToleranceOption<'py>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = Given { bids, quantities, demand, scarcity_price };
        let rules = check_rules(ties, tolerance)?;
        let threads = check_threads(threads)?;
        kernels::many_markets(&given, rules, out, threads)
    }

    /// Take one hour in every active environment, and observe all of them.
    ///
    /// Parameters
    /// ----------
    /// model : tuple
    ///     Fields of `easy_marl.market.stepping.Model`, in their order.
    /// state : tuple
    ///     Fields of `State`; hours of active environments are set forward.
    /// actions : ndarray of float32, shape (B, M, 2)
    ///     What the M agents that act do, in each of B environments.
    /// outcome : tuple
    ///     Fields of `Outcome`, which are overwritten. They and `hours` must not overlap anything.
    /// threads : int, optional
    ///     The most threads to use, at least 1; as in `clear_batch`.
    ///
    /// Returns
    /// -------
    /// int
    ///     -1; or the position of the first action that an active environment must not take, NaN
    ///     or outside [-1, 1]. Nothing is written then.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     If a field is not what it must be: arrays are C-contiguous, of exactly their dtype and
    ///     shape, and not masked; numbers are finite, and hours are those of an episode. The
    ///     message names the field. Nothing is written then. What is in the arrays of the model and
    ///     in demand is not looked through.
    #[pyfunction]
    #[pyo3(signature = (model, state, actions, outcome, *, threads=None))]
    fn step_batch(
        model: &Bound<'_, PyAny>,
        state: &Bound<'_, PyAny>,
        actions: &Bound<'_, PyAny>,
        outcome: &Bound<'_, PyAny>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<i64> {
        step::step_batch(&step::Given { model, state, actions, outcome }, threads)
    }

    /// Return how this module was built.
    ///
    /// Returns
    /// -------
    /// dict
    ///     `version`, `profile` ("release" or "debug"), `target` (triple), `rustc` (version) and
    ///     `source_hash` (SHA-256 of the Rust sources and manifests).
    #[pyfunction]
    fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let info = PyDict::new(py);
        info.set_item("version", __version__)?;
        info.set_item("profile", env!("RUST_MARKET_PROFILE"))?;
        info.set_item("target", env!("RUST_MARKET_TARGET"))?;
        info.set_item("rustc", env!("RUST_MARKET_RUSTC"))?;
        info.set_item("source_hash", env!("RUST_MARKET_SOURCE_HASH"))?;
        Ok(info)
    }

    /// Do what `clear_batch` does around clearing: zeros, values unchecked.
    #[pyfunction]
    #[pyo3(
        signature = (
            bids, quantities, demand, *,
            ties=TiesOption::FIRST, scarcity_price=None, tolerance=ToleranceOption::DEFAULT,
            out=None, threads=None
        ),
        text_signature = "(bids, quantities, demand, *, ties='first', scarcity_price=None, tolerance=1e-09, out=None, threads=None)"
    )]
    fn _floor_batch<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
        ties: TiesOption<'py>,
        scarcity_price: Option<&Bound<'py, PyAny>>,
        tolerance: ToleranceOption<'py>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = Given { bids, quantities, demand, scarcity_price };
        check_rules(ties, tolerance)?;
        check_threads(threads)?;
        kernels::no_markets(&given, out)
    }

    /// Clear as the earlier study did: right only on valid, untied markets without scarcity.
    #[pyfunction]
    fn _study_clear<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
    ) -> PyResult<(f64, Bound<'py, PyAny>)> {
        let given = Given { bids, quantities, demand, scarcity_price: None };
        kernels::one_market::<Study>(&given, Rules::default())
    }

    /// Clear as `_study_clear` does, with arguments copied element by element into `Vec<f64>`.
    #[pyfunction]
    fn _study_clear_copying<'py>(
        py: Python<'py>,
        bids: Vec<f64>,
        quantities: Vec<f64>,
        demand: f64,
    ) -> PyResult<(f64, Bound<'py, PyArray1<f64>>)> {
        if bids.is_empty() || bids.len() != quantities.len() || !bids.iter().all(|b| b.is_finite())
        {
            return Err(PyValueError::new_err("the study's function takes valid markets only"));
        }
        let mut cleared = vec![0.0; bids.len()];
        let price = market_core::study::clear(&bids, &quantities, demand, &mut cleared);
        Ok((price, cleared.into_pyarray(py)))
    }
}
