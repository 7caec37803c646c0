//! Markets made to break the sums of buckets.

use crate::absorb::power_of_two;
use crate::blocks::Blocks;
use crate::many::Many;
use crate::merit_order::MeritOrder;
use crate::rules::Ties;
use crate::tally::{SAMPLE, sampled};

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

/// Whether each unit is of the sample.
fn of_sample(n: usize) -> Vec<bool> {
    let mut of_sample = vec![false; n];
    (0..SAMPLE).for_each(|k| of_sample[sampled(k, n)] = true);
    of_sample
}

fn bids(n: usize, r: &mut Random) -> Vec<f64> {
    let of_sample = of_sample(n);
    let kind = r.below(10);
    let mut bids: Vec<f64> = (0..n)
        .map(|k| match kind {
            0 | 1 => 20.0 + 80.0 * r.part(),
            2 => (320.0 * r.part()).floor() / 4.0,
            3 => (r.part() - 0.5) * 60.0,
            4 => r.below(256) as f64,
            5 => k as f64,
            6 => -(k as f64),
            7 => (0..4).map(|_| r.part()).sum(),
            8 => 20.0 + 80.0 * r.part() + if of_sample[k] { 0.0 } else { 60.0 },
            _ => f64::from_bits((20.0 + 80.0 * r.part()).floor().to_bits() + r.next() % 3),
        })
        .collect();
    match r.below(6) {
        0 => {
            for _ in 0..r.below(300) {
                bids[r.below(n)] =
                    [-1e300, 1e300, -f64::MAX, f64::MAX, 0.0, -0.0, 200.0, -7.0][r.below(8)];
            }
        }
        1 => {
            // None of the sample.
            for (k, bid) in bids.iter_mut().enumerate() {
                if !of_sample[k] && r.one_in(6) {
                    *bid = 100.0 + 10.0 * r.part();
                }
            }
        }
        2 => {
            for bid in &mut bids {
                if r.one_in(50) {
                    *bid = if r.one_in(2) { 0.0 } else { -0.0 };
                }
            }
        }
        _ => {}
    }
    bids
}

fn quantities(n: usize, r: &mut Random) -> Vec<f64> {
    let of_sample = of_sample(n);
    let power = 2.0_f64.powi(r.below(40) as i32);
    let mean = 2.0 * power / n as f64;
    let kind = r.below(12);
    let mut all: Vec<f64> = (0..n)
        .map(|k| match kind {
            0..=2 => mean * (0.2 + 1.6 * r.part()),
            3 => (mean * 8.0 * (0.2 + 1.6 * r.part())).floor() / 8.0,
            4 => 1.0,
            5 => mean * 2.0_f64.powi(r.below(30) as i32 - 15),
            6 => mean * 2.0_f64.powi(r.below(200) as i32 - 150),
            7 => {
                if of_sample[k] {
                    1e-3 * mean
                } else {
                    mean * (0.2 + 1.6 * r.part())
                }
            }
            8 => {
                if of_sample[k] {
                    mean * (0.2 + 1.6 * r.part())
                } else {
                    0.0
                }
            }
            9 => f64::from((mean * (0.2 + 1.6 * r.part())) as f32),
            10 => {
                if r.one_in(3) {
                    -0.0
                } else {
                    mean
                }
            }
            _ => mean * r.part().powi(8) * 9.0,
        })
        .collect();
    let total: f64 = all.iter().sum();
    let top = power_of_two(total);
    for _ in 0..r.below(4) {
        match r.below(4) {
            0 | 1 => {
                // Half way, or next to it, for some power.
                let count = [1, 3, n / 200, n / 70, n / 60][r.below(5)];
                let same = r.below(7) as i32;
                for _ in 0..count {
                    let down = if r.one_in(2) { same } else { r.below(8) as i32 - 1 };
                    let place = top * 0.5_f64.powi(down) * f64::EPSILON;
                    let at = r.below(n);
                    let whole = if r.one_in(4) { 0.0 } else { (all[at] / place).floor() };
                    let mut value = (whole + 0.5) * place;
                    match r.below(6) {
                        0 => value = value.next_up(),
                        1 => value = value.next_down(),
                        _ => {}
                    }
                    all[at] = value;
                }
            }
            2 => {
                // Large, with half a place.
                for _ in 0..=r.below(3) {
                    let down = r.below(7) as i32;
                    let power = top * 0.5_f64.powi(down);
                    let place = top * 0.5_f64.powi(r.below(7) as i32) * f64::EPSILON;
                    let value = power + (r.below(5) as f64 - 2.0) * 0.5 * place;
                    all[r.below(n)] = value;
                }
            }
            _ => {
                let far = [f64::MIN_POSITIVE, f64::from_bits(1), 3.0 * top, 1e300, top * 1e-16]
                    [r.below(5)];
                all[r.below(n)] = far;
            }
        }
    }
    all
}

