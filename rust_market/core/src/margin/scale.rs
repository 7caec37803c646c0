//! Where a bid lies between the lowest and the highest, of all or of some.

use crate::values::extent;

/// Added to a number, this rounds it to an integer and leaves that in the low bits: 1.5 * 2^52.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// From bids to buckets, without ever going down while bids go up.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub lowest: f64,
    pub highest: f64,
    buckets_per_price: f64,
    /// The number of the last bucket.
    pub last: u32,
}

impl Scale {
    #[inline(always)]
    pub fn new(bids: &[f64], last: u32) -> Option<Self> {
        let (lowest, highest) = extent(bids);
        let range = highest - lowest;
        let buckets_per_price = if range == 0.0 { 0.0 } else { f64::from(last) / range };
        let good = range.is_finite() && buckets_per_price.is_finite();
        good.then_some(Self { lowest, highest, buckets_per_price, last })
    }

    /// Whether all bids are equal.
    #[inline(always)]
    pub fn flat(self) -> bool {
        self.lowest == self.highest
    }

    /// Every step rounds, and none goes down. The bound is for bids that are no numbers.
    #[inline(always)]
    pub fn bucket(self, bid: f64) -> u32 {
        (round(self.place(bid)) as u32).min(self.last)
    }

    /// As `bucket`, for a bid that may be below the lowest or above the highest, or no number.
    #[inline(always)]
    pub fn clamped_bucket(self, bid: f64) -> u64 {
        (self.clamped_place(bid) + ROUND).to_bits() ^ ROUND.to_bits()
    }

    #[inline(always)]
    fn clamped_place(self, bid: f64) -> f64 {
        let bid = if bid > self.lowest { bid } else { self.lowest };
        self.place(if bid < self.highest { bid } else { self.highest })
    }

    #[inline(always)]
    fn place(self, bid: f64) -> f64 {
        (bid - self.lowest) * self.buckets_per_price
    }

    /// From bids in the buckets of these two, or between, to numbers that never go down either.
    #[inline(always)]
    pub fn within(self, one: f64, other: f64) -> impl Fn(f64) -> i32 {
        let bucket = |bid: f64| f64::from(self.clamped_bucket(bid) as u32);
        let first = bucket(one) - 1.0;
        let fineness = f64::from(1 << 30) / (bucket(other) + 1.0 - first);
        move |bid| round((self.clamped_place(bid) - first) * fineness)
    }
}

/// Rounds a number of less than 31 bits to an integer; of any other, it is some integer.
#[inline(always)]
fn round(number: f64) -> i32 {
    (number + ROUND).to_bits() as i32
}
