//! Distributions made of distributions, and those on a simplex.

pub(crate) mod dirichlet;
pub(crate) mod mixture;
pub(crate) mod product;
pub(crate) mod split;
pub(crate) mod weights;
