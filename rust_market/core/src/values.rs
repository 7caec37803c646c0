//! Looking through values, so many at a time.

use std::array::from_fn;

use crate::error::OutOfMemory;

/// So many bids are compared at once.
const LANES: usize = 8;

/// Makes a buffer so long, with no more memory than that needs: a vector that grows takes double.
/// What it holds means nothing. All memory whose size depends on the input comes from here.
#[inline(always)]
pub(crate) fn make_room<T: Clone>(
    buffer: &mut Vec<T>,
    length: usize,
    any: T,
) -> Result<(), OutOfMemory> {
    if length > buffer.capacity() {
        let more = length - buffer.len();
        buffer.try_reserve_exact(more).map_err(|_| OutOfMemory)?;
    }
    buffer.resize(length, any);
    Ok(())
}

/// Overwrites a buffer. A plain loop is compiled for the instructions of its caller;
/// `Vec::extend` need not be.
#[inline(always)]
pub(crate) fn refill<T: Copy>(
    buffer: &mut Vec<T>,
    any: T,
    values: impl ExactSizeIterator<Item = T>,
) -> Result<(), OutOfMemory> {
    make_room(buffer, values.len(), any)?;
    buffer.iter_mut().zip(values).for_each(|(place, value)| *place = value);
    Ok(())
}

/// Reads -0.0 as 0.0.
///
/// No result of this may go into `f64::min` or `f64::max`: those do not say which zero they give,
/// so that compilers leave out an addition that decides nothing but a sign.
#[inline(always)]
pub(crate) fn positive_zero(value: f64) -> f64 {
    value + 0.0
}

/// A bid as an integer with the same order; -0.0 equals 0.0.
#[inline(always)]
pub(crate) fn key(bid: f64) -> u64 {
    let bits = positive_zero(bid).to_bits();
    let negative = (bits as i64 >> 63) as u64; // all ones or all zeros
    bits ^ (negative | 1 << 63)
}

/// The lowest and the highest bid. Lane by lane, or the compiler does one after the other.
#[inline(always)]
pub(crate) fn extent(bids: &[f64]) -> (f64, f64) {
    let (chunks, rest) = bids.as_chunks::<LANES>();
    let (mut lowest, mut highest) = ([bids[0]; LANES], [bids[0]; LANES]);
    for chunk in chunks {
        lowest = lower(lowest, chunk);
        highest = higher(highest, chunk);
    }
    let mut last = [bids[0]; LANES];
    for (lane, &bid) in last.iter_mut().zip(rest) {
        *lane = bid;
    }
    lowest = lower(lowest, &last);
    highest = higher(highest, &last);
    let least =
        lowest.into_iter().fold(bids[0], |one, other| if other < one { other } else { one });
    let most =
        highest.into_iter().fold(bids[0], |one, other| if other > one { other } else { one });
    (least, most)
}

/// The lower ones. A choice like this is one instruction; `f64::min` is more.
#[inline(always)]
pub(crate) fn lower<const N: usize>(one: [f64; N], other: &[f64; N]) -> [f64; N] {
    from_fn(|lane| if other[lane] < one[lane] { other[lane] } else { one[lane] })
}

/// The higher ones.
#[inline(always)]
fn higher<const N: usize>(one: [f64; N], other: &[f64; N]) -> [f64; N] {
    from_fn(|lane| if other[lane] > one[lane] { other[lane] } else { one[lane] })
}

/// The lesser number; the first of two that are equal, and where the other is NaN.
///
/// `f64::min` does not say which of two zeros it gives.
#[inline(always)]
pub(crate) fn lesser(one: f64, other: f64) -> f64 {
    if other < one { other } else { one }
}

/// The unit with this bid that has so many before it.
#[inline(always)]
pub(crate) fn nth_at(bids: &[f64], bid: f64, mut before: usize) -> usize {
    let (chunks, _) = bids.as_chunks::<LANES>();
    let mut start = 0;
    for chunk in chunks {
        let found = chunk.iter().fold(0, |sum, &other| sum + usize::from(other == bid));
        if found > before {
            break;
        }
        before -= found;
        start += LANES;
    }
    let mut units = (start..bids.len()).filter(|&unit| bids[unit] == bid);
    units.nth(before).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_of_floats() {
        let tiny = f64::from_bits(1);
        let ascending = [
            -f64::INFINITY,
            -f64::MAX,
            -1.0,
            -f64::MIN_POSITIVE,
            -tiny,
            0.0,
            tiny,
            f64::MIN_POSITIVE,
            1.0,
            1.0 + f64::EPSILON,
            f64::MAX,
            f64::INFINITY,
        ];
        assert!(ascending.is_sorted_by(|a, b| key(*a) < key(*b)));
        assert_eq!(key(-0.0), key(0.0));
    }
}
