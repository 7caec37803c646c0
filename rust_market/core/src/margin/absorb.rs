//! Adding units as they lie, where the order cannot matter.
//!
//! Supply is added up in merit order, one rounding after the other. But as long as it stays below
//! the next power of two, every sum is rounded to the same unit in the last place, of which supply
//! is a multiple. So adding a quantity is adding the nearest such multiple, whatever the supply is:
//! those additions are exact, and come out the same in any order. The exception is a quantity half
//! way between two multiples, which is rounded up or down depending on the supply. That is found
//! without error, and such a unit is not absorbed.

use std::array::from_fn;

use crate::values::lesser;

/// So many units are absorbed at once, or none of them.
pub(crate) const BLOCK: usize = 8;

/// Adds blocks of units in this order to a supply, as long as it stays below demand and the order
/// cannot matter.
///
/// Returns how many were added, and the supply with them.
#[inline(always)]
pub(crate) fn absorb(order: &[u32], quantities: &[f64], supply: f64, demand: f64) -> (usize, f64) {
    let power = power_of_two(supply);
    let (half, bound) = limits(power, demand);
    let (blocks, _) = order.as_chunks::<BLOCK>();
    let mut sums = [0.0; BLOCK];
    sums[0] = supply;
    for (count, block) in blocks.iter().enumerate() {
        let quantities: [f64; BLOCK] = from_fn(|k| quantities[block[k] as usize]);
        let rounded: [f64; BLOCK] = from_fn(|k| (power + quantities[k]) - power);
        let half_way: [u64; BLOCK] =
            from_fn(|k| u64::from((quantities[k] - rounded[k]).abs() == half));
        let with = from_fn(|k| sums[k] + rounded[k]);
        let any = half_way.into_iter().fold(0, |any, one| any | one) != 0;
        let below = sum(with) < bound; // not if it is no number
        if any | !below {
            return (count * BLOCK, sum(sums));
        }
        sums = with;
    }
    (blocks.len() * BLOCK, sum(sums))
}

/// Half a unit in the last place of a supply of this binade, and what it must stay below.
///
/// Where half a unit is too small to be a number it is zero, and all quantities seem half way.
/// Sums that reach the next power of two may be wrong, but never fall below it.
#[inline(always)]
fn limits(power: f64, demand: f64) -> (f64, f64) {
    (power * (0.5 * f64::EPSILON), lesser(demand, 2.0 * power))
}

/// What some units that were absorbed, and none of them half way, add to a supply with them.
#[inline(always)]
pub(crate) fn rounded_sum(order: &[u32], quantities: &[f64], supply: f64) -> f64 {
    let power = power_of_two(supply);
    let rounded = |unit: u32| (power + quantities[unit as usize]) - power;
    order.iter().fold(0.0, |sum, &unit| sum + rounded(unit))
}

#[inline(always)]
fn sum(sums: [f64; BLOCK]) -> f64 {
    let [a, b, c, d] = from_fn(|k| sums[k] + sums[k + 4]);
    (a + b) + (c + d)
}

/// The highest power of two that is not above a normal number; of others, zero or infinity.
#[inline(always)]
pub(crate) fn power_of_two(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & f64::INFINITY.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Absorbs quantities as they lie.
    fn absorbed(quantities: &[f64], supply: f64, demand: f64) -> (usize, f64) {
        absorb(&order(quantities), quantities, supply, demand)
    }

    fn order(quantities: &[f64]) -> Vec<u32> {
        (0..quantities.len() as u32).collect()
    }

    #[test]
    fn what_is_absorbed_is_the_sum_in_any_order() {
        let mut quantities: [f64; 4 * BLOCK] = from_fn(|k| (k as f64 + 0.1).sqrt());
        let expected = quantities.iter().fold(1024.3, |sum, quantity| sum + quantity);
        for _ in 0..2 {
            assert_eq!(absorbed(&quantities, 1024.3, 1e9), (4 * BLOCK, expected));
            let all = order(&quantities);
            assert_eq!(expected - rounded_sum(&all[BLOCK..], &quantities, expected), {
                quantities[..BLOCK].iter().fold(1024.3, |sum, quantity| sum + quantity)
            });
            quantities.reverse();
        }
    }

    #[test]
    fn neither_a_demand_nor_a_power_of_two_is_reached() {
        let quantities = [1.0; 4 * BLOCK];
        assert_eq!(absorbed(&quantities, 1000.0, 1e9), (2 * BLOCK, 1016.0));
        assert_eq!(absorbed(&quantities, 999.0, 1e9), (3 * BLOCK, 1023.0));
        assert_eq!(absorbed(&quantities, 900.0, 908.0), (0, 900.0));
        assert_eq!(absorbed(&quantities, 900.0, 908.5), (BLOCK, 908.0));
        let huge = [f64::MAX, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(absorbed(&huge, f64::MAX, f64::MAX), (0, f64::MAX));
    }

    #[test]
    fn a_quantity_half_way_is_not_absorbed() {
        let half = f64::EPSILON; // half a unit in the last place of 2
        for (part, count) in
            [(half, 0), (3.0 * half, 0), (0.999 * half, BLOCK), (2.0 * half, BLOCK)]
        {
            let mut quantities = [0.0; BLOCK];
            quantities[5] = part;
            assert_eq!(absorbed(&quantities, 2.5, 1e9).0, count, "{part:e}");
        }
    }

    #[test]
    fn a_supply_whose_last_place_is_too_small_absorbs_nothing() {
        for supply in [0.0, f64::from_bits(1), f64::MIN_POSITIVE] {
            assert_eq!(absorbed(&[0.0; BLOCK], supply, 1.0), (0, supply));
        }
    }
}
