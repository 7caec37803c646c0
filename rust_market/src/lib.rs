//! The Python module `rust_market`: arguments in, `market_core` called, errors mapped.
//!
//! Every function holds the GIL from beginning to end. Clearing a market takes microseconds, less
//! than handing the interpreter over and getting it back may cost; and while the GIL is held, no
//! other Python thread can change an array that is being read. The module declares this
//! (`gil_used = true`), so a free-threaded interpreter turns the GIL on when it imports it.
//!
//! | module | does |
//! |---|---|
//! | `arguments` | Python objects to arrays and numbers of an accepted dtype, their memory to slices |
//! | `shapes` | dimensions, empty markets, lengths |
//! | `outputs` | fresh arrays, or the caller's `out`, checked |
//! | `options` | `ties` and `threads` |
//! | `kernels` | one market, many markets: clearing, and the baselines of the benchmarks |
//! | `errors` | the sentences |

mod arguments;
mod errors;
mod kernels;
mod options;
mod outputs;
mod shapes;

/// Merit-order clearing of electricity markets, compiled from Rust.
#[pyo3::pymodule(gil_used = true)]
mod rust_market {
    use pyo3::prelude::*;
    use pyo3::types::PyDict;

    use crate::arguments::Given;
    use crate::kernels::{self, Clear, Floor, Study};
    use crate::options::{TiesOption, check_threads};

    #[allow(non_upper_case_globals)]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Clear one market in merit order: (price, cleared).
    #[pyfunction]
    #[pyo3(
        signature = (bids, quantities, demand, *, ties=TiesOption::FIRST, scarcity_price=None),
        text_signature = "(bids, quantities, demand, *, ties='first', scarcity_price=None)"
    )]
    fn clear<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
        ties: TiesOption<'py>,
        scarcity_price: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(f64, Bound<'py, PyAny>)> {
        let given = Given {
            bids,
            quantities,
            demand,
            scarcity_price,
        };
        kernels::one_market(&Clear, &given, ties.check()?)
    }

    /// Clear one market in merit order: `clear` with its default options.
    #[pyfunction]
    fn market_clearing_rust<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
    ) -> PyResult<(f64, Bound<'py, PyAny>)> {
        clear(bids, quantities, demand, TiesOption::FIRST, None)
    }

    /// Clear many markets in merit order: (prices, cleared).
    #[pyfunction]
    #[pyo3(
        signature = (
            bids, quantities, demand, *,
            ties=TiesOption::FIRST, scarcity_price=None, out=None, threads=None
        ),
        text_signature = "(bids, quantities, demand, *, ties='first', scarcity_price=None, out=None, threads=None)"
    )]
    fn clear_batch<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
        ties: TiesOption<'py>,
        scarcity_price: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = Given {
            bids,
            quantities,
            demand,
            scarcity_price,
        };
        let ties = ties.check()?;
        check_threads(threads)?;
        kernels::many_markets(&Clear, &given, ties, out)
    }

    /// How this module was built.
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

    /// What `clear` costs without clearing: the floor of a benchmark.
    #[pyfunction]
    #[pyo3(
        signature = (bids, quantities, demand, *, ties=TiesOption::FIRST, scarcity_price=None),
        text_signature = "(bids, quantities, demand, *, ties='first', scarcity_price=None)"
    )]
    fn _floor<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
        ties: TiesOption<'py>,
        scarcity_price: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(f64, Bound<'py, PyAny>)> {
        let given = Given {
            bids,
            quantities,
            demand,
            scarcity_price,
        };
        kernels::one_market(&Floor, &given, ties.check()?)
    }

    /// What `clear_batch` costs without clearing: the floor of a benchmark.
    #[pyfunction]
    #[pyo3(
        signature = (
            bids, quantities, demand, *,
            ties=TiesOption::FIRST, scarcity_price=None, out=None, threads=None
        ),
        text_signature = "(bids, quantities, demand, *, ties='first', scarcity_price=None, out=None, threads=None)"
    )]
    fn _floor_batch<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
        ties: TiesOption<'py>,
        scarcity_price: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = Given {
            bids,
            quantities,
            demand,
            scarcity_price,
        };
        let ties = ties.check()?;
        check_threads(threads)?;
        kernels::many_markets(&Floor, &given, ties, out)
    }

    /// The earlier study's algorithm: right only on valid, untied markets without scarcity.
    #[pyfunction]
    fn _study_clear<'py>(
        bids: &Bound<'py, PyAny>,
        quantities: &Bound<'py, PyAny>,
        demand: &Bound<'py, PyAny>,
    ) -> PyResult<(f64, Bound<'py, PyAny>)> {
        let given = Given {
            bids,
            quantities,
            demand,
            scarcity_price: None,
        };
        kernels::one_market(&Study, &given, market_core::Ties::First)
    }
}
