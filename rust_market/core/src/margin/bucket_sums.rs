//! The margin of a market of very many units, by sums of buckets.
//!
//! Dealing so many units into buckets would write each to a far place. Here none is moved; each is
//! added to a sum of its bucket, twice. The first sums need not be exact. They tell between which
//! powers of two supply is in each bucket, and so to which last place its quantities are rounded.
//! The second sums add what is rounded: those are exact, in any order (see
//! [`absorb`](mod@crate::margin::absorb)). Then a walk over the buckets adds these sums. It proves each:
//! the supply has to be of the power that the first sums told, and to stay below the next one and
//! below demand. Where it does not, and where a quantity is half way between two roundings, order
//! counts, and the bucket's units are added one after the other. A chain through each bucket finds
//! them.

use std::array::from_fn;
use std::iter::zip;

use crate::fault::good_values;
use crate::margin::Margin;
use crate::margin::absorb::power_of_two;
use crate::margin::bucket_blocks::BucketBlocks;
use crate::margin::scale::Scale;
use crate::simd::Instructions;
use crate::values::{lesser, make_room};

/// About so many units share a bucket, so that those of one are sorted at once.
const UNITS_PER_BUCKET: usize = 16;

/// More buckets than this do not stay in the nearest caches.
const MOST_BUCKETS: usize = 2048;

/// So many units tell in which range bids lie. Others beyond it share the first or last bucket.
const SAMPLE: usize = 512;

/// Where bids are spread evenly, the squares of how many of the sample share a bucket come to little
/// more than the sample. From this many times on, bids crowd, and are better dealt.
const MOST_CROWDING: usize = 8;

/// So many units of each half are looked through, and then added.
const TILE: usize = 512;

/// The two halves of the units are added in turn, so that two of sorted bids, which go to one
/// bucket, do not wait for each other.
const HALVES: usize = 2;

/// So many units are added one after the other at once, if as many stand together.
const TOGETHER: usize = 16;

/// Relatively, sums of less than 2^32 units in two orders differ by no more.
const SLACK: f64 = 1.0 / (1 << 20) as f64;

/// A power that no supply has, so that no sum of a bucket with it is taken for proved.
const UNKNOWN: f64 = f64::INFINITY;

/// Memory for the sums of one market.
#[derive(Debug)]
pub(crate) struct BucketSums {
    /// The bucket of each unit; then the link from each unit to the one before in its chain.
    links: Vec<u32>,
    /// What the units of each bucket offer, added in whatever order.
    offered: Vec<f64>,
    buckets: Vec<Bucket>,
    /// Units that are added one after the other.
    bids: Vec<f64>,
    quantities: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Bucket {
    /// The power of two below the supply of all units up to this bucket's.
    power: f64,
    /// What the units add to it.
    sum: f64,
    /// Links to the last unit of each half: its number, from 1 on; 0 is none.
    last: [u32; HALVES],
}

impl Bucket {
    /// A bucket that nothing was added to.
    #[inline(always)]
    fn new(power: f64) -> Self {
        Self { power, sum: 0.0, last: [0; HALVES] }
    }

    /// The supply with all units, if the order of these cannot count.
    #[inline(always)]
    fn add_to(&self, supply: f64, demand: f64) -> Option<f64> {
        let with = supply + self.sum;
        let proved = (self.power <= supply) & (with < lesser(demand, 2.0 * self.power));
        proved.then_some(with)
    }
}

/// Adds units to the buckets of these numbers, given their links and halves; returns the links to
/// the units before.
///
/// Where one is half way between two roundings, the power becomes unknown. Sums that reach the next
/// power of two may be wrong, but never fall below it.
#[inline(always)]
fn add<const N: usize>(
    buckets: &mut [Bucket],
    numbers: [u32; N],
    quantities: [f64; N],
    links: [u32; N],
    halves: [usize; N],
) -> [u32; N] {
    let numbers = numbers.map(|number| number as usize);
    let powers = numbers.map(|number| buckets[number].power);
    let rounded: [f64; N] = from_fn(|k| (powers[k] + quantities[k]) - powers[k]);
    let half_way: [bool; N] =
        from_fn(|k| (quantities[k] - rounded[k]).abs() >= powers[k] * (0.5 * f64::EPSILON));
    if half_way.iter().fold(false, |any, one| any | one) {
        for k in (0..N).filter(|&k| half_way[k]) {
            buckets[numbers[k]].power = UNKNOWN;
        }
    }
    from_fn(|k| {
        let bucket = &mut buckets[numbers[k]];
        bucket.sum += rounded[k];
        std::mem::replace(&mut bucket.last[halves[k]], links[k])
    })
}

impl BucketSums {
    pub const fn new() -> Self {
        Self {
            links: Vec::new(),
            offered: Vec::new(),
            buckets: Vec::new(),
            bids: Vec::new(),
            quantities: Vec::new(),
        }
    }

