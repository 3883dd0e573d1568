//! The negative binomial distribution.

use rand::Rng;
use rand_distr::Distribution as _;

use super::geometric::{jump_of_failures, weak_pair_of_failures};
use super::poisson::draw_poisson;
use super::trial::{Trial, family_of_trials};
use super::{CountFamily, CountJump, CountLaw, CountWeakDerivative};
use crate::distribution::{Coupling, WeakPair, WeakSides};
use crate::real::Real;
use crate::special::digamma_difference;

family_of_trials! {
    /// D independent negative binomial counts: the number of failures before r successes, for any r above
    /// 0, whole or not. It is also a Poisson count whose rate is gamma-distributed.
    ///
    /// | | by [`from_logits`](Self::from_logits) | by [`from_probs`](Self::from_probs) |
    /// | --- | --- | --- |
    /// | θ | `r` (D numbers above 0), `logits` l of success (D finite numbers), `p = σ(l)` | `r`, `probs` p (D numbers strictly between 0 and 1) |
    /// | mass | `p(k) = Γ(k + r)/(k! Γ(r)) pʳ (1 − p)ᵏ`, k = 0, 1, … | the same |
    /// | score of r | `ψ(k + r) − ψ(r) + ln p` | the same |
    /// | score | `r (1 − p) − k p` | `r/p − k/(1 − p)` |
    /// | mean, variance | `r (1 − p)/p`, `r (1 − p)/p²` | the same |
    /// | weak derivative | `p (1 − p)` times that for p | `∂p(k)/∂p = r (b(k) − b(k − 1))/p²`, b that of r + 1 |
    /// | jump | `k (f(k − 1) − f(k))` | `k (f(k − 1) − f(k))/(p (1 − p))` |
    ///
    /// The log-probability keeps its digits for any r. Both parameters have a score. r has neither a weak
    /// derivative nor a jump in closed form, so [freeze](crate::distributions::Frozen) it for those
    /// estimators. Entropy and divergence have no closed form.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let misses = NegativeBinomial::from_probs(&[2.0], &[0.5])?;
    /// assert!((misses.log_prob(&[3.0]) - (4.0f64 / 32.0).ln()).abs() < 1e-14);
    /// let mut score = [0.0; 2];
    /// misses.score(&[3.0], &mut score);
    /// assert!((score[0] - (0.5 + 1.0 / 3.0 + 0.25 - 2f64.ln())).abs() < 1e-14); // 1/2 + 1/3 + 1/4 + ln p
    /// assert_eq!(score[1], -2.0);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kemp & Kotz 2005, Univariate Discrete Distributions, chapter 5, ISBN 0-471-27246-9;
    /// log-probability: Loader 2000, Fast and Accurate Computation of Binomial Probabilities.
    pub NegativeBinomial, NegativeBinomialFamily;
    theta: [T; 2];
    r: Positive "The numbers r of successes.";
}

/// One negative binomial law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NegativeBinomialLaw {
    r: f64,
    trial: Trial,
    /// The rate over `(1 − p)/p`.
    rates: Option<rand_distr::Gamma<f64>>,
}

impl<T: Real> CountFamily<T> for NegativeBinomialFamily {
    type Law = NegativeBinomialLaw;

    fn law(&self, _: usize, [r, theta]: [T; 2]) -> NegativeBinomialLaw {
        let (r, trial) = (r.f64(), Trial::new(theta.f64(), self.by_logits));
        NegativeBinomialLaw { r, trial, rates: rand_distr::Gamma::new(r, 1.0).ok() }
    }
}

impl<T: Real> CountLaw<T> for NegativeBinomialLaw {
    type Theta = [T; 2];

    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> T {
        let rate = self.rates.as_ref().map_or(self.r, |rates| rates.sample(rng));
        // Infinite odds of failure times a rate that has underflowed would be NaN; the count is then 0.
        let rate = if rate == 0.0 { 0.0 } else { rate * self.trial.failures_a_success() };
        T::of(draw_poisson(rate, rng))
    }

    fn log_mass(&self, k: T) -> T {
        let (r, k) = (self.r, k.f64());
        T::of(if k == 0.0 {
            r * self.trial.p.ln
        } else {
            // The last trial is a success: r/(k + r) of the binomial mass.
            let over = k / r;
            let last = if over < 1e300 { -over.ln_1p() } else { r.ln() - k.ln() };
            last + self.trial.log_mass(k + r, r, k)
        })
    }

    fn score(&self, k: T) -> [T; 2] {
        let (p, q, r, k) = (self.trial.p.p, self.trial.q.p, self.r, k.f64());
        let rise = if k == 0.0 { 0.0 } else { digamma_difference(r, r + k, k) };
        let by = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count / p };
        let own = if self.trial.by_logits { r * q - k * p } else { by(r, p) - by(k, q) };
        [T::of(rise + self.trial.p.ln), T::of(own)]
    }

    fn mean(&self) -> T {
        T::of(self.r * self.trial.failures_a_success())
    }

    fn variance(&self) -> T {
        T::of(self.r * self.trial.failures_a_success() / self.trial.p.p)
    }
}

impl<T: Real> CountWeakDerivative<T> for NegativeBinomialLaw {
    fn weak_sides(place: usize, _: Coupling) -> Option<WeakSides> {
        (place == 1).then_some(WeakSides::Pair)
    }

    fn weak_pair<R: Rng + ?Sized>(&self, _: usize, coupling: Coupling, k: T, rng: &mut R) -> WeakPair<T> {
        weak_pair_of_failures(&self.trial, self.r, coupling, k, |rng| CountLaw::<T>::draw(self, rng), rng)
    }
}

impl<T: Real> CountJump<T> for NegativeBinomialLaw {
    fn jump(&self, place: usize, k: T) -> Option<(T, T)> {
        (place == 1).then(|| jump_of_failures(&self.trial, k))
    }
}