fn order(bids: &[f64]) -> MeritOrder {
    let mut order = MeritOrder::new();
    order.sort(bids);
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
    let demand = match r.below(12) {
        0..=2 => step,
        3 => step.next_up(),
        4 => step.next_down(),
        5 => 1.05 * total,
        6 => total.next_up(),
        7 => 20.0 * total,
        8 => power_of_two(step),
        9 => power_of_two(step).next_down(),
        10 => step * 2.0_f64.powi(-(r.below(60) as i32)),
        _ => r.part() * total,
    };
    demand.clamp(0.0, f64::MAX)
}

fn check<const AVX2: bool>(cases: u64) {
    let (mut many, mut blocks) = (Many::new(), Blocks::new());
    let mut found = 0;
    for case in 0..cases {
        let random = &mut Random(case.wrapping_mul(0xD134_2543_DE82_EF95));
        let units = SAMPLE + if random.one_in(2) { random.below(700) } else { random.below(6000) };
        let bids = bids(units, random);
        let quantities = quantities(units, random);
        let demand = demand(&bids, &quantities, random);
        if let Some(margin) = many.margin::<AVX2>(&bids, &quantities, demand, &mut blocks) {
            let expected = order(&bids).margin(&bids, &quantities, demand, Ties::ProRata);
            assert_eq!(margin, expected, "case {case}, {units} units, demand {demand:e}");
            found += 1;
        }
    }
    assert!(3 * found > cases, "{found} of {cases}");
}

#[test]
fn what_it_finds_is_the_margin() {
    let cases = if cfg!(miri) { 2 } else { 600 };
    check::<false>(cases);
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        check::<true>(cases);
    }
}

/// The first run may be all buckets: where a sample of quantities misleads and supply is scarce.
#[test]
fn the_first_run_may_be_all_buckets() {
    let n = 8192;
    let bids: Vec<f64> = (0..n).map(|k| (k as f64 * 0.618_033_988_749_895).fract()).collect();
    for (told, other) in [(1e-3, 50.0), (50.0, 0.0)] {
        let mut quantities = vec![other; n];
        (0..SAMPLE).for_each(|k| quantities[sampled(k, n)] = told);
        // Without a panic; None or the margin.
        let got = Many::new().margin::<false>(&bids, &quantities, 1e9, &mut Blocks::new());
        let expected = order(&bids).margin(&bids, &quantities, 1e9, Ties::First);
        assert!(got.is_none_or(|got| got == expected));
    }
}

/// A quantity of a few hundredths of demand that is half way while supply is of the first powers.
#[test]
fn large_quantities_may_be_half_way() {
    let (mut many, mut blocks) = (Many::new(), Blocks::new());
    let mut found = 0;
    for case in 0..400 {
        let r = &mut Random(case);
        let n = 4096;
        let power = 65536.0; // the last that supply passes
        let total = 1.5 * power;
        let mut bids: Vec<f64> = (0..n).map(|_| 20.0 + 80.0 * r.part()).collect();
        let mut quantities: Vec<f64> =
            (0..n).map(|_| total / n as f64 * (0.5 + r.part())).collect();
        let down = r.below(2) as i32;
        let first = power * 0.125 * 2.0_f64.powi(down);
        let odd = 1.0 + 2.0 * r.below(1000) as f64;
        let at = r.below(n);
        quantities[at] = 0.5 * first + odd * 0.5 * f64::EPSILON * first;
        bids[at] = 20.0 + 80.0 * 1.15 * first / total;
        let demand = 1.3 * power;
        let margin = many.margin::<false>(&bids, &quantities, demand, &mut blocks);
        if let Some(margin) = margin {
            let expected = order(&bids).margin(&bids, &quantities, demand, Ties::ProRata);
            assert_eq!(margin, expected, "case {case}");
            found += 1;
        }
    }
    assert!(found > 300, "{found}");
}

