//! The binomial distribution.

use rand::{Rng, RngExt};
use rand_distr::Distribution as _;

use super::{CountFamily, CountLaw, CountWeakDerivative, Counts};
use crate::distribution::{Coupling, WeakPair, WeakSides};
use crate::distributions::inverse_cdf::Family;
use crate::error::{Error, check_len};
use crate::layout::Domain;
use crate::probability::Probability;
use crate::real::Real;
use crate::special::{deviance, ln_beta, log_sigmoid, sigmoid, stirling_remainder};

/// D independent binomial counts: how many of n trials succeed.
///
/// | | by [`new`](Self::new) | by [`from_probs`](Self::from_probs) |
/// | --- | --- | --- |
/// | θ | `logits` l (D finite numbers), `p = σ(l)` | `probs` p (D numbers strictly between 0 and 1) |
/// | fixed | `trials` n, D whole numbers from 1 to 2⁵³ | the same |
/// | mass | `p(k) = n!/(k! (n − k)!) pᵏ (1 − p)ⁿ⁻ᵏ`, k = 0 … n | the same |
/// | score | `k (1 − p) − (n − k) p` | `k/p − (n − k)/(1 − p)` |
/// | KL(p ‖ q) | `n (p ln(p/q) + (1 − p) ln((1 − p)/(1 − q)))` for the same trials | the same |
/// | mean, variance | np, np(1 − p) | the same |
/// | weak derivative | `n p (1 − p)` times that by p | `∂p(k)/∂p = n (b(k − 1) − b(k))`, b of n − 1 trials |
///
/// Log-probability and score are exact to rounding at any finite logit, and the log-probability keeps its digits for any number of trials. The
/// coupled [weak derivative](crate::estimators::MeasureValued) turns one trial round, a random one of the n, and costs one more evaluation a coordinate.
/// The entropy has no closed form.
///
/// ```
/// use reparam::prelude::*;
///
/// let heads = Binomial::new(&[10], &[0.0])?;
/// assert!((heads.log_prob(&[5.0]) - (252.0f64 / 1024.0).ln()).abs() < 1e-15);
/// assert_eq!(heads.log_prob(&[11.0]), f64::NEG_INFINITY);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Log-probability: Loader 2000, Fast and Accurate Computation of Binomial Probabilities.
pub type Binomial<T> = Counts<T, BinomialFamily>;

/// The scalar family behind [`Binomial`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinomialFamily {
    trials: Vec<u64>,
    by_logits: bool,
}

/// One binomial law.
#[derive(Debug, Clone, PartialEq)]
pub struct BinomialLaw {
    trials: f64,
    p: Side,
    q: Side,
    by_logits: bool,
    /// Counts the rarer outcome, in all trials and in all but one.
    rarer: [rand_distr::Binomial; 2],
}

/// Success or failure: its probability and the logarithm of that, each exact where it is small.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Side {
    p: f64,
    ln: f64,
}

impl<T: Real> Binomial<T> {
    /// From numbers of trials and logits of success, one of each a coordinate.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates, [`Error::Length`] if the lengths differ, [`Error::Option`] for a number of
    /// trials that is 0 or above 2⁵³, [`Error::NonFiniteParameter`].
    pub fn new(trials: &[u64], logits: &[T]) -> Result<Self, Error> {
        Self::build(trials, logits, true)
    }

    /// From numbers of trials and probabilities of success, one of each a coordinate.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::ParameterDomain`] for a probability that is not strictly between 0 and 1.
    pub fn from_probs(trials: &[u64], probs: &[T]) -> Result<Self, Error> {
        Self::build(trials, probs, false)
    }

    fn build(trials: &[u64], values: &[T], by_logits: bool) -> Result<Self, Error> {
        check_len("trials", values.len(), trials.len())?;
        if let Some(&wrong) = trials.iter().find(|n| !(1..=1 << 53).contains(*n)) {
            let expected = "a whole number from 1 to 2^53";
            return Err(Error::Option { option: "trials", value: wrong as f64, expected });
        }
        Self::from_family(BinomialFamily { trials: trials.to_vec(), by_logits }, &[values])
    }

    /// The numbers of trials.
    #[must_use]
    pub fn trials(&self) -> &[u64] {
        &self.family().trials
    }
}

impl<T: Real> Family<T> for BinomialFamily {
    type Theta = [T; 1];

    fn parameters(&self) -> &'static [(&'static str, Domain)] {
        if self.by_logits { &[("logits", Domain::Real)] } else { &[("probs", Domain::UnitInterval)] }
    }
}

impl<T: Real> CountFamily<T> for BinomialFamily {
    type Law = BinomialLaw;

    fn law(&self, coordinate: usize, [theta]: [T; 1]) -> BinomialLaw {
        let (theta, trials) = (theta.f64(), self.trials[coordinate]);
        let (p, q) = if self.by_logits {
            let side = |l: f64| Side { p: sigmoid(l), ln: log_sigmoid(l) };
            (side(theta), side(-theta))
        } else {
            let p = Probability::from_lower(theta);
            (Side { p: p.lower(), ln: p.ln_lower() }, Side { p: p.upper(), ln: p.ln_upper() })
        };
        let rare = p.p.min(q.p);
        // A probability is in its domain: there is no other error.
        let rarer = [trials, trials - 1].map(|n| {
            rand_distr::Binomial::new(n, rare).unwrap_or_else(|_| unreachable!("{rare} is a probability"))
        });
        BinomialLaw { trials: trials as f64, p, q, by_logits: self.by_logits, rarer }
    }

