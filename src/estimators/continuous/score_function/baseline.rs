//! What a score-function estimator subtracts from the objective.

use crate::error::Error;
use crate::estimators::options::{check_decay, check_draws, check_finite};

/// A baseline b in `(f(z) − b) ∇_θ log p_θ(z)`. It never depends on the draw that it is subtracted from, so
/// every one of these is unbiased.
///
/// | baseline | evaluations per gradient sample | memory | when |
/// | --- | --- | --- | --- |
/// | [`None`](Self::None) | 1 | none | to see what a baseline gains |
/// | [`Constant`](Self::Constant) | 1 | none | `E[f]` is known |
/// | [`MovingAverage`](Self::MovingAverage) | 1 | one number | in a training loop with an expensive f |
/// | [`LeaveOneOut`](Self::LeaveOneOut) | K | none | the default choice: no tuning, nothing to warm up |
/// | [`PerParameter`](Self::PerParameter) | 1 | none | the best constants are known |
/// | [`Optimal`](Self::Optimal) | 1 | one number per parameter | parameters of very different scales |
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Baseline {
    /// Nothing is subtracted.
    #[default]
    None,
    /// A constant for all parameters.
    Constant(f64),
    /// An exponential moving average of the objective over the *earlier* calls,
    /// `b ← decay · b + (1 − decay) · mean of f in the call`, updated after use. The first call subtracts
    /// nothing, and starts the average with its own mean.
    MovingAverage {
        /// How much of the old average is kept at each call, in [0, 1).
        decay: f64,
    },
    /// The mean of the other draws of a group: a gradient sample is `1/(K − 1) Σ (fₖ − f̄) sₖ` over K ≥ 2
    /// draws, whose variance counts as that of one sample with K evaluations.
    LeaveOneOut {
        /// K, the number of draws per gradient sample.
        draws: usize,
    },
    /// A constant for each parameter, in the order of the layout.
    PerParameter(Vec<f64>),
    /// The constant of least variance for each parameter, `bᵢ = E[f sᵢ²] / E[sᵢ²]` (Greensmith, Bartlett &
    /// Baxter 2004), from the draws of the call *before*. The first call subtracts nothing.
    Optimal,
}

impl Baseline {
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Constant(b) => check_finite(&[*b]),
            Self::PerParameter(b) => check_finite(b),
            Self::MovingAverage { decay } => check_decay(*decay),
            Self::LeaveOneOut { draws } => check_draws(*draws),
            Self::None | Self::Optimal => Ok(()),
        }
    }
}
