//! Checks of hand-written derivatives and of estimators. This crate tests itself with them, and you can
//! test your own distributions, objectives and estimators.
//!
//! | question | check | answer |
//! | --- | --- | --- |
//! | is the pullback the derivative of the transform? | [`pullback`] | [`Comparisons`] with differences |
//! | is an implicit pullback `−(∂F/∂θ)/p`? | [`implicit_pullback`] | the same |
//! | does the pullback's field transport the density? | [`continuity`] | the same |
//! | is the score the derivative of the log-density? | [`score`], [`log_prob_gradient`] | the same |
//! | are the gradients of entropy and divergence right? | [`entropy_gradient`], [`kl_gradient`] | the same |
//! | is the gradient of the objective right? | [`objective_gradient`] | the same |
//! | is the objective's explicit gradient in θ right? | [`parameter_gradient`] | the same |
//! | do draws and score belong together? | [`score_identities`]: `E s = 0`, `E s sᵀ = −E ∂s/∂θ` | [`Identities`] |
//! | do steps and terms add up, and does none look ahead? | [`steps`] | [`Comparisons`] with the sums |
//! | is an estimator unbiased? | [`UnbiasednessTest`] with both error rates | [`Unbiasedness`] |
//! | which of two estimators has the lower variance? | [`VarianceRatioTest`] | [`VarianceRatio`] with an interval |
//!
//! [`Comparisons`] hold one [`Comparison`] per number; the worst of those that are too far off is the
//! [`Mismatch`] of the error.
//!
//! All derivatives are taken in `f64`, by Ridders' extrapolated central differences, which say how far they
//! can be trusted. A comparison that a difference cannot decide is an error, not a success.
//!
//! ```
//! use reparam::prelude::*;
//! use reparam::verify;
//!
//! // A closure whose gradient has lost a factor.
//! let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
//!     if let Some(dz) = dz {
//!         dz[0] = z[0];
//!     }
//!     z[0] * z[0]
//! });
//! let mismatch = verify::objective_gradient(&f, &[3.0]).within(1e-7).unwrap_err();
//! assert_eq!(mismatch.to_string(), "z[0]: found 3e0, expected 6.0000000e0, relative error 5.0e-1");
//!
//! verify::pullback(&Gamma::from_rate(&[0.7], &[2.0])?, &[0.2], &[1.0])?.within(1e-7)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod comparison;
mod continuity;
mod derivatives;
mod differences;
mod identities;
mod steps;
mod unbiasedness;
mod variance_ratio;

pub use comparison::{Comparison, Comparisons, Mismatch};
pub use continuity::continuity;
pub use derivatives::{
    entropy_gradient, implicit_pullback, kl_gradient, log_prob_gradient, objective_gradient,
    parameter_gradient, pullback, score,
};
pub use identities::{Identities, score_identities};
pub use steps::steps;
pub use unbiasedness::{Unbiasedness, UnbiasednessTest};
pub use variance_ratio::{VarianceRatio, VarianceRatioTest};
