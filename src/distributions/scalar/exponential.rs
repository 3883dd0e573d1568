//! The exponential distribution.

use rand::Rng;

use crate::distribution::{Coupling, WeakPair, WeakSides};
use crate::distributions::scalar::prelude::*;
use crate::special::deviance;

own_family! {
    /// The exponential with independent coordinates: waiting times for events with rate λ.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `rate` λ (D numbers above 0), in units of 1/z |
    /// | density | `p(z) = λ e^(−λz)`, z ≥ 0 |
    /// | transform | `z = −ln(1 − u) / λ` |
    /// | pullback | `dλ = −(z/λ) dz` |
    /// | score | `∂λ = 1/λ − z` |
    /// | ∇_z log p | `−λ` |
    /// | entropy | `1 − ln λ`, gradient `−1/λ` |
    /// | KL(p ‖ q) | `r − 1 − ln r`, `r = λ_q/λ_p`; gradients `(1 − r)/λ_p`, `1/λ_p − 1/λ_q` |
    /// | mean, variance | `1/λ`, `1/λ²` |
    /// | weak derivative | `∂p/∂λ = (p − g)/λ`, g the law of the sum of two such waiting times |
    ///
    /// The support [0, ∞) does not move with the rate, so the score is valid; its variance is λ⁻². The
    /// noise keeps its full precision in the upper tail: the largest draw is `53/λ`, of probability 2⁻⁷⁷,
    /// in f64 and f32 alike. With an equidistant uniform, the largest would be `37/λ` and `17/λ`.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let exponential = Exponential::new(&[2.0])?;
    /// let (mut z, mut drate) = ([0.0], [0.0]);
    /// exponential.transform(&[-0.125], &mut z); // the upper tail has probability 1/8
    /// assert!((z[0] - 8.0f64.ln() / 2.0).abs() < 1e-15);
    /// exponential.pullback(&[-0.125], &z, &[1.0], &mut drate);
    /// assert_eq!(drate[0], -z[0] / 2.0);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions vol. 1, chapter 19, ISBN
    /// 0-471-58495-9.
    pub Exponential, ExponentialFamily by quantile;
    pub fn new(rate: Positive "The rates λ.");
}

impl<T: Real> Quantile<T> for ExponentialFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [rate]: [T; 1]) -> T {
        -u.ln_upper() / rate
    }

    #[inline]
    fn quantile_gradient(&self, _: Probability<T>, z: T, [rate]: [T; 1]) -> [T; 1] {
        [-z / rate]
    }
}

impl<T: Real> FamilyCdf<T> for ExponentialFamily {
    fn cdf(&self, z: T, [rate]: [T; 1]) -> Probability<T> {
        if z <= T::zero() {
            return Probability::never();
        }
        let hazard = rate * z;
        Probability::from_sides(-(-hazard).exp_m1(), (-hazard).exp())
    }
}

impl<T: Real> Density<T> for ExponentialFamily {
    #[inline]
    fn log_density(&self, z: T, [rate]: [T; 1]) -> T {
        if z < T::zero() { T::neg_infinity() } else { rate.ln() - rate * z }
    }
}

impl<T: Real> DensityGradient<T> for ExponentialFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [rate]: [T; 1]) -> T {
        if z < T::zero() { T::zero() } else { -rate }
    }

    #[inline]
    fn score(&self, z: T, [rate]: [T; 1]) -> [T; 1] {
        [if z < T::zero() { T::zero() } else { rate.recip() - z }]
    }
}

impl<T: Real> ClosedEntropy<T> for ExponentialFamily {
    fn entropy(&self, [rate]: [T; 1]) -> T {
        T::one() - rate.ln()
    }

    fn entropy_gradient(&self, [rate]: [T; 1]) -> [T; 1] {
        [-rate.recip()]
    }
}

impl<T: Real> FamilyWeakDerivative<T> for ExponentialFamily {
    fn weak_sides(&self, _: usize, _: Coupling) -> Option<WeakSides> {
        Some(WeakSides::AgainstDraw)
    }

    /// Coupled, the longer waiting time is this one plus another.
    fn weak_pair<R: Rng + ?Sized>(
        &self,
        _: usize,
        coupling: Coupling,
        z: T,
        theta @ [rate]: [T; 1],
        rng: &mut R,
    ) -> WeakPair<T> {
        let first = if coupling == Coupling::Coupled { z } else { self.draw(theta, rng) };
        WeakPair::against_draw(first + self.draw(theta, rng), -rate.recip())
    }
}

impl<T: Real> FamilyMoments<T> for ExponentialFamily {
    fn mean(&self, [rate]: [T; 1]) -> T {
        rate.recip()
    }

    fn variance(&self, [rate]: [T; 1]) -> T {
        rate.recip() / rate
    }
}

impl<T: Real> FamilyKl<T> for ExponentialFamily {
    fn kl(&self, [p]: [T; 1], [q]: [T; 1]) -> T {
        T::of(deviance(q.f64() / p.f64()))
    }

    fn kl_gradient(&self, [p]: [T; 1], [q]: [T; 1]) -> ([T; 1], [T; 1]) {
        let (p, q) = (p.f64(), q.f64());
        ([T::of((p - q) / p / p)], [T::of((q - p) / p / q)])
    }
}
