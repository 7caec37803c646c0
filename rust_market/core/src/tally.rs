//! One pass over the units of a market: it checks them, numbers their buckets, and adds them up there.
#![allow(unsafe_code)]

use std::array::from_fn;

use crate::scale::Scale;
use crate::sums::{BUCKETS, Powers, Sums};
use crate::values::{lesser, lower, refill};

/// So many units tell how bids and quantities are spread. A market has no fewer.
pub(crate) const SAMPLE: usize = 512;

/// The squares of how many of the sample share a bucket come to some three times the sample where
/// bids are spread evenly. From this many times on, they are better dealt than added up.
const MOST_CROWDING: usize = 8;

/// So many parts of the units are added in turn, so that two of sorted bids, which go to one
/// bucket, do not wait for each other.
const PARTS: usize = 4;

/// So many units of each part are looked through, and then added.
const TILE: usize = 256;

/// So many values are looked at at once.
const LANES: usize = 8;

/// So many buckets are numbered at once.
const NUMBERS: usize = 32;

/// One in so many quantities at most may be half way.
const UNITS_PER_HALF_WAY: usize = 64;

/// Adds up the units by buckets, and writes the bucket of each.
///
/// Returns the scale of the buckets; `None` where a value is bad, bids crowd, many quantities are
/// half way, or supply is too small or large for sums.
#[inline(always)]
pub(crate) fn tally<const AVX2: bool>(
    bids: &[f64],
    quantities: &[f64],
    demand: f64,
    sums: &mut Sums,
    buckets: &mut Vec<u8>,
) -> Option<Scale> {
    let scale = sampled_scale(bids)?;
    let powers = Powers::below(lesser(demand, most(quantities)))?;
    sums.clear(powers);
    if buckets.len() < bids.len() {
        refill(buckets, std::iter::repeat_n(0, bids.len()));
    }
    let tally = Tally { scale, sums, seen: Seen::new(), half_way: 0 };
    tally.good::<AVX2>(bids, quantities, &mut buckets[..bids.len()]).then_some(scale)
}

/// From bids to buckets, by some of the bids; `None` where those crowd.
#[inline(always)]
fn sampled_scale(bids: &[f64]) -> Option<Scale> {
    let sample: [f64; SAMPLE] = from_fn(|k| bids[sampled(k, bids.len())]);
    let scale = Scale::new(&sample, BUCKETS as u32 - 1).filter(|scale| !scale.flat())?;
    let mut counts = [0; BUCKETS];
    for bid in sample {
        counts[usize::from(scale.clamped_bucket(bid) as u8)] += 1;
    }
    let crowding = counts.iter().map(|count| count * count).sum::<usize>();
    (crowding <= MOST_CROWDING * SAMPLE).then_some(scale)
}

/// About the sum of all, rather too much.
fn most(quantities: &[f64]) -> f64 {
    let sum: f64 = (0..SAMPLE).map(|k| quantities[sampled(k, quantities.len())]).sum();
    1.125 * sum * (quantities.len() / SAMPLE) as f64
}

/// The unit that one of the sample is: of each part of the units one, at no regular distance, or
/// units that come in turns would mislead.
#[inline(always)]
pub(crate) fn sampled(k: usize, units: usize) -> usize {
    let part = units / SAMPLE;
    let scattered = (k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    k * part + ((scattered * part as u64) >> 32) as usize
}

struct Tally<'a> {
    scale: Scale,
    sums: &'a mut Sums,
    seen: Seen,
    /// How many quantities are half way.
    half_way: usize,
}

impl Tally<'_> {
    /// False where a value is bad, or too many quantities are half way.
    #[inline(always)]
    fn good<const AVX2: bool>(
        mut self,
        bids: &[f64],
        quantities: &[f64],
        buckets: &mut [u8],
    ) -> bool {
        let length = bids.len() / (PARTS * TILE) * TILE;
        for start in (0..length).step_by(TILE) {
            let at: [usize; PARTS] = from_fn(|part| part * length + start);
            for at in at {
                let tile = at..at + TILE;
                self.look::<AVX2>(
                    &bids[tile.clone()],
                    &quantities[tile.clone()],
                    &mut buckets[tile],
                );
            }
            if self.too_many_half_way(PARTS * (start + TILE)) {
                return false;
            }
            let tiles = at.map(|at| {
                let tile = at..at + TILE;
                let (buckets, _) = buckets[tile.clone()].as_chunks::<TILE>();
                let (quantities, _) = quantities[tile].as_chunks::<TILE>();
                (&buckets[0], &quantities[0])
            });
            for unit in 0..TILE {
                for (buckets, quantities) in tiles {
                    self.sums.add(buckets[unit], quantities[unit]);
                }
            }
        }
        let rest = PARTS * length..bids.len();
        let (bids, quantities) = (&bids[rest.clone()], &quantities[rest.clone()]);
        let buckets = &mut buckets[rest];
        self.look::<AVX2>(bids, quantities, buckets);
        for (&bucket, &quantity) in buckets.iter().zip(quantities) {
            self.sums.add(bucket, quantity);
        }
        !self.too_many_half_way(PARTS * length) && self.seen.good() && self.sums.finite()
    }

    /// Whether they are, of so many that were looked at; rather no than yes of the first ones.
    fn too_many_half_way(&self, units: usize) -> bool {
        self.half_way > (units + PARTS * TILE) / UNITS_PER_HALF_WAY
    }

    /// Checks some units, numbers their buckets, and marks those that are half way.
    #[inline(always)]
    fn look<const AVX2: bool>(&mut self, bids: &[f64], quantities: &[f64], buckets: &mut [u8]) {
        self.seen.look_at_bids(bids);
        let fine = self.seen.look_at_quantities(quantities, self.sums.powers());
        number::<AVX2>(self.scale, bids, buckets);
        if fine {
            self.mark(quantities, buckets);
        }
    }

    #[inline(always)]
    fn mark(&mut self, quantities: &[f64], buckets: &[u8]) {
        let powers = self.sums.powers();
        for (quantities, buckets) in quantities.chunks(LANES).zip(buckets.chunks(LANES)) {
            let may_be = |&quantity: &f64| powers.fine(quantity) & !powers.coarse(quantity);
            if quantities.iter().fold(false, |any, quantity| any | may_be(quantity)) {
                for (&quantity, &bucket) in quantities.iter().zip(buckets) {
                    self.half_way += usize::from(self.sums.mark(bucket, quantity));
                }
            }
        }
    }
}

