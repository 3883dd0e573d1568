//! Gradients of expectations, `∇_θ E_{z ~ p_θ}[f(z)]`, from samples, with error bars.
//!
//! A model that samples has a loss `L(θ) = E_{z ~ p_θ}[f(z)]`. Gradient descent needs `∇_θ L`, and the
//! sampling step hides it. This crate estimates that gradient, and says how good the estimate is. All
//! derivatives are written by hand: it needs no autodiff framework and fits under any of them.
//!
//! ```
//! use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
//! use reparam::prelude::*;
//!
//! // z ~ N(μ, σ²), f(z) = (z − 3)²: E f = (μ − 3)² + σ², so the gradient is (2(μ − 3), 2σ) = (−4, 1).
//! let normal = Normal::new(&[1.0], &[0.5])?;
//! let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
//!     if let Some(dz) = dz {
//!         dz[0] = 2.0 * (z[0] - 3.0);
//!     }
//!     (z[0] - 3.0).powi(2)
//! });
//! let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
//!
//! let pathwise = Pathwise.estimate(&normal, &f, 10_000, &mut rng)?;
//! let mut leave_one_out = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
//! let score = leave_one_out.estimate(&normal, &f, 10_000, &mut rng)?;
//!
//! for estimate in [&pathwise, &score] {
//!     let mu = estimate.get("mu").expect("a normal has a mu");
//!     assert!((mu.gradient[0] + 4.0).abs() < 4.0 * mu.standard_error[0]);
//! }
//! assert!(pathwise.variance_per_evaluation() < score.variance_per_evaluation());
//! # Ok::<(), reparam::Error>(())
//! ```
//!
//! # Which estimator
//!
//! | | [`Pathwise`](estimators::Pathwise) | [`ScoreFunction`](estimators::ScoreFunction) |
//! | --- | --- | --- |
//! | gradient sample | `(∂z/∂θ)ᵀ ∇f(z)` | `(f(z) − b) ∇_θ log p_θ(z)` |
//! | distribution | [`Reparameterizable`]: continuous | [`LogDensity`]: any whose support is fixed |
//! | objective | [`DifferentiableObjective`], continuous | [`Objective`], anything |
//! | variance | small, bounded by the slope of f | large; always use a [`Baseline`](estimators::Baseline) |
//!
//! Both are unbiased. What is not valid does not compile (a pathwise gradient through a Bernoulli), or is
//! refused by name (a score for the bound of a uniform). Discrete draws can be
//! [relaxed](distributions::GumbelSoftmax), which is biased and says so.
//!
//! Between the two stand estimators for jumps, counts, bits, categories, variational bounds and sequences
//! of decisions: the tables of [`estimators`] say what each needs and costs. All implement
//! [`GradientEstimator`] and are compared by
//! [`variance_per_evaluation`](GradientEstimate::variance_per_evaluation).
//!
//! # Pieces
//!
//! | | |
//! | --- | --- |
//! | [`distributions`] | each with its transform, pullback, log-density, score and entropy, in formulas |
//! | [`distribution`] | the traits behind them, for distributions of your own; [`scalar_family!`] declares a scalar one |
//! | [`estimators`] | the rules; one of your own is two methods of [`GradientEstimator`]: `shape` and `gradient_samples` |
//! | [`Estimate`], [`Engine`] | `estimate`, on every estimator; the same with buffers that are kept |
//! | [`GradientEstimate`] | gradient, variance, standard error and intervals, by parameter name; mergeable |
//! | [`Objective`] | f: a closure, a pair of closures, [`Differentiable`], [`Batched`]; [`Terms`] for a sum over steps, [`Parametric`] where f depends on θ itself |
//! | [`noise`] | antithetic pairs, scrambled Sobol points and common random numbers, for `Pathwise.over(…)` and its kin |
//! | [`bijections`] | invertible maps that push a distribution elsewhere, and normalizing flows |
//! | [`Unconstrained`](distributions::Unconstrained), [`Frozen`](distributions::Frozen) | parameters that any optimiser can walk on; parameters that stand still |
//! | [`StochasticNode`], [`EstimatorNode`] | a layer that samples, in somebody else's training loop: pathwise, or with any estimator |
//! | [`TemperatureSchedule`] | annealing of a relaxation |
//! | [`verify`] | checks of derivatives, bias and variance, for what you write yourself |
//! | [`special`], [`numerics`] | special functions with their derivatives and error bounds; helpers for families |
//! | [`prelude`] | what a program types |
//!
//! # Features
//!
//! None is on by default.
//!
//! - `rayon`: `par_estimate`, on every estimator and on [`Engine`], makes one estimate on many threads.
//! - `serde`: [`GradientEstimate`], [`Moments`] and [`Layout`] travel, are checked on arrival, and merge
//!   elsewhere.
//!
//! # Promises
//!
//! - The same seed gives the same bits, on one thread or many; a block of gradient samples has its own
//!   generator, seeded from the caller's.
//! - Memory does not grow with the number of samples.
//! - Errors are values: bad parameters, lengths and non-finite numbers give an [`Error`] that says which,
//!   where and what; a failed call changes nothing.
//! - Data are flat row-major slices, so any tensor library can lend its memory; `f32` and `f64`.
//! - Variances are those of *one gradient sample*, whatever number of evaluations it takes, so that
//!   [`variance_per_evaluation`](GradientEstimate::variance_per_evaluation) compares estimators fairly.
//!
//! Mohamed, Rosca, Figurnov & Mnih, "Monte Carlo Gradient Estimation in Machine Learning", JMLR 21 (2020),
//! arXiv:1906.10652, is the survey of the field.

