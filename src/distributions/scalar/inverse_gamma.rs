//! The law of the reciprocal of a gamma variate.

use rand::Rng;

use crate::distributions::scalar::gamma::{kl, kl_gradient, ln_unit_draw, log_kernel, shape_score};
use crate::distributions::scalar::prelude::*;
use crate::special::{
    digamma, gamma_implicit_gradient, gamma_log_quantile, gamma_tails_at_log, log_gamma_entropy, trigamma,
};

own_family! {
    /// The inverse gamma distribution with D independent coordinates: the law of `b/x` for x of shape a
    /// and rate 1.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `shape` a (D numbers above 0), `scale` b (D numbers above 0), in the units of z |
    /// | density | `p(z) = b^a z^(−a−1) e^(−b/z) / Γ(a)` for z > 0 |
    /// | transform | `z = b/x`, `P(a, x) = 1 − u` |
    /// | pullback | `da = −z ∂ln x/∂a dz` by implicit differentiation, `db = z/b dz` |
    /// | score | `∂a = ln(b/z) − ψ(a)`, `∂b = a/b − 1/z` |
    /// | ∇_z log p | `(b/z − a − 1)/z` |
    /// | entropy | `a + ln b + ln Γ(a) − (1 + a) ψ(a)`, gradient `(1 − (1 + a) ψ′(a), 1/b)` |
    /// | KL(p‖q) | that of [`Gamma`](crate::distributions::Gamma) with b for the rate |
    ///
    /// Mean `b/(a − 1)` for a > 1, variance `b²/((a − 1)² (a − 2))` for a > 2, else infinite: a pathwise
    /// gradient of z has a finite variance only for a > 2. The score is valid for both parameters. Draws
    /// of a small shape overflow where those of a [`Gamma`](crate::distributions::Gamma) underflow; the
    /// engine then reports an error. Sampler, noise and accuracy are those of
    /// [`Gamma`](crate::distributions::Gamma).
    ///
    /// ```
    /// use reparam::prelude::*;
    /// use reparam::distributions::InverseGamma;
    ///
    /// let law = InverseGamma::new(&[1.0], &[2.0])?;
    /// let mut z = [0.0];
    /// law.transform(&[0.25], &mut z); // for a = 1, F(z) = e^(−b/z)
    /// assert!((z[0] - 2.0 / 4.0f64.ln()).abs() < 1e-14);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// As for [`Gamma`](crate::distributions::Gamma).
    pub InverseGamma, InverseGammaFamily by quantile;
    pub fn new(shape: Positive "The shapes a.", scale: Positive "The scales b.");
}

impl<T: Real> Quantile<T> for InverseGammaFamily {
    const DRAWS_DIRECTLY: bool = true;

    fn quantile(&self, u: Probability<T>, [shape, scale]: [T; 2]) -> T {
        let above = Probability::from_tail(-u.to_f64().tail());
        T::of((scale.f64().ln() - gamma_log_quantile(above, shape.f64())).exp())
    }

    #[inline]
    fn quantile_gradient(&self, _: Probability<T>, z: T, [shape, scale]: [T; 2]) -> [T; 2] {
        if z <= T::zero() {
            return [T::zero(); 2];
        }
        let (z, scale) = (z.f64(), scale.f64());
        let x = scale / z;
        if x == f64::INFINITY {
            // The limit for z → 0.
            return [T::zero(), T::of(z / scale)];
        }
        [T::of(-z * (gamma_implicit_gradient(x, shape.f64()) / x)), T::of(z / scale)]
    }

    #[inline]
    fn draw<R: Rng + ?Sized>(&self, [shape, scale]: [T; 2], rng: &mut R) -> T {
        T::of((scale.f64().ln() - ln_unit_draw(shape.f64(), rng)).exp())
    }
}

impl<T: Real> FamilyCdf<T> for InverseGammaFamily {
    fn cdf(&self, z: T, [shape, scale]: [T; 2]) -> Probability<T> {
        if z <= T::zero() {
            return Probability::never();
        }
        let (upper, lower) = gamma_tails_at_log(scale.f64().ln() - z.f64().ln(), shape.f64());
        Probability::from_sides(T::of(lower), T::of(upper))
    }
}

impl<T: Real> Density<T> for InverseGammaFamily {
    #[inline]
    fn log_density(&self, z: T, [shape, scale]: [T; 2]) -> T {
        let (z, scale) = (z.f64(), scale.f64());
        if z <= 0.0 {
            return T::neg_infinity();
        }
        let x = scale / z;
        T::of(log_kernel(shape.f64(), x, x.ln()) - z.ln())
    }
}

impl<T: Real> DensityGradient<T> for InverseGammaFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [shape, scale]: [T; 2]) -> T {
        if z <= T::zero() { T::zero() } else { (scale / z - shape - T::one()) / z }
    }

    #[inline]
    fn score(&self, z: T, [shape, scale]: [T; 2]) -> [T; 2] {
        if z <= T::zero() {
            return [T::zero(); 2];
        }
        let ln_x = (scale.f64() / z.f64()).ln();
        [T::of(shape_score(shape.f64(), ln_x)), (shape - scale / z) / scale]
    }
}

impl<T: Real> ClosedEntropy<T> for InverseGammaFamily {
    fn entropy(&self, [shape, scale]: [T; 2]) -> T {
        let a = shape.f64();
        T::of(log_gamma_entropy(a).0 - digamma(a) + scale.f64().ln())
    }

    fn entropy_gradient(&self, [shape, scale]: [T; 2]) -> [T; 2] {
        let a = shape.f64();
        [T::of(log_gamma_entropy(a).1 - trigamma(a)), scale.recip()]
    }
}

impl<T: Real> FamilyMoments<T> for InverseGammaFamily {
    fn mean(&self, [shape, scale]: [T; 2]) -> T {
        if shape > T::one() { scale / (shape - T::one()) } else { T::infinity() }
    }

    fn variance(&self, theta: [T; 2]) -> T {
        let two = T::of(2.0);
        let mean: T = self.mean(theta);
        if theta[0] > two { mean * mean / (theta[0] - two) } else { T::infinity() }
    }
}

impl<T: Real> FamilyKl<T> for InverseGammaFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        kl(p, q)
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        kl_gradient(p, q)
    }
}
