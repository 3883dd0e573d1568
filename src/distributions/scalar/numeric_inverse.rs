//! The quantile function of a family for which only CDF and density are known.

use rand::Rng;

use crate::distributions::scalar::inverse_cdf::{
    ClosedEntropy, Density, DensityGradient, Family, FamilyCdf, FamilyKl, FamilyMoments, InverseCdf, Quantile,
};
use crate::error::Error;
use crate::layout::Domain;
use crate::probability::Probability;
use crate::real::Real;

/// A family with a known CDF and density, but without a formula for its quantile function:
/// [`NumericInverse`] computes it.
///
/// The inverse can be no better than the CDF: implement `survival` where `1 − F` would cancel, and write
/// `cdf_gradient` so that it keeps its digits where it is small. Everything is evaluated inside the
/// [`support`](Self::support) only.
pub trait Cdf<T: Real>: Density<T> {
    /// Whether [`draw`](Self::draw) is a separate sampler, faster than an inversion: see
    /// [`Quantile::DRAWS_DIRECTLY`].
    const DRAWS_DIRECTLY: bool = false;

    /// `F(z; θ)`.
    fn cdf(&self, z: T, theta: Self::Theta) -> T;

    /// `1 − F(z; θ)`. The default subtracts: upper-tail quantiles then have the absolute, not the relative,
    /// precision of F.
    fn survival(&self, z: T, theta: Self::Theta) -> T {
        T::one() - self.cdf(z, theta)
    }

    /// `∂F/∂θ` at fixed z.
    fn cdf_gradient(&self, z: T, theta: Self::Theta) -> Self::Theta;

    /// The implicit derivative `∂z/∂θ = −(∂F/∂θ)/p` at fixed F. Override the quotient where numerator and
    /// denominator underflow together, or where a form without cancellation is known.
    fn implicit_gradient(&self, z: T, theta: Self::Theta) -> Self::Theta {
        let density = self.log_density(z, theta).exp();
        let mut gradient = self.cdf_gradient(z, theta);
        for g in gradient.as_mut() {
            *g = -*g / density;
        }
        gradient
    }

    /// One draw by a separate sampler; `None` (the default) for a draw by inversion.
    #[inline]
    fn draw<R: Rng + ?Sized>(&self, theta: Self::Theta, rng: &mut R) -> Option<T> {
        let _ = (theta, rng);
        None
    }

    /// The ends of the support; the whole line by default.
    fn support(&self, theta: Self::Theta) -> (T, T) {
        let _ = theta;
        (T::neg_infinity(), T::infinity())
    }

    /// A first guess of the quantile, inside the support. Any value will do: the default is a point 1
    /// above or below a single bound, the middle between two, or 0 on the line. A good guess saves
    /// evaluations of the CDF.
    fn guess(&self, u: Probability<T>, theta: Self::Theta) -> T {
        let _ = u;
        match self.support(theta) {
            (low, high) if low.is_finite() && high.is_finite() => T::of(0.5) * low + T::of(0.5) * high,
            (low, _) if low.is_finite() => low + T::one(),
            (_, high) if high.is_finite() => high - T::one(),
            _ => T::zero(),
        }
    }
}

