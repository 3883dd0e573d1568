//! Sums and maxima whose steps do not depend on each other. The order is fixed: the bits are the same on
//! every machine.

use crate::real::Real;

const LANES: usize = 8;

/// `Σ term(a, b)`.
#[inline(always)]
pub(crate) fn sum_of<T: Real>(a: &[T], b: &[T], term: impl Fn(T, T) -> T) -> T {
    let mut sums = [T::zero(); LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += term(a, b);
        }
    }
    for ((sum, &a), &b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += term(a, b);
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// The largest element; −∞ for an empty slice.
#[inline(always)]
pub(crate) fn largest<T: Real>(x: &[T]) -> T {
    let larger = |a: T, b: T| if b > a { b } else { a };
    let mut tops = [T::neg_infinity(); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (top, &x) in tops.iter_mut().zip(chunk) {
            *top = larger(*top, x);
        }
    }
    tops.into_iter().chain(rest.iter().copied()).fold(T::neg_infinity(), larger)
}
