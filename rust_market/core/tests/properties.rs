//! What a user of the fast clearing relies on, on adversarial markets.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use market_core::{
    DEFAULT_TOLERANCE, Error, Fresh, Market as Slices, Markets, Matrix, MeritOrder, Results,
    Rules, Scratch, Ties, Visible, check, clear, clear_batch, clear_batch_portably,
    clear_portably, reference,
};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Market {
    bids: Vec<f64>,
    quantities: Vec<f64>,
    demand: f64,
}

/// Bids that tie, or nearly: few values, signed zeros, denormals, neighbours within a few ulps.
fn bids(units: usize) -> BoxedStrategy<Vec<f64>> {
    let few = prop::sample::select(vec![-1.0, -0.0, 0.0, 1.0, f64::MAX, -f64::MAX]);
    let denormal = (-4_i8..5).prop_map(|k| f64::from(k) * f64::from_bits(1));
    let near = |base: f64| (0_u64..5).prop_map(move |ulps| f64::from_bits(base.to_bits() + ulps));
    let neighbours = (-100.0..100.0).prop_flat_map(move |base| vec(near(base), units));
    let equal = (-100.0..100.0).prop_map(move |bid| vec![bid; units]);
    let outlier = (-100.0..100.0, vec(0.0..1.0, units)).prop_map(move |(bid, mut bids)| {
        bids[units / 2] = bid * 1e18; // the others crowd
        bids
    });
    let whole = vec((0_i8..20).prop_map(f64::from), units);
    prop_oneof![
        vec(-100.0..100.0, units),
        vec(few, units),
        vec(denormal, units),
        neighbours,
        equal,
        outlier,
        whole,
        sorted(units, false),
        sorted(units, true),
    ]
    .boxed()
}

fn sorted(units: usize, reverse: bool) -> impl Strategy<Value = Vec<f64>> {
    vec(-100.0..100.0, units).prop_map(move |mut bids| {
        bids.sort_by(f64::total_cmp);
        if reverse {
            bids.reverse();
        }
        bids
    })
}

/// Quantities whose sums round, vanish or overflow.
fn quantities(units: usize) -> BoxedStrategy<Vec<f64>> {
    let few = prop::sample::select(vec![0.0, -0.0, 0.1, 1.0, 3.0]);
    let wide = prop::sample::select(vec![f64::from_bits(1), 1e-16, 0.3, 1e16, 1e308]);
    let zeros = Just(vec![0.0; units]);
    // Odd multiples of half a unit in the last place, once supply has come to some power of two.
    let half_way = (1_u32..1 << 20).prop_map(|odd| f64::from(2 * odd + 1) * 0.5_f64.powi(44));
    let rarely = prop_oneof![30 => 0.0..50.0, 1 => half_way.clone()];
    let growing = (-1074_i32..1000).prop_map(move |from| {
        (0..units).map(|k| 2.0_f64.powi((from + k as i32 / 4).min(1023))).collect()
    });
    let denormal = (0_u64..9).prop_map(f64::from_bits);
    prop_oneof![
        3 => vec(0.0..50.0, units),
        1 => vec(few, units),
        1 => vec(wide, units),
        1 => zeros,
        1 => vec(half_way, units),
        2 => vec(rarely, units),
        1 => growing,
        1 => vec(denormal, units),
    ]
    .boxed()
}

/// Demands at, just above and just below a step of the supply, none, and more than there is.
fn demand(bids: &[f64], quantities: &[f64]) -> BoxedStrategy<f64> {
    let mut order: Vec<usize> = (0..bids.len()).collect();
    order.sort_by(|&a, &b| bids[a].total_cmp(&bids[b]));
    let mut total = 0.0;
    let mut steps = vec![0.0, -0.0];
    for unit in order {
        total += quantities[unit];
        let step = f64::min(total, f64::MAX);
        for tolerance in [0.0, DEFAULT_TOLERANCE, 1e-3, 0.5] {
            let demand = f64::min(step / (1.0 - tolerance), f64::MAX);
            steps.extend([demand, demand.next_down().max(0.0), demand.next_up().min(f64::MAX)]);
        }
    }
    let most = f64::min(1.5 * total, f64::MAX);
    let anywhere = (0.0..=1.0).prop_map(move |part| part * most);
    prop_oneof![prop::sample::select(steps), anywhere].boxed()
}