/// The quantile function of a [`Cdf`], by a safeguarded Newton method, with the implicit derivative.
///
/// | | |
/// | --- | --- |
/// | transform | the root z of `F(z; θ) = u`, or of `1 − F(z; θ) = 1 − u` in the upper half |
/// | pullback | `dθ = −(∂F/∂θ)/p(z) dz` |
///
/// The derivative follows from `F(z(θ); θ) = u` at fixed u. It is that of the exact root, not of the
/// iteration, and does not depend on how the root was found.
///
/// **Method.** The residual is the logarithm of the probability ratio, `ln F/u` in the lower half and
/// `ln (1 − u)/(1 − F)` in the upper: a power-law or exponential tail is then nearly straight, and no
/// digit of a small tail is lost. A bracket is found by steps of growing size. Newton steps that leave
/// it, or do not halve the residual, are replaced by bisection, which is geometric where the ends differ
/// by more than a factor of 2. With a bounded support the unknown is the distance from the bound, in
/// logarithmic steps.
///
/// **Accuracy.** The root is that of the rounded CDF: 1e-12 relative in f64 and a few units in the last
/// place in f32 if the CDF is that accurate; this includes the distance from a bound at 0. The derivative
/// is as accurate as `∂F/∂θ` and p, and NaN where both underflow. Where no root is bracketed (a CDF that
/// is NaN, or does not reach u), [`try_quantile`](Self::try_quantile) returns an error; the transform,
/// which cannot, gives NaN, and the engine returns [`Error::NonFiniteTransform`].
///
/// ```
/// use reparam::distributions::{Cdf, Density, Family, InverseCdf};
/// use reparam::{Domain, Reparameterizable};
///
/// /// Gompertz lifetimes, F(z) = 1 − exp(−η (e^z − 1)), given by CDF and density only.
/// #[derive(Debug, Clone)]
/// struct Gompertz;
///
/// impl Family<f64> for Gompertz {
///     type Theta = [f64; 1];
///     fn parameters(&self) -> &'static [(&'static str, Domain)] {
///         &[("eta", Domain::Positive)]
///     }
/// }
///
/// impl Density<f64> for Gompertz {
///     fn log_density(&self, z: f64, [eta]: [f64; 1]) -> f64 {
///         if z < 0.0 { f64::NEG_INFINITY } else { eta.ln() + z - eta * z.exp_m1() }
///     }
/// }
///
/// impl Cdf<f64> for Gompertz {
///     fn cdf(&self, z: f64, [eta]: [f64; 1]) -> f64 {
///         -(-eta * z.exp_m1()).exp_m1()
///     }
///     fn survival(&self, z: f64, [eta]: [f64; 1]) -> f64 {
///         (-eta * z.exp_m1()).exp()
///     }
///     fn cdf_gradient(&self, z: f64, theta: [f64; 1]) -> [f64; 1] {
///         [z.exp_m1() * self.survival(z, theta)]
///     }
///     fn support(&self, _: [f64; 1]) -> (f64, f64) {
///         (0.0, f64::INFINITY)
///     }
/// }
///
/// let gompertz = InverseCdf::from_cdf(Gompertz, &[&[0.1]])?;
/// let mut z = [0.0];
/// gompertz.transform(&[-1e-9], &mut z); // one in a billion lives longer
/// assert!((z[0] / (1.0 - 1e-9f64.ln() / 0.1).ln() - 1.0).abs() < 1e-14);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Implicit derivative: Figurnov, Mohamed & Mnih 2018, arXiv:1805.08498; inversion: Devroye 1986,
/// Non-Uniform Random Variate Generation, section II.2.2, doi:10.1007/978-1-4613-8643-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumericInverse<C>(C);

impl<T: Real, C: Cdf<T>> InverseCdf<T, NumericInverse<C>> {
    /// From a family that knows its CDF and density, and one slice of values per parameter, with one
    /// value per coordinate.
    ///
    /// # Errors
    /// As [`from_quantile`](Self::from_quantile).
    pub fn from_cdf(family: C, values: &[&[T]]) -> Result<Self, Error> {
        Self::from_quantile(NumericInverse(family), values)
    }
}

/// The number of evaluations of the CDF after which an inversion gives up. Bisection alone needs about
/// 120 in f64 from a bracket of any ratio.
const MOST_EVALUATIONS: usize = 2000;

/// How the unknown x of the iteration represents z.
#[derive(Debug, Clone, Copy)]
enum Axis<T> {
    /// `z = x`.
    Line,
    /// `z = bound + x` with x > 0.
    Above(T),
    /// `z = bound − x` with x > 0.
    Below(T),
}

impl<T: Real> Axis<T> {
    fn z(self, x: T) -> T {
        match self {
            Self::Line => x,
            Self::Above(low) => low + x,
            Self::Below(high) => high - x,
        }
    }

    fn x(self, z: T) -> T {
        match self {
            Self::Line => z,
            Self::Above(low) => z - low,
            Self::Below(high) => high - z,
        }
    }

    /// x moved by a step of z: from a bound in logarithmic steps, so that x stays positive.
    fn moved(self, x: T, step: T) -> T {
        match self {
            Self::Line => x + step,
            Self::Above(_) => x * (step / x).exp(),
            Self::Below(_) => x * (-step / x).exp(),
        }
    }

