//! The weights of a mixture: a categorical's parameters, by logits or by probabilities.

use crate::layout::Domain;
use crate::real::Real;
use crate::special::log_sum_exp;

/// How the weights of a mixture are parameterised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weights {
    /// `w = softmax(l)`
    Logits,
    /// w themselves
    Probabilities,
}

impl Weights {
    /// Name and domain in the layout, for K components.
    pub(crate) fn part(self, components: usize) -> (&'static str, Domain) {
        match self {
            Self::Logits => ("logits", Domain::Real),
            Self::Probabilities => ("weights", Domain::Simplex(components)),
        }
    }

    /// Writes `ln w` of one row.
    pub(crate) fn ln<T: Real>(self, params: &[T], ln_weights: &mut [f64]) {
        for (ln, &x) in ln_weights.iter_mut().zip(params) {
            *ln = if self == Self::Logits { x.f64() } else { x.f64().ln() };
        }
        let whole = log_sum_exp(ln_weights);
        for ln in ln_weights {
            *ln -= whole;
        }
    }

    /// The derivative with respect to the parameter of a weight w, from that with respect to its
    /// logarithm in an unnormalised sum.
    pub(crate) fn chain(self, by_ln: f64, ln_weight: f64) -> f64 {
        match self {
            Self::Logits => by_ln,
            Self::Probabilities => by_ln * (-ln_weight).exp(),
        }
    }
}

/// Turns logarithms into shares that sum to 1, in place; returns `ln Σ e^x`. If all are −∞, all shares
/// are 0.
pub(crate) fn shares(x: &mut [f64]) -> f64 {
    let whole = log_sum_exp(x);
    for x in x {
        *x = if whole == f64::NEG_INFINITY { 0.0 } else { (*x - whole).exp() };
    }
    whole
}

/// Draws a component with the probability of its weight.
pub(crate) fn pick<R: rand::Rng + ?Sized>(ln_weights: &[f64], rng: &mut R) -> usize {
    let mut left = rand::RngExt::random::<f64>(rng);
    for (k, ln) in ln_weights.iter().enumerate() {
        left -= ln.exp();
        if left < 0.0 {
            return k;
        }
    }
    // Rounding: the sum of the weights was below the uniform. Returns the last component that can be
    // drawn.
    ln_weights.iter().rposition(|&ln| ln > -745.0).unwrap_or(0)
}
