//! Dimensions, empty markets and lengths.

use market_core::Argument;
use pyo3::prelude::*;

use crate::arguments::{Array, Given, View};
use crate::errors;
use crate::pins::Pins;

/// The arguments of a clearing, of accepted dtypes.
pub struct Inputs<'a, 'py> {
    py: Python<'py>,
    pub bids: Array<'a, 'py>,
    pub quantities: Array<'a, 'py>,
    pub demand: Array<'a, 'py>,
    pub scarcity_price: Option<Array<'a, 'py>>,
}

/// Where the values are, in shapes that fit together. Valid until Python code runs again.
pub struct Views<'a> {
    pub bids: View<'a>,
    pub quantities: View<'a>,
    pub demand: View<'a>,
    pub scarcity_price: Option<f64>,
}

impl Views<'_> {
    /// Markets, and units in each.
    pub fn shape(&self) -> [usize; 2] {
        [self.demand.rows(), self.bids.units()]
    }
}

impl<'a, 'py> Inputs<'a, 'py> {
    #[inline(always)]
    pub fn one_market(given: &Given<'a, 'py>) -> PyResult<Self> {
        Ok(Self {
            py: given.bids.py(),
            bids: Array::new(Argument::Bids, given.bids)?,
            quantities: Array::new(Argument::Quantities, given.quantities)?,
            demand: Array::scalar(Argument::Demand, given.demand)?,
            scarcity_price: Self::scarcity_price(given)?,
        })
    }

    /// Those of a batch. Each is pinned before the next is looked at, which may run Python code.
    pub fn many_markets(given: &Given<'a, 'py>, pins: &mut Pins<'py>) -> PyResult<Self> {
        let mut pinned = |argument, object| {
            let array = Array::new(argument, object)?;
            array.pin(pins)?;
            PyResult::Ok(array)
        };
        Ok(Self {
            py: given.bids.py(),
            bids: pinned(Argument::Bids, given.bids)?,
            quantities: pinned(Argument::Quantities, given.quantities)?,
            demand: pinned(Argument::Demand, given.demand)?,
            scarcity_price: Self::scarcity_price(given)?,
        })
    }

    #[inline(always)]
    fn scarcity_price(given: &Given<'a, 'py>) -> PyResult<Option<Array<'a, 'py>>> {
        let scalar = |object| Array::scalar(Argument::ScarcityPrice, object);
        given.scarcity_price.map(scalar).transpose()
    }

    pub fn py(&self) -> Python<'py> {
        self.py
    }

    pub fn argument(&self, argument: Argument) -> &Array<'a, 'py> {
        match argument {
            Argument::Bids => &self.bids,
            Argument::Quantities => &self.quantities,
            Argument::Demand => &self.demand,
            Argument::ScarcityPrice => self.scarcity_price.as_ref().unwrap_or(&self.demand),
        }
    }

    /// Views in the shapes of one market.
    #[inline(always)]
    pub fn view_market(&self) -> PyResult<Views<'_>> {
        let (bids, quantities, demand) = self.view_arrays()?;
        if bids.dimensions() != 1 {
            return Err(errors::bad_dimension(&self.bids, "one-dimensional"));
        }
        if quantities.dimensions() != 1 {
            return Err(errors::bad_dimension(&self.quantities, "one-dimensional"));
        }
        if demand.dimensions() != 0 {
            return Err(errors::bad_dimension(&self.demand, "a scalar"));
        }
        let scarcity_price = self.view_scarcity_price()?;
        self.check_units(&bids, &quantities)?;
        Ok(Views { bids, quantities, demand, scarcity_price })
    }

    /// Views in the shapes of a batch.
    pub fn view_markets(&self) -> PyResult<Views<'_>> {
        let (bids, quantities, demand) = self.view_arrays()?;
        let either = "one- or two-dimensional";
        if !matches!(bids.dimensions(), 1 | 2) {
            return Err(errors::bad_dimension(&self.bids, either));
        }
        if !matches!(quantities.dimensions(), 1 | 2) {
            return Err(errors::bad_dimension(&self.quantities, either));
        }
        if demand.dimensions() != 1 {
            return Err(errors::bad_dimension(&self.demand, "one-dimensional"));
        }
        let scarcity_price = self.view_scarcity_price()?;
        self.check_units(&bids, &quantities)?;
        if bids.dimensions() == 2 && bids.rows() != demand.rows() {
            return Err(errors::different_lengths(&self.bids, &self.demand, "markets"));
        }
        if quantities.dimensions() == 2 && quantities.rows() != demand.rows() {
            return Err(errors::different_lengths(&self.quantities, &self.demand, "markets"));
        }
        Ok(Views { bids, quantities, demand, scarcity_price })
    }

    #[inline(always)]
    fn view_arrays(&self) -> PyResult<(View<'_>, View<'_>, View<'_>)> {
        Ok((self.bids.view()?, self.quantities.view()?, self.demand.view()?))
    }

    #[inline(always)]
    fn view_scarcity_price(&self) -> PyResult<Option<f64>> {
        let Some(array) = &self.scarcity_price else {
            return Ok(None);
        };
        let view = array.view()?;
        if view.dimensions() != 0 {
            return Err(errors::bad_dimension(array, "a scalar"));
        }
        Ok(Some(view.value()))
    }

    #[inline(always)]
    fn check_units(&self, bids: &View<'_>, quantities: &View<'_>) -> PyResult<()> {
        if bids.units() == 0 {
            return Err(errors::empty_market(&self.bids));
        }
        if quantities.units() == 0 {
            return Err(errors::empty_market(&self.quantities));
        }
        if bids.units() != quantities.units() {
            return Err(errors::different_lengths(&self.quantities, &self.bids, "units"));
        }
        Ok(())
    }
}
