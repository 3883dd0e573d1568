//! The Gumbel distribution of maxima.

use crate::distributions::scalar::prelude::*;
use crate::special::{digamma, ln_gamma};

own_family! {
    /// The Gumbel (type I extreme value, of maxima) with D independent coordinates, `t = (z − μ)/β`.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `mu` μ (D finite numbers), `scale` β (D numbers above 0), in the units of z |
    /// | density | `p(z) = β⁻¹ exp(−t − e^(−t))` |
    /// | transform | `z = μ + β g`, `g = −ln(−ln u)` |
    /// | pullback | `dμ = dz`, `dβ = g dz` |
    /// | score | `∂μ = (1 − e^(−t))/β`, `∂β = (t (1 − e^(−t)) − 1)/β` |
    /// | ∇_z log p | `(e^(−t) − 1)/β` |
    /// | entropy | `ln β + γ + 1`, γ = 0.5772… (Euler), gradient `(0, 1/β)` |
    /// | KL(p ‖ q) | `−ln ρ + γ (ρ − 1) + d + e^(−d) Γ(1 + ρ) − 1`, `ρ = β_p/β_q`, `d = (μ_p − μ_q)/β_q` |
    /// | mean, variance | `μ + γβ`, `π² β²/6`, γ = 0.5772… (Euler) |
    ///
    /// The score is valid for both parameters, with finite variance, `β⁻²` for μ. Mean `μ + γβ`, variance
    /// `π²β²/6`. Every noise value gives a finite draw, −4 < g < 54: u is never rounded to 0 or 1, where
    /// `−ln(−ln u)` is infinite, and nothing is clipped. The score overflows for t below −709 (f64) or
    /// −88 (f32), where the density underflows to 0.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let gumbel = Gumbel::new(&[0.0f32], &[1.0])?;
    /// let mut z = [0.0];
    /// gumbel.transform(&[-1e-20], &mut z); // u = 1 − 1e-20, which would round to 1
    /// assert!((z[0] - 46.0517).abs() < 1e-4);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Gumbel 1958, Statistics of Extremes, doi:10.7312/gumb92958; Johnson, Kotz & Balakrishnan 1995, vol.
    /// 2, chapter 22.
    pub Gumbel, GumbelFamily by quantile;
    pub fn new(mu: Real "The locations μ, which are the modes.", scale: Positive "The scales β.");
}

/// The standard Gumbel quantile `−ln(−ln u)`.
#[inline]
fn standard<T: Real>(u: Probability<T>) -> T {
    -(-u.ln_lower()).ln()
}

impl<T: Real> Quantile<T> for GumbelFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [mu, scale]: [T; 2]) -> T {
        mu + scale * standard(u)
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, _: T, _: [T; 2]) -> [T; 2] {
        [T::one(), standard(u)]
    }
}

impl<T: Real> FamilyCdf<T> for GumbelFamily {
    fn cdf(&self, z: T, [mu, scale]: [T; 2]) -> Probability<T> {
        let hazard = (-((z - mu) / scale)).exp();
        Probability::from_sides((-hazard).exp(), -(-hazard).exp_m1())
    }
}

impl<T: Real> Density<T> for GumbelFamily {
    const COVERS_LINE: bool = true;

    #[inline]
    fn log_density(&self, z: T, [mu, scale]: [T; 2]) -> T {
        let t = (z - mu) / scale;
        if t == T::neg_infinity() {
            return t;
        }
        -t - (-t).exp() - scale.ln()
    }
}

impl<T: Real> DensityGradient<T> for GumbelFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [mu, scale]: [T; 2]) -> T {
        ((mu - z) / scale).exp_m1() / scale
    }

    #[inline]
    fn score(&self, z: T, [mu, scale]: [T; 2]) -> [T; 2] {
        let t = (z - mu) / scale;
        let slope = -(-t).exp_m1();
        [slope / scale, (t * slope - T::one()) / scale]
    }
}

impl<T: Real> ClosedEntropy<T> for GumbelFamily {
    fn entropy(&self, [_, scale]: [T; 2]) -> T {
        scale.ln() + T::of(1.577_215_664_901_532_9)
    }

    fn entropy_gradient(&self, [_, scale]: [T; 2]) -> [T; 2] {
        [T::zero(), scale.recip()]
    }
}

/// `KL` of two Gumbel laws whose scales have the ratio `ρ = β_p/β_q` and whose locations differ by
/// `d = (μ_p − μ_q)/β_q`, and its derivatives with respect to d and ρ. The Weibull law is a Gumbel law of
/// the logarithm, mirrored.
pub(crate) fn kl(rho: f64, d: f64) -> (f64, f64, f64) {
    const GAMMA: f64 = 0.577_215_664_901_532_860_61;
    let m = (ln_gamma(1.0 + rho) - d).exp();
    // ρ = 1 and d = 0 give 0: −ln ρ + γ (ρ − 1) + d + (m − 1).
    let value = (d + (ln_gamma(1.0 + rho) - d).exp_m1()) + (GAMMA * (rho - 1.0) - rho.ln());
    (value.max(0.0), 1.0 - m, GAMMA - 1.0 / rho + m * digamma(1.0 + rho))
}

impl<T: Real> FamilyMoments<T> for GumbelFamily {
    fn mean(&self, [mu, scale]: [T; 2]) -> T {
        mu + T::of(0.577_215_664_901_532_9) * scale
    }

    fn variance(&self, [_, scale]: [T; 2]) -> T {
        T::PI() * T::PI() / T::of(6.0) * scale * scale
    }
}

impl<T: Real> FamilyKl<T> for GumbelFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        let ([m, b], [n, c]) = (p.map(T::f64), q.map(T::f64));
        T::of(kl(b / c, (m - n) / c).0)
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let ([m, b], [n, c]) = (p.map(T::f64), q.map(T::f64));
        let (rho, d) = (b / c, (m - n) / c);
        let (_, to_d, to_rho) = kl(rho, d);
        let dp = [to_d / c, to_rho / c];
        let dq = [-to_d / c, -(to_rho * rho + to_d * d) / c];
        (dp.map(T::of), dq.map(T::of))
    }
}
