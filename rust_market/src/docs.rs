//! The names and docstrings of functions that PyO3 does not make.

use std::ffi::CStr;

use crate::calls::Function;
use crate::kernels::{Clear, Floor, Portable};

impl Function for Clear {
    const NAME: &CStr = c"clear";
    const DOC: &CStr =
        c"clear(bids, quantities, demand, *, ties='first', scarcity_price=None, tolerance=1e-09)
--

Clear one market in merit order.

Parameters
----------
bids : array_like, shape (n,)
    What each unit asks for, in currency/MWh; finite, may be negative.
quantities : array_like, shape (n,)
    What each unit offers, in MW; finite, not negative.
demand : array_like, scalar
    Demand in MW; finite, not negative.
ties : {\"first\", \"pro_rata\"}
    Who delivers where bids equal the price: the units with the lowest indices, or all of
    them in proportion to their quantities.
scarcity_price : array_like, scalar, optional
    Price in currency/MWh where supply does not reach demand; finite, any sign. Without it,
    the highest bid of a unit that offers something is the price then.
tolerance : float
    The share of demand that supply may lack and still reach it; at least 0, less than 1.

Returns
-------
price : float
    Bid of the marginal unit, in currency/MWh.
cleared : ndarray, shape (n,)
    What each unit delivers, in MW; float32 where `quantities` is float32, else float64.

Raises
------
TypeError
    If an input is, after `numpy.asarray`, neither float64, float32 nor integer, or if
    something in it is masked.
ValueError
    If an option is unknown, a shape does not fit, the market is empty, or a number is not
    finite or is negative where it must not be. The message names the argument, the index
    and the value.";
}

impl Function for Portable {
    const NAME: &CStr = c"_clear_portable";
    const DOC: &CStr = c"_clear_portable(bids, quantities, demand, *, ties='first', scarcity_price=None, tolerance=1e-09)
--

Do what `clear` does, with the instructions that every processor of this kind has.";
}

impl Function for Floor {
    const NAME: &CStr = c"_floor";
    const DOC: &CStr =
        c"_floor(bids, quantities, demand, *, ties='first', scarcity_price=None, tolerance=1e-09)
--

Do what `clear` does around clearing: price 0.0, nothing dispatched, values unchecked.";
}
