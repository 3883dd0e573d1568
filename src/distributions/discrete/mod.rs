//! Bits, categories, counts, rankings and subsets.

pub(crate) mod bernoulli;
pub(crate) mod bit_chain;
pub(crate) mod categorical;
pub(crate) mod counts;
pub(crate) mod subsets;
