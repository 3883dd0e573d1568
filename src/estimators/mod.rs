//! The estimators, one a file: formula, bias, cost, when to use it, and the paper.

mod biased;
mod bits;
mod bounds;
mod categories;
mod continuous;
mod options;

pub use biased::gumbel_rao::GumbelRao;
pub use biased::reinmax::ReinMax;
pub use biased::straight_through::StraightThrough;
pub use biased::straight_through_gumbel_softmax::StraightThroughGumbelSoftmax;
pub use bits::arm::Arm;
pub use bits::arms::Arms;
pub use bits::disarm::DisArm;
pub use bits::double_control::DoubleControl;
pub use bits::rebar::Rebar;
pub use bits::relax::{ConditionalNoise, QuadraticSurrogate, Relax, Surrogate};
pub use bounds::elbo::{Analytic, Elbo, EntropyTerm, Sampled, StickingTheLanding};
pub use bounds::importance_weighted::ImportanceWeighted;
pub use bounds::vimco::{Vimco, WeightMean};
pub use categories::disarm_sticks::DisArmSticks;
pub use categories::enumerate::Enumerate;
pub use categories::local_expectation::LocalExpectation;
pub use categories::smoothed_perturbation::SmoothedPerturbation;
pub use categories::sum_and_sample::SumAndSample;
pub use categories::unordered_set::UnorderedSet;
pub use continuous::measure_valued::MeasureValued;
pub use continuous::over::{DrawRule, Over};
pub use continuous::pathwise::Pathwise;
pub use continuous::reward_to_go::{NoValue, RewardToGo, StepBaseline, StepValue};
pub use continuous::score_function::{Baseline, ScoreFunction};
