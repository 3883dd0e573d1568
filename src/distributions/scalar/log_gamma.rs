//! The law of the logarithm of a gamma variate.

use rand::Rng;

use crate::distributions::scalar::gamma::{kl, kl_gradient, ln_unit_draw, log_kernel, shape_score};
use crate::distributions::scalar::prelude::*;
use crate::special::{
    digamma, gamma_log_implicit_gradient, gamma_log_quantile, gamma_tails_at_log, log_gamma_entropy, trigamma,
};

own_family! {
    /// The logarithm `z = ln w` of gamma variates w, with D independent coordinates: the gamma
    /// distribution where its draws are too small for floating point. Usable from shape 1e-8 to 1e8 and
    /// beyond.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `shape` α (D numbers above 0), `rate` β (D numbers above 0), in units of 1/w |
    /// | density | `p(z) = β^α e^(αz − βe^z) / Γ(α)` on the line |
    /// | transform | `z = ln x − ln β`, `P(α, x) = u` ([`gamma_log_quantile`](crate::special::gamma_log_quantile)) |
    /// | pullback | `dα = ∂ln x/∂α dz` by implicit differentiation ([`gamma_log_implicit_gradient`](crate::special::gamma_log_implicit_gradient)), `dβ = −dz/β` |
    /// | score | `∂α = z + ln β − ψ(α)`, `∂β = α/β − e^z` |
    /// | ∇_z log p | `α − β e^z` |
    /// | entropy | `α + ln Γ(α) − α ψ(α)`, gradient `(1 − α ψ′(α), 0)` |
    /// | KL(p‖q) | that of [`Gamma`](crate::distributions::Gamma) |
    ///
    /// Mean `ψ(α) − ln β`, variance `ψ′(α)`. The score is valid for both parameters. Sampler, noise and
    /// accuracy are those of [`Gamma`](crate::distributions::Gamma). An objective of w is evaluated at
    /// `w = e^z`, and its gradient with respect to z is `∂f/∂w e^z`.
    ///
    /// ```
    /// use reparam::prelude::*;
    /// use reparam::distributions::LogGamma;
    ///
    /// let tiny = LogGamma::from_rate(&[1e-6], &[1.0])?;
    /// let mut z = [0.0];
    /// tiny.transform(&[0.5], &mut z); // the median of w is e^−693147
    /// assert!((z[0] / (0.5f64.ln() * 1e6) - 1.0).abs() < 1e-6);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// As for [`Gamma`](crate::distributions::Gamma).
    pub LogGamma, LogGammaFamily by quantile;
    pub fn from_rate(shape: Positive "The shapes α.", rate: Positive "The rates β.");
}

impl<T: Real> Quantile<T> for LogGammaFamily {
    const DRAWS_DIRECTLY: bool = true;

    fn quantile(&self, u: Probability<T>, [shape, rate]: [T; 2]) -> T {
        T::of(gamma_log_quantile(u.to_f64(), shape.f64()) - rate.f64().ln())
    }

    #[inline]
    fn quantile_gradient(&self, _: Probability<T>, z: T, [shape, rate]: [T; 2]) -> [T; 2] {
        let ln_x = z.f64() + rate.f64().ln();
        [T::of(gamma_log_implicit_gradient(ln_x, shape.f64())), -rate.recip()]
    }

    #[inline]
    fn draw<R: Rng + ?Sized>(&self, [shape, rate]: [T; 2], rng: &mut R) -> T {
        T::of(ln_unit_draw(shape.f64(), rng) - rate.f64().ln())
    }
}

impl<T: Real> FamilyCdf<T> for LogGammaFamily {
    fn cdf(&self, z: T, [shape, rate]: [T; 2]) -> Probability<T> {
        let (lower, upper) = gamma_tails_at_log(z.f64() + rate.f64().ln(), shape.f64());
        Probability::from_sides(T::of(lower), T::of(upper))
    }
}

impl<T: Real> Density<T> for LogGammaFamily {
    const COVERS_LINE: bool = true;

    #[inline]
    fn log_density(&self, z: T, [shape, rate]: [T; 2]) -> T {
        let ln_x = z.f64() + rate.f64().ln();
        T::of(log_kernel(shape.f64(), ln_x.exp(), ln_x))
    }
}

impl<T: Real> DensityGradient<T> for LogGammaFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [shape, rate]: [T; 2]) -> T {
        T::of(shape.f64() - (z.f64() + rate.f64().ln()).exp())
    }

    #[inline]
    fn score(&self, z: T, [shape, rate]: [T; 2]) -> [T; 2] {
        let (alpha, rate) = (shape.f64(), rate.f64());
        let ln_x = z.f64() + rate.ln();
        [T::of(shape_score(alpha, ln_x)), T::of((alpha - ln_x.exp()) / rate)]
    }
}

impl<T: Real> ClosedEntropy<T> for LogGammaFamily {
    fn entropy(&self, [shape, _]: [T; 2]) -> T {
        T::of(log_gamma_entropy(shape.f64()).0)
    }

    fn entropy_gradient(&self, [shape, _]: [T; 2]) -> [T; 2] {
        [T::of(log_gamma_entropy(shape.f64()).1), T::zero()]
    }
}

impl<T: Real> FamilyMoments<T> for LogGammaFamily {
    fn mean(&self, [shape, rate]: [T; 2]) -> T {
        T::of(digamma(shape.f64()) - rate.f64().ln())
    }

    fn variance(&self, [shape, _]: [T; 2]) -> T {
        T::of(trigamma(shape.f64()))
    }
}

impl<T: Real> FamilyKl<T> for LogGammaFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        kl(p, q)
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        kl_gradient(p, q)
    }
}
