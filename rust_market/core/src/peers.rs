//! Markets that differ in one unit only: a learner's, among peers that always offer the same.
//!
//! The peers are sorted once. In each market the learner goes where its bid belongs, and supply is
//! added up; several markets at a time, one in a lane of a vector, without a branch that depends on
//! them.

use std::array::from_fn;

use crate::margin::positive_zero;
use crate::merit_order::MeritOrder;
use crate::rules::Rules;

/// So many markets are cleared at once.
pub(crate) const LANES: usize = 8;

type Lanes = [f64; LANES];
type Counts = [u64; LANES];

/// How many peers are added up between two looks whether all markets are done.
const BLOCK: usize = 8;

/// The units other than the learner in merit order, and the memory to sort them.
#[derive(Debug)]
pub(crate) struct Peers {
    order: MeritOrder,
    bids: Vec<f64>,
    quantities: Vec<f64>,
    /// As many of the peers come before the learner where bids tie.
    learner: usize,
    /// Whether each peer has a lower index than the learner, which decides where bids tie.
    earlier: Vec<bool>,
}

/// Markets that were cleared.
pub(crate) struct Cleared {
    bids: Lanes,
    quantities: Lanes,
    demand: Lanes,
    /// How many peers come before the learner.
    place: Counts,
    /// Rank of the marginal unit, or how many units there are.
    marginal: Counts,
    /// Supply before that.
    before: Lanes,
}

/// One market that was cleared.
pub(crate) struct Lane {
    pub price: f64,
    /// What the learner delivers.
    pub amount: f64,
    /// Of all units, where that is less than demand; else no less than demand.
    pub supply: f64,
}

impl Peers {
    pub const fn new() -> Self {
        Self {
            order: MeritOrder::new(),
            bids: Vec::new(),
            quantities: Vec::new(),
            learner: 0,
            earlier: Vec::new(),
        }
    }

    /// Takes the offers of all units, and forgets the learner's; nothing where all act.
    pub fn sort(&mut self, bids: &[f64], quantities: &[f64], learner: Option<usize>) {
        for buffer in [&mut self.bids, &mut self.quantities] {
            buffer.clear();
        }
        self.earlier.clear();
        let Some(learner) = learner else { return };
        self.learner = learner;
        self.order.sort(bids);
        for unit in self.order.units().filter(|&unit| unit != learner) {
            self.bids.push(bids[unit]);
            self.quantities.push(positive_zero(quantities[unit]));
            self.earlier.push(unit < learner);
        }
    }

    /// Clears markets, given the learner's bids and quantities and their demand.
    #[inline(always)]
    pub fn clear(&self, bids: &Lanes, quantities: &Lanes, demand: &Lanes) -> Cleared {
        let place = self.places(bids);
        let quantities = quantities.map(positive_zero);
        let demand = demand.map(positive_zero);
        let mut supply = [0.0; LANES];
        let mut before = [0.0; LANES];
        let mut marginal = [0; LANES];
        let units = self.bids.len() + 1;
        for rank in 0..units {
            // Of the peers this rank has the learner's predecessor or its successor.
            let lower = self.quantities.get(rank).copied().unwrap_or(0.0);
            let upper = if rank > 0 { self.quantities[rank - 1] } else { 0.0 };
            let rank = rank as u64;
            let quantity: Lanes = from_fn(|lane| {
                let peer = if rank < place[lane] { lower } else { upper };
                if rank == place[lane] { quantities[lane] } else { peer }
            });
            let total: Lanes = from_fn(|lane| supply[lane] + quantity[lane]);
            // Supply never falls, so once it has reached demand it stays there.
            let short: [bool; LANES] = from_fn(|lane| total[lane] < demand[lane]);
            before = from_fn(|lane| if short[lane] { total[lane] } else { before[lane] });
            marginal = from_fn(|lane| marginal[lane] + u64::from(short[lane]));
            supply = total;
            if rank as usize % BLOCK == BLOCK - 1 && !short.into_iter().any(|short| short) {
                break;
            }
        }
        Cleared { bids: *bids, quantities, demand, place, marginal, before }
    }

    /// How many peers come before the learner: those that bid less, or the same and are earlier.
    #[inline(always)]
    fn places(&self, bids: &Lanes) -> Counts {
        let mut places = [0; LANES];
        for (&bid, &earlier) in self.bids.iter().zip(&self.earlier) {
            // Of two equal bids, a bit less than one of them decides.
            places = from_fn(|lane| {
                let first = (bid < bids[lane]) | ((bid == bids[lane]) & earlier);
                places[lane] + u64::from(first)
            });
        }
        places
    }
}

impl Cleared {
    /// The market in one lane.
    #[inline(always)]
    pub fn lane(&self, lane: usize, peers: &Peers, rules: Rules) -> Lane {
        let (place, marginal) = (self.place[lane] as usize, self.marginal[lane] as usize);
        let (bid, quantity) = (self.bids[lane], self.quantities[lane]);
        let units = peers.bids.len() + 1;
        let scarce = marginal == units;
        let rank = marginal.min(units - 1);
        let last = match rank {
            _ if rank == place => bid,
            _ if rank < place => peers.bids[rank],
            _ => peers.bids[rank - 1],
        };
        let rest = (self.demand[lane] - self.before[lane]).min(quantity);
        Lane {
            price: if scarce { rules.scarcity_price.unwrap_or(last) } else { last },
            amount: if place < marginal {
                quantity
            } else if place == marginal {
                rest
            } else {
                0.0
            },
            supply: if scarce { self.before[lane] } else { self.demand[lane] },
        }
    }
}