    /// x after the `count`th step of a search, upwards or downwards in z. Step sizes grow as
    /// `2^(n(n+1)/2)` on the line, and from a bound as the exponential of that: a few steps reach the
    /// ends of the floating-point range.
    fn searched(self, x: T, unit: T, count: i32, upwards: bool) -> T {
        let size = T::of(2.0).powi(count * (count + 1) / 2);
        let sign = if upwards { T::one() } else { -T::one() };
        match self {
            Self::Line => (x + sign * unit * size).max(T::min_value()).min(T::max_value()),
            Self::Above(_) => (x * (sign * size).exp()).max(T::min_positive_value()).min(T::max_value()),
            Self::Below(_) => (x * (-sign * size).exp()).max(T::min_positive_value()).min(T::max_value()),
        }
    }
}

/// A point between two ends of a bracket: the geometric mean where they differ by more than a factor of
/// 2, else the arithmetic mean.
fn between<T: Real>(a: T, b: T) -> T {
    let (small, large) = (a.abs().min(b.abs()), a.abs().max(b.abs()));
    if a.signum() == b.signum() && small > T::zero() && large > T::of(2.0) * small {
        small.sqrt() * large.sqrt() * a.signum()
    } else {
        T::of(0.5) * a + T::of(0.5) * b
    }
}

impl<C> NumericInverse<C> {
    /// The quantile function of a family.
    pub fn new(family: C) -> Self {
        Self(family)
    }

    /// The family.
    pub fn family(&self) -> &C {
        &self.0
    }

    /// The quantile, or the error that [`Quantile::quantile`] cannot return.
    ///
    /// # Errors
    /// [`Error::Inversion`] with the lower-tail probability, where no root is bracketed.
    pub fn try_quantile<T: Real>(&self, u: Probability<T>, theta: C::Theta) -> Result<T, Error>
    where
        C: Cdf<T>,
    {
        self.root(u, theta).ok_or_else(|| Error::Inversion { probability: u.lower().f64() })
    }

    /// The logarithm of the probability ratio, increasing in z, with its derivative; ∓∞ where a probability
    /// is 0.
    fn residual<T: Real>(&self, z: T, u: Probability<T>, theta: C::Theta) -> (T, T)
    where
        C: Cdf<T>,
    {
        let density = self.0.log_density(z, theta).exp();
        if u.in_lower_half() {
            let cdf = self.0.cdf(z, theta);
            ((cdf / u.lower()).ln(), density / cdf)
        } else {
            let survival = self.0.survival(z, theta);
            (-(survival / u.upper()).ln(), density / survival)
        }
    }

    fn root<T: Real>(&self, u: Probability<T>, theta: C::Theta) -> Option<T>
    where
        C: Cdf<T>,
    {
        let (low, high) = self.0.support(theta);
        let axis = match (low.is_finite(), high.is_finite()) {
            (true, true) if u.in_lower_half() => Axis::Above(low),
            (true, false) => Axis::Above(low),
            (_, true) => Axis::Below(high),
            (false, false) => Axis::Line,
        };
        // Outside the support the CDF need not be defined: it is 0 or 1 there.
        let at = |x: T| {
            let z = axis.z(x);
            if z <= low {
                (T::neg_infinity(), T::zero())
            } else if z >= high {
                (T::infinity(), T::zero())
            } else {
                self.residual(z, u, theta)
            }
        };

        let start = axis.x(self.0.guess(u, theta));
        let (mut below, mut above) = bracket(axis, start, at)?;
        let mut x = if start == below || start == above { start } else { between(below, above) };
        let mut previous = T::infinity();
        for _ in 0..MOST_EVALUATIONS {
            let (residual, slope) = at(x);
            if residual.is_nan() {
                return None;
            }
            if residual < T::zero() {
                below = x;
            } else {
                above = x;
            }
            let newton = axis.moved(x, -residual / slope);
            let inside = newton > below.min(above) && newton < below.max(above);
            if inside && residual.abs() <= T::of(4.0) * T::epsilon() {
                return Some(axis.z(newton));
            }
            let (z_below, z_above) = (axis.z(below), axis.z(above));
            let narrow = T::of(2.0) * T::epsilon() * z_below.abs().max(z_above.abs());
            if residual == T::zero() || (z_above - z_below).abs() <= narrow {
                return Some(axis.z(x));
            }
            let halved = residual.abs() <= T::of(0.5) * previous;
            let next = if inside && halved { newton } else { between(below, above) };
            if next == below || next == above {
                return Some(axis.z(next));
            }
            previous = residual.abs();
            x = next;
        }
        None
    }
}