/// What was seen of the values; whether quantities are finite the sums tell.
struct Seen {
    /// NaN where a bid is not finite.
    zeros: [f64; LANES],
    /// Less than zero where a quantity is.
    lowest: [f64; LANES],
}

impl Seen {
    fn new() -> Self {
        Self { zeros: [0.0; LANES], lowest: [0.0; LANES] }
    }

    fn good(&self) -> bool {
        (self.zeros == [0.0; LANES]) & (self.lowest == [0.0; LANES])
    }

    #[inline(always)]
    fn look_at_bids(&mut self, bids: &[f64]) {
        let (chunks, rest) = bids.as_chunks::<LANES>();
        let mut zeros = self.zeros;
        for chunk in chunks {
            zeros = from_fn(|k| zeros[k] + 0.0 * chunk[k]);
        }
        zeros[0] += rest.iter().map(|bid| 0.0 * bid).sum::<f64>();
        self.zeros = zeros;
    }

    /// Returns whether any quantity may be half way.
    #[inline(always)]
    fn look_at_quantities(&mut self, quantities: &[f64], powers: Powers) -> bool {
        let (chunks, rest) = quantities.as_chunks::<LANES>();
        let mut lowest = self.lowest;
        let mut fine = [0; LANES];
        for chunk in chunks {
            lowest = lower(lowest, chunk);
            fine = from_fn(|k| fine[k] | u64::from(powers.fine(chunk[k])));
        }
        for &quantity in rest {
            lowest = lower(lowest, &[quantity; LANES]);
            fine[0] |= u64::from(powers.fine(quantity));
        }
        self.lowest = lowest;
        fine.into_iter().fold(0, |any, one| any | one) != 0
    }
}

/// Writes the bucket of each bid.
#[inline(always)]
fn number<const AVX2: bool>(scale: Scale, bids: &[f64], buckets: &mut [u8]) {
    let (chunks, rest) = bids.as_chunks::<NUMBERS>();
    let (numbers, others) = buckets.as_chunks_mut::<NUMBERS>();
    for (numbers, bids) in numbers.iter_mut().zip(chunks) {
        #[cfg(target_arch = "x86_64")]
        if AVX2 {
            // SAFETY: the caller says that the processor has it.
            unsafe { number_avx2(scale, bids, numbers) };
            continue;
        }
        *numbers = bids.map(|bid| scale.clamped_bucket(bid) as u8);
    }
    for (number, &bid) in others.iter_mut().zip(rest) {
        *number = scale.clamped_bucket(bid) as u8;
    }
}

/// Brings the numbers together by shifts. (Left to itself the compiler shuffles them, which keeps
/// one port of the processor busy for longer than all else that is done to a bid.)
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn number_avx2(scale: Scale, bids: &[f64; NUMBERS], numbers: &mut [u8; NUMBERS]) {
    use std::arch::x86_64::{
        _mm_cvtsi32_si128, _mm_storeu_si128, _mm_unpackhi_epi16, _mm_unpacklo_epi16,
        _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_or_si256, _mm256_set_epi64x,
        _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sll_epi64,
    };
    // Byte `row` of lane k becomes the number of bid 4 row + k.
    let mut bytes = _mm256_setzero_si256();
    for (row, bids) in (0..).zip(bids.as_chunks::<4>().0) {
        let [a, b, c, d] = bids.map(|bid| scale.clamped_bucket(bid).cast_signed());
        let shift = _mm_cvtsi32_si128(8 * row);
        bytes = _mm256_or_si256(bytes, _mm256_sll_epi64(_mm256_set_epi64x(d, c, b, a), shift));
    }
    // Then the bytes of each row come together: of two lanes in each half, and of both halves.
    #[rustfmt::skip]
    let pairs = _mm256_setr_epi8(
        0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15,
        0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15,
    );
    let bytes = _mm256_shuffle_epi8(bytes, pairs);
    let (low, high) = (_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
    let (first, second) = numbers.split_at_mut(NUMBERS / 2);
    let (one, other) = (_mm_unpacklo_epi16(low, high), _mm_unpackhi_epi16(low, high));
    // SAFETY: there is room for sixteen bytes, and no alignment is needed.
    unsafe { _mm_storeu_si128(first.as_mut_ptr().cast(), one) };
    // SAFETY: and for sixteen more.
    unsafe { _mm_storeu_si128(second.as_mut_ptr().cast(), other) };
}