/// Eight values are looked at at once; the last ones are fewer.
#[test]
fn a_bad_value_is_seen_where_units_are_no_multiple_of_eight() {
    for n in [3001, 3005, 4103] {
        let r = &mut Random(n as u64);
        let bids: Vec<f64> = (0..n).map(|_| 20.0 + 80.0 * r.part()).collect();
        let quantities: Vec<f64> = (0..n).map(|_| 10.0 + 40.0 * r.part()).collect();
        let margin = |bids: &[f64], quantities: &[f64]| {
            Many::new().margin::<false>(bids, quantities, 20.0 * n as f64, &mut Blocks::new())
        };
        assert!(margin(&bids, &quantities).is_some(), "{n}");
        for unit in n - 8..n {
            for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY] {
                let mut values = bids.clone();
                values[unit] = bad;
                assert_eq!(margin(&values, &quantities), None, "bid {bad} of {unit}");
            }
            let mut values = quantities.clone();
            values[unit] = -1.0;
            assert_eq!(margin(&bids, &values), None, "negative quantity of {unit}");
        }
    }
}

/// The margin's bucket may pass the last power: that is no reason to give up.
#[test]
fn a_demand_just_below_a_power_of_two_is_no_worse_than_others() {
    let n = 16_384;
    let r = &mut Random(1);
    let bids: Vec<f64> = (0..n).map(|_| 20.0 + 80.0 * r.part()).collect();
    let quantities: Vec<f64> = (0..n).map(|_| 10.0 + 40.0 * r.part()).collect();
    let mut given_up = Vec::new();
    for part in [0.9, 0.99, 0.999, 0.9999, 1.0, 1.0001, 1.001, 1.01, 1.1] {
        let demand = part * 262_144.0; // of 491,520 or so
        let margin = Many::new().margin::<false>(&bids, &quantities, demand, &mut Blocks::new());
        if margin.is_none() {
            given_up.push(part);
        }
    }
    assert!(given_up.is_empty(), "{given_up:?}");
}

/// Bids beyond the sample share the last bucket with others, where they must not come first.
#[test]
fn the_margin_may_be_among_bids_beyond_the_sample() {
    let (mut many, mut blocks) = (Many::new(), Blocks::new());
    let mut found = 0;
    for case in 0..400 {
        let r = &mut Random(case);
        let n = 4096;
        let mut bids: Vec<f64> = (0..n).map(|_| 20.0 + 80.0 * r.part()).collect();
        let mut quantities: Vec<f64> = (0..n).map(|_| 7.5 + 30.0 * r.part()).collect();
        for _ in 0..6 {
            let at = 8 * r.below(n / 8) + 1 + r.below(7); // not of the sample
            bids[at] = 101.0 + 200.0 * r.part();
            quantities[at] = 2000.0;
        }
        let total: f64 = quantities.iter().sum();
        let demand = total - 12_000.0 + 3000.0 * (r.part() - 0.5);
        if let Some(margin) = many.margin::<false>(&bids, &quantities, demand, &mut blocks) {
            let expected = order(&bids).margin(&bids, &quantities, demand, Ties::ProRata);
            assert_eq!(margin, expected, "case {case}");
            found += 1;
        }
    }
    assert!(found > 300, "{found}");
}

#[test]
fn a_bad_value_anywhere_is_seen() {
    let random = &mut Random(1);
    let units = 3000;
    let bids: Vec<f64> = (0..units).map(|_| 20.0 + 80.0 * random.part()).collect();
    let quantities: Vec<f64> = (0..units).map(|_| (50.0 * random.part()).floor()).collect();
    let margin = |bids: &[f64], quantities: &[f64]| {
        Many::new().margin::<false>(bids, quantities, 4e4, &mut Blocks::new())
    };
    assert!(margin(&bids, &quantities).is_some());
    for unit in [0, 1, 255, 256, 1500, 2047, 2048, units - 1] {
        for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY] {
            let mut values = bids.clone();
            values[unit] = bad;
            assert_eq!(margin(&values, &quantities), None, "bid {bad} of {unit}");
            let mut values = quantities.clone();
            values[unit] = bad;
            assert_eq!(margin(&bids, &values), None, "quantity {bad} of {unit}");
        }
        let mut values = quantities.clone();
        values[unit] = -f64::from_bits(1);
        assert_eq!(margin(&bids, &values), None, "negative quantity of {unit}");
    }
}
