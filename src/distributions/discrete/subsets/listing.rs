//! The list of all subsets of a size.

use crate::real::Real;

/// The number of subsets of k of n items, if a `usize` holds it.
pub(super) fn subsets(n: usize, k: usize) -> Option<usize> {
    let k = k.min(n - k) as u128;
    let mut count = 1u128;
    for i in 0..k {
        // Each intermediate value is a whole number, because it is a binomial coefficient.
        count = count.checked_mul(n as u128 - i)? / (i + 1);
        usize::try_from(count).ok()?;
    }
    usize::try_from(count).ok()
}

/// The subset with this index as a 0/1 vector: those with the first item come first.
pub(super) fn write_subset<T: Real>(n: usize, k: usize, mut index: usize, z: &mut [T]) {
    let mut left = k;
    for (i, z) in z.iter_mut().enumerate() {
        let rest = n - i - 1;
        let with =
            if (1..=rest + 1).contains(&left) { subsets(rest, left - 1).unwrap_or(usize::MAX) } else { 0 };
        let taken = index < with;
        *z = if taken { T::one() } else { T::zero() };
        if taken {
            left -= 1;
        } else {
            index -= with;
        }
    }
}

/// Whether it is a 0/1 vector with k ones.
pub(super) fn is_subset<T: Real>(z: &[T], k: usize) -> bool {
    z.iter().all(|z| z.is_zero() || z.is_one()) && z.iter().filter(|z| z.is_one()).count() == k
}
