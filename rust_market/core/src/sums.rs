//! What the units of each bucket add to supply, and how far that can be added as it is.
//!
//! As [`absorb`](mod@crate::absorb) says, an addition that passes no power of two adds a rounded
//! quantity, in whatever order. Which powers supply passes last is known before: those next to
//! demand. So there are four sums for each bucket, of what its units add to a supply of each of the
//! last four powers. A walk over the buckets finds those in which order counts: where supply passes
//! a power or may reach demand, where a quantity is half way between two roundings or large, and
//! all below the first power.
//!
//! The walk goes by sums that need not be exact. What it told is proved when the sums are added to
//! the supply.

use std::array::from_fn;
use std::ops::Range;

use crate::absorb::power_of_two;
use crate::values::lesser;

/// So many buckets: a number of eight bits, and sums that stay in the nearest cache.
pub(crate) const BUCKETS: usize = 256;

/// So many of the last powers of two have sums.
const POWERS: usize = 4;

/// In so many places at most order may count.
pub(crate) const MOST_RUNS: usize = 64;

/// Relatively, sums of less than 2^32 units in two orders differ by no more.
const SLACK: f64 = 1.0 / (1 << 20) as f64;

/// The last powers of two that supply passes before it reaches demand, upwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Powers([f64; POWERS]);

/// What some quantities add to a supply of each power.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Sum([f64; POWERS]);

/// The powers for which a quantity is half way between two roundings, one bit for each.
type HalfWay = u8;

impl Powers {
    /// `None` where half a last place is no normal number, or twice the last power is none.
    pub fn below(demand: f64) -> Option<Self> {
        let beyond = 2.0 * power_of_two(demand);
        let all = Self([0.0625, 0.125, 0.25, 0.5].map(|part| part * beyond));
        (half_place(all.0[0]).is_normal() && beyond.is_finite()).then_some(all)
    }

    /// Quantities from here on are not known to be half way or not.
    ///
    /// The last place of this is the smallest half of one, of which all that is half way is a multiple.
    #[inline(always)]
    fn large(self) -> f64 {
        0.5 * self.0[0]
    }

    /// Whether a quantity that is not large may be half way; few others are such.
    #[inline(always)]
    pub fn fine(self, quantity: f64) -> bool {
        multiple(quantity, self.large())
    }

    /// Whether a quantity that may be half way certainly is not. That is so for whole numbers.
    #[inline(always)]
    pub fn coarse(self, quantity: f64) -> bool {
        multiple(quantity, self.0[POWERS - 1])
    }

    fn half_way(self, quantity: f64) -> HalfWay {
        let Sum(rounded) = self.rounded(quantity);
        let half_way = |k: usize| (quantity - rounded[k]).abs() == half_place(self.0[k]);
        (0..POWERS).fold(0, |bits, k| bits | (HalfWay::from(half_way(k)) << k))
    }

    #[inline(always)]
    fn rounded(self, quantity: f64) -> Sum {
        Sum(self.0.map(|power| (power + quantity) - power))
    }

    /// The number of the power that is next below a supply.
    fn position(self, supply: f64) -> Option<usize> {
        let power = power_of_two(supply);
        self.0.iter().position(|&other| other == power)
    }
}

/// Half a unit in the last place of a power of two.
#[inline(always)]
fn half_place(power: f64) -> f64 {
    power * (0.5 * f64::EPSILON)
}

/// Whether a quantity, if less than a power, is a multiple of its last place.
#[inline(always)]
fn multiple(quantity: f64, power: f64) -> bool {
    (power + quantity) - power == quantity
}

impl Sum {
    const NONE: Self = Self([0.0; POWERS]);

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(from_fn(|k| self.0[k] + other.0[k]))
    }
}

/// What the units of each bucket add.
#[derive(Debug)]
pub(crate) struct Sums {
    powers: Powers,
    sums: [Sum; BUCKETS],
    /// The powers for which some quantity of a bucket is half way.
    half_way: [HalfWay; BUCKETS],
}

impl Sums {
    pub const fn new() -> Self {
        Self { powers: Powers([0.0; POWERS]), sums: [Sum::NONE; BUCKETS], half_way: [0; BUCKETS] }
    }

    /// Forgets all units.
    pub fn clear(&mut self, powers: Powers) {
        self.powers = powers;
        self.sums.fill(Sum::NONE);
        self.half_way.fill(0);
    }

    pub fn powers(&self) -> Powers {
        self.powers
    }

    /// Adds a unit to its bucket; for powers for which it is half way, the sums then mean nothing.
    #[inline(always)]
    pub fn add(&mut self, bucket: u8, quantity: f64) {
        let sum = &mut self.sums[usize::from(bucket)];
        *sum = sum.plus(self.powers.rounded(quantity));
    }

    /// Marks the bucket of a unit that is half way, and returns whether it is.
    pub fn mark(&mut self, bucket: u8, quantity: f64) -> bool {
        let half_way = self.powers.half_way(quantity);
        self.half_way[usize::from(bucket)] |= half_way;
        half_way != 0
    }

