//! The half-normal distribution.

use crate::distributions::scalar::prelude::*;
use crate::special::{deviance, mass, normal_half_quantile, normal_survival};

own_family! {
    /// The half-normal with D independent coordinates, `x = z/σ`: the absolute value of a normal about 0;
    /// a prior for scales.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `sigma` σ (D numbers above 0), the standard deviation of the normal, in the units of z |
    /// | density | `p(z) = √(2/π)/σ e^(−x²/2)`, z ≥ 0 |
    /// | transform | `z = σ Φ⁻¹((1 + u)/2)`, from the more accurate side of u |
    /// | pullback | `dσ = (z/σ) dz` |
    /// | score | `∂σ = (x² − 1)/σ` |
    /// | ∇_z log p | `−x/σ` |
    /// | entropy | `½ ln(πe/2) + ln σ`, gradient `1/σ` |
    /// | KL(p ‖ q) | `½ (r² − 1 − ln r²)`, `r = σ_p/σ_q`; gradients `(r² − 1)/σ_p`, `(1 − r²)/σ_q` |
    /// | mean, variance | `σ √(2/π)`, `σ² (1 − 2/π)` |
    ///
    /// The support [0, ∞) does not move, so the score is valid; its variance is `2/σ²`. Draws reach 10σ,
    /// and keep their digits near 0.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let half_normal = HalfNormal::new(&[2.0])?;
    /// let mut z = [0.0];
    /// half_normal.transform(&[-0.05], &mut z); // 95 % of a normal is within 1.96 σ
    /// assert!((z[0] / 2.0 - 1.959_963_984_540_054f64).abs() < 1e-14);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions vol. 1, chapter 13, ISBN
    /// 0-471-58495-9; as a prior: Gelman 2006, Bayesian Analysis 1, 515–534, doi:10.1214/06-BA117A.
    pub HalfNormal, HalfNormalFamily by quantile;
    pub fn new(sigma: Positive "The standard deviations σ of the normals.");
}

impl<T: Real> Quantile<T> for HalfNormalFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [sigma]: [T; 1]) -> T {
        sigma * T::of(normal_half_quantile(u.to_f64()))
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, _: T, _: [T; 1]) -> [T; 1] {
        [T::of(normal_half_quantile(u.to_f64()))]
    }
}

impl<T: Real> FamilyCdf<T> for HalfNormalFamily {
    fn cdf(&self, z: T, [sigma]: [T; 1]) -> Probability<T> {
        if z <= T::zero() {
            return Probability::never();
        }
        let x = (z / sigma).f64();
        let lower = if x < 1.0 { mass(0.0, x) * ROOT_TWO_OVER_PI } else { 1.0 - 2.0 * normal_survival(x) };
        Probability::from_sides(T::of(lower), T::of(2.0 * normal_survival(x)))
    }
}

/// `√(2/π)`.
const ROOT_TWO_OVER_PI: f64 = 0.797_884_560_802_865_355_88;

impl<T: Real> Density<T> for HalfNormalFamily {
    #[inline]
    fn log_density(&self, z: T, [sigma]: [T; 1]) -> T {
        if z < T::zero() {
            return T::neg_infinity();
        }
        let x = z / sigma;
        // ½ ln(2/π)
        T::of(-0.225_791_352_644_727_43) - sigma.ln() - T::of(0.5) * x * x
    }
}

impl<T: Real> DensityGradient<T> for HalfNormalFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [sigma]: [T; 1]) -> T {
        if z < T::zero() { T::zero() } else { -(z / sigma) / sigma }
    }

    #[inline]
    fn score(&self, z: T, [sigma]: [T; 1]) -> [T; 1] {
        let x = z / sigma;
        [if z < T::zero() { T::zero() } else { (x * x - T::one()) / sigma }]
    }
}

impl<T: Real> ClosedEntropy<T> for HalfNormalFamily {
    fn entropy(&self, [sigma]: [T; 1]) -> T {
        T::of(0.725_791_352_644_727_43) + sigma.ln()
    }

    fn entropy_gradient(&self, [sigma]: [T; 1]) -> [T; 1] {
        [sigma.recip()]
    }
}

impl<T: Real> FamilyMoments<T> for HalfNormalFamily {
    fn mean(&self, [sigma]: [T; 1]) -> T {
        sigma * T::of(ROOT_TWO_OVER_PI)
    }

    fn variance(&self, [sigma]: [T; 1]) -> T {
        // 1 − 2/π
        sigma * sigma * T::of(0.363_380_227_632_418_656_92)
    }
}

impl<T: Real> FamilyKl<T> for HalfNormalFamily {
    fn kl(&self, [p]: [T; 1], [q]: [T; 1]) -> T {
        let r = p.f64() / q.f64();
        T::of(if r < 1e-150 { -r.ln() - 0.5 } else { 0.5 * deviance(r * r) })
    }

    fn kl_gradient(&self, [p]: [T; 1], [q]: [T; 1]) -> ([T; 1], [T; 1]) {
        // r² − 1 without cancellation.
        let (p, q) = (p.f64(), q.f64());
        let slope = (p - q) / q * ((p + q) / q);
        ([T::of(slope / p)], [T::of(-slope / q)])
    }
}
