//! The estimators, one a file: formula, bias, cost, when to use it, and the paper.

mod arm;
mod arms;
mod disarm;
mod enumerate;
mod gumbel_rao;
mod local_expectation;
mod measure_valued;
mod over;
mod pathwise;
mod pathwise_over;
mod rebar;
mod reinmax;
mod relax;
mod relaxing;
mod score_function;
mod score_function_over;
mod straight_through;
mod straight_through_gumbel_softmax;
mod sum_and_sample;

pub use arm::Arm;
pub use arms::Arms;
pub use disarm::DisArm;
pub use enumerate::Enumerate;
pub use gumbel_rao::GumbelRao;
pub use local_expectation::LocalExpectation;
pub use measure_valued::MeasureValued;
pub use pathwise::Pathwise;
pub use pathwise_over::PathwiseOver;
pub use rebar::Rebar;
pub use reinmax::ReinMax;
pub use relax::{QuadraticSurrogate, Relax, Surrogate};
pub use score_function::{Baseline, ScoreFunction};
pub use score_function_over::ScoreFunctionOver;
pub use straight_through::StraightThrough;
pub use straight_through_gumbel_softmax::StraightThroughGumbelSoftmax;
pub use sum_and_sample::SumAndSample;