    /// The margin; `None` where a value is bad, the bids are no good for this, or there is no
    /// memory for it.
    #[inline(always)]
    pub fn margin<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        blocks: &mut BucketBlocks,
    ) -> Option<Margin> {
        self.add_up(bids, quantities)?;
        self.find_powers(demand)?;
        self.add_rounded(quantities);
        self.walk::<I>(bids, quantities, demand, blocks)
    }

    /// Checks all units, numbers their buckets, and adds up what they offer there.
    #[inline(always)]
    pub fn add_up(&mut self, bids: &[f64], quantities: &[f64]) -> Option<()> {
        let scale = sampled_scale(bids)?;
        make_room(&mut self.links, bids.len(), 0).ok()?;
        make_room(&mut self.offered, scale.last as usize + 1, 0.0).ok()?;
        self.offered.fill(0.0);
        let middle = bids.len() / HALVES;
        let (links, offered) = (&mut self.links[..], &mut self.offered[..]);
        let (one, other) = links.split_at_mut(middle);
        let (one_bids, other_bids) = bids.split_at(middle);
        let (one_quantities, other_quantities) = quantities.split_at(middle);
        let tiles = zip(one.chunks_mut(TILE), other.chunks_mut(TILE));
        let bids = zip(one_bids.chunks(TILE), other_bids.chunks(TILE));
        let quantities = zip(one_quantities.chunks(TILE), other_quantities.chunks(TILE));
        for ((tiles, bids), quantities) in tiles.zip(bids).zip(quantities) {
            look(tiles.0, bids.0, quantities.0, scale)?;
            look(tiles.1, bids.1, quantities.1, scale)?;
            let pairs = zip(zip(tiles.0, quantities.0), zip(tiles.1, quantities.1));
            for ((bucket, quantity), (other_bucket, other_quantity)) in pairs {
                offered[*bucket as usize] += quantity;
                offered[*other_bucket as usize] += other_quantity;
            }
        }
        if other.len() > middle {
            let (last, quantity) = (&mut other[middle..], &other_quantities[middle..]);
            look(last, &other_bids[middle..], quantity, scale)?;
            offered[last[0] as usize] += quantity[0];
        }
        Some(())
    }

    /// Tells the power of two below supply, one for all units of a bucket; unknown where supply
    /// may pass another or reach demand.
    #[inline(always)]
    pub fn find_powers(&mut self, demand: f64) -> Option<()> {
        let mut supply = 0.0;
        make_room(&mut self.buckets, self.offered.len(), Bucket::new(UNKNOWN)).ok()?;
        for (bucket, &offered) in self.buckets.iter_mut().zip(&self.offered) {
            let power = power_of_two(supply * (1.0 - SLACK));
            supply += offered;
            let stays = supply * (1.0 + SLACK) < lesser(demand, 2.0 * power);
            *bucket = Bucket::new(if stays { power } else { UNKNOWN });
        }
        Some(())
    }

