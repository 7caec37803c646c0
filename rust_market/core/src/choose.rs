//! The units of some buckets, in index order.
#![allow(unsafe_code)]

/// So many buckets are compared at once.
const WORD: usize = 64;

/// Writes the units whose bucket is at most the last or one of the others.
///
/// Returns them; `None` if those are more than half of all.
#[inline(always)]
pub(crate) fn choose<'a, const AVX2: bool>(
    buckets: &[u8],
    last: u8,
    others: &[u8],
    chosen: &'a mut Vec<u32>,
) -> Option<&'a [u32]> {
    let most = buckets.len() / 2;
    if chosen.len() < most + WORD {
        chosen.clear();
        chosen.reserve_exact(most + WORD);
        chosen.resize(most + WORD, 0);
    }
    let mut count = 0;
    let (words, rest) = buckets.as_chunks::<WORD>();
    for (first, word) in (0..).step_by(WORD).zip(words) {
        write(hits::<AVX2>(word, last, others), first, chosen, &mut count);
        if count > most {
            return None;
        }
    }
    let mut end = [0; WORD];
    end[..rest.len()].copy_from_slice(rest);
    let valid = (1 << rest.len()) - 1;
    let first = (WORD * words.len()) as u32;
    write(hits::<AVX2>(&end, last, others) & valid, first, chosen, &mut count);
    (count <= most).then(|| &chosen[..count])
}

/// Writes the unit of each bit.
#[inline(always)]
fn write(mut bits: u64, first: u32, chosen: &mut [u32], count: &mut usize) {
    while bits != 0 {
        chosen[*count] = first + bits.trailing_zeros();
        *count += 1;
        bits &= bits - 1;
    }
}

/// One bit for each unit in one of these buckets.
#[inline(always)]
fn hits<const AVX2: bool>(buckets: &[u8; WORD], last: u8, others: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if AVX2 {
        // SAFETY: the caller says that the processor has it.
        return unsafe { hits_avx2(buckets, last, others) };
    }
    let hit = |bucket: &u8| *bucket <= last || others.contains(bucket);
    buckets.iter().rev().fold(0, |bits, bucket| (bits << 1) | u64::from(hit(bucket)))
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn hits_avx2(buckets: &[u8; WORD], last: u8, others: &[u8]) -> u64 {
    use std::arch::x86_64::{
        _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8,
    };
    let (low, high) = buckets.split_at(WORD / 2);
    // SAFETY: thirty-two bytes lie there, and need no alignment.
    let low = unsafe { _mm256_loadu_si256(low.as_ptr().cast()) };
    // SAFETY: and as many more.
    let high = unsafe { _mm256_loadu_si256(high.as_ptr().cast()) };
    let halves = [low, high];
    let last = _mm256_set1_epi8(last.cast_signed());
    let mut hits = halves.map(|half| _mm256_cmpeq_epi8(_mm256_min_epu8(half, last), half));
    for &other in others {
        let other = _mm256_set1_epi8(other.cast_signed());
        for (hits, half) in hits.iter_mut().zip(halves) {
            *hits = _mm256_or_si256(*hits, _mm256_cmpeq_epi8(half, other));
        }
    }
    let [low, high] = hits.map(|hits| u64::from(_mm256_movemask_epi8(hits).cast_unsigned()));
    low | (high << (WORD / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const AVX2: bool>() {
        for units in [1, 63, 64, 65, 127, 128, 1000] {
            let buckets: Vec<u8> = (0..units).map(|unit| (unit * 167 % 256) as u8).collect();
            for (last, others) in [(0, vec![]), (3, vec![255]), (40, vec![41, 128, 127, 200])] {
                let hit = |unit: &u32| {
                    let bucket = buckets[*unit as usize];
                    bucket <= last || others.contains(&bucket)
                };
                let expected: Vec<u32> = (0..units).filter(hit).collect();
                let mut chosen = vec![7; 3];
                let chosen = choose::<AVX2>(&buckets, last, &others, &mut chosen);
                if expected.len() <= units as usize / 2 {
                    assert_eq!(chosen, Some(&expected[..]));
                } else {
                    assert_eq!(chosen, None);
                }
            }
        }
        assert_eq!(choose::<AVX2>(&[9; 1000], 9, &[], &mut Vec::new()), None);
    }

    #[test]
    fn chooses_the_units_of_some_buckets() {
        check::<false>();
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            check::<true>();
        }
    }
}