/// Ends on both sides of the root, (residual below 0, residual not below 0), from a point inside the support.
fn bracket<T: Real>(axis: Axis<T>, start: T, at: impl Fn(T) -> (T, T)) -> Option<(T, T)> {
    let (residual, slope) = at(start);
    let upwards = residual < T::zero();
    // The length over which the logarithm of the probability changes by one.
    let length = slope.recip();
    let unit = if length.is_normal() { length } else { T::one().max(start.abs()) };
    let mut nearest = start;
    // The step overflows at count 45, so the last steps stop at the end of the floating-point range.
    for count in 0..48 {
        let x = axis.searched(start, unit, count, upwards);
        let (residual, _) = at(x);
        if residual.is_nan() {
            return None;
        }
        if (residual < T::zero()) != upwards {
            return Some(if upwards { (nearest, x) } else { (x, nearest) });
        }
        nearest = x;
    }
    // A root closer to the bound than the smallest number is between the two.
    match (axis, upwards) {
        (Axis::Above(_), false) => Some((T::zero(), nearest)),
        (Axis::Below(_), true) => Some((nearest, T::zero())),
        _ => None,
    }
}

impl<T: Real, C: Family<T>> Family<T> for NumericInverse<C> {
    type Theta = C::Theta;

    fn parameters(&self) -> &'static [(&'static str, Domain)] {
        self.0.parameters()
    }

    fn moving_support(&self) -> &'static [&'static str] {
        self.0.moving_support()
    }
}

impl<T: Real, C: Cdf<T>> Quantile<T> for NumericInverse<C> {
    const DRAWS_DIRECTLY: bool = C::DRAWS_DIRECTLY;

    fn quantile(&self, u: Probability<T>, theta: C::Theta) -> T {
        self.root(u, theta).unwrap_or_else(T::nan)
    }

    #[inline]
    fn quantile_gradient(&self, _: Probability<T>, z: T, theta: C::Theta) -> C::Theta {
        self.0.implicit_gradient(z, theta)
    }

    #[inline]
    fn draw<R: Rng + ?Sized>(&self, theta: C::Theta, rng: &mut R) -> T {
        match self.0.draw(theta, rng) {
            Some(z) => z,
            None => self.quantile(Probability::from_tail(T::signed_tail(rng)), theta),
        }
    }
}

impl<T: Real, C: Cdf<T>> FamilyCdf<T> for NumericInverse<C> {
    fn cdf(&self, z: T, theta: C::Theta) -> Probability<T> {
        let (low, high) = self.0.support(theta);
        if z <= low {
            Probability::never()
        } else if z >= high {
            Probability::always()
        } else {
            Probability::from_sides(self.0.cdf(z, theta), self.0.survival(z, theta))
        }
    }
}

impl<T: Real, C: Density<T>> Density<T> for NumericInverse<C> {
    const COVERS_LINE: bool = C::COVERS_LINE;

    fn log_density(&self, z: T, theta: C::Theta) -> T {
        self.0.log_density(z, theta)
    }
}

impl<T: Real, C: DensityGradient<T>> DensityGradient<T> for NumericInverse<C> {
    fn log_density_gradient(&self, z: T, theta: C::Theta) -> T {
        self.0.log_density_gradient(z, theta)
    }

    fn score(&self, z: T, theta: C::Theta) -> C::Theta {
        self.0.score(z, theta)
    }
}

impl<T: Real, C: ClosedEntropy<T>> ClosedEntropy<T> for NumericInverse<C> {
    fn entropy(&self, theta: C::Theta) -> T {
        self.0.entropy(theta)
    }

    fn entropy_gradient(&self, theta: C::Theta) -> C::Theta {
        self.0.entropy_gradient(theta)
    }
}

impl<T: Real, C: FamilyMoments<T>> FamilyMoments<T> for NumericInverse<C> {
    fn mean(&self, theta: C::Theta) -> T {
        self.0.mean(theta)
    }

    fn variance(&self, theta: C::Theta) -> T {
        self.0.variance(theta)
    }
}

