//! Continuous relaxations of discrete draws.

pub(crate) mod binary_concrete;
pub(crate) mod concrete;
