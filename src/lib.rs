//! Gradients of expectations, `∇_θ E_{z ~ p_θ}[f(z)]`, from samples, with error bars.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod distribution;
pub mod distributions;
mod error;
mod estimate;
mod estimator;
pub mod estimators;
mod layout;
mod link;
mod node;
mod objective;
mod probability;
mod real;
mod schedule;
pub mod special;

pub use distribution::{
    Conditional, DifferentiableLogDensity, Distribution, Entropy, LogDensity, Reparameterizable,
};
pub use error::Error;
pub use estimate::{GradientEstimate, Moments, ParameterEstimate};
pub use estimator::{Block, BlockShape, GradientEstimator, Lesson};
pub use layout::{Domain, Layout, ParamRange};
pub use link::PositiveLink;
pub use node::StochasticNode;
pub use objective::{Batched, Differentiable, DifferentiableObjective, Objective};
pub use probability::Probability;
pub use real::Real;
pub use schedule::TemperatureSchedule;

/// Everything that a typical program needs: `use reparam::prelude::*;`.
pub mod prelude {
    pub use crate::distribution::{
        DifferentiableLogDensity, Distribution, Entropy, LogDensity, Reparameterizable,
    };
    pub use crate::distributions::*;
    pub use crate::error::Error;
    pub use crate::estimate::GradientEstimate;
    pub use crate::estimator::GradientEstimator;
    pub use crate::estimators::*;
    pub use crate::objective::{Batched, Differentiable, DifferentiableObjective, Objective};
}
