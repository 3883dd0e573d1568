//! The geometric distribution.

use rand::Rng;
use rand_distr::{Distribution as _, Exp1};

use super::trial::{Trial, family_of_trials};
use super::{CountFamily, CountJump, CountKl, CountLaw, CountWeakDerivative};
use crate::distribution::{Coupling, WeakPair, WeakSides};
use crate::real::Real;

family_of_trials! {
    /// D independent geometric counts: the number of failures before the first success.
    ///
    /// | | by [`from_logits`](Self::from_logits) | by [`from_probs`](Self::from_probs) |
    /// | --- | --- | --- |
    /// | θ | `logits` l of success (D finite numbers), `p = σ(l)` | `probs` p (D numbers strictly between 0 and 1) |
    /// | mass | `p(k) = p (1 − p)ᵏ`, k = 0, 1, … | the same |
    /// | score | `1 − p − k p` | `1/p − k/(1 − p)` |
    /// | KL(p ‖ q) | that of one trial, over p | the same |
    /// | its gradients | `−ln((1 − p)/(1 − q)) (1 − p)/p`, `(q − p)/p` | `−ln((1 − p)/(1 − q))/p²`, `(q − p)/(p q (1 − q))` |
    /// | mean, variance | `(1 − p)/p`, `(1 − p)/p²` | the same |
    /// | weak derivative | `p (1 − p)` times that for p | `∂p(k)/∂p = (b(k) − b(k − 1))/p²`, b the failures before the second success |
    /// | jump | `k (f(k − 1) − f(k))` | `k (f(k − 1) − f(k))/(p (1 − p))` |
    ///
    /// Log-probability and score are exact to rounding at any finite logit. A count above the whole
    /// numbers that a scalar holds exactly is rounded to the nearest number it holds. Where p is so small
    /// that the count overflows, the estimators report
    /// [`Error::NonFiniteTransform`](crate::Error::NonFiniteTransform).
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let misses = Geometric::from_probs(&[0.25])?;
    /// assert!((misses.log_prob(&[2.0]) - (0.25f64 * 0.75 * 0.75).ln()).abs() < 1e-15);
    /// let mut mean = [0.0];
    /// misses.mean(&mut mean);
    /// assert_eq!(mean, [3.0]);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kemp & Kotz 2005, Univariate Discrete Distributions, chapter 5, ISBN 0-471-27246-9.
    pub Geometric, GeometricFamily;
    theta: [T; 1];
}

/// One geometric law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeometricLaw(Trial);

impl<T: Real> CountFamily<T> for GeometricFamily {
    type Law = GeometricLaw;

    fn law(&self, _: usize, [theta]: [T; 1]) -> GeometricLaw {
        GeometricLaw(Trial::new(theta.f64(), self.by_logits))
    }
}

/// Failures before a success.
pub(super) fn draw_failures<R: Rng + ?Sized>(trial: &Trial, rng: &mut R) -> f64 {
    // The whole part of an exponential waiting time of rate −ln q.
    let wait: f64 = Exp1.sample(rng);
    (wait / -trial.q.ln).floor()
}

impl<T: Real> CountLaw<T> for GeometricLaw {
    type Theta = [T; 1];

    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> T {
        T::of(draw_failures(&self.0, rng))
    }

    fn log_mass(&self, k: T) -> T {
        let k = k.f64();
        T::of(self.0.p.ln + if k == 0.0 { 0.0 } else { k * self.0.q.ln })
    }

    fn score(&self, k: T) -> [T; 1] {
        let (p, q, k) = (self.0.p.p, self.0.q.p, k.f64());
        let by = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count / p };
        [T::of(if self.0.by_logits { q - k * p } else { p.recip() - by(k, q) })]
    }

    fn mean(&self) -> T {
        T::of(self.0.failures_a_success())
    }

    fn variance(&self) -> T {
        T::of(self.0.failures_a_success() / self.0.p.p)
    }
}

impl<T: Real> CountKl<T> for GeometricLaw {
    fn kl(&self, other: &Self) -> T {
        let (own, others) = (&self.0, &other.0);
        T::of(if own.p.p < f64::MIN_POSITIVE {
            // Without a digit left, the trials are a process of rare events, and the count is the wait
            // for the first: `r − 1 − ln r` with the ratio r of their rates.
            let ln_ratio = others.p.ln - own.p.ln;
            ln_ratio.exp_m1() - ln_ratio
        } else {
            own.kl(others) / own.p.p
        })
    }

    fn kl_gradient(&self, other: &Self) -> ([T; 1], [T; 1]) {
        let (own, others) = (&self.0, &other.0);
        let excess = others.excess(own);
        // ln(q/q′), from the difference where the two are close.
        let change = excess / others.q.p;
        let ln = if change.abs() < 0.5 { change.ln_1p() } else { own.q.ln - others.q.ln };
        let (by_own, by_others) = (-ln / own.p.p, excess / own.p.p);
        let by_own = by_own * if own.by_logits { own.q.p } else { own.p.p.recip() };
        (
            [T::of(by_own)],
            [T::of(if others.by_logits { by_others } else { by_others / others.p.p / others.q.p })],
        )
    }
}

impl<T: Real> CountWeakDerivative<T> for GeometricLaw {
    fn weak_sides(_: usize, _: Coupling) -> Option<WeakSides> {
        Some(WeakSides::Pair)
    }

    fn weak_pair<R: Rng + ?Sized>(&self, _: usize, coupling: Coupling, k: T, rng: &mut R) -> WeakPair<T> {
        weak_pair_of_failures(&self.0, 1.0, coupling, k, |rng| CountLaw::<T>::draw(self, rng), rng)
    }
}

/// The weak derivative of the failures before r successes with respect to the trial's parameter: the
/// failures before one more success, with and without one further failure.
pub(super) fn weak_pair_of_failures<T: Real, R: Rng + ?Sized>(
    trial: &Trial,
    r: f64,
    coupling: Coupling,
    k: T,
    draw: impl Fn(&mut R) -> T,
    rng: &mut R,
) -> WeakPair<T> {
    // r/p² with respect to p; r q/p with respect to the logit, from the odds of failure, which stays
    // finite where r/p² does not.
    let weight = if trial.by_logits { r * trial.failures_a_success() } else { r / trial.p.p / trial.p.p };
    let more = k + T::of(draw_failures(trial, rng));
    let other = match coupling {
        Coupling::Coupled => more,
        Coupling::Independent => draw(rng) + T::of(draw_failures(trial, rng)),
    };
    WeakPair::pair(more, other + T::one(), T::of(weight))
}

/// A failure becomes a success, and the wait ends one failure earlier.
pub(super) fn jump_of_failures<T: Real>(trial: &Trial, k: T) -> (T, T) {
    let failures = k.f64();
    let weight = if trial.by_logits || failures == 0.0 { failures } else { failures / trial.p.p / trial.q.p };
    (k - T::one(), T::of(weight))
}

impl<T: Real> CountJump<T> for GeometricLaw {
    fn jump(&self, _: usize, k: T) -> Option<(T, T)> {
        Some(jump_of_failures(&self.0, k))
    }
}
