//! The half-Cauchy distribution.

use crate::distributions::scalar::cauchy::slopes;
use crate::distributions::scalar::prelude::*;

own_family! {
    /// The half-Cauchy with D independent coordinates, `t = z/γ`: the absolute value of a Cauchy about 0;
    /// a prior for scales.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `scale` γ (D numbers above 0), the median, in the units of z |
    /// | density | `p(z) = 2/(πγ (1 + t²))`, z ≥ 0 |
    /// | transform | `z = γ tan(πu/2)`, or `γ cot(π(1 − u)/2)` in the upper half |
    /// | pullback | `dγ = (z/γ) dz` |
    /// | score | `∂γ = (t² − 1)/(γ (t² + 1))` |
    /// | ∇_z log p | `−2t/(γ (1 + t²))` |
    /// | entropy | `ln 2πγ`, gradient `1/γ` |
    /// | KL(p ‖ q) | `ln (γ_p + γ_q)²/(4 γ_p γ_q)`; gradients `(γ_p − γ_q)/(γ_p s)`, `(γ_q − γ_p)/(γ_q s)`, `s = γ_p + γ_q` |
    /// | mean, variance | ∞ |
    ///
    /// The support [0, ∞) does not move: the score is valid and bounded by 1/γ, with variance `1/(2γ²)`.
    /// The **pathwise** gradient needs care, as for [`Cauchy`](crate::distributions::Cauchy): `t ∂f/∂z`
    /// has a mean only where `z ∂f/∂z` decays. For an objective that is a function of ln z, it has one.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let half_cauchy = HalfCauchy::new(&[2.0])?;
    /// let mut z = [0.0];
    /// half_cauchy.transform(&[0.5], &mut z); // the median
    /// assert!((z[0] - 2.0f64).abs() < 1e-15);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Gelman 2006, Bayesian Analysis 1, 515–534, doi:10.1214/06-BA117A; divergence: Chyzak & Nielsen
    /// 2019, arXiv:1905.10965, for Cauchy laws, here of equal location.
    pub HalfCauchy, HalfCauchyFamily by quantile;
    pub fn new(scale: Positive "The scales γ, which are the medians.");
}

/// The standard quantile, from the tail that is exact.
#[inline]
fn standard<T: Real>(u: Probability<T>) -> T {
    let half_pi = T::FRAC_PI_2();
    if u.in_lower_half() { (half_pi * u.lower()).tan() } else { (half_pi * u.upper()).tan().recip() }
}

impl<T: Real> Quantile<T> for HalfCauchyFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [scale]: [T; 1]) -> T {
        scale * standard(u)
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, _: T, _: [T; 1]) -> [T; 1] {
        [standard(u)]
    }
}

impl<T: Real> FamilyCdf<T> for HalfCauchyFamily {
    fn cdf(&self, z: T, [scale]: [T; 1]) -> Probability<T> {
        if z <= T::zero() {
            return Probability::never();
        }
        let t = z / scale;
        Probability::from_sides(t.atan() / T::FRAC_PI_2(), t.recip().atan() / T::FRAC_PI_2())
    }
}

impl<T: Real> Density<T> for HalfCauchyFamily {
    #[inline]
    fn log_density(&self, z: T, [scale]: [T; 1]) -> T {
        if z < T::zero() {
            return T::neg_infinity();
        }
        let t = z / scale;
        // ln(1 + t²) = 2 ln t + ln(1 + t⁻²): t² would overflow.
        let tail = if t > T::one() { T::of(2.0) * t.ln() + t.powi(-2).ln_1p() } else { (t * t).ln_1p() };
        -tail - scale.ln() - T::FRAC_PI_2().ln()
    }
}

impl<T: Real> DensityGradient<T> for HalfCauchyFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [scale]: [T; 1]) -> T {
        if z < T::zero() { T::zero() } else { -slopes(z / scale).0 / scale }
    }

    #[inline]
    fn score(&self, z: T, [scale]: [T; 1]) -> [T; 1] {
        [if z < T::zero() { T::zero() } else { slopes(z / scale).1 / scale }]
    }
}

impl<T: Real> ClosedEntropy<T> for HalfCauchyFamily {
    fn entropy(&self, [scale]: [T; 1]) -> T {
        T::TAU().ln() + scale.ln()
    }

    fn entropy_gradient(&self, [scale]: [T; 1]) -> [T; 1] {
        [scale.recip()]
    }
}

impl<T: Real> FamilyMoments<T> for HalfCauchyFamily {
    fn mean(&self, _: [T; 1]) -> T {
        T::infinity()
    }

    fn variance(&self, _: [T; 1]) -> T {
        T::infinity()
    }
}

impl<T: Real> FamilyKl<T> for HalfCauchyFamily {
    fn kl(&self, [p]: [T; 1], [q]: [T; 1]) -> T {
        T::of(crate::distributions::scalar::cauchy::kl([0.0, p.f64()], [0.0, q.f64()]))
    }

    fn kl_gradient(&self, [p]: [T; 1], [q]: [T; 1]) -> ([T; 1], [T; 1]) {
        let ([_, dp], [_, dq]) =
            crate::distributions::scalar::cauchy::kl_gradient([0.0, p.f64()], [0.0, q.f64()]);
        ([T::of(dp)], [T::of(dq)])
    }
}
