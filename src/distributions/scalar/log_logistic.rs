//! The log-logistic distribution.

use crate::distributions::scalar::logistic;
use crate::distributions::scalar::prelude::*;
use crate::numerics::{log_power, scaled_exp, vanishing_product};
use crate::special::{sigmoid, softplus};

own_family! {
    /// The log-logistic (Fisk) with D independent coordinates: lifetimes whose logarithm is logistic,
    /// with a hazard that for β > 1 rises and then falls.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `scale` α (D numbers above 0), the median, in the units of z; `shape` β (D numbers above 0, no unit); `y = β ln(z/α)` |
    /// | density | `p(z) = (β/α) (z/α)^(β−1) / (1 + (z/α)^β)²`, z ≥ 0 |
    /// | transform | `z = α (u/(1 − u))^(1/β)` |
    /// | pullback | `dα = (z/α) dz`, `dβ = −z ln(u/(1 − u))/β² dz` |
    /// | score | `∂α = (β/α) tanh(y/2)`, `∂β = 1/β − ln(z/α) tanh(y/2)` |
    /// | ∇_z log p | `−(1 + β tanh(y/2))/z` |
    /// | entropy | `ln(α/β) + 2`, gradient `(1/α, −1/β)` |
    /// | KL(p ‖ q) | that of the [`Logistic`](crate::distributions::Logistic) laws of ln z, by quadrature |
    /// | mean, variance | `αs` for β > 1, `s = b/sin b`, `b = π/β`; `α² s (1/cos b − s)` for β > 2; else ∞ |
    ///
    /// The support [0, ∞) does not move: the score is valid for both parameters, with variances
    /// `β²/(3α²)` and `(3 + π²)/(9β²)`. The upper tail is a power: the pathwise samples of f = z have
    /// finite variance only for β > 2. Draws overflow with probability about `2^(−1024β)` in f64, and
    /// `2^(−128β)` in f32.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let law = LogLogistic::new(&[3.0], &[2.0])?;
    /// let mut z = [0.0];
    /// law.transform(&[0.2], &mut z); // odds 1 : 4
    /// assert!((z[0] - 1.5f64).abs() < 1e-15);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions vol. 2, chapter 23, ISBN
    /// 0-471-58494-0; in survival analysis: Bennett 1983, Applied Statistics 32, 165–171,
    /// doi:10.2307/2347295.
    pub LogLogistic, LogLogisticFamily by quantile;
    pub fn new(scale: Positive "The scales α, which are the medians.", shape: Positive "The shapes β.");
}

impl<T: Real> Quantile<T> for LogLogisticFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [scale, shape]: [T; 2]) -> T {
        scaled_exp(scale, u.logit() / shape)
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, z: T, [scale, shape]: [T; 2]) -> [T; 2] {
        [z / scale, vanishing_product(z, -u.logit() / shape / shape)]
    }
}

impl<T: Real> FamilyCdf<T> for LogLogisticFamily {
    fn cdf(&self, z: T, [scale, shape]: [T; 2]) -> Probability<T> {
        if z <= T::zero() {
            return Probability::never();
        }
        let y = shape * (z / scale).ln();
        Probability::from_sides(sigmoid(y), sigmoid(-y))
    }
}

impl<T: Real> Density<T> for LogLogisticFamily {
    #[inline]
    fn log_density(&self, z: T, [scale, shape]: [T; 2]) -> T {
        if z < T::zero() || z == T::infinity() {
            return T::neg_infinity();
        }
        let ln_t = (z / scale).ln();
        let spread = T::of(2.0) * softplus(-(shape * ln_t).abs());
        // Below the median the exponent is β − 1, above it −β − 1.
        let power = if ln_t <= T::zero() { shape - T::one() } else { -shape - T::one() };
        shape.ln() - scale.ln() + log_power(power, ln_t) - spread
    }
}

impl<T: Real> DensityGradient<T> for LogLogisticFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [scale, shape]: [T; 2]) -> T {
        if z < T::zero() {
            return T::zero();
        }
        if z == T::zero() && shape == T::one() {
            // The limit of 0/0.
            return T::of(-2.0) / scale;
        }
        let tanh = (T::of(0.5) * (shape * (z / scale).ln())).tanh();
        -(T::one() + shape * tanh) / z
    }

    #[inline]
    fn score(&self, z: T, [scale, shape]: [T; 2]) -> [T; 2] {
        if z < T::zero() {
            return [T::zero(); 2];
        }
        // In terms of y, so that no two terms of size 1/β cancel.
        let y = shape * (z / scale).ln();
        let tanh = (T::of(0.5) * y).tanh();
        [shape * tanh / scale, (T::one() - y * tanh) / shape]
    }
}

impl<T: Real> ClosedEntropy<T> for LogLogisticFamily {
    fn entropy(&self, [scale, shape]: [T; 2]) -> T {
        scale.ln() - shape.ln() + T::of(2.0)
    }

    fn entropy_gradient(&self, [scale, shape]: [T; 2]) -> [T; 2] {
        [scale.recip(), -shape.recip()]
    }
}

/// `sin b − b cos b`, which is b³/3 for small b.
fn sine_excess(b: f64) -> f64 {
    if b > 0.5 {
        return b.sin() - b * b.cos();
    }
    // Σ (−1)^(k+1) 2k b^(2k+1)/(2k + 1)!
    let (mut term, mut sum) = (b * b * b / 6.0, 0.0);
    for k in 1..12 {
        let k = f64::from(k);
        sum += 2.0 * k * term;
        term *= -b * b / ((2.0 * k + 2.0) * (2.0 * k + 3.0));
    }
    sum
}

impl<T: Real> FamilyMoments<T> for LogLogisticFamily {
    fn mean(&self, [scale, shape]: [T; 2]) -> T {
        if shape <= T::one() {
            return T::infinity();
        }
        let b = std::f64::consts::PI / shape.f64();
        T::of(scale.f64() * (b / b.sin()))
    }

    fn variance(&self, [scale, shape]: [T; 2]) -> T {
        if shape <= T::of(2.0) {
            return T::infinity();
        }
        let b = std::f64::consts::PI / shape.f64();
        // 1/cos b − b/sin b = (sin b − b cos b)/(sin b cos b).
        let factor = b / b.sin() * (sine_excess(b) / (b.sin() * b.cos()));
        T::of(scale.f64() * scale.f64() * factor)
    }
}

/// The law of ln z.
fn of_logarithm<T: Real>([scale, shape]: [T; 2]) -> [f64; 2] {
    [scale.f64().ln(), shape.f64().recip()]
}

impl<T: Real> FamilyKl<T> for LogLogisticFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        T::of(logistic::kl(of_logarithm(p), of_logarithm(q)).0)
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let (_, dp, dq) = logistic::kl(of_logarithm(p), of_logarithm(q));
        // ∂/∂α = (∂/∂μ)/α, ∂/∂β = −(∂/∂s)/β².
        let chain = |[dmu, ds]: [f64; 2], [scale, shape]: [T; 2]| {
            [T::of(dmu / scale.f64()), T::of(-ds / shape.f64() / shape.f64())]
        };
        (chain(dp, p), chain(dq, q))
    }
}
