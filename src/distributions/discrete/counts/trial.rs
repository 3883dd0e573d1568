//! One trial that succeeds or fails, given by a logit or by a probability; the binomial, geometric and
//! negative binomial counts are made of such trials.

use crate::probability::Probability;
use crate::special::{deviance, ln_beta, log_sigmoid, sigmoid, stirling_remainder};

/// A trial: success with probability p, failure with probability q.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trial {
    pub(super) p: Side,
    pub(super) q: Side,
    pub(super) by_logits: bool,
}

/// Success or failure: its probability and the logarithm of that, each exact where it is small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Side {
    pub(super) p: f64,
    pub(super) ln: f64,
}

/// Where `np/k` is within this factor of 1, the log-probability is computed from the distance to the
/// mode.
const NEAR: std::ops::Range<f64> = 0.1..10.0;

impl Trial {
    /// From a logit or a probability of success.
    pub(super) fn new(theta: f64, by_logits: bool) -> Self {
        let (p, q) = if by_logits {
            let side = |l: f64| Side { p: sigmoid(l), ln: log_sigmoid(l) };
            (side(theta), side(-theta))
        } else {
            let p = Probability::from_lower(theta);
            (Side { p: p.lower(), ln: p.ln_lower() }, Side { p: p.upper(), ln: p.ln_upper() })
        };
        Self { p, q, by_logits }
    }

    /// `dp/dθ`.
    pub(super) fn slope(&self) -> f64 {
        if self.by_logits { self.p.p * self.q.p } else { 1.0 }
    }

    /// `p − p′` of two trials, from the more accurate sides.
    pub(super) fn excess(&self, other: &Self) -> f64 {
        if self.p.p > 0.5 && other.p.p > 0.5 { other.q.p - self.q.p } else { self.p.p - other.p.p }
    }

    /// `q/p`, the odds of failure.
    pub(super) fn failures_a_success(&self) -> f64 {
        // In logarithms where one side has no digits left.
        let ratio = self.q.p / self.p.p;
        if ratio > 1e-300 && ratio.is_finite() { ratio } else { (self.q.ln - self.p.ln).exp() }
    }

    /// `KL(p ‖ p′)` of one trial.
    pub(super) fn kl(&self, other: &Self) -> f64 {
        self.p.divergence(other.p) + self.q.divergence(other.q)
    }

    /// `ln Γ(n + 1)/(Γ(k + 1) Γ(m + 1)) pᵏ qᵐ` for `n = k + m` and k, m ≥ 0, whole or not.
    pub(super) fn log_mass(&self, n: f64, k: f64, m: f64) -> f64 {
        let (tilt, tilt_rest) = (n * self.p.p / k, n * self.q.p / m);
        if k == 0.0 {
            n * self.q.ln
        } else if m == 0.0 {
            n * self.p.ln
        } else if k.min(m) > 1e-3 && NEAR.contains(&tilt) && NEAR.contains(&tilt_rest) {
            let corrections = stirling_remainder(n) - stirling_remainder(k) - stirling_remainder(m);
            let width = 0.5 * (n / (std::f64::consts::TAU * k * m)).ln();
            corrections + width - k * deviance(tilt) - m * deviance(tilt_rest)
        } else {
            // Far from the mode, and below one count, nothing cancels.
            -(n + 1.0).ln() - ln_beta(k + 1.0, m + 1.0) + k * self.p.ln + m * self.q.ln
        }
    }
}

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

/// Declares a family of counts whose last parameter is the probability of success, given by its logit or
/// as a probability; with one parameter before it, or none.
macro_rules! family_of_trials {
    (
        $(#[$meta:meta])*
        pub $name:ident, $family:ident;
        theta: $theta:ty;
        $($parameter:ident: $domain:ident $doc:literal;)?
    ) => {
        $(#[$meta])*
        pub type $name<T> = super::Counts<T, $family>;

        #[doc = concat!("The scalar family behind [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $family {
            by_logits: bool,
        }

        impl<T: $crate::Real> $name<T> {
            /// From one slice per parameter, one value per coordinate, in this order:
            ///
            $(#[doc = concat!("- `", stringify!($parameter), "`: ", $doc)])?
            /// - `logits`: The logits of success.
            ///
            /// # Errors
            /// [`Error::EmptySupport`](crate::Error::EmptySupport) without coordinates,
            /// [`Error::Length`](crate::Error::Length) if the lengths differ,
            /// [`Error::NonFiniteParameter`](crate::Error::NonFiniteParameter), and
            /// [`Error::ParameterDomain`](crate::Error::ParameterDomain) for a value outside its domain.
            pub fn from_logits($($parameter: &[T],)? logits: &[T]) -> Result<Self, $crate::Error> {
                Self::from_family($family { by_logits: true }, &[$($parameter,)? logits])
            }

            /// From probabilities of success, strictly between 0 and 1, instead of their logits.
            ///
            /// # Errors
            /// Those of [`from_logits`](Self::from_logits).
            pub fn from_probs($($parameter: &[T],)? probs: &[T]) -> Result<Self, $crate::Error> {
                Self::from_family($family { by_logits: false }, &[$($parameter,)? probs])
            }
        }

        impl<T: $crate::Real> $crate::distributions::Family<T> for $family {
            type Theta = $theta;

            fn parameters(&self) -> &'static [(&'static str, $crate::Domain)] {
                use $crate::Domain;
                if self.by_logits {
                    &[$((stringify!($parameter), Domain::$domain),)? ("logits", Domain::Real)]
                } else {
                    &[$((stringify!($parameter), Domain::$domain),)? ("probs", Domain::UnitInterval)]
                }
            }
        }
    };
}

pub(super) use family_of_trials;
