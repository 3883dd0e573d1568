//! The estimators, one a file: formula, bias, cost, when to use it, and the paper.

mod measure_valued;
mod over;
mod pathwise;
mod pathwise_over;
mod score_function;
mod score_function_over;

pub use measure_valued::MeasureValued;
pub use pathwise::Pathwise;
pub use pathwise_over::PathwiseOver;
pub use score_function::{Baseline, ScoreFunction};
pub use score_function_over::ScoreFunctionOver;
