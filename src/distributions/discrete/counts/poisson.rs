//! The Poisson distribution.

use rand::Rng;
use rand_distr::Distribution as _;

use super::{CountFamily, CountJump, CountKl, CountLaw, CountWeakDerivative};
use crate::distribution::{Coupling, WeakPair, WeakSides};
use crate::distributions::scalar::declare::own_family;
use crate::real::Real;
use crate::special::{deviance, ln_kernel};

own_family! {
    /// D independent Poisson counts: the number of events in a period in which λ are expected.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `rate` λ (D numbers above 0), the expected count |
    /// | mass | `p(k) = λᵏ e^(−λ)/k!`, k = 0, 1, … |
    /// | score | `k/λ − 1` |
    /// | KL(p ‖ q) | `λ_p ln(λ_p/λ_q) − λ_p + λ_q`, gradients `ln(λ_p/λ_q)` and `1 − λ_p/λ_q` |
    /// | mean, variance | λ, λ |
    /// | jump | `f(k + 1) − f(k)` |
    /// | weak derivative | `∂p/∂λ = p(k − 1) − p(k)`: one more event, against the draw itself |
    ///
    /// The score is valid and has variance 1/λ. The coupled [weak
    /// derivative](crate::estimators::MeasureValued), `f(k + 1) − f(k)`, has the variance of the
    /// increments of f and costs one more evaluation. The entropy has no closed form. For a rate above
    /// 1e15, where a scalar no longer holds every whole number, draws are rounded normals.
    ///
    /// ```
    /// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
    /// use reparam::prelude::*;
    ///
    /// let arrivals = Poisson::new(&[4.0])?;
    /// assert!((arrivals.log_prob(&[2.0]) - (8.0f64.ln() - 4.0)).abs() < 1e-14);
    /// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    /// let square = |k: &[f64]| k[0] * k[0];
    /// let estimate = MeasureValued::coupled().estimate(&arrivals, &square, 10_000, &mut rng)?;
    /// assert!((estimate.gradient()[0] - 9.0).abs() < 4.0 * estimate.standard_error()[0]); // E k² = λ + λ²
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kemp & Kotz 2005, Univariate Discrete Distributions, chapter 4, ISBN 0-471-27246-9; weak
    /// derivative: Pflug 1996, Optimization of Stochastic Models, doi:10.1007/978-1-4613-1449-3.
    pub Poisson, PoissonFamily by counts;
    pub fn new(rate: Positive "The rates λ.");
}

/// One Poisson law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoissonLaw {
    rate: f64,
    ln_rate: f64,
    sampler: Option<rand_distr::Poisson<f64>>,
}

/// The largest rate for which draws are exact.
const EXACT: f64 = 1e15;

impl<T: Real> CountFamily<T> for PoissonFamily {
    type Law = PoissonLaw;

    fn law(&self, _: usize, [rate]: [T; 1]) -> PoissonLaw {
        let rate = rate.f64();
        let sampler = if rate <= EXACT { rand_distr::Poisson::new(rate).ok() } else { None };
        PoissonLaw { rate, ln_rate: rate.ln(), sampler }
    }
}

/// A Poisson count to the precision of a scalar, for a rate above [`EXACT`].
fn rounded_normal<R: Rng + ?Sized>(rate: f64, rng: &mut R) -> f64 {
    // An infinite rate gives an infinite count.
    (rate + rate.min(f64::MAX).sqrt() * f64::standard_normal(rng)).round()
}

/// One count with the given rate; 0 at a rate of 0.
pub(super) fn draw_poisson<R: Rng + ?Sized>(rate: f64, rng: &mut R) -> f64 {
    if rate > EXACT {
        return rounded_normal(rate, rng);
    }
    rand_distr::Poisson::new(rate).map_or(0.0, |sampler| sampler.sample(rng))
}

impl<T: Real> CountLaw<T> for PoissonLaw {
    type Theta = [T; 1];

    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> T {
        T::of(match &self.sampler {
            Some(sampler) => sampler.sample(rng),
            None => rounded_normal(self.rate, rng),
        })
    }

    fn log_mass(&self, k: T) -> T {
        // p(k) = (z p(z) of the gamma density of shape k + 1 at z = λ) / λ.
        let k = k.f64();
        T::of(if k == 0.0 { -self.rate } else { ln_kernel(k + 1.0, self.rate, self.ln_rate) - self.ln_rate })
    }

    fn score(&self, k: T) -> [T; 1] {
        [T::of((k.f64() - self.rate) / self.rate)]
    }

    fn mean(&self) -> T {
        T::of(self.rate)
    }

    fn variance(&self) -> T {
        T::of(self.rate)
    }
}

impl<T: Real> CountKl<T> for PoissonLaw {
    fn kl(&self, other: &Self) -> T {
        T::of(self.rate * deviance(other.rate / self.rate))
    }

    fn kl_gradient(&self, other: &Self) -> ([T; 1], [T; 1]) {
        let change = (self.rate - other.rate) / other.rate;
        let ln = if change.abs() < 0.5 { change.ln_1p() } else { self.ln_rate - other.ln_rate };
        ([T::of(ln)], [T::of(-change)])
    }
}

impl<T: Real> CountWeakDerivative<T> for PoissonLaw {
    fn weak_sides(_: usize, _: Coupling) -> Option<WeakSides> {
        Some(WeakSides::AgainstDraw)
    }

    fn weak_pair<R: Rng + ?Sized>(&self, _: usize, coupling: Coupling, k: T, rng: &mut R) -> WeakPair<T> {
        let k = if coupling == Coupling::Coupled { k } else { self.draw(rng) };
        WeakPair::against_draw(k + T::one(), T::one())
    }
}

impl<T: Real> CountJump<T> for PoissonLaw {
    fn jump(&self, _: usize, k: T) -> Option<(T, T)> {
        Some((k + T::one(), T::one()))
    }
}