impl<T: Real, C: FamilyKl<T>> FamilyKl<T> for NumericInverse<C> {
    fn covers(&self, p: C::Theta, q: C::Theta) -> bool {
        self.0.covers(p, q)
    }

    fn kl(&self, p: C::Theta, q: C::Theta) -> T {
        self.0.kl(p, q)
    }

    fn kl_gradient(&self, p: C::Theta, q: C::Theta) -> (C::Theta, C::Theta) {
        self.0.kl_gradient(p, q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A scale family given by CDF and density, which counts the evaluations.
    #[derive(Debug, Default)]
    struct Counted {
        evaluations: Cell<usize>,
    }

    impl<T: Real> Family<T> for Counted {
        type Theta = [T; 1];
        fn parameters(&self) -> &'static [(&'static str, Domain)] {
            &[("scale", Domain::Positive)]
        }
    }

    impl<T: Real> Density<T> for Counted {
        fn log_density(&self, z: T, [scale]: [T; 1]) -> T {
            -z / scale - scale.ln()
        }
    }

    impl<T: Real> Cdf<T> for Counted {
        fn cdf(&self, z: T, [scale]: [T; 1]) -> T {
            self.evaluations.set(self.evaluations.get() + 1);
            -(-z / scale).exp_m1()
        }
        fn survival(&self, z: T, [scale]: [T; 1]) -> T {
            self.evaluations.set(self.evaluations.get() + 1);
            (-z / scale).exp()
        }
        fn cdf_gradient(&self, z: T, [scale]: [T; 1]) -> [T; 1] {
            [-z / (scale * scale) * (-z / scale).exp()]
        }
        fn support(&self, _: [T; 1]) -> (T, T) {
            (T::zero(), T::infinity())
        }
    }

    #[test]
    fn an_inversion_takes_few_evaluations() {
        let mut most = 0;
        for scale in [1e-100, 1e-3, 1.0, 1e5, 1e200] {
            for exponent in 0..300 {
                for u in [
                    Probability::from_lower(0.5 * 10f64.powi(-exponent)),
                    Probability::from_upper(0.4 * 10f64.powi(-exponent)),
                ] {
                    if -u.ln_upper() * scale < f64::MIN_POSITIVE {
                        continue;
                    }
                    let inverse = NumericInverse::new(Counted::default());
                    let z = inverse.quantile(u, [scale]);
                    assert!((z / (-u.ln_upper() * scale) - 1.0).abs() < 1e-14, "{scale} {u:?} {z}");
                    most = most.max(inverse.family().evaluations.get());
                }
            }
        }
        assert!(most <= 80, "{most}");
    }

    #[test]
    fn single_precision_is_a_few_units_in_the_last_place() {
        let inverse = NumericInverse::new(Counted::default());
        for exponent in 0..37 {
            for tail in [0.5 * 10f32.powi(-exponent), -0.4 * 10f32.powi(-exponent)] {
                let u = Probability::from_tail(tail);
                let (found, exact) = (inverse.quantile(u, [3.0]), -3.0 * u.ln_upper());
                assert!((found / exact - 1.0).abs() <= 4.0 * f32::EPSILON, "{tail}: {found} {exact}");
            }
        }
    }

    /// A "CDF" that never reaches one half, or is NaN.
    #[derive(Debug)]
    struct Stuck(f64);

    impl Family<f64> for Stuck {
        type Theta = [f64; 1];
        fn parameters(&self) -> &'static [(&'static str, Domain)] {
            &[("mu", Domain::Real)]
        }
    }

    impl Density<f64> for Stuck {
        fn log_density(&self, _: f64, _: [f64; 1]) -> f64 {
            0.0
        }
    }

    impl Cdf<f64> for Stuck {
        fn cdf(&self, _: f64, _: [f64; 1]) -> f64 {
            self.0
        }
        fn cdf_gradient(&self, _: f64, _: [f64; 1]) -> [f64; 1] {
            [0.0]
        }
    }

    #[test]
    fn a_cdf_without_a_root_is_an_error_and_a_nan() {
        for value in [0.1, 0.9, f64::NAN] {
            let inverse = NumericInverse::new(Stuck(value));
            let u = Probability::from_lower(0.3);
            assert_eq!(inverse.try_quantile(u, [0.0]), Err(Error::Inversion { probability: 0.3 }));
            assert!(inverse.quantile(u, [0.0]).is_nan());
        }
    }
}
