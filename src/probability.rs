//! A probability that is exact in both tails.

use crate::real::Real;

/// A probability `u` in (0, 1) together with its complement `1 − u`, each to the full precision of the
/// scalar.
///
/// It is stored as a signed tail: `ε = u` in the lower half, `ε = −(1 − u)` in the upper half. A quantile
/// function that uses [`lower`](Self::lower) and [`upper`](Self::upper) where each is small loses nothing
/// in either tail. With a plain `u` in `f32`, the largest exponential draw would be 16.6.
///
/// ```
/// use reparam::Probability;
///
/// let u = Probability::from_upper(1e-30f32);
/// assert_eq!(u.upper(), 1e-30);
/// assert_eq!(u.lower(), 1.0);
/// assert!((-u.ln_upper() - 69.07755).abs() < 1e-4); // an exponential draw far beyond 16.6
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Probability<T>(T);

impl<T: Real> Probability<T> {
    /// From the signed tail `ε` in [−1/2, 1/2], the form in which noise is stored.
    #[inline]
    pub fn from_tail(tail: T) -> Self {
        Self(tail)
    }

    /// From the probability below, `u` in (0, 1).
    #[inline]
    pub fn from_lower(u: T) -> Self {
        if u <= T::of(0.5) { Self(u) } else { Self(-(T::one() - u)) }
    }

    /// From the probability above, `1 − u` in (0, 1).
    #[inline]
    pub fn from_upper(v: T) -> Self {
        if v < T::of(0.5) { Self(-v) } else { Self(T::one() - v) }
    }

    /// From both sides, each to its own precision: the smaller one is kept. A
    /// [`FamilyCdf`](crate::distributions::FamilyCdf) returns this.
    #[inline]
    pub fn from_sides(lower: T, upper: T) -> Self {
        if lower <= upper { Self(lower) } else { Self(-upper) }
    }

    /// The probability of an impossible event: 0 below, 1 above.
    #[inline]
    pub fn never() -> Self {
        Self(T::zero())
    }

    /// The probability of a certain event: 1 below, 0 above.
    #[inline]
    pub fn always() -> Self {
        Self(-T::zero())
    }

    /// The signed tail `ε`.
    #[inline]
    pub fn tail(self) -> T {
        self.0
    }

    /// Whether `u ≤ 1/2`; the sign of a zero distinguishes a certain event from an impossible one.
    #[inline]
    pub(crate) fn in_lower_half(self) -> bool {
        !self.0.is_sign_negative()
    }

    /// The same probability in double precision.
    #[inline]
    pub(crate) fn to_f64(self) -> Probability<f64> {
        Probability(self.0.f64())
    }

    /// `u`, the probability below.
    #[inline]
    pub fn lower(self) -> T {
        if self.in_lower_half() { self.0 } else { T::one() + self.0 }
    }

    /// `1 − u`, the probability above.
    #[inline]
    pub fn upper(self) -> T {
        if self.in_lower_half() { T::one() - self.0 } else { -self.0 }
    }

    /// `ln u`, exact in both tails.
    #[inline]
    pub fn ln_lower(self) -> T {
        if self.in_lower_half() { self.0.ln() } else { self.0.ln_1p() }
    }

    /// `ln(1 − u)`, exact in both tails.
    #[inline]
    pub fn ln_upper(self) -> T {
        if self.in_lower_half() { (-self.0).ln_1p() } else { (-self.0).ln() }
    }

    /// Whether this probability is smaller than another, by comparison of the tails.
    #[inline]
    pub(crate) fn is_below(self, other: Self) -> bool {
        match (self.in_lower_half(), other.in_lower_half()) {
            (true, false) => true,
            (false, true) => false,
            // In the same half, a lower tail grows with u, and so does a negative upper one.
            _ => self.0 < other.0,
        }
    }

    /// `ln(u / (1 − u))`, exact in both tails.
    #[inline]
    pub fn logit(self) -> T {
        self.ln_lower() - self.ln_upper()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tails_keep_their_digits() {
        let tiny = 1e-300f64;
        let low = Probability::from_lower(tiny);
        let high = Probability::from_upper(tiny);
        assert_eq!((low.lower(), low.upper()), (tiny, 1.0));
        assert_eq!((high.lower(), high.upper()), (1.0, tiny));
        assert_eq!(low.ln_lower(), tiny.ln());
        assert_eq!(low.ln_upper(), -tiny);
        assert_eq!(high.ln_upper(), tiny.ln());
        assert_eq!(high.ln_lower(), -tiny);
        assert_eq!(high.logit(), -low.logit());
    }

    #[test]
    fn an_underflowed_tail_stays_on_its_side() {
        let (never, always) = (Probability::from_lower(0.0f64), Probability::from_upper(0.0f64));
        assert_eq!((never.lower(), never.upper()), (0.0, 1.0));
        assert_eq!((always.lower(), always.upper()), (1.0, 0.0));
        assert_eq!(Probability::from_lower(1.0f64).lower(), 1.0);
        assert_eq!(Probability::from_upper(1.0f64).upper(), 1.0);
    }

    #[test]
    fn constructors_agree_in_the_middle() {
        for u in [0.25, 0.5, 0.75] {
            let (a, b) = (Probability::from_lower(u), Probability::from_upper(1.0 - u));
            assert_eq!((a.lower(), a.upper()), (u, 1.0 - u));
            assert_eq!((b.lower(), b.upper()), (u, 1.0 - u));
        }
    }
}
