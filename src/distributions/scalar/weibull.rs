//! The Weibull distribution.

use crate::distributions::scalar::gumbel;
use crate::distributions::scalar::prelude::*;
use crate::numerics::{log_power, scaled_exp, vanishing_product};
use crate::special::ln_gamma;

own_family! {
    /// The Weibull with D independent coordinates, `t = z/λ`: lifetimes whose hazard is a power of age.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `scale` λ (D numbers above 0, in the units of z), `shape` k (D numbers above 0, no unit) |
    /// | density | `p(z) = (k/λ) t^(k−1) exp(−t^k)`, z ≥ 0 |
    /// | transform | `z = λ E^(1/k)`, `E = −ln(1 − u)` |
    /// | pullback | `dλ = (z/λ) dz`, `dk = −z (ln E)/k² dz` |
    /// | score | `∂λ = k (t^k − 1)/λ`, `∂k = 1/k + (1 − t^k) ln t` |
    /// | ∇_z log p | `(k − 1 − k t^k)/z` |
    /// | entropy | `γ(1 − 1/k) + ln(λ/k) + 1`, γ = 0.5772… (Euler), gradient `(1/λ, γ/k² − 1/k)` |
    /// | KL(p ‖ q) | `−ln r + γ (r − 1) + d + e^(−d) Γ(1 + r) − 1`, `r = k_q/k_p`, `d = k_q ln(λ_q/λ_p)` |
    /// | mean, variance | `λ Γ(1 + 1/k)`, `λ² (Γ(1 + 2/k) − Γ(1 + 1/k)²)` |
    ///
    /// The support [0, ∞) does not move, so the score is valid for both parameters; its variance is
    /// finite, `(k/λ)²` for λ and `1.8237/k²` for k. Limits: a draw underflows to 0 with probability
    /// about `2^(−1022k)` in f64 and `2^(−126k)` in f32 (never for k above 0.08 and 0.61, as E is at
    /// least 2⁻⁷⁷). Density and score return their limits there, and the engine reports those that are
    /// not finite.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let weibull = Weibull::new(&[3.0], &[2.0])?;
    /// let (mut z, mut dtheta) = ([0.0], [0.0; 2]);
    /// weibull.transform(&[-0.25], &mut z); // E = ln 4
    /// assert!((z[0] - 3.0 * 4.0f64.ln().sqrt()).abs() < 1e-14);
    /// weibull.pullback(&[-0.25], &z, &[1.0], &mut dtheta);
    /// assert_eq!(dtheta[0], z[0] / 3.0);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Weibull 1951, J. Appl. Mech. 18, 293–297, doi:10.1115/1.4010337; Johnson, Kotz & Balakrishnan 1994,
    /// vol. 1, chapter 21.
    pub Weibull, WeibullFamily by quantile;
    pub fn new(scale: Positive "The scales λ.", shape: Positive "The shapes k.");
}

impl<T: Real> Quantile<T> for WeibullFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [scale, shape]: [T; 2]) -> T {
        scaled_exp(scale, (-u.ln_upper()).ln() / shape)
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, z: T, [scale, shape]: [T; 2]) -> [T; 2] {
        let ln_e = (-u.ln_upper()).ln();
        [z / scale, vanishing_product(z, -ln_e / shape / shape)]
    }
}

impl<T: Real> FamilyCdf<T> for WeibullFamily {
    fn cdf(&self, z: T, [scale, shape]: [T; 2]) -> Probability<T> {
        if z <= T::zero() {
            return Probability::never();
        }
        let hazard = (z / scale).powf(shape);
        Probability::from_sides(-(-hazard).exp_m1(), (-hazard).exp())
    }
}

impl<T: Real> Density<T> for WeibullFamily {
    #[inline]
    fn log_density(&self, z: T, [scale, shape]: [T; 2]) -> T {
        if z < T::zero() || z == T::infinity() {
            return T::neg_infinity();
        }
        let ln_t = (z / scale).ln();
        shape.ln() - scale.ln() + log_power(shape - T::one(), ln_t) - (shape * ln_t).exp()
    }
}

