//! The root of an increasing function between two known ends.

use crate::real::Real;

/// The maximal number of evaluations; bisection alone reaches the last digit long before.
const MOST: usize = 300;

/// The root of an increasing function on [low, high], by Newton's method, with bisection where a step
/// leaves the bracket or gains too little. `at` returns value and slope. NaN if the function is NaN.
pub(crate) fn root<T: Real>(low: T, high: T, at: impl Fn(T) -> (T, T)) -> T {
    let (mut below, mut above) = (low, high);
    let mut x = T::of(0.5) * low + T::of(0.5) * high;
    let mut previous = T::infinity();
    for _ in 0..MOST {
        let (value, slope) = at(x);
        if value.is_nan() {
            return value;
        }
        if value < T::zero() {
            below = x;
        } else {
            above = x;
        }
        let newton = x - value / slope;
        let gains = value.abs() <= T::of(0.5) * previous;
        let next = if newton >= below && newton <= above && gains {
            newton
        } else {
            T::of(0.5) * below + T::of(0.5) * above
        };
        if (next - x).abs() <= T::epsilon() * x.abs() || value.is_zero() {
            return next;
        }
        previous = value.abs();
        x = next;
    }
    x
}
