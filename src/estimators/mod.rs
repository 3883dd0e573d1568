//! The estimators, one a file: formula, bias, cost, when to use it, and the paper.

mod arm;
mod arms;
mod disarm;
mod enumerate;
mod local_expectation;
mod measure_valued;
mod over;
mod pathwise;
mod pathwise_over;
mod score_function;
mod score_function_over;
mod smoothed_perturbation;
mod sum_and_sample;
mod unordered_set;
mod vimco;

pub use arm::Arm;
pub use arms::Arms;
pub use disarm::DisArm;
pub use enumerate::Enumerate;
pub use local_expectation::LocalExpectation;
pub use measure_valued::MeasureValued;
pub use pathwise::Pathwise;
pub use pathwise_over::PathwiseOver;
pub use score_function::{Baseline, ScoreFunction};
pub use score_function_over::ScoreFunctionOver;
pub use smoothed_perturbation::SmoothedPerturbation;
pub use sum_and_sample::SumAndSample;
pub use unordered_set::UnorderedSet;
pub use vimco::{Vimco, WeightMean};