    /// Adds up what each unit adds to a supply of its bucket's power, and chains the units.
    #[inline(always)]
    pub fn add_rounded(&mut self, quantities: &[f64]) {
        let middle = self.links.len() / HALVES;
        let buckets = &mut self.buckets[..];
        let (one, other) = self.links.split_at_mut(middle);
        let (one_quantities, other_quantities) = quantities.split_at(middle);
        let pairs = zip(zip(one, one_quantities), zip(&mut *other, other_quantities));
        for (unit, ((one, one_quantity), (other, other_quantity))) in (1..).zip(pairs) {
            let quantities = [*one_quantity, *other_quantity];
            let links = [unit, middle as u32 + unit];
            [*one, *other] = add(buckets, [*one, *other], quantities, links, [0, 1]);
        }
        if let (Some(last), Some(&quantity)) =
            (other.get_mut(middle), other_quantities.get(middle))
        {
            let link = 2 * middle as u32 + 1;
            [*last] = add(buckets, [*last], [quantity], [link], [1]);
        }
    }

    /// Adds the buckets, and units one after the other where their order counts.
    #[inline(always)]
    pub fn walk<I: Instructions>(
        &mut self,
        bids: &[f64],
        quantities: &[f64],
        demand: f64,
        blocks: &mut BucketBlocks,
    ) -> Option<Margin> {
        let mut supply = 0.0;
        let mut next = 0;
        while next < self.buckets.len() {
            if let Some(with) = self.buckets[next].add_to(supply, demand) {
                supply = with;
                next += 1;
                continue;
            }
            self.bids.clear();
            self.quantities.clear();
            while let Some(bucket) = self.buckets.get(next)
                && (self.bids.is_empty() || self.bids.len() < TOGETHER && bucket.power == UNKNOWN)
            {
                self.gather(bucket.last, bids, quantities)?;
                next += 1;
            }
            match blocks.add_units::<I>(&self.bids, &self.quantities, supply, demand)? {
                Ok(with) => supply = with,
                Err(reached) => return Some(reached.margin(bids)),
            }
        }
        Some(Margin::Beyond)
    }

    /// Takes the units of a bucket along, in index order.
    #[inline(always)]
    fn gather(&mut self, last: [u32; HALVES], bids: &[f64], quantities: &[f64]) -> Option<()> {
        for mut link in last {
            let begin = self.bids.len();
            while let Some(unit) = link.checked_sub(1) {
                self.bids.try_reserve(1).ok()?;
                self.quantities.try_reserve(1).ok()?;
                self.bids.push(bids[unit as usize]);
                self.quantities.push(quantities[unit as usize]);
                link = self.links[unit as usize];
            }
            self.bids[begin..].reverse();
            self.quantities[begin..].reverse();
        }
        Some(())
    }

    /// Gives memory back that only an unusually large market needed.
    pub fn shrink_to(&mut self, units: usize) {
        if self.links.capacity() > units {
            *self = Self::new();
        }
    }
}

/// From bids to buckets, by some of the bids; `None` where those are equal or crowd.
#[inline(always)]
fn sampled_scale(bids: &[f64]) -> Option<Scale> {
    u32::try_from(bids.len()).ok()?;
    let sample: [f64; SAMPLE] = from_fn(|k| bids[sampled(k, bids.len())]);
    let buckets = (bids.len() / UNITS_PER_BUCKET).clamp(1, MOST_BUCKETS);
    let scale = Scale::new(&sample, buckets as u32).filter(|scale| !scale.flat())?;
    let mut counts = [0; MOST_BUCKETS + 1];
    sample.iter().for_each(|&bid| counts[scale.clamped_bucket(bid) as usize] += 1);
    let crowding = counts.iter().map(|count| count * count).sum::<usize>();
    (crowding <= MOST_CROWDING * SAMPLE).then_some(scale)
}

/// The unit that one of the sample is: of each part of the units one, at no regular distance, or
/// units that come in turns would mislead.
fn sampled(k: usize, units: usize) -> usize {
    let part = units / SAMPLE;
    let scattered = (k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    k * part + ((scattered * part as u64) >> 32) as usize
}

/// Checks some units and numbers their buckets; `None` where a value is bad.
#[inline(always)]
fn look(numbers: &mut [u32], bids: &[f64], quantities: &[f64], scale: Scale) -> Option<()> {
    for (number, &bid) in numbers.iter_mut().zip(bids) {
        *number = scale.clamped_bucket(bid) as u32;
    }
    good_values(bids, quantities, &[]).then_some(())
}

#[cfg(test)]
mod tests;
