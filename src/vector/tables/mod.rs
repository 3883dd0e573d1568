//! Constants of the ziggurats, one law a file, made by `generate.py`.

pub(super) mod exponential;
pub(super) mod gumbel;
pub(super) mod logistic;
pub(super) mod normal;