fn market(units: usize) -> BoxedStrategy<Market> {
    (bids(units), quantities(units))
        .prop_flat_map(|(bids, quantities)| {
            demand(&bids, &quantities).prop_map(move |demand| Market {
                bids: bids.clone(),
                quantities: quantities.clone(),
                demand,
            })
        })
        .boxed()
}

fn any_market() -> impl Strategy<Value = Market> {
    let units = prop_oneof![20 => 1_usize..40, 5 => 40_usize..401, 5 => 401_usize..1100];
    units.prop_flat_map(market)
}

fn rules() -> impl Strategy<Value = Rules> {
    let ties = prop::sample::select(vec![Ties::First, Ties::ProRata]);
    (ties, prop::option::of(-1e4..1e4), tolerance())
        .prop_map(|(ties, scarcity_price, tolerance)| Rules { ties, scarcity_price, tolerance })
}

/// The strict rule, the default, shares that matter, and the extremes.
fn tolerance() -> impl Strategy<Value = f64> {
    let special = vec![f64::from_bits(1), 1e-16, 1e-3, 0.5, 1.0_f64.next_down()];
    prop_oneof![
        2 => Just(0.0),
        2 => Just(DEFAULT_TOLERANCE),
        1 => prop::sample::select(special),
        1 => 0.0..1.0,
    ]
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

type Clear = fn(Slices<'_>, Rules, &mut Scratch, &mut [f64]) -> Result<f64, Error>;

/// With the widest instructions of this processor, and with those that every one has.
const CLEARS: [Clear; 2] = [clear::<f64>, clear_portably::<f64>];

impl Market {
    fn slices(&self) -> Slices<'_> {
        Slices { bids: &self.bids, quantities: &self.quantities, demand: self.demand }
    }

    fn cleared(&self, rules: Rules) -> (f64, Vec<f64>) {
        self.cleared_by(clear, rules, &mut Scratch::new())
    }

    fn cleared_by(&self, clear: Clear, rules: Rules, scratch: &mut Scratch) -> (f64, Vec<f64>) {
        let mut cleared = vec![f64::NAN; self.bids.len()];
        let price = clear(self.slices(), rules, scratch, &mut cleared).unwrap();
        (price, cleared)
    }
}

/// Markets in one call, and the values they are made of: one row where it is shared.
#[derive(Clone, Debug)]
struct Batch {
    units: usize,
    rows: Vec<Market>,
    bids: Vec<f64>,
    quantities: Vec<f64>,
    demand: Vec<f64>,
    shared_bids: bool,
    shared_quantities: bool,
}

fn batch(units: usize, rows: Range<usize>) -> impl Strategy<Value = Batch> {
    (vec(market(units), rows), any::<bool>(), any::<bool>()).prop_map(
        move |(mut rows, shared_bids, shared_quantities)| {
            if let Some(Market { bids, quantities, .. }) = rows.first().cloned() {
                for row in &mut rows {
                    row.bids = if shared_bids { bids.clone() } else { row.bids.clone() };
                    row.quantities = if shared_quantities {
                        quantities.clone()
                    } else {
                        row.quantities.clone()
                    };
                }
            }
            let flat = |shared, values: fn(&Market) -> &[f64]| {
                let count = if shared { 1 } else { rows.len() };
                let values: Vec<f64> = rows.iter().take(count).flat_map(values).copied().collect();
                if shared && values.is_empty() { vec![1.0; units] } else { values }
            };
            Batch {
                units,
                bids: flat(shared_bids, |row| &row.bids),
                quantities: flat(shared_quantities, |row| &row.quantities),
                demand: rows.iter().map(|row| row.demand).collect(),
                shared_bids,
                shared_quantities,
                rows,
            }
        },
    )
}

impl Batch {
    fn clear<T: Results>(&self, rules: Rules, results: T) -> Result<(), Error> {
        clear_batch(self.markets(), rules, None, results)
    }

    fn markets(&self) -> Markets<Matrix<'_>> {
        let matrix = |values, shared| Matrix { values, shared };
        Markets {
            rows: self.rows.len(),
            units: self.units,
            bids: matrix(&self.bids, self.shared_bids),
            quantities: matrix(&self.quantities, self.shared_quantities),
            demand: matrix(&self.demand, false),
        }
    }
}

