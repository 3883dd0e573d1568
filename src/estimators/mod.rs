//! The estimators, one a file: formula, bias, cost, when to use it, and the paper.

mod pathwise;
mod score_function;

pub use pathwise::Pathwise;
pub use score_function::{Baseline, ScoreFunction};
