//! Markets made to break the sums of buckets.

use super::{Bucket, BucketSums, SAMPLE, add};
use crate::margin::Margin;
use crate::margin::absorb::power_of_two;
use crate::margin::bucket_blocks::BucketBlocks;
use crate::margin::full_sort::MeritOrder;
use crate::rules::Ties;
use crate::simd::{self, Instructions, Portable, Task};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (0.5 * f64::EPSILON)
    }
    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }
    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// Bids that spread, tie, stand in order, or lie beyond the sample.
fn bids(n: usize, r: &mut Random) -> Vec<f64> {
    let kind = r.below(6);
    let mut bids: Vec<f64> = (0..n)
        .map(|k| match kind {
            0 | 1 => 20.0 + 80.0 * r.part(),
            2 => (320.0 * r.part()).floor() / 4.0,
            3 => if r.one_in(2) { k as f64 } else { -0.0 }.max(r.below(200) as f64),
            4 => -(k as f64),
            _ => f64::from_bits((20.0 + 80.0 * r.part()).floor().to_bits() + r.next() % 3),
        })
        .collect();
    for _ in 0..if r.one_in(3) { r.below(6) } else { 0 } {
        bids[r.below(n)] = [-1e300, f64::MAX, -f64::MAX, 0.0, -0.0, 105.0][r.below(6)];
    }
    bids
}

/// Quantities of one or of many magnitudes; some of them half way between two roundings, or nearly.
fn quantities(n: usize, r: &mut Random) -> Vec<f64> {
    // All of them together, or so; supply has many powers of two, and there is no special one.
    let exponent = if r.one_in(4) { 995 + r.below(12) } else { r.below(40) };
    let mean = 2.0_f64.powi(exponent as i32) / n as f64;
    let kind = r.below(6);
    let mut all: Vec<f64> = (0..n)
        .map(|_| match kind {
            0 | 1 => mean * (0.2 + 1.6 * r.part()),
            2 => (mean * 8.0 * (0.2 + 1.6 * r.part())).floor() / 8.0,
            3 => mean * 2.0_f64.powi(r.below(200) as i32 - 150),
            4 => f64::from((mean * r.part()) as f32),
            _ => {
                if r.one_in(3) {
                    -0.0
                } else {
                    mean
                }
            }
        })
        .collect();
    let top = power_of_two(all.iter().sum());
    let count = [0, 1, 3, n / 200, n / 4][r.below(5)];
    for _ in 0..count {
        let place = top * 0.5_f64.powi(r.below(8) as i32 - 1) * f64::EPSILON;
        let at = r.below(n);
        let half_way = ((all[at] / place).floor() + 0.5) * place;
        all[at] = [half_way, half_way, half_way.next_up(), half_way.next_down()][r.below(4)];
    }
    if r.one_in(4) {
        let far = [f64::MIN_POSITIVE, f64::from_bits(1), 3.0 * top, 1e300, 0.5 * top];
        all[r.below(n)] = far[r.below(5)];
    }
    all
}

fn order(bids: &[f64]) -> MeritOrder {
    let mut order = MeritOrder::new();
    order.sort(bids).unwrap();
    order
}

fn demand(bids: &[f64], quantities: &[f64], r: &mut Random) -> f64 {
    let supply: Vec<f64> = order(bids)
        .units()
        .scan(0.0, |total, unit| {
            *total += quantities[unit];
            Some(*total)
        })
        .collect();
    let step = supply[r.below(supply.len())];
    let total = supply[supply.len() - 1];
    let demand = match r.below(8) {
        0 | 1 => step,
        2 => step.next_up(),
        3 => step.next_down(),
        4 => [1.05 * total, total.next_up(), 20.0 * total][r.below(3)],
        5 => [power_of_two(step), power_of_two(step).next_down()][r.below(2)],
        6 => step * 2.0_f64.powi(-(r.below(60) as i32)),
        _ => r.part() * total,
    };
    demand.clamp(0.0, f64::MAX)
}

fn margin<I: Instructions>(bids: &[f64], quantities: &[f64], demand: f64) -> Option<Margin> {
    BucketSums::new().margin::<I>(bids, quantities, demand, &mut BucketBlocks::new())
}

