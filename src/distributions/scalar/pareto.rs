//! The Pareto distribution.

use crate::distributions::scalar::prelude::*;
use crate::numerics::scaled_exp;
use crate::special::deviance;

own_family! {
    /// The Pareto (type I) with D independent coordinates: sizes with a power-law upper tail.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `scale` m, the smallest value (D numbers above 0, in the units of z), `shape` α (D numbers above 0, no unit) |
    /// | density | `p(z) = α m^α z^(−α−1)`, z ≥ m |
    /// | transform | `z = m (1 − u)^(−1/α)` |
    /// | pullback | `dm = (z/m) dz`, `dα = z ln(1 − u)/α² dz` |
    /// | score | `∂m = α/m` (**not valid**), `∂α = 1/α − ln(z/m)` |
    /// | ∇_z log p | `−(α + 1)/z` |
    /// | entropy | `ln(m/α) + 1 + 1/α`, gradient `(1/m, −1/α − 1/α²)` |
    /// | KL(p ‖ q) | `r − 1 − ln r + α_q ln(m_p/m_q)`, `r = α_q/α_p`, where `m_q ≤ m_p`; else ∞; at a common bound the gradient is one-sided, for a p that stays covered |
    /// | mean, variance | `αm/(α − 1)` for α > 1, `m² α/((α − 1)² (α − 2))` for α > 2; else ∞ |
    ///
    /// The scale is the lower end of the support: its score has the mean α/m instead of 0, so the score
    /// function refuses this distribution and names `scale`. Pathwise gradients are valid for both
    /// parameters. The mean of z is finite for α > 1, its variance for α > 2. The pathwise samples of f =
    /// z have finite variance only for α > 2, and an error bar that is itself reliable only for α > 4.
    /// For small α the largest draws, `m e^(53/α)`, overflow (α below 0.08 in f64, 0.6 in f32); the
    /// engine then reports an error.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let pareto = Pareto::new(&[2.0], &[3.0])?;
    /// let mut z = [0.0];
    /// pareto.transform(&[-0.125], &mut z); // upper tail 1/8: m · 8^(1/3)
    /// assert!((z[0] - 4.0f64).abs() < 1e-14);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions vol. 1, chapter 20, ISBN
    /// 0-471-58495-9.
    pub Pareto, ParetoFamily by quantile;
    pub fn new(
        scale: Positive "The scales m, which are the smallest values.",
        shape: Positive "The shapes α, the exponents of the tail.",
    );
    moving support: scale;
}

impl<T: Real> Quantile<T> for ParetoFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [scale, shape]: [T; 2]) -> T {
        scaled_exp(scale, -u.ln_upper() / shape)
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, z: T, [scale, shape]: [T; 2]) -> [T; 2] {
        [z / scale, z * (u.ln_upper() / shape) / shape]
    }
}

impl<T: Real> FamilyCdf<T> for ParetoFamily {
    fn cdf(&self, z: T, [scale, shape]: [T; 2]) -> Probability<T> {
        if z <= scale {
            return Probability::never();
        }
        // Near the scale the difference is exact, the quotient is not.
        let excess = (z - scale) / scale;
        let ln_t = if excess < T::one() { excess.ln_1p() } else { (z / scale).ln() };
        let hazard = shape * ln_t;
        Probability::from_sides(-(-hazard).exp_m1(), (-hazard).exp())
    }
}

impl<T: Real> Density<T> for ParetoFamily {
    #[inline]
    fn log_density(&self, z: T, [scale, shape]: [T; 2]) -> T {
        if z < scale {
            return T::neg_infinity();
        }
        shape.ln() - scale.ln() - (shape + T::one()) * (z / scale).ln()
    }
}

impl<T: Real> DensityGradient<T> for ParetoFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [scale, shape]: [T; 2]) -> T {
        if z < scale { T::zero() } else { -(shape + T::one()) / z }
    }

    #[inline]
    fn score(&self, z: T, [scale, shape]: [T; 2]) -> [T; 2] {
        if z < scale {
            return [T::zero(); 2];
        }
        [shape / scale, shape.recip() - (z / scale).ln()]
    }
}

impl<T: Real> ClosedEntropy<T> for ParetoFamily {
    fn entropy(&self, [scale, shape]: [T; 2]) -> T {
        scale.ln() - shape.ln() + T::one() + shape.recip()
    }

    fn entropy_gradient(&self, [scale, shape]: [T; 2]) -> [T; 2] {
        [scale.recip(), -(T::one() + shape.recip()) / shape]
    }
}

impl<T: Real> FamilyMoments<T> for ParetoFamily {
    fn mean(&self, [scale, shape]: [T; 2]) -> T {
        if shape > T::one() { scale * (shape / (shape - T::one())) } else { T::infinity() }
    }

    fn variance(&self, [scale, shape]: [T; 2]) -> T {
        if shape <= T::of(2.0) {
            return T::infinity();
        }
        let step = scale / (shape - T::one());
        step * step * (shape / (shape - T::of(2.0)))
    }
}

impl<T: Real> FamilyKl<T> for ParetoFamily {
    fn covers(&self, p: [T; 2], q: [T; 2]) -> bool {
        q[0] <= p[0]
    }

    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        if !self.covers(p, q) {
            return T::infinity();
        }
        let ([m, a], [n, b]) = (p.map(T::f64), q.map(T::f64));
        T::of(deviance(b / a) + b * ln_ratio(m, n))
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let ([m, a], [n, b]) = (p.map(T::f64), q.map(T::f64));
        let dp = [b / m, (a - b) / a / a];
        let dq = [-b / n, (b - a) / a / b + ln_ratio(m, n)];
        (dp.map(T::of), dq.map(T::of))
    }
}

/// `ln(m/n)` for m ≥ n: near 1 the difference is exact, the quotient is not.
fn ln_ratio(m: f64, n: f64) -> f64 {
    let excess = (m - n) / n;
    if excess < 1.0 { excess.ln_1p() } else { (m / n).ln() }
}