impl<T: Real> DensityGradient<T> for WeibullFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [scale, shape]: [T; 2]) -> T {
        if z < T::zero() {
            return T::zero();
        }
        if shape == T::one() {
            return -scale.recip();
        }
        let power = (shape * (z / scale).ln()).exp();
        (shape - T::one() - shape * power) / z
    }

    #[inline]
    fn score(&self, z: T, [scale, shape]: [T; 2]) -> [T; 2] {
        if z < T::zero() {
            return [T::zero(); 2];
        }
        // In terms of ln t^k, so that no two terms of size 1/k cancel; t^k − 1 is small near t = 1.
        let y = shape * (z / scale).ln();
        let excess = y.exp_m1();
        [shape * excess / scale, (T::one() - excess * y) / shape]
    }
}

impl<T: Real> ClosedEntropy<T> for WeibullFamily {
    fn entropy(&self, [scale, shape]: [T; 2]) -> T {
        let gamma = T::of(0.577_215_664_901_532_9);
        gamma * (T::one() - shape.recip()) + scale.ln() - shape.ln() + T::one()
    }

    fn entropy_gradient(&self, [scale, shape]: [T; 2]) -> [T; 2] {
        let gamma = T::of(0.577_215_664_901_532_9);
        [scale.recip(), (gamma / shape - T::one()) / shape]
    }
}

/// `Γ(1 + 2e) − Γ(1 + e)²` over `Γ(1 + e)²`, which is π² e²/6 for small e, of either sign.
pub(crate) fn relative_variance(e: f64) -> f64 {
    if e.abs() > 0.01 {
        return (ln_gamma(1.0 + 2.0 * e) - 2.0 * ln_gamma(1.0 + e)).exp_m1();
    }
    // ln Γ(1 + x) = −γx + Σ ζ(k) (−x)^k/k: the term in γ cancels.
    const ZETA: [f64; 8] = [
        1.644_934_066_848_226_4,
        1.202_056_903_159_594_3,
        1.082_323_233_711_138_2,
        1.036_927_755_143_369_9,
        1.017_343_061_984_449_1,
        1.008_349_277_381_922_8,
        1.004_077_356_197_944_3,
        1.002_008_392_826_082_2,
    ];
    let (mut power, mut two, mut k, mut sum) = (e * e, 4.0, 2.0, 0.0);
    for zeta in ZETA {
        sum += zeta * power * (two - 2.0) / k;
        power *= -e;
        two *= 2.0;
        k += 1.0;
    }
    sum.exp_m1()
}

impl<T: Real> FamilyMoments<T> for WeibullFamily {
    fn mean(&self, [scale, shape]: [T; 2]) -> T {
        T::of((ln_gamma(1.0 + 1.0 / shape.f64()) + scale.f64().ln()).exp())
    }

    fn variance(&self, [scale, shape]: [T; 2]) -> T {
        let e = 1.0 / shape.f64();
        let ln_square = 2.0 * (ln_gamma(1.0 + e) + scale.f64().ln());
        if e > 1.0 {
            // Γ(1 + 2e) is by far the larger term, and may overflow even if the product with the scale
            // does not.
            let second = ln_gamma(1.0 + 2.0 * e) + 2.0 * scale.f64().ln();
            return T::of(second.exp() * -(ln_square - second).exp_m1());
        }
        T::of(ln_square.exp() * relative_variance(e))
    }
}

impl<T: Real> FamilyKl<T> for WeibullFamily {
    /// −ln z is Gumbel, of location −ln λ and scale 1/k.
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        let ([a, k], [b, l]) = (p.map(T::f64), q.map(T::f64));
        T::of(gumbel::kl(l / k, l * (b / a).ln()).0)
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let ([a, k], [b, l]) = (p.map(T::f64), q.map(T::f64));
        let ln_ratio = (b / a).ln();
        let (_, to_d, to_rho) = gumbel::kl(l / k, l * ln_ratio);
        let dp = [-to_d * l / a, -to_rho * l / k / k];
        let dq = [to_d * l / b, to_rho / k + to_d * ln_ratio];
        (dp.map(T::of), dq.map(T::of))
    }
}