fn check<I: Instructions>(cases: u64) {
    let (mut sums, mut blocks) = (BucketSums::new(), BucketBlocks::new());
    let mut found = 0;
    for case in 0..cases {
        let random = &mut Random(case.wrapping_mul(0xD134_2543_DE82_EF95));
        let units = SAMPLE + if random.one_in(2) { random.below(700) } else { random.below(6000) };
        let bids = bids(units, random);
        let quantities = quantities(units, random);
        let demand = demand(&bids, &quantities, random);
        if let Some(margin) = sums.margin::<I>(&bids, &quantities, demand, &mut blocks) {
            let expected = order(&bids).margin(&bids, &quantities, demand, Ties::ProRata);
            assert_eq!(margin, expected, "case {case}, {units} units, demand {demand:e}");
            found += 1;
        }
    }
    assert!(3 * found > cases, "{found} of {cases}");
}

#[test]
fn what_it_finds_is_the_margin() {
    let cases = std::env::var("CASES").map_or(600, |cases| cases.parse().unwrap());
    let cases = if cfg!(miri) { 2 } else { cases };
    simd::run_portably(Check { cases });
    simd::run(Check { cases });
}

struct Check {
    cases: u64,
}

impl Task for Check {
    type Output = ();

    fn run<I: Instructions>(self) {
        check::<I>(self.cases);
    }
}

#[test]
fn it_gives_up_where_bids_crowd_only() {
    let r = &mut Random(1);
    let n = 20_000;
    let quantities: Vec<f64> = (0..n).map(|_| 10.0 + 40.0 * r.part()).collect();
    let bids: Vec<f64> = (0..n).map(|_| 20.0 + 80.0 * r.part()).collect();
    // Also where demand, or what is offered, leaves nothing to be added in any order.
    for demand in [f64::from_bits(1), 100.0, 262_144.0, 262_143.9, 4e5, 1e300] {
        assert!(margin::<Portable>(&bids, &quantities, demand).is_some(), "{demand}");
    }
    assert!(margin::<Portable>(&bids, &vec![0.0; n], 1.0).is_some());
    let whole: Vec<f64> = bids.iter().map(|bid| bid.round()).collect();
    assert!(margin::<Portable>(&whole, &quantities, 4e5).is_some());
    let some_equal: Vec<f64> = bids.iter().map(|&bid| bid.max(50.0)).collect();
    assert_eq!(margin::<Portable>(&some_equal, &quantities, 4e5), None);
}

#[test]
fn a_bad_value_anywhere_is_seen() {
    let r = &mut Random(1);
    for n in [3000, 3001] {
        let bids: Vec<f64> = (0..n).map(|_| 20.0 + 80.0 * r.part()).collect();
        let quantities: Vec<f64> = (0..n).map(|_| (50.0 * r.part()).floor()).collect();
        assert!(margin::<Portable>(&bids, &quantities, 4e4).is_some());
        for unit in [0, 1, 511, 512, n / 2 - 1, n / 2, n - 2, n - 1] {
            for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY, -f64::from_bits(1)] {
                let mut values = quantities.clone();
                values[unit] = bad;
                assert_eq!(
                    margin::<Portable>(&bids, &values, 4e4),
                    None,
                    "quantity {bad} of {unit}"
                );
                if !bad.is_finite() {
                    let mut values = bids.clone();
                    values[unit] = bad;
                    assert_eq!(
                        margin::<Portable>(&values, &quantities, 4e4),
                        None,
                        "{bad} of {unit}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_bucket_is_added_only_below_demand_and_the_next_power_of_two() {
    let mut buckets = [Bucket::new(64.0)];
    assert_eq!(add(&mut buckets, [0, 0], [1.0, 2.0], [1, 9], [0, 1]), [0, 0]);
    assert_eq!(buckets[0].add_to(64.0, 1e9), Some(67.0));
    assert_eq!(buckets[0].add_to(63.0, 1e9), None);
    assert_eq!(buckets[0].add_to(125.0, 1e9), None);
    assert_eq!(buckets[0].add_to(64.0, 67.0), None);
    let half_place = 32.0 * f64::EPSILON;
    assert_eq!(add(&mut buckets, [0], [half_place], [10], [1]), [9]);
    assert_eq!(buckets[0].add_to(64.0, 1e9), None);
}