    fn check_same(&self, other: &Self) -> Result<(), Error> {
        match self.trials.iter().zip(&other.trials).find(|(a, b)| a != b) {
            None => Ok(()),
            Some((_, &value)) => {
                let expected = "the trials of the other distribution";
                Err(Error::Option { option: "trials", value: value as f64, expected })
            }
        }
    }
}

impl BinomialLaw {
    /// A count in all trials, or in all but the last.
    fn count<R: Rng + ?Sized>(&self, all: bool, rng: &mut R) -> f64 {
        let n = if all { self.trials } else { self.trials - 1.0 };
        let rarer = self.rarer[usize::from(!all)].sample(rng) as f64;
        if self.p.p <= self.q.p { rarer } else { n - rarer }
    }

    /// `dp/dθ`.
    fn slope(&self) -> f64 {
        if self.by_logits { self.p.p * self.q.p } else { 1.0 }
    }

    /// `p − p′` of two laws, from the sides that have the digits.
    fn excess(&self, other: &Self) -> f64 {
        if self.p.p > 0.5 && other.p.p > 0.5 { other.q.p - self.q.p } else { self.p.p - other.p.p }
    }
}

/// Where `np/k` is within this factor of 1, the log-probability is taken from the distance to the mode.
const NEAR: std::ops::Range<f64> = 0.1..10.0;

impl Side {
    /// `p ln(p/p′) + p′ − p`, without cancellation.
    fn divergence(self, other: Self) -> f64 {
        let ratio = other.p / self.p;
        if NEAR.contains(&ratio) {
            self.p * deviance(ratio)
        } else if self.p == 0.0 {
            other.p
        } else {
            self.p * (self.ln - other.ln) + other.p - self.p
        }
    }
}

impl<T: Real> CountLaw<T> for BinomialLaw {
    type Theta = [T; 1];

    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> T {
        T::of(self.count(true, rng))
    }

    fn ln_mass(&self, k: T) -> T {
        let (n, k) = (self.trials, k.f64());
        let rest = n - k;
        if rest < 0.0 {
            return T::neg_infinity();
        }
        let (tilt, tilt_rest) = (n * self.p.p / k, n * self.q.p / rest);
        T::of(if k == 0.0 {
            n * self.q.ln
        } else if rest == 0.0 {
            n * self.p.ln
        } else if NEAR.contains(&tilt) && NEAR.contains(&tilt_rest) {
            let corrections = stirling_remainder(n) - stirling_remainder(k) - stirling_remainder(rest);
            let width = 0.5 * (n / (std::f64::consts::TAU * k * rest)).ln();
            corrections + width - k * deviance(tilt) - rest * deviance(tilt_rest)
        } else {
            // Far from the mode nothing cancels.
            -(n + 1.0).ln() - ln_beta(k + 1.0, rest + 1.0) + k * self.p.ln + rest * self.q.ln
        })
    }

    fn score(&self, k: T) -> [T; 1] {
        let (k, rest) = (k.f64(), self.trials - k.f64());
        let by = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count / p };
        [T::of(match self.by_logits {
            true => k * self.q.p - rest * self.p.p,
            false => by(k, self.p.p) - by(rest, self.q.p),
        })]
    }

    fn mean(&self) -> T {
        T::of(self.trials * self.p.p)
    }

    fn variance(&self) -> T {
        T::of(self.trials * self.p.p * self.q.p)
    }

    fn kl(&self, other: &Self) -> T {
        T::of(self.trials * (self.p.divergence(other.p) + self.q.divergence(other.q)))
    }

    fn kl_gradient(&self, other: &Self) -> ([T; 1], [T; 1]) {
        let (slope, other_slope) = (self.slope(), other.slope());
        // The tilt of an impossible outcome counts nothing, however large.
        let tilt = (self.p.ln - other.p.ln) - (self.q.ln - other.q.ln);
        let own = if slope == 0.0 { 0.0 } else { self.trials * slope * tilt };
        let excess = other.excess(self);
        let others = if other.by_logits { excess } else { excess / (other.p.p * other.q.p) * other_slope };
        ([T::of(own)], [T::of(self.trials * others)])
    }
}

impl<T: Real> CountWeakDerivative<T> for BinomialLaw {
    fn weak_sides(coupling: Coupling) -> WeakSides {
        match coupling {
            Coupling::Coupled => WeakSides::AgainstDraw,
            Coupling::Independent => WeakSides::Pair,
        }
    }

    fn weak_pair<R: Rng + ?Sized>(&self, _: usize, coupling: Coupling, k: T, rng: &mut R) -> WeakPair<T> {
        let weight = T::of(self.trials * self.slope());
        match coupling {
            Coupling::Independent => {
                let (plus, minus) = (self.count(false, rng) + 1.0, self.count(false, rng));
                WeakPair::pair(T::of(plus), T::of(minus), weight)
            }
            // One of the n trials, which is a success in k of n cases, turned round.
            Coupling::Coupled if rng.random::<f64>() * self.trials < k.f64() => {
                WeakPair::against_draw(k - T::one(), -weight)
            }
            Coupling::Coupled => WeakPair::against_draw(k + T::one(), weight),
        }
    }
}
