//! The margin of a market of very many units, by adding up buckets.
//!
//! Units are not dealt into buckets, which would write each to a far place. They are added up there,
//! in one pass (`tally`), and the sums tell in which buckets order counts ([`sums`](mod@crate::sums)).
//! Only the units of those are chosen, dealt and put in order, as [`blocks`](mod@crate::blocks) does.
//!
//! Where sums prove nothing, this gives up, and the caller deals all units.

use crate::blocks::Blocks;
use crate::choose::choose;
use crate::margin::Margin;
use crate::scale::Scale;
use crate::sums::{BUCKETS, MOST_RUNS, Runs, Sums};
use crate::tally::{SAMPLE, tally};
use crate::values::{extent, last_at};

/// Memory for the sums of one market.
#[derive(Debug)]
pub(crate) struct Many {
    sums: Sums,
    runs: Runs,
    /// The bucket of each unit.
    buckets: Vec<u8>,
    /// Units whose order counts.
    chosen: Vec<u32>,
}

impl Many {
    pub const fn new() -> Self {
        Self { sums: Sums::new(), runs: Runs::new(), buckets: Vec::new(), chosen: Vec::new() }
    }

    /// The margin; `None` where a value is bad, or sums are no good for it.
    #[inline(always)]
    pub fn margin<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        blocks: &mut Blocks,
    ) -> Option<Margin> {
        let scale = self.tally::<AVX2>(bids, quantities, demand)?;
        self.choose::<AVX2>(bids.len(), demand, blocks)?;
        self.add::<AVX2>(bids, quantities, scale, demand, blocks)
    }

    /// Checks all units, and adds them up by buckets.
    #[inline(always)]
    pub fn tally<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
    ) -> Option<Scale> {
        if bids.len() < SAMPLE || u32::try_from(bids.len()).is_err() {
            return None;
        }
        tally::<AVX2>(bids, quantities, demand, &mut self.sums, &mut self.buckets)
    }

    /// Chooses the units whose order counts, and deals them.
    #[inline(always)]
    pub fn choose<const AVX2: bool>(
        &mut self,
        units: usize,
        demand: f64,
        blocks: &mut Blocks,
    ) -> Option<()> {
        let Self { sums, runs, buckets, chosen } = self;
        let buckets = &buckets[..units];
        let first = runs.find(sums, demand)?;
        let mut others = [0; MOST_RUNS];
        let mut count = 0;
        for run in runs.buckets().skip(1) {
            others[count] = run.start as u8;
            count += 1;
        }
        let chosen = choose::<AVX2>(buckets, first.end as u8 - 1, &others[..count], chosen)?;
        blocks.deal_some(chosen, buckets, BUCKETS);
        Some(())
    }

    /// Adds sums where order does not count, and units where it does.
    #[inline(always)]
    pub fn add<const AVX2: bool>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        scale: Scale,
        demand: f64,
        blocks: &mut Blocks,
    ) -> Option<Margin> {
        let runs = &self.runs;
        let mut total = 0.0;
        for (number, run) in runs.buckets().enumerate() {
            total = runs.add_before(number, total, demand)?;
            match blocks.add_buckets::<AVX2>(bids, quantities, scale, run, total, demand)? {
                Ok(with) => total = with,
                Err(reached) => return Some(reached.margin(bids)),
            }
        }
        runs.add_rest(total, demand)?;
        Some(Margin::Beyond { last: last_at(bids, extent(bids).1) })
    }

    /// Gives memory back that only an unusually large market needed.
    pub fn shrink_to(&mut self, units: usize) {
        if self.buckets.capacity() > units {
            *self = Self::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merit_order::MeritOrder;
    use crate::rules::Ties;

    /// SplitMix64.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut bits = self.0;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            bits ^ (bits >> 31)
        }

        /// At least 0 and less than 1.
        fn part(&mut self) -> f64 {
            (self.next() >> 11) as f64 * (0.5 * f64::EPSILON)
        }

        fn below(&mut self, count: usize) -> usize {
            (self.next() % count as u64) as usize
        }

        fn values(&mut self, count: usize, value: impl Fn(&mut Self) -> f64) -> Vec<f64> {
            (0..count).map(|_| value(self)).collect()
        }
    }

    const BIDS: usize = 8;

    /// Bids that do not crowd.
    fn bids(kind: usize, units: usize, random: &mut Random) -> Vec<f64> {
        let mut bids = random.values(units, |random| 20.0 + 80.0 * random.part());
        match kind {
            1 => bids.iter_mut().for_each(|bid| *bid = (4.0 * *bid).floor()), // ties
            2 => bids.sort_by(f64::total_cmp),
            3 => bids.sort_by(|one, other| other.total_cmp(one)),
            4 => {
                // Far beyond what a sample tells, some of them alike.
                for far in [-1e300, -1e300, -5.0, 0.0, -0.0, 200.0, 1e300, f64::MAX] {
                    bids[random.below(units)] = far;
                }
            }
            5 => bids = random.values(units, |random| (0..6).map(|_| random.part() - 0.5).sum()),
            6 => bids = random.values(units, |random| random.below(256) as f64), // on borders
            7 => {
                for bid in &mut bids {
                    *bid = f64::from_bits(bid.floor().to_bits() + random.next() % 3);
                }
            }
            _ => {}
        }
        bids
    }

    const QUANTITIES: usize = 9;

    fn quantities(kind: usize, units: usize, random: &mut Random) -> Vec<f64> {
        let mut all = random.values(units, |random| 10.0 + 40.0 * random.part());
        let total: f64 = all.iter().sum();
        match kind {
            1 => all.iter_mut().for_each(|one| *one = one.floor()),
            2 => all.iter_mut().for_each(|one| *one = (10.0 * *one).floor() / 10.0),
            3 | 4 => {
                // Half way between two roundings of a supply of some power of two.
                let part = if kind == 3 { 0.01 } else { 1.0 };
                for one in &mut all {
                    if random.part() < part {
                        let place = total * 0.5_f64.powi(random.below(6) as i32);
                        let place = crate::absorb::power_of_two(place) * f64::EPSILON;
                        *one = ((*one / place).floor() + 0.5) * place;
                    }
                }
            }
            5 => all[random.below(units)] = 0.3 * total,
            6 => all.iter_mut().step_by(3).for_each(|one| *one = -0.0),
            7 => all = random.values(units, |random| (1 << random.below(12)) as f64),
            8 => all = vec![1.0; units],
            _ => {}
        }
        all
    }

    fn sorted(bids: &[f64]) -> MeritOrder {
        let mut order = MeritOrder::new();
        order.sort(bids);
        order
    }

    fn demand(bids: &[f64], quantities: &[f64], random: &mut Random) -> f64 {
        let order = sorted(bids);
        let supply: Vec<f64> = order
            .units()
            .scan(0.0, |total, unit| {
                *total += quantities[unit];
                Some(*total)
            })
            .collect();
        let step = supply[random.below(supply.len())];
        let total = supply[supply.len() - 1];
        match random.below(7) {
            0 => step,
            1 => step.next_up(),
            2 => step.next_down(),
            3 => 1.05 * total,
            4 => 3.0 * total,
            5 => crate::absorb::power_of_two(step),
            _ => random.part() * total,
        }
    }

    fn check<const AVX2: bool>(cases: u64) {
        let (mut many, mut blocks) = (Many::new(), Blocks::new());
        let mut found = 0;
        for case in 0..cases {
            let random = &mut Random(case);
            let units = SAMPLE + random.below(2500);
            let (of_bids, of_quantities) = (random.below(BIDS), random.below(QUANTITIES));
            let bids = bids(of_bids, units, random);
            let quantities = quantities(of_quantities, units, random);
            let demand = demand(&bids, &quantities, random);
            let margin = many.margin::<AVX2>(&bids, &quantities, demand, &mut blocks);
            if let Some(margin) = margin {
                let order = sorted(&bids);
                let expected = order.margin(&bids, &quantities, demand, Ties::ProRata);
                let label = format!("case {case}: bids {of_bids}, quantities {of_quantities}");
                assert_eq!(margin, expected, "{label}, {units} units, demand {demand:e}");
                found += 1;
            }
        }
        assert!(2 * found > cases, "{found} of {cases}");
    }

    #[test]
    fn what_it_finds_is_the_margin() {
        let cases = if cfg!(miri) { 2 } else { 400 };
        check::<false>(cases);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            check::<true>(cases);
        }
    }

    #[test]
    fn a_bad_value_anywhere_is_seen() {
        let random = &mut Random(1);
        let units = 3000;
        let bids = bids(0, units, random);
        let quantities = quantities(1, units, random);
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
}