#![warn(missing_docs)]
#![forbid(unsafe_code)]
// On docs.rs, which builds with a nightly compiler, everything behind a feature carries the name of its
// feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod bijections;
mod bijector;
pub mod distribution;
pub mod distributions;
mod engine;
mod error;
mod estimate;
mod estimator;
pub mod estimators;
mod layout;
mod linalg;
mod node;
pub mod noise;
pub mod numerics;
mod objective;
mod probability;
mod real;
mod schedule;
pub mod scratch;
mod shifted_sums;
pub mod special;
mod vector;
pub mod verify;

pub use bijector::PositiveBijector;
pub use distribution::{
    Bits, Categories, Conditional, Coupling, DifferentiableLogDensity, Distribution, Draws, DrawsMut,
    Entropy, FiniteFactors, FiniteSupport, Jump, KlDivergence, LogDensity, MeanVariance, Relaxable,
    Reparameterizable, Sequential, UniformNoise, WeakDerivative, WeakPair, WeakSides,
};
pub use engine::{Engine, Estimate};
pub use error::Error;
pub use estimate::{GradientEstimate, Moments, ParameterEstimate};
pub use estimator::{Block, BlockRng, BlockShape, ExplicitGradient, GradientEstimator, Statistics};
pub use layout::{Domain, Layout, ParamRange};
pub use node::{EstimatorNode, RecordedObjective, StochasticNode};
pub use noise::NoiseSource;
pub use objective::{
    Additive, Batched, Differentiable, DifferentiableObjective, Evaluator, Objective, Parametric, Terms,
};
pub use probability::Probability;
pub use real::Real;
pub use schedule::TemperatureSchedule;

/// What a typical program types: `use reparam::prelude::*;`.
///
/// All distributions and estimators are here by name, with baselines, noise sources and wrappers of
/// objectives. The traits of a distribution come without a name: their methods can be called, and
/// `use rand::prelude::*;` beside this one hides none of them. A bound names the trait itself,
/// `reparam::LogDensity`. Families, maps and other parts are in [`distributions`], [`estimators`] and
/// [`bijections`].
pub mod prelude {
    pub use crate::distribution::{
        Bits as _, Categories as _, Conditional as _, DifferentiableLogDensity as _, Distribution as _,
        Entropy as _, FiniteFactors as _, FiniteSupport as _, Jump as _, KlDivergence as _, LogDensity as _,
        MeanVariance as _, Relaxable as _, Reparameterizable as _, Sequential as _, UniformNoise as _,
        WeakDerivative as _,
    };
    pub use crate::distributions::{
        Bernoulli, Beta, BinaryConcrete, Binomial, BitChain, Categorical, Cauchy, ChiSquared,
        ConditionalBernoulli, Dirichlet, ExpConcrete, Exponential, Frechet, Frozen, Gamma, GaussianMixture,
        Geometric, Gompertz, Gumbel, GumbelSoftmax, HalfCauchy, HalfNormal, InverseGamma, InverseGaussian,
        Kumaraswamy, Laplace, LogGamma, LogLogistic, LogNormal, Logistic, LogitBeta, LogitNormal,
        LowRankNormal, Mixture, MultivariateNormal, MultivariateStudentT, NegativeBinomial, Normal, Pareto,
        PlackettLuce, Poisson, Product, SoftplusNormal, StudentT, Subsets, Transformed, Triangular,
        TruncatedNormal, Unconstrained, Uniform, VonMises, Weibull,
    };
    pub use crate::engine::{Engine, Estimate as _};
    pub use crate::error::Error;
    pub use crate::estimate::GradientEstimate;
    pub use crate::estimator::GradientEstimator;
    pub use crate::estimators::{
        Arm, Arms, Baseline, DisArm, DisArmSticks, DoubleControl, Elbo, Enumerate, GumbelRao,
        ImportanceWeighted, LocalExpectation, MeasureValued, Pathwise, Rebar, ReinMax, Relax, RewardToGo,
        ScoreFunction, SmoothedPerturbation, StepBaseline, StraightThrough, StraightThroughGumbelSoftmax,
        SumAndSample, UnorderedSet, Vimco,
    };
    pub use crate::node::{EstimatorNode, StochasticNode};
    pub use crate::noise::{Antithetic, Independent, Replay, ScrambledSobol};
    pub use crate::objective::{
        Additive as _, Batched, Differentiable, DifferentiableObjective, Objective, Parametric, Terms,
    };
}
