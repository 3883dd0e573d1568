//! The distributions, one a file: parameters, transform, pullback, score, tests.

mod normal;

pub use normal::Normal;
