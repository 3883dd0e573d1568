//! The chi-squared distribution.

use rand::Rng;

use crate::distributions::scalar::gamma::GammaFamily;
use crate::distributions::scalar::prelude::*;

own_family! {
    /// The chi-squared distribution with D independent coordinates: the
    /// [`Gamma`](crate::distributions::Gamma) of shape ν/2 and rate ½.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `df` ν (D numbers above 0), degrees of freedom, whole or not |
    /// | density | `p(z) = z^(ν/2−1) e^(−z/2) / (2^(ν/2) Γ(ν/2))` for z ≥ 0 |
    /// | transform | `z = 2x`, `P(ν/2, x) = u` |
    /// | pullback | `dν = ∂x/∂α dz` at `α = ν/2`, by implicit differentiation |
    /// | score | `½ (ln(z/2) − ψ(ν/2))` |
    /// | ∇_z log p | `(ν/2 − 1)/z − ½` |
    /// | entropy | that of the gamma, gradient `½ (1 + (1 − ν/2) ψ′(ν/2))` |
    ///
    /// Mean ν, variance 2ν. The score is valid. The remarks on small shapes, sampler, noise and accuracy
    /// at [`Gamma`](crate::distributions::Gamma) apply here.
    ///
    /// ```
    /// use reparam::prelude::*;
    /// use reparam::distributions::ChiSquared;
    ///
    /// let law = ChiSquared::new(&[2.0])?;
    /// let mut z = [0.0];
    /// law.transform(&[-0.05], &mut z); // two degrees of freedom: an exponential of mean 2
    /// assert!((z[0] + 2.0 * 0.05f64.ln()).abs() < 1e-14);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// As for [`Gamma`](crate::distributions::Gamma).
    pub ChiSquared, ChiSquaredFamily by quantile;
    pub fn new(df: Positive "The degrees of freedom ν.");
}

/// Shape and rate of the gamma law.
#[inline]
fn gamma<T: Real>([df]: [T; 1]) -> [T; 2] {
    // Half of the smallest number rounds to 0, which is not a valid shape.
    let smallest = T::min_positive_value() * T::epsilon();
    [(T::of(0.5) * df).max(smallest), T::of(0.5)]
}

/// Turns a derivative with respect to the shape into one with respect to ν.
#[inline]
fn half<T: Real>([shape, _]: [T; 2]) -> [T; 1] {
    [T::of(0.5) * shape]
}

impl<T: Real> Quantile<T> for ChiSquaredFamily {
    const DRAWS_DIRECTLY: bool = true;

    fn quantile(&self, u: Probability<T>, theta: [T; 1]) -> T {
        GammaFamily.quantile(u, gamma(theta))
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, z: T, theta: [T; 1]) -> [T; 1] {
        half(GammaFamily.quantile_gradient(u, z, gamma(theta)))
    }

    #[inline]
    fn draw<R: Rng + ?Sized>(&self, theta: [T; 1], rng: &mut R) -> T {
        GammaFamily.draw(gamma(theta), rng)
    }
}

impl<T: Real> FamilyCdf<T> for ChiSquaredFamily {
    fn cdf(&self, z: T, theta: [T; 1]) -> Probability<T> {
        GammaFamily.cdf(z, gamma(theta))
    }
}

impl<T: Real> Density<T> for ChiSquaredFamily {
    #[inline]
    fn log_density(&self, z: T, theta: [T; 1]) -> T {
        GammaFamily.log_density(z, gamma(theta))
    }
}

impl<T: Real> DensityGradient<T> for ChiSquaredFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, theta: [T; 1]) -> T {
        GammaFamily.log_density_gradient(z, gamma(theta))
    }

    #[inline]
    fn score(&self, z: T, theta: [T; 1]) -> [T; 1] {
        half(GammaFamily.score(z, gamma(theta)))
    }
}

impl<T: Real> ClosedEntropy<T> for ChiSquaredFamily {
    fn entropy(&self, theta: [T; 1]) -> T {
        GammaFamily.entropy(gamma(theta))
    }

    fn entropy_gradient(&self, theta: [T; 1]) -> [T; 1] {
        half(GammaFamily.entropy_gradient(gamma(theta)))
    }
}

impl<T: Real> FamilyMoments<T> for ChiSquaredFamily {
    fn mean(&self, [df]: [T; 1]) -> T {
        df
    }

    fn variance(&self, [df]: [T; 1]) -> T {
        df + df
    }
}

impl<T: Real> FamilyKl<T> for ChiSquaredFamily {
    fn kl(&self, p: [T; 1], q: [T; 1]) -> T {
        GammaFamily.kl(gamma(p), gamma(q))
    }

    fn kl_gradient(&self, p: [T; 1], q: [T; 1]) -> ([T; 1], [T; 1]) {
        let (p, q) = GammaFamily.kl_gradient(gamma(p), gamma(q));
        (half(p), half(q))
    }
}