    /// Whether no sum is infinite or no number, so that no quantity is.
    pub fn finite(&self) -> bool {
        let zeros =
            self.sums.iter().fold(Sum::NONE, |all, sum| all.plus(Sum(sum.0.map(|x| 0.0 * x))));
        zeros.0 == [0.0; POWERS]
    }
}

/// Buckets in which order does not count.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    buckets: usize,
    sum: Sum,
    half_way: HalfWay,
}

impl Stretch {
    const EMPTY: Self = Self { buckets: 0, sum: Sum::NONE, half_way: 0 };

    #[inline(always)]
    fn put(&mut self, sum: Sum, half_way: HalfWay) {
        self.buckets += 1;
        self.sum = self.sum.plus(sum);
        self.half_way |= half_way;
    }

    /// The supply with this, or `None` where order might count.
    ///
    /// Sums that reach the next power of two may be wrong, but never fall below it.
    fn add(self, powers: Powers, supply: f64, demand: f64) -> Option<f64> {
        if self.buckets == 0 {
            return Some(supply);
        }
        let k = powers.position(supply)?;
        let with = supply + self.sum.0[k];
        let below = with < lesser(demand, 2.0 * powers.0[k]);
        (below && (self.half_way >> k) & 1 == 0).then_some(with)
    }
}

/// How far units can be added as they are.
#[derive(Clone, Copy)]
struct Reach {
    bound: f64,
    power: HalfWay,
    large: f64,
}

impl Reach {
    /// From a supply that is about this; `None` below the first power and beyond the last.
    fn from(supply: f64, demand: f64, powers: Powers) -> Option<Self> {
        let k = powers.position(supply * (1.0 - SLACK))?;
        let bound = lesser(demand, 2.0 * powers.0[k]) * (1.0 - SLACK);
        Some(Self { bound, power: 1 << k, large: powers.large() })
    }

    #[inline(always)]
    fn holds(&self, with: f64, sum: Sum, half_way: HalfWay) -> bool {
        (with < self.bound) & (half_way & self.power == 0) & (sum.0[0] < self.large)
    }
}

/// Buckets in which order counts, and what comes between them and those before.
#[derive(Debug)]
struct Run {
    stretch: Stretch,
    buckets: Range<usize>,
}

/// The buckets in which order counts, and what comes between.
#[derive(Debug)]
pub(crate) struct Runs {
    powers: Powers,
    /// The first begins with bucket 0; all others are one bucket.
    runs: Vec<Run>,
    /// What comes after the last run, if the walk came to the last bucket.
    rest: Option<Stretch>,
}

impl Runs {
    pub const fn new() -> Self {
        Self { powers: Powers([0.0; POWERS]), runs: Vec::new(), rest: None }
    }

    /// Finds the runs up to demand, and returns the last bucket of the first, which is all up to it.
    /// `None` if runs are too many, or supply passes the last power short of demand.
    #[inline(always)]
    pub fn find(&mut self, sums: &Sums, demand: f64) -> Option<usize> {
        self.walk(sums, demand).then(|| self.runs[0].buckets.end - 1)
    }

    #[inline(always)]
    fn walk(&mut self, sums: &Sums, demand: f64) -> bool {
        let powers = sums.powers;
        self.powers = powers;
        self.rest = None;
        self.runs.clear();
        self.runs.reserve_exact(MOST_RUNS);
        let mut stretch = Stretch::EMPTY;
        let mut supply = 0.0;
        let mut reach: Option<Reach> = None;
        for (bucket, (&sum, &half_way)) in sums.sums.iter().zip(&sums.half_way).enumerate() {
            let with = supply + sum.0[0];
            if reach.is_some_and(|reach| reach.holds(with, sum, half_way)) {
                stretch.put(sum, half_way);
            } else if supply * (1.0 - SLACK) > demand {
                return true;
            } else {
                match &mut self.runs[..] {
                    [first] if reach.is_none() => first.buckets.end = bucket + 1,
                    runs if runs.len() == MOST_RUNS => return false,
                    _ => {
                        self.runs.push(Run { stretch, buckets: bucket..bucket + 1 });
                        stretch = Stretch::EMPTY;
                    }
                }
                reach = Reach::from(with, demand, powers);
                if reach.is_none() && self.runs.len() > 1 {
                    return with > demand; // the margin's own bucket may pass the last power
                }
            }
            supply = with;
        }
        self.rest = Some(stretch);
        true
    }

    /// The buckets of each run, upwards.
    pub fn buckets(&self) -> impl Iterator<Item = Range<usize>> {
        self.runs.iter().map(|run| run.buckets.clone())
    }

    /// The supply with what comes between a run and the one before it, if order cannot count.
    pub fn add_before(&self, run: usize, supply: f64, demand: f64) -> Option<f64> {
        self.runs[run].stretch.add(self.powers, supply, demand)
    }

    /// The supply with what comes after the last run, if that is all and order cannot count.
    pub fn add_rest(&self, supply: f64, demand: f64) -> Option<f64> {
        self.rest?.add(self.powers, supply, demand)
    }
}