/// Values that are bad in some argument or in all.
fn bad() -> impl Strategy<Value = f64> {
    let least = -f64::from_bits(1);
    prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, least])
}

const UNTOUCHED: u64 = 7;

fn atomics(length: usize) -> Vec<AtomicU64> {
    (0..length).map(|_| AtomicU64::new(UNTOUCHED)).collect()
}

fn loaded(cells: &[AtomicU64]) -> Vec<u64> {
    cells.iter().map(|cell| cell.load(Ordering::Relaxed)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn clearing_is_the_reference_to_the_last_bit(
        markets in vec(any_market(), 1..4), rules in rules()
    ) {
        let mut scratch = Scratch::new(); // reused, so that a market could see its predecessor
        for clear in CLEARS {
            for market in &markets {
                let (price, amounts) = market.cleared_by(clear, rules, &mut scratch);
                let Market { bids: offers, quantities, demand } = market;
                let expected = reference::clear(offers, quantities, *demand, rules);
                prop_assert_eq!(price.to_bits(), expected.0.to_bits());
                prop_assert_eq!(bits(&amounts), bits(&expected.1));
            }
        }
    }

    #[test]
    fn dispatch_stays_within_the_offers(market in any_market(), rules in rules()) {
        let (_, amounts) = market.cleared(rules);
        for (amount, offer) in amounts.iter().zip(&market.quantities) {
            prop_assert!(amount.is_sign_positive() && amount <= offer);
        }
    }

    #[test]
    fn merit_order_is_the_stable_order(bids in (1_usize..300).prop_flat_map(bids)) {
        let mut expected: Vec<usize> = (0..bids.len()).collect();
        expected.sort_by(|&a, &b| bids[a].partial_cmp(&bids[b]).unwrap());
        let mut order = MeritOrder::new();
        order.sort(&bids).unwrap();
        prop_assert_eq!(order.units().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_batch_is_its_rows(
        batch in prop_oneof![1_usize..17, 1_usize..30].prop_flat_map(|units| batch(units, 0..41)),
        rules in rules(),
    ) {
        let Batch { units, ref rows, .. } = batch;
        let (mut prices, mut amounts) = (vec![f64::NAN; rows.len()], vec![f64::NAN; rows.len() * units]);
        let results = Fresh { prices: &mut prices[..], cleared: &mut amounts[..] };
        batch.clear(rules, results).unwrap();
        let (seen_prices, seen_amounts) = (atomics(rows.len()), atomics(rows.len() * units));
        batch.clear(rules, Visible { prices: &seen_prices, cleared: &seen_amounts[..] }).unwrap();
        prop_assert_eq!(bits(&prices), loaded(&seen_prices));
        let (mut other_prices, mut other_amounts) = (prices.clone(), amounts.clone());
        other_amounts.fill(f64::NAN);
        let results = Fresh { prices: &mut other_prices[..], cleared: &mut other_amounts[..] };
        clear_batch_portably(batch.markets(), rules, None, results).unwrap();
        prop_assert_eq!(bits(&prices), bits(&other_prices));
        prop_assert_eq!(bits(&amounts), bits(&other_amounts));
        prop_assert_eq!(bits(&amounts), loaded(&seen_amounts));
        for (row, market) in rows.iter().enumerate() {
            let (price, expected) = market.cleared(rules);
            prop_assert_eq!(prices[row].to_bits(), price.to_bits());
            prop_assert_eq!(bits(&amounts[row * units..][..units]), bits(&expected));
        }
    }

    #[test]
    fn a_batch_names_its_first_fault(
        mut batch in (1_usize..17).prop_flat_map(|units| batch(units, 1..41)),
        faults in vec((0_usize..3, any::<prop::sample::Index>(), bad()), 1..4),
        rules in rules(),
    ) {
        for (argument, index, bad) in faults {
            let values = [&mut batch.bids, &mut batch.quantities, &mut batch.demand];
            let values = values.into_iter().nth(argument).unwrap();
            let index = index.index(values.len());
            values[index] = bad;
        }
        let Batch { units, rows, bids, quantities, demand, .. } = &batch;
        let refused = check(bids, quantities, demand, rules.scarcity_price).map_err(Error::from);
        let (mut prices, mut amounts) = (vec![0.0; rows.len()], vec![0.0; rows.len() * units]);
        let results = Fresh { prices: &mut prices[..], cleared: &mut amounts[..] };
        prop_assert_eq!(batch.clear(rules, results), refused);
        let (prices, amounts) = (atomics(rows.len()), atomics(rows.len() * units));
        let results = Visible { prices: &prices, cleared: &amounts[..] };
        prop_assert_eq!(batch.clear(rules, results), refused);
        if refused.is_err() {
            let untouched = |cells: &[AtomicU64]| loaded(cells).iter().all(|&bits| bits == UNTOUCHED);
            prop_assert!(untouched(&prices) && untouched(&amounts));
        }
    }

    #[test]
    fn any_bits_are_safe(
        values in (1_usize..100).prop_flat_map(|units| (vec(any::<u64>(), units), vec(any::<u64>(), units))),
        demand in any::<u64>(),
        rules in rules(),
    ) {
        let floats = |bits: &[u64]| bits.iter().copied().map(f64::from_bits).collect::<Vec<_>>();
        let (bids, quantities) = (floats(&values.0), floats(&values.1));
        let demand = f64::from_bits(demand);
        let mut amounts = vec![7.0; bids.len()];
        let refused = check(&bids, &quantities, &[demand], rules.scarcity_price).map_err(Error::from);
        for clear in CLEARS {
            let market = Slices { bids: &bids, quantities: &quantities, demand };
            let result = clear(market, rules, &mut Scratch::new(), &mut amounts);
            prop_assert_eq!(result.map(|_| ()), refused);
        }
        if refused.is_err() {
            prop_assert!(amounts.iter().all(|&amount| amount == 7.0));
        }
        let matrix = |values| Matrix { values, shared: false };
        let demand = [demand];
        let markets = Markets {
            rows: 1,
            units: bids.len(),
            bids: matrix(&bids),
            quantities: matrix(&quantities),
            demand: matrix(&demand),
        };
        let results = Fresh { prices: &mut [0.0][..], cleared: &mut amounts[..] };
        prop_assert_eq!(clear_batch(markets, rules, Some(1), results), refused);
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn large_markets_agree_with_the_reference() {
    let patterns: [fn(usize) -> f64; 5] = [
        |k| (k as f64 * 0.618_033_988_749_895).fract(),
        |_| 7.0,
        |k| -(k as f64),
        |k| (k % 3) as f64,
        |k| f64::from_bits(1.0_f64.to_bits() + (k as u64 * 7919) % 50_000),
    ];
    for bid in patterns {
        let bids: Vec<f64> = (0..50_001).map(bid).collect();
        let quantities: Vec<f64> = (0..50_001).map(|k| (k % 10) as f64 / 10.0).collect();
        for ties in [Ties::First, Ties::ProRata] {
            let rules = Rules { ties, ..Rules::default() };
            let market =
                Market { bids: bids.clone(), quantities: quantities.clone(), demand: 9e3 };
            let expected = reference::clear(&bids, &quantities, 9e3, rules);
            assert!(market.cleared(rules) == expected);
        }
    }
}
